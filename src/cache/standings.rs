//! What is known of the authenticity of whole zones: their keys, or that they have none.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::store::{Entry, Held, Store};
use crate::dns::{EdeCode, Name, Ttl};
use crate::dnssec::{Bogus, ZoneKeys};

/// The shortest time a standing is kept.
const SHARING: Duration = Duration::from_secs(1);
/// A zone's place in the tree is doubted at most once in this time.
const BETWEEN_DOUBTS: Duration = Duration::from_secs(1);

/// How a zone stands with whoever validates.
#[derive(Clone, Debug)]
pub enum Standing {
    /// These keys speak for it.
    Secure(ZoneKeys),
    /// Nobody can vouch for it, and nobody claims to; perhaps because of something worth telling.
    Insecure(Option<EdeCode>),
    /// It should be signed, and is not as it should.
    Bogus(Arc<Bogus>),
}

/// A standing, whose it is and until when.
struct Kept {
    zone: Name,
    standing: Standing,
    expires: Instant,
}

impl Entry for Arc<Kept> {
    fn is_for(&self, key: &[u8]) -> bool {
        self.zone.wire().eq_ignore_ascii_case(key)
    }

    fn octets(&self) -> usize {
        let more = match &self.standing {
            Standing::Secure(keys) => keys.octets(),
            Standing::Insecure(_) => 0,
            Standing::Bogus(_) => size_of::<Bogus>(),
        };
        size_of::<Kept>() + 16 + more
    }
}

/// The cache of standings.
pub struct Standings {
    store: Store<Arc<Kept>>,
    /// Zones whose place in the tree was doubted a moment ago.
    doubts: Store<Arc<Kept>>,
    longest: Ttl,
}

impl Standings {
    /// An empty cache for at most `capacity` octets; nothing is kept for longer than `longest`.
    pub fn new(capacity: u64, longest: Ttl, seed: u64) -> Self {
        let for_doubts = capacity / 8;
        Self { store: Store::new(capacity - for_doubts, seed), doubts: Store::new(for_doubts, seed), longest }
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        [self.store.held(), self.doubts.held()].into_iter().sum()
    }

    /// How `zone` stands, if that is known.
    pub fn find(&self, zone: &Name, now: Instant) -> Option<Standing> {
        self.store.get(&zone.key()).filter(|kept| now < kept.expires).map(|kept| kept.standing.clone())
    }

    /// Whether it may be asked again where `zone` is: true once a second for each, so that zones which are broken for good
    /// do not keep their parents busy.
    pub fn may_doubt(&self, zone: &Name, now: Instant) -> bool {
        let key = zone.key();
        if self.doubts.get(&key).is_some_and(|kept| now < kept.expires) {
            return false;
        }
        let standing = Standing::Insecure(None);
        self.doubts.insert(&key, Arc::new(Kept { zone: zone.clone(), standing, expires: now + BETWEEN_DOUBTS }));
        true
    }

    /// Forgets that `zone` must not be believed, if that is how it stands.
    pub fn forgive(&self, zone: &Name) {
        let key = zone.key();
        if self.store.get(&key).is_some_and(|kept| matches!(kept.standing, Standing::Bogus(_))) {
            self.store.remove(&key);
        }
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.store.clear();
    }

    /// For how long it will be known how `zone` stands.
    pub fn left(&self, zone: &Name, now: Instant) -> Ttl {
        let kept = self.store.get(&zone.key());
        let left = kept.map_or(Duration::ZERO, |kept| kept.expires.saturating_duration_since(now));
        Ttl::from_secs(u32::try_from(left.as_secs()).unwrap_or(u32::MAX))
    }

    /// Remembers how `zone` stands, for `ttl` at most.
    pub fn insert(&self, zone: &Name, standing: Standing, ttl: Ttl, now: Instant) {
        // Even what is gone at once is shared by those who need it in this moment.
        let ttl = ttl.min(self.longest).duration().max(SHARING);
        self.store.insert(&zone.key(), Arc::new(Kept { zone: zone.clone(), standing, expires: now + ttl }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::RecordType;
    use crate::dnssec::Reason;
    use crate::world::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_standing_is_known_for_as_long_as_it_is_said_to_be() {
        let standings = Standings::new(1 << 20, Ttl::from_secs(3600), 1);
        let (zone, now) = (Name::root(), Clock::at(Duration::ZERO).now());
        standings.insert(&zone, Standing::Insecure(None), Ttl::from_secs(60), now);
        let later = now + Duration::from_secs(45);
        assert_eq!(standings.left(&zone, later), Ttl::from_secs(15));
        let end = now + Duration::from_secs(60);
        assert!(standings.find(&zone, later).is_some() && standings.find(&zone, end).is_none());
        assert_eq!(standings.left(&zone, end), Ttl::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_zone_is_doubted_once_a_second_and_forgiven_only_what_was_held_against_it() {
        let standings = Standings::new(1 << 20, Ttl::from_secs(3600), 1);
        let (zone, now) = ("t1".parse::<Name>().unwrap(), Clock::at(Duration::ZERO).now());
        let other = "t2".parse::<Name>().unwrap();
        let at = |milliseconds| now + Duration::from_millis(milliseconds);
        let asked = [0, 1, 999, 1000, 1999].map(|milliseconds| standings.may_doubt(&zone, at(milliseconds)));
        assert_eq!((asked, standings.may_doubt(&other, now)), ([true, false, false, true, false], true));

        let bogus = Bogus { reason: Reason::KeyMissing, name: zone.clone(), rtype: RecordType::DNSKEY };
        for (standing, stays) in [(Standing::Bogus(Arc::new(bogus)), false), (Standing::Insecure(None), true)] {
            standings.insert(&zone, standing, Ttl::from_secs(60), now);
            standings.forgive(&zone);
            assert_eq!(standings.find(&zone, now).is_some(), stays);
        }
        standings.clear();
        assert!(standings.find(&zone, now).is_none());
    }
}

//! Zones and server names that led nowhere a moment ago: no server of the zone has an address, the name has none.
//!
//! Remembered like failures (RFC 9520 §3.2), for a second at first and `limits.barren-longest` at most, or five seconds when
//! it was not found out. Without it every other name of a zone whose delegations lead in a circle (TsuNAME) or nowhere
//! (NXNSAttack) would be walked for anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use super::{ResolveError, Resolver};
use crate::cache::{Failures, Held};
use crate::dns::{Name, Question, RecordType};
use crate::job::{Job, Limits};

/// What led nowhere.
pub(super) struct Barren {
    known: Failures<ResolveError>,
    /// Whether anything ever was: mostly nothing is, and then nothing is looked for.
    any: AtomicBool,
}

impl Barren {
    /// Nothing known, and never more than `capacity` octets.
    pub(super) fn new(capacity: u64, seed: u64, limits: &Arc<Limits>) -> Self {
        Self { known: Failures::new(capacity, seed, limits), any: AtomicBool::new(false) }
    }

    /// What it holds.
    pub(super) fn held(&self) -> Held {
        self.known.held()
    }

    /// The zone at or above `name`, but not above `apex`, that has no server with an address, if there is one, and why.
    pub(super) fn zone(&self, name: &Name, apex: &Name, now: Instant) -> Option<(Name, ResolveError)> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut zones = name.ancestors().take_while(|zone| zone.is_in(apex));
        zones.find_map(|zone| self.known.find(&key(&zone, RecordType::NS), now).map(|failed| (zone, failed.reason)))
    }

    /// No server of `zone` has an address, or none that could be found out.
    pub(super) fn found_zone(&self, zone: &Name, why: &ResolveError, now: Instant) {
        self.insert(&key(zone, RecordType::NS), why.clone(), now);
    }

    /// Whether `host` had no address a moment ago.
    pub(super) fn is_host(&self, host: &Name, now: Instant) -> bool {
        self.any.load(Ordering::Relaxed) && self.known.find(&key(host, RecordType::A), now).is_some()
    }

    /// `host` has no address.
    pub(super) fn found_host(&self, host: &Name, now: Instant) {
        self.insert(&key(host, RecordType::A), ResolveError::NoAddress { zone: host.clone() }, now);
    }

    fn insert(&self, key: &Question, why: ResolveError, now: Instant) {
        self.any.store(true, Ordering::Relaxed);
        self.known.insert(key, why, now);
    }
}

impl Resolver {
    /// Remembers the zone at which `question` failed, if it led nowhere. Whoever has an alias of a name in it may have taken
    /// the time or the packets that were missing: that says nothing of the zone.
    pub(super) fn note_barren(&self, question: &Question, error: &ResolveError, job: &Job) {
        match error {
            ResolveError::NoAddress { zone } => self.barren.found_zone(zone, error, job.now()),
            ResolveError::AddressUnknown { zone, .. } if question.name.is_in(zone) => {
                self.barren.found_zone(zone, error, job.now());
            }
            _ => {}
        }
    }

    /// An error when a zone on the way to `question`, from the cut at `apex` down, has no servers.
    pub(super) fn pass_if_barren(&self, question: &Question, apex: &Name, job: &Job) -> Result<(), ResolveError> {
        match self.barren.zone(&question.name, apex, job.now()) {
            // What is above the cut is not asked of the zone's own servers.
            Some((zone, why)) if !(question.rtype.is_parent_side() && zone == question.name) => {
                Err(ResolveError::Remembered(Box::new(why)))
            }
            _ => Ok(()),
        }
    }
}

fn key(name: &Name, rtype: RecordType) -> Question {
    Question::new(name.clone(), rtype)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::LimitName;
    use crate::world::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_zone_is_known_to_all_names_below_it_but_not_past_a_cut() {
        let limits = Arc::new(Limits::default());
        let (barren, clock) = (Barren::new(1 << 20, 0, &limits), Clock::at(Duration::ZERO));
        let name = |text: &str| text.parse::<Name>().unwrap();
        let zone = |asked: &str, apex: &str| barren.zone(&name(asked), &name(apex), clock.now()).map(|(zone, _)| zone);
        assert_eq!(zone("www.evil.example", "."), None);
        let none = ResolveError::NoAddress { zone: name("evil.example") };
        barren.found_zone(&name("evil.example"), &none, clock.now());
        assert_eq!(zone("www.evil.example", "."), Some(name("evil.example")));
        assert_eq!(zone("evil.example", "example"), Some(name("evil.example")));
        assert_eq!(zone("example", "."), None);
        assert_eq!(zone("www.sub.evil.example", "sub.evil.example"), None, "a cut below it is known, with addresses");
        assert!(!barren.is_host(&name("evil.example"), clock.now()), "a host is something else");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(zone("www.evil.example", "."), None);
        for _ in 0..10 {
            barren.found_host(&name("ns.example"), clock.now());
        }
        assert!(limits.times(LimitName::BarrenLongest) > 0);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(barren.is_host(&name("ns.example"), clock.now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!barren.is_host(&name("ns.example"), clock.now()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_found_out_in_time_is_remembered_for_seconds() {
        let limits = Arc::new(Limits::default());
        let (barren, clock) = (Barren::new(1 << 20, 0, &limits), Clock::at(Duration::ZERO));
        let zone: Name = "late.example".parse().unwrap();
        let cause = Box::new(ResolveError::Deadline { zone: Name::root() });
        let late = ResolveError::AddressUnknown { zone: zone.clone(), cause };
        for _ in 0..10 {
            barren.found_zone(&zone, &late, clock.now());
        }
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(barren.zone(&zone, &Name::root(), clock.now()), Some((zone.clone(), late)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(barren.zone(&zone, &Name::root(), clock.now()), None);
    }
}

//! RRsets and denials by owner and type, ranked by credibility (RFC 2181 §5.4.1).
//!
//! Glue and the NS sets of referrals are not here: they live with their zone cut and answer no client.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use super::fact::{Fact, Told};
use super::piece::{Beginning, Moment};
use super::store::{Held, Store};
use super::{Settings, key_of};
use crate::dns::{Denial, Name, Outcome, RecordType, RrSet, Security, Ttl};

/// Denials of a whole name are kept under this type, which no record has.
pub(super) const ANY_TYPE: RecordType = RecordType(0);

/// How far a fact can be believed; more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// From the answer section of a reply without AA.
    Answer,
    /// From an authoritative reply.
    Authoritative,
}

/// The cache of RRsets and denials.
pub struct RrSets {
    pub(super) store: Store<Fact>,
    pub(super) beginning: Beginning,
    min_ttl: Ttl,
    max_ttl: Ttl,
    max_negative_ttl: Ttl,
    /// Whether anything was ever checked for authenticity.
    checked: AtomicBool,
}

impl RrSets {
    /// An empty cache with its share of `settings.size`.
    pub fn new(settings: &Settings, seed: u64) -> Self {
        Self {
            store: Store::new(settings.share(47), seed),
            beginning: Beginning::default(),
            min_ttl: settings.min_ttl,
            max_ttl: settings.max_ttl,
            max_negative_ttl: settings.max_negative_ttl,
            checked: AtomicBool::new(false),
        }
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        self.store.held()
    }

    /// What is known about `name` and `rtype`: the RRset, that there is none, or that the name does not exist.
    pub fn find(&self, name: &Name, rtype: RecordType, now: Instant) -> Option<Outcome> {
        let now = self.beginning.moment(now);
        self.current(name, rtype, now).or_else(|| self.current(name, ANY_TYPE, now))?.at(now)
    }

    /// The RRset of `name` and `rtype`, if it is known.
    pub fn set(&self, name: &Name, rtype: RecordType, now: Instant) -> Option<RrSet> {
        let now = self.beginning.moment(now);
        self.current(name, rtype, now)?.set(now)
    }

    /// Whether `name` is known not to exist, and since when by whom.
    pub fn nonexistence(&self, name: &Name, now: Instant) -> Option<Denial> {
        let now = self.beginning.moment(now);
        match self.current(name, ANY_TYPE, now).filter(Fact::denies_name)?.at(now)? {
            Outcome::NxDomain(denial) => Some(denial),
            Outcome::Found(_) | Outcome::NoData(_) => None,
        }
    }

    /// Remembers an RRset and returns it with the TTL it will have.
    pub fn insert(&self, set: RrSet, rank: Rank, now: Instant) -> RrSet {
        let set = self.bounded_set(set);
        self.put(&set.owner, set.rtype, Told::Found(&set, rank), now);
        // What has data exists.
        self.forget_denial(&set.owner, set.security, now);
        set
    }

    /// Remembers that `name` has no data of `rtype` and returns the denial with the TTL it will have.
    pub fn insert_no_data(&self, name: &Name, rtype: RecordType, denial: Denial, now: Instant) -> Denial {
        let denial = self.bounded_denial(denial);
        self.put(name, rtype, Told::NoData(&denial), now);
        // What has no data of one type exists all the same.
        self.forget_denial(name, denial.security, now);
        denial
    }

    /// Remembers that `name` does not exist, and returns the denial with the TTL it will have.
    ///
    /// That is true for every type (RFC 2308 §5), but servers that know A records only deny whole names when asked for
    /// anything else (RFC 4074 §4.2). So a denial counts for all types when the question was for A, else for its own.
    pub fn insert_nonexistence(&self, name: &Name, asked: RecordType, denial: Denial, now: Instant) -> Denial {
        let denial = self.bounded_denial(denial);
        let rtype = if asked == RecordType::A { ANY_TYPE } else { asked };
        self.put(name, rtype, Told::NxDomain(&denial), now);
        denial
    }

    /// The same set with a TTL within bounds.
    pub fn bounded_set(&self, set: RrSet) -> RrSet {
        // What is signed ends with its signatures (RFC 4035 §5.3.3).
        let least = if set.security == Security::Secure { Ttl::ZERO } else { self.min_ttl };
        RrSet { ttl: set.ttl.max(least).min(self.max_ttl), ..set }
    }

    /// The same denial, its TTL and those of its records cut to what is allowed: a client must not keep it longer
    /// (RFC 2308 §3).
    pub fn bounded_denial(&self, denial: Denial) -> Denial {
        let ttl = denial.ttl.min(self.max_negative_ttl);
        denial.with_ttls(|own| own.min(ttl))
    }

    fn put(&self, name: &Name, rtype: RecordType, told: Told<'_>, now: Instant) {
        let (key, now) = (key_of(name, rtype), self.beginning.moment(now));
        let security = told.security();
        if security != Security::Unchecked {
            self.checked.store(true, Ordering::Relaxed);
        }
        if self.is_outdone(security, (name, rtype), now) {
            return;
        }
        let better = |old: Fact| {
            let less_authentic = security > old.security() && security == Security::Secure;
            let checked_now = security != Security::Unchecked && old.security() == Security::Unchecked;
            old.rank() > told.rank() && !less_authentic && !checked_now && old.is_current(now)
        };
        if told.rank() == Rank::Authoritative || !self.store.get(&key).is_some_and(better) {
            self.store.insert(&key, Fact::new(name, rtype, told, now));
        }
    }

    /// Whether what was checked stands against something of this `security`: nobody's word replaces it, whatever its rank
    /// (RFC 4035 §4.5), neither the fact itself nor that the name does not exist.
    fn is_outdone(&self, security: Security, (name, rtype): (&Name, RecordType), now: Moment) -> bool {
        let is_checked = |rtype| {
            let old = self.store.get(&key_of(name, rtype));
            old.is_some_and(|old| old.security() != Security::Unchecked && old.is_current(now))
        };
        let may_be = security == Security::Unchecked && self.checked.load(Ordering::Relaxed);
        may_be && (is_checked(rtype) || (rtype != ANY_TYPE && is_checked(ANY_TYPE)))
    }

    fn forget_denial(&self, name: &Name, security: Security, now: Instant) {
        if !self.is_outdone(security, (name, ANY_TYPE), self.beginning.moment(now)) {
            self.store.remove(&key_of(name, ANY_TYPE));
        }
    }

    fn current(&self, name: &Name, rtype: RecordType, now: Moment) -> Option<Fact> {
        self.store.get(&key_of(name, rtype)).filter(|fact| fact.is_current(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dns::Rdatas;
    use crate::world::Clock;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn set(owner: &str, rtype: RecordType, ttl: u32) -> RrSet {
        RrSet::new(name(owner), rtype, Ttl::from_secs(ttl), Rdatas::new([&[0u8; 24][..]]).unwrap())
    }

    fn rrsets() -> RrSets {
        let (min_ttl, max_ttl, max_negative_ttl) = (Ttl::ZERO, Ttl::from_secs(86_400), Ttl::from_secs(3600));
        RrSets::new(&Settings { size: 1 << 20, min_ttl, max_ttl, max_negative_ttl, serve_stale: None }, 0)
    }

    #[tokio::test(start_paused = true)]
    async fn every_record_of_a_denial_is_bounded_and_counts_down() {
        // RFC 2308 §3 and §5: proofs live no longer than the denial.
        let (rrsets, clock) = (rrsets(), Clock::at(Duration::ZERO));
        let mut soa = set("z", RecordType::SOA, 7200);
        soa.rdatas = Rdatas::new([&[0, 0, 0, 0, 0, 1, 0, 0][..]]).unwrap();
        let denial = Denial::new(Some(soa), vec![set("a.z", RecordType::NSEC, 90_000)], Ttl::ZERO);
        let told = rrsets.insert_nonexistence(&name("b.z"), RecordType::A, denial, clock.now());
        let ttls = |denial: &Denial| {
            let records = denial.soa.iter().chain(denial.proof.iter());
            records.map(|set| set.ttl.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(ttls(&told), [3600, 3600]);
        let later = clock.now() + Duration::from_secs(600);
        assert_eq!(ttls(&rrsets.nonexistence(&name("b.z"), later).unwrap()), [3000, 3000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_of_one_type_ends_that_of_the_name() {
        let (rrsets, clock) = (rrsets(), Clock::at(Duration::ZERO));
        let denial = || Denial::new(None, Vec::new(), Ttl::from_secs(60));
        rrsets.insert_nonexistence(&name("b.z"), RecordType::A, denial(), clock.now());
        rrsets.insert_no_data(&name("b.z"), RecordType::MX, denial(), clock.now());
        assert!(rrsets.find(&name("b.z"), RecordType::A, clock.now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_checked_gives_way_to_what_was_checked() {
        // RFC 4035 §4.5 before RFC 2181 §5.4.1: an unchecked word does not outrank a proof, from whatever section.
        let clock = Clock::at(Duration::ZERO);
        let (now, owner, txt) = (clock.now(), name("a.z"), RecordType::TXT);
        let of = |security, ttl| RrSet { security, ..set("a.z", txt, ttl) };
        let (unchecked, insecure, secure) = (Security::Unchecked, Security::Insecure, Security::Secure);
        for (old, new, replaced) in [
            ((unchecked, Rank::Authoritative), (secure, Rank::Answer), true),
            ((unchecked, Rank::Authoritative), (insecure, Rank::Answer), true),
            ((insecure, Rank::Authoritative), (secure, Rank::Answer), true),
            ((secure, Rank::Answer), (unchecked, Rank::Authoritative), false),
            ((insecure, Rank::Answer), (unchecked, Rank::Authoritative), false),
            ((secure, Rank::Authoritative), (insecure, Rank::Answer), false),
            ((secure, Rank::Authoritative), (secure, Rank::Answer), false),
            ((secure, Rank::Answer), (secure, Rank::Authoritative), true),
        ] {
            let rrsets = rrsets();
            rrsets.insert(of(old.0, 60), old.1, now);
            rrsets.insert(of(new.0, 50), new.1, now);
            let ttl = rrsets.set(&owner, txt, now).map(|set| set.ttl.as_secs());
            assert_eq!(ttl, Some(if replaced { 50 } else { 60 }), "{old:?} {new:?}");
            // When its TTL has passed, it stands in nobody's way.
            let later = now + Duration::from_secs(60);
            rrsets.insert(of(new.0, 50), new.1, later);
            assert_eq!(rrsets.set(&owner, txt, later).map(|set| set.ttl.as_secs()), Some(50));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_proof_that_a_name_does_not_exist_stands_against_unchecked_data() {
        let clock = Clock::at(Duration::ZERO);
        let (now, owner, txt) = (clock.now(), name("a.z"), RecordType::TXT);
        let denial = |security| Denial { security, ..Denial::new(None, Vec::new(), Ttl::from_secs(60)) };
        for (security, stays) in [(Security::Secure, true), (Security::Unchecked, false)] {
            let rrsets = rrsets();
            rrsets.insert_nonexistence(&owner, RecordType::A, denial(security), now);
            rrsets.insert(set("a.z", txt, 60), Rank::Authoritative, now);
            assert_eq!(rrsets.nonexistence(&owner, now).is_some(), stays);
            rrsets.insert_no_data(&owner, RecordType::MX, denial(Security::Unchecked), now);
            assert_eq!(rrsets.nonexistence(&owner, now).is_some(), stays);
            let found = rrsets.find(&owner, txt, now).map(|outcome| matches!(outcome, Outcome::NxDomain(_)));
            assert_eq!(found, Some(stays));
            rrsets.insert(RrSet { security: Security::Secure, ..set("a.z", txt, 60) }, Rank::Authoritative, now);
            assert_eq!((rrsets.nonexistence(&owner, now), rrsets.set(&owner, txt, now).is_some()), (None, true));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_believed_less_does_not_replace_what_is_believed_more() {
        // RFC 2181 §5.4.1, until the better one has expired.
        let (rrsets, clock) = (rrsets(), Clock::at(Duration::ZERO));
        let (now, owner) = (clock.now(), name("a.z"));
        rrsets.insert(set("a.z", RecordType::TXT, 60), Rank::Authoritative, now);
        rrsets.insert(set("a.z", RecordType::TXT, 600), Rank::Answer, now);
        assert_eq!(rrsets.set(&owner, RecordType::TXT, now).map(|set| set.ttl.as_secs()), Some(60));
        let later = now + Duration::from_secs(60);
        rrsets.insert(set("a.z", RecordType::TXT, 600), Rank::Answer, later);
        assert_eq!(rrsets.set(&owner, RecordType::TXT, later).map(|set| set.ttl.as_secs()), Some(600));
    }
}

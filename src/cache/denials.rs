//! What signed zones have proven not to exist: their NSEC and NSEC3 records in order (RFC 8198, RFC 9077).
//!
//! Only what was verified by itself may come in. Nothing is judged here: the records that speak of a name are found, and
//! `dnssec::denial` says what they prove. Those of opt-out are left out, for between them anything may be (RFC 5155 §6).

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::store::Held;
use crate::dns::{Name, Rdatas, RecordType, RrSet, Security, Ttl};
use crate::dnssec::denial::{Hash, Nsec, Nsec3, Parameters};
use crate::job::{LimitName, Limits, count};

/// Where a record stands in its zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At a name, in canonical order.
    Name(Name),
    /// At a hash of a name.
    Hash(Hash),
}

/// What the records of a zone are in the order of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Names: NSEC.
    Names,
    /// Hashes: NSEC3.
    Hashes {
        /// How often the first hash is hashed again.
        iterations: u16,
        /// What is appended before each hashing.
        salt: Arc<[u8]>,
    },
}

impl Order {
    fn of(parameters: &Parameters<'_>) -> Self {
        Self::Hashes { iterations: parameters.iterations, salt: parameters.salt.into() }
    }
}

/// Records with which a zone has proven something, each verified with its keys.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a> {
    /// The zone.
    pub apex: &'a Name,
    /// Its NSEC or NSEC3 records; none of them made from a wildcard. Only what is marked Secure is kept.
    pub sets: &'a [RrSet],
    /// Its SOA record, if it was among them.
    pub soa: Option<&'a RrSet>,
    /// How long all of them hold at most.
    pub ttl: Ttl,
}

/// A zone of which something is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenZone {
    /// Its name.
    pub apex: Name,
    /// Its SOA record, if that is known; the TTL is what is left.
    pub soa: Option<RrSet>,
    /// How its records are ordered.
    pub order: Order,
    life: u64,
}

/// The cache of denials.
pub struct Denials {
    zones: Mutex<Zones>,
    capacity: usize,
    longest: Ttl,
    limits: Arc<Limits>,
}

struct Zones {
    by_apex: BTreeMap<Name, Zone>,
    /// Who was used when; the first goes first.
    by_turn: BTreeMap<u64, Name>,
    last_turn: u64,
    octets: usize,
}

/// The records of one zone. One that changes how it denies begins a new life.
struct Zone {
    order: Order,
    soa: Option<Kept>,
    records: BTreeMap<Place, Kept>,
    octets: usize,
    turn: u64,
    life: u64,
    /// Where room was made last: it goes round, so that no part of the zone is favored.
    hand: Option<Place>,
}

struct Kept {
    set: RrSet,
    expires: Instant,
}

impl Denials {
    /// An empty cache for at most `capacity` octets; nothing is kept for longer than `longest`.
    pub fn new(capacity: u64, longest: Ttl, limits: &Arc<Limits>) -> Self {
        let zones = Zones { by_apex: BTreeMap::new(), by_turn: BTreeMap::new(), last_turn: 0, octets: 0 };
        let (zones, capacity) = (Mutex::new(zones), usize::try_from(capacity).unwrap_or(usize::MAX));
        Self { zones, capacity, longest, limits: Arc::clone(limits) }
    }

    /// Remembers what a zone has proven.
    pub fn insert(&self, proven: &Proven<'_>, now: Instant) {
        let Proven { apex, sets, soa, ttl } = *proven;
        let ttl = ttl.min(self.longest);
        let secure = |set: &&RrSet| set.security == Security::Secure;
        let readable = sets.iter().filter(secure).filter_map(|set| Some((read(set, apex)?, Kept::new(set, ttl, now)?)));
        let records: Vec<((Order, Place), Kept)> = readable.collect();
        let soa = soa.filter(|soa| soa.rtype == RecordType::SOA && soa.owner == *apex);
        let soa = soa.and_then(|soa| Kept::new(soa, ttl, now));
        let Some(((order, _), _)) = records.first() else { return };
        let order = order.clone();
        let mut zones = self.zones.lock();
        // One zone must not push out all the others.
        let zone = zones.zone_for_new(apex, &order);
        let before = zone.octets;
        if let Some(soa) = soa {
            zone.octets += soa.octets();
            zone.octets -= zone.soa.replace(soa).map_or(0, |old| old.octets());
        }
        for ((_, place), kept) in records.into_iter().filter(|((other, _), _)| *other == order) {
            zone.put(place, kept);
        }
        let most = count(self.limits.proofs_per_zone);
        if zone.records.len() > most {
            self.limits.count(LimitName::ProofsPerZone);
        }
        while (zone.octets > self.capacity / PARTS || zone.records.len() > most) && zone.make_room() {}
        let after = zone.octets;
        zones.octets = zones.octets + after - before;
        while zones.octets > self.capacity && zones.forget_oldest() {}
    }

    /// The deepest zone above or at `name` of which something is known.
    pub fn zone(&self, name: &Name, now: Instant) -> Option<ProvenZone> {
        let mut zones = self.zones.lock();
        let apex = name.ancestors().find(|above| zones.by_apex.contains_key(above))?;
        zones.take_turn(&apex);
        let zone = zones.by_apex.get(&apex)?;
        let soa = zone.soa.as_ref().and_then(|soa| soa.at(now));
        Some(ProvenZone { apex, soa, order: zone.order.clone(), life: zone.life })
    }

    /// The record at `place` of a zone, or else the last one before it; the TTL is what is left. It covers the place, or
    /// nothing that is known does.
    pub fn at_or_before(&self, zone: &ProvenZone, place: &Place, now: Instant) -> Option<RrSet> {
        let mut zones = self.zones.lock();
        let kept = zones.by_apex.get_mut(&zone.apex).filter(|kept| kept.life == zone.life)?;
        let before = kept.octets;
        let found = kept.at_or_before(place, now);
        let after = kept.octets;
        zones.octets = zones.octets + after - before;
        found
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        Held { entries: self.len(), octets: self.octets() as u64 }
    }

    /// Octets in use.
    pub fn octets(&self) -> usize {
        self.zones.lock().octets
    }

    /// Records held, SOA records aside.
    pub fn len(&self) -> usize {
        self.zones.lock().by_apex.values().map(|zone| zone.records.len()).sum()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Zones {
    /// The zone, ordered as it is now: what it proved in another order is forgotten.
    fn zone_for_new(&mut self, apex: &Name, order: &Order) -> &mut Zone {
        if self.by_apex.get(apex).is_some_and(|zone| zone.order != *order) {
            self.forget(apex);
        }
        self.take_turn(apex);
        let turn = self.last_turn;
        self.by_turn.insert(turn, apex.clone());
        self.by_apex.entry(apex.clone()).or_insert_with(|| {
            let octets = ZONE_OCTETS + 2 * heap_octets(apex);
            self.octets += octets;
            Zone { order: order.clone(), soa: None, records: BTreeMap::new(), octets, turn, life: turn, hand: None }
        })
    }

    fn take_turn(&mut self, apex: &Name) {
        self.last_turn += 1;
        let Some(zone) = self.by_apex.get_mut(apex) else { return };
        if let Some(apex) = self.by_turn.remove(&zone.turn) {
            self.by_turn.insert(self.last_turn, apex);
        }
        zone.turn = self.last_turn;
    }

    fn forget(&mut self, apex: &Name) {
        let Some(zone) = self.by_apex.remove(apex) else { return };
        self.by_turn.remove(&zone.turn);
        self.octets -= zone.octets;
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(apex) = self.by_turn.first_key_value().map(|(_, apex)| apex.clone()) else { return false };
        self.forget(&apex);
        true
    }
}

impl Zone {
    fn put(&mut self, place: Place, kept: Kept) {
        self.octets += kept.octets();
        self.octets -= self.records.insert(place, kept).map_or(0, |old| old.octets());
    }

    fn remove(&mut self, place: &Place) {
        self.octets -= self.records.remove(place).map_or(0, |kept| kept.octets());
    }

    /// Forgets the record behind the one that was forgotten last.
    fn make_room(&mut self) -> bool {
        let next = self.hand.as_ref().and_then(|hand| self.records.range(hand..).next());
        let Some(place) = next.or_else(|| self.records.first_key_value()).map(|(place, _)| place.clone()) else {
            return false;
        };
        self.remove(&place);
        self.hand = Some(place);
        true
    }

    fn at_or_before(&mut self, place: &Place, now: Instant) -> Option<RrSet> {
        // What has expired is in the way of what has not; each goes once.
        for _ in 0..MOST_EXPIRED {
            let before = self.records.range(..=place).next_back();
            // Hashes go round (RFC 5155 §3.1.7); before the first name of a zone, its apex, there is none.
            let (nearest, kept) = before.or_else(|| match place {
                Place::Hash(_) => self.records.last_key_value(),
                Place::Name(_) => None,
            })?;
            if let Some(set) = kept.at(now) {
                return Some(set);
            }
            let nearest = nearest.clone();
            self.remove(&nearest);
        }
        None
    }
}

impl Kept {
    /// A copy that shares no memory with a reply or another cache; `None` when it would be kept for no time.
    fn new(set: &RrSet, ttl: Ttl, now: Instant) -> Option<Self> {
        let ttl = set.ttl.min(ttl);
        let copy = |rdatas: &Rdatas| Rdatas::new(rdatas.iter()).ok();
        let (rdatas, signatures) = (copy(&set.rdatas)?, copy(&set.signatures)?);
        let new = RrSet::new(set.owner.clone(), set.rtype, ttl, rdatas);
        let set = RrSet { signatures, security: Security::Secure, ..new };
        (ttl > Ttl::ZERO).then(|| Self { set, expires: now + ttl.duration() })
    }

    fn at(&self, now: Instant) -> Option<RrSet> {
        let left = self.expires.saturating_duration_since(now).as_secs();
        let left = Ttl::from_secs(u32::try_from(left).unwrap_or(u32::MAX));
        (left > Ttl::ZERO).then(|| self.set.with_ttl(left))
    }

    /// Its place in a tree whose nodes are two thirds full, the name that is its place, and what lies elsewhere.
    fn octets(&self) -> usize {
        let in_tree = (size_of::<Place>() + size_of::<Self>()) * 3 / 2;
        let data = self.set.rdatas.octets() + self.set.signatures.octets() + 4 * size_of::<usize>();
        in_tree + 2 * heap_octets(&self.set.owner) + data
    }
}

/// What a name takes beyond its own size; short ones take nothing, and nobody counts on that.
fn heap_octets(name: &Name) -> usize {
    2 * size_of::<usize>() + name.wire().len()
}

/// Where the record of the zone `apex` stands, and in which order. `None` for what proves nothing alone.
fn read(set: &RrSet, apex: &Name) -> Option<(Order, Place)> {
    if let Some(nsec) = Nsec::read(set, apex) {
        return Some((Order::Names, Place::Name(nsec.owner.clone())));
    }
    let (nsec3, parameters) = Nsec3::read(set, apex)?;
    (!nsec3.opt_out).then(|| (Order::of(&parameters), Place::Hash(nsec3.owner)))
}

/// One zone may have one part of so many.
const PARTS: usize = 8;
/// The most records that one look-up throws away.
const MOST_EXPIRED: usize = 8;
/// What a zone takes besides its records, in two trees.
const ZONE_OCTETS: usize = (size_of::<Zone>() + 2 * size_of::<Name>() + 16) * 3 / 2;

#[cfg(test)]
mod tests;

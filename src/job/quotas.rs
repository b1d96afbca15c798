//! Work in flight for one zone, or at one server, and the quota on it.
//!
//! The quota shrinks while what is asked stays without reply and grows as replies come, so that a dead or slow zone holds
//! a few questions and a busy one that answers as many as it needs, up to a bound. Nothing is kept of what is idle.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;
use parking_lot::Mutex;

/// The bounds of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Before anything is known.
    pub first: u32,
    /// Never more.
    pub most: u32,
}

impl Quota {
    /// Never fewer, so that it is noticed when replies come again.
    const fn least(self) -> u32 {
        let least = self.first / LEAST_PART;
        if least == 0 { 1 } else { least }
    }
}

/// The quotas of everything that has work in flight.
#[derive(Debug)]
pub struct Quotas<K: Eq + Hash + Copy> {
    /// Those with other bounds are another crowd, or whoever comes first would choose the bounds of all.
    crowds: Mutex<HashMap<(K, Quota), Crowd>>,
    refused: AtomicU64,
}

/// What is in flight for one key within the same bounds.
#[derive(Debug)]
struct Crowd {
    inside: u32,
    now: u32,
    /// How much of what was asked lately stayed without reply, of [`ALL`].
    silence: u32,
}

impl<K: Eq + Hash + Copy> Quotas<K> {
    /// Nothing in flight.
    pub fn new() -> Self {
        Self { crowds: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// Takes a place in the quota of `key`, until it is dropped; none when all are taken, which is counted.
    pub fn enter(&self, key: K, bounds: Quota) -> Option<Place<'_, K>> {
        let mut crowds = self.crowds.lock();
        let crowd = match crowds.entry((key, bounds)) {
            Entry::Occupied(known) => Some(known.into_mut()),
            // Whoever finds no place even so leaves nothing behind.
            Entry::Vacant(new) => (bounds.first > 0).then(|| new.insert(Crowd::new(bounds))),
        };
        let Some(crowd) = crowd.filter(|crowd| crowd.inside < crowd.now) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        crowd.inside += 1;
        drop(crowds);
        Some(Place { quotas: self, key, bounds })
    }

    /// A reply came.
    pub fn heard(&self, key: K, bounds: Quota) {
        if let Some(crowd) = self.crowds.lock().get_mut(&(key, bounds)) {
            crowd.heard(bounds);
        }
    }

    /// No reply came in time.
    pub fn missed(&self, key: K, bounds: Quota) {
        if let Some(crowd) = self.crowds.lock().get_mut(&(key, bounds)) {
            crowd.missed(bounds);
        }
    }

    /// How many found no place.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl<K: Eq + Hash + Copy> Default for Quotas<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl Crowd {
    const fn new(bounds: Quota) -> Self {
        Self { inside: 0, now: bounds.first, silence: 0 }
    }

    fn heard(&mut self, bounds: Quota) {
        self.silence -= self.silence / MEMORY;
        // A quota that nobody comes near need not grow.
        let is_used = self.inside.saturating_mul(2) >= self.now;
        if self.silence < CALM && (is_used || self.now < bounds.first) {
            self.now = (self.now + 1).min(bounds.most);
        }
    }

    fn missed(&mut self, bounds: Quota) {
        self.silence += (ALL - self.silence) / MEMORY;
        if self.silence > TROUBLE {
            self.now = (self.now - self.now / SHRINK).max(bounds.least());
        }
    }
}

/// A place taken.
#[derive(Debug)]
pub struct Place<'a, K: Eq + Hash + Copy> {
    quotas: &'a Quotas<K>,
    key: K,
    bounds: Quota,
}

impl<K: Eq + Hash + Copy> Drop for Place<'_, K> {
    fn drop(&mut self) {
        let mut crowds = self.quotas.crowds.lock();
        let key = (self.key, self.bounds);
        let Some(crowd) = crowds.get_mut(&key) else { return };
        crowd.inside -= 1;
        if crowd.inside == 0 {
            crowds.remove(&key);
        }
    }
}

/// The whole of what was asked.
const ALL: u32 = 1 << 16;
/// Below this silence a quota may grow.
const CALM: u32 = ALL / 10;
/// Above this silence it shrinks.
const TROUBLE: u32 = ALL * 3 / 10;
/// So many outcomes are remembered, roughly.
const MEMORY: u32 = 32;
/// The part by which a quota shrinks at a time.
const SHRINK: u32 = 16;
/// The part of the first quota that is always left.
const LEAST_PART: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Quota = Quota { first: 200, most: 2048 };

    /// As many places as there are.
    fn fill(quotas: &Quotas<u8>) -> Vec<Place<'_, u8>> {
        std::iter::from_fn(|| quotas.enter(7, BOUNDS)).collect()
    }

    #[test]
    fn silence_shrinks_it_and_replies_let_it_grow() {
        let quotas = Quotas::new();
        let mut places = fill(&quotas);
        assert_eq!((places.len(), quotas.refused()), (200, 1));
        (0..200).for_each(|_| quotas.missed(7, BOUNDS));
        places.truncate(20);
        assert!(quotas.enter(7, BOUNDS).is_none(), "a tenth is left");
        places.truncate(19);
        places.extend(quotas.enter(7, BOUNDS));
        assert_eq!(places.len(), 20);
        // Calm after some 75 replies; then one place more for each.
        (0..100).for_each(|_| quotas.heard(7, BOUNDS));
        places.extend(fill(&quotas));
        assert!((30..60).contains(&places.len()), "{}", places.len());
        for _ in 0..5000 {
            quotas.heard(7, BOUNDS);
            places.extend(fill(&quotas));
        }
        assert_eq!(places.len(), 2048);
    }

    #[test]
    fn a_fifth_lost_does_no_harm() {
        let quotas = Quotas::new();
        let places = fill(&quotas);
        for round in 0..10_000 {
            if round % 5 == 0 { quotas.missed(7, BOUNDS) } else { quotas.heard(7, BOUNDS) }
        }
        drop(places);
        assert!(fill(&quotas).len() >= 200);
    }

    #[test]
    fn what_is_idle_is_forgotten() {
        let quotas = Quotas::new();
        let places = fill(&quotas);
        (0..500).for_each(|_| quotas.missed(7, BOUNDS));
        drop(places);
        assert_eq!(quotas.crowds.lock().len(), 0);
        assert_eq!(fill(&quotas).len(), 200);
    }

    #[test]
    fn who_is_refused_leaves_nothing_behind() {
        let quotas = Quotas::new();
        for key in 0..100 {
            assert!(quotas.enter(key, Quota { first: 0, most: 0 }).is_none());
        }
        assert_eq!((quotas.refused(), quotas.crowds.lock().len()), (100, 0));
    }

    #[test]
    fn whoever_comes_first_has_no_say_in_the_bounds_of_others() {
        let (quotas, small) = (Quotas::new(), Quota { first: 1, most: 1 });
        let first = quotas.enter(7, small);
        assert!(first.is_some() && quotas.enter(7, small).is_none());
        assert_eq!(fill(&quotas).len(), 200);
    }
}

//! Work in flight for one zone, or at one server, and the quota on it.
//!
//! The quota shrinks while what is asked stays without reply and grows as replies come, so that a dead or slow zone holds
//! a few questions and a busy one that answers as many as it needs, up to a bound. Nothing is kept of what is idle.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;
use parking_lot::Mutex;

/// The bounds of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    crowds: Mutex<HashMap<K, Crowd>>,
    refused: AtomicU64,
}

/// What is in flight for one key.
#[derive(Debug)]
struct Crowd {
    inside: u32,
    bounds: Quota,
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
        let crowd = crowds.entry(key).or_insert(Crowd { inside: 0, bounds, now: bounds.first, silence: 0 });
        if crowd.inside >= crowd.now {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        crowd.inside += 1;
        drop(crowds);
        Some(Place { quotas: self, key })
    }

    /// Whether there is a place for one more.
    pub fn has_room(&self, key: K) -> bool {
        self.crowds.lock().get(&key).is_none_or(|crowd| crowd.inside < crowd.now)
    }

    /// A reply came.
    pub fn heard(&self, key: K) {
        if let Some(crowd) = self.crowds.lock().get_mut(&key) {
            crowd.heard();
        }
    }

    /// No reply came in time.
    pub fn missed(&self, key: K) {
        if let Some(crowd) = self.crowds.lock().get_mut(&key) {
            crowd.missed();
        }
    }

    /// How many found no place.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How much is in flight for `key`.
    pub fn inside(&self, key: K) -> u32 {
        self.crowds.lock().get(&key).map_or(0, |crowd| crowd.inside)
    }
}

impl<K: Eq + Hash + Copy> Default for Quotas<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl Crowd {
    fn heard(&mut self) {
        self.silence -= self.silence / MEMORY;
        // A quota that nobody comes near need not grow.
        let is_used = self.inside.saturating_mul(2) >= self.now;
        if self.silence < CALM && (is_used || self.now < self.bounds.first) {
            self.now = (self.now + 1).min(self.bounds.most);
        }
    }

    fn missed(&mut self) {
        self.silence += (ALL - self.silence) / MEMORY;
        if self.silence > TROUBLE {
            self.now = (self.now - self.now / SHRINK).max(self.bounds.least());
        }
    }
}

/// A place taken.
#[derive(Debug)]
pub struct Place<'a, K: Eq + Hash + Copy> {
    quotas: &'a Quotas<K>,
    key: K,
}

impl<K: Eq + Hash + Copy> Drop for Place<'_, K> {
    fn drop(&mut self) {
        let mut crowds = self.quotas.crowds.lock();
        let Some(crowd) = crowds.get_mut(&self.key) else { return };
        crowd.inside -= 1;
        if crowd.inside == 0 {
            crowds.remove(&self.key);
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
        assert_eq!((places.len(), quotas.refused(), quotas.has_room(7)), (200, 1, false));
        (0..200).for_each(|_| quotas.missed(7));
        places.truncate(20);
        assert!(!quotas.has_room(7), "a tenth is left");
        places.truncate(19);
        assert!(quotas.has_room(7));
        // Calm after some 75 replies; then one place more for each.
        (0..100).for_each(|_| quotas.heard(7));
        places.extend(fill(&quotas));
        assert!((30..60).contains(&places.len()), "{}", places.len());
        for _ in 0..5000 {
            quotas.heard(7);
            places.extend(fill(&quotas));
        }
        assert_eq!(places.len(), 2048);
    }

    #[test]
    fn a_fifth_lost_does_no_harm() {
        let quotas = Quotas::new();
        let places = fill(&quotas);
        for round in 0..10_000 {
            if round % 5 == 0 { quotas.missed(7) } else { quotas.heard(7) }
        }
        drop(places);
        assert!(fill(&quotas).len() >= 200);
    }

    #[test]
    fn what_is_idle_is_forgotten() {
        let quotas = Quotas::new();
        let places = fill(&quotas);
        (0..500).for_each(|_| quotas.missed(7));
        drop(places);
        assert_eq!((quotas.inside(7), quotas.crowds.lock().len()), (0, 0));
        assert_eq!(fill(&quotas).len(), 200);
    }
}

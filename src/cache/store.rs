//! A bounded store on quick_cache: the only file that names it.
//!
//! No clock of its own: values carry their expiry and the caller says what time it is. Entries are known by a seeded hash
//! of their key, so that keys chosen by an enemy do not collide and a simulation repeats itself; the key itself is part of
//! the value, which is asked whether it is meant.

use std::hash::{BuildHasher, Hasher};
use std::iter::Sum;

use foldhash::quality::FixedState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Entries.
    pub entries: usize,
    /// The octets that they take.
    pub octets: u64,
}

impl Sum for Held {
    fn sum<I: Iterator<Item = Self>>(each: I) -> Self {
        each.fold(Self::default(), |all, one| Self {
            entries: all.entries + one.entries,
            octets: all.octets + one.octets,
        })
    }
}

/// A map from byte strings to `V` that holds no more than a number of octets.
pub struct Store<V: Entry> {
    entries: Cache<u64, V, Scales, Hashed, DefaultLifecycle<u64, V>>,
    hasher: FixedState,
}

/// A value that knows its key and how much memory it takes. It is cloned for whoever asks, so it should be a pointer.
pub trait Entry: Clone + Send + Sync + 'static {
    /// Whether it is the value of `key`.
    fn is_for(&self, key: &[u8]) -> bool;

    /// Octets on the heap, beyond the value's own size: the sizes of the allocations. Always the same for one value: what
    /// was added when it came is taken away when it goes.
    fn octets(&self) -> usize;
}

impl<V: Entry> Store<V> {
    /// An empty store for at most `capacity` octets, hashing with `seed`.
    pub fn new(capacity: u64, seed: u64) -> Self {
        // Some entries are remembered for a while after they have gone, and take their places in the table, not more.
        let forgotten = capacity / GHOST_EVERY;
        let (for_ghosts, shards) = (forgotten * place::<V>(), (capacity / SHARD).clamp(1, MAX_SHARDS));
        let options = OptionsBuilder::new()
            .weight_capacity(capacity.saturating_sub(for_ghosts))
            .estimated_items_capacity(usize::try_from(forgotten).unwrap_or(usize::MAX).max(1))
            .ghost_allocation(1.0)
            .shards(1 << shards.ilog2())
            .build()
            .expect("both capacities are given");
        let entries = Cache::with_options(options, Scales, Hashed, DefaultLifecycle::default());
        Self { entries, hasher: FixedState::with_seed(seed) }
    }

    /// The value under `key`.
    pub fn get(&self, key: &[u8]) -> Option<V> {
        self.entries.get(&self.hash(key)).filter(|value| value.is_for(key))
    }

    /// Puts `value` under `key`, in place of what was there.
    pub fn insert(&self, key: &[u8], value: V) {
        self.entries.insert(self.hash(key), value);
    }

    /// Forgets what is under `key`.
    pub fn remove(&self, key: &[u8]) {
        self.entries.remove(&self.hash(key));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.clear();
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        Held { entries: self.len(), octets: self.octets() }
    }

    /// Octets in use.
    pub fn octets(&self) -> u64 {
        self.entries.weight()
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }
}

/// Weighs entries in octets of memory.
#[derive(Clone)]
struct Scales;

impl<V: Entry> Weighter<u64, V> for Scales {
    fn weight(&self, _: &u64, value: &V) -> u64 {
        let octets = value.octets() as u64;
        place::<V>() + octets + octets / ROUNDED_UP
    }
}

/// What quick_cache spends on an entry: its place in an array and in an index of that array, none of which is ever full.
const fn place<V>() -> u64 {
    // A thin pointer takes as much as one with a length.
    let value = if size_of::<V>() < 16 { 16 } else { size_of::<V>() };
    let own = value + OWN_OCTETS;
    (own + own * NOT_IN_USE.0 / NOT_IN_USE.1 + INDEX_OCTETS) as u64
}

/// Hands on what is a hash already.
#[derive(Clone, Default)]
struct Hashed;

impl BuildHasher for Hashed {
    type Hasher = Given;

    fn build_hasher(&self) -> Given {
        Given(0)
    }
}

struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        // Only numbers come here; anything else would still be a hash.
        self.0 = octets.iter().fold(self.0, |hash, octet| hash.rotate_left(8) ^ u64::from(*octet));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The key's hash, the neighbours in two lists, and two marks.
const OWN_OCTETS: usize = 24;
/// The array grows by doubling: for so many places in use there is, on an average, so much more.
const NOT_IN_USE: (usize, usize) = (2, 5);
/// Five octets a slot. Where entries come and go, it grows at seven slots of sixteen: then half as many are in use.
const INDEX_OCTETS: usize = 23;
/// The allocator rounds up to one of its sizes, by one part of this many, more or less.
const ROUNDED_UP: u64 = 8;
/// One entry that has gone is remembered for so many octets of the whole.
const GHOST_EVERY: u64 = 1024;
/// The store is divided into parts of this size, each with a lock, and an array that grows by itself. The largest entry
/// must fit one.
const SHARD: u64 = 1 << 20;
/// More parts than this would be empty weight.
const MAX_SHARDS: u64 = 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    impl Entry for Arc<[u8]> {
        fn is_for(&self, key: &[u8]) -> bool {
            self.starts_with(key)
        }

        fn octets(&self) -> usize {
            2 * size_of::<usize>() + self.len()
        }
    }

    impl Entry for Arc<u64> {
        fn is_for(&self, _: &[u8]) -> bool {
            true
        }

        fn octets(&self) -> usize {
            24
        }
    }

    fn store<V: Entry>(capacity: u64, count: u64, value: impl Fn(u64) -> V) -> Store<V> {
        let store = Store::new(capacity, 1);
        for number in 0..count {
            store.insert(&number.to_be_bytes(), value(number));
        }
        store
    }

    fn octets(number: u64) -> Arc<[u8]> {
        number.to_be_bytes().into()
    }

    #[test]
    fn an_entry_takes_as_much_as_is_said() {
        // As many as fill little more than half of the index, and most of it.
        for count in [7_500, 11_500] {
            let fat = store(3 << 19, count, octets).entries.memory_used();
            assert_eq!(fat.entries as u64, count * (16 + OWN_OCTETS as u64));
            assert!(fat.map as u64 <= count * INDEX_OCTETS as u64, "{} for {count}", fat.map);
            let thin = store(3 << 19, count, Arc::new).entries.memory_used();
            assert_eq!(thin.entries as u64, count * (16 + OWN_OCTETS as u64));
        }
    }

    #[test]
    fn many_times_the_capacity_takes_the_capacity_and_no_more() {
        // The second is where the index of a full store grows once more.
        for capacity in [1 << 20, 1_300_000, 4 << 20] {
            let store = store(capacity, 200_000, octets);
            let used = store.entries.memory_used();
            let total = (used.entries + used.map) as u64 + 24 * store.len() as u64;
            assert!(total <= capacity && total >= capacity * 6 / 10, "{total} of {capacity}");
            assert!(store.octets() <= capacity);
        }
    }

    #[test]
    fn the_largest_reply_fits_the_smallest_part() {
        for capacity in [256 << 10, 1 << 20, 64 << 20, 1 << 30] {
            let store = store(capacity, 0, octets);
            let large: Arc<[u8]> = vec![7; 65_535].into();
            store.insert(&[7; 9], Arc::clone(&large));
            assert_eq!(store.get(&[7; 9]), Some(large), "{capacity}");
        }
    }

    #[test]
    fn an_empty_store_takes_next_to_nothing() {
        let entries = store(8 << 30, 0, octets).entries;
        assert_eq!(entries.memory_used().total(), 0);
        assert_eq!(entries.num_shards(), 1024);
        assert_eq!(store(52 << 10, 0, octets).entries.num_shards(), 1);
    }

    #[test]
    fn a_value_of_another_key_is_not_given() {
        let store = store(1 << 20, 1, octets);
        assert_eq!(store.get(&0u64.to_be_bytes()), Some(octets(0)));
        store.insert(&1u64.to_be_bytes(), octets(2));
        assert_eq!(store.get(&1u64.to_be_bytes()), None);
        store.remove(&0u64.to_be_bytes());
        assert_eq!(store.get(&0u64.to_be_bytes()), None);
    }

    #[test]
    fn what_is_asked_for_again_and_again_outlives_a_flood_of_new_names() {
        // Some 10,000 entries fit. A thousand names are asked for in turn, and between any two of them one never seen.
        let store = store(1 << 20, 0, octets);
        let mut missed = 0;
        for round in 0..100u64 {
            for name in 0..1000 {
                if store.get(&octets(name)).is_none() {
                    store.insert(&octets(name), octets(name));
                    missed += 1;
                }
                let fresh = octets(1000 + round * 1000 + name);
                store.insert(&fresh, Arc::clone(&fresh));
            }
        }
        assert!(missed <= 1000 + 1000, "{missed} of 100,000");
    }
}

//! A bounded store on moka: the only file that names it.
//!
//! No clock of its own: values carry their expiry and the caller says what time it is. The hasher is seeded, so that
//! keys chosen by an enemy do not collide and a simulation repeats itself.

use foldhash::quality::FixedState;
use moka::sync::Cache;

/// What moka itself spends on an entry, in octets (measured; key and value come on top).
const ENTRY_OVERHEAD: usize = 200;

/// A map from byte strings to `V` that holds no more than a number of octets.
pub struct Store<V: Clone + Send + Sync + 'static> {
    entries: Cache<Box<[u8]>, V, FixedState>,
}

/// A value that knows how much memory it takes.
pub trait Weigh {
    /// Octets on the heap, beyond the value's own size.
    fn octets(&self) -> usize;
}

impl<V: Weigh + Clone + Send + Sync + 'static> Store<V> {
    /// An empty store for at most `capacity` octets, hashing with `seed`.
    pub fn new(capacity: u64, seed: u64) -> Self {
        #[allow(clippy::borrowed_box, reason = "moka hands the key out so")]
        let weigh = |key: &Box<[u8]>, value: &V| {
            let octets = ENTRY_OVERHEAD + key.len() + size_of::<V>() + value.octets();
            u32::try_from(octets).unwrap_or(u32::MAX)
        };
        let entries =
            Cache::builder().max_capacity(capacity).weigher(weigh).build_with_hasher(FixedState::with_seed(seed));
        Self { entries }
    }

    /// The value under `key`.
    pub fn get(&self, key: &[u8]) -> Option<V> {
        self.entries.get(key)
    }

    /// Puts `value` under `key`, in place of what was there.
    pub fn insert(&self, key: &[u8], value: V) {
        self.entries.insert(key.into(), value);
    }

    /// Forgets what is under `key`.
    pub fn remove(&self, key: &[u8]) {
        self.entries.invalidate(key);
    }

    /// Octets in use, roughly: moka counts with a little delay.
    pub fn octets(&self) -> u64 {
        self.entries.weighted_size()
    }

    /// Entries held, roughly.
    pub fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// Whether it holds nothing, roughly.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

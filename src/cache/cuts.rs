//! The closest known zone cut: where a walk may start.

use std::sync::Arc;

use tokio::time::Instant;

use super::key;
use super::store::{Store, Weigh};
use crate::dns::{Name, NameServer, RecordType, ZoneCut};

impl Weigh for Arc<ZoneCut> {
    fn octets(&self) -> usize {
        let server = |server: &NameServer| {
            size_of::<NameServer>() + server.host.wire().len() + server.glue.len() * size_of::<std::net::IpAddr>()
        };
        size_of::<ZoneCut>() + self.servers.iter().map(server).sum::<usize>()
    }
}

/// The cache of zone cuts.
pub struct Cuts {
    store: Store<Arc<ZoneCut>>,
}

impl Cuts {
    /// An empty cache for at most `capacity` octets.
    pub fn new(capacity: u64, seed: u64) -> Self {
        Self { store: Store::new(capacity, seed) }
    }

    /// The deepest current cut at or above `name`.
    pub fn closest(&self, name: &Name, now: Instant) -> Option<Arc<ZoneCut>> {
        name.ancestors().find_map(|apex| self.at(&apex, now))
    }

    /// The current cut at `apex`.
    pub fn at(&self, apex: &Name, now: Instant) -> Option<Arc<ZoneCut>> {
        self.store.get(&key(apex, RecordType::NS)).filter(|cut| cut.is_current(now))
    }

    /// Remembers a cut. What the parent says replaces what it said before.
    pub fn insert(&self, cut: Arc<ZoneCut>) {
        self.store.insert(&key(&cut.apex, RecordType::NS), cut);
    }

    /// Forgets the cut at `apex`: the parent has to be asked again.
    pub fn remove(&self, apex: &Name) {
        self.store.remove(&key(apex, RecordType::NS));
    }
}

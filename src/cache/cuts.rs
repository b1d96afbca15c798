//! The closest known zone cut: where a walk may start.

use std::sync::Arc;

use tokio::time::Instant;

use super::store::{Entry, Store};
use crate::dns::{Name, NameServer, ZoneCut};

impl Entry for Arc<ZoneCut> {
    fn is_for(&self, key: &[u8]) -> bool {
        self.apex.wire().eq_ignore_ascii_case(key)
    }

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
        // The key ends in the name's own suffixes: the key of each ancestor is a tail of the name's.
        let key = name.key();
        let mut rest = key.as_slice();
        loop {
            if let Some(cut) = self.store.get(rest).filter(|cut| cut.is_current(now)) {
                return Some(cut);
            }
            let (&length, tail) = rest.split_first()?;
            rest = tail.get(usize::from(length)..).filter(|_| length > 0)?;
        }
    }

    /// The current cut at `apex`.
    pub fn at(&self, apex: &Name, now: Instant) -> Option<Arc<ZoneCut>> {
        self.store.get(&apex.key()).filter(|cut| cut.is_current(now))
    }

    /// Remembers a cut. What the parent says replaces what it said before.
    pub fn insert(&self, cut: Arc<ZoneCut>) {
        self.store.insert(&cut.apex.key(), cut);
    }

    /// Forgets the cut at `apex`: the parent has to be asked again.
    pub fn remove(&self, apex: &Name) {
        self.store.remove(&apex.key());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::world::Clock;

    #[tokio::test(start_paused = true)]
    async fn the_deepest_cut_that_still_holds_is_the_closest() {
        let (cuts, clock) = (Cuts::new(1 << 20, 1), Clock::at(Duration::ZERO));
        for (apex, seconds) in [(".", 9), ("com", 5), ("Example.COM", 1)] {
            let expires = Some(clock.now() + Duration::from_secs(seconds));
            let cut = ZoneCut { apex: apex.parse().unwrap(), servers: Arc::new([]), since: clock.now(), expires };
            cuts.insert(Arc::new(cut));
        }
        let closest = |name: &str| cuts.closest(&name.parse().unwrap(), clock.now()).map(|cut| cut.apex.to_string());
        assert_eq!(closest("www.example.com").as_deref(), Some("Example.COM."));
        assert_eq!(closest("example.com").as_deref(), Some("Example.COM."));
        assert_eq!(closest("ample.com").as_deref(), Some("com."));
        assert_eq!(closest(".").as_deref(), Some("."));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(closest("www.example.com").as_deref(), Some("com."));
        tokio::time::advance(Duration::from_secs(8)).await;
        assert_eq!(closest("www.example.com"), None);
    }
}

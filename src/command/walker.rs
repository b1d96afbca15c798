//! What `query`, `trace` and `playground --once` resolve with: a resolver of their own, in a runtime of their own.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use crate::config::Config;
use crate::resolver::Resolver;
use crate::server;
use crate::world::{BoxFuture, IsOurs, Network, Route, World};

use super::failure::Failure;

/// A resolver with empty caches, and a count of what it sends.
pub struct Walker {
    /// The resolver.
    pub resolver: Arc<Resolver>,
    sent: Arc<Counting>,
}

impl Walker {
    /// A resolver as `config` describes it.
    pub fn new(config: &Config) -> Self {
        let limits = Arc::new(config.limits.clone());
        let world = server::world(config.source.clone(), Arc::clone(&limits));
        let sent = Arc::new(Counting { inner: world.network, exchanges: AtomicU32::new(0) });
        let world = World { network: Arc::clone(&sent) as Arc<dyn Network>, ..world };
        Self { resolver: Arc::new(Resolver::new(config.resolver.clone(), &config.cache, limits, world)), sent }
    }

    /// Queries sent so far.
    pub fn queries(&self) -> u32 {
        self.sent.exchanges.load(Ordering::Relaxed)
    }
}

/// Runs `work` to its end on this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::could_not("start", error, "see how many files and threads this user may have (ulimit -a)")
    })?;
    runtime.block_on(work)
}

/// A network that counts what goes through it.
struct Counting {
    inner: Arc<dyn Network>,
    exchanges: AtomicU32,
}

impl Network for Counting {
    fn exchange<'a>(&'a self, route: Route, query: &'a [u8], is_ours: IsOurs<'a>) -> BoxFuture<'a, io::Result<Bytes>> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.inner.exchange(route, query, is_ours)
    }
}

//! The composition root: a configuration becomes modules, sockets and workers, and ends in order.
//!
//! Everything is bound before anything is answered, so a server that says it is ready is. The configuration is not yet
//! read again while running: SIGHUP is logged and changes nothing.

pub mod anchors;
mod counts;
mod signal;
pub mod state;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cache;
use crate::config::{Config, Rollover};
use crate::dns::Name;
use crate::job::Limits;
use crate::net::outbound::Outbound;
use crate::net::{self, BindError, Counters, Listening, Shared, Worker};
use crate::policy::{self, Policy};
use crate::resolver::{self, Forward, Resolver};
use crate::responder::Responder;
use crate::upstream::Crowded;
use crate::world::{Clock, Dice, World};

use anchors::Keeper;
use counts::Counts;

/// What a server is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where it listens, and whence it asks.
    pub net: net::Settings,
    /// What it remembers.
    pub cache: cache::Settings,
    /// How it walks.
    pub resolver: resolver::Settings,
    /// Whom it answers, and what by itself.
    pub policy: policy::Settings,
    /// Whether trust anchors roll over, and where that is kept.
    pub rollover: Rollover,
    /// Every bound.
    pub limits: Limits,
}

impl From<Config> for Parts {
    fn from(config: Config) -> Self {
        let workers = config.workers.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        Self {
            net: net::Settings { listen: config.listen, workers, source: config.source },
            cache: config.cache,
            resolver: config.resolver,
            policy: config.policy,
            rollover: config.rollover,
            limits: config.limits,
        }
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// There is no address to listen on.
    #[error("there is nothing to listen on: name at least one address under `listen`")]
    NoAddress,
    /// Questions would come back to us.
    #[error(
        "`forward` sends questions about `{zone}` to {server}, where burdock itself answers (it listens at {own}): name \
         another server, or listen at fewer addresses"
    )]
    ForwardsToItself {
        /// The zone that is forwarded.
        zone: Name,
        /// To whom.
        server: SocketAddr,
        /// The listening address that takes it.
        own: SocketAddr,
    },
    /// The system does not give us a thread, a timer or a signal.
    #[error("the system refuses what a server needs: {0}")]
    System(#[from] io::Error),
}

/// Runs a server until SIGTERM or SIGINT, then ends it in order.
///
/// # Errors
/// [`StartError`] when it cannot start; nothing was answered then.
pub fn run(config: Config) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        // Before the workers start: a signal may come as soon as somebody knows that we run.
        Signals::catch()?
    };
    let parts = Parts::from(config);
    let workers = parts.net.workers;
    let mut server = start(parts)?;
    for address in server.addresses() {
        tracing::info!("burdock {} answers at {address}, UDP and TCP, {workers} workers", env!("CARGO_PKG_VERSION"));
    }
    tell_systemd(NotifyState::Ready);
    let keeper = server.keeper.take();
    let counts = server.counts.clone();
    let reason = runtime.block_on(until_the_end(&mut signals, &server, keeper));
    tell_systemd(NotifyState::Stopping);
    tracing::info!("{reason}: no new questions; those in progress end first");
    server.stop();
    counts.tell_all();
    tracing::info!("burdock has ended");
    Ok(())
}

/// Keeps trust anchors up to date, and tells of them, until a signal ends it all.
async fn until_the_end(signals: &mut Signals, server: &Server, keeper: Option<Keeper>) -> &'static str {
    let keeping = async {
        match keeper {
            Some(keeper) => keeper.run().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        reason = signals.wait_for_end() => reason,
        never = keeping => match never {},
        never = signal::run(Arc::clone(&server.resolver)) => match never {},
        never = server.counts.clone().tell() => match never {},
    }
}

/// Starts a server in this process: its trust anchors stay as they are. It ends with [`Server::stop`] or when dropped.
///
/// # Errors
/// [`StartError`]; nothing was answered then.
pub fn start(parts: Parts) -> Result<Server, StartError> {
    let Parts { net: settings, cache, mut resolver, policy, rollover, limits } = parts;
    let limits = Arc::new(limits);
    if net::raise_file_limit().is_none_or(|files| files < FILES_WANTED) {
        tracing::warn!(
            "this process may open fewer than {FILES_WANTED} files; many questions at once will fail (ulimit -n)"
        );
    }
    net::refuse_huge_pages();
    let listening = settings.listen.iter().map(|address| net::bind(*address, settings.workers));
    let listening: Vec<Listening> = listening.collect::<Result<_, _>>()?;
    let addresses: Vec<SocketAddr> = listening.iter().map(|listening| listening.address).collect();
    if addresses.is_empty() {
        return Err(StartError::NoAddress);
    }
    refuse_loops(&resolver.forwards, &addresses)?;
    resolver.own_addresses.extend(askable(&addresses, resolver.upstream_port));

    let world = world(settings.source, Arc::clone(&limits));
    let clock = world.clock.clone();
    let resolver = Arc::new(Resolver::new(resolver, &cache, Arc::clone(&limits), world));
    // Before the first answer: what was learnt in earlier runs is in force from the start.
    let keeper = Keeper::begin(&resolver, &rollover);
    let (drain, draining) = watch::channel(false);
    let jobs = limits.jobs as usize / settings.workers;
    let counters = Arc::new(Counters::default());
    let policy = Policy::new(&policy, resolver.world(), &limits);
    let responder = Responder::new(Arc::clone(&resolver), policy, &cache);
    let counts = Counts::new(Arc::clone(&limits), Arc::clone(&responder));
    let shared = Shared { responder, clock, limits, counters: Arc::clone(&counters), draining, jobs };
    let workers = deal(listening, settings.workers).into_iter().enumerate();
    let threads = workers.map(|(number, worker)| worker.start(number, shared.clone()));
    let threads = threads.collect::<io::Result<_>>()?;
    Ok(Server { addresses, counters, drain, threads, resolver, keeper, counts })
}

/// The world of a process that asks the Internet.
pub fn world(source: Vec<IpAddr>, limits: Arc<Limits>) -> World {
    let dice = Dice::system();
    World { network: Arc::new(Outbound::new(source, dice.clone(), limits)), clock: Clock::system(), dice }
}

/// A running server.
pub struct Server {
    addresses: Vec<SocketAddr>,
    counters: Arc<Counters>,
    drain: watch::Sender<bool>,
    threads: Vec<thread::JoinHandle<()>>,
    resolver: Arc<Resolver>,
    keeper: Option<Keeper>,
    counts: Counts,
}

impl Server {
    /// Where it answers, with the ports the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What its listeners count.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The bounds, with how often each was reached.
    pub fn limits(&self) -> &Arc<Limits> {
        self.resolver.limits()
    }

    /// How often a question found no place at a zone or at a server.
    pub fn crowded(&self) -> Crowded {
        self.resolver.crowded()
    }

    /// Takes no new question, lets those in progress end (within `limits.drain`), and returns when all is over.
    /// Blocks.
    pub fn stop(self) {
        self.drain.send_replace(true);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker failed; please report this");
            }
        }
    }
}

/// Our addresses that somebody's delegation could make us ask: those on the port of other servers.
fn askable(addresses: &[SocketAddr], upstream_port: u16) -> impl Iterator<Item = IpAddr> {
    addresses.iter().filter(move |own| own.port() == upstream_port && !own.ip().is_unspecified()).map(SocketAddr::ip)
}

/// Refuses forwarders that are ourselves: which addresses of this host `0.0.0.0` and `::` stand for is known only here.
fn refuse_loops(forwards: &[Forward], addresses: &[SocketAddr]) -> Result<(), StartError> {
    let endpoints = forwards.iter().flat_map(|forward| forward.to.iter().map(move |server| (&forward.zone, *server)));
    for (zone, server) in endpoints {
        let is_us = |own: &&SocketAddr| {
            let everywhere = own.ip().is_unspecified() && (own.is_ipv6() || server.is_ipv4());
            own.port() == server.port()
                && (own.ip() == server.ip() || (everywhere && net::is_of_this_host(server.ip())))
        };
        if let Some(own) = addresses.iter().find(is_us) {
            return Err(StartError::ForwardsToItself { zone: zone.clone(), server, own: *own });
        }
    }
    Ok(())
}

/// Gives every worker its sockets.
fn deal(listening: Vec<Listening>, workers: NonZeroUsize) -> Vec<Worker> {
    let mut hands: Vec<Worker> = (0..workers.get()).map(|_| Worker { udp: Vec::new(), tcp: Vec::new() }).collect();
    for Listening { address, udp, tcp } in listening {
        for (hand, (udp, tcp)) in hands.iter_mut().zip(udp.into_iter().zip(tcp)) {
            hand.udp.push((address, udp));
            hand.tcp.push(tcp);
        }
    }
    hands
}

fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot tell systemd how we are");
    }
}

/// The signals a server heeds.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user_1: Signal,
    user_2: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for a signal to end; returns its name.
    async fn wait_for_end(&mut self) -> &'static str {
        loop {
            tokio::select! {
                biased;
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => tracing::warn!(
                    "SIGHUP: reading the configuration again is not built yet; nothing has changed. Restart to apply it"
                ),
                // Other servers dump or rotate at these; uncaught they would end this one at once.
                _ = self.user_1.recv() => tracing::warn!("SIGUSR1 means nothing here; nothing has changed"),
                _ = self.user_2.recv() => tracing::warn!("SIGUSR2 means nothing here; nothing has changed"),
            }
        }
    }
}

/// Below this many files, `limits.jobs` cannot be reached.
const FILES_WANTED: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::Service;

    #[test]
    fn forwarders_that_are_ourselves_are_refused() {
        // AMP-13. The documentation's address is nobody's, least of all this host's.
        let refused = |server: &str, own: &str| {
            let to = vec![server.parse().unwrap()];
            let forward = Forward { zone: Name::root(), to, service: Service::Recursive };
            refuse_loops(&[forward], &[own.parse().unwrap()]).is_err()
        };
        for (server, own) in [
            ("127.0.0.1:53", "127.0.0.1:53"),
            ("127.0.0.9:5301", "0.0.0.0:5301"),
            ("127.0.0.1:5301", "[::]:5301"),
            ("[::1]:53", "[::1]:53"),
        ] {
            assert!(refused(server, own), "{server} {own}");
        }
        for (server, own) in [
            ("127.0.0.1:5353", "127.0.0.1:53"),
            ("127.0.0.2:53", "127.0.0.1:53"),
            ("192.0.2.53:53", "0.0.0.0:53"),
            ("[2001:db8::53]:53", "[::]:53"),
            ("[::1]:53", "0.0.0.0:53"),
        ] {
            assert!(!refused(server, own), "{server} {own}");
        }
    }
}

//! A synthetic Internet of authoritative servers on loopback: two per zone, glue for all, every name `X.dJ.tK.` exists.
//!
//! One thread serves all addresses, with delay and loss on demand, and counts what it is asked.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::names::{Rng, Target};
use super::process;
use super::signatures::Signatures;
use super::udp::{self, BATCH, Batch, Patience};
use super::zones::{self, Level, Manner, SERVERS, address};

/// Every server's port: what all resolvers ask.
const PORT: u16 = 53;

/// What the thread is told, and tells, while it runs.
#[derive(Default)]
pub struct Dials {
    /// Microseconds between a query and its reply.
    pub delay: AtomicU64,
    /// Queries in a million that are lost.
    pub loss: AtomicU64,
    /// Queries to the root, to TLDs, to domains and to dead servers, the lost ones included.
    pub asked: [AtomicU64; 4],
    /// Queries for one of the thousand hottest names of Zipf loads: `z0` to `z999`.
    pub hot: AtomicU64,
    /// Whether every zone is signed.
    pub signed: AtomicBool,
    /// Whether somebody else plays the servers for a while.
    borrowed: AtomicBool,
    stop: AtomicBool,
}

impl Dials {
    /// All queries so far.
    pub fn total(&self) -> u64 {
        self.asked.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// A running Internet; it ends when dropped.
pub struct Internet {
    pub dials: Arc<Dials>,
    servers: Arc<Mutex<Servers>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Internet {
    /// Binds every address, then serves them on a thread of its own on processor `core`.
    pub fn start(core: usize) -> io::Result<Self> {
        let dials = Arc::new(Dials::default());
        let servers = Arc::new(Mutex::new(Servers::bind(Arc::clone(&dials))?));
        let (given, shared) = (Arc::clone(&servers), Arc::clone(&dials));
        let thread = std::thread::spawn(move || {
            process::pin(core);
            while !shared.stop.load(Ordering::Relaxed) {
                if shared.borrowed.load(Ordering::Relaxed) {
                    std::thread::sleep(BORROWED);
                } else {
                    lock(&given).turn(IDLE);
                }
            }
        });
        Ok(Self { dials, servers, thread: Some(thread) })
    }

    /// Signs what will be said of the host 0 of each of these domains: whoever asks waits for no signature.
    pub fn sign(&self, domains: Range<u64>) {
        lock(&self.servers).sign(domains);
    }

    /// The DS record of the root's key.
    pub fn anchor(&self) -> Vec<u8> {
        lock(&self.servers).signatures.ds(&[0])
    }

    /// The servers, for somebody who will give them their turns himself: no thread sleeps and has to be woken.
    pub fn borrow(&self) -> Borrowed<'_> {
        self.dials.borrowed.store(true, Ordering::Relaxed);
        Borrowed { dials: &self.dials, servers: lock(&self.servers) }
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.dials.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The servers, until this is dropped.
pub struct Borrowed<'a> {
    dials: &'a Dials,
    servers: MutexGuard<'a, Servers>,
}

impl Borrowed<'_> {
    /// Answers what is there; never waits.
    pub fn turn(&mut self) {
        self.servers.turn(Duration::ZERO);
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.dials.borrowed.store(false, Ordering::Relaxed);
    }
}

fn lock(servers: &Mutex<Servers>) -> MutexGuard<'_, Servers> {
    servers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reply that is on its way.
struct Held {
    due: Instant,
    socket: usize,
    to: libc::sockaddr_in,
    packet: Vec<u8>,
}

/// Every server's socket, and what is on its way.
struct Servers {
    sockets: Vec<(Level, UdpSocket)>,
    held: VecDeque<Held>,
    batch: Batch,
    rng: Rng,
    dials: Arc<Dials>,
    signatures: Signatures,
}

impl Servers {
    fn bind(dials: Arc<Dials>) -> io::Result<Self> {
        let mut sockets = Vec::new();
        for (level, count) in SERVERS {
            for number in 0..count {
                let at = SocketAddrV4::new(address(level, u64::from(number)), PORT);
                let socket = udp::bind(at).map_err(|error| io::Error::new(error.kind(), format!("{at}: {error}")))?;
                sockets.push((level, socket));
            }
        }
        let (held, batch, rng) = (VecDeque::new(), Batch::new(), Rng(0x5eed_5eed_5eed_5eed));
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let signatures = Signatures::around(wall);
        Ok(Self { sockets, held, batch, rng, dials, signatures })
    }

    fn sign(&mut self, domains: Range<u64>) {
        let mut reply = Vec::new();
        for domain in domains {
            zones::sign(&Target::new(0, domain), &mut self.signatures, &mut reply);
        }
    }

    /// Waits for queries, at most for `patience`; answers those that are there, and sends what is due.
    fn turn(&mut self, patience: Duration) {
        let next = self.held.front().map(|held| held.due.saturating_duration_since(Instant::now()));
        let mut waiting = udp::readable(self.sockets.iter().map(|(_, socket)| socket));
        udp::wait(&mut waiting, next.unwrap_or(patience).min(patience));
        for (index, waiting) in waiting.iter().enumerate() {
            while waiting.revents != 0 && self.answer(index) == BATCH {}
        }
        while self.held.front().is_some_and(|held| held.due <= Instant::now()) {
            let Some(due) = self.held.pop_front() else { break };
            self.batch.put(0, &due.packet);
            self.batch.set_name(0, due.to);
            self.batch.reply(&self.sockets[due.socket].1, 1);
        }
    }

    /// Answers one batch; returns how many queries it had.
    fn answer(&mut self, index: usize) -> usize {
        let Self { sockets, held, batch, rng, dials, signatures } = self;
        let (level, socket) = &sockets[index];
        let delay = Duration::from_micros(dials.delay.load(Ordering::Relaxed));
        let (loss, signed) = (dials.loss.load(Ordering::Relaxed), dials.signed.load(Ordering::Relaxed));
        let (count, mut ready, mut reply) = (batch.receive(socket, Patience::None), 0, Vec::with_capacity(512));
        for at in 0..count {
            dials.asked[*level as usize].fetch_add(1, Ordering::Relaxed);
            let lost = loss > 0 && rng.below(1_000_000) < loss;
            let manner = Manner { hot: &dials.hot, signatures: signed.then_some(&mut *signatures) };
            if lost || !zones::answer(*level, batch.packet(at), manner, &mut reply) {
                continue;
            }
            if !delay.is_zero() {
                let to = batch.name(at);
                held.push_back(Held { due: Instant::now() + delay, socket: index, to, packet: reply.clone() });
                continue;
            }
            batch.readdress(at, ready);
            batch.put(ready, &reply);
            ready += 1;
        }
        batch.reply(socket, ready);
        count
    }
}

const IDLE: Duration = Duration::from_millis(50);
const BORROWED: Duration = Duration::from_millis(5);

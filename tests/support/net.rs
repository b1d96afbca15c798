//! A network that is not there: authorities behind links with latency, loss, duplicates and disorder, in virtual time.
//!
//! TCP never loses, it is late instead. An address that nobody has is a black hole.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use burdock::cache::Front;
use burdock::dns::{Message, Question};
use burdock::playground::{Authority, Kind};
use burdock::responder::{Client, ClientTransport, Immediate, Responder, Turn};
use burdock::world::{Arrival, BoxFuture, Clock, Dice, IsOurs, Network, Route, Transport};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// TCP's first retransmission timer (RFC 6298 §2.1).
const TCP_RETRANSMISSION: Duration = Duration::from_secs(1);

/// The way to a server and back.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// One way, without jitter.
    pub latency: Duration,
    /// At most this much more, different for each packet: what overtakes what is up to the dice.
    pub jitter: Duration,
    /// The part of packets that is lost, each way.
    pub loss: f64,
    /// The part of packets that arrive twice.
    pub duplication: f64,
}

impl Link {
    /// Ten milliseconds each way, and nothing ever goes wrong.
    pub const PERFECT: Self =
        Self { latency: Duration::from_millis(10), jitter: Duration::ZERO, loss: 0.0, duplication: 0.0 };
}

/// One packet to a server, and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub at: Duration,
    pub server: SocketAddr,
    pub transport: Transport,
    pub question: Option<Question>,
    pub edns: bool,
    /// The second word of the query's header.
    pub flags: u16,
    pub end: &'static str,
    pub after: Duration,
}

#[derive(Default)]
struct Log {
    exchanges: Vec<Exchange>,
    queries: BTreeMap<IpAddr, u64>,
    hash: u64,
}

/// The network.
pub struct SimNet {
    servers: Mutex<BTreeMap<IpAddr, Authority>>,
    links: Mutex<BTreeMap<IpAddr, Link>>,
    resolvers: Mutex<BTreeMap<IpAddr, Arc<Responder>>>,
    default: Mutex<Link>,
    dice: Dice,
    clock: Clock,
    start: Instant,
    log: Mutex<Log>,
}

enum Event {
    Packet(Vec<u8>),
    Reset,
}

impl SimNet {
    pub fn new(authorities: &[Authority], clock: Clock, dice: Dice) -> Self {
        Self {
            servers: Mutex::new(authorities.iter().map(|known| (known.address, known.clone())).collect()),
            links: Mutex::default(),
            resolvers: Mutex::default(),
            default: Mutex::new(Link::PERFECT),
            dice,
            start: clock.now(),
            clock,
            log: Mutex::default(),
        }
    }

    /// A resolver that answers at this address whoever asks it: a forwarder.
    pub fn add_resolver(&self, address: &str, responder: &Arc<Responder>) {
        self.resolvers.lock().insert(address.parse().unwrap(), Arc::clone(responder));
    }

    /// What a resolver makes of the query, when a packet and its reply get through.
    async fn ask_resolver(&self, resolver: Arc<Responder>, route: Route, query: &[u8]) -> Option<Vec<u8>> {
        let link = self.link(route.server.ip());
        let (outward, _) = *self.copies(link, route.transport, route.transport == Transport::Tcp).first()?;
        tokio::time::sleep(outward).await;
        let (transport, size) = match route.transport {
            Transport::Udp => (ClientTransport::Udp, Responder::MAX_UDP_REPLY),
            Transport::Tcp => (ClientTransport::Tcp, usize::from(u16::MAX)),
        };
        let client = Client { address: SocketAddr::from(([192, 0, 2, 78], 40_000)), transport };
        let mut out = vec![0; size];
        let turn = &mut Turn { now: self.clock.now(), front: &mut Front::none() };
        let reply = match resolver.answer_now(query, &client, turn, &mut out) {
            Immediate::Reply(length) => out[..length].to_vec(),
            Immediate::Silence => return None,
            // It works on whether or not somebody still listens.
            Immediate::Later(request) => tokio::spawn(resolver.answer_later(request)).await.ok()??.to_vec(),
        };
        let (homeward, _) = *self.copies(link, route.transport, false).first()?;
        tokio::time::sleep(homeward).await;
        Some(reply)
    }

    /// Every link that has not been set for itself.
    pub fn set_links(&self, link: Link) {
        *self.default.lock() = link;
    }

    pub fn set_link(&self, server: &str, link: Link) {
        self.links.lock().insert(server.parse().unwrap(), link);
    }

    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Packets sent to servers so far: datagrams and TCP queries.
    pub fn packets(&self) -> usize {
        self.log.lock().exchanges.len()
    }

    /// Packets sent to one address.
    pub fn packets_to(&self, server: &str) -> usize {
        let server: IpAddr = server.parse().unwrap();
        self.log.lock().exchanges.iter().filter(|exchange| exchange.server.ip() == server).count()
    }

    pub fn packets_over(&self, transport: Transport) -> usize {
        self.log.lock().exchanges.iter().filter(|exchange| exchange.transport == transport).count()
    }

    /// Packets without those that prime the root.
    pub fn walked(&self) -> usize {
        self.log.lock().exchanges.iter().filter(|exchange| !exchange.is_priming()).count()
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.log.lock().exchanges.clone()
    }

    /// Those from the n-th on.
    pub fn exchanges_since(&self, nth: usize) -> Vec<Exchange> {
        self.log.lock().exchanges[nth..].to_vec()
    }

    /// Changes the servers: a zone that moves, a server that dies.
    pub fn rewire(&self, change: impl FnOnce(&mut BTreeMap<IpAddr, Authority>)) {
        change(&mut self.servers.lock());
    }

    /// A number that depends on every bit sent and received, and when.
    pub fn trace_hash(&self) -> u64 {
        self.log.lock().hash
    }

    /// Every exchange in a line of its own.
    pub fn story(&self) -> String {
        self.log.lock().exchanges.iter().map(|exchange| format!("{exchange}\n")).collect()
    }

    fn link(&self, server: IpAddr) -> Link {
        self.links.lock().get(&server).copied().unwrap_or(*self.default.lock())
    }

    /// Sends the query: what will arrive, and when.
    fn send(&self, route: Route, query: &[u8]) -> (usize, Vec<(Duration, Event)>) {
        let now = self.clock.now();
        let address = route.server.ip();
        let (index, nth) = self.record(route, query, now);
        let Some(authority) = self.servers.lock().get(&address).cloned() else { return (index, Vec::new()) };
        let link = self.link(address);
        let mut events = Vec::new();
        for (outward, _) in self.copies(link, route.transport, route.transport == Transport::Tcp) {
            for response in authority.respond(query, route.transport, nth, &self.dice) {
                for (homeward, copy) in self.copies(link, route.transport, false) {
                    let at = outward + response.delay + homeward;
                    match &response.kind {
                        Kind::Packet(bytes) => events.push((at, copy, Event::Packet(bytes.clone()))),
                        Kind::Reset => events.push((at, copy, Event::Reset)),
                        // The query's socket is connected: packets from elsewhere never get to it.
                        Kind::FromElsewhere(_) => {}
                    }
                }
            }
        }
        events.sort_by_key(|(at, copy, _)| (*at, *copy));
        (index, events.into_iter().map(|(at, _, event)| (at, event)).collect())
    }

    /// The times at which the copies of one packet arrive; none when it is lost.
    fn copies(&self, link: Link, transport: Transport, first: bool) -> Vec<(Duration, u8)> {
        let way = || link.latency + link.jitter.mul_f64(self.dice.fraction());
        let lost = self.dice.fraction() < link.loss;
        if transport == Transport::Tcp {
            let handshake = if first { way() + way() } else { Duration::ZERO };
            let late = if lost { TCP_RETRANSMISSION } else { Duration::ZERO };
            return vec![(handshake + way() + late, 0)];
        }
        let twice = self.dice.fraction() < link.duplication;
        (0..if lost { 0 } else { 1 + u8::from(twice) }).map(|copy| (way(), copy)).collect()
    }

    fn record(&self, route: Route, query: &[u8], now: Instant) -> (usize, u64) {
        let message = Message::parse(query).ok();
        let mut log = self.log.lock();
        let at = now.duration_since(self.start);
        log.mix(&at.as_nanos().to_be_bytes());
        log.mix(route.server.to_string().as_bytes());
        log.mix(query);
        let index = log.exchanges.len();
        log.exchanges.push(Exchange {
            at,
            server: route.server,
            transport: route.transport,
            flags: message.as_ref().map_or(0, |message| message.header.flags),
            edns: message.as_ref().is_some_and(|message| message.edns.is_some()),
            question: message.and_then(|message| message.question).map(|(question, _)| question),
            end: "nothing",
            after: Duration::ZERO,
        });
        let count = log.queries.entry(route.server.ip()).or_default();
        *count += 1;
        (index, *count - 1)
    }

    fn end(&self, index: usize, bytes: &[u8], end: &'static str) {
        let mut log = self.log.lock();
        let at = self.clock.now().duration_since(self.start);
        log.mix(&at.as_nanos().to_be_bytes());
        log.mix(bytes);
        let exchange = &mut log.exchanges[index];
        exchange.end = end;
        exchange.after = at - exchange.at;
    }
}

impl Network for SimNet {
    fn exchange<'a>(&'a self, route: Route, query: &'a [u8], is_ours: IsOurs<'a>) -> BoxFuture<'a, io::Result<Bytes>> {
        Box::pin(async move {
            let resolver = self.resolvers.lock().get(&route.server.ip()).cloned();
            if let Some(resolver) = resolver {
                let (index, _) = self.record(route, query, self.clock.now());
                let reply = self.ask_resolver(resolver, route, query).await;
                let Some(reply) = reply.filter(|reply| is_ours(reply) == Arrival::Ours) else {
                    return std::future::pending().await;
                };
                self.end(index, &reply, "reply");
                return Ok(Bytes::from(reply));
            }
            let (index, events) = self.send(route, query);
            let sent = self.clock.now();
            for (after, event) in events {
                sleep_until(sent + after).await;
                let Event::Packet(bytes) = event else {
                    self.end(index, &[], "reset");
                    return Err(io::ErrorKind::ConnectionRefused.into());
                };
                match is_ours(&bytes) {
                    Arrival::Ours => {
                        self.end(index, &bytes, "reply");
                        return Ok(Bytes::from(bytes));
                    }
                    Arrival::NotOurs => self.end(index, &bytes, "not ours"),
                    Arrival::NearMiss => {
                        self.end(index, &bytes, "near miss");
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
            }
            std::future::pending().await
        })
    }
}

impl Log {
    /// FNV-1a: not to keep anyone out, only to notice a difference.
    fn mix(&mut self, bytes: &[u8]) {
        let hash = self.hash ^ 0xcbf2_9ce4_8422_2325;
        self.hash = bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }
}

impl Exchange {
    pub fn is_priming(&self) -> bool {
        self.question
            .as_ref()
            .is_some_and(|question| question.name.is_root() && question.rtype == burdock::dns::RecordType::NS)
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let question = self.question.as_ref().map_or_else(|| "no question".to_owned(), ToString::to_string);
        let edns = if self.edns { "" } else { " without OPT" };
        let Self { at, server, transport, end, after, .. } = self;
        write!(f, "{at:>9.3?} {transport:?} {server} {question}{edns}: {end} after {after:.3?}")
    }
}

//! The Internet of a scenario: servers that answer as the ranges of the present step say, and stay silent otherwise.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Class, Message, Question};
use burdock::world::{Arrival, BoxFuture, IsOurs, Network, Route, Transport};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::matching::{Kind, Packet, compare};
use super::model::{Entry, Over, Parts, Range};

/// What becomes of a query.
#[derive(Debug)]
enum Fate {
    Reply(Bytes, Duration),
    Fails(io::ErrorKind),
}

/// A query that waits.
struct Waiting {
    route: Route,
    query: Packet,
    fate: oneshot::Sender<Fate>,
}

/// One query that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub step: u32,
    pub route: Route,
    pub query: Packet,
    pub answered: bool,
}

struct State {
    step: u32,
    /// The last step in which a client asked.
    asked: u32,
    waiting: Vec<Waiting>,
    log: Vec<Sent>,
}

/// The servers of one scenario.
pub struct Servers {
    ranges: Vec<Range>,
    state: Mutex<State>,
}

impl Servers {
    pub fn new(ranges: Vec<Range>) -> Arc<Self> {
        Arc::new(Self { ranges, state: Mutex::new(State { step: 0, asked: 0, waiting: Vec::new(), log: Vec::new() }) })
    }

    /// Goes to `step`; queries that wait are answered where its ranges know an answer.
    pub fn enter(&self, step: u32) {
        let asked = self.state.lock().asked;
        self.enter_from(asked, step);
    }

    /// The same after a client has asked in step `asked`: its servers count when those of `step` do not answer.
    pub fn enter_from(&self, asked: u32, step: u32) {
        let mut state = self.state.lock();
        (state.step, state.asked) = (step, asked);
        for waiting in std::mem::take(&mut state.waiting) {
            let server = waiting.route.server.ip();
            let found = self.find(step, server, &waiting.query);
            match found.or_else(|| self.find(asked, server, &waiting.query)) {
                Some(entry) => {
                    let _ = waiting.fate.send(fate(entry, &waiting.query));
                }
                None => state.waiting.push(waiting),
            }
        }
    }

    /// Answers the first query that waits and fits `entry`; `false` when none does.
    pub fn reply(&self, from: Option<IpAddr>, entry: &Entry) -> bool {
        let mut state = self.state.lock();
        state.waiting.retain(|waiting| !waiting.fate.is_closed());
        let fits = |waiting: &Waiting| {
            from.is_none_or(|from| from == waiting.route.server.ip())
                && compare(entry, &waiting.query, Kind::Query).is_ok()
        };
        let Some(index) = state.waiting.iter().position(fits) else { return false };
        let waiting = state.waiting.remove(index);
        let _ = waiting.fate.send(fate(entry, &waiting.query));
        true
    }

    /// Ends the oldest wait with an error; nothing happens when nobody waits.
    pub fn fail(&self, kind: io::ErrorKind) {
        let mut state = self.state.lock();
        state.waiting.retain(|waiting| !waiting.fate.is_closed());
        if !state.waiting.is_empty() {
            let _ = state.waiting.remove(0).fate.send(Fate::Fails(kind));
        }
    }

    /// Everything that was sent so far.
    pub fn log(&self) -> Vec<Sent> {
        self.state.lock().log.clone()
    }

    /// How often something was sent: a sign of life.
    pub fn count(&self) -> usize {
        self.state.lock().log.len()
    }

    fn find(&self, step: u32, server: IpAddr, query: &Packet) -> Option<&Entry> {
        let valid = |range: &&Range| {
            (range.first..=range.last).contains(&step)
                && (range.addresses.is_empty() || range.addresses.contains(&server))
        };
        self.ranges
            .iter()
            .filter(valid)
            .flat_map(|range| &range.entries)
            .find(|entry| compare(entry, query, Kind::Query).is_ok())
    }

    fn send(&self, route: Route, query: &[u8]) -> io::Result<oneshot::Receiver<Fate>> {
        let over = match route.transport {
            Transport::Udp => Over::Udp,
            Transport::Tcp => Over::Tcp,
        };
        let query = Packet::new(query, over).ok_or(io::ErrorKind::InvalidInput)?;
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        let server = route.server.ip();
        let found = self.find(state.step, server, &query).or_else(|| self.find(state.asked, server, &query));
        let step = state.step;
        state.log.push(Sent { step, route, query: query.clone(), answered: found.is_some() });
        match found {
            Some(entry) => {
                let _ = sender.send(fate(entry, &query));
            }
            None => state.waiting.push(Waiting { route, query, fate: sender }),
        }
        Ok(receiver)
    }
}

impl Network for Servers {
    fn exchange<'a>(&'a self, route: Route, query: &'a [u8], is_ours: IsOurs<'a>) -> BoxFuture<'a, io::Result<Bytes>> {
        Box::pin(async move {
            let fate = self.send(route, query)?.await;
            match fate {
                Ok(Fate::Fails(kind)) => Err(kind.into()),
                Ok(Fate::Reply(reply, delay)) => {
                    if !delay.is_zero() {
                        tokio::time::sleep(delay).await;
                    }
                    match is_ours(&reply) {
                        Arrival::Ours => Ok(reply),
                        Arrival::NearMiss => Err(io::ErrorKind::InvalidData.into()),
                        // Nothing else will come.
                        Arrival::NotOurs => std::future::pending().await,
                    }
                }
                Err(_) => std::future::pending().await,
            }
        })
    }
}

fn fate(entry: &Entry, query: &Packet) -> Fate {
    Fate::Reply(Bytes::from(reply(entry, &query.message)), entry.adjust.sleep)
}

/// The packet that `entry` describes, in reply to `query`.
pub fn reply(entry: &Entry, query: &Message) -> Vec<u8> {
    if let Some(raw) = &entry.raw {
        let mut raw = raw.clone();
        for (octet, id) in raw.iter_mut().zip(query.header.id.to_be_bytes()) {
            *octet = id;
        }
        return raw;
    }
    let question = if entry.adjust.copy_query { query.question.clone() } else { entry.message.question.clone() };
    write(&entry.message, query.header.id, question)
}

/// A message of these parts: names in full, RDATA as it is, however malformed.
pub fn write(parts: &Parts, id: u16, question: Option<(Question, Class)>) -> Vec<u8> {
    let with_opt = parts.dnssec_ok || parts.edns_data.is_some() || parts.rcode.high() != 0;
    let flags = parts.flags | u16::from(parts.opcode.0) << 11 | u16::from(parts.rcode.low());
    let additional = parts.additional.len() + usize::from(with_opt);
    let counts = [usize::from(question.is_some()), parts.answer.len(), parts.authority.len(), additional];
    let mut packet = [id.to_be_bytes(), flags.to_be_bytes()].concat();
    packet.extend(counts.iter().flat_map(|count| u16::try_from(*count).unwrap().to_be_bytes()));
    if let Some((question, class)) = question {
        packet.extend_from_slice(question.name.wire());
        packet.extend([question.rtype.0, class.0].iter().flat_map(|number| number.to_be_bytes()));
    }
    for record in parts.answer.iter().chain(&parts.authority).chain(&parts.additional) {
        packet.extend_from_slice(record.owner.wire());
        packet.extend([record.rtype.0, record.class.0].iter().flat_map(|number| number.to_be_bytes()));
        packet.extend_from_slice(&record.ttl.as_secs().to_be_bytes());
        packet.extend_from_slice(&u16::try_from(record.rdata.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(&record.rdata);
    }
    if with_opt {
        let options = parts.edns_data.as_deref().unwrap_or_default();
        // Root, OPT, 4096 octets, upper RCODE, version 0, DO.
        packet.extend_from_slice(&[0, 0, 41, 0x10, 0, parts.rcode.high(), 0, u8::from(parts.dnssec_ok) << 7, 0]);
        packet.extend_from_slice(&u16::try_from(options.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(options);
    }
    packet
}

//! What the authorities answer: a pure function from a query to a reply.
//!
//! TTLs are a day, so that nothing ends during a run. Names and types that do not exist are denied with a SOA.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::names::{TLDS, Target, number};

const TTL: u32 = 86_400;
const NEGATIVE_TTL: u32 = 3600;
const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;

/// Where in the tree a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Root,
    Tld,
    Domain,
}

/// The servers of each level.
pub const SERVERS: [(Level, u8); 3] = [(Level::Root, 4), (Level::Tld, 8), (Level::Domain, 8)];
/// The address of one of the servers of a level.
pub const fn address(level: Level, number: u64) -> Ipv4Addr {
    let (third, count) = match level {
        Level::Root => (1, SERVERS[0].1),
        Level::Tld => (2, SERVERS[1].1),
        Level::Domain => (3, SERVERS[2].1),
    };
    Ipv4Addr::new(127, 98, third, 1 + (number % count as u64) as u8)
}

/// A query's question, label by label.
struct Asked<'a> {
    packet: &'a [u8],
    /// Where each label starts.
    labels: Vec<usize>,
    qtype: u16,
    end: usize,
    edns: bool,
}

impl<'a> Asked<'a> {
    fn read(packet: &'a [u8]) -> Option<Self> {
        let mut labels = Vec::with_capacity(4);
        let mut at = 12;
        while *packet.get(at)? != 0 {
            labels.push(at);
            at += 1 + usize::from(*packet.get(at)?);
        }
        let end = at + 5;
        let qtype = u16::from_be_bytes([*packet.get(at + 1)?, *packet.get(at + 2)?]);
        let is_query = *packet.get(2)? & 0xf8 == 0 && packet.len() >= end;
        is_query.then_some(Self { packet, labels, qtype, end, edns: packet[11] > 0 })
    }

    fn depth(&self) -> usize {
        self.labels.len()
    }

    /// The label so many places from the right, the TLD being 1; empty when there is none.
    fn label(&self, from_right: usize) -> &'a [u8] {
        let start = self.depth().checked_sub(from_right).and_then(|index| self.labels.get(index));
        start.map_or(&[], |&start| &self.packet[start + 1..=start + usize::from(self.packet[start])])
    }

    /// The name of the last `depth` labels, as a pointer into the question.
    fn tail(&self, depth: usize) -> Vec<u8> {
        if depth == 0 {
            return vec![0];
        }
        (0xc000 | self.labels[self.depth() - depth] as u16).to_be_bytes().to_vec()
    }
}

/// A reply in the making.
struct Reply<'a> {
    out: &'a mut Vec<u8>,
    counts: [u16; 3],
}

/// The sections of a reply.
#[derive(Clone, Copy)]
enum Section {
    Answer,
    Authority,
    Additional,
}

impl Reply<'_> {
    fn record(&mut self, section: Section, owner: &[u8], (rtype, ttl): (u16, u32), rdata: &[u8]) {
        self.out.extend_from_slice(owner);
        self.out.extend_from_slice(&rtype.to_be_bytes());
        self.out.extend_from_slice(&[0, 1]);
        self.out.extend_from_slice(&ttl.to_be_bytes());
        self.out.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        self.out.extend_from_slice(rdata);
        self.counts[section as usize] += 1;
    }

    fn soa(&mut self, zone: &[u8]) {
        let mut rdata = [b"\x02ns", zone, b"\x01r", zone].concat();
        for field in [1, 7200, 900, 1_209_600, NEGATIVE_TTL] {
            rdata.extend_from_slice(&field.to_be_bytes());
        }
        self.record(Section::Authority, zone, (SOA, NEGATIVE_TTL), &rdata);
    }

    /// A zone's servers, with their addresses.
    fn servers(&mut self, section: Section, zone: &[u8], (level, first): (Level, u64)) {
        let hosts: Vec<Vec<u8>> = (0..hosts(level)).map(|index| host(index, zone)).collect();
        for host in &hosts {
            self.record(section, zone, (NS, TTL), host);
        }
        for (index, host) in (0..).zip(&hosts) {
            self.record(Section::Additional, host, (A, TTL), &address(level, first + index).octets());
        }
    }
}

/// How many servers a zone of this level has.
fn hosts(level: Level) -> u64 {
    if level == Level::Root { u64::from(SERVERS[0].1) } else { 2 }
}

/// The name of a zone's server: `n0`, `n1`, … in the zone.
fn host(index: u64, zone: &[u8]) -> Vec<u8> {
    [&[2, b'n', b'0' + index as u8], zone].concat()
}

/// Writes the reply to `packet` into `out`; `false` when it is no query. Queries for `z0` to `z999` count as hot.
pub fn answer(level: Level, packet: &[u8], hot: &AtomicU64, out: &mut Vec<u8>) -> bool {
    let Some(asked) = Asked::read(packet) else { return false };
    out.clear();
    out.extend_from_slice(&packet[..asked.end]);
    let mut reply = Reply { out, counts: [0; 3] };
    let (authoritative, rcode) = match level {
        Level::Root => root(&asked, &mut reply),
        Level::Tld => tld(&asked, &mut reply),
        Level::Domain => domain(&asked, &mut reply, hot),
    };
    let mut counts = reply.counts;
    if asked.edns {
        out.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        counts[2] += 1;
    }
    out[2] = 0x80 | (packet[2] & 1) | if authoritative { 4 } else { 0 };
    out[3] = rcode;
    out[4..6].copy_from_slice(&[0, 1]);
    for (place, count) in out[6..12].chunks_exact_mut(2).zip(counts) {
        place.copy_from_slice(&count.to_be_bytes());
    }
    true
}

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

fn root(asked: &Asked<'_>, reply: &mut Reply<'_>) -> (bool, u8) {
    let top = asked.label(1);
    if asked.depth() == 0 && asked.qtype == NS {
        reply.servers(Section::Answer, &[0], (Level::Root, 0));
        return (true, NOERROR);
    }
    if let Some(number) = number(top, b't').filter(|number| *number < TLDS) {
        reply.servers(Section::Authority, &asked.tail(1), (Level::Tld, 2 * number));
        return (false, NOERROR);
    }
    if asked.depth() == 1
        && asked.qtype == A
        && let Some(index) = number(top, b'n')
    {
        reply.record(Section::Answer, &asked.tail(1), (A, TTL), &address(Level::Root, index).octets());
        return (true, NOERROR);
    }
    reply.soa(&[0]);
    let exists = asked.depth() == 0 || number(top, b'n').is_some();
    (true, if exists { NOERROR } else { NXDOMAIN })
}

fn tld(asked: &Asked<'_>, reply: &mut Reply<'_>) -> (bool, u8) {
    let Some(own) = number(asked.label(1), b't') else { return (false, REFUSED) };
    let second = asked.label(2);
    if let Some(number) = number(second, b'd').filter(|number| number % TLDS == own) {
        reply.servers(Section::Authority, &asked.tail(2), (Level::Domain, 2 * number));
        return (false, NOERROR);
    }
    in_zone(asked, reply, (Level::Tld, 1, 2 * own), None)
}

fn domain(asked: &Asked<'_>, reply: &mut Reply<'_>, hot: &AtomicU64) -> (bool, u8) {
    let Some(own) = number(asked.label(2), b'd') else { return (false, REFUSED) };
    let first = asked.label(3);
    let letter = first.first().map_or(0, u8::to_ascii_lowercase);
    let target = number(first, letter).filter(|_| letter == b'h' || letter == b'z');
    let target = target.map(|host| Target { letter, host, domain: own });
    if target.is_some_and(|target| target.letter == b'z' && target.host < 1000) {
        hot.fetch_add(1, Ordering::Relaxed);
    }
    in_zone(asked, reply, (Level::Domain, 2, 2 * own), target)
}

/// Answers from a zone whose apex has `apex` labels and whose servers start at number `first`.
fn in_zone(
    asked: &Asked<'_>,
    reply: &mut Reply<'_>,
    (level, apex, first): (Level, usize, u64),
    target: Option<Target>,
) -> (bool, u8) {
    let zone = asked.tail(apex);
    let own = asked.tail(asked.depth());
    let server = number(asked.label(apex + 1), b'n').filter(|index| *index < 2);
    let exists = asked.depth() == apex || (asked.depth() == apex + 1 && (target.is_some() || server.is_some()));
    match (asked.qtype, target, server) {
        (NS, ..) if asked.depth() == apex => reply.servers(Section::Answer, &zone, (level, first)),
        (A, Some(target), _) if exists => reply.record(Section::Answer, &own, (A, TTL), &target.address()),
        (A, None, Some(index)) if exists => {
            reply.record(Section::Answer, &own, (A, TTL), &address(level, first + index).octets());
        }
        _ => reply.soa(&zone),
    }
    (true, if exists { NOERROR } else { NXDOMAIN })
}

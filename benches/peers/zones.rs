//! What the authorities answer: a pure function from a query to a reply.
//!
//! TTLs are a day, so that nothing ends during a run. Names and types that do not exist are denied with a SOA. Signed
//! denials say that the name has no such data, whether it exists or not (RFC 9824).

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::names::{TLDS, Target, number};
use super::signatures::Signatures;

const TTL: u32 = 86_400;
const NEGATIVE_TTL: u32 = 3600;
const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const DS: u16 = 43;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const DNSKEY: u16 = 48;

/// Where in the tree a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Root,
    Tld,
    Domain,
    /// Takes queries and never answers.
    Dead,
}

/// The servers of each level.
pub const SERVERS: [(Level, u8); 4] = [(Level::Root, 4), (Level::Tld, 8), (Level::Domain, 8), (Level::Dead, 2)];
/// The domain whose servers are dead.
pub const DEAD: u64 = 1 << 40;
/// The address of one of the servers of a level.
pub const fn address(level: Level, number: u64) -> Ipv4Addr {
    let (third, count) = match level {
        Level::Root => (1, SERVERS[0].1),
        Level::Tld => (2, SERVERS[1].1),
        Level::Domain => (3, SERVERS[2].1),
        Level::Dead => (4, SERVERS[3].1),
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
    /// Whether signatures are wanted.
    dnssec: bool,
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
        let edns = packet[11] > 0;
        // OPT comes first, and the bit is in its third octet but two of TTL (RFC 3225 §3).
        let dnssec = edns && packet.get(end + 7).is_some_and(|flags| flags & 0x80 != 0);
        is_query.then_some(Self { packet, labels, qtype, end, edns, dnssec })
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

    /// The name of the last `depth` labels, whole and in lower case.
    fn whole(&self, depth: usize) -> Vec<u8> {
        let start = self.depth().checked_sub(depth).and_then(|index| self.labels.get(index));
        start.map_or_else(|| vec![0], |&start| self.packet[start..self.end - 4].to_ascii_lowercase())
    }
}

/// A reply in the making.
struct Reply<'a> {
    out: &'a mut Vec<u8>,
    counts: [u16; 3],
    /// Who signs it, if anybody does.
    signatures: Option<&'a mut Signatures>,
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

    /// The signature over an RRset that is there already: its zone and its owner are so deep.
    fn sign(
        &mut self,
        asked: &Asked<'_>,
        (section, [zone, owner]): (Section, [usize; 2]),
        (rtype, ttl): (u16, u32),
        rdatas: impl FnOnce() -> Vec<Vec<u8>>,
    ) {
        let Some(signatures) = &mut self.signatures else { return };
        let (zone, whole) = (asked.whole(zone), asked.whole(owner));
        let rrsig = signatures.rrsig(&zone, &whole, (rtype, ttl), rdatas).to_vec();
        self.record(section, &asked.tail(owner), (RRSIG, ttl), &rrsig);
    }

    /// One address of the name that is asked for, which is in a zone so deep.
    fn address(&mut self, asked: &Asked<'_>, apex: usize, octets: [u8; 4]) {
        let depth = asked.depth();
        self.record(Section::Answer, &asked.tail(depth), (A, TTL), &octets);
        self.sign(asked, (Section::Answer, [apex, depth]), (A, TTL), || vec![octets.to_vec()]);
    }

    /// Says that the name that is asked for has these types only, in a zone so deep; returns the RCODE.
    fn deny(&mut self, asked: &Asked<'_>, apex: usize, types: Option<&[u16]>) -> u8 {
        self.record(Section::Authority, &asked.tail(apex), (SOA, NEGATIVE_TTL), &soa(&asked.tail(apex)));
        if self.signatures.is_none() {
            return if types.is_some() { NOERROR } else { NXDOMAIN };
        }
        let whole = asked.whole(apex);
        self.sign(asked, (Section::Authority, [apex; 2]), (SOA, NEGATIVE_TTL), || vec![soa(&whole)]);
        // All types are below 64.
        let bit = |bits: u64, rtype: &u16| bits | 1 << (63 - rtype);
        let bits = [RRSIG, NSEC].iter().chain(types.unwrap_or_default()).fold(0, bit).to_be_bytes();
        let depth = asked.depth();
        let rdata = [&[1, 0], &*asked.whole(depth), &[0, 7], &bits[..7]].concat();
        self.record(Section::Authority, &asked.tail(depth), (NSEC, NEGATIVE_TTL), &rdata);
        self.sign(asked, (Section::Authority, [apex, depth]), (NSEC, NEGATIVE_TTL), || vec![rdata]);
        NOERROR
    }

    /// The keys of a zone so deep.
    fn keys(&mut self, asked: &Asked<'_>, apex: usize) {
        let Some(signatures) = &mut self.signatures else { return };
        let keys = signatures.dnskeys(&asked.whole(apex));
        for key in &keys {
            self.record(Section::Answer, &asked.tail(apex), (DNSKEY, TTL), key);
        }
        self.sign(asked, (Section::Answer, [apex; 2]), (DNSKEY, TTL), || keys.into());
    }

    /// What the zone above says of the keys of a zone so deep.
    fn vouch(&mut self, asked: &Asked<'_>, section: Section, depth: usize) {
        let Some(signatures) = &mut self.signatures else { return };
        let ds = signatures.ds(&asked.whole(depth));
        self.record(section, &asked.tail(depth), (DS, TTL), &ds);
        self.sign(asked, (section, [depth - 1, depth]), (DS, TTL), || vec![ds]);
    }

    /// The servers of a zone so deep, as itself says.
    fn servers(&mut self, asked: &Asked<'_>, depth: usize, (level, first): (Level, u64)) {
        let names = self.names(Section::Answer, &asked.tail(depth), level);
        let whole = asked.whole(depth);
        let rdatas = || (0..hosts(level)).map(|index| host(index, &whole)).collect();
        self.sign(asked, (Section::Answer, [depth; 2]), (NS, TTL), rdatas);
        self.glue(&names, (level, first));
    }

    /// The same, as the zone above says, and what it says of the keys.
    fn refer(&mut self, asked: &Asked<'_>, depth: usize, (level, first): (Level, u64)) {
        let names = self.names(Section::Authority, &asked.tail(depth), level);
        self.vouch(asked, Section::Authority, depth);
        self.glue(&names, (level, first));
    }

    fn names(&mut self, section: Section, zone: &[u8], level: Level) -> Vec<Vec<u8>> {
        let hosts: Vec<Vec<u8>> = (0..hosts(level)).map(|index| host(index, zone)).collect();
        for host in &hosts {
            self.record(section, zone, (NS, TTL), host);
        }
        hosts
    }

    fn glue(&mut self, hosts: &[Vec<u8>], (level, first): (Level, u64)) {
        for (index, host) in (0..).zip(hosts) {
            self.record(Section::Additional, host, (A, TTL), &address(level, first + index).octets());
        }
    }
}

/// The RDATA of a zone's SOA record.
fn soa(zone: &[u8]) -> Vec<u8> {
    let mut rdata = [b"\x02ns", zone, b"\x01r", zone].concat();
    for field in [1, 7200, 900, 1_209_600, NEGATIVE_TTL] {
        rdata.extend_from_slice(&field.to_be_bytes());
    }
    rdata
}

/// How many servers a zone of this level has.
fn hosts(level: Level) -> u64 {
    if level == Level::Root { u64::from(SERVERS[0].1) } else { 2 }
}

/// The name of a zone's server: `n0`, `n1`, … in the zone.
fn host(index: u64, zone: &[u8]) -> Vec<u8> {
    [&[2, b'n', b'0' + index as u8], zone].concat()
}

/// How the authorities answer.
pub struct Manner<'a> {
    /// Queries for `z0` to `z999` count as hot.
    pub hot: &'a AtomicU64,
    /// Who signs, if every zone is signed.
    pub signatures: Option<&'a mut Signatures>,
}

/// Writes the reply to `packet` into `out`; `false` when it is no query.
pub fn answer(level: Level, packet: &[u8], manner: Manner<'_>, out: &mut Vec<u8>) -> bool {
    let Some(asked) = Asked::read(packet) else { return false };
    out.clear();
    out.extend_from_slice(&packet[..asked.end]);
    let mut reply = Reply { out, counts: [0; 3], signatures: manner.signatures.filter(|_| asked.dnssec) };
    let (authoritative, rcode) = match level {
        Level::Root => root(&asked, &mut reply),
        Level::Tld => tld(&asked, &mut reply),
        Level::Domain => domain(&asked, &mut reply, manner.hot),
        Level::Dead => return false,
    };
    let mut counts = reply.counts;
    if asked.edns {
        out.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, u8::from(asked.dnssec) << 7, 0, 0, 0]);
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
        reply.servers(asked, 0, (Level::Root, 0));
        return (true, NOERROR);
    }
    if let Some(number) = number(top, b't').filter(|number| *number < TLDS) {
        return below(asked, reply, 1, (Level::Tld, 2 * number));
    }
    let server = number(top, b'n').filter(|_| asked.depth() == 1);
    match (asked.qtype, server) {
        (A, Some(index)) => reply.address(asked, 0, address(Level::Root, index).octets()),
        (DNSKEY, None) if asked.depth() == 0 && reply.signatures.is_some() => reply.keys(asked, 0),
        _ => {
            let at_apex = (asked.depth() == 0).then_some(AT_APEX);
            return (true, reply.deny(asked, 0, server.map(|_| AT_HOST).or(at_apex)));
        }
    }
    (true, NOERROR)
}

fn tld(asked: &Asked<'_>, reply: &mut Reply<'_>) -> (bool, u8) {
    let Some(own) = number(asked.label(1), b't') else { return (false, REFUSED) };
    let second = asked.label(2);
    if let Some(number) = number(second, b'd').filter(|number| number % TLDS == own) {
        let level = if number == DEAD { Level::Dead } else { Level::Domain };
        return below(asked, reply, 2, (level, 2 * number));
    }
    in_zone(asked, reply, (Level::Tld, 1, 2 * own), None)
}

/// What the zone above says of one so deep and of all that is in it.
fn below(asked: &Asked<'_>, reply: &mut Reply<'_>, depth: usize, servers: (Level, u64)) -> (bool, u8) {
    if asked.qtype == DS && asked.depth() == depth && reply.signatures.is_some() {
        reply.vouch(asked, Section::Answer, depth);
        return (true, NOERROR);
    }
    reply.refer(asked, depth, servers);
    (false, NOERROR)
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
    let server = number(asked.label(apex + 1), b'n').filter(|index| *index < 2);
    let at_apex = asked.depth() == apex;
    let is_host = asked.depth() == apex + 1 && (target.is_some() || server.is_some());
    match (asked.qtype, target, server) {
        (NS, ..) if at_apex => reply.servers(asked, apex, (level, first)),
        (DNSKEY, ..) if at_apex && reply.signatures.is_some() => reply.keys(asked, apex),
        (A, Some(target), _) if is_host => reply.address(asked, apex, target.address()),
        (A, None, Some(index)) if is_host => {
            reply.address(asked, apex, address(level, first + index).octets());
        }
        _ => {
            let types = if at_apex { Some(AT_APEX) } else { is_host.then_some(AT_HOST) };
            return (true, reply.deny(asked, apex, types));
        }
    }
    (true, NOERROR)
}

/// The types of a name, beside those of its denial.
const AT_APEX: &[u16] = &[NS, SOA, DNSKEY];
const AT_HOST: &[u16] = &[A];

/// Has all signed that a walk to `target` will see below its TLD's servers.
pub fn sign(target: &Target, signatures: &mut Signatures, out: &mut Vec<u8>) {
    let mut name = Vec::new();
    target.write(&mut name);
    let zone = name[1 + usize::from(name[0])..].to_vec();
    for (level, name, qtype) in [(Level::Tld, &name, A), (Level::Domain, &zone, DNSKEY), (Level::Domain, &name, A)] {
        let mut query = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        query.extend_from_slice(name);
        query.extend_from_slice(&[&qtype.to_be_bytes()[..], &[0, 1, 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]].concat());
        let manner = Manner { hot: &AtomicU64::new(0), signatures: Some(&mut *signatures) };
        assert!(answer(level, &query, manner, out), "a query");
    }
}

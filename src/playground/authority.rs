//! One authoritative server: an address, its zones, and how it behaves.
//!
//! Bytes in, responses out; when and whether they arrive is up to the network, simulated or real.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::behaviour::Behaviour;
use super::zone::{Answer, Zone};
use crate::dns::{
    Class, Edns, Header, Message, MessageWriter, Name, Opcode, Question, Rcode, Record, RecordType, RrSet, Section,
};
use crate::world::{Dice, Transport};

/// The longest datagram a server sends, whatever the query allows (RFC 9715).
const MAX_UDP_REPLY: u16 = 1232;
/// The longest datagram without EDNS (RFC 1035 §4.2.1).
const PLAIN_UDP_REPLY: u16 = 512;
/// The longest message over TCP.
const MAX_TCP_REPLY: u16 = u16::MAX;

/// A server.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Where it listens.
    pub address: IpAddr,
    /// What it serves.
    pub zones: Vec<Arc<Zone>>,
    /// In what it differs from an honest server; applied in this order.
    pub behaviours: Vec<Behaviour>,
}

/// A query as it reached the server.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The message.
    pub message: &'a Message,
    /// The zone that answers it; `None` when the server has none.
    pub zone: Option<&'a Zone>,
    /// How it came.
    pub transport: Transport,
    /// How many queries the server got before this one.
    pub nth: u64,
    /// Chance.
    pub dice: &'a Dice,
}

/// A reply in the making: behaviours change it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The message, to begin with an honest one.
    pub message: Message,
    /// The options of its OPT, in wire form.
    pub options: Vec<u8>,
    /// The time the server takes.
    pub delay: Duration,
    /// The octets the reply may have; over it TC is set.
    pub limit: u16,
    /// Whether it is sent at all.
    pub fate: Fate,
    /// Only so many octets of it are sent, whatever its counts say.
    pub cut: Option<usize>,
    /// Octets behind the message.
    pub tail: Vec<u8>,
    /// Other packets that the query sets off.
    pub others: Vec<Response>,
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent.
    Sent,
    /// It is not, and the client is left waiting.
    Dropped,
    /// It is not, and the client learns at once: connection reset, port unreachable.
    Reset,
    /// It is sent from a port the client did not ask.
    SentFromElsewhere,
}

/// Something that comes back to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// After how long, the network's time not included.
    pub delay: Duration,
    /// What.
    pub kind: Kind,
}

/// The kinds of response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A packet from the server's address, or a message in the client's connection.
    Packet(Vec<u8>),
    /// A packet from another port.
    FromElsewhere(Vec<u8>),
    /// The connection is reset, or the port unreachable.
    Reset,
}

impl Authority {
    /// An honest server of `zones` at `address`.
    pub fn new(address: IpAddr, zones: impl IntoIterator<Item = Arc<Zone>>) -> Self {
        Self { address, zones: zones.into_iter().collect(), behaviours: Vec::new() }
    }

    /// The same server with one behaviour more.
    #[must_use]
    pub fn with(mut self, behaviour: Behaviour) -> Self {
        self.behaviours.push(behaviour);
        self
    }

    /// What comes back for `packet`, the `nth` query of this server; nothing for what is no query.
    pub fn respond(&self, packet: &[u8], transport: Transport, nth: u64, dice: &Dice) -> Vec<Response> {
        let Ok(message) = Message::parse(packet) else { return Vec::new() };
        if message.header.has(Header::QR) {
            return Vec::new();
        }
        let zone = message.question.as_ref().and_then(|(question, _)| self.zone_for(question));
        let query = Query { message: &message, zone: zone.map(AsRef::as_ref), transport, nth, dice };
        let mut draft = honest(&query);
        for behaviour in &self.behaviours {
            behaviour.apply(&query, &mut draft);
        }
        let kind = match draft.fate {
            Fate::Sent => Some(Kind::Packet(draft.bytes())),
            Fate::SentFromElsewhere => Some(Kind::FromElsewhere(draft.bytes())),
            Fate::Reset => Some(Kind::Reset),
            Fate::Dropped => None,
        };
        let mut responses = draft.others;
        responses.extend(kind.map(|kind| Response { delay: draft.delay, kind }));
        responses
    }

    /// The zone that answers `question`: the deepest; for DS the one above the cut, when it is here too.
    pub fn zone_for(&self, question: &Question) -> Option<&Arc<Zone>> {
        let mut candidates: Vec<&Arc<Zone>> =
            self.zones.iter().filter(|zone| question.name.is_in(zone.apex())).collect();
        candidates.sort_by_key(|zone| zone.apex().label_count());
        let deepest = candidates.pop()?;
        if question.rtype.is_parent_side() && *deepest.apex() == question.name {
            return candidates.pop().or(Some(deepest));
        }
        Some(deepest)
    }
}

impl Draft {
    /// The reply as it goes on the wire, truncated to the limit.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = write(&self.message, &self.options, usize::from(self.limit));
        bytes.truncate(self.cut.unwrap_or(usize::MAX));
        bytes.extend_from_slice(&self.tail);
        bytes
    }
}

impl Query<'_> {
    /// The name asked about; the root when there is no question.
    pub fn name(&self) -> Name {
        self.message.question.as_ref().map_or_else(Name::root, |(question, _)| question.name.clone())
    }

    /// The type asked for; `None` when there is no question.
    pub fn rtype(&self) -> Option<RecordType> {
        self.message.question.as_ref().map(|(question, _)| question.rtype)
    }
}

/// What a server without fault or guile says.
fn honest(query: &Query<'_>) -> Draft {
    let asked = query.message.edns.as_ref();
    let limit = match (query.transport, asked) {
        (Transport::Tcp, _) => MAX_TCP_REPLY,
        (Transport::Udp, Some(edns)) => edns.udp_size.clamp(PLAIN_UDP_REPLY, MAX_UDP_REPLY),
        (Transport::Udp, None) => PLAIN_UDP_REPLY,
    };
    let edns = asked.map(|edns| Edns { udp_size: MAX_UDP_REPLY, dnssec_ok: edns.dnssec_ok, ..Edns::default() });
    let mut message = Message {
        header: Header {
            id: query.message.header.id,
            flags: Header::QR | (query.message.header.flags & (Header::RD | Header::CD | 0x7800)),
            counts: [0; 4],
        },
        question: query.message.question.clone(),
        answer: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        edns,
        dropped: 0,
        dropped_answers: 0,
        octets: 0,
    };
    match (answer(query), asked.is_some_and(|edns| edns.version > 0)) {
        (_, true) => set_rcode(&mut message, Rcode::BADVERS),
        (Err(rcode), false) => set_rcode(&mut message, rcode),
        (Ok(answer), false) => fill(&mut message, &answer),
    }
    Draft {
        message,
        options: Vec::new(),
        delay: Duration::ZERO,
        limit,
        fate: Fate::Sent,
        cut: None,
        tail: Vec::new(),
        others: Vec::new(),
    }
}

fn answer(query: &Query<'_>) -> Result<Answer, Rcode> {
    if query.message.header.opcode() != Opcode::QUERY {
        return Err(Rcode::NOTIMP);
    }
    let (question, class) = query.message.question.as_ref().ok_or(Rcode::FORMERR)?;
    let zone = query.zone.filter(|_| *class == Class::IN).ok_or(Rcode::REFUSED)?;
    Ok(zone.answer(question))
}

/// Sets the response code, its upper bits in OPT; without OPT a code that needs them becomes SERVFAIL.
pub fn set_rcode(message: &mut Message, rcode: Rcode) {
    let rcode = if message.edns.is_none() && rcode.high() > 0 { Rcode::SERVFAIL } else { rcode };
    message.header.flags = (message.header.flags & 0xfff0) | u16::from(rcode.low());
    if let Some(edns) = &mut message.edns {
        edns.rcode_high = rcode.high();
    }
}

/// The records of one RRset, its signatures behind them when `signed`.
pub fn records(set: &RrSet, signed: Signed) -> Vec<Record> {
    let record = |rtype: RecordType, rdata: &[u8]| Record {
        owner: set.owner.clone(),
        rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata: rdata.into(),
    };
    let mut records: Vec<Record> = set.rdatas.iter().map(|rdata| record(set.rtype, rdata)).collect();
    if signed == Signed::Yes {
        records.extend(set.signatures.iter().map(|rdata| record(RecordType::RRSIG, rdata)));
    }
    records
}

/// Whether DNSSEC records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// With signatures, as with DO set.
    Yes,
    /// Without.
    No,
}

fn fill(message: &mut Message, answer: &Answer) {
    let signed = match message.edns.as_ref().is_some_and(|edns| edns.dnssec_ok) {
        true => Signed::Yes,
        false => Signed::No,
    };
    set_rcode(message, answer.rcode);
    if answer.authoritative {
        message.header.flags |= Header::AA;
    }
    let wanted = |set: &&RrSet| signed == Signed::Yes || set.rtype != RecordType::DS;
    message.answer = answer.answer.iter().flat_map(|set| records(set, signed)).collect();
    let proofs: &[RrSet] = if signed == Signed::Yes { &answer.proofs } else { &[] };
    let authority = answer.authority.iter().filter(wanted).chain(proofs);
    message.authority = authority.flat_map(|set| records(set, signed)).collect();
    message.additional = answer.additional.iter().flat_map(|set| records(set, signed)).collect();
}

/// Writes `message` within `limit` octets: first the additional section is given up, then everything, with TC.
/// A referral whose glue does not fit says TC as well (RFC 9471 §3).
pub fn write(message: &Message, options: &[u8], limit: usize) -> Vec<u8> {
    let referral = message.answer.is_empty() && !message.header.has(Header::AA);
    let without_glue = if referral { Header::TC } else { 0 };
    let attempts: [(&[Section], u16); 2] = [
        (&[Section::Answer, Section::Authority, Section::Additional], 0),
        (&[Section::Answer, Section::Authority], without_glue),
    ];
    let written = attempts.iter().map(|(sections, flags)| write_sections(message, options, sections, *flags));
    let fitting = written.into_iter().find(|bytes| bytes.len() <= limit);
    fitting.unwrap_or_else(|| write_sections(message, options, &[], Header::TC))
}

fn write_sections(message: &Message, options: &[u8], sections: &[Section], flags: u16) -> Vec<u8> {
    let flags = (message.header.flags | flags) & 0xfff0;
    let rcode = message.rcode();
    let mut writer = MessageWriter::new(message.header.id, flags, rcode, usize::MAX);
    if let Some((question, class)) = &message.question {
        writer.question(question, *class);
    }
    for section in sections {
        let records = match section {
            Section::Answer => &message.answer,
            Section::Authority => &message.authority,
            Section::Additional => &message.additional,
        };
        for record in records {
            writer.record(*section, record);
        }
    }
    if let Some(edns) = &message.edns {
        writer.opt(edns.udp_size, rcode, edns.dnssec_ok, options);
    }
    writer.finish().0
}

#[cfg(test)]
mod tests;

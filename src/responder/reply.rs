//! Resolution → reply bytes: sections, flags, extended errors.
//!
//! Replies are minimal: what was asked for and, in denials, the SOA; nothing that the client did not need.

use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::visitor::Visitor;
use super::{Immediate, failure, request};
use crate::cache::Answer;
use crate::dns::{
    Class, Denial, Ede, EdeCode, Header, MessageWriter, Name, Outcome, Peeked, Question, Rcode, Rdatas, RecordType,
    RrSet, Section, Security, Ttl,
};
use crate::job::{LimitName, Limits};
use crate::policy::{LocalAnswer, Objection};
use crate::resolver::{LastKnown, Resolution, ResolveError};

/// The largest reply there is: what a stream can carry (RFC 7766 §8).
const MAX_REPLY: usize = 65_535;
/// How long a client may keep the short answer to ANY (RFC 8482 §4.2).
const ANY_TTL: Ttl = Ttl::from_secs(3789);

/// When a reply is written, and within which bounds.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub now: Instant,
    pub limits: &'a Limits,
}

/// What a reply consists of.
struct Parts<'a> {
    rcode: Rcode,
    flags: u16,
    answer: Vec<&'a RrSet>,
    authority: Vec<&'a RrSet>,
    ttl: Option<Ttl>,
    ede: [Option<Ede>; 3],
    signed: bool,
}

/// The reply that says what was found.
pub(super) fn build(
    question: &Question,
    resolution: &Resolution,
    (dnssec_ok, ede): (bool, Option<Ede>),
    at: At<'_>,
) -> Answer {
    let parts = Parts { ede: [ede, None, None], ..found(resolution, dnssec_ok) };
    write(question, &parts, at)
}

/// The reply that says what was known last.
pub(super) fn old(
    question: &Question,
    last: &LastKnown,
    (dnssec_ok, ede): (bool, [Option<Ede>; 3]),
    at: At<'_>,
) -> Answer {
    let found = found(&last.resolution, dnssec_ok);
    let flags = if last.authentic { found.flags } else { found.flags & !Header::AD };
    write(question, &Parts { flags, ede, ..found }, at)
}

/// What a resolution consists of.
fn found(resolution: &Resolution, dnssec_ok: bool) -> Parts<'_> {
    let mut answer: Vec<&RrSet> = resolution.aliases.iter().collect();
    let mut authority = Vec::new();
    let mut ttl = None;
    match &resolution.outcome {
        Outcome::Found(set) => answer.push(set),
        Outcome::NoData(denial) | Outcome::NxDomain(denial) => {
            authority.extend(records(denial, dnssec_ok));
            ttl = Some(denial.ttl);
        }
    }
    if dnssec_ok {
        // A client that validates needs to see that a wildcard applies (RFC 4035 §3.1.3.3).
        for closer in answer.iter().filter_map(|set| set.closer.as_deref()).flatten() {
            // Two wildcards on the way may share a proof.
            if !authority.iter().any(|known: &&RrSet| (&known.owner, known.rtype) == (&closer.owner, closer.rtype)) {
                authority.push(closer);
            }
        }
    }
    let authentic = if resolution.security() == Security::Secure { Header::AD } else { 0 };
    let flags = Header::QR | Header::RA | authentic;
    Parts { rcode: resolution.rcode(), flags, answer, authority, ttl, signed: dnssec_ok, ..empty(Rcode::NOERROR) }
}

/// SOA, and for those who want it the proof.
fn records(denial: &Denial, dnssec_ok: bool) -> impl Iterator<Item = &RrSet> {
    denial.soa.iter().chain(denial.proof.iter().take(if dnssec_ok { usize::MAX } else { 0 }))
}

/// The reply that says why nothing was found.
pub(super) fn failed(question: &Question, error: &ResolveError, dnssec_ok: bool, at: At<'_>) -> Answer {
    let (rcode, ede, more) = failure::explain(error);
    // RFC 1034 §3.6.2, RFC 6672 §2.2: aliases that lead nowhere are an error; the DNAME that is to blame is shown.
    let answer: Vec<&RrSet> = match error.root() {
        ResolveError::AliasLoop { aliases, .. } | ResolveError::AliasTooLong { aliases, .. } => {
            aliases.iter().collect()
        }
        _ => Vec::new(),
    };
    write(question, &Parts { answer, ede: [Some(ede), more, None], signed: dnssec_ok, ..empty(rcode) }, at)
}

/// The reply that keeps to itself what was found.
pub(super) fn withheld(question: &Question, why: Ede, at: At<'_>) -> Answer {
    write(question, &Parts { ede: [Some(why), None, None], ..empty(Rcode::SERVFAIL) }, at)
}

/// The reply to a question of our own that forwarders of `zone` have sent back to us: to ask them again would be in vain.
pub(super) fn came_round(question: &Question, zone: &Name, at: At<'_>) -> Answer {
    let text =
        format!("this question was sent from here and came back: forwarders of zone {zone} lead in a circle [RING]");
    withheld(question, Ede::new(EdeCode::NETWORK_ERROR, text), at)
}

/// The reply in place of an answer that the operator does not want told. That there is no data, not REFUSED or SERVFAIL,
/// with which a stub would go on to its next resolver and be told there. Who validates gets no proof of it.
pub(super) fn filtered(question: &Question, objection: &Objection, at: At<'_>) -> Answer {
    let parts = Parts { ttl: Some(objection.ttl), ede: [Some(objection.ede()), None, None], ..empty(Rcode::NOERROR) };
    write(question, &parts, at)
}

/// The reply to a question that is answered here and nowhere else.
pub(super) fn local(question: &Question, local: &LocalAnswer, at: At<'_>) -> Answer {
    let (answer, authority) = (local.answer.iter().collect(), local.authority.iter().collect());
    let flags = Header::QR | Header::RA | Header::AA;
    write(question, &Parts { flags, answer, authority, ..empty(local.rcode) }, at)
}

/// The short answer to ANY: one HINFO that says where to read about it (RFC 8482 §4.2).
pub(super) fn any(question: &Question, at: At<'_>) -> Answer {
    let rdatas = Rdatas::new([&b"\x07RFC8482\x00"[..]]).unwrap_or(Rdatas::EMPTY);
    let hinfo = RrSet::new(question.name.clone(), RecordType::HINFO, ANY_TTL, rdatas);
    write(question, &Parts { answer: vec![&hinfo], ..empty(Rcode::NOERROR) }, at)
}

/// The reply to a question without RD that the cache cannot answer.
pub(super) fn unknown(question: &Question, at: At<'_>) -> Answer {
    let text = "recursion was not asked for and this is not in the cache [NORD]";
    let ede = [Some(Ede::new(EdeCode::NOT_AUTHORITATIVE, text)), None, None];
    write(question, &Parts { ede, ..empty(Rcode::REFUSED) }, at)
}

const fn empty<'a>(rcode: Rcode) -> Parts<'a> {
    let flags = Header::QR | Header::RA;
    Parts {
        rcode,
        flags,
        answer: Vec::new(),
        authority: Vec::new(),
        ttl: None,
        ede: [const { None }; 3],
        signed: false,
    }
}

fn write(question: &Question, parts: &Parts<'_>, at: At<'_>) -> Answer {
    let writer = MessageWriter::new(0, parts.flags, parts.rcode, MAX_REPLY);
    let mut writer = writer.with_lookups(at.limits.compression_lookups);
    // In lower case, as the cache knows the question; each client gets its own case back.
    writer.question(&Question::new(question.name.to_lowercase(), question.rtype), Class::IN);
    let answer = parts.answer.iter().map(|set| (Section::Answer, set));
    let authority = parts.authority.iter().map(|set| (Section::Authority, set));
    let mut ttl = parts.ttl;
    for (section, set) in answer.chain(authority) {
        if !writer.rrset(section, set, set.ttl, parts.signed) {
            writer.set_flags(Header::TC);
            break;
        }
        ttl = Some(ttl.map_or(set.ttl, |ttl| ttl.min(set.ttl)));
    }
    if writer.wants_lookups() {
        at.limits.count(LimitName::CompressionLookups);
    }
    let (bytes, ttl_offsets) = writer.finish();
    Answer {
        bytes: SmallVec::from_slice(&bytes),
        ttl_offsets,
        options: parts.ede.iter().flatten().flat_map(Ede::option).collect(),
        rcode_high: parts.rcode.high(),
        flags: 0,
        since: at.now,
        expires: at.now + ttl.map_or(Duration::ZERO, Ttl::duration),
    }
}

/// Refuses a query that could be read, into `out`.
pub(super) fn refuse(
    peeked: &Peeked<'_>,
    visitor: &Visitor<'_>,
    refusal: (Rcode, Option<Ede>),
    out: &mut [u8],
) -> Immediate {
    let (rcode, ede) = refusal;
    let mut reply = Vec::with_capacity(peeked.question_end() + 64);
    // A client that may not ask has no recursion available.
    let prohibited = ede.as_ref().is_some_and(|ede| ede.code == EdeCode::PROHIBITED);
    let available = if prohibited { 0 } else { Header::RA };
    let flags = Header::QR | available | (peeked.header.flags & (Header::RD | Header::CD)) | u16::from(rcode.low());
    reply.extend_from_slice(&peeked.header.id.to_be_bytes());
    reply.extend_from_slice(&flags.to_be_bytes());
    reply.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(peeked.edns.is_some())]);
    reply.extend_from_slice(peeked.qname);
    reply.extend_from_slice(&peeked.qtype.0.to_be_bytes());
    reply.extend_from_slice(&peeked.qclass.0.to_be_bytes());
    if let Some(edns) = peeked.edns {
        let options = ede.as_ref().map(Ede::option).unwrap_or_default();
        let options = [request::cookie_octets(&visitor.cookie), &options];
        reply.extend_from_slice(&request::opt(edns.dnssec_ok, rcode.high(), options));
    }
    copy(&reply, out)
}

/// Sends the client away to come back in a way that shows its address to be its own: with the cookie that it gets here,
/// or else over TCP. Not larger than the query by more than a cookie; nothing is allocated.
pub(super) fn put_off(peeked: &Peeked<'_>, visitor: &Visitor<'_>, out: &mut [u8]) -> Immediate {
    let (rcode, flag) = if visitor.cookie.is_some() { (Rcode::BADCOOKIE, 0) } else { (Rcode::NOERROR, Header::TC) };
    let flags =
        Header::QR | Header::RA | flag | (peeked.header.flags & (Header::RD | Header::CD)) | u16::from(rcode.low());
    let cookie = request::cookie_octets(&visitor.cookie);
    let opt = peeked.edns.map(|edns| request::opt(edns.dnssec_ok, rcode.high(), [cookie, &[]])).unwrap_or_default();
    let ([id_high, id_low], [high, low]) = (peeked.header.id.to_be_bytes(), flags.to_be_bytes());
    let header = [id_high, id_low, high, low, 0, 1, 0, 0, 0, 0, 0, u8::from(peeked.edns.is_some())];
    let (qtype, qclass) = (peeked.qtype.0.to_be_bytes(), peeked.qclass.0.to_be_bytes());
    let parts = [&header[..], peeked.qname, &qtype, &qclass, &opt];
    let length = parts.iter().map(|part| part.len()).sum();
    let Some(place) = out.get_mut(..length) else { return Immediate::Silence };
    place.iter_mut().zip(parts.into_iter().flatten()).for_each(|(place, octet)| *place = *octet);
    Immediate::Reply(length)
}

/// A header and nothing else: all that can be said about a packet that could not be read.
pub(super) fn bare(packet: &[u8], rcode: Rcode, out: &mut [u8]) -> Immediate {
    let Ok(header) = Header::parse(packet) else { return Immediate::Silence };
    // The opcode is the client's, so that it can tell what was not understood.
    let flags = Header::QR | Header::RA | (header.flags & (0x7800 | Header::RD | Header::CD)) | u16::from(rcode.low());
    let mut reply = [0; Header::OCTETS];
    let (id, rest) = reply.split_at_mut(2);
    id.copy_from_slice(&header.id.to_be_bytes());
    if let Some(place) = rest.get_mut(..2) {
        place.copy_from_slice(&flags.to_be_bytes());
    }
    copy(&reply, out)
}

fn copy(reply: &[u8], out: &mut [u8]) -> Immediate {
    let Some(place) = out.get_mut(..reply.len()) else { return Immediate::Silence };
    place.copy_from_slice(reply);
    Immediate::Reply(reply.len())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::dns::{QueryFlags, peek, write_query};
    use crate::policy::Standing;
    use crate::responder::{Client, ClientTransport};

    #[test]
    fn recursion_is_available_to_all_who_may_ask() {
        // RFC 1035 §4.1.1: RA is about the server, not about the question.
        let question = Question::new("example".parse().unwrap(), RecordType::AXFR);
        let query = write_query(1, &question, QueryFlags::default());
        let client = Client { address: SocketAddr::from(([192, 0, 2, 1], 4711)), transport: ClientTransport::Udp };
        let visitor = Visitor { client: &client, standing: Standing::Exempt, cookie: None, limit: 512 };
        for (code, available) in [(EdeCode::NOT_SUPPORTED, true), (EdeCode::PROHIBITED, false)] {
            let mut out = [0; 512];
            refuse(&peek(&query).unwrap(), &visitor, (Rcode::REFUSED, Some(Ede::new(code, ""))), &mut out);
            assert_eq!(Header::parse(&out).unwrap().has(Header::RA), available, "{code:?}");
        }
    }
}

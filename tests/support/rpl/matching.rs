//! Whether a packet is what an entry describes.
//!
//! The order of records never matters; TTLs count only under `MATCH ttl`; names ignore case, in RDATA too.
//!
//! Burdock always answers minimally, so `MATCH all` on an answer to a client compares less than its syntax says:
//! of the authority section only what denies (SOA, NSEC, NSEC3), of the additional section nothing. Name servers and
//! addresses that other resolvers add to a positive answer (`minimal-responses: no`) are not missed; under
//! `MATCH authority`, too, but then nothing else may be there.

use burdock::dns::{Edns, EdnsOption, Header, Message, Reader, Record, RecordType, layout, record_to_text};

use super::model::{EdeWanted, Entry, Over};

/// A packet and how it came.
#[derive(Clone, Debug)]
pub struct Packet {
    pub octets: Vec<u8>,
    pub message: Message,
    pub over: Over,
}

impl Packet {
    /// `None` when the octets are no message.
    pub fn new(octets: &[u8], over: Over) -> Option<Self> {
        let message = Message::parse(octets).ok()?;
        Some(Self { octets: octets.to_vec(), message, over })
    }
}

/// What the packet is: it decides what `MATCH all` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A query that the resolver sent.
    Query,
    /// The answer that a client got.
    Answer,
}

/// Header flags that are compared; the ID, opcode and RCODE are not among them.
const FLAGS: u16 = Header::QR | Header::AA | Header::TC | Header::RD | Header::RA | Header::AD | Header::CD;

/// Compares; an error says what differs.
pub fn compare(entry: &Entry, packet: &Packet, kind: Kind) -> Result<(), String> {
    let (matching, expected, got) = (&entry.matching, &entry.message, &packet.message);
    if let Some(raw) = entry.raw.as_ref().filter(|_| matching.all) {
        // The ID is the asker's.
        return differ("octets", raw.get(2..), packet.octets.get(2..));
    }
    if let Some(over) = matching.transport {
        differ("transport", over, packet.over)?;
    }
    if matching.opcode || matching.all {
        differ("opcode", expected.opcode.0, got.header.opcode().0)?;
    }
    compare_question(entry, packet)?;
    if matching.flags || matching.all {
        // What others put into a truncated reply is here in a whole one: over UDP when it fits, else over TCP.
        let filled = kind == Kind::Answer && !expected.answer.is_empty();
        let compared = if filled { !Header::TC } else { u16::MAX };
        differ("flags", flags(expected.flags & compared), flags(got.header.flags & compared))?;
    }
    if matching.rcode || matching.all {
        differ("rcode", expected.rcode, got.rcode())?;
    }
    compare_sections(entry, packet, kind)?;
    compare_edns(entry, packet)
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, got: T) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{what}: expected {expected:?}, got {got:?}")) }
}

fn compare_question(entry: &Entry, packet: &Packet) -> Result<(), String> {
    let matching = &entry.matching;
    let expected = entry.message.question.as_ref();
    let got = packet.message.question.as_ref();
    if matching.question || matching.all {
        differ("question", expected, got)?;
    }
    if matching.qtype {
        differ("type asked", expected.map(|(question, _)| question.rtype), got.map(|(question, _)| question.rtype))?;
    }
    if matching.qname {
        differ("name asked", expected.map(|(question, _)| &question.name), got.map(|(question, _)| &question.name))?;
    }
    if matching.subdomain {
        let inside = expected.zip(got).is_some_and(|((zone, _), (question, _))| question.name.is_in(&zone.name));
        if !inside {
            return Err(format!("name asked: expected one in {expected:?}, got {got:?}"));
        }
    }
    Ok(())
}

fn compare_sections(entry: &Entry, packet: &Packet, kind: Kind) -> Result<(), String> {
    let (matching, expected, got) = (&entry.matching, &entry.message, &packet.message);
    let whole = matching.all && kind == Kind::Query;
    if matching.answer || matching.all {
        compare_records("answer", &expected.answer, &got.answer, matching.ttl)?;
    }
    if matching.authority || whole {
        let minimal = kind == Kind::Answer && !expected.answer.is_empty();
        let compared = compare_records("authority", &expected.authority, &got.authority, matching.ttl);
        compared.or_else(|problem| match minimal {
            true => compare_records("authority", &without_servers(&expected.authority), &got.authority, matching.ttl),
            false => Err(problem),
        })?;
    } else if matching.all {
        let compare = |expected, got| compare_records("authority", expected, got, matching.ttl);
        compare(&denial(&expected.authority), &denial(&got.authority))?;
    }
    if matching.additional || whole {
        compare_records("additional", &expected.additional, &got.additional, matching.ttl)?;
    }
    Ok(())
}

/// All but NS records, and the signatures over them.
fn without_servers(records: &[Record]) -> Vec<Record> {
    records.iter().filter(|record| covered(record) != Some(RecordType::NS)).cloned().collect()
}

/// The type of a record, or what it signs.
fn covered(record: &Record) -> Option<RecordType> {
    match record.rtype {
        RecordType::RRSIG => record.rdata.first_chunk().map(|octets| RecordType(u16::from_be_bytes(*octets))),
        rtype => Some(rtype),
    }
}

/// What denies, and the signatures over it.
fn denial(records: &[Record]) -> Vec<Record> {
    let denies = |rtype| matches!(rtype, RecordType::SOA | RecordType::NSEC | RecordType::NSEC3);
    records.iter().filter(|record| covered(record).is_some_and(denies)).cloned().collect()
}

fn compare_records(section: &str, expected: &[Record], got: &[Record], ttl: bool) -> Result<(), String> {
    let mut rest: Vec<&Record> = got.iter().collect();
    let mut missing = Vec::new();
    for record in expected {
        match rest.iter().position(|candidate| same(record, candidate, ttl)) {
            Some(index) => drop(rest.swap_remove(index)),
            None => missing.push(record),
        }
    }
    if missing.is_empty() && rest.is_empty() {
        return Ok(());
    }
    let list = |records: &[&Record]| records.iter().map(|r| format!("\n    {}", record_to_text(r))).collect::<String>();
    Err(format!("{section} section: missing{}\n  and not expected{}", list(&missing), list(&rest)))
}

fn same(one: &Record, two: &Record, ttl: bool) -> bool {
    // Letters inside names compare without case, and compression may have changed theirs; other data is exact.
    let has_names = layout(one.rtype).is_some_and(|fields| {
        fields.iter().any(|field| matches!(field, burdock::dns::Field::CompressibleName | burdock::dns::Field::Name))
    });
    let data = one.rdata == two.rdata || has_names && one.rdata.eq_ignore_ascii_case(&two.rdata);
    (&one.owner, one.rtype, one.class) == (&two.owner, two.rtype, two.class) && data && (!ttl || one.ttl == two.ttl)
}

fn compare_edns(entry: &Entry, packet: &Packet) -> Result<(), String> {
    let (matching, edns) = (&entry.matching, packet.message.edns.as_ref());
    if matching.dnssec_ok && !edns.is_some_and(|edns| edns.dnssec_ok) {
        return Err("DO is not set".to_owned());
    }
    if matching.no_edns && edns.is_some() {
        return Err("EDNS is there".to_owned());
    }
    if matching.edns_data {
        let expected = entry.message.edns_data.clone().unwrap_or_default();
        differ("EDNS options", expected, edns_data(&packet.octets).unwrap_or_default())?;
    }
    match matching.ede {
        None => Ok(()),
        Some(wanted) => compare_ede(wanted, edns),
    }
}

fn compare_ede(wanted: EdeWanted, edns: Option<&Edns>) -> Result<(), String> {
    let codes: Vec<u16> = edns
        .iter()
        .flat_map(|edns| &edns.options)
        .filter_map(|option| match option {
            EdnsOption::Ede(code, _) => Some(code.0),
            _ => None,
        })
        .collect();
    let found = match wanted {
        EdeWanted::Any => !codes.is_empty(),
        // "DNSSEC Bogus" is what those say who do not say why (RFC 8914 §4.7–4.13).
        EdeWanted::Code(6) => codes.iter().any(|code| (6..=12).contains(code)),
        EdeWanted::Code(code) => codes.contains(&code),
    };
    if found { Ok(()) } else { Err(format!("extended error: expected {wanted:?}, got {codes:?}")) }
}

/// The options of OPT in wire form.
fn edns_data(packet: &[u8]) -> Option<Vec<u8>> {
    let header = Header::parse(packet).ok()?;
    let mut reader = Reader::new(packet, Header::OCTETS);
    let [questions, records @ ..] = header.counts;
    for _ in 0..questions {
        reader.name().ok()?;
        reader.bytes(4).ok()?;
    }
    for _ in 0..records.iter().map(|count| u32::from(*count)).sum() {
        reader.name().ok()?;
        let rtype = RecordType(reader.u16().ok()?);
        reader.bytes(6).ok()?;
        let length = usize::from(reader.u16().ok()?);
        let rdata = reader.bytes(length).ok()?;
        if rtype == RecordType::OPT {
            return Some(rdata.to_vec());
        }
    }
    None
}

fn flags(flags: u16) -> String {
    let names = [
        (Header::QR, "QR"),
        (Header::AA, "AA"),
        (Header::TC, "TC"),
        (Header::RD, "RD"),
        (Header::RA, "RA"),
        (Header::AD, "AD"),
        (Header::CD, "CD"),
    ];
    let set = names.iter().filter(|(flag, _)| flags & FLAGS & flag != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

//! What counts as data, and when a reply with AD has changed it.
//!
//! Data is the RCODE and, of every record in answer, authority and additional section but RRSIG and OPT: owner, type,
//! class and RDATA, each record counted once. The signature leaves two things free, and they are not data: the case of
//! owners and of those names in RDATA that are signed in lower case (RFC 4034 §6.2, RFC 6840 §5.1: not NSEC's), and a
//! TTL below the signed one (RFC 4035 §5.3.3); a longer one is a change. So are answers that are not those of the zone,
//! and a proof in the authority section whose records no zone has.

use std::collections::{BTreeMap, BTreeSet};

use burdock::dns::{Field, Header, Message, Name, Rcode, Reader, Record, RecordType, Ttl, layout};

/// Owner, type, class and data of a record, as far as they are data.
type Datum = (Name, RecordType, u16, Vec<u8>);

/// Everything the zones have, and how long each RRset may live at most.
pub struct Truth {
    data: BTreeSet<Datum>,
    ttls: BTreeMap<(Name, RecordType), Ttl>,
}

/// What a reply to a changed question turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// AD, and the data is the zone's.
    Unharmed,
    /// SERVFAIL, no AD, no data.
    Refused,
    /// No AD, and yet not refused, though the zone is signed.
    Insecure,
    /// AD, and other data, or for longer.
    Changed(&'static str),
}

impl Truth {
    pub fn new(records: &[Record]) -> Self {
        let mut truth = Self { data: content(records), ttls: BTreeMap::new() };
        truth.live(records);
        truth
    }

    fn live(&mut self, records: &[Record]) {
        for record in records {
            let longest = self.ttls.entry((record.owner.to_lowercase(), record.rtype)).or_insert(record.ttl);
            *longest = record.ttl.max(*longest);
        }
    }

    /// Whether `reply` may stand for `honest`, which is the reply that nobody has changed.
    pub fn judge(&self, honest: &Message, reply: &Message) -> Judgement {
        if !reply.header.has(Header::AD) {
            let empty = reply.answer.is_empty() && reply.authority.is_empty();
            return if reply.rcode() == Rcode::SERVFAIL && empty { Judgement::Refused } else { Judgement::Insecure };
        }
        if reply.rcode() != honest.rcode() {
            return Judgement::Changed("another RCODE");
        }
        if content(&reply.answer) != content(&honest.answer) {
            return Judgement::Changed("another answer");
        }
        let known = |section: &[Record], own: &[Record]| {
            let own = content(own);
            content(section).iter().all(|datum| own.contains(datum) || self.data.contains(datum))
        };
        if !known(&reply.authority, &honest.authority) || !known(&reply.additional, &honest.additional) {
            return Judgement::Changed("records that no zone has");
        }
        let sections = |message: &Message| -> Vec<Record> {
            [&message.answer[..], &message.authority, &message.additional].concat()
        };
        let of_reply = Self::new(&sections(honest));
        let longest = |record: &Record| {
            let key = (record.owner.to_lowercase(), record.rtype);
            of_reply.ttls.get(&key).or_else(|| self.ttls.get(&key)).copied()
        };
        let fine = |record: &Record| longest(record).is_none_or(|most| record.ttl <= most);
        if sections(reply).iter().all(fine) { Judgement::Unharmed } else { Judgement::Changed("a longer life") }
    }
}

/// What of the records is data.
fn content(records: &[Record]) -> BTreeSet<Datum> {
    let own = records.iter().filter(|record| record.rtype != RecordType::RRSIG);
    own.map(|record| (record.owner.to_lowercase(), record.rtype, record.class.0, folded(record.rtype, &record.rdata)))
        .collect()
}

/// The RDATA, with those names in lower case whose case nobody signs.
fn folded(rtype: RecordType, rdata: &[u8]) -> Vec<u8> {
    let fields = layout(rtype).filter(|_| rtype != RecordType::NSEC);
    fields.and_then(|fields| lowered(fields, rdata)).unwrap_or_else(|| rdata.to_vec())
}

/// Only names that stand before all fields of variable length, which is where every type has them.
fn lowered(fields: &[Field], rdata: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(rdata, 0);
    let mut folded = Vec::with_capacity(rdata.len());
    for field in fields {
        let octets = match field {
            Field::CompressibleName | Field::Name => {
                folded.extend_from_slice(reader.name().ok()?.to_lowercase().wire());
                continue;
            }
            Field::U8 => 1,
            Field::U16 | Field::Type => 2,
            Field::U32 | Field::Time | Field::Ipv4 => 4,
            _ => reader.remaining(),
        };
        folded.extend_from_slice(reader.bytes(octets).ok()?);
    }
    Some(folded)
}

#[test]
fn what_is_data_and_what_is_not() {
    let record = |text: &str| {
        let root = Name::root();
        burdock::dns::read_zone(text, &root, Ttl::from_secs(9)).unwrap().pop().unwrap()
    };
    let same = |a: &str, b: &str| content(&[record(a)]) == content(&[record(b)]);
    assert!(same("a. 5 A 1.2.3.80", "A. 3 A 1.2.3.80"));
    assert!(!same("a. 5 A 1.2.3.80", "a. 5 A 1.2.3.112"), "`P` and `p`");
    assert!(same("a. 5 MX 1 b.c.", "a. 5 MX 1 B.C.") && !same("a. 5 MX 1 b.c.", "a. 5 MX 2 b.c."));
    assert!(!same("a. 5 TXT b", "a. 5 TXT B") && !same("a. NSEC b. A", "a. NSEC B. A"));
    assert!(same("a. SOA b. c. 1 2 3 4 5", "a. SOA B. C. 1 2 3 4 5"));
    assert!(!same("a. SOA b. c. 65 2 3 4 5", "a. SOA B. C. 97 2 3 4 5"));
    let truth = Truth::new(&[]);
    let message = |flags: u16, ttl: u32| {
        let mut message = Message::parse(&[0, 1, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        message.header.flags |= flags;
        message.answer = vec![Record { ttl: Ttl::from_secs(ttl), ..record("a. 5 A 1.2.3.4") }];
        message
    };
    let honest = message(Header::AD, 5);
    assert_eq!(truth.judge(&honest, &message(Header::AD, 4)), Judgement::Unharmed);
    assert_eq!(truth.judge(&honest, &message(Header::AD, 6)), Judgement::Changed("a longer life"));
    assert_eq!(truth.judge(&honest, &message(0, 4)), Judgement::Insecure);
    let empty = Message { answer: Vec::new(), ..honest.clone() };
    assert_eq!(truth.judge(&honest, &empty), Judgement::Changed("another answer"));
}

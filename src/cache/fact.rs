//! An RRset or a denial in one piece of memory, with its owner, its rank and its age.
//!
//! A header (what it is, type, time, TTL), the owner in wire form, the records. The owner of the SOA of a denial mostly
//! ends the name denied: it is a pointer into it, as in a message (RFC 1035 §4.1.4). What is given out shares the memory.

use std::sync::Arc;
use std::time::Duration;

use super::Rank;
use super::piece::{Draft, Moment, name_length, write_name};
use super::store::Entry;
use crate::dns::{Denial, Name, Outcome, Rdatas, Reader, RecordType, RrSet, Security, Ttl};

/// A fact, as it is kept.
#[derive(Clone)]
pub(super) struct Fact(Arc<[u8]>);

/// What is to be kept.
#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    /// These are the records, believed so far.
    Found(&'a RrSet, Rank),
    /// There are none of this type.
    NoData(&'a Denial),
    /// There is no such name.
    NxDomain(&'a Denial),
}

impl Told<'_> {
    /// How far it is believed; a denial as much as anything can be.
    pub(super) const fn rank(self) -> Rank {
        match self {
            Self::Found(_, rank) => rank,
            Self::NoData(_) | Self::NxDomain(_) => Rank::Authoritative,
        }
    }

    /// How authentic it is known to be.
    pub(super) const fn security(self) -> Security {
        match self {
            Self::Found(set, _) => set.security,
            Self::NoData(denial) | Self::NxDomain(denial) => denial.security,
        }
    }
}

/// What is at the front of every fact.
struct Header {
    marks: u8,
    since: Moment,
    ttl: Ttl,
}

impl Fact {
    /// What was told about `name`, to be found under `rtype`, as learnt at `since`.
    pub(super) fn new(name: &Name, rtype: RecordType, told: Told<'_>, since: Moment) -> Self {
        let mut octets = Draft::new();
        let trusted = if told.rank() == Rank::Authoritative { AUTHORITATIVE } else { 0 };
        let (marks, ttl, owner) = match told {
            Told::Found(set, _) if set.closer.is_some() => (SIGNED | EXPANDED, set.ttl, &set.owner),
            Told::Found(set, _) => (if set.signatures.is_empty() { 0 } else { SIGNED }, set.ttl, &set.owner),
            Told::NoData(denial) => (DENIAL, denial.ttl, name),
            Told::NxDomain(denial) => (DENIAL | NXDOMAIN, denial.ttl, name),
        };
        octets.push(marks | trusted | mark_of(told.security()));
        octets.extend_from_slice(&rtype.0.to_be_bytes());
        since.write(&mut octets);
        octets.extend_from_slice(&ttl.as_secs().to_be_bytes());
        octets.extend_from_slice(owner.wire());
        match told {
            Told::Found(set, _) if marks & SIGNED == 0 => octets.extend_from_slice(set.rdatas.packed()),
            Told::Found(set, _) => {
                write_data(set, &mut octets);
                set.closer.iter().flat_map(|sets| sets.iter()).for_each(|set| write_set(set, name, &mut octets));
            }
            Told::NoData(denial) | Told::NxDomain(denial) => {
                octets.push(u8::from(denial.soa.is_some()));
                denial.soa.iter().chain(denial.proof.iter()).for_each(|set| write_set(set, name, &mut octets));
            }
        }
        Self(octets.as_slice().into())
    }

    /// How far it is believed.
    pub(super) fn rank(&self) -> Rank {
        if self.marks() & AUTHORITATIVE == 0 { Rank::Answer } else { Rank::Authoritative }
    }

    /// Whether it still holds at `now`.
    pub(super) fn is_current(&self, now: Moment) -> bool {
        self.header().is_some_and(|header| now.since(header.since) < header.ttl.duration().max(SHARING))
    }

    /// When it was learnt.
    pub(super) fn since(&self) -> Moment {
        self.header().map_or(Moment(0), |header| header.since)
    }

    /// How long ago it ended, if it was to be kept at all: what has no TTL was told for one question (RFC 1035 §3.2.1).
    pub(super) fn ended(&self, now: Moment) -> Option<Duration> {
        let header = self.header().filter(|header| header.ttl > Ttl::ZERO)?;
        now.since(header.since).checked_sub(header.ttl.duration())
    }

    /// How authentic it is known to be.
    pub(super) fn security(&self) -> Security {
        match self.marks() & (SECURE | INSECURE) {
            SECURE => Security::Secure,
            INSECURE => Security::Insecure,
            _ => Security::Unchecked,
        }
    }

    /// Whether it says that the name does not exist.
    pub(super) fn denies_name(&self) -> bool {
        self.marks() & NXDOMAIN != 0
    }

    /// The fact as of `now`: TTLs show what is left.
    pub(super) fn at(&self, now: Moment) -> Option<Outcome> {
        let header = self.header()?;
        if header.marks & DENIAL == 0 {
            return self.set(now).map(Outcome::Found);
        }
        let (mut reader, age) = (Reader::new(&self.0, NAME), now.since(header.since));
        reader.name().ok()?;
        let soa = match reader.u8().ok()? {
            0 => None,
            _ => Some(self.read_set(&mut reader, age)?),
        };
        let proof = self.read_sets(&mut reader, age)?;
        let proof = if proof.is_empty() { Arc::default() } else { proof.into() };
        let denial = Denial { soa, proof, ttl: header.ttl.minus(age), security: self.security() };
        Some(if self.denies_name() { Outcome::NxDomain(denial) } else { Outcome::NoData(denial) })
    }

    /// The RRset as of `now`, if it is one.
    pub(super) fn set(&self, now: Moment) -> Option<RrSet> {
        let header = self.header().filter(|header| header.marks & DENIAL == 0)?;
        let rtype = RecordType(u16::from_be_bytes(*self.0.get(1..)?.first_chunk()?));
        let ttl = header.ttl.minus(now.since(header.since));
        let end = NAME + name_length(self.0.get(NAME..)?)?;
        let owner = Name::from_wire(self.0.get(NAME..end)?).ok()?;
        if header.marks & SIGNED == 0 {
            let rdatas = Rdatas::within(&self.0, end..self.0.len())?;
            return Some(RrSet { security: self.security(), ..RrSet::new(owner, rtype, ttl, rdatas) });
        }
        let mut reader = Reader::new(&self.0, end);
        let (rdatas, signatures) = self.read_data(&mut reader)?;
        let closer = match header.marks & EXPANDED {
            0 => None,
            _ => Some(self.read_sets(&mut reader, now.since(header.since))?.into()),
        };
        Some(RrSet { owner, rtype, ttl, rdatas, signatures, closer, security: self.security() })
    }

    fn read_sets(&self, reader: &mut Reader<'_>, age: Duration) -> Option<Vec<RrSet>> {
        let mut sets = Vec::new();
        while reader.remaining() > 0 {
            sets.push(self.read_set(reader, age)?);
        }
        Some(sets)
    }

    fn read_set(&self, reader: &mut Reader<'_>, age: Duration) -> Option<RrSet> {
        let owner = reader.name().ok()?;
        let (rtype, ttl) = (RecordType(reader.u16().ok()?), Ttl::from_secs(reader.u32().ok()?).minus(age));
        let (rdatas, signatures) = self.read_data(reader)?;
        let security = self.security();
        Some(RrSet { signatures, security, ..RrSet::new(owner, rtype, ttl, rdatas) })
    }

    fn read_data(&self, reader: &mut Reader<'_>) -> Option<(Rdatas, Rdatas)> {
        let mut data = || {
            let length = usize::try_from(reader.u32().ok()?).ok()?;
            let from = reader.position();
            reader.bytes(length).ok()?;
            Rdatas::within(&self.0, from..from + length)
        };
        Some((data()?, data()?))
    }

    fn marks(&self) -> u8 {
        self.0.first().copied().unwrap_or(0)
    }

    fn header(&self) -> Option<Header> {
        let header: &[u8; NAME] = self.0.first_chunk()?;
        let [marks, _, _, s1, s2, s3, s4, s5, t1, t2, t3, t4] = *header;
        let since = Moment::read([s1, s2, s3, s4, s5]);
        Some(Header { marks, since, ttl: Ttl::from_secs(u32::from_be_bytes([t1, t2, t3, t4])) })
    }
}

impl Entry for Fact {
    fn is_for(&self, key: &[u8]) -> bool {
        let Some((name, rtype)) = key.split_last_chunk::<2>() else { return false };
        let own = self.0.get(NAME..NAME + name.len());
        self.0.get(1..3) == Some(rtype) && own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    fn octets(&self) -> usize {
        2 * size_of::<usize>() + self.0.len()
    }
}

const fn mark_of(security: Security) -> u8 {
    match security {
        Security::Unchecked => 0,
        Security::Insecure => INSECURE,
        Security::Secure => SECURE,
    }
}

fn write_set(set: &RrSet, name: &Name, octets: &mut Draft) {
    write_name(&set.owner, &[(NAME, name)], octets);
    octets.extend_from_slice(&set.rtype.0.to_be_bytes());
    octets.extend_from_slice(&set.ttl.as_secs().to_be_bytes());
    write_data(set, octets);
}

fn write_data(set: &RrSet, octets: &mut Draft) {
    for data in [&set.rdatas, &set.signatures] {
        // Longer ones than that are not remembered, and would not fit a message.
        octets.extend_from_slice(&u32::try_from(data.packed().len()).unwrap_or(0).to_be_bytes());
        octets.extend_from_slice(data.packed());
    }
}

/// Where the owner stands: behind the marks, the type, the time and the TTL.
const NAME: usize = 12;
const DENIAL: u8 = 1;
const NXDOMAIN: u8 = 2;
const AUTHORITATIVE: u8 = 4;
const SIGNED: u8 = 8;
const SECURE: u8 = 16;
const INSECURE: u8 = 32;
const EXPANDED: u8 = 64;
/// Data of TTL 0 is shared among those who ask within this time (RFC 8767 §4 in spirit: one fetch for a burst).
const SHARING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn set(owner: &str, rtype: RecordType, data: &[u8], signatures: &[&[u8]]) -> RrSet {
        let mut set = RrSet::new(owner.parse().unwrap(), rtype, Ttl::from_secs(300), Rdatas::new([data]).unwrap());
        set.signatures = Rdatas::new(signatures.iter().copied()).unwrap();
        set
    }

    fn kept(name: &str, rtype: RecordType, outcome: &Outcome) -> Fact {
        let told = match outcome {
            Outcome::Found(set) => Told::Found(set, Rank::Answer),
            Outcome::NoData(denial) => Told::NoData(denial),
            Outcome::NxDomain(denial) => Told::NxDomain(denial),
        };
        Fact::new(&name.parse().unwrap(), rtype, told, Moment(0x12_3456_7890))
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let soa = |owner| set(owner, RecordType::SOA, &[7; 60], &[&[1; 80]]);
        let proof =
            || vec![set("a.z.example", RecordType::NSEC, &[9; 20], &[]), set("q.other", RecordType::NSEC, b"", &[])];
        let found = |signatures| Outcome::Found(set("WWW.z.Example", RecordType::A, &[1, 2, 3, 4], signatures));
        let outcomes = [
            found(&[]),
            found(&[&[5; 100], &[6; 70]]),
            Outcome::NoData(Denial::new(None, Vec::new(), Ttl::from_secs(300))),
            Outcome::NoData(Denial::new(Some(soa("z.Example")), Vec::new(), Ttl::ZERO)),
            Outcome::NxDomain(Denial::new(Some(soa("Z.example")), proof(), Ttl::ZERO)),
            Outcome::NxDomain(Denial::new(Some(soa(".")), proof(), Ttl::ZERO)),
            Outcome::NxDomain(Denial::new(Some(soa("www.z.Example")), proof(), Ttl::ZERO)),
        ];
        for outcome in outcomes {
            let fact = kept("www.z.Example", RecordType::A, &outcome);
            assert_eq!(fact.at(Moment(0x12_3456_7890)).as_ref(), Some(&outcome));
            assert!(fact.is_for(b"\x03www\x01z\x07example\x00\x00\x01"));
            assert!(!fact.is_for(b"\x03www\x01z\x07example\x00\x00\x1c"));
            assert!(!fact.is_for(b"\x03wwx\x01z\x07example\x00\x00\x01"));
            assert!(!fact.is_for(b"\x07example\x00\x00\x01") && !fact.is_for(b""));
            assert_eq!(fact.denies_name(), matches!(outcome, Outcome::NxDomain(_)));
        }
    }

    #[test]
    fn an_address_takes_its_name_and_thirty_four_octets() {
        let outcome = Outcome::Found(set("www.example", RecordType::A, &[1, 2, 3, 4], &[]));
        assert_eq!(kept("www.example", RecordType::A, &outcome).octets(), 16 + 12 + 13 + 6);
    }

    #[test]
    fn it_holds_to_the_millisecond_and_its_ttl_counts_down() {
        let fact = kept("a.test", RecordType::A, &Outcome::Found(set("a.test", RecordType::A, &[0; 4], &[])));
        let at = |milliseconds: u64| Moment(0x12_3456_7890 + milliseconds);
        assert!(fact.is_current(at(0)) && fact.is_current(at(299_999)) && !fact.is_current(at(300_000)));
        let ttl = |milliseconds| fact.set(at(milliseconds)).map(|set| set.ttl.as_secs());
        assert_eq!([ttl(0), ttl(999), ttl(1000), ttl(299_999)], [Some(300), Some(300), Some(299), Some(1)]);
    }
}

//! The canonical form and order of records (RFC 4034 §6.2, §6.3; RFC 6840 §5.1): what a signature is made over.

use std::borrow::Cow;

use crate::dns::{Class, Field, Rdatas, RecordType, RrSet, layout};

/// IPv6 address with a chain of prefixes (RFC 2874), which no layout describes.
const A6: RecordType = RecordType(38);

/// The records of one RRset, all but their owner and TTL: a signature says what those were.
pub(super) struct Canonical<'a> {
    rtype: RecordType,
    rdatas: Vec<Cow<'a, [u8]>>,
}

impl<'a> Canonical<'a> {
    /// Those of `set`.
    pub(super) fn of(set: &'a RrSet) -> Self {
        Self { rtype: set.rtype, rdatas: sorted(set.rtype, &set.rdatas) }
    }

    /// How many octets [`Self::write`] will write.
    pub(super) fn octets(&self, owner: &[u8]) -> usize {
        self.rdatas.iter().map(|rdata| owner.len() + 10 + rdata.len()).sum()
    }

    /// Appends them as records of `owner`.
    pub(super) fn write(&self, owner: &[u8], ttl: u32, message: &mut Vec<u8>) {
        for rdata in &self.rdatas {
            message.extend_from_slice(owner);
            message.extend_from_slice(&self.rtype.0.to_be_bytes());
            message.extend_from_slice(&Class::IN.0.to_be_bytes());
            message.extend_from_slice(&ttl.to_be_bytes());
            message.extend_from_slice(&u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes());
            message.extend_from_slice(rdata);
        }
    }
}

/// The RDATAs in canonical form and order, each once.
fn sorted(rtype: RecordType, rdatas: &Rdatas) -> Vec<Cow<'_, [u8]>> {
    let mut sorted: Vec<_> = rdatas.iter().map(|rdata| canonical(rtype, rdata)).collect();
    // Octet by octet, and what ends first comes first: the order of slices.
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// `rdata` with its names in lower case, where the type is one of those that are signed so.
fn canonical(rtype: RecordType, rdata: &[u8]) -> Cow<'_, [u8]> {
    if !LOWERED.contains(&rtype) || !rdata.iter().any(u8::is_ascii_uppercase) {
        return Cow::Borrowed(rdata);
    }
    let mut rdata = rdata.to_vec();
    // What is cut short stays as it is from there on; no signer can have meant it.
    let _ = match (rtype, rdata.first().copied()) {
        (RecordType::NXT, _) => lower_name(&mut rdata, 0),
        (A6, Some(prefix)) => lower_name(&mut rdata, 1 + usize::from(128_u8.saturating_sub(prefix)).div_ceil(8)),
        _ => lower_fields(layout(rtype).unwrap_or_default(), &mut rdata),
    };
    Cow::Owned(rdata)
}

/// Puts the names among `fields` into lower case; where the last of known length ends.
fn lower_fields(fields: &[Field], rdata: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    for field in fields {
        at += match field {
            Field::CompressibleName | Field::Name => lower_name(rdata, at)?,
            Field::U8 => 1,
            Field::U16 | Field::Type => 2,
            Field::U32 | Field::Time | Field::Ipv4 => 4,
            Field::Ipv6 => 16,
            Field::Text | Field::HexCounted | Field::Base32Counted => 1 + usize::from(*rdata.get(at)?),
            Field::Texts | Field::Hex | Field::Base64 | Field::Bitmap => break,
        };
    }
    Some(at)
}

/// Puts the name at `start` into lower case; the octets it takes.
fn lower_name(rdata: &mut [u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let length = usize::from(*rdata.get(at)?);
        let label = rdata.get_mut(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            return Some(at - start);
        }
        label.make_ascii_lowercase();
    }
}

/// The types of RFC 4034 §6.2 (HINFO, named there twice, has no names), less NSEC (RFC 6840 §5.1). Types that came later
/// keep their case (RFC 3597 §7).
const LOWERED: [RecordType; 23] = [
    RecordType::NS,
    RecordType::MD,
    RecordType::MF,
    RecordType::CNAME,
    RecordType::SOA,
    RecordType::MB,
    RecordType::MG,
    RecordType::MR,
    RecordType::PTR,
    RecordType::MINFO,
    RecordType::MX,
    RecordType::RP,
    RecordType::AFSDB,
    RecordType::RT,
    RecordType::SIG,
    RecordType::PX,
    RecordType::NXT,
    RecordType::NAPTR,
    RecordType::KX,
    RecordType::SRV,
    RecordType::DNAME,
    A6,
    RecordType::RRSIG,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_in_old_types_only() {
        let cases: [(RecordType, &[u8], &[u8]); 9] = [
            (RecordType::MX, b"\0A\x02Yz\0", b"\0A\x02yz\0".as_slice()),
            (RecordType::NAPTR, b"\0\0\0\0\x01U\x01E\x02!R\x02Aa\0", b"\0\0\0\0\x01U\x01E\x02!R\x02aa\0"),
            (RecordType::NXT, b"\x01A\0A", b"\x01a\0A"),
            (A6, b"\x79A\x01A\0", b"\x79A\x01a\0"),
            (A6, b"\xffA\0", b"\xffA\0"),
            (RecordType::NSEC, b"\x01A\0", b"\x01A\0"),
            (RecordType::TXT, b"\x01A", b"\x01A"),
            (RecordType::HTTPS, b"\0\x01\x01A\0", b"\0\x01\x01A\0"),
            // VAL-22: cut short.
            (RecordType::PX, b"AB\x01C\x3fDE", b"AB\x01c\x3fDE"),
        ];
        for (rtype, given, wanted) in cases {
            assert_eq!(canonical(rtype, given), wanted, "{rtype}");
        }
    }

    #[test]
    fn order_is_by_octets_and_what_is_the_same_comes_once() {
        let rdatas: [&[u8]; 4] = [b"\x01b\0", b"\x01B\0", b"\0", b"\x01A\0"];
        let rdatas = Rdatas::new(rdatas).unwrap();
        let wanted: [&[u8]; 3] = [b"\0", b"\x01a\0", b"\x01b\0"];
        assert_eq!(sorted(RecordType::NS, &rdatas), wanted);
    }
}

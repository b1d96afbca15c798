//! From words to RDATA, field by field along the layout table.

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXUPPER_PERMISSIVE};

use super::super::layout::{Field, layout};
use super::time::time_from_text;
use super::tokens::Token;
use super::zone::parse_ttl;
use super::{Name, Position, RdataBuf, RecordType, TextError, TextProblem, other};
use crate::dns::Reader;

/// The RDATA that `tokens` describe; `here` is where a complaint goes when there are none.
pub(super) fn rdata(
    rtype: RecordType,
    tokens: &[Token<'_>],
    here: Position,
    origin: &Name,
) -> Result<RdataBuf, TextError> {
    if let Some((first, rest)) = tokens.split_first()
        && first.is("\\#")
    {
        return generic(rtype, rest).ok_or_else(|| TextProblem::BadGeneric.at(first.at));
    }
    let rdata = match layout(rtype) {
        None => other::parse(rtype, tokens).ok_or_else(|| TextProblem::BadData(rtype).at(here))?,
        Some(fields) => {
            let mut words = Words { rtype, tokens, here, origin };
            let mut out = RdataBuf::new();
            for field in fields {
                words.field(*field, &mut out)?;
            }
            if let Some(surplus) = words.tokens.first() {
                return Err(TextProblem::Surplus.at(surplus.at));
            }
            out
        }
    };
    if rdata.len() > usize::from(u16::MAX) { Err(TextProblem::TooLong.at(here)) } else { Ok(rdata) }
}

/// A name as written: `@`, relative to `origin`, or with a final dot.
pub(super) fn name(token: &Token<'_>, origin: &Name) -> Option<Name> {
    if token.is("@") {
        return Some(origin.clone());
    }
    let name: Name = token.raw.parse().ok()?;
    let dotted = token.raw.strip_suffix('.').is_some_and(|rest| {
        let backslashes = rest.bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
    });
    if dotted { Some(name) } else { Name::from_labels(name.labels().chain(origin.labels())).ok() }
}

/// What stands behind `\#` (RFC 3597 §5): no compression, and the shape of a known type is checked.
fn generic(rtype: RecordType, tokens: &[Token<'_>]) -> Option<RdataBuf> {
    let (length, words) = tokens.split_first()?;
    let length = usize::from(length.raw.parse::<u16>().ok()?);
    let octets = HEXUPPER_PERMISSIVE.decode(joined(words).as_bytes()).ok().filter(|octets| octets.len() == length)?;
    let read = Reader::new(&octets, 0).rdata(rtype, length).ok()?;
    (read.as_slice() == octets).then_some(read)
}

fn joined(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.raw).collect()
}

struct Words<'a> {
    rtype: RecordType,
    tokens: &'a [Token<'a>],
    here: Position,
    origin: &'a Name,
}

impl<'a> Words<'a> {
    fn next(&mut self, field: Field) -> Result<&'a Token<'a>, TextError> {
        let (first, rest) = self.tokens.split_first().ok_or_else(|| TextProblem::Missing(field).at(self.here))?;
        self.tokens = rest;
        self.here = first.at;
        Ok(first)
    }

    fn field(&mut self, field: Field, out: &mut RdataBuf) -> Result<(), TextError> {
        match field {
            Field::Hex | Field::Base64 => return self.octets_to_the_end(field, out),
            Field::Bitmap => return self.bitmap(out),
            Field::Texts => {
                self.one(Field::Text, out)?;
                while !self.tokens.is_empty() {
                    self.one(Field::Text, out)?;
                }
            }
            _ => self.one(field, out)?,
        }
        Ok(())
    }

    /// A field that is one word.
    fn one(&mut self, field: Field, out: &mut RdataBuf) -> Result<(), TextError> {
        let token = self.next(field)?;
        if field == Field::Text {
            let octets = token.octets()?;
            return counted(&octets, out).ok_or_else(|| TextProblem::Malformed(field).at(token.at));
        }
        self.word(field, token, out).ok_or_else(|| TextProblem::Malformed(field).at(token.at))
    }

    fn word(&self, field: Field, token: &Token<'_>, out: &mut RdataBuf) -> Option<()> {
        let raw = token.raw;
        match field {
            Field::CompressibleName | Field::Name => out.extend_from_slice(name(token, self.origin)?.wire()),
            Field::U8 => out.push(raw.parse().ok().or_else(|| self.algorithm(raw))?),
            Field::U16 => out.extend_from_slice(&raw.parse::<u16>().ok()?.to_be_bytes()),
            Field::U32 => out.extend_from_slice(&self.long(raw)?.to_be_bytes()),
            Field::Time => out.extend_from_slice(&time_from_text(raw)?.to_be_bytes()),
            Field::Type => out.extend_from_slice(&raw.parse::<RecordType>().ok()?.0.to_be_bytes()),
            Field::Ipv4 => out.extend_from_slice(&raw.parse::<Ipv4Addr>().ok()?.octets()),
            Field::Ipv6 => out.extend_from_slice(&raw.parse::<Ipv6Addr>().ok()?.octets()),
            Field::HexCounted | Field::Base32Counted if raw == "-" => out.push(0),
            Field::HexCounted => counted(&HEXUPPER_PERMISSIVE.decode(raw.as_bytes()).ok()?, out)?,
            Field::Base32Counted => {
                counted(&BASE32HEX_NOPAD.decode(raw.to_ascii_uppercase().as_bytes()).ok()?, out)?;
            }
            Field::Text | Field::Texts | Field::Hex | Field::Base64 | Field::Bitmap => return None,
        }
        Some(())
    }

    /// Times in SOA may have units, as TTLs do.
    fn long(&self, raw: &str) -> Option<u32> {
        let plain = raw.parse().ok();
        plain.or_else(|| (self.rtype == RecordType::SOA).then(|| parse_ttl(raw))?.map(super::Ttl::as_secs))
    }

    /// A DNSSEC algorithm by its mnemonic (RFC 4034 appendix A.1 and the registry behind it).
    fn algorithm(&self, raw: &str) -> Option<u8> {
        let signed = matches!(
            self.rtype,
            RecordType::DS
                | RecordType::CDS
                | RecordType::DLV
                | RecordType::DNSKEY
                | RecordType::CDNSKEY
                | RecordType::RRSIG
        );
        let known = ALGORITHMS.iter().find(|(mnemonic, _)| signed && mnemonic.eq_ignore_ascii_case(raw));
        known.map(|(_, number)| *number)
    }

    fn octets_to_the_end(&mut self, field: Field, out: &mut RdataBuf) -> Result<(), TextError> {
        let words = self.tokens;
        let start = self.next(field)?.at;
        self.tokens = &[];
        let text = joined(words);
        let octets = match field {
            Field::Hex => HEXUPPER_PERMISSIVE.decode(text.as_bytes()),
            _ => BASE64.decode(text.as_bytes()),
        };
        out.extend_from_slice(&octets.map_err(|_| TextProblem::Malformed(field).at(start))?);
        Ok(())
    }

    fn bitmap(&mut self, out: &mut RdataBuf) -> Result<(), TextError> {
        let mut types = Vec::new();
        while !self.tokens.is_empty() {
            let token = self.next(Field::Bitmap)?;
            let rtype: RecordType = token.raw.parse().map_err(|_| TextProblem::UnknownType.at(token.at))?;
            types.push(rtype.0);
        }
        types.sort_unstable();
        for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
            let mut bits = [0u8; 32];
            for rtype in window {
                if let Some(octet) = bits.get_mut(usize::from(rtype & 0xff) / 8) {
                    *octet |= 0x80 >> (rtype & 7);
                }
            }
            let used = bits.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
            let number = window.first().map_or(0, |rtype| rtype.to_be_bytes()[0]);
            out.push(number);
            counted(bits.get(..used).unwrap_or(&bits), out);
        }
        Ok(())
    }
}

/// A length octet and the octets; `None` when they are too many.
fn counted(octets: &[u8], out: &mut RdataBuf) -> Option<()> {
    out.push(u8::try_from(octets.len()).ok()?);
    out.extend_from_slice(octets);
    Some(())
}

const ALGORITHMS: [(&str, u8); 13] = [
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
];

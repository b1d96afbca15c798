//! Types outside the layout table: URI by hand, and what `hickory_proto` can print and read (CAA, CERT, CSYNC, SVCB, HTTPS).
//!
//! Its parsers get one record's words at a time; what it cannot do is `None`, and the caller says `\#`.

use std::fmt::Write;

use hickory_proto::rr::{RData, RecordType as HickoryType};
use hickory_proto::serialize::binary::{BinDecoder, BinEncodable, BinEncoder, NameEncoding, Restrict};

use super::print::quote;
use super::tokens::Token;
use super::{RdataBuf, RecordType};
use crate::dns::Reader;

/// The types whose text is left to `hickory_proto`.
const LENT: [RecordType; 5] =
    [RecordType::CAA, RecordType::CERT, RecordType::CSYNC, RecordType::SVCB, RecordType::HTTPS];

/// The data in words, if there are any for the type.
pub(super) fn print(rtype: RecordType, rdata: &[u8]) -> Option<String> {
    if rtype == RecordType::URI {
        return print_uri(rdata);
    }
    if !LENT.contains(&rtype) || rdata.is_empty() {
        return None;
    }
    let mut decoder = BinDecoder::new(rdata);
    let length = Restrict::new(u16::try_from(rdata.len()).ok()?);
    let data = RData::read(&mut decoder, HickoryType::from(rtype.0), length).ok()?;
    Some(data.to_string())
}

/// The data that the words describe, if the type has words.
pub(super) fn parse(rtype: RecordType, tokens: &[Token<'_>]) -> Option<RdataBuf> {
    if rtype == RecordType::URI {
        return parse_uri(tokens);
    }
    if !LENT.contains(&rtype) {
        return None;
    }
    let data = RData::try_from_str(HickoryType::from(rtype.0), &line(tokens)).ok()?;
    let mut wire = Vec::new();
    let mut encoder = BinEncoder::new(&mut wire);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(RdataBuf::from_vec(wire))
}

/// The words on one line again.
fn line(tokens: &[Token<'_>]) -> String {
    let mut line = String::new();
    for token in tokens {
        let quotes = if token.quoted { "\"" } else { "" };
        let blank = if line.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(line, "{blank}{quotes}{}{quotes}", token.raw);
    }
    line
}

/// Priority, weight, and the target up to the end (RFC 7553 §4.5).
fn print_uri(rdata: &[u8]) -> Option<String> {
    let mut reader = Reader::new(rdata, 0);
    let mut out = format!("{} {} ", reader.u16().ok()?, reader.u16().ok()?);
    quote(reader.bytes(reader.remaining()).ok()?, &mut out).ok()?;
    Some(out)
}

fn parse_uri(tokens: &[Token<'_>]) -> Option<RdataBuf> {
    let [priority, weight, target] = tokens else { return None };
    let mut out = RdataBuf::new();
    for number in [priority, weight] {
        out.extend_from_slice(&number.raw.parse::<u16>().ok()?.to_be_bytes());
    }
    out.extend_from_slice(&target.octets().ok()?);
    Some(out)
}

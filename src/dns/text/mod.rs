//! The presentation format (RFC 1035 §5, RFC 3597 §5): records as people and zone files write them.
//!
//! Types in the layout table are printed and read by that table, a few more with `hickory_proto`'s help,
//! all others as `\# length hex`. What is printed always reads back as the same octets.
//! `$INCLUDE` and `$GENERATE` are refused: a zone here is one text.

mod other;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod time;
mod tokens;
mod zone;

use std::fmt;

use super::layout::Field;
use super::{Name, RdataBuf, Record, RecordType, RrSet, Ttl};

pub use print::rdata_to_text;
pub use time::{time_from_text, time_to_text, time_to_words};
pub use zone::{parse_ttl, read_records, read_zone};

/// Reads the RDATA of one record of `rtype`; relative names are completed by `origin`.
///
/// # Errors
/// The first [`TextProblem`], and where it stands.
pub fn rdata_from_text(rtype: RecordType, text: &str, origin: &Name) -> Result<RdataBuf, TextError> {
    let mut entries = tokens::Entries::new(text);
    let entry = entries.next_entry()?;
    let tokens = entry.as_ref().map_or(&[][..], |entry| &entry.tokens);
    let start = Position::START;
    let rdata = parse::rdata(rtype, tokens, start, origin)?;
    match entries.next_entry()? {
        Some(more) => Err(TextProblem::Surplus.at(more.start)),
        None => Ok(rdata),
    }
}

/// The record in one line: owner, TTL, class, type and data, between tabs.
pub fn record_to_text(record: &Record) -> String {
    let Record { owner, rtype, class, ttl, rdata } = record;
    format!("{owner}\t{ttl}\t{class}\t{rtype}\t{}", rdata_to_text(*rtype, rdata))
}

/// The records of the set, then the signatures over it, one line each.
pub fn rrset_to_text(rrset: &RrSet) -> Vec<String> {
    let line = |rtype: RecordType, rdata: &[u8]| {
        format!("{}\t{}\tIN\t{rtype}\t{}", rrset.owner, rrset.ttl, rdata_to_text(rtype, rdata))
    };
    let data = rrset.rdatas.iter().map(|rdata| line(rrset.rtype, rdata));
    data.chain(rrset.signatures.iter().map(|rdata| line(RecordType::RRSIG, rdata))).collect()
}

/// A place in a text, both numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character in the line.
    pub column: u32,
}

impl Position {
    const START: Self = Self { line: 1, column: 1 };
}

/// What is wrong in a text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", .position.line, .position.column)]
pub struct TextError {
    /// Where.
    pub position: Position,
    /// What.
    pub problem: TextProblem,
}

/// What can be wrong in presentation format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// A quoted string does not end on its line.
    #[error("the quoted string is not closed")]
    OpenQuote,
    /// A parenthesis is never closed.
    #[error("the parenthesis is not closed")]
    OpenParenthesis,
    /// A closing parenthesis without an opening one.
    #[error("a closing parenthesis without an opening one")]
    StrayParenthesis,
    /// A backslash is not followed by a character or by three digits up to 255.
    #[error("a backslash needs a character, or three digits up to 255, behind it")]
    BadEscape,
    /// A word that is not what its field holds.
    #[error("this is not {}", what(*.0))]
    Malformed(Field),
    /// The record ends before its fields do.
    #[error("{} is missing here", what(*.0))]
    Missing(Field),
    /// There is more than the record's fields.
    #[error("the record ends before this")]
    Surplus,
    /// The octets written with `\#` are not as many as said, not hexadecimal, or do not fit the type.
    #[error("`\\#` needs a length and as many octets in hexadecimal, fit for the type")]
    BadGeneric,
    /// The data is longer than 65,535 octets.
    #[error("the data is longer than a record can hold")]
    TooLong,
    /// The type has no presentation format here, or its data is malformed.
    #[error("malformed {0} data; any data can be written as `\\# length hex`")]
    BadData(RecordType),
    /// An owner name is not a domain name.
    #[error("this is not a domain name")]
    BadOwner,
    /// The first record leaves out its owner.
    #[error("the first record must name its owner")]
    NoOwner,
    /// A TTL is not a number of seconds, or of units `w d h m s`, below 2^31.
    #[error("a TTL is a number below 2^31, with units w, d, h, m, s if you like")]
    BadTtl,
    /// A record ends before its type.
    #[error("the record's type is missing")]
    NoType,
    /// A word stands where a type is due and is none.
    #[error("this is not a record type; any type can be written as TYPE and its number")]
    UnknownType,
    /// A `$` word other than `$ORIGIN` and `$TTL`.
    #[error("only $ORIGIN and $TTL are supported")]
    UnknownDirective,
}

impl TextProblem {
    const fn at(self, position: Position) -> TextError {
        TextError { position, problem: self }
    }
}

/// What a field holds, in words.
const fn what(field: Field) -> &'static str {
    match field {
        Field::CompressibleName | Field::Name => "a domain name",
        Field::U8 => "a number up to 255",
        Field::U16 => "a number up to 65535",
        Field::U32 => "a number up to 4294967295",
        Field::Time => "a time (YYYYMMDDHHmmSS or seconds)",
        Field::Type => "a record type",
        Field::Ipv4 => "an IPv4 address",
        Field::Ipv6 => "an IPv6 address",
        Field::Text | Field::Texts => "a string of at most 255 octets",
        Field::HexCounted => "hexadecimal (or - for nothing)",
        Field::Base32Counted => "base32hex",
        Field::Hex => "hexadecimal",
        Field::Base64 => "base64",
        Field::Bitmap => "a list of record types",
    }
}

/// Data of any type, as RFC 3597 §5 writes it.
struct Generic<'a>(&'a [u8]);

impl fmt::Display for Generic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\\# {}", self.0.len())?;
        if !self.0.is_empty() {
            write!(f, " {}", data_encoding::HEXUPPER.encode(self.0))?;
        }
        Ok(())
    }
}

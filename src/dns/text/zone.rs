//! Master files (RFC 1035 §5.1, `$TTL` of RFC 2308 §4): lines that lean on the lines before them.

use super::tokens::{Entries, Entry, Token};
use super::{Name, Position, RecordType, TextError, TextProblem, Ttl, parse};
use crate::dns::{Class, Record};

/// Reads the records of a zone file. A record without a TTL gets `$TTL`'s, else the last one stated, else `default_ttl`;
/// one without a class has the class of the record before, IN at first.
///
/// # Errors
/// The first [`TextProblem`], and where it stands.
pub fn read_zone(text: &str, origin: &Name, default_ttl: Ttl) -> Result<Vec<Record>, TextError> {
    let records = read_records(text, origin, default_ttl)?;
    Ok(records.into_iter().map(|(_, record)| record).collect())
}

/// The same, each record with the place where it starts.
///
/// # Errors
/// The first [`TextProblem`], and where it stands.
pub fn read_records(text: &str, origin: &Name, default_ttl: Ttl) -> Result<Vec<(Position, Record)>, TextError> {
    let mut entries = Entries::new(text);
    let mut zone =
        Context { origin: origin.clone(), owner: None, class: Class::IN, directive: None, stated: default_ttl };
    let mut records = Vec::new();
    while let Some(entry) = entries.next_entry()? {
        if !zone.directive(&entry)? {
            records.push((entry.start, zone.record(&entry)?));
        }
    }
    Ok(records)
}

/// A TTL: seconds, or numbers with units, such as `1h30m`; at most 2^31 - 1 seconds (RFC 2181 §8).
pub fn parse_ttl(text: &str) -> Option<Ttl> {
    let mut total: u32 = 0;
    let mut number: Option<u32> = None;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u32::from(byte - b'0'))?);
            continue;
        }
        let unit = match byte.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    // A number behind the last unit is seconds; text without any number is no TTL.
    total = match (number, text.bytes().last()) {
        (Some(seconds), _) => total.checked_add(seconds)?,
        (None, Some(_)) => total,
        (None, None) => return None,
    };
    (total <= i32::MAX.unsigned_abs()).then(|| Ttl::from_secs(total))
}

/// What a line may leave out, because lines before it said so.
struct Context {
    origin: Name,
    owner: Option<Name>,
    class: Class,
    directive: Option<Ttl>,
    stated: Ttl,
}

impl Context {
    /// Obeys a `$` line; `false` when the entry is none.
    fn directive(&mut self, entry: &Entry<'_>) -> Result<bool, TextError> {
        let Some((word, values)) = entry.tokens.split_first() else { return Ok(false) };
        if word.quoted || !word.raw.starts_with('$') {
            return Ok(false);
        }
        let surplus = values.get(1);
        if word.is("$ORIGIN") {
            let value = values.first().ok_or_else(|| TextProblem::BadOwner.at(word.at))?;
            self.origin = parse::name(value, &self.origin).ok_or_else(|| TextProblem::BadOwner.at(value.at))?;
        } else if word.is("$TTL") {
            let value = values.first().ok_or_else(|| TextProblem::BadTtl.at(word.at))?;
            self.directive = Some(parse_ttl(value.raw).ok_or_else(|| TextProblem::BadTtl.at(value.at))?);
        } else {
            return Err(TextProblem::UnknownDirective.at(word.at));
        }
        surplus.map_or(Ok(true), |token| Err(TextProblem::Surplus.at(token.at)))
    }

    fn record(&mut self, entry: &Entry<'_>) -> Result<Record, TextError> {
        let mut tokens = entry.tokens.as_slice();
        if !entry.owner_omitted
            && let Some((first, rest)) = tokens.split_first()
        {
            self.owner = Some(parse::name(first, &self.origin).ok_or_else(|| TextProblem::BadOwner.at(first.at))?);
            tokens = rest;
        }
        let owner = self.owner.clone().ok_or_else(|| TextProblem::NoOwner.at(entry.start))?;
        let mut here = entry.start;
        let mut ttl = None;
        let rtype = loop {
            let Some((word, rest)) = tokens.split_first() else { return Err(TextProblem::NoType.at(here)) };
            (tokens, here) = (rest, word.at);
            match self.before_type(word, ttl)? {
                Before::Ttl(value) => ttl = Some(value),
                Before::Class => {}
                Before::Type(rtype) => break rtype,
            }
        };
        self.stated = ttl.unwrap_or(self.stated);
        let ttl = ttl.or(self.directive).unwrap_or(self.stated);
        let rdata = parse::rdata(rtype, tokens, here, &self.origin)?;
        Ok(Record { owner, rtype, class: self.class, ttl, rdata })
    }

    /// TTL and class come in either order, or not at all.
    fn before_type(&mut self, word: &Token<'_>, ttl: Option<Ttl>) -> Result<Before, TextError> {
        if ttl.is_none() && word.raw.starts_with(|first: char| first.is_ascii_digit()) {
            return parse_ttl(word.raw).map(Before::Ttl).ok_or_else(|| TextProblem::BadTtl.at(word.at));
        }
        // `ANY` is a class in questions only.
        if let Some(class) = word.raw.parse::<Class>().ok().filter(|class| *class != Class::ANY) {
            self.class = class;
            return Ok(Before::Class);
        }
        let rtype: RecordType = word.raw.parse().map_err(|_| TextProblem::UnknownType.at(word.at))?;
        Ok(Before::Type(rtype))
    }
}

/// What a word between owner and data is.
enum Before {
    Ttl(Ttl),
    Class,
    Type(RecordType),
}

//! Trust anchors: where chains begin.
//!
//! Owner by owner a list of DS and DNSKEY records: for the root those that are compiled in (RFC 9718), for islands of
//! trust those of files. Which keys they vouch for is `keys`' to judge; how they change with time is `rollover`'s.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use super::acceptance::Trusted;
use super::algorithm::{Algorithm, Support};
use super::keys::{Dnskey, Ds};
use crate::dns::{Class, Name, Rdatas, Record, RecordType, RrSet, Subtrees, TextError, Ttl, read_records};

/// Every trust anchor in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchors {
    zones: Subtrees<Anchor>,
}

/// The trust anchor of one zone: any of its records may begin the chain (RFC 4035 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The zone. A key is only as good as its owner: records of other names say nothing here.
    pub apex: Name,
    /// The records, at least one.
    pub records: Vec<AnchorRecord>,
}

/// A DS or DNSKEY record that is believed without a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorRecord {
    /// DS or DNSKEY.
    pub rtype: RecordType,
    /// Its data in wire form.
    pub rdata: Vec<u8>,
    /// Where it comes from.
    pub source: Source,
}

/// Where a trust anchor comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is compiled in.
    Builtin,
    /// The operator wrote it into a file.
    File(PathBuf),
    /// It took over from another one, as RFC 5011 says.
    Rollover,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Rollover => f.write_str("rollover"),
        }
    }
}

impl Anchors {
    /// None at all: everything is Indeterminate (RFC 4035 §4.3).
    pub const fn none() -> Self {
        Self { zones: Subtrees::new() }
    }

    /// The keys of the root that are compiled in.
    pub fn builtin() -> Self {
        // A test reads them; were they wrong, no anchor would be found and every start would be refused.
        Self::read(BUILTIN, &Source::Builtin).unwrap_or_else(|_| Self::none())
    }

    /// Reads DS and DNSKEY records in zone-file format; names without a final dot are complete.
    ///
    /// In files that Unbound keeps up to date (`;;state=`), only keys that it trusts are taken.
    ///
    /// # Errors
    /// The first thing that is wrong, and its line.
    pub fn read(text: &str, source: &Source) -> Result<Self, AnchorError> {
        let text = without_untrusted(text);
        let records = read_records(&text, &Name::root(), Ttl::ZERO)
            .map_err(|error| AnchorProblem::Text(error).at(error.position.line))?;
        let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
        let mut anchors = Self::none();
        for (position, record) in records {
            check(&record).map_err(|problem| problem.at(position.line))?;
            let Record { owner, rtype, rdata, .. } = record;
            anchors.add(&owner, AnchorRecord { rtype, rdata: rdata.to_vec(), source: source.clone() });
            if anchors.records().count() > MAX_RECORDS {
                return Err(AnchorProblem::TooMany.at(position.line));
            }
        }
        if anchors.is_empty() { Err(AnchorProblem::Empty.at(last)) } else { Ok(anchors) }
    }

    /// The records of a DS or DNSKEY RRset, believed as they are.
    pub fn of(set: &RrSet, source: &Source) -> Self {
        let mut anchors = Self::none();
        for rdata in set.rdatas.iter() {
            anchors.add(&set.owner, AnchorRecord { rtype: set.rtype, rdata: rdata.to_vec(), source: source.clone() });
        }
        anchors
    }

    /// Adds those of `others`.
    pub fn merge(&mut self, others: &Self) {
        for (apex, record) in others.records() {
            self.add(apex, record.clone());
        }
    }

    /// Lets `records` alone speak for `apex`; without any, the zone has no anchor of its own any more.
    pub fn replace(&mut self, apex: &Name, records: Vec<AnchorRecord>) {
        if records.is_empty() {
            self.zones.remove(apex);
        } else {
            self.zones.insert(apex, Anchor { apex: apex.clone(), records });
        }
    }

    /// The deepest at or above `name`. It forces validation below it, whatever the zones above say (VAL-16).
    ///
    /// DS records belong to the parent (RFC 4035 §3.1.4.1): for those, pass the parent of their owner.
    pub fn closest(&self, name: &Name) -> Option<&Anchor> {
        self.zones.closest(name, |_| true)
    }

    /// The one of exactly `apex`.
    pub fn at(&self, apex: &Name) -> Option<&Anchor> {
        self.zones.at(apex)
    }

    /// All of them, parents before what is below them.
    pub fn iter(&self) -> impl Iterator<Item = &Anchor> {
        self.zones.iter()
    }

    /// Every record of every zone.
    pub fn records(&self) -> impl Iterator<Item = (&Name, &AnchorRecord)> {
        self.iter().flat_map(|anchor| anchor.records.iter().map(|record| (&anchor.apex, record)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    fn add(&mut self, apex: &Name, record: AnchorRecord) {
        let anchor = self.zones.entry(apex, || Anchor { apex: apex.clone(), records: Vec::new() });
        let known = |known: &AnchorRecord| (known.rtype, &known.rdata) == (record.rtype, &record.rdata);
        if !anchor.records.iter().any(known) {
            anchor.records.push(record);
        }
    }
}

impl Default for Anchors {
    /// Those that are compiled in.
    fn default() -> Self {
        Self::builtin()
    }
}

impl AnchorRecord {
    /// The tag of the key it stands for.
    pub fn tag(&self) -> u16 {
        self.read(|ds| ds.tag, |key| key.tag())
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.read(|ds| ds.algorithm, |key| key.algorithm)
    }

    /// Whether anything here can validate with it; a zone without any such record is insecure (RFC 4035 §5.2).
    pub fn is_supported(&self) -> bool {
        self.read(|ds| ds.is_supported(), |key| key.algorithm.support() == Support::Validate)
    }

    fn read<T: Default>(&self, of_ds: impl Fn(&Ds<'_>) -> T, of_key: impl Fn(&Dnskey<'_>) -> T) -> T {
        let read = match self.rtype {
            RecordType::DS => Ds::parse(&self.rdata).map(|ds| of_ds(&ds)),
            _ => Dnskey::parse(&self.rdata).map(|key| of_key(&key)),
        };
        // Records that are too short were refused when they were read.
        read.unwrap_or_default()
    }
}

impl Anchor {
    /// What the zone's keys are judged by.
    pub fn trusted(&self) -> Trusted {
        let of = |rtype| {
            let records = self.records.iter().filter(move |record| record.rtype == rtype);
            // RDATA that was read from text is never too long.
            Rdatas::new(records.map(|record| record.rdata.as_slice())).unwrap_or(Rdatas::EMPTY)
        };
        Trusted { apex: self.apex.clone(), ds: of(RecordType::DS), dnskeys: of(RecordType::DNSKEY) }
    }
}

/// Why a text holds no trust anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct AnchorError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub problem: AnchorProblem,
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            // It knows the column, too.
            AnchorProblem::Text(error) => write!(f, "{error}"),
            problem => write!(f, "line {}: {problem}", self.line),
        }
    }
}

/// What can be wrong with trust anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorProblem {
    /// It is no zone-file format.
    #[error("{0}")]
    Text(TextError),
    /// A record of another type.
    #[error("a {0} record is no trust anchor")]
    Type(RecordType),
    /// A record of another class.
    #[error("a record of class {0} is no trust anchor")]
    Class(Class),
    /// A digest that is too short or too long for its type.
    #[error("this digest has {is} octets, and one of type {digest} has {should}")]
    Digest {
        /// The digest type.
        digest: u8,
        /// The octets there are.
        is: usize,
        /// The octets there must be.
        should: usize,
    },
    /// A key that signs no zones.
    #[error("this key has the flags {0}, and that is no zone key")]
    NotZoneKey(u16),
    /// A key that its owner has taken back (RFC 5011 §2.1).
    #[error("this key has the flags {0}: it is revoked")]
    Revoked(u16),
    /// A key with a protocol field other than 3.
    #[error("this key is of protocol {0}, and DNSSEC's is 3")]
    Protocol(u8),
    /// A key or digest that is not there.
    #[error("this record is too short to hold a key or a digest")]
    Short,
    /// Nothing at all.
    #[error("there is no DS and no DNSKEY record up to here")]
    Empty,
    /// More than anybody has.
    #[error("there are more than {MAX_RECORDS} trust anchors")]
    TooMany,
}

impl AnchorProblem {
    const fn at(self, line: u32) -> AnchorError {
        AnchorError { line, problem: self }
    }

    /// What to do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Text(_) => "write `example.com. DS 12345 13 2 …` or `example.com. DNSKEY 257 3 13 …`",
            Self::Type(_) => "keep DS and DNSKEY records only",
            Self::Class(_) => "write class IN, or no class",
            Self::Digest { .. } | Self::Short => "copy the record again, whole, from whoever runs the zone",
            Self::NotZoneKey(_) | Self::Protocol(_) => "write a key of the zone: `DNSKEY 257 3 …`",
            Self::Revoked(_) => "remove the line, and ask whoever runs the zone for the key that took over",
            Self::Empty => "write the records, or `builtin` in place of the file",
            Self::TooMany => "keep those of the zones that need one",
        }
    }
}

/// Whether the record can be a trust anchor at all. Algorithms and digests that we do not know are no mistake: their
/// zones are insecure (RFC 4035 §5.2).
fn check(record: &Record) -> Result<(), AnchorProblem> {
    if record.class != Class::IN {
        return Err(AnchorProblem::Class(record.class));
    }
    match (record.rtype, record.rdata.as_slice()) {
        (RecordType::DS, [_, _, _, digest, octets @ ..]) if !octets.is_empty() => {
            let (digest, is) = (*digest, octets.len());
            let should = digest_octets(digest).unwrap_or(is);
            if is == should { Ok(()) } else { Err(AnchorProblem::Digest { digest, is, should }) }
        }
        (RecordType::DNSKEY, rdata @ [_, _, _, _, _, ..]) => match Dnskey::parse(rdata) {
            Some(key) if !key.is_zone_key() => Err(AnchorProblem::NotZoneKey(key.flags)),
            Some(key) if key.is_revoked() => Err(AnchorProblem::Revoked(key.flags)),
            Some(key) if key.protocol != 3 => Err(AnchorProblem::Protocol(key.protocol)),
            _ => Ok(()),
        },
        (RecordType::DS | RecordType::DNSKEY, _) => Err(AnchorProblem::Short),
        (other, _) => Err(AnchorProblem::Type(other)),
    }
}

/// How long a digest of the type is (RFC 4034 §5.1.3, RFC 4509, RFC 6605 and, for GOST, the registry).
const fn digest_octets(digest: u8) -> Option<usize> {
    match digest {
        1 => Some(20),
        2 | 3 => Some(32),
        4 => Some(48),
        _ => None,
    }
}

/// The text without the keys that Unbound has seen and does not trust: pending, revoked and removed ones.
fn without_untrusted(text: &str) -> Cow<'_, str> {
    const STATE: &str = ";;state=";
    if !text.contains(STATE) {
        return Cow::Borrowed(text);
    }
    let trusted = |line: &&str| {
        let state = line.split_once(STATE).map(|(_, state)| state.trim_start());
        // 2 is VALID, 3 is MISSING.
        state.is_none_or(|state| state.starts_with(['2', '3']))
    };
    Cow::Owned(text.lines().map(|line| Some(line).filter(trusted).unwrap_or_default().to_owned() + "\n").collect())
}

const MAX_RECORDS: usize = 1000;

/// The key-signing keys of the root, KSK-2017 and KSK-2024, as IANA publishes them (RFC 9718).
const BUILTIN: &str = "\
. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

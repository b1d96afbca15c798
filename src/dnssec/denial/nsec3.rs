//! NSEC3: the same as NSEC over hashes of names (RFC 5155), as far as hashing may cost (RFC 9276).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN, digest};
use data_encoding::BASE32HEX_NOPAD;
use smallvec::SmallVec;

use super::{Seen, Types};
use crate::dns::{Name, RecordType, RrSet};
use crate::dnssec::{Reason, Work, WorkBound};

/// What a name becomes.
pub type Hash = [u8; SHA1_OUTPUT_LEN];

/// How a zone hashes its names (RFC 5155 §3.1). The algorithm is always SHA-1, there is no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// How often the first hash is hashed again.
    pub iterations: u16,
    /// What is appended before each hashing.
    pub salt: &'a [u8],
}

/// One NSEC3 record: no name of the zone has a hash between its own and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nsec3<'a> {
    /// The hash of a name that exists.
    pub owner: Hash,
    /// The next hash in order; behind the last one comes the first.
    pub next: Hash,
    /// Whether unsigned delegations may exist all the same between the two (RFC 5155 §6).
    pub opt_out: bool,
    /// What the owner has.
    pub types: Types<'a>,
}

impl<'a> Nsec3<'a> {
    /// Reads the NSEC3 record of the zone `apex`, with the parameters of its hashes. `None` when it is malformed, of
    /// another zone, or must be ignored (RFC 5155 §8.1–8.2). Whether it is signed is the caller's business.
    pub fn read(set: &'a RrSet, apex: &Name) -> Option<(Self, Parameters<'a>)> {
        let mut rdatas = set.rdatas.iter();
        let (rdata, None) = (rdatas.next()?, rdatas.next()) else { return None };
        // A zone may be named like a hash in its parent: what counts is the zone right above the label (RFC 5155 §3).
        if set.rtype != RecordType::NSEC3 || set.owner.parent().as_ref() != Some(apex) {
            return None;
        }
        let label = set.owner.labels().next()?.to_ascii_uppercase();
        let owner = Hash::try_from(BASE32HEX_NOPAD.decode(&label).ok()?).ok()?;
        let (&[algorithm, flags, high, low], rest) = rdata.split_first_chunk::<4>()?;
        let (salt, rest) = counted(rest)?;
        let (next, windows) = counted(rest)?;
        let nsec3 =
            Self { owner, next: Hash::try_from(next).ok()?, opt_out: flags == OPT_OUT, types: Types::read(windows)? };
        let known = algorithm == SHA1 && (flags & !OPT_OUT) == 0;
        known.then_some((nsec3, Parameters { iterations: u16::from_be_bytes([high, low]), salt }))
    }

    /// Whether it speaks of exactly the name with this hash.
    pub fn matches(&self, hash: &Hash) -> bool {
        self.owner == *hash
    }

    /// Whether it proves that the zone has no name with this hash, or at most an unsigned delegation
    /// ([`Nsec3::opt_out`]).
    pub fn covers(&self, hash: &Hash) -> bool {
        if self.owner < self.next {
            return self.owner < *hash && *hash < self.next;
        }
        // The last one: from here around to the first. It may be the same, in a zone of one name.
        self.owner < *hash || *hash < self.next
    }
}

impl Parameters<'_> {
    /// The hash of a name (RFC 5155 §5), paid for before it is made.
    ///
    /// # Errors
    /// [`Reason::Iterations`] when names are hashed more often than is validated, [`Reason::TooMuch`] when the question
    /// has had its share.
    pub fn hash(&self, name: &Name, work: &Work) -> Result<Hash, Reason> {
        if u32::from(self.iterations) > work.iterations().validated {
            return Err(Reason::Iterations);
        }
        work.spend_hash_blocks(self.blocks(name)).map_err(Reason::TooMuch)?;
        let mut input: SmallVec<[u8; 256]> = name.wire().iter().map(u8::to_ascii_lowercase).collect();
        let mut hash: Hash = [0; SHA1_OUTPUT_LEN];
        for _ in 0..=self.iterations {
            input.extend_from_slice(self.salt);
            let made = digest(&SHA1_FOR_LEGACY_USE_ONLY, &input);
            hash.copy_from_slice(made.as_ref());
            input.clear();
            input.extend_from_slice(&hash);
        }
        Ok(hash)
    }

    /// How many blocks of 64 octets it takes to hash this name.
    pub fn blocks(&self, name: &Name) -> u32 {
        // SHA-1 appends one octet, and the length in eight.
        let of = |length: usize| u32::try_from((length + self.salt.len() + 9).div_ceil(64)).unwrap_or(u32::MAX);
        of(name.wire().len()).saturating_add(of(SHA1_OUTPUT_LEN).saturating_mul(u32::from(self.iterations)))
    }
}

/// Whether a denial by these sets counts as unsigned because it hashes names more often than `validated` (RFC 9276 §3.2).
pub fn is_beyond_validation<'a>(mut sets: impl Iterator<Item = &'a RrSet>, validated: u32) -> bool {
    sets.any(|set| {
        let apex = set.owner.parent();
        let read = apex.as_ref().and_then(|apex| Nsec3::read(set, apex));
        read.is_some_and(|(_, parameters)| u32::from(parameters.iterations) > validated)
    })
}

/// The NSEC3 records of one zone in one reply.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    parameters: Parameters<'a>,
    records: Vec<Nsec3<'a>>,
    /// No name is hashed twice. Each took work, so they are not many.
    known: Vec<(Name, Hash)>,
    work: &'a Work,
}

impl<'a> Chain<'a> {
    /// All of them must hash alike: else nobody can tell what the gaps between them are (RFC 5155 §7.2).
    pub(super) fn new(found: &[(Nsec3<'a>, Parameters<'a>)], work: &'a Work) -> Result<Self, Reason> {
        let (_, parameters) = *found.first().ok_or(Reason::DenialMissing)?;
        if found.iter().any(|(_, others)| *others != parameters) {
            return Err(Reason::DenialMissing);
        }
        if u32::from(parameters.iterations) > work.iterations().tolerated {
            work.meet(WorkBound::TooManyIterations);
            return Err(Reason::Iterations);
        }
        let records = found.iter().map(|(record, _)| *record).collect();
        Ok(Self { parameters, records, known: Vec::new(), work })
    }

    pub(super) fn know(&mut self, hashes: Vec<(Name, Hash)>) {
        self.known = hashes;
    }

    /// Whether its zone hashes more often than is validated, and counts as unsigned (RFC 9276 §3.2).
    pub(super) fn is_beyond_validation(&self) -> bool {
        let beyond = u32::from(self.parameters.iterations) > self.work.iterations().validated;
        if beyond {
            self.work.meet(WorkBound::Iterations);
        }
        beyond
    }

    /// What the records say of a name in the zone `apex` (RFC 5155 §8.3).
    pub(super) fn look(&mut self, name: &Name, apex: &Name) -> Result<Seen<'a>, Reason> {
        if self.is_beyond_validation() {
            return Ok(Seen::Unhashed);
        }
        let mut next_closer = self.hash(name)?;
        if let Some(record) = self.matching(&next_closer) {
            return Ok(Seen::Has(record.types));
        }
        for encloser in name.ancestors().skip(1).take_while(|encloser| encloser.is_in(apex)) {
            let hash = self.hash(&encloser)?;
            if let Some(record) = self.matching(&hash) {
                let covering = self.covering(&next_closer).filter(|_| !record.types.hides_what_is_below());
                let opt_out = covering.ok_or(Reason::DenialMissing)?.opt_out;
                return Ok(Seen::Absent { encloser, opt_out });
            }
            next_closer = hash;
        }
        Err(Reason::DenialMissing)
    }

    /// The record that covers `name`, of whose encloser nothing needs to be proven.
    pub(super) fn look_between(&mut self, name: &Name) -> Result<Nsec3<'a>, Reason> {
        let hash = self.hash(name)?;
        self.covering(&hash).ok_or(Reason::DenialMissing)
    }

    fn matching(&self, hash: &Hash) -> Option<Nsec3<'a>> {
        self.records.iter().find(|record| record.matches(hash)).copied()
    }

    fn covering(&self, hash: &Hash) -> Option<Nsec3<'a>> {
        self.records.iter().find(|record| record.covers(hash)).copied()
    }

    fn hash(&mut self, name: &Name) -> Result<Hash, Reason> {
        if let Some((_, hash)) = self.known.iter().find(|(known, _)| known == name) {
            return Ok(*hash);
        }
        let hash = self.parameters.hash(name, self.work)?;
        self.known.push((name.clone(), hash));
        Ok(hash)
    }
}

/// A field with its length in the octet before it, and what follows.
fn counted(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = octets.split_first()?;
    rest.split_at_checked(usize::from(length))
}

/// The one hash algorithm (RFC 5155 §11).
const SHA1: u8 = 1;
/// The one flag (RFC 5155 §3.1.2.1).
const OPT_OUT: u8 = 1;

//! DS and DNSKEY: which keys speak for a zone (RFC 4034 §2, §5; RFC 4035 §5.2; RFC 4509; RFC 6840 §5.2).
//! A key does when a key that the parent, or the operator, vouches for signed the set it is in.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::dns::{EdeCode, Name, Rdatas, RecordType, RrSet, Ttl};

use super::algorithm::{Algorithm, DigestType, PublicKey, Support};
use super::signature::{Verified, verify};
use super::{Bogus, Reason, TooMuch, Work};

/// DS records, or keys of the operator, that are looked at for one zone.
const MAX_ENTRY_POINTS: usize = 8;
/// Keys of one zone that are made ready.
const MAX_KEYS: usize = 32;
/// Keys of one zone with the same tag and algorithm that are tried (KeyTrap). By chance there is one.
const MAX_ALIKE: usize = 2;

/// A DNSKEY record, in part read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dnskey<'a> {
    /// All of it.
    pub rdata: &'a [u8],
    /// What it may be used for.
    pub flags: u16,
    /// 3 in every key that may be used (RFC 4034 §2.1.2).
    pub protocol: u8,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The key, in the format of the algorithm.
    pub public_key: &'a [u8],
}

impl<'a> Dnskey<'a> {
    /// Reads RDATA; `None` when it is too short.
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (&[high, low, protocol, algorithm], public_key) = rdata.split_first_chunk()?;
        let flags = u16::from_be_bytes([high, low]);
        Some(Self { rdata, flags, protocol, algorithm: Algorithm(algorithm), public_key })
    }

    /// The key tag (RFC 4034 Appendix B).
    pub fn tag(&self) -> u16 {
        if self.algorithm == Algorithm::RSAMD5 {
            let end = self.public_key.last_chunk::<3>();
            return end.map_or(0, |[high, low, _]| u16::from_be_bytes([*high, *low]));
        }
        let pairs = self.rdata.chunks(2).map(|pair| match *pair {
            [high, low] => u32::from(u16::from_be_bytes([high, low])),
            [high] => u32::from(high) << 8,
            _ => 0,
        });
        // At most 32,768 pairs: no overflow.
        let sum: u32 = pairs.sum();
        (sum.wrapping_add(sum >> 16) & 0xffff) as u16
    }

    /// Whether it may sign records of its zone (RFC 4034 §2.1.1).
    pub const fn is_zone_key(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    /// Whether its owner wants it to be trusted from outside (RFC 4034 §2.1.1); nothing depends on it here.
    pub const fn is_secure_entry_point(&self) -> bool {
        self.flags & 0x0001 != 0
    }

    /// Whether its owner gave it up (RFC 5011 §2.1).
    pub const fn is_revoked(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// Whether signatures by it count.
    pub const fn may_sign(&self) -> bool {
        self.is_zone_key() && !self.is_revoked() && self.protocol == 3
    }
}

/// A DS record, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ds<'a> {
    /// The tag of the key.
    pub tag: u16,
    /// The algorithm of the key.
    pub algorithm: Algorithm,
    /// How the digest was made.
    pub digest_type: DigestType,
    /// The digest of the key and its owner.
    pub digest: &'a [u8],
}

impl<'a> Ds<'a> {
    /// Reads RDATA; `None` when it is too short.
    pub fn parse(rdata: &'a [u8]) -> Option<Self> {
        let (&[high, low, algorithm, digest_type], digest) = rdata.split_first_chunk()?;
        let (algorithm, digest_type) = (Algorithm(algorithm), DigestType(digest_type));
        Some(Self { tag: u16::from_be_bytes([high, low]), algorithm, digest_type, digest })
    }

    /// Whether both its algorithms validate.
    pub const fn is_supported(&self) -> bool {
        matches!((self.algorithm.support(), self.digest_type.support()), (Support::Validate, Support::Validate))
    }

    /// Whether it is `owner`'s `key` that it means (RFC 4034 §5.1.4). Computes a digest.
    pub fn is_of(&self, owner: &Name, key: &Dnskey<'_>) -> bool {
        let digest = self.digest_type.digest(&[&owner.key(), key.rdata]);
        digest.is_some_and(|digest| digest.as_ref() == self.digest)
    }
}

/// What is known of a zone's keys from outside the zone: its DS RRset, which has been validated, or trust anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// The zone.
    pub apex: Name,
    /// DS RDATAs.
    pub ds: Rdatas,
    /// DNSKEY RDATAs; an operator may have them instead.
    pub dnskeys: Rdatas,
}

impl Trusted {
    /// What the parent says; `ds` must be Secure.
    pub fn by_parent(ds: &RrSet) -> Self {
        Self { apex: ds.owner.clone(), ds: ds.rdatas.clone(), dnskeys: Rdatas::EMPTY }
    }
}

/// How many of the paths to a zone's keys must be valid, of those that something vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Any one (RFC 6840 §5.11).
    One,
    /// One for each algorithm: a test of whether a zone is signed completely, to find out what is wrong with it (§5.11).
    OneOfEachAlgorithm,
}

/// What becomes of a zone with DS records.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// These keys speak for it.
    Keys(ZoneKeys),
    /// Nothing here can validate it: it is insecure (RFC 6840 §5.2).
    Unsupported {
        /// Whether the algorithms or the digests are unknown.
        ede: EdeCode,
    },
}

/// The keys that speak for a zone. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ZoneKeys {
    /// The zone.
    pub apex: Name,
    /// How long they may be used.
    pub ttl: Ttl,
    keys: Arc<[Key]>,
}

impl ZoneKeys {
    /// The keys of that tag and algorithm, two at most.
    pub(super) fn alike(&self, tag: u16, algorithm: Algorithm) -> impl Iterator<Item = &Key> + Clone {
        self.keys.iter().filter(move |key| (key.tag, key.algorithm) == (tag, algorithm))
    }

    /// Those of `dnskeys`, whoever signed them.
    #[cfg(test)]
    pub(crate) fn believed(apex: Name, dnskeys: &Rdatas) -> Self {
        Self { apex, ttl: Ttl::from_secs(3600), keys: ready(&[], &[], dnskeys) }
    }

    /// About what they take in memory.
    pub fn octets(&self) -> usize {
        let octets = |key: &Key| size_of::<Key>() + key.public_key.as_deref().map_or(0, PublicKey::octets);
        self.apex.wire().len() + self.keys.iter().map(octets).sum::<usize>()
    }
}

/// One key of a zone.
#[derive(Clone, Debug)]
pub(super) struct Key {
    tag: u16,
    algorithm: Algorithm,
    pub(super) role: Role,
    /// `None` when the octets are no key of its algorithm, or may not be used as one.
    pub(super) public_key: Option<Arc<PublicKey>>,
}

/// Whether a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It may.
    ZoneKey,
    /// It is no zone key: kept to say so.
    Other,
}

impl Key {
    fn new(key: &Dnskey<'_>, role: Role) -> Self {
        let public_key = if role == Role::ZoneKey { key.algorithm.prepare(key.public_key) } else { None };
        Self { tag: key.tag(), algorithm: key.algorithm, role, public_key: public_key.map(Arc::new) }
    }
}

/// Why nothing here can validate the zone that `trusted` is about, if that is so (RFC 6840 §5.2).
pub fn unsupported(trusted: &Trusted) -> Option<EdeCode> {
    entry_points(trusted).err()
}

/// Judges the DNSKEY RRset of the zone that `trusted` is about, however long that takes.
///
/// # Errors
/// Why none of its keys may be believed.
pub fn accept(trusted: &Trusted, dnskeys: &RrSet, paths: Paths, now: u32, work: &Work) -> Result<Verdict, Bogus> {
    if let Some(ede) = unsupported(trusted) {
        return Ok(Verdict::Unsupported { ede });
    }
    let acceptance = Acceptance::begin(trusted, dnskeys, paths, work)?;
    let mut ttl = dnskeys.ttl;
    for path in acceptance.paths() {
        ttl = ttl.min(verify(dnskeys, &path.keys, now, work).map_err(|found| path.missing(found))?.ttl);
    }
    Ok(Verdict::Keys(acceptance.end(ttl)))
}

/// The same in parts, with something else between two signatures.
pub struct Acceptance<'a> {
    dnskeys: &'a RrSet,
    vouched: Few<Dnskey<'a>>,
    any: Path,
    each: Vec<Path>,
}

/// Keys that something vouches for, one of which must have signed the set.
pub struct Path {
    /// The keys.
    pub keys: ZoneKeys,
    /// The algorithm that is wanted, when each must be there.
    algorithm: Option<Algorithm>,
}

impl<'a> Acceptance<'a> {
    /// Finds the keys that something vouches for; for [`unsupported`] zones nothing does.
    ///
    /// # Errors
    /// Why there are none.
    pub fn begin(trusted: &Trusted, dnskeys: &'a RrSet, paths: Paths, work: &Work) -> Result<Self, Bogus> {
        let bogus = |reason| Bogus { reason, name: dnskeys.owner.clone(), rtype: dnskeys.rtype };
        // A key is trusted under its owner's name, never by its octets alone.
        if dnskeys.rtype != RecordType::DNSKEY || dnskeys.owner != trusted.apex {
            return Err(bogus(Reason::KeyMissing));
        }
        let points = entry_points(trusted).unwrap_or_default();
        let vouched = vouched(&points, dnskeys, work).map_err(bogus)?;
        let keys = vouched.iter().map(|key| Key::new(key, Role::ZoneKey)).collect();
        let entry = ZoneKeys { apex: trusted.apex.clone(), ttl: dnskeys.ttl, keys };
        // What cannot be judged here is no entry point (RFC 6840 §5.2).
        let algorithms: BTreeSet<Algorithm> = points.iter().map(EntryPoint::algorithm).collect();
        let each = (paths == Paths::OneOfEachAlgorithm && algorithms.len() > 1).then_some(algorithms);
        let of = |algorithm| {
            let keys = entry.keys.iter().filter(|key| key.algorithm == algorithm).cloned().collect();
            Path { keys: ZoneKeys { keys, ..entry.clone() }, algorithm: Some(algorithm) }
        };
        let each = each.into_iter().flatten().map(of).collect();
        Ok(Self { dnskeys, vouched, any: Path { keys: entry, algorithm: None }, each })
    }

    /// One key of each of these must have signed the set; the first is for any way at all.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.any).chain(&self.each)
    }

    /// The keys that may be believed for so long, once the paths have been found to be good.
    pub fn end(self, ttl: Ttl) -> ZoneKeys {
        let entry = self.any.keys;
        ZoneKeys { keys: ready(&self.vouched, &entry.keys, &self.dnskeys.rdatas), ttl, ..entry }
    }
}

impl Path {
    /// What to make of it that no key of this path has signed the set.
    pub fn missing(&self, found: Bogus) -> Bogus {
        let reason = match (found.reason, self.algorithm) {
            (Reason::TooMuch(_), _) => found.reason,
            (_, Some(algorithm)) => Reason::AlgorithmMissing(algorithm),
            // There are keys enough; but none that is vouched for has signed (RFC 4035 §5.2).
            (Reason::KeyMissing, None) => Reason::SignaturesMissing,
            (reason, None) => reason,
        };
        Bogus { reason, ..found }
    }
}

/// Whether `dnskeys` is signed by the key `rdata`, which may be a revoked one (RFC 5011 §2.1).
///
/// # Errors
/// Why not.
pub fn signed_by(rdata: &[u8], dnskeys: &RrSet, now: u32, work: &Work) -> Result<Verified, Bogus> {
    let key = Dnskey::parse(rdata).filter(|key| key.is_zone_key() && key.protocol == 3);
    let keys = key.iter().map(|key| Key::new(key, Role::ZoneKey)).collect();
    verify(dnskeys, &ZoneKeys { apex: dnskeys.owner.clone(), ttl: dnskeys.ttl, keys }, now, work)
}

type Few<T> = SmallVec<[T; MAX_ENTRY_POINTS]>;

/// One thing that vouches for a key.
#[derive(Clone, Copy)]
enum EntryPoint<'a> {
    Ds(Ds<'a>),
    Key(Dnskey<'a>),
}

impl EntryPoint<'_> {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ds(ds) => ds.algorithm,
            Self::Key(trusted) => trusted.algorithm,
        }
    }

    fn is_named(&self, key: &Dnskey<'_>) -> bool {
        match self {
            Self::Ds(ds) => ds.algorithm == key.algorithm && ds.tag == key.tag(),
            Self::Key(trusted) => trusted.rdata == key.rdata,
        }
    }

    fn vouches(&self, owner: &Name, key: &Dnskey<'_>, work: &Work) -> Result<bool, TooMuch> {
        match self {
            Self::Ds(ds) => work.spend_digest().map(|()| ds.is_of(owner, key)),
            Self::Key(trusted) => Ok(trusted.rdata == key.rdata),
        }
    }
}

/// What vouches for keys and can be judged here; or else what is unsupported.
fn entry_points(trusted: &Trusted) -> Result<Few<EntryPoint<'_>>, EdeCode> {
    let ds = || trusted.ds.iter().filter_map(Ds::parse);
    let keys = || trusted.dnskeys.iter().filter_map(Dnskey::parse);
    // RFC 4509 §3: whoever can forge SHA-1 must not gain by it where there is better.
    let is_strong = |ds: &Ds<'_>| ds.is_supported() && ds.digest_type != DigestType::SHA1;
    let has_strong = ds().any(|ds| is_strong(&ds));
    let of_ds = ds().filter(|ds| if has_strong { is_strong(ds) } else { ds.is_supported() }).map(EntryPoint::Ds);
    let of_keys = keys().filter(|key| key.algorithm.support() == Support::Validate).map(EntryPoint::Key);
    let points: Few<_> = of_keys.chain(of_ds).take(MAX_ENTRY_POINTS).collect();
    if !points.is_empty() {
        return Ok(points);
    }
    let known = ds().any(|ds| ds.algorithm.support() == Support::Validate);
    Err(if known { EdeCode::UNSUPPORTED_DS_DIGEST } else { EdeCode::UNSUPPORTED_DNSKEY_ALGORITHM })
}

/// The keys of the set that something vouches for.
fn vouched<'a>(points: &[EntryPoint<'_>], dnskeys: &'a RrSet, work: &Work) -> Result<Few<Dnskey<'a>>, Reason> {
    let all = || dnskeys.rdatas.iter().filter_map(Dnskey::parse);
    let mut vouched: Few<Dnskey<'a>> = SmallVec::new();
    for point in points {
        for key in all().filter(|key| key.may_sign() && point.is_named(key)).take(MAX_ALIKE) {
            if !vouched.contains(&key) && point.vouches(&dnskeys.owner, &key, work).map_err(Reason::TooMuch)? {
                vouched.push(key);
            }
        }
    }
    if !vouched.is_empty() {
        return Ok(vouched);
    }
    let is_named = |key: &Dnskey<'_>| points.iter().any(|point| point.is_named(key));
    let no_zone_key = all().any(|key| is_named(&key) && !key.is_zone_key()) || !all().any(|key| key.is_zone_key());
    Err(if no_zone_key && !dnskeys.rdatas.is_empty() { Reason::NoZoneKey } else { Reason::KeyMissing })
}

/// Those keys, which have been made ready one by one, then the others of the set.
fn ready(vouched: &[Dnskey<'_>], made: &[Key], rdatas: &Rdatas) -> Arc<[Key]> {
    let mut kept: SmallVec<[Key; MAX_ENTRY_POINTS]> = SmallVec::new();
    let others = rdatas.iter().filter_map(Dnskey::parse).filter(|key| !vouched.contains(key));
    let made = made.iter().map(Some).chain(std::iter::repeat(None));
    for (key, made) in vouched.iter().copied().chain(others).zip(made) {
        let role = if key.may_sign() { Role::ZoneKey } else { Role::Other };
        let is_odd = role == Role::Other && (key.is_zone_key() || key.protocol != 3);
        if is_odd || key.algorithm.support() == Support::Ignore {
            continue;
        }
        let tag = key.tag();
        let alike = kept.iter().filter(|kept| (kept.tag, kept.algorithm, kept.role) == (tag, key.algorithm, role));
        if alike.count() < MAX_ALIKE {
            kept.push(made.cloned().unwrap_or_else(|| Key::new(&key, role)));
        }
        if kept.len() == MAX_KEYS {
            break;
        }
    }
    kept.into_iter().collect()
}

//! Which keys speak for a zone (RFC 4035 §5.2; RFC 4509; RFC 6840 §5.2, §5.11).
//! A key does when a key that the parent, or the operator, vouches for signed the set it is in.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::dns::{EdeCode, Name, Rdatas, RecordType, RrSet, Ttl};

use super::algorithm::{Algorithm, Support};
use super::keys::{Dnskey, Ds, Few, Key, Role, ZoneKeys};
use super::signature::{Verified, verify};
use super::{Bogus, Reason, TooMuch, Work, WorkBound};

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

/// Why nothing here can validate the zone that `trusted` is about, if that is so (RFC 6840 §5.2).
pub fn unsupported(trusted: &Trusted) -> Option<EdeCode> {
    if entry_points(trusted).next().is_some() {
        return None;
    }
    let known = trusted.ds.iter().filter_map(Ds::parse).any(|ds| ds.algorithm.support() == Support::Validate);
    Some(if known { EdeCode::UNSUPPORTED_DS_DIGEST } else { EdeCode::UNSUPPORTED_DNSKEY_ALGORITHM })
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
    Ok(Verdict::Keys(acceptance.end(ttl, work)))
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
        let points = looked_at(trusted, work);
        let vouched = vouched(&points, dnskeys, work).map_err(bogus)?;
        let keys = vouched.iter().map(|key| Key::new(key, Role::ZoneKey));
        let entry = ZoneKeys::of(trusted.apex.clone(), dnskeys.ttl, keys);
        // What cannot be judged here is no entry point (RFC 6840 §5.2).
        let algorithms: BTreeSet<Algorithm> = points.iter().map(EntryPoint::algorithm).collect();
        let each = (paths == Paths::OneOfEachAlgorithm && algorithms.len() > 1).then_some(algorithms);
        let of = |algorithm| Path { keys: entry.only(algorithm), algorithm: Some(algorithm) };
        let each = each.into_iter().flatten().map(of).collect();
        Ok(Self { dnskeys, vouched, any: Path { keys: entry, algorithm: None }, each })
    }

    /// One key of each of these must have signed the set; the first is for any way at all.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.any).chain(&self.each)
    }

    /// The keys that may be believed for so long, once the paths have been found to be good.
    pub fn end(self, ttl: Ttl, work: &Work) -> ZoneKeys {
        let mut keys = self.any.keys.and_others(&self.vouched, &self.dnskeys.rdatas, work.scope());
        keys.tell_left_out(work);
        keys.ttl = ttl;
        keys
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
    let keys = key.iter().map(|key| Key::new(key, Role::ZoneKey));
    verify(dnskeys, &ZoneKeys::of(dnskeys.owner.clone(), dnskeys.ttl, keys), now, work)
}

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

/// What vouches for keys and can be judged here.
fn entry_points(trusted: &Trusted) -> impl Iterator<Item = EntryPoint<'_>> {
    let ds = || trusted.ds.iter().filter_map(Ds::parse);
    let has_strong = ds().any(|ds| ds.is_strong());
    let of_ds = ds().filter(move |ds| if has_strong { ds.is_strong() } else { ds.is_supported() }).map(EntryPoint::Ds);
    let of_keys = trusted.dnskeys.iter().filter_map(Dnskey::parse);
    of_keys.filter(|key| key.algorithm.support() == Support::Validate).map(EntryPoint::Key).chain(of_ds)
}

/// The first of them.
fn looked_at<'a>(trusted: &'a Trusted, work: &Work) -> Few<EntryPoint<'a>> {
    let mut points = entry_points(trusted);
    let first = points.by_ref().take(work.scope().ds as usize).collect();
    if points.next().is_some() {
        work.meet(WorkBound::Ds);
    }
    first
}

/// The keys of the set that something vouches for.
fn vouched<'a>(points: &[EntryPoint<'_>], dnskeys: &'a RrSet, work: &Work) -> Result<Few<Dnskey<'a>>, Reason> {
    let all = || dnskeys.rdatas.iter().filter_map(Dnskey::parse);
    let mut vouched: Few<Dnskey<'a>> = Few::new();
    for point in points {
        for (place, key) in all().filter(|key| key.may_sign() && point.is_named(key)).enumerate() {
            if place == work.scope().keys_alike as usize {
                work.meet(WorkBound::KeysAlike);
                break;
            }
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

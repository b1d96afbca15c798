//! DNSKEY and DS records, and the keys of a zone that are ready for use (RFC 4034 §2, §5; RFC 4509).
//! Whether they may be believed is for `acceptance` to say.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::dns::{Name, Rdatas, Ttl};

use super::algorithm::{Algorithm, DigestType, PublicKey, Support};
use super::{Scope, Work, WorkBound};

/// So many as a zone has of anything, as a rule; more are as good, and take an allocation.
pub(super) type Few<T> = SmallVec<[T; 8]>;

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

    /// The same without SHA-1: whoever can forge that must not gain by it where there is better (RFC 4509 §3).
    pub(super) fn is_strong(&self) -> bool {
        self.is_supported() && self.digest_type != DigestType::SHA1
    }

    /// Whether it is `owner`'s `key` that it means (RFC 4034 §5.1.4). Computes a digest.
    pub fn is_of(&self, owner: &Name, key: &Dnskey<'_>) -> bool {
        let digest = self.digest_type.digest(&[&owner.key(), key.rdata]);
        digest.is_some_and(|digest| digest.as_ref() == self.digest)
    }
}

/// The keys that speak for a zone. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ZoneKeys {
    /// The zone.
    pub apex: Name,
    /// How long they may be used.
    pub ttl: Ttl,
    keys: Arc<[Key]>,
    left_out: LeftOut,
}

/// Which bounds kept keys of a zone from being among those that are ready.
#[derive(Clone, Copy, Debug, Default)]
struct LeftOut {
    alike: bool,
    more: bool,
}

impl ZoneKeys {
    /// These keys alone.
    pub(super) fn of(apex: Name, ttl: Ttl, keys: impl Iterator<Item = Key>) -> Self {
        Self { apex, ttl, keys: keys.collect(), left_out: LeftOut::default() }
    }

    /// Those of one algorithm.
    pub(super) fn only(&self, algorithm: Algorithm) -> Self {
        let keys = self.keys.iter().filter(|key| key.algorithm == algorithm).cloned();
        Self { keys: keys.collect(), ..self.clone() }
    }

    /// These, which have been made ready of `vouched` one by one, then the others in `rdatas`, as many as are looked at.
    pub(super) fn and_others(self, vouched: &[Dnskey<'_>], rdatas: &Rdatas, scope: Scope) -> Self {
        let (mut kept, mut left_out) = (Few::new(), LeftOut::default());
        let others = rdatas.iter().filter_map(Dnskey::parse).filter(|key| !vouched.contains(key));
        let made = self.keys.iter().map(Some).chain(std::iter::repeat(None));
        for (key, made) in vouched.iter().copied().chain(others).zip(made) {
            let role = if key.may_sign() { Role::ZoneKey } else { Role::Other };
            let is_odd = role == Role::Other && (key.is_zone_key() || key.protocol != 3);
            if is_odd || key.algorithm.support() == Support::Ignore {
                continue;
            }
            let tag = key.tag();
            let is_alike = |kept: &&Key| (kept.tag, kept.algorithm, kept.role) == (tag, key.algorithm, role);
            if kept.iter().filter(is_alike).count() >= scope.keys_alike as usize {
                left_out.alike = true;
            } else if kept.len() < scope.keys as usize {
                kept.push(made.cloned().unwrap_or_else(|| Key::new(&key, role)));
            } else {
                left_out.more = true;
                break;
            }
        }
        Self { keys: kept.into_iter().collect(), left_out, ..self }
    }

    /// Tells which bounds may be why the key that is wanted is not here.
    pub(super) fn tell_left_out(&self, work: &Work) {
        if self.left_out.alike {
            work.meet(WorkBound::KeysAlike);
        }
        if self.left_out.more {
            work.meet(WorkBound::Keys);
        }
    }

    /// The keys of that tag and algorithm, two at most unless the operator wants more.
    pub(super) fn alike(&self, tag: u16, algorithm: Algorithm) -> impl Iterator<Item = &Key> + Clone {
        self.keys.iter().filter(move |key| (key.tag, key.algorithm) == (tag, algorithm))
    }

    /// Those of `dnskeys`, whoever signed them.
    #[cfg(test)]
    pub(crate) fn believed(apex: Name, dnskeys: &Rdatas) -> Self {
        Self::of(apex, Ttl::from_secs(3600), std::iter::empty()).and_others(&[], dnskeys, Scope::DEFAULT)
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
    pub(super) fn new(key: &Dnskey<'_>, role: Role) -> Self {
        let public_key = if role == Role::ZoneKey { key.algorithm.prepare(key.public_key) } else { None };
        Self { tag: key.tag(), algorithm: key.algorithm, role, public_key: public_key.map(Arc::new) }
    }
}

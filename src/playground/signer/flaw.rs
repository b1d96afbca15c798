//! What can be wrong with a signed zone, to be combined: one field of one record, a missing record, or a trap.
//!
//! Keys are spoiled before signing by their public fields (`signer.keys`), and then signed as they are.

use aws_lc_rs::digest::{SHA384, digest};

use super::key::{Algorithm, ENTRY_POINT, REVOKED, Role, SigningError, SigningKey, ZONE_KEY};
use super::rrsig::Rrsig;
use super::{Signer, Window};
use crate::dns::{Name, Rdatas, RecordType, RrSet};
use crate::playground::zone::Zone;

/// A number that no algorithm and no digest has.
const UNKNOWN: u8 = 250;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub enum Flaw {
    /// This field of every signature over the set says something else than what was signed.
    Signature(Name, RecordType, Field),
    /// Every signature over the set is made with another value of a field, and verifies.
    Resigned(Name, RecordType, Rewrite),
    /// The set is signed by a key that the zone does not publish, under that key's tag.
    SignedBy(Name, RecordType, SigningKey),
    /// The set has no signatures.
    Unsigned(Name, RecordType),
    /// The lowest bit of this octet of the set's first RDATA is another one than what was signed.
    Data(Name, RecordType, usize),
    /// The set is not there, though it was when the rest was signed: a gap in the chain of denials, for one.
    Missing(Name, RecordType),
    /// This field of every DS record for the zone is wrong; the parent signs it all the same.
    Ds(DsField),
    /// The parent has no DS set: the zone is an island.
    NoDs,
    /// Keys that sign nothing are published beside the others.
    IdleKeys(Vec<SigningKey>),
    /// A zone made to keep validators busy (CVE-2023-50387).
    Trap(Trap),
}

/// A field of an RRSIG record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The type covered, made TYPE65280.
    Covered,
    /// The algorithm, made an unknown one.
    Algorithm,
    /// One label more.
    Labels,
    /// The original TTL, a second more.
    OriginalTtl,
    /// The expiration, a second more.
    Expiration,
    /// The inception, a second less.
    Inception,
    /// The key tag, one more.
    Tag,
    /// The signer, made the parent; of the root, `elsewhere`.
    Signer,
    /// The last octet of the signature.
    Signature,
}

/// What a signature is made with instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// Another time.
    Window(Window),
    /// Another signer.
    Signer(Name),
    /// Another algorithm number.
    Algorithm(u8),
    /// Another number of labels; with fewer the set passes for one made from a wildcard.
    Labels(u8),
    /// Another original TTL.
    OriginalTtl(u32),
    /// Another tag.
    Tag(u16),
}

/// A field of a DS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsField {
    /// The tag, one more.
    Tag,
    /// The algorithm, made an unknown one.
    Algorithm,
    /// The digest's type, made an unknown one.
    DigestType,
    /// The last octet of the digest.
    Digest,
}

/// Many keys of one tag times many signatures by none of them.
#[derive(Clone, Debug)]
pub struct Trap {
    /// The keys: [`colliding_keys`].
    pub keys: Vec<SigningKey>,
    /// How many signatures each set gets.
    pub signatures: usize,
    /// On which sets.
    pub bait: Bait,
}

/// Where a trap is laid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bait {
    /// On everything but the keys, which are in order.
    Data,
    /// On the keys; the parent's DS set names all of them.
    Keys,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Covered,
        Self::Algorithm,
        Self::Labels,
        Self::OriginalTtl,
        Self::Expiration,
        Self::Inception,
        Self::Tag,
        Self::Signer,
        Self::Signature,
    ];

    /// Changes this field of an RRSIG.
    pub fn spoil(self, rrsig: &mut Rrsig) {
        match self {
            Self::Covered => rrsig.covered = RecordType(65_280),
            Self::Algorithm => rrsig.algorithm = UNKNOWN,
            Self::Labels => rrsig.labels = rrsig.labels.wrapping_add(1),
            Self::OriginalTtl => rrsig.original_ttl = rrsig.original_ttl.wrapping_add(1),
            Self::Expiration => rrsig.expiration = rrsig.expiration.wrapping_add(1),
            Self::Inception => rrsig.inception = rrsig.inception.wrapping_sub(1),
            Self::Tag => rrsig.tag = rrsig.tag.wrapping_add(1),
            Self::Signer => {
                let elsewhere = || Name::from_labels([&b"elsewhere"[..]]).unwrap_or_else(|_| Name::root());
                rrsig.signer = rrsig.signer.parent().unwrap_or_else(elsewhere);
            }
            Self::Signature => flip_last(&mut rrsig.signature),
        }
    }
}

impl Rewrite {
    fn write(&self, rrsig: &mut Rrsig) {
        match self {
            Self::Window(window) => (rrsig.inception, rrsig.expiration) = (window.inception, window.expiration),
            Self::Signer(signer) => rrsig.signer = signer.clone(),
            Self::Algorithm(algorithm) => rrsig.algorithm = *algorithm,
            Self::Labels(labels) => rrsig.labels = *labels,
            Self::OriginalTtl(ttl) => rrsig.original_ttl = *ttl,
            Self::Tag(tag) => rrsig.tag = *tag,
        }
    }
}

impl Flaw {
    /// Spoils a zone that is signed.
    pub(super) fn spoil(&self, signer: &Signer, zone: &mut Zone) -> Result<(), SigningError> {
        match self {
            Self::Signature(owner, rtype, field) => edit(zone, owner, *rtype, |_, rrsig| {
                field.spoil(rrsig);
                Ok(())
            }),
            Self::Resigned(owner, rtype, rewrite) => edit(zone, owner, *rtype, |set, rrsig| {
                let key = signer.keys.iter().find(|key| key.tag() == rrsig.tag);
                rewrite.write(rrsig);
                key.map_or(Ok(()), |key| rrsig.sign(set, key))
            }),
            Self::SignedBy(owner, rtype, key) => edit(zone, owner, *rtype, |set, rrsig| {
                (rrsig.algorithm, rrsig.tag) = (key.number, key.tag());
                rrsig.sign(set, key)
            }),
            Self::Unsigned(owner, rtype) => change(zone, owner, *rtype, |set| {
                set.signatures = Rdatas::EMPTY;
                Ok(())
            }),
            Self::Data(owner, rtype, octet) => change(zone, owner, *rtype, |set| {
                set.rdatas = first_changed(&set.rdatas, *octet)?;
                Ok(())
            }),
            Self::Missing(owner, rtype) => {
                zone.remove(owner, *rtype);
                Ok(())
            }
            Self::Trap(trap) => trap.lay(signer, zone),
            Self::Ds(_) | Self::NoDs | Self::IdleKeys(_) => Ok(()),
        }
    }

    /// The keys it adds to the zone's.
    fn keys(&self) -> &[SigningKey] {
        match self {
            Self::IdleKeys(keys) => keys,
            Self::Trap(trap) => &trap.keys,
            _ => &[],
        }
    }
}

impl Trap {
    fn lay(&self, signer: &Signer, zone: &mut Zone) -> Result<(), SigningError> {
        let Some(key) = self.keys.first() else { return Ok(()) };
        let baited = |set: &&RrSet| (set.rtype == RecordType::DNSKEY) == (self.bait == Bait::Keys);
        let sets: Vec<RrSet> = zone.rrsets().filter(|set| !set.signatures.is_empty()).filter(baited).cloned().collect();
        // As long as a real one, so that nobody sees at a glance that it is none.
        let octets = key.sign(b"")?.len();
        for mut set in sets {
            let mut rrsig = signer.template(zone.apex(), &set, key);
            let mut signatures = Vec::new();
            for number in 0..self.signatures {
                rrsig.signature = noise(number, octets);
                signatures.push(rrsig.rdata());
            }
            set.signatures = Rdatas::new(signatures.iter().map(Vec::as_slice))?;
            zone.insert(set);
        }
        Ok(())
    }
}

/// Adds what the flaws add to the zone's keys, before they are signed.
pub(super) fn spoil_keys(zone: &mut Zone, flaws: &[Flaw]) -> Result<(), SigningError> {
    let more: Vec<Vec<u8>> = flaws.iter().flat_map(Flaw::keys).map(SigningKey::dnskey).collect();
    let apex = zone.apex().clone();
    change(zone, &apex, RecordType::DNSKEY, |set| {
        set.rdatas = Rdatas::new(set.rdatas.iter().chain(more.iter().map(Vec::as_slice)))?;
        Ok(())
    })
}

/// Spoils the DS set that the parent gets.
pub(super) fn spoil_ds(mut set: RrSet, flaws: &[Flaw]) -> Result<RrSet, SigningError> {
    for flaw in flaws {
        let mut rdatas: Vec<Vec<u8>> = set.rdatas.iter().map(<[u8]>::to_vec).collect();
        match flaw {
            Flaw::NoDs => rdatas.clear(),
            Flaw::Ds(field) => rdatas.iter_mut().for_each(|rdata| spoil_one_ds(rdata, *field)),
            Flaw::Trap(Trap { keys, bait: Bait::Keys, .. }) => {
                rdatas.extend(keys.iter().map(|key| key.ds(&set.owner, super::Digest::Sha256)));
            }
            _ => {}
        }
        set.rdatas = Rdatas::new(rdatas.iter().map(Vec::as_slice))?;
    }
    Ok(set)
}

/// Keys whose tags and algorithms are the same: real ones, told apart by the flags that mean nothing (RFC 4034 §2.1.1).
///
/// # Errors
/// [`SigningError::Key`] when the library refuses.
pub fn colliding_keys(algorithm: Algorithm, role: Role, count: usize) -> Result<Vec<SigningKey>, SigningError> {
    let mut keys = vec![SigningKey::new(algorithm, role, 0)?];
    let tag = keys.first().map_or(0, SigningKey::tag);
    let mut seed = 1;
    while keys.len() < count {
        let mut key = SigningKey::new(algorithm, role, seed)?;
        seed += 1;
        let wanted = key.flags;
        let distance = tag.wrapping_sub(key.tag());
        let candidates = [0, 1, u16::MAX].map(|carry| wanted.wrapping_add(distance).wrapping_add(carry));
        let meaning = ZONE_KEY | REVOKED | ENTRY_POINT;
        let collides = |key: &mut SigningKey, flags: u16| {
            key.flags = flags;
            flags & meaning == wanted && key.tag() == tag
        };
        if candidates.into_iter().any(|flags| collides(&mut key, flags)) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Changes a set that is there.
fn change(
    zone: &mut Zone,
    owner: &Name,
    rtype: RecordType,
    change: impl FnOnce(&mut RrSet) -> Result<(), SigningError>,
) -> Result<(), SigningError> {
    let Some(mut set) = zone.rrset(owner, rtype).cloned() else { return Ok(()) };
    change(&mut set)?;
    zone.insert(set);
    Ok(())
}

/// Changes every signature over a set.
fn edit(
    zone: &mut Zone,
    owner: &Name,
    rtype: RecordType,
    mut edit: impl FnMut(&RrSet, &mut Rrsig) -> Result<(), SigningError>,
) -> Result<(), SigningError> {
    change(zone, owner, rtype, |set| {
        let mut signatures = Vec::new();
        for mut rrsig in set.signatures.iter().filter_map(Rrsig::parse) {
            edit(set, &mut rrsig)?;
            signatures.push(rrsig.rdata());
        }
        set.signatures = Rdatas::new(signatures.iter().map(Vec::as_slice))?;
        Ok(())
    })
}

fn spoil_one_ds(rdata: &mut [u8], field: DsField) {
    let (octet, value) = match field {
        DsField::Tag => (1, None),
        DsField::Algorithm => (2, Some(UNKNOWN)),
        DsField::DigestType => (3, Some(UNKNOWN)),
        DsField::Digest => return flip_last(rdata),
    };
    if let Some(octet) = rdata.get_mut(octet) {
        *octet = value.unwrap_or_else(|| octet.wrapping_add(1));
    }
}

fn first_changed(rdatas: &Rdatas, octet: usize) -> Result<Rdatas, SigningError> {
    let mut all: Vec<Vec<u8>> = rdatas.iter().map(<[u8]>::to_vec).collect();
    if let Some(octet) = all.first_mut().and_then(|rdata| rdata.get_mut(octet)) {
        *octet ^= 1;
    }
    Ok(Rdatas::new(all.iter().map(Vec::as_slice))?)
}

fn flip_last(octets: &mut [u8]) {
    if let Some(last) = octets.last_mut() {
        *last ^= 1;
    }
}

/// Octets that look like chance and are the same in every run.
fn noise(number: usize, octets: usize) -> Vec<u8> {
    let block = |index: u64| digest(&SHA384, &[(number as u64).to_be_bytes(), index.to_be_bytes()].concat());
    (0u64..).flat_map(|index| block(index).as_ref().to_vec()).take(octets).collect()
}

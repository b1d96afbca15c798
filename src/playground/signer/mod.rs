//! Signs zones (RFC 4035 §2): keys, signatures, denials, and what the parent says of the keys.
//!
//! For tests and the playground: private keys lie open, and a zone can be signed wrongly on purpose.
//! Traces of a simulation must not depend on the octets of a signature, unless it is by Ed25519 or RSA.

mod chain;
mod flaw;
mod key;
mod nsec3;
mod rrsig;
mod rsa;

use std::time::Duration;

use super::zone::{Standing, Zone};
use crate::dns::{Name, Rdatas, RecordType, RrSet, Ttl, serial_time};

pub use flaw::{Bait, DsField, Field, Flaw, Rewrite, Trap, colliding_keys};
pub use key::{Algorithm, Digest, ENTRY_POINT, REVOKED, Role, SigningError, SigningKey, ZONE_KEY};
pub use nsec3::Hashing;
pub use rrsig::Rrsig;

/// The TTL of DNSKEY and DS.
const KEY_TTL: Ttl = Ttl::from_secs(3600);
const DAY: u32 = 86_400;

/// From when to when signatures are valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub inception: u32,
    /// The last one.
    pub expiration: u32,
}

/// How a zone denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denials {
    /// By names.
    Nsec,
    /// By hashes of names.
    Nsec3(Hashing),
    /// By hashes, unsigned delegations left out.
    Nsec3OptOut(Hashing),
    /// Not at all, which is wrong.
    None,
}

/// The keys of a zone and how they are used.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The keys; more than one of a role sign side by side.
    pub keys: Vec<SigningKey>,
    /// When the signatures are valid.
    pub window: Window,
    /// How the zone denies.
    pub denials: Denials,
    /// The digests in the parent's DS set, one record for each and each key-signing key.
    pub digests: Vec<Digest>,
    /// What is wrong with the zone or its DS set, in the order it is done.
    pub flaws: Vec<Flaw>,
}

impl Window {
    /// From a week before `wall` to three weeks after it.
    pub fn around(wall: Duration) -> Self {
        Self::days(wall, -7, 21)
    }

    /// So many days before and after `wall`; negative is before.
    pub fn days(wall: Duration, from: i32, to: i32) -> Self {
        // Serial numbers: what overflows comes round (RFC 4034 §3.1.5).
        let at = |days: i32| serial_time(wall).wrapping_add((days as u32).wrapping_mul(DAY));
        Self { inception: at(from), expiration: at(to) }
    }
}

impl Signer {
    /// One key-signing and one zone-signing key of `algorithm`, NSEC, and a DS with SHA-256.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the library makes no such key.
    pub fn new(algorithm: Algorithm, window: Window, seed: u64) -> Result<Self, SigningError> {
        let key = |role| SigningKey::new(algorithm, role, seed);
        Ok(Self::with_keys(vec![key(Role::KeySigning)?, key(Role::ZoneSigning)?], window))
    }

    /// A single key for everything.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the library makes no such key.
    pub fn single(algorithm: Algorithm, window: Window, seed: u64) -> Result<Self, SigningError> {
        Ok(Self::with_keys(vec![SigningKey::new(algorithm, Role::KeySigning, seed)?], window))
    }

    /// These keys, NSEC, and a DS with SHA-256.
    pub fn with_keys(keys: Vec<SigningKey>, window: Window) -> Self {
        Self { keys, window, denials: Denials::Nsec, digests: vec![Digest::Sha256], flaws: Vec::new() }
    }

    /// The same, denying otherwise.
    #[must_use]
    pub fn denying(mut self, denials: Denials) -> Self {
        self.denials = denials;
        self
    }

    /// The same with one thing wrong more.
    #[must_use]
    pub fn wrong(mut self, flaw: Flaw) -> Self {
        self.flaws.push(flaw);
        self
    }

    /// The DS set for the parent of `apex`: also the trust anchor, when there is no parent.
    ///
    /// # Errors
    /// [`SigningError::Record`] when it would be too long.
    pub fn ds(&self, apex: &Name) -> Result<RrSet, SigningError> {
        let entries = self.signing(ENTRY_POINT);
        let rdatas: Vec<Vec<u8>> =
            entries.flat_map(|key| self.digests.iter().map(|digest| key.ds(apex, *digest))).collect();
        let set = RrSet::new(apex.clone(), RecordType::DS, KEY_TTL, Rdatas::new(rdatas.iter().map(Vec::as_slice))?);
        flaw::spoil_ds(set, &self.flaws)
    }

    /// The zone with keys, denials and signatures; those it has are replaced. DS sets of its children must be in it.
    ///
    /// # Errors
    /// [`SigningError`]: no SOA, or the library refuses.
    pub fn sign(&self, zone: &Zone) -> Result<Zone, SigningError> {
        let mut signed = zone.bare();
        let keys: Vec<Vec<u8>> = self.keys.iter().map(SigningKey::dnskey).collect();
        let keys = Rdatas::new(keys.iter().map(Vec::as_slice))?;
        signed.insert(RrSet::new(zone.apex().clone(), RecordType::DNSKEY, KEY_TTL, keys));
        flaw::spoil_keys(&mut signed, &self.flaws)?;
        chain::link(&mut signed, &self.denials)?;
        let sets: Vec<RrSet> = signed.rrsets().filter(|set| signs(&signed, set)).cloned().collect();
        for set in sets {
            self.sign_set(&mut signed, set)?;
        }
        for flaw in &self.flaws {
            flaw.spoil(self, &mut signed)?;
        }
        Ok(signed)
    }

    /// Signs `set` and puts it in `zone`.
    fn sign_set(&self, zone: &mut Zone, mut set: RrSet) -> Result<(), SigningError> {
        let role = if set.rtype == RecordType::DNSKEY { ENTRY_POINT } else { 0 };
        let mut signatures = Vec::new();
        for key in self.signing(role) {
            let mut rrsig = self.template(zone.apex(), &set, key);
            rrsig.sign(&set, key)?;
            signatures.push(rrsig.rdata());
        }
        set.signatures = Rdatas::new(signatures.iter().map(Vec::as_slice))?;
        zone.insert(set);
        Ok(())
    }

    /// The fields of an honest signature, still without the signature.
    fn template(&self, apex: &Name, set: &RrSet, key: &SigningKey) -> Rrsig {
        Rrsig {
            covered: set.rtype,
            algorithm: key.number,
            labels: u8::try_from(rrsig::signed_labels(&set.owner)).unwrap_or(u8::MAX),
            original_ttl: set.ttl.as_secs(),
            expiration: self.window.expiration,
            inception: self.window.inception,
            tag: key.tag(),
            signer: apex.clone(),
            signature: Vec::new(),
        }
    }

    /// The keys whose entry-point flag is `role`; all keys when there is none.
    fn signing(&self, role: u16) -> impl Iterator<Item = &SigningKey> {
        let fits = move |key: &SigningKey| key.flags & ENTRY_POINT == role;
        let some = self.keys.iter().any(fits);
        self.keys.iter().filter(move |key| !some || fits(key))
    }
}

/// Whether the zone is the one to sign `set` (RFC 4035 §2.2): not for delegations and glue.
fn signs(zone: &Zone, set: &RrSet) -> bool {
    match zone.standing(&set.owner) {
        Standing::Authoritative => true,
        Standing::Cut => set.rtype == RecordType::DS || set.rtype == RecordType::NSEC,
        Standing::Occluded => false,
    }
}

#[cfg(test)]
mod tests;

//! Keys that sign zones: DNSKEY, DS, and the signature itself (RFC 4034 §2, §5; RFC 3110, 5702, 6605, 8080).
//!
//! Keys of the elliptic curves come from a seed and are the same in every run. RSA keys are random and slow to make.
//! Signatures by ECDSA are random: a run that must repeat to the octet is signed with Ed25519.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, digest};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};

use super::rsa;
use crate::dns::{Name, WireError};

/// The DNSKEY flag of every zone key (RFC 4034 §2.1.1).
pub const ZONE_KEY: u16 = 0x0100;
/// The DNSKEY flag of a key that is not to be trusted any longer (RFC 5011 §3).
pub const REVOKED: u16 = 0x0080;
/// The DNSKEY flag that hints at a key-signing key (RFC 4034 §2.1.1).
pub const ENTRY_POINT: u16 = 0x0001;

/// How signatures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA with SHA-1: 5.
    RsaSha1,
    /// The same where the zone may have NSEC3: 7.
    RsaSha1Nsec3,
    /// RSA with SHA-256: 8.
    RsaSha256,
    /// RSA with SHA-512: 10.
    RsaSha512,
    /// ECDSA on P-256 with SHA-256: 13.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384: 14.
    EcdsaP384,
    /// Ed25519: 15.
    Ed25519,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The parent's DS names it; it signs the keys, and all else when no other key is there.
    KeySigning,
    /// It signs everything but the keys.
    ZoneSigning,
}

/// How a DS record digests a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1: 1.
    Sha1,
    /// SHA-256: 2.
    Sha256,
    /// SHA-384: 4.
    Sha384,
}

/// Why a zone could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The library makes no such key, or refuses to sign with it.
    #[error("a key or a signature by {0:?} cannot be made")]
    Key(Algorithm),
    /// A record would be too long.
    #[error("a record cannot be made: {0}")]
    Record(#[from] WireError),
    /// There is nothing to deny with.
    #[error("{0} has no SOA record")]
    NoSoa(Name),
}

/// A key pair and how it is announced.
#[derive(Clone)]
pub struct SigningKey {
    /// The flags of its DNSKEY.
    pub flags: u16,
    /// The protocol of its DNSKEY: 3.
    pub protocol: u8,
    /// The algorithm number of its DNSKEY, DS and signatures; an honest key's is that of its algorithm.
    pub number: u8,
    /// The public key as DNSKEY has it.
    pub public: Vec<u8>,
    algorithm: Algorithm,
    private: Private,
}

#[derive(Clone)]
enum Private {
    Rsa(Arc<RsaKeyPair>),
    Ecdsa(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::RsaSha1,
        Self::RsaSha1Nsec3,
        Self::RsaSha256,
        Self::RsaSha512,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Ed25519,
    ];

    /// Its number in records.
    pub const fn number(self) -> u8 {
        match self {
            Self::RsaSha1 => 5,
            Self::RsaSha1Nsec3 => 7,
            Self::RsaSha256 => 8,
            Self::RsaSha512 => 10,
            Self::EcdsaP256 => 13,
            Self::EcdsaP384 => 14,
            Self::Ed25519 => 15,
        }
    }
}

impl SigningKey {
    /// The key that `seed` stands for; RSA keys are random, whatever the seed.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the library refuses.
    pub fn new(algorithm: Algorithm, role: Role, seed: u64) -> Result<Self, SigningError> {
        let material = Material { algorithm, role, seed };
        let (private, public) = material.make().map_err(|_| SigningError::Key(algorithm))?;
        let flags = match role {
            Role::KeySigning => ZONE_KEY | ENTRY_POINT,
            Role::ZoneSigning => ZONE_KEY,
        };
        Ok(Self { flags, protocol: 3, number: algorithm.number(), public, algorithm, private })
    }

    /// The RDATA of its DNSKEY.
    pub fn dnskey(&self) -> Vec<u8> {
        let [high, low] = self.flags.to_be_bytes();
        [&[high, low, self.protocol, self.number][..], &self.public].concat()
    }

    /// Its key tag (RFC 4034 appendix B).
    pub fn tag(&self) -> u16 {
        let octets = self.dnskey();
        let words = octets.chunks(2).map(|pair| {
            let [high, low] = [pair.first(), pair.get(1)].map(|octet| u32::from(octet.copied().unwrap_or(0)));
            high << 8 | low
        });
        let sum: u32 = words.sum();
        ((sum + (sum >> 16)) & 0xffff) as u16
    }

    /// The RDATA of the DS by which the parent of `apex` vouches for it (RFC 4034 §5.1.4).
    pub fn ds(&self, apex: &Name, kind: Digest) -> Vec<u8> {
        let (number, algorithm) = match kind {
            Digest::Sha1 => (1, &SHA1_FOR_LEGACY_USE_ONLY),
            Digest::Sha256 => (2, &SHA256),
            Digest::Sha384 => (4, &SHA384),
        };
        let mut context = Context::new(algorithm);
        context.update(apex.to_lowercase().wire());
        context.update(&self.dnskey());
        let [high, low] = self.tag().to_be_bytes();
        [&[high, low, self.number, number][..], context.finish().as_ref()].concat()
    }

    /// The signature over `message`.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the library refuses.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signed = match (&self.private, self.algorithm) {
            (Private::Rsa(pair), Algorithm::RsaSha256) => rsa_sign(pair, &RSA_PKCS1_SHA256, message),
            (Private::Rsa(pair), Algorithm::RsaSha512) => rsa_sign(pair, &RSA_PKCS1_SHA512, message),
            (Private::Rsa(pair), _) => rsa::sign_sha1(pair, message).ok_or(Unspecified),
            (Private::Ecdsa(pair), _) => {
                pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec())
            }
            (Private::Ed25519(pair), _) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
        };
        signed.map_err(|_| SigningError::Key(self.algorithm))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} key {}", self.algorithm, self.tag())
    }
}

/// What a key is made from.
struct Material {
    algorithm: Algorithm,
    role: Role,
    seed: u64,
}

impl Material {
    fn make(&self) -> Result<(Private, Vec<u8>), KeyRejected> {
        match self.algorithm {
            Algorithm::EcdsaP256 => self.curve(&ECDSA_P256_SHA256_FIXED_SIGNING, 32),
            Algorithm::EcdsaP384 => self.curve(&ECDSA_P384_SHA384_FIXED_SIGNING, 48),
            Algorithm::Ed25519 => {
                let secret = self.secret();
                let pair = Ed25519KeyPair::from_seed_unchecked(secret.get(..32).unwrap_or_default())?;
                let public = pair.public_key().as_ref().to_vec();
                Ok((Private::Ed25519(Arc::new(pair)), public))
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let public = rsa::public(&pair).ok_or(Unspecified)?;
                Ok((Private::Rsa(Arc::new(pair)), public))
            }
        }
    }

    /// A key on a curve; its DNSKEY is the point without the octet that says how it is written (RFC 6605 §4).
    fn curve(&self, algorithm: &'static EcdsaSigningAlgorithm, octets: u8) -> Result<(Private, Vec<u8>), KeyRejected> {
        let secret = self.secret();
        // ECPrivateKey without the optional fields (RFC 5915 §3): the library computes the point.
        let head = [0x30, octets + 5, 2, 1, 1, 4, octets];
        let der = [&head[..], secret.get(..usize::from(octets)).unwrap_or_default()].concat();
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, &der)?;
        let public = pair.public_key().as_ref().get(1..).unwrap_or_default().to_vec();
        Ok((Private::Ecdsa(Arc::new(pair)), public))
    }

    /// Octets that depend on everything here; 2^-32 of them are no private key of P-256.
    fn secret(&self) -> Vec<u8> {
        let role = match self.role {
            Role::KeySigning => 1,
            Role::ZoneSigning => 0,
        };
        let text = [&self.seed.to_be_bytes()[..], &[self.algorithm.number(), role]].concat();
        digest(&SHA384, &text).as_ref().to_vec()
    }
}

fn rsa_sign(pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

#[cfg(test)]
mod tests;

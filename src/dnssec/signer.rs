//! A signer for tests: signs RRsets as a zone does, and lies in any field when asked to.
//!
//! It shares the canonical form with what it tests; that form is tested against zones which others signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
};

use super::algorithm::{Algorithm, DigestType};
use super::canonical::Canonical;
use super::{Allowance, Dnskey, Work, ZoneKeys};
use crate::dns::{Name, Rdatas, RecordType, RrSet, Ttl};

/// When all tests take place: what is signed by default is valid from an hour before to a day after.
pub(crate) const NOW: u32 = 1_700_000_000;

/// What a question may have of each kind of work.
pub(crate) const ALLOWANCE: Allowance = Allowance { verifications: 32, failures: 8, digests: 16, hash_blocks: 600 };

/// As much work as a question may have.
pub(crate) const fn work() -> Work {
    Work::new(ALLOWANCE)
}

/// An unsigned RRset with a TTL of an hour, its data in presentation format.
pub(crate) fn rrset(owner: &str, rtype: RecordType, texts: &[&str]) -> RrSet {
    let read = |text: &&str| crate::dns::rdata_from_text(rtype, text, &Name::root()).unwrap();
    let rdatas: Vec<_> = texts.iter().map(read).collect();
    of(owner, rtype, &rdatas)
}

/// An unsigned RRset with a TTL of an hour, its data in octets.
pub(crate) fn of(owner: &str, rtype: RecordType, rdatas: &[impl AsRef<[u8]>]) -> RrSet {
    let rdatas = Rdatas::new(rdatas.iter().map(AsRef::as_ref)).unwrap();
    RrSet::new(owner.parse().unwrap(), rtype, Ttl::from_secs(3600), rdatas)
}

/// `set` with these signatures, RDATAs of RRSIG.
pub(crate) fn with_signatures(set: &RrSet, rrsigs: &[impl AsRef<[u8]>]) -> RrSet {
    RrSet { signatures: Rdatas::new(rrsigs.iter().map(AsRef::as_ref)).unwrap(), ..set.clone() }
}

/// One key of a zone, private half included.
pub(crate) struct Signer {
    /// The zone.
    pub apex: Name,
    /// 257, or whatever the test wants.
    pub flags: u16,
    /// 3, or whatever the test wants.
    pub protocol: u8,
    /// What goes by the name of the key's algorithm.
    pub algorithm: u8,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// The fields of an RRSIG.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub covered: RecordType,
    pub algorithm: u8,
    pub labels: u8,
    pub original_ttl: u32,
    pub expiration: u32,
    pub inception: u32,
    pub tag: u16,
    pub signer: Name,
}

impl Signer {
    /// An Ed25519 key, the same for the same seed.
    pub(crate) fn new(apex: &str, seed: u8) -> Self {
        Self::with(apex, 15, Pair::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()))
    }

    /// A key of algorithm 8, 10, 13, 14 or 15.
    pub(crate) fn of_algorithm(apex: &str, algorithm: u8) -> Self {
        let pair = match algorithm {
            8 | 10 => Pair::Rsa(RsaKeyPair::from_pkcs8(include_bytes!("signer/rsa.pk8")).unwrap()),
            13 => Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            14 => Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
            _ => return Self::new(apex, 0),
        };
        Self::with(apex, algorithm, pair)
    }

    fn with(apex: &str, algorithm: u8, pair: Pair) -> Self {
        Self { apex: apex.parse().unwrap(), flags: 257, protocol: 3, algorithm, pair }
    }

    /// The same key with other flags.
    pub(crate) fn with_flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    /// The RDATA of its DNSKEY.
    pub(crate) fn dnskey(&self) -> Vec<u8> {
        let head = [&self.flags.to_be_bytes()[..], &[self.protocol, self.algorithm]].concat();
        let key = match &self.pair {
            // X9.62's first octet is not part of it (RFC 6605 §4).
            Pair::Ecdsa(pair) => pair.public_key().as_ref()[1..].to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                // PKCS #1: … 256 octets of modulus, INTEGER of three octets: 65537.
                let der = pair.public_key().as_ref();
                [&[3, 1, 0, 1], &der[der.len() - 261..der.len() - 5]].concat()
            }
        };
        [head, key].concat()
    }

    /// Its tag.
    pub(crate) fn tag(&self) -> u16 {
        Dnskey::parse(&self.dnskey()).unwrap().tag()
    }

    /// The RDATA of a DS for it.
    pub(crate) fn ds(&self, digest_type: u8) -> Vec<u8> {
        let digest = DigestType(digest_type).digest(&[&self.apex.key(), &self.dnskey()]).unwrap();
        [&self.tag().to_be_bytes()[..], &[self.algorithm, digest_type], digest.as_ref()].concat()
    }

    /// A zone with this key alone, believed.
    pub(crate) fn keys(&self) -> ZoneKeys {
        let rdata = self.dnskey();
        ZoneKeys::believed(self.apex.clone(), &Rdatas::new([&rdata[..]]).unwrap())
    }

    /// What an honest RRSIG over `set` says.
    pub(crate) fn fields(&self, set: &RrSet) -> Fields {
        Fields {
            covered: set.rtype,
            algorithm: self.algorithm,
            labels: u8::try_from(set.owner.label_count()).unwrap() - u8::from(set.owner.is_wildcard()),
            original_ttl: set.ttl.as_secs(),
            expiration: NOW + 86_400,
            inception: NOW - 3600,
            tag: self.tag(),
            signer: self.apex.clone(),
        }
    }

    /// `set` with one more signature, an honest one.
    pub(crate) fn sign(&self, set: &RrSet) -> RrSet {
        let rrsig = self.rrsig(set, &self.fields(set));
        let all: Vec<&[u8]> = set.signatures.iter().chain([&rrsig[..]]).collect();
        with_signatures(set, &all)
    }

    /// The RDATA of an RRSIG that says `fields`, and is truly this key's over what they say.
    pub(crate) fn rrsig(&self, set: &RrSet, fields: &Fields) -> Vec<u8> {
        let head = fields.to_wire();
        let labels = usize::from(fields.labels);
        let owner = match set.owner.label_count() > labels && !set.owner.is_wildcard() {
            true => set.owner.suffix(labels).prepend(b"*").unwrap(),
            false => set.owner.clone(),
        };
        let mut message = [&head[..], &fields.signer.key()].concat();
        Canonical::of(set).write(&owner.key(), fields.original_ttl, &mut message);
        [&head[..], fields.signer.wire(), &self.signature(&message)].concat()
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&rng, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding =
                    if Algorithm(self.algorithm) == Algorithm(10) { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &rng, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

impl Fields {
    /// The octets before the signer's name.
    fn to_wire(&self) -> [u8; 18] {
        let mut wire = [0; 18];
        wire[..2].copy_from_slice(&self.covered.0.to_be_bytes());
        wire[2..4].copy_from_slice(&[self.algorithm, self.labels]);
        wire[4..8].copy_from_slice(&self.original_ttl.to_be_bytes());
        wire[8..12].copy_from_slice(&self.expiration.to_be_bytes());
        wire[12..16].copy_from_slice(&self.inception.to_be_bytes());
        wire[16..].copy_from_slice(&self.tag.to_be_bytes());
        wire
    }
}

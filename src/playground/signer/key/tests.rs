//! Keys against the RFCs' own examples, and against the library's verification.

use aws_lc_rs::signature as lib;

use super::*;
use crate::playground::signer::Hashing;

const ROLES: [Role; 2] = [Role::KeySigning, Role::ZoneSigning];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn tag_and_ds_are_those_of_rfc_8080() {
    // RFC 8080 §6.1: private key, DNSKEY, DS.
    let mut key = SigningKey::new(Algorithm::Ed25519, Role::KeySigning, 1).unwrap();
    let seed = data_encoding::BASE64.decode(b"ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=").unwrap();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    key.public = pair.public_key().as_ref().to_vec();
    assert_eq!(data_encoding::BASE64.encode(&key.public), "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");
    assert_eq!(key.tag(), 3613);
    let ds = data_encoding::HEXLOWER.encode(&key.ds(&name("Example.COM"), Digest::Sha256));
    assert_eq!(ds, "0e1d0f023aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b");
}

#[test]
fn the_same_seed_is_the_same_key_and_every_other_thing_another() {
    let mut seen = Vec::new();
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519] {
        for (role, seed) in ROLES.into_iter().flat_map(|role| [(role, 1), (role, 2)]) {
            let key = SigningKey::new(algorithm, role, seed).unwrap();
            assert_eq!(key.dnskey(), SigningKey::new(algorithm, role, seed).unwrap().dnskey());
            assert!(!seen.contains(&key.public), "{algorithm:?} {role:?} {seed}");
            seen.push(key.public);
        }
    }
}

#[test]
fn signatures_by_every_algorithm_verify() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::new(algorithm, Role::ZoneSigning, 7).unwrap();
        let signature = key.sign(b"what is signed").unwrap();
        let verify = |message: &[u8]| match algorithm {
            Algorithm::EcdsaP256 => point(&lib::ECDSA_P256_SHA256_FIXED, &key, message, &signature),
            Algorithm::EcdsaP384 => point(&lib::ECDSA_P384_SHA384_FIXED, &key, message, &signature),
            Algorithm::Ed25519 => {
                lib::UnparsedPublicKey::new(&lib::ED25519, &key.public).verify(message, &signature).is_ok()
            }
            Algorithm::RsaSha256 => rsa_verify(&lib::RSA_PKCS1_2048_8192_SHA256, &key, message, &signature),
            Algorithm::RsaSha512 => rsa_verify(&lib::RSA_PKCS1_2048_8192_SHA512, &key, message, &signature),
            Algorithm::RsaSha1 | Algorithm::RsaSha1Nsec3 => {
                rsa_verify(&lib::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &key, message, &signature)
            }
        };
        assert!(verify(b"what is signed"), "{algorithm:?}");
        assert!(!verify(b"what is not signed"), "{algorithm:?}");
    }
}

fn point(
    algorithm: &'static dyn lib::VerificationAlgorithm,
    key: &SigningKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let public = [&[4][..], &key.public].concat();
    lib::UnparsedPublicKey::new(algorithm, public).verify(message, signature).is_ok()
}

fn rsa_verify(algorithm: &'static lib::RsaParameters, key: &SigningKey, message: &[u8], signature: &[u8]) -> bool {
    let (length, rest) = key.public.split_first().unwrap();
    let (exponent, modulus) = rest.split_at(usize::from(*length));
    lib::RsaPublicKeyComponents { n: modulus, e: exponent }.verify(algorithm, message, signature).is_ok()
}

#[test]
fn hashes_are_those_of_rfc_5155() {
    // RFC 5155 appendix A.
    let hashing = Hashing { iterations: 12, salt: vec![0xaa, 0xbb, 0xcc, 0xdd] };
    for (owner, hash) in [
        ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("*.W.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"),
    ] {
        assert_eq!(hashing.owner(&name(owner), &name("example")).unwrap(), name(&format!("{hash}.example")));
    }
}

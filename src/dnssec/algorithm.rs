//! Which algorithms and digests validate, which make a zone insecure, and public keys ready to verify with.
//!
//! Key formats: RSA (RFC 3110, RFC 5702), ECDSA (RFC 6605), Ed25519 (RFC 8080). What a library would accept beyond
//! them, DER for example, is refused here.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use smallvec::SmallVec;

/// The smallest RSA modulus that is worth verifying with, in bits.
const MIN_MODULUS_BITS: usize = 1024;
/// The largest RSA modulus (RFC 5702 §2): what an RSA verification costs grows with its square.
const MAX_MODULUS_BITS: usize = 4096;
/// The largest RSA exponent, 2^32 + 1: what a verification costs grows with its bits (hostile keys).
const MAX_EXPONENT: u64 = (1 << 32) + 1;

/// A DNSSEC algorithm number (RFC 4034 Appendix A.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Algorithm(pub u8);

/// A digest algorithm number of DS records (RFC 4034 Appendix A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DigestType(pub u8);

/// What is done about an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Its signatures or digests are judged.
    Validate,
    /// It counts as not being there: a zone that has nothing else is insecure (RFC 6840 §5.2).
    Ignore,
}

impl Algorithm {
    /// RSA/MD5, whose key tag is unlike all others' (RFC 4034 Appendix B.1). Ignored otherwise.
    pub const RSAMD5: Self = Self(1);

    /// Whether signatures by it are judged.
    pub const fn support(self) -> Support {
        match self.0 {
            5 | 7 | 8 | 10 | 13 | 14 | 15 => Support::Validate,
            _ => Support::Ignore,
        }
    }

    /// The key in the public key field of a DNSKEY, ready to verify with. `None` when it is no key of this algorithm.
    pub(super) fn prepare(self, key: &[u8]) -> Option<PublicKey> {
        let form = match self.0 {
            13 => Form::Numbers(32),
            14 => Form::Numbers(48),
            _ => Form::Octets,
        };
        let parsed = match self.0 {
            5 | 7 => rsa(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, key),
            8 => rsa(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key),
            10 => rsa(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, key),
            13 => point::<64>(&signature::ECDSA_P256_SHA256_ASN1, key),
            14 => point::<96>(&signature::ECDSA_P384_SHA384_ASN1, key),
            15 if key.len() == 32 => ParsedPublicKey::new(&signature::ED25519, key).ok(),
            _ => None,
        };
        parsed.map(|parsed| PublicKey { parsed, form })
    }
}

impl DigestType {
    /// SHA-1, which counts only when nothing better is there (RFC 4509 §3).
    pub const SHA1: Self = Self(1);

    /// Whether digests of this kind are compared.
    pub const fn support(self) -> Support {
        match self.0 {
            1 | 2 | 4 => Support::Validate,
            _ => Support::Ignore,
        }
    }

    /// The digest over `parts`, one after the other. `None` when the kind is ignored.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Option<digest::Digest> {
        let mut context = digest::Context::new(match self.0 {
            1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            2 => &digest::SHA256,
            4 => &digest::SHA384,
            _ => return None,
        });
        parts.iter().for_each(|part| context.update(part));
        Some(context.finish())
    }
}

/// A public key that has been read and need not be read again.
#[derive(Debug)]
pub(super) struct PublicKey {
    parsed: ParsedPublicKey,
    form: Form,
}

/// What its signatures are made of.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// Octets that the library reads as they are.
    Octets,
    /// Two numbers of so many octets (RFC 6605 §4), which it would read one by one, only to write and read them as DER.
    Numbers(usize),
}

impl PublicKey {
    /// Whether `signature` is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.form {
            Form::Octets => self.parsed.verify_sig(message, signature).is_ok(),
            Form::Numbers(octets) => {
                der(signature, octets).is_some_and(|der| self.parsed.verify_sig(message, &der).is_ok())
            }
        }
    }

    /// About what it takes in memory.
    pub(super) fn octets(&self) -> usize {
        size_of::<Self>() + 2 * self.parsed.as_ref().len()
    }
}

/// An ECDSA-Sig-Value in DER of two numbers with so many octets each, 48 at most.
fn der(signature: &[u8], octets: usize) -> Option<SmallVec<[u8; 104]>> {
    if signature.len() != 2 * octets {
        return None;
    }
    let mut numbers: SmallVec<[u8; 104]> = SmallVec::from_slice(&[0x30, 0]);
    for number in signature.chunks_exact(octets) {
        let number = significant(number);
        // One octet at least, and the first bit would mean less than zero.
        let zero = number.first().is_none_or(|octet| octet & 0x80 != 0);
        let length = u8::try_from(number.len() + usize::from(zero)).ok()?;
        let head = [2, length, 0];
        numbers.extend_from_slice(head.get(..2 + usize::from(zero))?);
        numbers.extend_from_slice(number);
    }
    let length = u8::try_from(numbers.len() - 2).ok().filter(|length| *length < 0x80)?;
    *numbers.get_mut(1)? = length;
    Some(numbers)
}

/// An uncompressed point of `LENGTH` octets: x, then y (RFC 6605 §4). The library sees to it that it is on the curve.
fn point<const LENGTH: usize>(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Option<ParsedPublicKey> {
    let key: &[u8; LENGTH] = key.try_into().ok()?;
    // X9.62 says with the first octet in which form the point is.
    let marked = [&[0x04], key.as_slice()].concat();
    ParsedPublicKey::new(algorithm, marked).ok()
}

/// Exponent and modulus (RFC 3110 §2).
fn rsa(parameters: &'static RsaParameters, key: &[u8]) -> Option<ParsedPublicKey> {
    let (length, rest) = match key {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    let (exponent, modulus) = rest.split_at_checked(length)?;
    // Zeros in front are forbidden, but harmless once they no longer count as length.
    let (e, n) = (significant(exponent), significant(modulus));
    let bits = n.len() * 8 - n.first().map_or(0, |octet| octet.leading_zeros() as usize);
    if !(MIN_MODULUS_BITS..=MAX_MODULUS_BITS).contains(&bits) || n.last().is_none_or(|octet| octet % 2 == 0) {
        return None;
    }
    let value = (e.len() <= 8).then(|| e.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))?;
    if !(3..=MAX_EXPONENT).contains(&value) || value % 2 == 0 {
        return None;
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3110 §2, with the length of the exponent in one octet or, if it must, three.
    fn rsa_key(exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
        let length = u16::try_from(exponent.len()).unwrap().to_be_bytes();
        let length = if length[0] == 0 && length[1] > 0 { &length[1..] } else { &[&[0], &length[..]].concat() };
        [length, exponent, modulus].concat()
    }

    #[test]
    fn rsa_keys_of_odd_sizes_are_refused_unread() {
        // DOS-10.
        let prepared = |exponent: &[u8], modulus: &[u8]| Algorithm(8).prepare(&rsa_key(exponent, modulus)).is_some();
        let odd = |octets: usize| vec![0xff; octets];
        let fermat = [1, 0, 1];
        for (octets, wanted) in [(64, false), (127, false), (128, true), (512, true), (513, false), (2048, false)] {
            assert_eq!(prepared(&fermat, &odd(octets)), wanted, "{octets}");
        }
        let short = [&[0x7f][..], &odd(127)].concat();
        assert!(!prepared(&fermat, &short));
        // Zeros in front are no length.
        assert!(!prepared(&fermat, &[&[0; 64][..], &odd(64)].concat()));
        assert!(prepared(&[0, 0, 1, 0, 1], &[&[0][..], &odd(128)].concat()));
        let even = [&odd(127)[..], &[0xfe]].concat();
        assert!(!prepared(&fermat, &even));
        let most = [1, 0, 0, 0, 1];
        for (exponent, wanted) in [(&[3][..], true), (&most, true), (&[1], false), (&[], false), (&[1, 0], false)] {
            assert_eq!(prepared(exponent, &odd(256)), wanted, "{exponent:?}");
        }
        for exponent in [&[1, 0, 0, 0, 3][..], &[1; 9], &[1; 512]] {
            assert!(!prepared(exponent, &odd(256)), "{exponent:?}");
        }
        for key in [&[][..], &[0], &[0, 1], &[5, 1], &[0, 255, 255, 1]] {
            assert!(Algorithm(8).prepare(key).is_none(), "{key:?}");
        }
    }

    #[test]
    fn points_come_as_the_standards_write_them() {
        for (algorithm, octets) in [(13, 64), (14, 96), (15, 32)] {
            for wrong in [0, 31, 33, 65, 91, 97, octets - 1, octets + 1] {
                assert!(
                    Algorithm(algorithm).prepare(&vec![4; wrong]).is_none() || wrong == octets,
                    "{algorithm} {wrong}"
                );
            }
        }
        // Off the curve, and at infinity.
        assert!(Algorithm(13).prepare(&[4; 64]).is_none());
        assert!(Algorithm(14).prepare(&[0; 96]).is_none());
    }

    #[test]
    fn two_numbers_are_written_as_der_does() {
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (&[1, 2, 3, 4], Some(&[0x30, 8, 2, 2, 1, 2, 2, 2, 3, 4])),
            (&[0x80, 0, 0, 0x80], Some(&[0x30, 9, 2, 3, 0, 0x80, 0, 2, 2, 0, 0x80])),
            (&[0, 0, 0, 1], Some(&[0x30, 6, 2, 1, 0, 2, 1, 1])),
            (&[1, 2, 3], None),
            (&[1, 2, 3, 4, 5], None),
            (&[], None),
        ];
        for (given, wanted) in cases {
            assert_eq!(der(given, 2).as_deref(), wanted, "{given:?}");
        }
        assert_eq!(der(&[0xff; 96], 48).unwrap().len(), 104);
    }

    #[test]
    fn what_is_ignored_cannot_be_used() {
        for number in 0..=255 {
            let validates = [5, 7, 8, 10, 13, 14, 15].contains(&number);
            assert_eq!(Algorithm(number).support() == Support::Validate, validates, "{number}");
            let digest = DigestType(number).digest(&[b"x"]);
            assert_eq!(digest.is_some(), DigestType(number).support() == Support::Validate, "{number}");
        }
    }
}

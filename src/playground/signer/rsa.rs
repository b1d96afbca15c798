//! RSA keys in DNSKEY's form (RFC 3110), and signatures with SHA-1, which the crypto library verifies but does not make.
//!
//! Textbook arithmetic with keys that last for one test: not constant in time, not for anything worth protecting.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};

/// What stands before a SHA-1 digest in a signature (RFC 8017 §9.2 note 1).
const PREFIX: [u8; 15] = [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// The public key: the length of the exponent, the exponent, the modulus (RFC 3110 §2).
pub fn public(pair: &RsaKeyPair) -> Option<Vec<u8>> {
    // RSAPublicKey (RFC 8017 §A.1.1).
    let (_, key, _) = element(pair.public_key().as_ref())?;
    let (_, modulus, rest) = element(key)?;
    let (_, exponent, _) = element(rest)?;
    let length = u8::try_from(exponent.len()).ok()?;
    Some([&[length][..], exponent, unsigned(modulus)].concat())
}

/// The signature with SHA-1 over `message`; `None` when the key is not what the library has always made.
pub fn sign_sha1(pair: &RsaKeyPair, message: &[u8]) -> Option<Vec<u8>> {
    let der = pair.as_der().ok()?;
    let (modulus, private) = components(der.as_ref())?;
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, message);
    let octets = modulus.len();
    let filling = octets.checked_sub(3 + PREFIX.len() + hash.as_ref().len())?;
    let padded = [&[0, 1][..], &vec![0xff; filling], &[0], &PREFIX, hash.as_ref()].concat();
    let field = Field::new(limbs(modulus));
    Some(octets_of(&field.power(&limbs(&padded), private), octets))
}

/// Modulus and private exponent from PKCS#8 (RFC 5958 §2, RFC 8017 §A.1.2).
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, outer, _) = element(der)?;
    let (_, _, rest) = element(outer)?; // version
    let (_, _, rest) = element(rest)?; // algorithm
    let (_, wrapped, _) = element(rest)?;
    let (_, key, _) = element(wrapped)?;
    let (_, _, rest) = element(key)?; // version
    let (_, modulus, rest) = element(rest)?;
    let (_, _, rest) = element(rest)?; // public exponent
    let (_, private, _) = element(rest)?;
    Some((unsigned(modulus), private))
}

/// DER puts a zero before a number whose top bit is set.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

/// Tag, content and what is behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (octets, rest) = rest.split_at_checked(long & 0x7f)?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// Arithmetic modulo an odd number, numbers as limbs from the lowest, in Montgomery's form.
struct Field {
    modulus: Vec<u64>,
    /// -1/modulus modulo 2^64.
    inverse: u64,
}

impl Field {
    fn new(modulus: Vec<u64>) -> Self {
        let low = modulus.first().copied().unwrap_or(1);
        // Newton: each step doubles the number of right bits.
        let inverse = (0..6).fold(low, |x, _| x.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(x))));
        Self { modulus, inverse: inverse.wrapping_neg() }
    }

    /// `base` to the power of `exponent`, which is written in octets from the highest.
    fn power(&self, base: &[u64], exponent: &[u8]) -> Vec<u64> {
        // One, shifted left by all limbs modulo the modulus: one in Montgomery's form; base likewise.
        let mut one = vec![0; self.modulus.len()];
        if let Some(low) = one.first_mut() {
            *low = 1;
        }
        let (unit, base) = (self.shifted(&one), self.shifted(base));
        let mut result = unit;
        for bit in exponent.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)) {
            result = self.times(&result, &result);
            if bit == 1 {
                result = self.times(&result, &base);
            }
        }
        self.times(&result, &one)
    }

    /// `number` times 2^(64 limbs), by doubling.
    fn shifted(&self, number: &[u64]) -> Vec<u64> {
        let mut number = number.to_vec();
        for _ in 0..64 * self.modulus.len() {
            let mut carry = 0;
            for limb in &mut number {
                (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
            }
            self.reduce(&mut number, carry);
        }
        number
    }

    /// The product of two numbers in Montgomery's form.
    fn times(&self, a: &[u64], b: &[u64]) -> Vec<u64> {
        let mut sum = vec![0; self.modulus.len()];
        for factor in a {
            let mut over = add_product(&mut sum, b, *factor);
            let low = sum.first().copied().unwrap_or(0);
            over += add_product(&mut sum, &self.modulus, low.wrapping_mul(self.inverse));
            // The lowest limb is zero now: one limb to the right.
            sum.rotate_left(1);
            if let Some(high) = sum.last_mut() {
                *high = over as u64;
            }
            self.reduce(&mut sum, (over >> 64) as u64);
        }
        sum
    }

    /// Takes the modulus off once when `number`, with `carry` above it, is not below it.
    fn reduce(&self, number: &mut [u64], carry: u64) {
        if carry == 0 && number.iter().rev().lt(self.modulus.iter().rev()) {
            return;
        }
        let mut borrow = false;
        for (limb, less) in number.iter_mut().zip(&self.modulus) {
            let (rest, first) = limb.overflowing_sub(*less);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (rest, first || second);
        }
    }
}

/// Adds `number` times `factor` to `sum`; what does not fit is returned.
fn add_product(sum: &mut [u64], number: &[u64], factor: u64) -> u128 {
    let mut carry = 0u128;
    for (limb, other) in sum.iter_mut().zip(number) {
        carry += u128::from(*limb) + u128::from(*other) * u128::from(factor);
        *limb = carry as u64;
        carry >>= 64;
    }
    carry
}

fn limbs(octets: &[u8]) -> Vec<u64> {
    let limb = |chunk: &[u8]| chunk.iter().fold(0, |limb, octet| limb << 8 | u64::from(*octet));
    octets.rchunks(8).map(limb).collect()
}

fn octets_of(limbs: &[u64], octets: usize) -> Vec<u8> {
    let all: Vec<u8> = limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
    all.get(all.len().saturating_sub(octets)..).unwrap_or_default().to_vec()
}

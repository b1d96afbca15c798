//! Extended DNS errors (RFC 8914): why an answer is not what was hoped for.

use std::borrow::Cow;
use std::fmt;

/// The longest EXTRA-TEXT sent, in octets.
const MAX_TEXT: usize = 200;

/// An INFO-CODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EdeCode(pub u16);

impl EdeCode {
    /// Something else; the text says what.
    pub const OTHER: Self = Self(0);
    /// A DNSKEY algorithm that is not supported.
    pub const UNSUPPORTED_DNSKEY_ALGORITHM: Self = Self(1);
    /// A DS digest that is not supported.
    pub const UNSUPPORTED_DS_DIGEST: Self = Self(2);
    /// Stale data was served.
    pub const STALE_ANSWER: Self = Self(3);
    /// The answer was made here, not fetched.
    pub const FORGED_ANSWER: Self = Self(4);
    /// Validation failed.
    pub const DNSSEC_BOGUS: Self = Self(6);
    /// Every signature has expired.
    pub const SIGNATURE_EXPIRED: Self = Self(7);
    /// No signature is valid yet.
    pub const SIGNATURE_NOT_YET_VALID: Self = Self(8);
    /// The key that should have signed is not there.
    pub const DNSKEY_MISSING: Self = Self(9);
    /// Signatures are missing.
    pub const RRSIGS_MISSING: Self = Self(10);
    /// No key has the zone key bit.
    pub const NO_ZONE_KEY: Self = Self(11);
    /// A denial without proof.
    pub const NSEC_MISSING: Self = Self(12);
    /// A remembered failure.
    pub const CACHED_ERROR: Self = Self(13);
    /// The server is not ready.
    pub const NOT_READY: Self = Self(14);
    /// The operator does not want it told.
    pub const FILTERED: Self = Self(17);
    /// That there is no such name was served though it is stale.
    pub const STALE_NXDOMAIN: Self = Self(19);
    /// The operator forbids it for this client.
    pub const PROHIBITED: Self = Self(18);
    /// Recursion was not asked for and the cache has nothing.
    pub const NOT_AUTHORITATIVE: Self = Self(20);
    /// What is asked is not supported.
    pub const NOT_SUPPORTED: Self = Self(21);
    /// No authoritative server gave a usable reply.
    pub const NO_REACHABLE_AUTHORITY: Self = Self(22);
    /// The network failed.
    pub const NETWORK_ERROR: Self = Self(23);
    /// NSEC3 iterations beyond what is validated.
    pub const UNSUPPORTED_NSEC3_ITERATIONS: Self = Self(27);
    /// The operator excepts the zone from validation.
    pub const NEGATIVE_TRUST_ANCHOR: Self = Self(33);
    /// A server replied with data that is unusable.
    pub const INVALID_DATA: Self = Self(24);
}

/// One extended error: a code and a text for people, ending in the tag of the place that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ede {
    /// What kind of failure.
    pub code: EdeCode,
    /// The reason in words, at most 200 octets are sent.
    pub text: Cow<'static, str>,
}

impl Ede {
    /// An extended error with its text.
    pub fn new(code: EdeCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into() }
    }

    /// The EDNS option, its header included.
    pub fn option(&self) -> Vec<u8> {
        // A text that is cut keeps its end: that is where the tag stands.
        let mut start = self.text.len().saturating_sub(MAX_TEXT);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        let text = self.text.get(start..).unwrap_or_default().as_bytes();
        let mut option = Vec::with_capacity(6 + text.len());
        option.extend_from_slice(&super::Edns::EDE.to_be_bytes());
        option.extend_from_slice(&u16::try_from(text.len() + 2).unwrap_or(2).to_be_bytes());
        option.extend_from_slice(&self.code.0.to_be_bytes());
        option.extend_from_slice(text);
        option
    }
}

impl fmt::Display for Ede {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EDE {}: {}", self.code.0, self.text)
    }
}

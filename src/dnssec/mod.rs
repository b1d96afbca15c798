//! Authenticity: who signed what, and what a signed denial proves (RFC 4033–4035, 5155, 6840, 9276).
//!
//! Pure: it never waits, never reads a clock and never remembers. `resolver::validate` fetches what is judged here and
//! passes the time in. Whoever pays for the hashes and signatures is asked first ([`Work`]).

mod acceptance;
mod algorithm;
mod anchor;
mod canonical;
pub mod denial;
mod keys;
mod negative;
mod rollover;
mod settings;
mod signature;
#[cfg(test)]
pub(crate) mod signer;
mod work;

use std::fmt;

use crate::dns::{EdeCode, Name, RecordType};

pub use crate::dns::Security;
pub use acceptance::{Acceptance, Path, Paths, Trusted, Verdict, accept, signed_by, unsupported};
pub use algorithm::{Algorithm, DigestType, Support};
pub use anchor::{Anchor, AnchorError, AnchorProblem, AnchorRecord, Anchors, Source};
pub use keys::{Dnskey, Ds, ZoneKeys};
pub use negative::{LONGEST_LIFETIME, NegativeAnchor, NegativeAnchors};
pub use rollover::{
    ADD_HOLD_DOWN, Action, Change, Event, KeyState, REMOVE_HOLD_DOWN, Rollover, StateError, StateProblem, TrackedKey,
};
pub use settings::{Beginning, Settings};
pub use signature::{Verification, Verified, are_in_time, fitting_signatures, select, verify, worth_keeping};
pub use work::{Allowance, Iterations, Scope, TooMuch, Work, WorkBound};

/// Why data must not be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bogus {
    /// What is wrong.
    pub reason: Reason,
    /// The owner of what is wrong.
    pub name: Name,
    /// Its type.
    pub rtype: RecordType,
}

/// What is wrong with data that must not be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no signature by the zone, though the zone is signed.
    SignaturesMissing,
    /// No key of the zone is of the tag and algorithm that the signature, or the parent's DS record, names.
    KeyMissing,
    /// None of the zone's keys is one that a trust anchor speaks for, and its servers agree on them.
    Estranged,
    /// A key of that tag and algorithm exists, but is no zone key (RFC 4034 §2.1.1).
    NoZoneKey,
    /// A signature does not verify.
    BadSignature,
    /// Every signature has expired.
    Expired,
    /// No signature is valid yet.
    NotYetValid,
    /// Every signature expires before it begins.
    NeverValid,
    /// A wildcard was made into what none may be made into (RFC 4592 §4.4).
    Expanded,
    /// The denial is not proven.
    DenialMissing,
    /// More records deny it than any proof needs.
    TooManyDenials,
    /// A denial hashes names more often than anybody should (RFC 9276 §3.2).
    Iterations,
    /// No key of an algorithm that the zone's DS records, or trust anchors, name has signed the zone's keys, and
    /// [`Paths::OneOfEachAlgorithm`] was wanted.
    AlgorithmMissing(Algorithm),
    /// To find out would take more work than a question may cost.
    TooMuch(TooMuch),
}

impl Reason {
    /// The extended error for it (RFC 8914 §4).
    pub const fn ede(self) -> EdeCode {
        match self {
            Self::SignaturesMissing => EdeCode::RRSIGS_MISSING,
            Self::KeyMissing | Self::Estranged => EdeCode::DNSKEY_MISSING,
            Self::NoZoneKey => EdeCode::NO_ZONE_KEY,
            Self::BadSignature
            | Self::Expanded
            | Self::TooManyDenials
            | Self::AlgorithmMissing(_)
            | Self::TooMuch(_) => EdeCode::DNSSEC_BOGUS,
            Self::Expired | Self::NeverValid => EdeCode::SIGNATURE_EXPIRED,
            Self::NotYetValid => EdeCode::SIGNATURE_NOT_YET_VALID,
            Self::DenialMissing => EdeCode::NSEC_MISSING,
            Self::Iterations => EdeCode::UNSUPPORTED_NSEC3_ITERATIONS,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignaturesMissing => "is not signed by its zone, which is signed",
            Self::KeyMissing => "is signed with a key that its zone does not have",
            Self::Estranged => "has no key that a trust anchor speaks for: the anchors are out of date, or not this network's",
            Self::NoZoneKey => "is signed with a key that is no zone key",
            Self::BadSignature => "has a signature that does not verify",
            Self::Expired => "has a signature that has expired",
            Self::NotYetValid => "has a signature that is not valid yet",
            Self::NeverValid => "has a signature that expires before it begins",
            Self::Expanded => "was made from a wildcard",
            Self::DenialMissing => "is denied without proof",
            Self::TooManyDenials => "is denied by too many records (limits.proofs-per-denial)",
            Self::Iterations => "is denied with too many NSEC3 iterations (limits.nsec3-iterations-tolerated)",
            Self::AlgorithmMissing(Algorithm(number)) => {
                return write!(
                    f,
                    "has no valid signature by a key of algorithm {number} that its DS records, or trust anchors, name; \
                     one of each algorithm is required here"
                );
            }
            Self::TooMuch(what) => return write!(f, "takes {what} to validate"),
        })
    }
}

impl fmt::Display for Bogus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.rtype, self.reason)
    }
}

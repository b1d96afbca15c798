//! Memory — synchronous; `now` is always an argument.
//!
//! Four caches: finished replies by client question ([`Answers`]), RRsets and denials by owner and type ([`RrSets`]),
//! zone cuts by apex ([`Cuts`]), failures by question ([`Failures`]). Replies are derived from RRsets, never the other way.

mod answers;
mod cuts;
mod fact;
mod failures;
mod front;
mod piece;
mod rrsets;
mod store;

use smallvec::SmallVec;

use crate::dns::{Name, RecordType, Ttl};

pub use answers::{Answer, AnswerKey, Answers};
pub use cuts::Cuts;
pub use failures::{Failed, Failures};
pub use front::{Found, Front};
pub use rrsets::{Rank, RrSets};
pub use store::{Entry, Store};

/// How much is remembered, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Octets all caches may take together.
    pub size: u64,
    /// TTLs below this are raised to it.
    pub min_ttl: Ttl,
    /// TTLs above this are cut to it.
    pub max_ttl: Ttl,
    /// Negative answers are kept no longer than this (RFC 2308 §5).
    pub max_negative_ttl: Ttl,
}

impl Settings {
    /// The octets of one cache whose share is `percent`.
    pub const fn share(&self, percent: u64) -> u64 {
        self.size / 100 * percent
    }
}

/// The key of an owner and a type: lower-cased wire name, then the type.
fn key(name: &Name, rtype: RecordType) -> SmallVec<[u8; 64]> {
    let mut key = SmallVec::from_slice(&name.key());
    key.extend_from_slice(&rtype.0.to_be_bytes());
    key
}

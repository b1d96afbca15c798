//! Memory — synchronous; `now` is always an argument.
//!
//! Four caches: finished replies by client question ([`Answers`]), RRsets and denials by owner and type ([`RrSets`]),
//! zone cuts by apex ([`Cuts`]), failures by question ([`Failures`]). Replies are derived from RRsets, never the other way.

mod answers;
mod cuts;
mod denials;
mod fact;
mod failures;
mod front;
mod past;
mod piece;
mod rrsets;
mod standings;
mod store;

use std::time::Duration;

use smallvec::SmallVec;

use crate::dns::{Name, RecordType, Ttl};

pub use answers::{Answer, AnswerKey, Answers};
pub use cuts::Cuts;
pub use denials::{Denials, Order, Place, Proven, ProvenZone};
pub use failures::{Failed, Failures, Reason};
pub use front::{Found, Front};
pub use past::{Past, Reach};
pub use rrsets::{Rank, RrSets};
pub use standings::{Standing, Standings};
pub use store::{Entry, Held, Store};

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
    /// Whether and how data that has ended answers where nothing better can be had.
    pub serve_stale: Option<ServeStale>,
}

/// Data that has ended, as a last resort (RFC 8767).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeStale {
    /// How long it may have ended.
    pub max_age: Duration,
    /// The TTL it is told with.
    pub answer_ttl: Ttl,
    /// How long a client waits for something better.
    pub client_wait: Duration,
    /// While it can be told, what could not be found out is not tried again for so long (RFC 8767 §5).
    pub retry: Duration,
}

impl Settings {
    /// The octets of one cache whose share is `percent`.
    pub const fn share(&self, percent: u64) -> u64 {
        self.size / 100 * percent
    }
}

/// A key; most names are far shorter than what it has room for without allocation.
type Key = SmallVec<[u8; KEY]>;

const KEY: usize = 64;

/// The key that `name`, in wire form, has in lower case with `tail` behind it.
fn key<const TAIL: usize>(name: &[u8], tail: [u8; TAIL]) -> Key {
    let mut octets = [0; KEY];
    let length = name.len() + TAIL;
    let Some(place) = octets.get_mut(..name.len()).filter(|_| length <= KEY) else {
        let mut key = SmallVec::from_slice(name);
        key.make_ascii_lowercase();
        key.extend_from_slice(&tail);
        return key;
    };
    place.copy_from_slice(name);
    // All of it, whatever the length: a loop of a fixed length becomes two instructions.
    octets.make_ascii_lowercase();
    if let Some(place) = octets.get_mut(name.len()..length) {
        place.copy_from_slice(&tail);
    }
    SmallVec::from_buf_and_len(octets, length)
}

/// The key of an owner and a type.
fn key_of(name: &Name, rtype: RecordType) -> Key {
    key(name.wire(), rtype.0.to_be_bytes())
}

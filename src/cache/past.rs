//! What was known and has ended: for those who can find out nothing better (RFC 8767), and nobody else.
//!
//! Entries stay where they are until others push them out, so that nothing is kept for this, and nothing beyond the size of
//! the cache. Delegations are not remembered so: whom a zone belongs to is its parent's to say at any time.

use std::time::Duration;

use tokio::time::Instant;

use super::fact::Fact;
use super::key_of;
use super::piece::Moment;
use super::rrsets::{ANY_TYPE, RrSets};
use crate::dns::{Name, Outcome, RecordType, Security};

/// What of the past may be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// The present.
    pub now: Instant,
    /// How long it may have ended.
    pub max_age: Duration,
    /// The least that must be known of its authenticity.
    pub least: Security,
}

/// What was known of a name last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// What it was. The TTLs are what is left: nothing.
    pub outcome: Outcome,
    /// How long ago it ended.
    pub ended: Duration,
    /// How long ago it was learnt.
    pub age: Duration,
    since: Moment,
}

impl RrSets {
    /// What was learnt last of `name` by one of `types`, or that there is no such name, if that has ended not too long ago.
    pub fn past(&self, name: &Name, types: &[RecordType], reach: Reach) -> Option<Past> {
        let now = self.beginning.moment(reach.now);
        let facts = types.iter().chain([&ANY_TYPE]).filter_map(|rtype| self.store.get(&key_of(name, *rtype)));
        let last = facts.filter(|fact| fact.security() >= reach.least).max_by_key(Fact::since)?;
        let ended = last.ended(now).filter(|ended| *ended <= reach.max_age)?;
        let since = last.since();
        Some(Past { outcome: last.at(now)?, ended, age: now.since(since), since })
    }

    /// Whether it was learnt after `past`, or at the same time, that a name above `name` and not above `top` does not exist,
    /// and so nothing below it.
    pub fn is_denied_since(&self, past: &Past, name: &Name, top: &Name, least: Security) -> bool {
        let above = name.ancestors().skip(1).take_while(|above| above.is_in(top));
        let mut facts = above.filter_map(|above| self.store.get(&key_of(&above, ANY_TYPE)));
        facts.any(|fact| fact.denies_name() && fact.security() >= least && fact.since() >= past.since)
    }
}

//! `Step`: everything that can happen while a question is resolved. Logs, `burdock trace` and tests read this one stream.

use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::dns::{Name, Question, Rcode, Security};
use crate::world::Transport;

/// Steps kept of one job; a question cannot make more than its bounds allow, this is the belt to those braces.
const MAX_ENTRIES: usize = 4096;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named for what they hold")]
pub enum Step {
    /// The walk for a question starts; at depth 0 it is the client's, deeper a server's address.
    Started { question: Question },
    /// The cache knew.
    Cached { question: Question, what: FromCache },
    /// The walk starts, or goes on, at this zone.
    Entered { zone: Name, servers: usize, chosen: Chosen },
    /// A query went out. `question` is what was revealed, which may be less than what is wanted.
    Sent { zone: Name, host: Option<Name>, server: SocketAddr, transport: Transport, question: Question },
    /// A reply came and is of use.
    Heard { zone: Name, host: Option<Name>, server: SocketAddr, transport: Transport, rtt: Duration, what: Heard },
    /// An exchange failed, or its reply is of no use.
    Failed { zone: Name, host: Option<Name>, server: SocketAddr, transport: Transport, after: Duration, fault: String },
    /// The keys of a zone were established, or that it has none, or that it should not be believed.
    Chain { zone: Name, standing: String },
    /// What was found was checked for authenticity.
    Checked { question: Question, security: Security },
    /// The name is an alias.
    Alias { from: Name, to: Name },
    /// The question ended with an answer of this code, after so many packets to other servers.
    Answered { rcode: Rcode, queries: u32 },
    /// The question ended without one.
    GaveUp { reason: String, queries: u32 },
}

/// Who says which servers a zone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The zone above, or the hints of the root.
    Delegation,
    /// The operator: forwarders, which recurse.
    Forwarders,
    /// The operator: authoritative servers.
    Stub,
}

/// What the cache held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromCache {
    /// The RRset asked for.
    Answer,
    /// An alias on the way to it.
    Alias,
    /// That the name has no such data.
    NoData,
    /// That the name does not exist.
    NxDomain,
    /// Proofs of other denials, which deny this, too (RFC 8198).
    Proof,
    /// That it could not be resolved a moment ago.
    Failure,
}

/// What a reply was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named for what they hold")]
pub enum Heard {
    /// A delegation to a zone below.
    Referral { zone: Name, servers: Vec<Name> },
    /// There is no zone cut at the name asked about; one more label is revealed next.
    NoCut,
    /// The zone does not cope with a shortened question and gets the whole one next.
    Opaque,
    /// An alias.
    Alias { to: Name },
    /// An alias longer than a name may be.
    AliasTooLong,
    /// The data.
    Answer { records: usize },
    /// The name exists, the data does not.
    NoData,
    /// The name does not exist.
    NxDomain,
}

/// One step, when it happened and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Since the trace began.
    pub at: Duration,
    /// 0 for the client's question, more for the addresses of servers.
    pub depth: u32,
    /// What happened.
    pub step: Step,
}

/// The steps of one job, in order.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    entries: Mutex<Vec<Entry>>,
}

impl Trace {
    /// An empty trace that begins at `start`.
    pub const fn new(start: Instant) -> Self {
        Self { start, entries: Mutex::new(Vec::new()) }
    }

    /// Adds a step; silently none after 4096.
    pub fn record(&self, now: Instant, depth: u32, step: Step) {
        let mut entries = self.entries.lock();
        if entries.len() < MAX_ENTRIES {
            entries.push(Entry { at: now.saturating_duration_since(self.start), depth, step });
        }
    }

    /// The steps so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().clone()
    }
}

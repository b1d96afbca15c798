//! Finished replies by client question: what the hit path looks at, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::store::{Entry, Store};
use super::{Key, key};
use crate::dns::{Header, RecordType};

/// The key of a client question: lower-cased QNAME, QTYPE, and the flags that change the answer.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey(Key);

impl Clone for AnswerKey {
    fn clone(&self) -> Self {
        // As one copy of octets; the derived way clones them one by one.
        Self(SmallVec::from_slice(&self.0))
    }
}

impl AnswerKey {
    /// The key for a QNAME in wire form. DO and CD lead to different replies, so they are part of it.
    #[inline]
    pub fn new(qname: &[u8], qtype: RecordType, dnssec_ok: bool, checking_disabled: bool) -> Self {
        let [high, low] = qtype.0.to_be_bytes();
        Self(key(qname, [high, low, u8::from(dnssec_ok) | u8::from(checking_disabled) << 1]))
    }

    /// The key's octets: lower-cased QNAME, QTYPE, one octet of flags.
    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The octet of flags.
    pub fn flags(&self) -> u8 {
        self.0.last().copied().unwrap_or(0)
    }
}

/// Replies up to so many octets lie together with what is known of them: a hit touches as little memory as it can.
const SHORT: usize = 88;

/// A finished reply: bytes without OPT, ready to be made a client's own.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Header, question and records; ID zero, question in lower case.
    pub bytes: SmallVec<[u8; SHORT]>,
    /// Where the TTLs stand in `bytes`.
    pub ttl_offsets: SmallVec<[u16; 4]>,
    /// EDNS options for clients that speak EDNS, in wire form (extended errors).
    pub options: Box<[u8]>,
    /// The upper eight bits of the RCODE, which go into OPT.
    pub rcode_high: u8,
    /// The flags of the key it answers ([`AnswerKey::flags`]).
    pub flags: u8,
    /// When it was made.
    pub since: Instant,
    /// When it must no longer be given.
    pub expires: Instant,
}

impl Answer {
    /// Whether this is the answer to the question of `key`: QNAME and QTYPE stand at the start of both.
    pub(super) fn is_for(&self, key: &[u8]) -> bool {
        let Some((flags, question)) = key.split_last() else { return false };
        let own = self.bytes.get(Header::OCTETS..Header::OCTETS + question.len());
        *flags == self.flags && own == Some(question)
    }

    /// How old it is, in whole seconds.
    pub fn age(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.since).as_secs()).unwrap_or(u32::MAX)
    }
}

impl Entry for Arc<Answer> {
    fn is_for(&self, key: &[u8]) -> bool {
        Answer::is_for(self, key)
    }

    fn octets(&self) -> usize {
        let spilled = |spilled: bool, octets: usize| if spilled { octets } else { 0 };
        let bytes = spilled(self.bytes.spilled(), self.bytes.capacity());
        let offsets = spilled(self.ttl_offsets.spilled(), 2 * self.ttl_offsets.capacity());
        2 * size_of::<usize>() + size_of::<Answer>() + bytes + offsets + self.options.len()
    }
}

/// The cache of finished replies.
pub struct Answers {
    store: Store<Arc<Answer>>,
}

impl Answers {
    /// An empty cache for at most `capacity` octets.
    pub fn new(capacity: u64, seed: u64) -> Self {
        Self { store: Store::new(capacity, seed) }
    }

    /// The reply to this question, unless it has expired.
    pub fn find(&self, key: &AnswerKey, now: Instant) -> Option<Arc<Answer>> {
        self.store.get(&key.0).filter(|answer| now < answer.expires)
    }

    /// Remembers a reply; one that lives for less than a second is not worth it.
    pub fn insert(&self, key: &AnswerKey, answer: Arc<Answer>) {
        if answer.expires.saturating_duration_since(answer.since) >= Duration::from_secs(1) {
            self.store.insert(&key.0, answer);
        }
    }
}

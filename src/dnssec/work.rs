//! What validation may cost one client question (KeyTrap, NSEC3 floods). Spent before the work is done.
//!
//! Of what a zone has in masses a few are looked at, the same ones each time; the rest counts as if it were not there.

use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// How much one client question may have of each kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Signatures verified.
    pub verifications: u32,
    /// Signatures that did not verify.
    pub failures: u32,
    /// DS digests computed.
    pub digests: u32,
    /// Blocks of 64 octets hashed for NSEC3.
    pub hash_blocks: u32,
}

/// How often a zone may hash its names anew for NSEC3 (RFC 9276 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations {
    /// So often, and its proofs are validated.
    pub validated: u32,
    /// So often, and it counts as unsigned; one that hashes more often is not believed at all.
    pub tolerated: u32,
}

impl Iterations {
    /// What this validator does unless it is told otherwise; RFC 9276 §3.1 wants zones to have 0.
    pub const DEFAULT: Self = Self { validated: 50, tolerated: 500 };
}

/// How many of the things that a zone can have in masses are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Signatures of one RRset that are verified (KeyTrap).
    pub signatures: u32,
    /// Keys of one zone that are made ready.
    pub keys: u32,
    /// Keys of one zone with the same tag and algorithm that are tried (KeyTrap). By chance there is one.
    pub keys_alike: u32,
    /// DS records, or keys of the operator, that are looked at for one zone (HashTrap).
    pub ds: u32,
    /// NSEC and NSEC3 RRsets of one denial; an honest proof needs four.
    pub proofs: u32,
}

impl Scope {
    /// What this validator looks at unless it is told otherwise.
    pub const DEFAULT: Self = Self { signatures: 8, keys: 32, keys_alike: 2, ds: 8, proofs: 8 };
}

/// Which kind of work there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TooMuch {
    /// Signatures verified.
    Verifications,
    /// Signatures that did not verify.
    Failures,
    /// DS digests.
    Digests,
    /// NSEC3 hashes.
    HashBlocks,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verifications => "too many signature verifications (limits.verifications)",
            Self::Failures => "too many signatures that do not verify (limits.failed-verifications)",
            Self::Digests => "too many DS digests (limits.digests)",
            Self::HashBlocks => "too many NSEC3 hashes (limits.hash-blocks)",
        })
    }
}

/// The bounds on validation, for who wants to know which were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkBound {
    /// Signatures verified.
    Verifications,
    /// Signatures that did not verify.
    Failures,
    /// DS digests.
    Digests,
    /// NSEC3 hashes.
    HashBlocks,
    /// How often a zone may hash its names anew and be validated.
    Iterations,
    /// How often it may do so and be believed at all.
    TooManyIterations,
    /// Signatures of one RRset.
    Signatures,
    /// Keys of one zone.
    Keys,
    /// Keys of one zone with the same tag and algorithm.
    KeysAlike,
    /// DS records, or keys of the operator, for one zone.
    Ds,
    /// NSEC and NSEC3 RRsets of one denial.
    Proofs,
}

impl WorkBound {
    const ALL: [Self; 11] = [
        Self::Verifications,
        Self::Failures,
        Self::Digests,
        Self::HashBlocks,
        Self::Iterations,
        Self::TooManyIterations,
        Self::Signatures,
        Self::Keys,
        Self::KeysAlike,
        Self::Ds,
        Self::Proofs,
    ];

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// The work done so far for one client question, all its sub-questions included. It is never given back.
#[derive(Debug)]
pub struct Work {
    allowance: Allowance,
    iterations: Iterations,
    scope: Scope,
    verifications: AtomicU32,
    failures: AtomicU32,
    digests: AtomicU32,
    hash_blocks: AtomicU32,
    met: AtomicU16,
}

impl Work {
    /// Nothing done yet.
    pub const fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            iterations: Iterations::DEFAULT,
            scope: Scope::DEFAULT,
            verifications: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            digests: AtomicU32::new(0),
            hash_blocks: AtomicU32::new(0),
            met: AtomicU16::new(0),
        }
    }

    /// The bound was met.
    pub(super) fn meet(&self, bound: WorkBound) {
        self.met.fetch_or(bound.bit(), Ordering::Relaxed);
    }

    /// The bounds that were met.
    pub fn met(&self) -> impl Iterator<Item = WorkBound> {
        // Mostly there is none, and every question asks.
        let mut met = self.met.load(Ordering::Relaxed);
        std::iter::from_fn(move || {
            let first = *WorkBound::ALL.get(met.trailing_zeros() as usize)?;
            met &= !first.bit();
            Some(first)
        })
    }

    /// More than there may be: no work is done.
    pub(super) fn refuse(&self, what: TooMuch) -> TooMuch {
        self.meet(match what {
            TooMuch::Verifications => WorkBound::Verifications,
            TooMuch::Failures => WorkBound::Failures,
            TooMuch::Digests => WorkBound::Digests,
            TooMuch::HashBlocks => WorkBound::HashBlocks,
        });
        what
    }

    /// The same, with other bounds on hashing.
    #[must_use]
    pub const fn with(mut self, iterations: Iterations) -> Self {
        self.iterations = iterations;
        self
    }

    /// The same, with other bounds on what is looked at.
    #[must_use]
    pub const fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// How much is looked at.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// How often names may be hashed anew.
    pub const fn iterations(&self) -> Iterations {
        self.iterations
    }

    /// One more signature is about to be verified.
    ///
    /// # Errors
    /// [`TooMuch::Verifications`] when there were as many as there may be; [`TooMuch::Failures`] when too many failed.
    pub fn spend_verification(&self) -> Result<(), TooMuch> {
        if self.has_failed_enough() {
            return Err(self.refuse(TooMuch::Failures));
        }
        spend(&self.verifications, 1, self.allowance.verifications).ok_or_else(|| self.refuse(TooMuch::Verifications))
    }

    /// Whether as many signatures have failed as may.
    pub(super) fn has_failed_enough(&self) -> bool {
        self.failures() >= self.allowance.failures
    }

    /// A signature did not verify.
    pub fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// One more DS digest is about to be computed.
    ///
    /// # Errors
    /// [`TooMuch::Digests`].
    pub fn spend_digest(&self) -> Result<(), TooMuch> {
        spend(&self.digests, 1, self.allowance.digests).ok_or_else(|| self.refuse(TooMuch::Digests))
    }

    /// So many blocks are about to be hashed for NSEC3.
    ///
    /// # Errors
    /// [`TooMuch::HashBlocks`].
    pub fn spend_hash_blocks(&self, blocks: u32) -> Result<(), TooMuch> {
        spend(&self.hash_blocks, blocks, self.allowance.hash_blocks).ok_or_else(|| self.refuse(TooMuch::HashBlocks))
    }

    /// All of it, so far.
    pub fn done(&self) -> Allowance {
        let done = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        Allowance {
            verifications: done(&self.verifications),
            failures: done(&self.failures),
            digests: done(&self.digests),
            hash_blocks: done(&self.hash_blocks),
        }
    }

    /// Whether at least half of what is allowed of some kind was done since `before`.
    pub fn is_mostly_since(&self, before: Allowance) -> bool {
        let (now, most) = (self.done(), self.allowance);
        let is_most = |now: u32, before: u32, most: u32| now.saturating_sub(before) >= most.div_ceil(2);
        is_most(now.verifications, before.verifications, most.verifications)
            || is_most(now.failures, before.failures, most.failures)
            || is_most(now.digests, before.digests, most.digests)
            || is_most(now.hash_blocks, before.hash_blocks, most.hash_blocks)
    }

    /// Blocks that may still be hashed.
    pub fn hash_blocks_left(&self) -> u32 {
        self.allowance.hash_blocks.saturating_sub(self.hash_blocks.load(Ordering::Relaxed))
    }

    /// Signatures verified so far.
    pub fn verifications(&self) -> u32 {
        self.verifications.load(Ordering::Relaxed)
    }

    /// Signatures that did not verify so far.
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// All that was done so far.
    pub fn spent(&self) -> Allowance {
        let load = |spent: &AtomicU32| spent.load(Ordering::Relaxed);
        Allowance {
            verifications: self.verifications(),
            failures: self.failures(),
            digests: load(&self.digests),
            hash_blocks: load(&self.hash_blocks),
        }
    }
}

fn spend(spent: &AtomicU32, more: u32, most: u32) -> Option<()> {
    let add = |spent: u32| spent.checked_add(more).filter(|sum| *sum <= most);
    spent.try_update(Ordering::Relaxed, Ordering::Relaxed, add).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnssec::signer::work;

    #[test]
    fn what_was_allowed_is_done_and_no_more() {
        // DOS-01: KeyTrap.
        let work = Work::new(Allowance { verifications: 2, failures: 1, digests: 1, hash_blocks: 5 });
        assert_eq!((work.spend_verification(), work.spend_verification()), (Ok(()), Ok(())));
        assert_eq!(work.spend_verification(), Err(TooMuch::Verifications));
        work.count_failure();
        assert_eq!(work.spend_verification(), Err(TooMuch::Failures));
        assert_eq!((work.spend_digest(), work.spend_digest()), (Ok(()), Err(TooMuch::Digests)));
        assert_eq!((work.spend_hash_blocks(5), work.spend_hash_blocks(1)), (Ok(()), Err(TooMuch::HashBlocks)));
    }

    #[test]
    fn each_bound_is_met_by_itself() {
        let all = work();
        assert_eq!(all.met().next(), None);
        for bound in WorkBound::ALL {
            let one = work();
            one.meet(bound);
            all.meet(bound);
            assert_eq!(one.met().collect::<Vec<_>>(), [bound]);
        }
        assert_eq!(all.met().collect::<Vec<_>>(), WorkBound::ALL);
    }
}

//! What one client question has spent of its bounds, its sub-questions included. It only ever grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use super::{Limit, LimitName, Limits};
use crate::dnssec::{Allowance, Iterations, Scope, Work, WorkBound};

/// What one client question has spent so far. Only ever grows; shared with every sub-question.
#[derive(Debug)]
pub struct Budget {
    limits: Arc<Limits>,
    work: Work,
    upstream_queries: AtomicU32,
    tcp_queries: AtomicU32,
    upstream_octets: AtomicU32,
    address_lookups: AtomicU32,
    malformed: AtomicBool,
    met: Mutex<Vec<LimitName>>,
}

impl Drop for Budget {
    /// Validation knows nothing of names and counts: what it was refused is counted when the question has ended.
    fn drop(&mut self) {
        for bound in self.work.met() {
            self.limits.count(name_of(bound));
        }
    }
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new(limits: Arc<Limits>) -> Self {
        let allowance = Allowance {
            verifications: limits.verifications,
            failures: limits.failed_verifications,
            digests: limits.digests,
            hash_blocks: limits.hash_blocks,
        };
        let iterations =
            Iterations { validated: limits.nsec3_iterations, tolerated: limits.nsec3_iterations_tolerated };
        let scope = Scope {
            signatures: limits.signatures_tried,
            keys: limits.keys_per_zone,
            keys_alike: limits.keys_alike,
            ds: limits.ds_per_zone,
            proofs: limits.proofs_per_denial,
        };
        Self {
            limits,
            work: Work::new(allowance).with(iterations).within(scope),
            upstream_queries: AtomicU32::new(0),
            tcp_queries: AtomicU32::new(0),
            upstream_octets: AtomicU32::new(0),
            address_lookups: AtomicU32::new(0),
            malformed: AtomicBool::new(false),
            met: Mutex::default(),
        }
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What validation may still cost.
    pub const fn work(&self) -> &Work {
        &self.work
    }

    /// Pays for one packet to another server.
    ///
    /// # Errors
    /// [`Limit::UpstreamQueries`] when none is left; nothing may be sent then.
    pub fn spend_query(&self) -> Result<(), Limit> {
        spend(&self.upstream_queries, 1, self.limits.upstream_queries)
            .ok_or_else(|| self.over(LimitName::UpstreamQueries, Limit::UpstreamQueries))
    }

    /// Pays for one TCP query, on top of [`Self::spend_query`].
    ///
    /// # Errors
    /// [`Limit::TcpQueries`] when none is left.
    pub fn spend_tcp(&self) -> Result<(), Limit> {
        spend(&self.tcp_queries, 1, self.limits.tcp_queries)
            .ok_or_else(|| self.over(LimitName::TcpQueries, Limit::TcpQueries))
    }

    /// Pays for octets received.
    ///
    /// # Errors
    /// [`Limit::UpstreamOctets`] when the question has received too many.
    pub fn spend_octets(&self, octets: usize) -> Result<(), Limit> {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        spend(&self.upstream_octets, octets, self.limits.upstream_octets)
            .ok_or_else(|| self.over(LimitName::UpstreamOctets, Limit::UpstreamOctets))
    }

    /// Pays for looking up the addresses of one server name.
    ///
    /// # Errors
    /// [`Limit::AddressLookups`] when none is left.
    pub fn spend_address_lookup(&self) -> Result<(), Limit> {
        spend(&self.address_lookups, 1, self.limits.address_lookups)
            .ok_or_else(|| self.over(LimitName::AddressLookups, Limit::AddressLookups))
    }

    /// The bound of this name was reached on the question's behalf: it is counted, and kept for who tells of the question.
    pub fn reach(&self, name: LimitName) {
        self.limits.count(name);
        let mut met = self.met.lock();
        if !met.contains(&name) {
            met.push(name);
        }
    }

    /// The bounds that were reached on the question's behalf, in the order in which they were; those on validation last.
    pub fn met(&self) -> Vec<LimitName> {
        let mut met = self.met.lock().clone();
        for name in self.work.met().map(name_of) {
            if !met.contains(&name) {
                met.push(name);
            }
        }
        met
    }

    fn over(&self, name: LimitName, limit: Limit) -> Limit {
        self.reach(name);
        limit
    }

    /// What was spent of each bound that is a question's whole allowance: its name, how much, and of how much.
    pub fn spent(&self) -> [(&'static str, u32, u32); 4] {
        let used = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        [
            ("upstream-queries", used(&self.upstream_queries), self.limits.upstream_queries),
            ("tcp-queries", used(&self.tcp_queries), self.limits.tcp_queries),
            ("upstream-octets", used(&self.upstream_octets), self.limits.upstream_octets),
            ("address-lookups", used(&self.address_lookups), self.limits.address_lookups),
        ]
    }

    pub(super) fn note_malformed(&self) {
        self.malformed.store(true, Ordering::Relaxed);
    }

    /// Whether malformed records were left out of what servers answered.
    pub fn met_malformed(&self) -> bool {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Packets sent to other servers so far.
    pub fn queries_spent(&self) -> u32 {
        self.upstream_queries.load(Ordering::Relaxed)
    }
}

/// What operators call a bound on validation.
const fn name_of(bound: WorkBound) -> LimitName {
    match bound {
        WorkBound::Verifications => LimitName::Verifications,
        WorkBound::Failures => LimitName::FailedVerifications,
        WorkBound::Digests => LimitName::Digests,
        WorkBound::HashBlocks => LimitName::HashBlocks,
        WorkBound::Iterations => LimitName::Nsec3Iterations,
        WorkBound::TooManyIterations => LimitName::Nsec3IterationsTolerated,
        WorkBound::Signatures => LimitName::SignaturesTried,
        WorkBound::Keys => LimitName::KeysPerZone,
        WorkBound::KeysAlike => LimitName::KeysAlike,
        WorkBound::Ds => LimitName::DsPerZone,
        WorkBound::Proofs => LimitName::ProofsPerDenial,
    }
}

/// Adds `amount` unless that would pass `limit`.
fn spend(counter: &AtomicU32, amount: u32, limit: u32) -> Option<()> {
    let within = |spent: u32| spent.checked_add(amount).filter(|total| *total <= limit);
    counter.try_update(Ordering::Relaxed, Ordering::Relaxed, within).ok().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_exactly_at_its_limit() {
        let budget = Budget::new(Arc::new(Limits { upstream_queries: 3, ..Limits::default() }));
        let spent: Vec<bool> = (0..5).map(|_| budget.spend_query().is_ok()).collect();
        assert_eq!(spent, [true, true, true, false, false]);
        assert_eq!(budget.queries_spent(), 3);
    }
}

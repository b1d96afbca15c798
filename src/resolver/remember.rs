//! What a walk leaves in the cache, and what the cache can say without a walk.

use super::classify::Kind;
use super::minimise::Probe;
use super::scrub::synthesize;
use super::{Denial, Minimisation, Outcome, Resolver};
use crate::cache::Rank;
use crate::dns::{Name, Question, RecordType, RrSet};
use crate::job::Job;
use crate::telemetry::{FromCache, Step};

/// Where the walk for one name ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// At an alias that leads elsewhere.
    Alias {
        /// The chain.
        aliases: Vec<RrSet>,
        /// Its end.
        target: Name,
    },
    /// At the end of the question.
    End {
        /// Aliases on the last stretch.
        aliases: Vec<RrSet>,
        /// The end.
        outcome: Outcome,
    },
}

impl Resolver {
    /// What the cache knows about `question`.
    pub(super) fn recall(&self, question: &Question, job: &Job) -> Option<Reached> {
        let (name, now) = (&question.name, job.now());
        let known = |what| Step::Cached { question: question.clone(), what };
        if let Some(outcome) = self.rrsets.find(name, question.rtype, now) {
            job.tell(|| known(kind_of(&outcome)));
            return Some(Reached::end(outcome));
        }
        if question.rtype != RecordType::CNAME
            && let Some(cname) = self.rrsets.set(name, RecordType::CNAME, now)
        {
            job.tell(|| known(FromCache::Alias));
            let target = cname.target()?;
            return Some(Reached::Alias { aliases: vec![cname], target });
        }
        for above in name.ancestors().skip(1) {
            if let Some(dname) = self.rrsets.set(&above, RecordType::DNAME, now) {
                job.tell(|| known(FromCache::Alias));
                let cname = synthesize(&dname, name)?;
                let target = cname.target()?;
                return Some(Reached::Alias { aliases: vec![dname, cname], target });
            }
            // RFC 8020: nothing exists below a name that does not — if the server can be believed so far. An unsigned
            // NXDOMAIN for an empty non-terminal is a common mistake; only the strict take it at its word.
            if self.settings.qname_minimisation == Minimisation::Strict
                && let Some(denial) = self.rrsets.nonexistence(&above, now)
            {
                job.tell(|| known(FromCache::NxDomain));
                return Some(Reached::end(Outcome::NxDomain(denial)));
            }
        }
        None
    }

    /// Keeps what `kind` says, and returns it with the TTLs it is kept for.
    pub(super) fn remember(&self, probe: &Probe, kind: Kind, rank: Rank, job: &Job) -> Option<Reached> {
        match kind {
            Kind::Alias { aliases, target } => {
                Some(Reached::Alias { aliases: self.keep_aliases(aliases, rank, job), target })
            }
            Kind::End { aliases, outcome } => {
                let aliases = self.keep_aliases(aliases, rank, job);
                let last = aliases.last().and_then(RrSet::target);
                let name = last.as_ref().unwrap_or(&probe.question.name);
                let outcome = match outcome {
                    Outcome::Found(set) => Outcome::Found(self.keep(set, rank, job)),
                    Outcome::NoData(denial) => {
                        Outcome::NoData(self.keep_no_data(name, probe.question.rtype, denial, job))
                    }
                    Outcome::NxDomain(denial) => {
                        Outcome::NxDomain(self.rrsets.insert_nonexistence(name, denial, job.now()))
                    }
                };
                Some(Reached::End { aliases, outcome })
            }
            Kind::Referral(_) | Kind::NoCut | Kind::Opaque | Kind::TooLong => None,
        }
    }

    pub(super) fn keep_no_data(&self, name: &Name, rtype: RecordType, denial: Denial, job: &Job) -> Denial {
        self.rrsets.insert_no_data(name, rtype, denial, job.now())
    }

    fn keep_aliases(&self, aliases: Vec<RrSet>, rank: Rank, job: &Job) -> Vec<RrSet> {
        let mut kept: Vec<RrSet> = Vec::with_capacity(aliases.len());
        for alias in aliases {
            // The CNAME that a DNAME stands for is made anew each time, with the DNAME's TTL (RFC 6672 §3.1).
            let made =
                kept.last().is_some_and(|before| before.rtype == RecordType::DNAME && alias.owner.is_in(&before.owner));
            kept.push(match kept.last() {
                Some(dname) if made => alias.with_ttl(dname.ttl),
                _ => self.keep(alias, rank, job),
            });
        }
        kept
    }

    /// Keeps an RRset unless it is too large: such a set is passed on, but not remembered.
    fn keep(&self, set: RrSet, rank: Rank, job: &Job) -> RrSet {
        let limits = job.limits();
        let large = matches!(set.rtype, RecordType::DNSKEY | RecordType::TXT);
        let octets = usize::try_from(limits.entry_octets).unwrap_or(usize::MAX) * if large { 2 } else { 1 };
        let records = usize::try_from(limits.records_per_rrset).unwrap_or(usize::MAX);
        if set.octets() > octets || set.rdatas.len() > records {
            return set;
        }
        self.rrsets.insert(set, rank, job.now())
    }
}

const fn kind_of(outcome: &Outcome) -> FromCache {
    match outcome {
        Outcome::Found(_) => FromCache::Answer,
        Outcome::NoData(_) => FromCache::NoData,
        Outcome::NxDomain(_) => FromCache::NxDomain,
    }
}

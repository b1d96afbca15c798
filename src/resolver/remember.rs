//! What a walk leaves in the cache, and what the cache can say without a walk.

use std::sync::atomic::Ordering;

use super::scrub::synthesize;
use super::{Minimisation, Outcome, Resolution, Resolver, trim};
use crate::cache::Rank;
use crate::dns::{Denial, Name, Question, RecordType, RrSet, Security};
use crate::job::{Checking, Job, LimitName, count};
use crate::telemetry::{FromCache, Step};

/// Where the walk for one name ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// At an alias: its CNAME, or a DNAME and the CNAME it stands for.
    Alias(Vec<RrSet>),
    /// At all that there is at the name, for who asked for it (ANY); not nothing.
    Every(Vec<RrSet>),
    /// At the end of the question.
    End(Outcome),
}

impl Resolver {
    /// What the cache knows about `question`.
    pub(super) fn recall(&self, question: &Question, job: &Job) -> Option<Reached> {
        let (name, now) = (&question.name, job.now());
        let known = |what| Step::Cached { question: question.clone(), what };
        // What was fetched on the way to something else was not checked; it is fetched again for a client.
        let will_do = |security: Security| job.checking() == Checking::Disabled || security != Security::Unchecked;
        let found =
            self.rrsets.find(name, question.rtype, now).filter(|outcome| !is_from_a_referral(question, outcome));
        if let Some(outcome) = found.filter(|outcome| will_do(outcome.security())) {
            job.tell(|| known(kind_of(&outcome)));
            return Some(Reached::End(outcome));
        }
        // An alias may be the word of a child zone at its apex, where none belongs; what the parent has of the name, as DS
        // records, is not the child's to say (RFC 4035 §3.1.4.1).
        if question.rtype != RecordType::CNAME
            && !question.rtype.is_parent_side()
            && let Some(cname) = self.rrsets.set(name, RecordType::CNAME, now).filter(|cname| will_do(cname.security))
        {
            job.tell(|| known(FromCache::Alias));
            return Some(Reached::Alias(vec![cname]));
        }
        if let Some(alias) = self.recall_dname(name, job) {
            job.tell(|| known(FromCache::Alias));
            return Some(Reached::Alias(alias));
        }
        // RFC 8020: nothing exists below a name that does not — if the server can be believed so far. An unsigned
        // NXDOMAIN for an empty non-terminal is a common mistake; only the strict take it at its word.
        if self.settings.qname_minimisation != Minimisation::Strict {
            return None;
        }
        // What is asked of servers that the operator named is not for zones above to deny.
        let top = self.forwards.closest(name).map_or_else(Name::root, |forwarded| forwarded.zone().clone());
        let above = name.ancestors().skip(1).take_while(|above| above.is_in(&top));
        let mut above = above.filter_map(|above| self.rrsets.nonexistence(&above, now));
        let denial = above.find(|denial| will_do(denial.security))?;
        job.tell(|| known(FromCache::NxDomain));
        Some(Reached::End(Outcome::NxDomain(denial)))
    }

    /// Keeps what an outcome says about the probe's question, and returns it with the TTLs it is kept for.
    pub(super) fn remember(&self, question: &Question, outcome: Outcome, rank: Rank, job: &Job) -> Outcome {
        let Question { name, rtype } = question;
        if matches!(&outcome, Outcome::NoData(denial) | Outcome::NxDomain(denial) if !self.fits_denial(denial)) {
            job.reach(LimitName::EntryOctets);
        }
        match outcome {
            Outcome::Found(set) => Outcome::Found(self.keep(set, rank, job)),
            Outcome::NoData(denial) if !self.fits_denial(&denial) => {
                Outcome::NoData(self.rrsets.bounded_denial(denial))
            }
            Outcome::NxDomain(denial) if !self.fits_denial(&denial) => {
                Outcome::NxDomain(self.rrsets.bounded_denial(denial))
            }
            Outcome::NoData(denial) => Outcome::NoData(self.rrsets.insert_no_data(name, *rtype, denial, job.now())),
            Outcome::NxDomain(denial) => {
                Outcome::NxDomain(self.rrsets.insert_nonexistence(name, *rtype, denial, job.now()))
            }
        }
    }

    /// A DNAME that is known above `name`, and the CNAME it stands for (RFC 6672 §5.3.1): a signed one alone.
    fn recall_dname(&self, name: &Name, job: &Job) -> Option<Vec<RrSet>> {
        if !self.knows_dnames.load(Ordering::Relaxed) {
            return None;
        }
        let now = job.now();
        let mut known = name.ancestors().skip(1).filter_map(|above| self.rrsets.set(&above, RecordType::DNAME, now));
        let dname = known.find(|dname| dname.security == Security::Secure && dname.closer.is_none())?;
        // Unless the operator knows better what is below it.
        let below = |apex: &Name| apex.is_strictly_below(&dname.owner);
        let anchored = self.anchored();
        let anchor = anchored.anchors.closest(name).is_some_and(|anchor| below(&anchor.apex));
        if anchor || self.forwards.closest(name).is_some_and(|forwarded| below(forwarded.zone())) {
            return None;
        }
        let cname = synthesize(&dname, name)?;
        let cname = RrSet { security: dname.security, ..cname };
        Some(vec![dname, cname])
    }

    /// Keeps an alias. A DNAME is kept only when it is signed: else one forged answer would take a whole subtree, so each
    /// name below it is asked for by itself.
    pub(super) fn remember_alias(&self, alias: Vec<RrSet>, rank: Rank, job: &Job) -> Vec<RrSet> {
        match alias.as_slice() {
            [cname] => vec![self.keep(cname.clone(), rank, job)],
            [dname, cname] if dname.security == Security::Secure => {
                self.knows_dnames.store(true, Ordering::Relaxed);
                vec![self.keep(dname.clone(), rank, job), self.rrsets.bounded_set(cname.clone())]
            }
            _ => alias.into_iter().map(|set| self.rrsets.bounded_set(set)).collect(),
        }
    }

    /// Keeps what a referral says of the keys of `zone`, unchecked: it is looked at when somebody asks about the zone's data.
    pub(super) fn remember_keys(&self, zone: &Name, mut keys: Vec<RrSet>, job: &Job) {
        if !self.settings.dnssec.validate {
            return;
        }
        keys = trim::all(keys, &self.limits);
        if keys.first().is_some_and(|set| set.rtype == RecordType::DS) {
            keys.truncate(1);
            keys.into_iter().for_each(|ds| drop(self.keep(ds, Rank::Authoritative, job)));
        } else if let Some(ttl) = keys.iter().map(|set| set.ttl).min() {
            let denial = Denial::new(None, keys, ttl);
            if self.fits_denial(&denial) {
                self.rrsets.insert_no_data(zone, RecordType::DS, denial, job.now());
            }
        }
    }

    /// Keeps an RRset unless it is too large: such a set is passed on, but not remembered.
    pub(super) fn keep(&self, set: RrSet, rank: Rank, job: &Job) -> RrSet {
        if self.fits(&set) {
            return self.rrsets.insert(set, rank, job.now());
        }
        let many = set.rdatas.len() > count(self.limits.records_per_rrset);
        job.reach(if many { LimitName::RecordsPerRrset } else { LimitName::EntryOctets });
        self.rrsets.bounded_set(set)
    }

    /// Whether `resolution` may be remembered: whether all it is made of may.
    pub fn may_remember(&self, resolution: &Resolution) -> bool {
        let end = match &resolution.outcome {
            Outcome::Found(set) => self.fits(set),
            Outcome::NoData(denial) | Outcome::NxDomain(denial) => self.fits_denial(denial),
        };
        let together: usize = resolution.aliases.iter().map(RrSet::octets).sum();
        let large = together > count(self.limits.entries_per_answer).saturating_mul(self.entry_octets());
        if large {
            self.limits.count(LimitName::EntriesPerAnswer);
        }
        end && !large && resolution.aliases.iter().all(|set| self.fits(set))
    }

    fn fits(&self, set: &RrSet) -> bool {
        let large = matches!(set.rtype, RecordType::DNSKEY | RecordType::TXT);
        let octets = self.entry_octets() * if large { 2 } else { 1 };
        let records = count(self.limits.records_per_rrset);
        set.octets() <= octets && set.rdatas.len() <= records
    }

    fn fits_denial(&self, denial: &Denial) -> bool {
        denial.octets() <= self.entry_octets()
    }

    fn entry_octets(&self) -> usize {
        count(self.limits.entry_octets)
    }
}

/// A denial of DS records as a referral has it: good for the chain of trust, but without SOA no answer (RFC 2308 §2.2).
pub(super) fn is_from_a_referral(question: &Question, outcome: &Outcome) -> bool {
    question.rtype == RecordType::DS && matches!(outcome, Outcome::NoData(denial) if denial.soa.is_none())
}

const fn kind_of(outcome: &Outcome) -> FromCache {
    match outcome {
        Outcome::Found(_) => FromCache::Answer,
        Outcome::NoData(_) => FromCache::NoData,
        Outcome::NxDomain(_) => FromCache::NxDomain,
    }
}

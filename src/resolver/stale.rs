//! What was known of a question, and has ended: for clients that get nothing better in time, or at all (RFC 8767).
//!
//! Only where nobody answered: what the servers of a zone or of the zones above say counts, above all that there is no such
//! name any more. What was never checked, though data is checked here, is not told. Delegations are never remembered so, nor
//! is what was made here of a DNAME, a wildcard or the proofs of other denials.

use std::time::Duration;

use super::alias::Links;
use super::remember::{Reached, is_from_a_referral};
use super::{Outcome, Resolution, ResolveError, Resolver};
use crate::cache::{Past, Reach, ServeStale};
use crate::dns::{Name, Question, RecordType, RrSet, Security, Ttl};
use crate::dnssec::{Beginning, are_in_time};
use crate::job::Job;

/// The last that is known of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastKnown {
    /// What it is. When anything in it has ended, no TTL is longer than that of old answers.
    pub resolution: Resolution,
    /// For how long the oldest part has ended; `None` when all of it still holds.
    pub ended: Option<Duration>,
    /// Whether it was secure, and its signatures still are within their time.
    pub authentic: bool,
}

impl Resolver {
    /// The last that is known of `question`; nothing is sent.
    pub fn last_known(&self, question: &Question, job: &Job) -> Option<LastKnown> {
        let serve = self.serve_stale?;
        let mut links = Links::new(question);
        let mut ended = None;
        let (resolution, last_holds) = loop {
            let current = links.current();
            let known = self.recall(&current, job).or_else(|| self.deduce(&current, job));
            let holds = known.is_some();
            let reached = match known {
                Some(reached) => reached,
                None => {
                    let (reached, age) = self.recall_past(&current, serve, job)?;
                    ended = ended.max(Some(age));
                    reached
                }
            };
            if let Some(resolution) = links.extend(reached, job).ok()? {
                break (resolution, holds);
            }
        };
        // Who denies it now was there, and knows no more of old aliases.
        let denied = !matches!(resolution.outcome, Outcome::Found(_));
        if ended.is_some() && denied && last_holds {
            return None;
        }
        let now = self.wall();
        let authentic = resolution.security() == Security::Secure && sets(&resolution).all(|set| are_in_time(set, now));
        let resolution = if ended.is_some() { shortened(resolution, serve.answer_ttl) } else { resolution };
        Some(LastKnown { resolution, ended, authentic })
    }

    /// Whether there is something to tell a client whose question failed with `error`.
    pub(super) fn has_last_known(&self, question: &Question, error: &ResolveError, job: &Job) -> bool {
        self.serve_stale.is_some() && error.is_no_answer() && self.last_known(question, job).is_some()
    }

    /// What was known last of a name that may be an alias, and for how long it has ended.
    fn recall_past(&self, question: &Question, serve: ServeStale, job: &Job) -> Option<(Reached, Duration)> {
        let Question { name, rtype } = question;
        let least = if self.settings.dnssec.validate { Security::Insecure } else { Security::Unchecked };
        let reach = Reach { now: job.now(), max_age: serve.max_age, least };
        let types = [*rtype, RecordType::CNAME];
        let may_be_alias = *rtype != RecordType::CNAME && !rtype.is_parent_side();
        let past = self.rrsets.past(name, types.get(..if may_be_alias { 2 } else { 1 })?, reach)?;
        // What is asked of servers that the operator named is not for zones above to deny.
        let top = self.forwards.closest(name).map_or_else(Name::root, |forwarded| forwarded.zone().clone());
        if is_from_a_referral(question, &past.outcome) || self.rrsets.is_denied_since(&past, name, &top, least) {
            return None;
        }
        if self.was_excepted(name, &past) {
            return None;
        }
        let outcome = with_ttl(past.outcome, |_| serve.answer_ttl);
        let reached = match outcome {
            Outcome::Found(set) if set.rtype != *rtype => Reached::Alias(vec![set]),
            outcome => Reached::End(outcome),
        };
        Some((reached, past.ended))
    }

    /// Whether it counted as unsigned because of an exception that is over: nobody ever checked it.
    fn was_excepted(&self, name: &Name, past: &Past) -> bool {
        let (anchored, now) = (self.anchored(), self.world.clock.wall());
        let is_excepted = |at: Duration| matches!(anchored.beginning(name, at), Beginning::Excepted(_));
        past.outcome.security() == Security::Insecure && is_excepted(now.saturating_sub(past.age)) && !is_excepted(now)
    }
}

/// The same with no TTL longer than `most`.
fn shortened(resolution: Resolution, most: Ttl) -> Resolution {
    let shorter = |ttl: Ttl| ttl.min(most);
    let aliases = resolution.aliases.into_iter().map(|set| set_with_ttl(set, shorter)).collect();
    Resolution { aliases, outcome: with_ttl(resolution.outcome, shorter) }
}

fn with_ttl(outcome: Outcome, change: impl Fn(Ttl) -> Ttl + Copy) -> Outcome {
    match outcome {
        Outcome::Found(set) => Outcome::Found(set_with_ttl(set, change)),
        Outcome::NoData(old) => Outcome::NoData(old.with_ttls(change)),
        Outcome::NxDomain(old) => Outcome::NxDomain(old.with_ttls(change)),
    }
}

fn set_with_ttl(set: RrSet, change: impl Fn(Ttl) -> Ttl + Copy) -> RrSet {
    let closer = set.closer.as_ref().map(|sets| sets.iter().map(|set| set.with_ttl(change(set.ttl))).collect());
    RrSet { ttl: change(set.ttl), closer, ..set }
}

/// Every RRset that is part of it.
fn sets(resolution: &Resolution) -> impl Iterator<Item = &RrSet> {
    let (found, soa) = match &resolution.outcome {
        Outcome::Found(set) => (Some(set), None),
        Outcome::NoData(denial) | Outcome::NxDomain(denial) => (None, denial.soa.as_ref()),
    };
    resolution.aliases.iter().chain(found).chain(soa).chain(resolution.proof().flatten())
}

//! Questions for ANY (RFC 1035 §3.2.3, RFC 8482): what a zone has at a name, however many types that is.
//!
//! What is found answers that question alone: nothing of it is remembered as data of its type, since servers may choose what
//! they tell (RFC 8482 §4.1). A name that is an alias has the alias.

use super::remember::Reached;
use super::{Outcome, Resolution, ResolveError, Resolver};
use crate::dns::{Name, Question, RrSet};
use crate::job::Job;

impl Resolver {
    /// All of it, or nothing: one RRset that must not be believed spoils the answer.
    pub(super) async fn check_every(
        &self,
        zone: &Name,
        sets: Vec<RrSet>,
        job: &Job,
    ) -> Result<Vec<RrSet>, ResolveError> {
        let mut checked = Vec::with_capacity(sets.len());
        for set in sets {
            let question = Question::new(set.owner.clone(), set.rtype);
            if let Outcome::Found(set) = self.check(zone, &question, Outcome::Found(set), job).await? {
                checked.push(set);
            }
        }
        Ok(checked)
    }

    /// The same RRsets with TTLs within bounds.
    pub(super) fn bounded(&self, sets: Vec<RrSet>) -> Vec<RrSet> {
        sets.into_iter().map(|set| self.rrsets.bounded_set(set)).collect()
    }

    /// That the name of `question` does not exist, if that is known or follows from what is; nothing is sent.
    pub fn nonexistence(&self, question: &Question, job: &Job) -> Option<Resolution> {
        match self.recall(question, job).or_else(|| self.deduce(question, job))? {
            Reached::End(outcome @ Outcome::NxDomain(_)) => Some(Resolution::of(outcome)),
            _ => None,
        }
    }
}

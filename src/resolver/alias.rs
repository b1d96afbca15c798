//! The alias loop: QNAME original → effective → final (RFC 9499), each name known or walked for.

use super::remember::Reached;
use super::{Outcome, Resolution, ResolveError, Resolver};
use crate::dns::{Name, Question, RecordType, RrSet};
use crate::job::{Job, Limit};
use crate::telemetry::Step;

/// The aliases followed so far.
struct Chain {
    aliases: Vec<RrSet>,
    name: Name,
}

impl Resolver {
    /// Follows aliases until the question ends.
    pub(super) async fn follow(&self, question: &Question, job: &Job) -> Result<Resolution, ResolveError> {
        let mut chain = Chain { aliases: Vec::new(), name: question.name.clone() };
        loop {
            let current = Question::new(chain.name.clone(), question.rtype);
            let reached = match self.recall(&current, job) {
                Some(reached) => reached,
                None => self.descend(&current, job).await?,
            };
            if let Some(resolution) = chain.extend(reached, job)? {
                return Ok(resolution);
            }
        }
    }

    /// The same with what the cache knows, and nothing else.
    pub(super) fn follow_known(&self, question: &Question, job: &Job) -> Option<Resolution> {
        let mut chain = Chain { aliases: Vec::new(), name: question.name.clone() };
        loop {
            let reached = self.recall(&Question::new(chain.name.clone(), question.rtype), job)?;
            if let Some(resolution) = chain.extend(reached, job).ok()? {
                return Some(resolution);
            }
        }
    }
}

impl Chain {
    /// Adds what was reached; the resolution when it is the end.
    fn extend(&mut self, reached: Reached, job: &Job) -> Result<Option<Resolution>, ResolveError> {
        let (aliases, end) = match reached {
            Reached::Alias { aliases, target } => (aliases, Err(target)),
            Reached::End { aliases, outcome } => (aliases, Ok(outcome)),
        };
        for alias in aliases {
            if alias.rtype == RecordType::CNAME {
                self.step(&alias, job)?;
            }
            // A DNAME met twice on the way stands in the answer once.
            if !self.aliases.contains(&alias) {
                self.aliases.push(alias);
            }
        }
        let links = self.aliases.iter().filter(|set| set.rtype == RecordType::CNAME).count();
        if links > usize::try_from(job.limits().aliases).unwrap_or(usize::MAX) {
            return Err(ResolveError::Limit { limit: Limit::Aliases, zone: self.name.clone() });
        }
        match end {
            Ok(outcome) => Ok(Some(Resolution { aliases: std::mem::take(&mut self.aliases), outcome })),
            Err(target) => {
                self.name = target;
                Ok(None)
            }
        }
    }

    fn step(&mut self, alias: &RrSet, job: &Job) -> Result<(), ResolveError> {
        let target = alias.target().unwrap_or_else(Name::root);
        if job.depth() > 0 {
            // RFC 2181 §10.3: the name of a server is never an alias. Following one would only cost packets.
            return Err(ResolveError::ServerIsAlias { host: alias.owner.clone() });
        }
        job.tell(|| Step::Alias { from: alias.owner.clone(), to: target.clone() });
        let met = |set: &RrSet| set.rtype == RecordType::CNAME && set.owner == target;
        if target == alias.owner || self.aliases.iter().any(met) {
            return Err(ResolveError::AliasLoop { name: target });
        }
        self.name = target;
        Ok(())
    }
}

impl Reached {
    /// An end without aliases before it.
    pub(super) const fn end(outcome: Outcome) -> Self {
        Self::End { aliases: Vec::new(), outcome }
    }
}

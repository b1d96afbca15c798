//! The alias loop: QNAME original → effective → final (RFC 9499), each name known or walked for.

use super::descend::Proof;
use super::remember::Reached;
use super::{Outcome, Resolution, ResolveError, Resolver};
use crate::dns::{Name, Question, RecordType, RrSet};
use crate::job::{Checking, Job, Limit, LimitName, count};
use crate::telemetry::Step;

/// The aliases followed so far.
pub(super) struct Links {
    aliases: Vec<RrSet>,
    name: Name,
    rtype: RecordType,
}

impl Resolver {
    /// Follows aliases until the question ends.
    pub(super) async fn follow(&self, question: &Question, job: &Job) -> Result<Resolution, ResolveError> {
        let mut chain = Links::new(question);
        loop {
            let current = chain.current();
            // Not a `match`: what it looks at would be kept through the walk.
            let reached = if let Some(known) = self.recall(&current, job).or_else(|| self.deduce(&current, job)) {
                known
            } else {
                self.descend(&current, wanted(job), job).await.map_err(|error| chain.end_with(error))?
            };
            if let Some(resolution) = chain.extend(reached, job)? {
                return Ok(resolution);
            }
        }
    }

    /// The same with what the cache knows, what follows from it, and nothing else.
    pub(super) fn follow_known(&self, question: &Question, job: &Job) -> Option<Resolution> {
        let mut chain = Links::new(question);
        loop {
            let current = chain.current();
            let reached = self.recall(&current, job).or_else(|| self.deduce(&current, job))?;
            if let Some(resolution) = chain.extend(reached, job).ok()? {
                return Some(resolution);
            }
        }
    }
}

const fn wanted<'a>(job: &Job) -> Proof<'a> {
    match job.checking() {
        Checking::Enabled => Proof::Wanted,
        Checking::Disabled => Proof::Unwanted,
    }
}

impl Links {
    /// None yet.
    pub(super) fn new(question: &Question) -> Self {
        Self { aliases: Vec::new(), name: question.name.clone(), rtype: question.rtype }
    }

    /// What is asked of the name they lead to.
    pub(super) fn current(&self) -> Question {
        Question::new(self.name.clone(), self.rtype)
    }

    /// Adds what was reached; the resolution when it is the end.
    pub(super) fn extend(&mut self, reached: Reached, job: &Job) -> Result<Option<Resolution>, ResolveError> {
        let alias = match reached {
            Reached::End(outcome) => {
                return Ok(Some(self.end(outcome)));
            }
            Reached::Every(sets) => {
                let mut sets = sets.into_iter();
                let first = sets.next().map(Outcome::Found);
                self.aliases.extend(sets);
                return Ok(first.map(|first| self.end(first)));
            }
            Reached::Alias(alias) => alias,
        };
        for set in alias {
            let target = set.target().unwrap_or_else(Name::root);
            let is_link = set.rtype == RecordType::CNAME;
            // What a DNAME stands for is what was asked for, and of a name that is an alias there is nothing else to ask for.
            if is_link && matches!(self.rtype, RecordType::CNAME | RecordType::ANY) {
                return Ok(Some(self.end(Outcome::Found(set))));
            }
            // A DNAME met twice on the way stands in the answer once.
            if !self.aliases.contains(&set) {
                self.aliases.push(set);
            }
            if is_link {
                self.step(target, job)?;
            }
        }
        Ok(None)
    }

    fn end(&mut self, outcome: Outcome) -> Resolution {
        Resolution { aliases: std::mem::take(&mut self.aliases), outcome }
    }

    /// The failure, with the aliases that led to it when it is one of aliases (RFC 6672 §2.2).
    fn end_with(&mut self, error: ResolveError) -> ResolveError {
        let ResolveError::AliasTooLong { name, aliases: last } = error else { return error };
        let mut aliases = std::mem::take(&mut self.aliases);
        let new: Vec<RrSet> = last.into_iter().filter(|set| !aliases.contains(set)).collect();
        aliases.extend(new);
        ResolveError::AliasTooLong { name, aliases }
    }

    /// Goes on at `target`.
    fn step(&mut self, target: Name, job: &Job) -> Result<(), ResolveError> {
        let from = std::mem::replace(&mut self.name, target.clone());
        job.tell(|| Step::Alias { from: from.clone(), to: target.clone() });
        if job.depth() > 0 {
            // RFC 2181 §10.3: the name of a server is never an alias. Following one would only cost packets.
            return Err(ResolveError::ServerIsAlias { host: from });
        }
        let links = || self.aliases.iter().filter(|set| set.rtype == RecordType::CNAME);
        if links().any(|set| set.owner == target) {
            return Err(self.circle(target));
        }
        if links().count() > count(job.limits().aliases) {
            job.reach(LimitName::Aliases);
            return Err(ResolveError::Limit { limit: Limit::Aliases, zone: from });
        }
        Ok(())
    }

    /// Aliases that lead back to `name`: an error (RFC 1034 §3.6.2). A DNAME is kept to be shown, with all it made, since
    /// whoever knows what it is sees the cause in it (RFC 6672); CNAMEs alone would say no more than the error does.
    fn circle(&mut self, name: Name) -> ResolveError {
        let mut aliases = std::mem::take(&mut self.aliases);
        if !aliases.iter().any(|set| set.rtype == RecordType::DNAME) {
            aliases.clear();
        }
        ResolveError::AliasLoop { name, aliases }
    }
}

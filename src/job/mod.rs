//! One client question's rights: how much work it may cause, until when, and what it is already waiting for.
//!
//! A job is handed down to everything that is done on behalf of the question, sub-questions included. Its budget
//! is shared by all of them and never refilled.

mod budget;
mod limit;
mod quotas;
mod spent;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::dns::{Question, Trail};
use crate::telemetry::{Step, Trace};
use crate::world::Clock;

pub use budget::{Bound, LimitName, Limits};
pub use limit::Limit;
pub use quotas::{Place, Quota, Quotas};
pub use spent::Budget;

/// A bound on how many, as the length of a collection.
pub fn count(bound: u32) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

/// One client question in progress, or a sub-question on its behalf.
#[derive(Clone)]
pub struct Job {
    budget: Arc<Budget>,
    clock: Clock,
    deadline: Instant,
    ancestry: Option<Arc<Ancestor>>,
    depth: u32,
    trace: Option<Arc<Trace>>,
    checking: Checking,
    effort: Effort,
    /// Empty when there is none.
    trail: Option<Arc<Trail>>,
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Whatever the bounds allow.
    Full,
    /// As many packets at each step as one server gets: servers were silent a moment ago.
    Little,
    /// One packet at each step: to see whether what failed before still does.
    Once,
}

/// Whether what is found is checked for authenticity before it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checking {
    /// It is.
    Enabled,
    /// It is not: nobody asked for it, or the client does it itself (RFC 4035 §3.2.2).
    Disabled,
}

/// A question that waits for this one.
struct Ancestor {
    question: Question,
    above: Option<Arc<Self>>,
}

impl Job {
    /// A job for one client question, with a budget of its own and `limits.answer_deadline` from now to live.
    pub fn new(limits: &Arc<Limits>, clock: &Clock) -> Self {
        let deadline = clock.now() + limits.work_deadline;
        Self {
            budget: Arc::new(Budget::new(Arc::clone(limits))),
            clock: clock.clone(),
            deadline,
            ancestry: None,
            depth: 0,
            trace: None,
            checking: Checking::Disabled,
            effort: Effort::Full,
            trail: None,
        }
    }

    /// The same job, which tries so hard.
    #[must_use]
    pub fn trying(&self, effort: Effort) -> Self {
        Self { effort, ..self.clone() }
    }

    /// How much is tried.
    pub const fn effort(&self) -> Effort {
        self.effort
    }

    /// Packets to the servers of one zone for one step of the walk.
    pub fn sends_per_zone(&self) -> u32 {
        match self.effort {
            Effort::Full => self.limits().sends_per_zone,
            Effort::Little => self.limits().sends_per_server.min(self.limits().sends_per_zone),
            Effort::Once => 1,
        }
    }

    /// The same job, whose own question is checked or not.
    #[must_use]
    pub const fn with(mut self, checking: Checking) -> Self {
        self.checking = checking;
        self
    }

    /// Whether what is found is checked: the client's own question only, never the addresses of servers.
    pub const fn checking(&self) -> Checking {
        self.checking
    }

    /// The same job for a question that came by these resolvers.
    #[must_use]
    pub fn on_trail(self, trail: &Trail) -> Self {
        if trail.is_empty() { self } else { Self { trail: Some(Arc::new(trail.clone())), ..self } }
    }

    /// The resolvers that the question came by.
    pub fn trail(&self) -> Option<&Trail> {
        self.trail.as_deref()
    }

    /// The same job, telling every step to `trace`.
    #[must_use]
    pub fn traced(mut self, trace: Arc<Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The job of a sub-question: same budget, same deadline, one level deeper, with `question` among its ancestors.
    ///
    /// # Errors
    /// [`Limit::Depth`] when the level is deeper than allowed, [`Limit::Cycle`] when `question` already waits for this job.
    pub fn descend(&self, question: &Question) -> Result<Self, Limit> {
        if self.is_waiting_for(question) {
            return Err(Limit::Cycle);
        }
        if self.depth >= self.limits().depth {
            self.reach(LimitName::Depth);
            return Err(Limit::Depth);
        }
        let ancestor = Ancestor { question: question.clone(), above: self.ancestry.clone() };
        let (depth, ancestry) = (self.depth + 1, Some(Arc::new(ancestor)));
        Ok(Self { depth, ancestry, checking: Checking::Disabled, ..self.clone() })
    }

    /// Whether `question` is this job's or that of a job that waits for it.
    pub fn is_waiting_for(&self, question: &Question) -> bool {
        let mut next = self.ancestry.as_ref();
        while let Some(ancestor) = next {
            if ancestor.question == *question {
                return true;
            }
            next = ancestor.above.as_ref();
        }
        false
    }

    /// What the job may still spend.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Takes note that so many malformed records were left out of an answer. Those of the addresses of servers are nobody's
    /// concern.
    pub fn note_malformed(&self, records: usize) {
        if records > 0 && self.depth == 0 {
            self.budget.note_malformed();
        }
    }

    /// The bound of this name was reached on behalf of the question.
    pub fn reach(&self, name: LimitName) {
        self.budget.reach(name);
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        self.budget.limits()
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The moment at which all work for the job ends.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time left until the deadline; zero when it has passed.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.now())
    }

    /// How many sub-questions deep this is; the client's own question is at 0.
    pub const fn depth(&self) -> u32 {
        self.depth
    }

    /// Tells the trace, when there is one; `step` is made only then.
    pub fn tell(&self, step: impl FnOnce() -> Step) {
        if let Some(trace) = &self.trace {
            trace.record(self.now(), self.depth, step());
        }
    }
}

//! Answers that have ended, for clients that would else get none, or none in time (RFC 8767).
//!
//! They are made anew for each client and never kept among the finished replies. Whoever waited too long for something
//! better leaves the work to go on, for those who ask next.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Request, Responder, failure, reply, sentinel};
use crate::cache::{Answer, ServeStale};
use crate::dns::{Ede, EdeCode, Outcome};
use crate::inflight::Waiter;
use crate::job::Job;
use crate::resolver::{LastKnown, ResolveError};

impl Responder {
    /// What is being found out, if it comes while the client is patient; something old, if that comes first.
    pub(super) async fn in_time(
        &self,
        mut waiter: Waiter<Arc<Answer>>,
        request: &Request,
        patience: Duration,
    ) -> Option<Arc<Answer>> {
        let start = self.resolver.world().clock.now();
        let mut answer = None;
        if let Some(serve) = self.serve_stale.filter(|serve| serve.client_wait < patience) {
            answer = waiter.wait_until(start + serve.client_wait).await;
            answer = answer.or_else(|| self.late(request, serve).map(Arc::new));
        }
        if answer.is_none() {
            answer = waiter.wait_until(start + patience).await;
        }
        waiter.leave();
        answer
    }

    /// The answer to a question that could not be resolved: an old one, if there is one that will do, or why not.
    pub(super) fn unresolved(&self, request: &Request, error: &ResolveError) -> Answer {
        let last = if self.serve_stale.is_some() && error.is_no_answer() { self.last_known(request) } else { None };
        let Some((last, job)) = last else {
            let at = self.at(self.resolver.world().clock.now());
            return reply::failed(&request.question, error, request.dnssec_ok, at);
        };
        // Bogus data may mean that keys were taken back, which vouched for the old.
        let last = LastKnown { authentic: last.authentic && !error.root().is_bogus(), ..last };
        let (_, why, more) = failure::explain(error);
        let tell = |ended| [Some(remark(&last, ended, "it could not be renewed")), Some(why), more];
        let ede = last.ended.map(tell).unwrap_or_default();
        self.old(request, &last, (ede, &job))
    }

    /// The old answer to a question that takes too long, if there is one.
    fn late(&self, request: &Request, serve: ServeStale) -> Option<Answer> {
        let (last, job) = self.last_known(request)?;
        let why = format!("renewing it takes longer than {:?}", serve.client_wait);
        let ede = last.ended.map(|ended| [Some(remark(&last, ended, why)), None, None]).unwrap_or_default();
        Some(self.old(request, &last, (ede, &job)))
    }

    fn last_known(&self, request: &Request) -> Option<(LastKnown, Job)> {
        let job = self.job(request);
        self.resolver.last_known(&request.question, &job).map(|last| (last, job))
    }

    fn old(&self, request: &Request, last: &LastKnown, (ede, job): ([Option<Ede>; 3], &Job)) -> Answer {
        let (question, at) = (&request.question, self.at(job.now()));
        if let Some(ede) = sentinel::refusal(question, &last.resolution, job.checking(), &self.resolver.anchored()) {
            return reply::withheld(question, ede, at);
        }
        if let Some(objection) = self.policy.objection(question, &last.resolution) {
            return reply::filtered(question, &objection, at);
        }
        tracing::debug!(%question, ended = last.ended.map(tracing::field::debug), "answered from the past");
        reply::old(question, last, (request.dnssec_ok, ede), at)
    }
}

/// What a client is told of an answer that has ended (RFC 8914 §4.4, §4.20).
fn remark(last: &LastKnown, ended: Duration, why: impl fmt::Display) -> Ede {
    let code = match last.resolution.outcome {
        Outcome::NxDomain(_) => EdeCode::STALE_NXDOMAIN,
        Outcome::Found(_) | Outcome::NoData(_) => EdeCode::STALE_ANSWER,
    };
    Ede::new(code, format!("it ended {} s ago; {why} [PAST]", ended.as_secs()))
}

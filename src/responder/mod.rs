//! From client bytes to reply bytes: the front desk. Read this first.
//!
//! A packet is answered at once where that takes no work ([`Responder::answer_now`]): by rule or from the cache of
//! finished replies. What takes work is answered later, once for all who ask the same.

mod failure;
mod reply;
mod request;
mod sentinel;
mod stale;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::cache::{self, Answer, AnswerKey, Answers, Front, ServeStale};
use crate::dns::{
    Class, Ede, EdeCode, Header, Peeked, PeekedEdns, Question, Rcode, RecordType, RrSet, Security, Unanswerable,
    peek_within,
};
use crate::inflight::{Abandoned, Bounds, Full, Inflight};
use crate::job::{Checking, Job, Limit, LimitName, count};
use crate::policy::{AnyAnswers, Full as Crowded, Policy, Standing, Verdict};
use crate::resolver::{Resolution, ResolveError, Resolver};
use crate::telemetry::ClientCounters;

use reply::At;
use visitor::Visitor;

pub use request::Request;

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address and port.
    pub address: SocketAddr,
    /// Over what.
    pub transport: ClientTransport,
}

/// The transports a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTransport {
    /// Datagrams: replies are limited by the client's EDNS size and by 1232 octets.
    Udp,
    /// A stream: replies may have 65,535 octets.
    Tcp,
}

/// What a worker brings along when it answers: the moment, and the answers it gave last.
pub struct Turn<'a> {
    /// The present, the same for a whole batch.
    pub now: Instant,
    /// The worker's own answers; [`Front::none`] for one that keeps none.
    pub front: &'a mut Front,
}

/// What can be said about a packet at once.
#[derive(Debug)]
pub enum Immediate {
    /// The reply is in the buffer and has so many octets.
    Reply(usize),
    /// No reply is owed.
    Silence,
    /// It takes work: hand the request to [`Responder::answer_later`].
    Later(Arc<Request>),
}

/// Answers clients. One for all workers.
pub struct Responder {
    resolver: Arc<Resolver>,
    policy: Policy,
    answers: Answers,
    inflight: Arc<Inflight<AnswerKey, Arc<Answer>>>,
    counters: ClientCounters,
    serve_stale: Option<ServeStale>,
}

impl Responder {
    /// The longest reply over UDP, in octets: no fragments (RFC 9715).
    pub const MAX_UDP_REPLY: usize = 1232;

    /// A front desk before `resolver`, with its share of the cache.
    pub fn new(resolver: Arc<Resolver>, policy: Policy, cache: &cache::Settings) -> Arc<Self> {
        let (limits, seed) = (Arc::clone(resolver.limits()), resolver.world().dice.bits());
        let bounds = Bounds { keys: count(limits.jobs), waiters: count(limits.waiters_per_question) };
        Arc::new(Self {
            resolver,
            policy,
            answers: Answers::new(cache.share(30), seed),
            inflight: Inflight::new(bounds, Abandoned::Ends),
            counters: ClientCounters::default(),
            serve_stale: cache.serve_stale,
        })
    }

    /// An empty front for one worker.
    pub fn front(&self) -> Front {
        Front::new(self.resolver.world().dice.bits())
    }

    /// Answers `packet` from the cache or by rule, into `out`; never waits. `out` should have 1232 octets for UDP,
    /// 65,535 for TCP; a reply that does not fit is truncated to what the client can take in any case.
    pub fn answer_now(&self, packet: &[u8], client: &Client, turn: &mut Turn<'_>, out: &mut [u8]) -> Immediate {
        let now = turn.now;
        let peeked = match peek_within(|| self.resolver.limits().edns_options, packet) {
            Ok(peeked) => peeked,
            Err(Unanswerable::Silence) => return Immediate::Silence,
            Err(Unanswerable::Reply(rcode)) => return reply::bare(packet, rcode, out),
        };
        let Verdict::Allowed(trust) = self.policy.admit(client.address.ip()) else {
            tracing::debug!(client = %client.address.ip(), "refused: this client may not ask");
            let ede = Ede::new(EdeCode::PROHIBITED, "this client may not ask here [PROH]");
            let nobody = Visitor { client, standing: Standing::Unproven, cookie: None, limit: 0 };
            return reply::refuse(&peeked, &nobody, (Rcode::REFUSED, Some(ede)), out);
        };
        if let Some(PeekedEdns { has_more: true, .. }) = &peeked.edns {
            self.note_options();
        }
        let Some(visitor) = self.recognise(&peeked, client, trust, packet.len()) else {
            return reply::bare(packet, Rcode::FORMERR, out);
        };
        let key = AnswerKey::new(peeked.qname, peeked.qtype, peeked.dnssec_ok(), request::checking_disabled(&peeked));
        if self.policy.limits_rate()
            && visitor.standing == Standing::Unproven
            && let Some(excess) = self.policy.excess(client.address.ip(), &key, now)
        {
            return self.shorten(&peeked, &visitor, excess, out);
        }
        if let Some(refusal) = self.refusal(&peeked, client) {
            return reply::refuse(&peeked, &visitor, refusal, out);
        }
        if let Some(answer) = turn.front.find(&key, &self.answers, now) {
            return self.hit(&peeked, &visitor, (&answer, now), out);
        }
        let Some(request) = Request::new(&peeked, &visitor, key) else {
            return reply::bare(packet, Rcode::FORMERR, out);
        };
        if let Some(answer) = self.by_rule(&peeked, &request, now) {
            return self.hit(&peeked, &visitor, (&answer, now), out);
        }
        if let Some(zone) = self.resolver.circle(&request.question, &request.trail) {
            let answer = reply::came_round(&request.question, zone, self.at(now));
            return self.hit(&peeked, &visitor, (&answer, now), out);
        }
        match self.policy.seat(client.address.ip(), visitor.standing) {
            Ok(seat) => {
                *request.seat.lock() = seat;
                Immediate::Later(Arc::new(request))
            }
            Err(Crowded(limit)) => self.turn_away(&peeked, &visitor, (&request, limit), out),
        }
    }

    /// A client sent more options than are looked at.
    #[cold]
    fn note_options(&self) {
        self.resolver.limits().count(LimitName::EdnsOptions);
    }

    /// What a reply that is written now needs to know.
    fn at(&self, now: Instant) -> At<'_> {
        At { now, limits: self.resolver.limits() }
    }

    /// What became of questions for the sake of others.
    pub const fn counters(&self) -> &ClientCounters {
        &self.counters
    }

    /// The policy in force.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Answers what takes work; ends by the answer deadline with a reply whatever happens.
    pub async fn answer_later(self: Arc<Self>, request: Arc<Request>) -> Option<Bytes> {
        // Free again when the reply is ready, or nobody waits for it any more.
        let _seat = request.seat.lock().take();
        let limits = self.resolver.limits();
        let patience = match (request.standing, request.client.transport) {
            (Standing::Unproven, ClientTransport::Udp) => limits.reply_age.min(limits.answer_deadline),
            _ => limits.answer_deadline,
        };
        let (this, asked) = (Arc::clone(&self), Arc::clone(&request));
        let joined = self.inflight.join(&request.key, move || this.work(asked));
        let error = match joined {
            Ok(waiter) => match self.in_time(waiter, &request, patience).await {
                Some(answer) => return self.finish(&request, &answer),
                None if patience < limits.answer_deadline => {
                    limits.count(LimitName::ReplyAge);
                    return None;
                }
                None => {
                    limits.count(LimitName::AnswerDeadline);
                    ResolveError::Late
                }
            },
            Err(Full::Keys) => {
                limits.count(LimitName::Jobs);
                ResolveError::NoPlace { limit: Limit::Jobs }
            }
            Err(Full::Waiters) => {
                limits.count(LimitName::WaitersPerQuestion);
                ResolveError::NoPlace { limit: Limit::Waiters }
            }
        };
        tracing::debug!(question = %request.question, reason = %error, "not answered");
        self.finish(&request, &self.unresolved(&request, &error))
    }

    /// The reply to a question for which there is no place, in `out`: how many octets it has.
    pub fn overloaded(&self, request: &Request, out: &mut [u8]) -> usize {
        let error = ResolveError::NoPlace { limit: Limit::Jobs };
        let reply = self.finish(request, &self.unresolved(request, &error));
        let Some(reply) = reply.filter(|reply| reply.len() <= out.len()) else { return 0 };
        let octets = reply.len();
        if let Some(room) = out.get_mut(..octets) {
            room.copy_from_slice(&reply);
        }
        octets
    }

    /// Resolves, and keeps the reply ready for a question that was asked before.
    async fn work(self: Arc<Self>, request: Arc<Request>) -> Arc<Answer> {
        let question = &request.question;
        let job = self.job(&request);
        let result = self.resolver.resolve(question, &job).await;
        let now = self.resolver.world().clock.now();
        match result {
            Ok(resolution) => {
                if let Some(ede) = sentinel::refusal(question, &resolution, job.checking(), &self.resolver.anchored()) {
                    return Arc::new(reply::withheld(question, ede, self.at(now)));
                }
                let ede = self.remark(&resolution, question);
                let answer = self.told(question, &resolution, (request.dnssec_ok, ede), now);
                let answer = failure::qualify(answer, job.budget());
                let answer = Arc::new(Answer { flags: request.key.flags(), ..answer });
                // The first time, the RRset or denial that the walk left in the cache is enough: most names are asked for
                // once, and a finished reply would double what they cost. Aliases may have left nothing (DNAME), and ANY.
                let asked_before = job.budget().queries_spent() == 0;
                let may_be_gone = !resolution.aliases.is_empty() || question.rtype == RecordType::ANY;
                if (asked_before || may_be_gone) && self.resolver.may_remember(&resolution) {
                    self.answers.insert(&request.key, Arc::clone(&answer));
                }
                answer
            }
            Err(error) => {
                tracing::debug!(%question, reason = %error, "not resolved");
                let unresolved = failure::with_bounds(self.unresolved(&request, &error), &error, job.budget());
                Arc::new(failure::qualify(unresolved, job.budget()))
            }
        }
    }

    /// A job that checks what it finds, unless the client does that itself (RFC 4035 §3.2.2).
    fn job(&self, request: &Request) -> Job {
        let job = self.resolver.job().on_trail(&request.trail);
        if request.checking_disabled() { job.with(Checking::Disabled) } else { job }
    }

    /// What there is to tell about an answer that could not be validated.
    fn remark(&self, resolution: &Resolution, question: &Question) -> Option<Ede> {
        let insecure = resolution.security() == Security::Insecure;
        let alias = resolution.aliases.last().filter(|set| set.rtype == RecordType::CNAME);
        let owner = alias.and_then(RrSet::target);
        insecure.then(|| self.resolver.remark(owner.as_ref().unwrap_or(&question.name), resolution)).flatten()
    }

    /// The reply with what was found, unless the operator does not want that told.
    fn told(
        &self,
        question: &Question,
        resolution: &Resolution,
        (dnssec_ok, remark): (bool, Option<Ede>),
        now: Instant,
    ) -> Answer {
        let Some(objection) = self.policy.objection(question, resolution) else {
            return reply::build(question, resolution, (dnssec_ok, remark), self.at(now));
        };
        tracing::debug!(%question, reason = %objection.ede().text, "not told");
        reply::filtered(question, &objection, self.at(now))
    }

    /// Why a well-formed query of a client that may ask is not even looked at.
    fn refusal(&self, peeked: &Peeked<'_>, client: &Client) -> Option<(Rcode, Option<Ede>)> {
        if peeked.edns.is_some_and(|edns| edns.version > 0) {
            return Some((Rcode::BADVERS, None));
        }
        if !peeked.header.has(Header::RD) && !self.may_snoop(peeked, client) {
            let text = "recursion was not asked for, and this client may not see what the cache has [SNOP]";
            return Some((Rcode::REFUSED, Some(Ede::new(EdeCode::NOT_AUTHORITATIVE, text))));
        }
        if peeked.qclass != Class::IN {
            return Some((Rcode::REFUSED, Some(Ede::new(EdeCode::NOT_SUPPORTED, "only class IN is resolved [CLAS]"))));
        }
        match peeked.qtype {
            RecordType::AXFR | RecordType::IXFR => {
                Some((Rcode::REFUSED, Some(Ede::new(EdeCode::NOT_SUPPORTED, "zones are not transferred here [XFER]"))))
            }
            RecordType::ANY => None,
            RecordType::MAILA | RecordType::MAILB => Some((Rcode::NOTIMP, None)),
            meta if meta.is_meta() => Some((Rcode::FORMERR, None)),
            _ => None,
        }
    }

    /// Whether a client may be told what the cache has. `. NS` is known to everybody, and where `dig +trace` starts.
    fn may_snoop(&self, peeked: &Peeked<'_>, client: &Client) -> bool {
        (peeked.qtype == RecordType::NS && peeked.qname.len() == 1) || self.policy.may_snoop(client.address.ip())
    }

    /// The answers that are made here: special-use names, ANY (RFC 8482), and questions without RD.
    fn by_rule(&self, peeked: &Peeked<'_>, request: &Request, now: Instant) -> Option<Answer> {
        let question = &request.question;
        if self.policy.may_be_local(peeked.qname)
            && let Some(local) = self.policy.local(question)
        {
            return Some(reply::local(question, &local, self.at(now)));
        }
        let short = question.rtype == RecordType::ANY && self.policy.any() == AnyAnswers::Short;
        if request.recursion_desired && !short {
            return None;
        }
        let job = self.job(request);
        if short {
            // RFC 8482 §4.2 is about names that exist.
            return Some(match self.resolver.nonexistence(question, &job) {
                Some(denial) => reply::build(question, &denial, (request.dnssec_ok, None), self.at(now)),
                None => reply::any(question, self.at(now)),
            });
        }
        // What failed a moment ago is known (RFC 9520 §3.2), and comes first as it does with RD: the data may be there.
        if let Some(failure) = self.resolver.known_failure(question, &job) {
            return Some(reply::failed(question, &failure, request.dnssec_ok, self.at(now)));
        }
        let Some(resolution) = self.resolver.recollect(question, &job) else {
            return Some(reply::unknown(question, self.at(now)));
        };
        Some(match sentinel::refusal(question, &resolution, job.checking(), &self.resolver.anchored()) {
            Some(ede) => reply::withheld(question, ede, self.at(now)),
            None => self.told(question, &resolution, (request.dnssec_ok, None), now),
        })
    }
}

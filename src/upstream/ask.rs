//! `ask`: send, wait, send again, judge — until a server of the zone gives a reply of use.

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::{Instant, sleep_until};

use super::campaign::Hope;
use super::exchange::{Reply, Try};
use super::selection::{Candidate, Standing, choose};
use super::servers::Memory;
use super::tries::{Event, Tries, Trying};
use super::{Campaign, Fault, Manner, Target, Upstream};
use crate::dns::{Message, Name, Question, RecordType};
use crate::job::{Job, Limit, LimitName, Place, Quota};
use crate::telemetry::Step;
use crate::world::Transport;

/// What is asked of whom.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The zone whose servers are asked.
    pub zone: &'a Name,
    /// The question as revealed to them.
    pub question: &'a Question,
    /// With which flags.
    pub manner: Manner,
    /// Whether it may be asked without OPT.
    pub opt: Opt,
    /// Timeouts after which the caller would rather ask something else; 0 for never.
    pub give_up_after: u32,
}

/// Whether servers may be asked without OPT, and so without DO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt {
    /// Those that cannot cope with it are.
    Dispensable,
    /// Never: the zone is signed, and without signatures its data is of no use (RFC 4035 §4.1).
    Needed,
}

/// Why no server of the zone gave a reply of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Every server that may be asked was; the campaign holds the last fault.
    Exhausted,
    /// Time is up for the whole question.
    Deadline,
    /// A bound of the question was reached.
    Limit(Limit),
}

impl<K> Useful<K> {
    /// A conclusion drawn from several useless replies; no single server gave it.
    pub const fn assumed(kind: K) -> Self {
        let server = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Self { kind, host: None, server, transport: Transport::Udp, rtt: Duration::ZERO }
    }
}

/// What a reply of use was, and whose.
#[derive(Clone, Debug)]
pub struct Useful<K> {
    /// What the judge made of it.
    pub kind: K,
    /// The server's name, when it has one.
    pub host: Option<Name>,
    /// The server's address and port.
    pub server: SocketAddr,
    /// How the reply came.
    pub transport: Transport,
    /// From the first packet to this server to the reply.
    pub rtt: Duration,
}

/// One `ask` in progress.
struct Round<'a> {
    upstream: &'a Upstream,
    asking: Asking<'a>,
    job: &'a Job,
    tries: Tries<'a>,
    /// The zone's key in the quotas.
    zone: u64,
    /// The bounds there, and at each server.
    quotas: (Quota, Quota),
}

/// A server that is about to be asked.
struct Chosen<'a> {
    index: usize,
    memory: Memory,
    place: Place<'a, IpAddr>,
}

impl Upstream {
    /// Asks servers of `campaign` until `judge` finds a reply of use.
    ///
    /// # Errors
    /// [`Unanswered`]: every server was tried, time is up, or a bound was reached.
    pub async fn ask<K: Send>(
        &self,
        asking: Asking<'_>,
        campaign: &mut Campaign,
        judge: impl Fn(&Message) -> Result<K, Fault> + Send,
        job: &Job,
    ) -> Result<Useful<K>, Unanswered> {
        let zone = self.hasher.hash_one(&*asking.zone.key());
        let quota = job.limits().zone_quota(asking.zone.label_count());
        let Some(_place) = self.at_zones.enter(zone, quota) else {
            job.reach(LimitName::JobsPerZone);
            return Err(Unanswered::Limit(Limit::JobsPerZone));
        };
        let quotas = (quota, job.limits().server_quota(asking.zone.label_count()));
        let mut round = Round { upstream: self, asking, job, tries: Tries::default(), zone, quotas };
        let mut next_send = self.world.clock.now();
        let mut timeouts = 0;
        // The try that was begun last, until its timer fires.
        let mut latest: Option<usize> = None;
        loop {
            // Its exchange may have ended at the same moment, so it is not for the timer alone to say.
            if let Some(index) = latest.take_if(|_| self.world.clock.now() >= next_send)
                && !campaign.is_on_stream(index)
            {
                round.miss(campaign, index);
                timeouts += 1;
                if timeouts == asking.give_up_after {
                    return Err(Unanswered::Exhausted);
                }
            }
            let is_awaited = round.tries.is_awaited();
            if self.world.clock.now() >= next_send || !is_awaited {
                if let Some(chosen) = round.next(campaign) {
                    latest = Some(chosen.index);
                    next_send = round.launch(campaign, chosen);
                } else if !is_awaited || (job.depth() > 0 && campaign.is_silent()) {
                    round.note_silence(campaign);
                    return Err(match campaign.last_fault {
                        // Others were asking; nothing is known of this question.
                        Some(Fault::Limit(limit)) if limit.is_others_doing() => Unanswered::Limit(limit),
                        _ => Unanswered::Exhausted,
                    });
                } else {
                    (next_send, latest) = (job.deadline(), None);
                }
            }
            tokio::select! {
                biased;
                event = round.tries.next() => {
                    // A useless reply makes room for the next server at once; for silence the timer is there.
                    let Event::Done(trying, result) = event else { continue };
                    let silent = matches!(result, Err(Fault::Timeout));
                    if let Some(useful) = round.settle(campaign, trying, result, &judge)? {
                        return Ok(useful);
                    }
                    if !silent {
                        (next_send, latest) = (self.world.clock.now(), None);
                    }
                }
                () = sleep_until(next_send.min(job.deadline())) => {
                    if self.world.clock.now() >= job.deadline() {
                        return Err(Unanswered::Deadline);
                    }
                }
            }
        }
    }
}

impl<'a> Round<'a> {
    /// The server to ask next, and a place at it; `None` when all have had their share, or have no place left.
    fn next(&self, campaign: &mut Campaign) -> Option<Chosen<'a>> {
        loop {
            let (index, memory) = self.choose(campaign)?;
            let target = campaign.targets.get_mut(index)?;
            let address = target.address;
            if self.job.depth() > 0
                && target.datagrams() > 0
                && memory.is_silent(self.job.depth())
                && target.hope != Hope::Silent
            {
                // It fell silent meanwhile, for others too; nothing more is spent on a server of a server.
                target.hope = Hope::Silent;
                continue;
            }
            if let Some(place) = self.upstream.at_servers.enter(address, self.quotas.1) {
                return Some(Chosen { index, memory, place });
            }
            self.job.reach(LimitName::JobsPerServer);
            campaign.pass_over(index);
        }
    }

    fn choose(&self, campaign: &Campaign) -> Option<(usize, Memory)> {
        let Upstream { settings, servers, world, .. } = self.upstream;
        let (now, rtype) = (world.clock.now(), self.asking.question.rtype);
        let paused = settings.ipv6_may_fail && servers.is_ipv6_paused(now);
        let may_send = |target: &Target| campaign.may_send(target, self.asking.manner, self.job);
        let candidates = campaign.targets.iter().enumerate().filter(|(_, target)| may_send(target));
        let candidates: SmallVec<[Candidate; 8]> = candidates
            .map(|(index, target)| {
                servers.look_at(target.address, |known| {
                    let standing = match () {
                        () if known.is_lame_for(self.asking.zone, now) => Standing::Lame,
                        () if known.is_held(now) || known.ignores(rtype, now) => Standing::Held,
                        () if paused && target.address.is_ipv6() => Standing::FamilyPaused,
                        () => Standing::Good,
                    };
                    Candidate { index, sends: target.sends, standing, srtt: known.srtt, timeouts: known.timeouts }
                })
            })
            .collect();
        let chosen = choose(&candidates, &world.dice)?;
        campaign.targets.get(chosen).map(|target| (chosen, servers.memory(target.address)))
    }

    /// Starts a try and returns when the next one is due if this one stays silent.
    fn launch(&mut self, campaign: &mut Campaign, chosen: Chosen<'a>) -> Instant {
        let Chosen { index, memory, place } = chosen;
        let (upstream, job, limits) = (self.upstream, self.job, self.job.limits());
        let now = upstream.world.clock.now();
        let is_alone = campaign.is_alone();
        let Some(target) = campaign.targets.get_mut(index) else { return now };
        let number = target.datagrams();
        let rtype = self.asking.question.rtype;
        if number == 0 {
            target.hope = self.hope(&memory);
        }
        // When every datagram stayed without reply, the stream is the last thing to try (INT-07).
        // Nor does an answer to ANY fit into a datagram that nobody forged.
        let may_be_datagram = number < target.most_datagrams(limits) && rtype != RecordType::ANY;
        let transport = if may_be_datagram { Transport::Udp } else { Transport::Tcp };
        target.sends = number + 1;
        target.tried_tcp |= transport == Transport::Tcp;
        campaign.sends += 1;
        let Asking { zone, question, manner, opt, .. } = self.asking;
        let (host, server, progress) =
            (target.host.clone(), target.endpoint(upstream.settings.port), target.progress());
        let (address, port) = (server.ip(), server.port());
        let timer = self.timer(transport, is_alone, &memory, number);
        let (place, of_server) = (Some(place), Arc::clone(&progress));
        let attempt =
            Try { zone, host, address, port, manner, opt, memory, question, number, transport, timer, progress };
        let work = Box::pin(async move { upstream.attempt(&attempt, job).await });
        let start = now;
        let trying = Trying { index, number, transport, start, progress: of_server, place, work, known_late: false };
        if self.tries.push(trying, limits.late_tries) > 0 {
            job.reach(LimitName::LateTries);
        }
        now + timer
    }

    /// What to expect of a server that nothing was sent to yet. Those whom the operator named are the only way there is.
    fn hope(&self, memory: &Memory) -> Hope {
        let now = self.upstream.world.clock.now();
        match () {
            () if self.asking.manner.wants_recursion() => Hope::Usual,
            () if memory.is_silent(self.job.depth()) => Hope::Silent,
            () if memory.ignores(self.asking.question.rtype, now) => Hope::Ignoring,
            () if self.job.depth() == 0 && memory.in_vain.are_datagrams(now) => Hope::Deaf,
            () => Hope::Usual,
        }
    }

    /// How long to wait for a reply before the next datagram. The only server of a zone, of which nothing was ever heard and
    /// instead of which nothing else can be asked, may as well be slow as have lost two datagrams: the third comes later than
    /// usual, and what is tried after it when it usually is.
    fn timer(&self, transport: Transport, is_alone: bool, memory: &Memory, number: u32) -> Duration {
        let limits = self.job.limits();
        if transport == Transport::Tcp {
            return limits.tcp_timeout;
        }
        let usual = |number| memory.timeout(number, limits);
        if !is_alone || memory.srtt.is_some() || self.asking.give_up_after > 0 {
            return usual(number);
        }
        let second = usual(1).max(limits.lone_timeout);
        match number {
            1 => second,
            2 => (usual(1) + usual(2)).saturating_sub(second).max(usual(0)),
            _ => usual(number),
        }
    }

    /// Remembers which servers had all the queries that each gets, the stream too, and did not reply: to other questions they
    /// may. For the addresses of servers no stream is opened, so that silence says nothing of one that answers over TCP alone.
    fn note_silence(&self, campaign: &Campaign) {
        let Upstream { servers, world, .. } = self.upstream;
        let (rtype, most, now) = (self.asking.question.rtype, self.job.limits().sends_per_server, world.clock.now());
        for target in campaign.targets.iter().filter(|target| target.is_mute_after(most)) {
            servers.ask_in_vain(target.address, |known| known.left_unanswered(rtype, now));
        }
    }

    /// The timer of a try fired. Its reply is still welcome.
    fn miss(&self, campaign: &mut Campaign, index: usize) {
        campaign.note(Fault::Timeout);
        let Some(target) = campaign.targets.get(index) else { return };
        let (upstream, limits) = (self.upstream, self.job.limits());
        let memory = upstream.servers.memory(target.address);
        // The stream comes last.
        let transport = if target.tried_tcp { Transport::Tcp } else { Transport::Udp };
        let after = self.timer(transport, campaign.is_alone(), &memory, target.sends.saturating_sub(1));
        if transport == Transport::Udp {
            if target.datagrams() >= limits.sends_per_server {
                self.job.reach(LimitName::SendsPerServer);
            }
            memory.bound_of(after, limits).into_iter().for_each(|bound| self.job.reach(bound));
        }
        let now = upstream.world.clock.now();
        // What was to be expected is not held against it.
        if !memory.ignores(self.asking.question.rtype, now) {
            upstream.servers.missed(target.address, now);
        }
        upstream.at_servers.missed(target.address, self.quotas.1);
        upstream.at_zones.missed(self.zone, self.quotas.0);
        self.job.tell(|| Step::Failed {
            zone: self.asking.zone.clone(),
            host: target.host.clone(),
            server: target.endpoint(upstream.settings.port),
            transport,
            after,
            fault: Fault::Timeout.to_string(),
        });
    }

    /// Judges what came of a try; `Ok(None)` when it was of no use.
    fn settle<K>(
        &self,
        campaign: &mut Campaign,
        done: Trying<'_>,
        result: Result<Reply, Fault>,
        judge: &impl Fn(&Message) -> Result<K, Fault>,
    ) -> Result<Option<Useful<K>>, Unanswered> {
        let Upstream { settings, servers, world, .. } = self.upstream;
        let now = world.clock.now();
        let Some(target) = campaign.targets.get_mut(done.index) else { return Ok(None) };
        let (server, host) = (target.endpoint(settings.port), target.host.clone());
        if !matches!(result, Err(Fault::Timeout | Fault::Unreachable(_) | Fault::Limit(_))) {
            self.upstream.at_servers.heard(target.address, self.quotas.1);
            self.upstream.at_zones.heard(self.zone, self.quotas.0);
        }
        let judged = result.and_then(|(reply, transport)| judge(&reply).map(|kind| (kind, transport)));
        let fault = match judged {
            Ok((kind, transport)) => {
                // What brings the walk on is not held against the zone.
                campaign.sends = campaign.sends.saturating_sub(1);
                // An answer to ANY comes so the first time.
                if done.transport == Transport::Tcp && done.number > 0 && self.asking.question.rtype != RecordType::ANY
                {
                    servers.ask_in_vain(server.ip(), |known| known.only_the_stream_answers(now));
                }
                return Ok(Some(Useful { kind, host, server, transport, rtt: now - done.start }));
            }
            // Without a stream, or a place among all exchanges, this server is of no use; others may have been asked already.
            Err(fault @ Fault::Limit(Limit::TcpQueries | Limit::TcpPerServer | Limit::Exchanges)) => {
                done.progress.excuse();
                fault
            }
            Err(Fault::Limit(limit)) => return Err(Unanswered::Limit(limit)),
            // Silence was counted and told when its timer fired.
            Err(Fault::Timeout) => return Ok(None),
            Err(fault) => fault,
        };
        match fault {
            // Nothing listens for datagrams: the stream is left to try.
            Fault::Unreachable(_) if done.transport == Transport::Udp => {
                servers.missed(target.address, now);
                target.sends = target.sends.max(self.job.limits().sends_per_server);
            }
            _ => target.out = true,
        }
        if fault.is_lame() {
            servers.mark_lame(target.address, self.asking.zone, now);
        }
        campaign.note(fault);
        match fault {
            Fault::Empty => campaign.empties += 1,
            Fault::Unreachable(_) => {}
            _ => campaign.objections += 1,
        }
        let (zone, transport, after) = (self.asking.zone.clone(), done.transport, now - done.start);
        self.job.tell(|| Step::Failed { zone, host, server, transport, after, fault: fault.to_string() });
        Ok(None)
    }
}

//! The walk: from the closest known zone cut down to the servers that hold the answer (RFC 1034 §5.3.3).

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::addresses::{Contacts, bound_glue, may_look_up_more};
use super::chain::bogus;
use super::classify::{BARE_DENIAL, Kind, Trust, classify};
use super::doubt::{Failed, too_late};
use super::estranged::Others;
use super::forward::{Way, may_be_of_checking};
use super::heard::tell_heard;
use super::minimise::{Probe, Revealed};
use super::remember::Reached;
use super::scrub::scrub;
use super::signed::believed_not;
use super::trim::trimmed;
use super::{Denial, Outcome, ResolveError, Resolver};
use crate::cache::Rank;
use crate::dns::{Delegation, Message, Name, Question, RecordType, RrSet, Security, ZoneCut};
use crate::dnssec::{Reason, Trusted, ZoneKeys};
use crate::job::{Job, Limit, LimitName, count};
use crate::telemetry::Step;
use crate::upstream::{Campaign, Fault, Lameness, Unanswered, Useful};

/// A delegation is kept at least this long: a parent's TTL of 0 must not make every question a walk. Not longer, for
/// what the parent takes away has to be gone when the TTL has passed (ghost domains).
const SHORTEST_DELEGATION: Duration = Duration::from_secs(1);
/// Timeouts after which a zone that stays silent to a shortened question is asked the whole one.
const SILENCE_TO_WIDEN: u32 = 2;
/// Timeouts after which the addresses of more servers are looked up.
const SILENCE_TO_LOOK_UP: u32 = 2;

/// What one zone's servers led to.
pub(super) enum Visit {
    Deeper(Delegation),
    There(Reached),
    /// The zone's servers are of no use any more: its parent may know others.
    Moved(Box<Failed>),
}

/// What the end of a walk has to pass before it is believed.
pub(super) enum Proof<'a> {
    /// Nothing.
    Unwanted,
    /// The chain of trust.
    Wanted,
    /// The same; and the name is no secret to those who are asked first: they told of it, or of a name below.
    WantedOfKnown,
    /// Nothing: whoever asks judges the RRset itself, which is put here as it came.
    Raw(&'a mut Option<RrSet>),
    /// That it is the keys which are vouched for; they are put here.
    Keys { trusted: &'a Trusted, accepted: &'a mut Option<ZoneKeys> },
}

/// What one walk keeps from zone to zone.
pub(super) struct Walk<'a> {
    proof: Proof<'a>,
    /// Servers whose data must not be believed, and why.
    pub(super) liars: Vec<(IpAddr, ResolveError)>,
    /// How many others have to be asked at the zone it has come to before what they agree on counts as all servers' word.
    others: usize,
    pub(super) revealed: Revealed,
    /// The zones whose servers failed, and whose parents were asked for others.
    pub(super) failed: Vec<Failed>,
    /// When whoever was asked for others must have answered, if those that are known had something to say.
    pub(super) until: Option<Instant>,
}

impl Resolver {
    /// Walks down to the servers that hold the answer to `question`.
    pub(super) async fn descend(
        &self,
        question: &Question,
        proof: Proof<'_>,
        job: &Job,
    ) -> Result<Reached, ResolveError> {
        let mut cut = self.closest(question, job).await;
        self.pass_if_barren(question, &cut.apex, job)?;
        let revealed = Revealed::new(self.settings.qname_minimisation);
        let mut walk = Walk { proof, liars: Vec::new(), others: 0, revealed, failed: Vec::new(), until: None };
        if matches!(walk.proof, Proof::WantedOfKnown) {
            walk.proof = Proof::Wanted;
            walk.revealed.reveal_all();
        }
        for _ in 0..=job.limits().referrals {
            job.tell(|| {
                let (chosen, servers) = self.chosen(&cut);
                Step::Entered { zone: cut.apex.clone(), servers, chosen }
            });
            let until = walk.until;
            let visited = {
                // Pinned, as it would else have a place for each way to wait for it.
                let visit = pin!(self.visit(&cut, question, &mut walk, job));
                match until {
                    None => visit.await,
                    Some(until) => timeout_at(until, visit).await.unwrap_or_else(|_| Err(too_late(&cut))),
                }
            };
            match visited.map_err(|error| self.first_failure(error, &walk, job))? {
                Visit::There(reached) => return Ok(reached),
                Visit::Deeper(delegation) => {
                    let above = cut;
                    cut = self.enter(delegation, &above, job);
                    walk.revealed.enter();
                    if let Some(failed) = walk.failed.iter().find(|failed| failed.knows_all_of(&cut)) {
                        self.doubt_above(failed, &above, job);
                        return Err(failed.error.clone());
                    }
                    walk.forgive(&cut, self);
                }
                Visit::Moved(failed) => {
                    // Boxed: it is rare, and all walks would be the larger for it.
                    cut = Box::pin(self.start_anew(&cut, failed, &mut walk, (question, job))).await?;
                }
            }
        }
        job.reach(LimitName::Referrals);
        Err(ResolveError::Limit { limit: Limit::Referrals, zone: cut.apex.clone() })
    }

    /// The closest cut at or above the question: for types that the parent answers, strictly above.
    pub(super) async fn closest(&self, question: &Question, job: &Job) -> Arc<ZoneCut> {
        let parent = question.rtype.is_parent_side().then(|| question.name.parent()).flatten();
        let name = parent.as_ref().unwrap_or(&question.name);
        let known = self.cuts.closest(name, job.now());
        match (known, self.forwards.closest(name)) {
            (known, Some(forwarded)) => forwarded.beginning(known),
            (Some(known), None) => known,
            (None, None) => Box::pin(self.root_cut(job)).await,
        }
    }

    /// Makes a referral by the servers of `above` a cut: bounded, filtered, with the parent's TTL, which nothing the child
    /// says extends. Nor does it outlive the cut it hangs from: a zone that is taken away would else live on in its
    /// sub-delegations (phoenix domains). Nobody takes the root away.
    fn enter(&self, delegation: Delegation, above: &ZoneCut, job: &Job) -> Arc<ZoneCut> {
        let limits = job.limits();
        let most = count(limits.servers_per_delegation);
        let mut servers = delegation.servers;
        if servers.len() > most {
            job.reach(LimitName::ServersPerDelegation);
        }
        while servers.len() > most {
            servers.swap_remove(self.world.dice.below(servers.len()));
        }
        for server in &mut servers {
            if bound_glue(server, count(limits.addresses_per_server)) {
                job.reach(LimitName::AddressesPerServer);
            }
        }
        self.remember_keys(&delegation.zone, delegation.keys, job);
        let ttl = delegation.ttl.min(self.longest_delegation).duration().max(SHORTEST_DELEGATION);
        let now = job.now();
        let end = above.expires.filter(|_| !above.apex.is_root());
        let expires = end.map_or(now + ttl, |end| end.min(now + ttl));
        let cut = ZoneCut { apex: delegation.zone, servers: servers.into(), since: now, expires: Some(expires) };
        let cut = Arc::new(cut);
        self.cuts.insert(&cut);
        cut
    }

    /// Asks one zone's servers until they refer, answer, or fail.
    async fn visit(
        &self,
        cut: &Arc<ZoneCut>,
        question: &Question,
        walk: &mut Walk<'_>,
        job: &Job,
    ) -> Result<Visit, ResolveError> {
        let (mut contacts, way) = self.set_out(cut, walk, job);
        loop {
            let probe = walk.revealed.probe(question, &cut.apex);
            let asked = self.ask_zone(cut, (&probe, way), &mut contacts, job).await;
            let mut server = None;
            let (kind, rank) = match asked {
                Ok(useful) => {
                    server = Some(useful.server.ip());
                    useful.kind
                }
                // Nobody else says anything better.
                Err(_) if !walk.liars.is_empty() => {
                    return self.doubt(Failed::new(cut, contacts.campaign, walk.first_lie()), walk, job);
                }
                Err(ResolveError::Limit { limit, zone }) if limit.is_others_doing() => {
                    return Err(ResolveError::Limit { limit, zone });
                }
                Err(_) if probe.may_widen() && contacts.campaign.may_go_on(job) => (Kind::Opaque, Rank::Answer),
                Err(error @ (ResolveError::NoServer { .. } | ResolveError::NoAddress { .. }))
                    if self.may_have_moved(cut, job) =>
                {
                    return Ok(Visit::Moved(Box::new(Failed::new(cut, contacts.campaign, error))));
                }
                Err(error) => return Err(error),
            };
            match kind {
                Kind::Referral(delegation) => return Ok(Visit::Deeper(delegation)),
                Kind::NoCut => walk.revealed.reveal(question, job.limits()),
                Kind::Opaque => walk.revealed.widen(&cut.apex),
                Kind::TooLong(_) | Kind::Alias(_) | Kind::Every(_) | Kind::End(_) => {
                    let proven = match walk.proof {
                        Proof::Unwanted => Ok(kind),
                        // Boxed: next to a signature that costs nothing, and keeps all walks small.
                        _ => Box::pin(self.prove(&cut.apex, (&probe, kind), walk, job)).await,
                    };
                    match proven.map(|kind| trimmed(kind, &self.limits)) {
                        Ok(Kind::TooLong(dname)) => {
                            return Err(ResolveError::AliasTooLong {
                                name: question.name.clone(),
                                aliases: vec![dname],
                            });
                        }
                        // An empty non-terminal, whatever the RCODE said: nothing is known of names below it.
                        Ok(Kind::End(outcome @ Outcome::NoData(_))) if probe.minimised => {
                            self.remember(&probe.question, outcome, rank, job);
                            walk.revealed.reveal(question, job.limits());
                        }
                        Ok(kind) => return Ok(Visit::There(self.arrive(cut, (&probe, kind, rank), walk, job))),
                        Err(error @ ResolveError::Bogus { .. }) => {
                            let retry = walk.may_try_others(job) && !error.is_settled();
                            server.into_iter().for_each(|server| self.upstream.ask_with_opt_again(server));
                            let Some(server) = server.filter(|_| retry) else {
                                return self.doubt(Failed::new(cut, contacts.campaign, error), walk, job);
                            };
                            // Its neighbours may be up to date.
                            contacts.campaign.leave_out_server(server);
                            walk.liars.push((server, error));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            contacts.campaign.new_question();
        }
    }

    /// Whom to ask in a zone, and how.
    fn set_out(&self, cut: &Arc<ZoneCut>, walk: &mut Walk<'_>, job: &Job) -> (Contacts, Way) {
        let (mut contacts, way) = (self.contacts(cut, job), self.way(cut, job));
        // One server may have two addresses.
        walk.others = contacts.campaign.len().saturating_sub(1).min(2);
        if way.manner.wants_recursion() {
            // Who recurses for us needs the whole question.
            walk.revealed.reveal_all();
        }
        for failed in walk.failed.iter().filter(|failed| failed.cut.apex == cut.apex) {
            // They had their share of packets, which a new delegation does not refill (RFC 9520 §3.1).
            contacts.campaign.leave_out(&failed.campaign);
        }
        (contacts, way)
    }

    /// What was found, once it has passed what it has to.
    async fn prove(
        &self,
        zone: &Name,
        (probe, kind): (&Probe, Kind),
        walk: &mut Walk<'_>,
        job: &Job,
    ) -> Result<Kind, ResolveError> {
        match (&mut walk.proof, kind) {
            (Proof::Raw(place), kind) => {
                if let Kind::End(Outcome::Found(set)) = &kind {
                    **place = Some(set.clone());
                }
                Ok(kind)
            }
            (Proof::Wanted, Kind::End(outcome)) => self.check(zone, &probe.question, outcome, job).await.map(Kind::End),
            (Proof::Wanted, Kind::Alias(alias)) => {
                self.check_alias(zone, &probe.question, alias, job).await.map(Kind::Alias)
            }
            (Proof::Wanted, Kind::Every(sets)) => self.check_every(zone, sets, job).await.map(Kind::Every),
            (Proof::Wanted, Kind::TooLong(dname)) => {
                let mut checked = self.check_alias(zone, &probe.question, vec![dname.clone()], job).await?;
                Ok(Kind::TooLong(checked.pop().unwrap_or(dname)))
            }
            (Proof::Keys { trusted, accepted }, Kind::End(Outcome::Found(set))) => {
                let others = Others::of(walk.others, walk.liars.len());
                let keys = self.accept_keys(trusted, &set, job).await;
                let keys = keys.map_err(|found| self.estrange(&set, found, others)).map_err(believed_not)?;
                let ttl = set.ttl.min(keys.ttl);
                **accepted = Some(keys);
                Ok(Kind::End(Outcome::Found(RrSet { security: Security::Secure, ttl, ..set })))
            }
            (Proof::Keys { trusted, .. }, _) => Err(bogus(Reason::KeyMissing, &trusted.apex, RecordType::DNSKEY)),
            (Proof::Wanted | Proof::WantedOfKnown | Proof::Unwanted, kind) => Ok(kind),
        }
    }

    /// Remembers the end of a walk, and who led astray on the way to it.
    fn arrive(&self, cut: &ZoneCut, (probe, kind, rank): (&Probe, Kind, Rank), walk: &Walk<'_>, job: &Job) -> Reached {
        for (server, _) in &walk.liars {
            self.upstream.mark_lame(*server, &cut.apex);
        }
        match kind {
            Kind::Alias(alias) => Reached::Alias(self.remember_alias(alias, rank, job)),
            Kind::Every(sets) => Reached::Every(self.bounded(sets)),
            Kind::End(outcome) => Reached::End(self.remember(&probe.question, outcome, rank, job)),
            // Nothing else ends a walk.
            _ => Reached::Alias(Vec::new()),
        }
    }

    /// Asks servers whose addresses are known, then looks up more, until one is of use.
    async fn ask_zone(
        &self,
        cut: &Arc<ZoneCut>,
        (probe, mut way): (&Probe, Way),
        contacts: &mut Contacts,
        job: &Job,
    ) -> Result<Useful<(Kind, Rank)>, ResolveError> {
        let zone = &cut.apex;
        let failed = AtomicBool::new(false);
        loop {
            let more_to_know = may_look_up_more(cut, contacts, job);
            let give_up_after = match () {
                () if probe.may_widen() => SILENCE_TO_WIDEN,
                // Servers that stay silent are waited for only as long as no others are to be had.
                () if more_to_know => SILENCE_TO_LOOK_UP,
                () => 0,
            };
            let asking = way.asking(zone, &probe.question, give_up_after);
            let judge = |reply: &Message| {
                failed.fetch_or(may_be_of_checking(reply), Ordering::Relaxed);
                job.note_malformed(reply.dropped_answers);
                let scrubbed = scrub(reply, &probe.question, zone, job.limits());
                scrubbed.bounded.iter().for_each(|bound| job.reach(*bound));
                let scrubbed = way.read(scrubbed)?;
                let rank = if scrubbed.authoritative { Rank::Authoritative } else { Rank::Answer };
                classify(probe, scrubbed, way.trust).map(|kind| (kind, rank))
            };
            let unanswered = match self.upstream.ask(asking, &mut contacts.campaign, judge, job).await {
                Ok(useful) => {
                    tell_heard(zone, &useful, job);
                    return Ok(useful);
                }
                Err(unanswered) => unanswered,
            };
            match unanswered {
                Unanswered::Deadline => {
                    job.reach(LimitName::WorkDeadline);
                    return Err(ResolveError::Deadline { zone: zone.clone() });
                }
                Unanswered::Limit(limit) => return Err(ResolveError::Limit { limit, zone: zone.clone() }),
                Unanswered::Exhausted => {}
            }
            let recursive = contacts.campaign.last_fault == Some(Fault::Lame(Lameness::Recursive));
            // More addresses are of no use to a zone that had its share of packets.
            if contacts.campaign.may_go_on(job) {
                match Box::pin(self.more_addresses(cut, contacts, job)).await {
                    Ok(true) => continue,
                    // Those that are known may have been given up early: they get the rest of their time.
                    Ok(false) | Err(_) if more_to_know => continue,
                    Ok(false) => {}
                    Err(error) => return Err(error),
                }
            } else if contacts.campaign.has_had(job.limits().sends_per_zone) {
                job.reach(LimitName::SendsPerZone);
            }
            if way.uncheck(failed.load(Ordering::Relaxed)) {
                contacts.campaign.new_question();
            } else if recursive && way.trust == Trust::Authority {
                // A whole zone served by caches is a mistake that answers all the same.
                way.trust = Trust::Anyone;
                contacts.campaign.new_question();
            } else {
                return exhausted(zone, probe, &contacts.campaign);
            }
        }
    }
}

/// No server is left to ask. When they replied, only with nothing in it, the name has no such data.
fn exhausted(zone: &Name, probe: &Probe, campaign: &Campaign) -> Result<Useful<(Kind, Rank)>, ResolveError> {
    if campaign.is_unanimously_empty() {
        let outcome = Outcome::NoData(Denial::new(None, Vec::new(), BARE_DENIAL));
        let kind = if probe.minimised { Kind::NoCut } else { Kind::End(outcome) };
        return Ok(Useful::assumed((kind, Rank::Answer)));
    }
    Err(match campaign.last_fault {
        Some(Fault::Limit(limit)) => ResolveError::Limit { limit, zone: zone.clone() },
        Some(last) => ResolveError::NoServer { zone: zone.clone(), last },
        None => ResolveError::NoAddress { zone: zone.clone() },
    })
}

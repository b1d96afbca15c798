//! Zones for which the operator has named whom to ask: forwarders (RFC 9499: they recurse for us) or authoritative
//! servers (a stub zone: the walk goes on below it).
//!
//! The deepest such zone at or above a name has the say, whatever the tree above it says of the name. Nobody else is
//! asked when its servers fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::addresses::Contacts;
use super::classify::Trust;
use super::{Resolver, Scrubbed};
use crate::dns::{EdeCode, EdnsOption, Message, Name, Question, Rcode, Subtrees, Trail, ZoneCut};
use crate::job::{Checking, Job};
use crate::telemetry::Chosen;
use crate::upstream::{Asking, Fault, Lameness, Manner, Opt};

/// A zone for which the operator has named whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The zone.
    pub zone: Name,
    /// Whom to ask: at least one.
    pub to: Vec<SocketAddr>,
    /// What those are.
    pub service: Service,
}

/// What the servers are that the operator named for a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Forwarders: they get the whole question, and their answer is the end of it.
    Recursive,
    /// Authoritative servers: they take the place of the zone's delegation.
    Authoritative,
}

/// All of them.
pub(super) struct Forwards {
    zones: Subtrees<Forwarded>,
    /// When the log was last told that questions come back.
    told: Mutex<Option<Instant>>,
}

/// One of them, as the walk meets it.
pub(super) struct Forwarded {
    cut: Arc<ZoneCut>,
    to: Vec<SocketAddr>,
    service: Service,
}

impl Forwards {
    pub(super) fn new(settings: &[Forward], now: Instant) -> Self {
        let mut zones = Subtrees::new();
        for Forward { zone, to, service } in settings {
            let cut = Arc::new(ZoneCut { apex: zone.clone(), servers: Arc::new([]), since: now, expires: None });
            zones.insert(zone, Forwarded { cut, to: to.clone(), service: *service });
        }
        Self { zones, told: Mutex::new(None) }
    }

    /// The deepest zone at or above `name`.
    pub(super) fn closest(&self, name: &Name) -> Option<&Forwarded> {
        // Mostly there is none, and nothing to look for.
        if self.zones.is_empty() { None } else { self.zones.closest(name, |_| true) }
    }

    /// The zone of `cut`, if it is one of these and no delegation.
    pub(super) fn of(&self, cut: &Arc<ZoneCut>) -> Option<&Forwarded> {
        self.closest(&cut.apex).filter(|forwarded| Arc::ptr_eq(&forwarded.cut, cut))
    }
}

impl Forwarded {
    /// Where the walk for a name in the zone begins, when `known` is the deepest delegation known above that name.
    pub(super) fn beginning(&self, known: Option<Arc<ZoneCut>>) -> Arc<ZoneCut> {
        let below = |cut: &Arc<ZoneCut>| cut.apex.is_strictly_below(&self.cut.apex);
        let known = known.filter(|cut| self.service == Service::Authoritative && below(cut));
        known.unwrap_or_else(|| Arc::clone(&self.cut))
    }

    pub(super) fn zone(&self) -> &Name {
        &self.cut.apex
    }

    pub(super) fn recurses(&self) -> bool {
        self.service == Service::Recursive
    }
}

/// How the servers of one zone are asked, and how far they are believed.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) manner: Manner,
    pub(super) trust: Trust,
    opt: Opt,
    /// Whether a forwarder that cannot validate something is asked for it as it is.
    may_uncheck: bool,
}

impl Way {
    /// What to ask the servers of `zone`.
    pub(super) const fn asking<'a>(self, zone: &'a Name, question: &'a Question, give_up_after: u32) -> Asking<'a> {
        Asking { zone, question, manner: self.manner, opt: self.opt, give_up_after }
    }

    /// Whether to ask once more, for data as it is, after a forwarder has `failed`: perhaps only its validation has, and
    /// ours knows better (RFC 6840 §5.9). What comes is checked here before anybody gets it.
    pub(super) fn uncheck(&mut self, failed: bool) -> bool {
        let again = failed && std::mem::take(&mut self.may_uncheck);
        if again {
            self.manner = Manner::UncheckedRecursion;
        }
        again
    }

    /// What a reply's delegation means: nothing, from one that was asked to recurse.
    pub(super) fn read(self, mut reply: Scrubbed) -> Result<Scrubbed, Fault> {
        if self.manner.wants_recursion() && reply.delegation.take().is_some() {
            return Err(Fault::Lame(Lameness::NotRecursive));
        }
        Ok(reply)
    }
}

impl Resolver {
    /// How the servers of `cut` are asked on behalf of `job`.
    pub(super) fn way(&self, cut: &Arc<ZoneCut>, job: &Job) -> Way {
        let opt = self.opt(&cut.apex, job);
        if !self.forwards.of(cut).is_some_and(Forwarded::recurses) {
            return Way { manner: Manner::Authority, trust: Trust::Authority, opt, may_uncheck: false };
        }
        // A client that checks by itself wants what there is; so does whoever keeps trust anchors.
        let as_it_is = self.settings.dnssec.validate && job.checking() == Checking::Disabled && job.depth() == 0;
        let manner = if as_it_is { Manner::UncheckedRecursion } else { Manner::Recursion };
        Way { manner, trust: Trust::Anyone, opt, may_uncheck: job.checking() == Checking::Enabled }
    }

    /// The servers of `cut` that can be asked without looking anything up.
    pub(super) fn contacts(&self, cut: &Arc<ZoneCut>, job: &Job) -> Contacts {
        let Some(forwarded) = self.forwards.of(cut) else { return self.known_addresses(cut, job) };
        let mut contacts = Contacts::default();
        for endpoint in forwarded.to.iter().filter(|endpoint| self.upstream.may_ask_if_named(endpoint.ip())) {
            contacts.campaign.add_endpoint(*endpoint);
        }
        contacts
    }

    /// The zone whose forwarders lead in a circle: `question` would be sent to them, and as its `trail` tells it was before.
    pub fn circle(&self, question: &Question, trail: &Trail) -> Option<&Name> {
        let forwarded = self.forwards.closest(&question.name).filter(|forwarded| forwarded.recurses())?;
        if !self.upstream.has_come_round(question, trail) {
            return None;
        }
        let (zone, now) = (forwarded.zone(), self.world.clock.now());
        let told = self.forwards.told.lock().replace(now);
        if told.is_none_or(|told| now.saturating_duration_since(told) >= BETWEEN_WARNINGS) {
            tracing::warn!(%zone, "forwarders send our own questions back to us: they or we have to forward elsewhere");
        }
        Some(zone)
    }

    /// Who chose the servers of `cut`, and how many there are.
    pub(super) fn chosen(&self, cut: &Arc<ZoneCut>) -> (Chosen, usize) {
        match self.forwards.of(cut) {
            Some(Forwarded { service: Service::Recursive, to, .. }) => (Chosen::Forwarders, to.len()),
            Some(Forwarded { service: Service::Authoritative, to, .. }) => (Chosen::Stub, to.len()),
            None => (Chosen::Delegation, cut.servers.len()),
        }
    }
}

/// Whether a forwarder failed, and perhaps only in checking what it found: other reasons it may have told (RFC 8914).
pub(super) fn may_be_of_checking(reply: &Message) -> bool {
    let mut codes = reply.edns.iter().flat_map(|edns| &edns.options).filter_map(|option| match option {
        EdnsOption::Ede(code, _) => Some(code),
        _ => None,
    });
    let elsewhere = [EdeCode::NO_REACHABLE_AUTHORITY, EdeCode::NETWORK_ERROR];
    reply.rcode() == Rcode::SERVFAIL
        && codes.next().is_none_or(|first| !elsewhere.contains(first) || codes.any(|code| !elsewhere.contains(code)))
}

/// A circle is there for days, with many questions a second.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(3600);

//! What a trace is told of a reply. Pure.

use super::classify::Kind;
use crate::cache::Rank;
use crate::dns::{Name, Outcome, RrSet};
use crate::job::Job;
use crate::telemetry::{Heard, Step};
use crate::upstream::Useful;

/// Tells that a reply came and is of use.
pub(super) fn tell_heard(zone: &Name, useful: &Useful<(Kind, Rank)>, job: &Job) {
    job.tell(|| Step::Heard {
        zone: zone.clone(),
        host: useful.host.clone(),
        server: useful.server,
        transport: useful.transport,
        rtt: useful.rtt,
        what: match &useful.kind.0 {
            Kind::Referral(delegation) => Heard::Referral {
                zone: delegation.zone.clone(),
                servers: delegation.servers.iter().map(|server| server.host.clone()).collect(),
            },
            Kind::NoCut => Heard::NoCut,
            Kind::Opaque => Heard::Opaque,
            Kind::Alias(alias) => Heard::Alias { to: alias.last().and_then(RrSet::target).unwrap_or_else(Name::root) },
            Kind::TooLong(_) => Heard::AliasTooLong,
            Kind::Every(sets) => Heard::Answer { records: sets.iter().map(|set| set.rdatas.len()).sum() },
            Kind::End(Outcome::Found(set)) => Heard::Answer { records: set.rdatas.len() },
            Kind::End(Outcome::NoData(_)) => Heard::NoData,
            Kind::End(Outcome::NxDomain(_)) => Heard::NxDomain,
        },
    });
}

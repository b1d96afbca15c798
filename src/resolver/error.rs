//! Why a question could not be resolved.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Reason;
use crate::dns::{Name, RrSet};
use crate::dnssec::{self, Bogus};
use crate::job::{Limit, LimitName, Limits};
use crate::upstream::Fault;

/// The whole reason, with the zone or name at which the walk ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A bound was reached.
    #[error("{limit}, at zone {zone}")]
    Limit {
        /// Which.
        limit: Limit,
        /// Where.
        zone: Name,
    },
    /// Time is up.
    #[error("no answer in time ({}), at zone {zone}", LimitName::WorkDeadline)]
    Deadline {
        /// Where.
        zone: Name,
    },
    /// There was no place for the question, wherever its walk leads or stands.
    #[error("{limit}")]
    NoPlace {
        /// Which bound says so.
        limit: Limit,
    },
    /// The client has waited for long enough; the walk may go on.
    #[error("no answer in time ({})", LimitName::AnswerDeadline)]
    Late,
    /// No server of the zone gave a reply of use.
    #[error("no server of zone {zone} answers: {last}")]
    NoServer {
        /// The zone.
        zone: Name,
        /// What the last one did.
        last: Fault,
    },
    /// The servers of the zone have no address that may be asked.
    #[error("no server of zone {zone} has an address that can be asked")]
    NoAddress {
        /// The zone.
        zone: Name,
    },
    /// The addresses of the zone's servers could not be found out: there may be some.
    #[error("the addresses of the servers of zone {zone} could not be found out: {cause}")]
    AddressUnknown {
        /// The zone.
        zone: Name,
        /// What came of the first look-up that came to no end.
        cause: Box<Self>,
    },
    /// What was found must not be believed.
    #[error("{bogus}")]
    Bogus {
        /// What is wrong with it.
        bogus: Arc<Bogus>,
    },
    /// Aliases lead back to where they started.
    #[error("aliases lead in a circle at {name}")]
    AliasLoop {
        /// The name met twice.
        name: Name,
        /// The aliases up to there when a DNAME is among them, to be shown; else none.
        aliases: Vec<RrSet>,
    },
    /// The name of a server is an alias, which it must not be (RFC 2181 §10.3).
    #[error("the server name {host} is an alias")]
    ServerIsAlias {
        /// The server's name.
        host: Name,
    },
    /// A DNAME makes the name too long (RFC 6672 §2.2).
    #[error("the alias of {name} is longer than a name may be")]
    AliasTooLong {
        /// The name.
        name: Name,
        /// The aliases up to there, the DNAME last.
        aliases: Vec<RrSet>,
    },
    /// The keys of a zone that must have some could not be had.
    #[error("no keys of {zone}: {cause}")]
    NoKeys {
        /// The zone.
        zone: Name,
        /// Why not.
        cause: Box<Self>,
    },
    /// It failed a moment ago and is not tried again yet (RFC 9520).
    #[error("{0} (remembered)")]
    Remembered(Box<Self>),
}

/// Whether they have addresses may be known as soon as somebody has more time.
const LONGEST_UNKNOWN: Duration = Duration::from_secs(5);

impl Reason for ResolveError {
    fn longest(&self, limits: &Limits) -> (Duration, Option<LimitName>) {
        let (longest, bound) = match self.root() {
            // It may be mended any moment, and whoever forged it must not gain by it for long.
            Self::Bogus { .. } => (limits.longest_bogus(), Some(LimitName::BogusTtl)),
            // Servers get addresses, too, and the next question for the zone need not be told.
            Self::NoAddress { .. } => (limits.barren_longest, Some(LimitName::BarrenLongest)),
            Self::AddressUnknown { .. } => (LONGEST_UNKNOWN, None),
            _ => (limits.failure_longest, Some(LimitName::FailureLongest)),
        };
        match limits.failure_longest {
            least if least < longest => (least, Some(LimitName::FailureLongest)),
            _ => (longest, bound),
        }
    }

    fn octets(&self) -> usize {
        match self {
            Self::AliasLoop { name, aliases } | Self::AliasTooLong { name, aliases } => {
                name.wire().len() + aliases.iter().map(|set| size_of::<RrSet>() + set.octets()).sum::<usize>()
            }
            Self::Limit { zone: name, .. }
            | Self::Deadline { zone: name, .. }
            | Self::NoServer { zone: name, .. }
            | Self::NoAddress { zone: name }
            | Self::ServerIsAlias { host: name } => name.wire().len(),
            Self::Bogus { bogus } => size_of::<Bogus>() + bogus.name.wire().len(),
            Self::NoPlace { .. } | Self::Late => 0,
            Self::NoKeys { cause, .. } => size_of::<Self>() + cause.octets(),
            Self::AddressUnknown { zone, cause } => zone.wire().len() + size_of::<Self>() + cause.octets(),
            Self::Remembered(reason) => size_of::<Self>() + reason.octets(),
        }
    }
}

impl ResolveError {
    /// The reason itself, whether met now or remembered.
    pub fn root(&self) -> &Self {
        match self {
            Self::Remembered(reason) => reason.root(),
            _ => self,
        }
    }

    /// The innermost reason why addresses are not known.
    pub(super) fn into_cause(self) -> Self {
        match self {
            Self::Remembered(inner) | Self::AddressUnknown { cause: inner, .. } => inner.into_cause(),
            _ => self,
        }
    }

    /// The same failure when it was keys that were asked for.
    pub(super) fn of_keys(self) -> Self {
        let zone = match &self {
            Self::NoServer { zone, .. } | Self::NoAddress { zone } => zone.clone(),
            _ => return self,
        };
        Self::NoKeys { zone, cause: Box::new(self) }
    }

    /// Whether it may have been met in finding out whether data is authentic, not in finding the data.
    pub(super) const fn may_be_of_checking(&self) -> bool {
        matches!(
            self,
            Self::Bogus { .. }
                | Self::NoKeys { .. }
                | Self::Deadline { .. }
                | Self::Limit { .. }
                | Self::AddressUnknown { .. }
        )
    }

    /// Whether it was silence, which one packet may show to be over.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(self, Self::NoServer { last: Fault::Timeout | Fault::Unreachable(_), .. } | Self::Deadline { .. })
    }

    /// Whether nobody gave an answer, so that an old one may do (RFC 8767 §4). Aliases that lead nowhere are an answer.
    pub fn is_no_answer(&self) -> bool {
        !matches!(
            self.root(),
            Self::AliasLoop { .. }
                | Self::AliasTooLong { .. }
                | Self::ServerIsAlias { .. }
                | Self::Limit { limit: Limit::Aliases, .. }
        )
    }

    /// Whether data was found that must not be believed.
    pub const fn is_bogus(&self) -> bool {
        matches!(self, Self::Bogus { .. })
    }

    /// Whether finding out took more work than a question may cost: another server is of no help.
    pub(super) fn is_costly(&self) -> bool {
        matches!(self, Self::Bogus { bogus } if matches!(bogus.reason, dnssec::Reason::TooMuch(_)))
    }

    /// Whether another server is of no help: it would be as much work, or give the same keys.
    pub(super) fn is_settled(&self) -> bool {
        let is_estranged = matches!(self, Self::Bogus { bogus } if matches!(bogus.reason, dnssec::Reason::Estranged));
        is_estranged || self.is_costly()
    }

    /// Whether nothing else is worth trying: there is no work, time or packet left.
    pub(super) fn is_final(&self) -> bool {
        self.is_costly() || matches!(self, Self::Limit { .. } | Self::Deadline { .. } | Self::AddressUnknown { .. })
    }

    /// Whether the look-up of an address that ended so says nothing of whether there is one: it had no time, no
    /// place beside others, or nothing left to spend. A circle of zones is an answer.
    pub(super) fn is_open(&self) -> bool {
        match self.root() {
            Self::Deadline { .. } | Self::AddressUnknown { .. } => true,
            Self::Limit { limit, .. } => {
                limit.is_others_doing()
                    || matches!(limit, Limit::TcpQueries | Limit::TcpPerServer | Limit::UpstreamOctets)
            }
            _ => false,
        }
    }

    /// Whether the failure is the question's own, so that asking again in a second would be in vain. What a sub-question
    /// could not find out may be due to the question above it, its budget or its place in a circle.
    pub(super) fn is_lasting(&self, depth: u32) -> bool {
        match self {
            Self::NoServer { .. } => true,
            Self::NoKeys { cause, .. } | Self::AddressUnknown { cause, .. } => cause.is_lasting(depth),
            Self::Limit { limit, .. } if limit.is_others_doing() => false,
            Self::Remembered(_) | Self::ServerIsAlias { .. } => false,
            _ => depth == 0,
        }
    }
}

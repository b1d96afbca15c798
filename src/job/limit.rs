//! The bounds in words: their names, and how one ends a question.

use std::fmt;

use super::LimitName;

/// The bound that was reached. Each text names its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Limit {
    /// `upstream_queries`.
    #[error("too many queries to other servers for one question (limits.upstream-queries)")]
    UpstreamQueries,
    /// `tcp_queries`.
    #[error("too many TCP queries for one question (limits.tcp-queries)")]
    TcpQueries,
    /// `tcp_per_server`.
    #[error("too many TCP queries to one server at once (limits.tcp-per-server)")]
    TcpPerServer,
    /// `exchanges`.
    #[error("too many queries to other servers at once (limits.exchanges)")]
    Exchanges,
    /// `upstream_octets`.
    #[error("too much data received for one question (limits.upstream-octets)")]
    UpstreamOctets,
    /// `depth`.
    #[error("servers of servers of servers (limits.depth)")]
    Depth,
    /// A question waits for itself: no bound that could be set.
    #[error("the zones' servers are found only through each other (cycle)")]
    Cycle,
    /// `referrals`.
    #[error("too many referrals (limits.referrals)")]
    Referrals,
    /// `address_lookups`.
    #[error("too many server addresses to look up (limits.address-lookups)")]
    AddressLookups,
    /// `aliases`.
    #[error("the chain of aliases is too long (limits.aliases)")]
    Aliases,
    /// `jobs`.
    #[error("too many questions at once (limits.jobs)")]
    Jobs,
    /// `jobs_per_zone`.
    #[error("too many questions about one zone at once (limits.jobs-per-zone)")]
    JobsPerZone,
    /// `jobs_per_server`.
    #[error("too many questions wait for the same servers (limits.jobs-per-server)")]
    JobsPerServer,
    /// One of the four on the questions of a client or its network.
    #[error("too many questions of this client or its network wait ({0})")]
    ClientQuestions(LimitName),
    /// `waiters_per_question`.
    #[error("too many clients wait for this question (limits.waiters-per-question)")]
    Waiters,
}

impl Limit {
    /// Whether it is due to other questions: this one may do well in a moment.
    pub const fn is_others_doing(self) -> bool {
        matches!(self, Self::Jobs | Self::JobsPerZone | Self::JobsPerServer | Self::Exchanges | Self::Waiters)
    }
}

impl LimitName {
    /// Whether honest clients and servers, dead ones among them, reach it every day: the log does not mention it each minute.
    pub const fn is_everyday(self) -> bool {
        self.is_pace()
            || matches!(
                self,
                Self::SendsPerZone
                    | Self::FailedAddressLookups
                    | Self::AddressLookupsPerDelegation
                    | Self::ServersPerDelegation
                    | Self::AddressesPerServer
                    | Self::SignaturesPerRrset
                    | Self::BogusRetries
                    | Self::LameZonesPerServer
                    | Self::ProofsPerZone
                    | Self::WorkDeadline
                    | Self::UnprovenReply
                    | Self::UnprovenFactor
            )
    }

    /// Whether it only says how fast or by which steps something is done: it is no reason for a failure.
    pub const fn is_pace(self) -> bool {
        matches!(
            self,
            Self::SendsPerServer
                | Self::MinimisationSteps
                | Self::MinimisationSingleLabels
                | Self::FirstTimeout
                | Self::ShortestTimeout
                | Self::LongestTimeout
                | Self::LoneTimeout
                | Self::LateTries
                | Self::TcpTimeout
                | Self::TcpIdle
                | Self::BogusTtl
                | Self::TcpServerIdle
                | Self::AddressLookupsAtOnce
                | Self::FailureFirst
                | Self::FailureLongest
                | Self::BarrenLongest
                | Self::ServerHoldLongest
                | Self::ServerPeculiarity
        )
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limits.{}", self.field().replace('_', "-"))
    }
}

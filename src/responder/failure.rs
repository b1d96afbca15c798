//! Why there is no answer, as a client is told: RCODE and extended error. The only place that decides it.
//!
//! Each text ends in a tag of four letters that stands nowhere else in the source.

use crate::dns::{Ede, EdeCode, Rcode};
use crate::job::Limit;
use crate::resolver::ResolveError;
use crate::upstream::Fault;

/// The reply to a question that failed with `error`.
pub(super) fn explain(error: &ResolveError) -> (Rcode, Ede) {
    let remembered = matches!(error, ResolveError::Remembered(_));
    let reason = error.root();
    let (code, tag) = match reason {
        ResolveError::Limit { limit, .. } => limit_tag(*limit),
        ResolveError::Deadline { .. } => (EdeCode::NO_REACHABLE_AUTHORITY, "LATE"),
        ResolveError::NoServer { last, .. } => fault_tag(*last),
        ResolveError::NoAddress { .. } => (EdeCode::NO_REACHABLE_AUTHORITY, "NOAD"),
        ResolveError::Bogus { bogus } => (bogus.reason.ede(), "BOGU"),
        ResolveError::AliasLoop { .. } => (EdeCode::OTHER, "LOOP"),
        ResolveError::AliasTooLong { .. } => (EdeCode::OTHER, "LONG"),
        ResolveError::ServerIsAlias { .. } => (EdeCode::INVALID_DATA, "SRVA"),
        ResolveError::Remembered(_) => (EdeCode::CACHED_ERROR, "KEPT"),
    };
    let rcode = match reason {
        ResolveError::AliasTooLong { .. } => Rcode::YXDOMAIN,
        _ => Rcode::SERVFAIL,
    };
    let (code, text) = match remembered {
        // What is wrong with the data is as wrong a moment later.
        true if reason.is_bogus() => (code, format!("{reason}, a moment ago [{tag}]")),
        true => (EdeCode::CACHED_ERROR, format!("{reason}, a moment ago [{tag}]")),
        false => (code, format!("{reason} [{tag}]")),
    };
    (rcode, Ede::new(code, text))
}

const fn limit_tag(limit: Limit) -> (EdeCode, &'static str) {
    let tag = match limit {
        Limit::UpstreamQueries => "UPSQ",
        Limit::TcpQueries => "TCPQ",
        Limit::UpstreamOctets => "OCTS",
        Limit::Depth => "DEEP",
        Limit::Cycle => "CYCL",
        Limit::Referrals => "REFS",
        Limit::AddressLookups => "ADDR",
        Limit::Aliases => "ALIA",
        Limit::Jobs => "JOBS",
        Limit::Waiters => "WAIT",
    };
    (EdeCode::OTHER, tag)
}

const fn fault_tag(fault: Fault) -> (EdeCode, &'static str) {
    match fault {
        Fault::Timeout => (EdeCode::NO_REACHABLE_AUTHORITY, "TIME"),
        Fault::Unreachable(_) => (EdeCode::NETWORK_ERROR, "UNRE"),
        Fault::Malformed(_) => (EdeCode::INVALID_DATA, "MALF"),
        Fault::NearMiss => (EdeCode::INVALID_DATA, "NEAR"),
        Fault::OtherCase => (EdeCode::INVALID_DATA, "CASE"),
        Fault::Truncated => (EdeCode::INVALID_DATA, "TRUN"),
        Fault::Rcode(_) => (EdeCode::NO_REACHABLE_AUTHORITY, "RCOD"),
        Fault::Lame(_) => (EdeCode::NO_REACHABLE_AUTHORITY, "LAME"),
        Fault::Empty => (EdeCode::INVALID_DATA, "EMPT"),
        Fault::Contradiction(_) => (EdeCode::INVALID_DATA, "CONT"),
        Fault::Limit(limit) => limit_tag(limit),
    }
}

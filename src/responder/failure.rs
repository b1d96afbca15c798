//! Why there is no answer, as a client is told: RCODE and extended error. The only place that decides it.
//!
//! Each text ends in a tag of four letters that stands nowhere else in the source.

use crate::cache::Answer;
use crate::dns::{Ede, EdeCode, Rcode};
use crate::job::{Budget, Limit};
use crate::resolver::ResolveError;
use crate::upstream::Fault;

/// The reply to a question that failed with `error`: RCODE, extended error, and another that says more, if there is one
/// (RFC 8914 §2).
pub(super) fn explain(error: &ResolveError) -> (Rcode, Ede, Option<Ede>) {
    let remembered = matches!(error, ResolveError::Remembered(_));
    let reason = error.root();
    let (code, tag) = match reason {
        ResolveError::Limit { limit, .. } | ResolveError::NoPlace { limit } => limit_tag(*limit),
        ResolveError::Deadline { .. } | ResolveError::Late => (EdeCode::NO_REACHABLE_AUTHORITY, "LATE"),
        ResolveError::NoServer { last, .. } => fault_tag(*last),
        ResolveError::NoAddress { .. } => (EdeCode::NO_REACHABLE_AUTHORITY, "NOAD"),
        ResolveError::AddressUnknown { cause, .. } => match cause.as_ref() {
            ResolveError::Limit { limit, .. } if limit.is_others_doing() => limit_tag(*limit),
            // Delegations that lead in circles, or nowhere: whatever bound ended it, there was nobody to ask.
            ResolveError::Limit { limit, .. } => (EdeCode::NO_REACHABLE_AUTHORITY, limit_tag(*limit).1),
            _ => (EdeCode::NO_REACHABLE_AUTHORITY, "ADUN"),
        },
        ResolveError::NoKeys { .. } => (EdeCode::DNSKEY_MISSING, "NKEY"),
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
    let more = match reason {
        ResolveError::NoKeys { .. } if remembered => Some(Ede::new(EdeCode::DNSKEY_MISSING, String::new())),
        _ => more(reason),
    };
    (rcode, Ede::new(code, text), more)
}

/// What else is the matter.
fn more(reason: &ResolveError) -> Option<Ede> {
    match reason {
        ResolveError::NoKeys { cause, .. } => {
            more(cause).or_else(|| Some(Ede::new(EdeCode::NO_REACHABLE_AUTHORITY, String::new())))
        }
        // The server was there, and could or would not (RFC 8914 §4.24).
        ResolveError::NoServer { last: Fault::Rcode(rcode), .. } => {
            Some(Ede::new(EdeCode::NETWORK_ERROR, format!("the last server replied {rcode} [SAID]")))
        }
        _ => None,
    }
}

/// The same answer; when something was left out of what servers said, it tells so: what is missing, or what does not
/// validate, may be that.
pub(super) fn qualify(answer: Answer, spent: &Budget) -> Answer {
    if !spent.met_malformed() {
        return answer;
    }
    let left_out = Ede::new(EdeCode::OTHER, "malformed records were left out of a server's answer [LEFT]");
    Answer { options: [&answer.options, left_out.option().as_slice()].concat().into(), ..answer }
}

/// The same failure. When bounds were reached on the way that `error` itself does not name, it tells which: they may be why
/// nothing better was found.
pub(super) fn with_bounds(failed: Answer, error: &ResolveError, spent: &Budget) -> Answer {
    let text = error.to_string();
    let names = spent.met().into_iter().filter(|name| !name.is_pace()).map(|name| name.to_string());
    let names: Vec<String> = names.filter(|name| !text.contains(name)).take(MOST_NAMED).collect();
    if names.is_empty() {
        return failed;
    }
    let reached = Ede::new(EdeCode::OTHER, format!("reached on the way: {} [WAYS]", names.join(", ")));
    Answer { options: [&failed.options, reached.option().as_slice()].concat().into(), ..failed }
}

/// Bounds that one failure names besides its own: a reply is not to grow out of what a client may get.
const MOST_NAMED: usize = 3;

const fn limit_tag(limit: Limit) -> (EdeCode, &'static str) {
    let tag = match limit {
        Limit::UpstreamQueries => "UPSQ",
        Limit::TcpQueries => "TCPQ",
        Limit::TcpPerServer => "TCPS",
        Limit::Exchanges => "EXCH",
        Limit::UpstreamOctets => "OCTS",
        Limit::Depth => "DEEP",
        Limit::Cycle => "CYCL",
        Limit::Referrals => "REFS",
        Limit::AddressLookups => "ADDR",
        Limit::Aliases => "ALIA",
        Limit::Jobs => "JOBS",
        Limit::JobsPerZone => "ZONJ",
        Limit::JobsPerServer => "SRVJ",
        Limit::Waiters => "WAIT",
        Limit::ClientQuestions(_) => "FAIR",
    };
    // Without a stream for what no datagram holds there was nobody who could have replied.
    let code = if matches!(limit, Limit::TcpQueries) { EdeCode::NO_REACHABLE_AUTHORITY } else { EdeCode::OTHER };
    (code, tag)
}

const fn fault_tag(fault: Fault) -> (EdeCode, &'static str) {
    match fault {
        Fault::Timeout => (EdeCode::NO_REACHABLE_AUTHORITY, "TIME"),
        Fault::Unreachable(_) => (EdeCode::NETWORK_ERROR, "UNRE"),
        Fault::Malformed(_) => (EdeCode::INVALID_DATA, "MALF"),
        Fault::TooMuch(_) => (EdeCode::OTHER, "MUCH"),
        Fault::NearMiss => (EdeCode::INVALID_DATA, "NEAR"),
        Fault::OtherCase => (EdeCode::INVALID_DATA, "CASE"),
        Fault::WrongCookie => (EdeCode::INVALID_DATA, "COOK"),
        Fault::Truncated => (EdeCode::INVALID_DATA, "TRUN"),
        Fault::Rcode(_) => (EdeCode::NO_REACHABLE_AUTHORITY, "RCOD"),
        Fault::Lame(_) => (EdeCode::NO_REACHABLE_AUTHORITY, "LAME"),
        Fault::Empty => (EdeCode::INVALID_DATA, "EMPT"),
        Fault::Contradiction(_) => (EdeCode::INVALID_DATA, "CONT"),
        Fault::Limit(limit) => limit_tag(limit),
    }
}

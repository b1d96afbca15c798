//! A trace as people read it: one line per exchange, in the order in which queries were sent, with what came of each.
//!
//! Names of zones and servers are shown in lower case: the case of 0x20 is noise here, and the JSON has it.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::dns::{Name, Question, Security};
use crate::telemetry::{Chosen, Entry, FromCache, Heard, Step};
use crate::world::Transport;

use super::reply::milliseconds;

/// One line.
enum Line {
    /// A query, and what came of it.
    Exchange { at: Duration, depth: u32, asked: Question, server: Asked, took: Option<Duration>, end: String },
    /// Anything else that happened.
    Note { at: Duration, depth: u32, text: String },
}

/// Whom a query went to.
struct Asked {
    host: Option<Name>,
    address: SocketAddr,
    transport: Transport,
}

/// The steps, aligned.
pub fn to_text(entries: &[Entry]) -> String {
    let lines = lines(entries);
    let width = |column: fn(&Line) -> usize| lines.iter().map(column).max().unwrap_or(0);
    let asked = width(|line| line.asked().len());
    let server = width(|line| line.server().chars().count());
    let mut text = String::new();
    for line in &lines {
        let time = |time: Duration| format!("{:.1} ms", milliseconds(time));
        let _ = match line {
            Line::Exchange { at, took, end, .. } => {
                let took = took.map_or_else(|| "-".to_owned(), time);
                writeln!(
                    text,
                    "{:>11}  {:<asked$}  \u{2192} {:<server$}  {took:>9}  {end}",
                    time(*at),
                    line.asked(),
                    line.server()
                )
            }
            Line::Note { at, text: note, .. } => writeln!(text, "{:>11}  {}{note}", time(*at), line.indent()),
        };
    }
    text
}

/// The steps as JSON, none left out.
pub fn to_json(entries: &[Entry]) -> Vec<Json> {
    entries.iter().map(entry_to_json).collect()
}

impl Line {
    /// Whether this is an exchange of that depth with that server whose end is not known yet.
    fn is_open(&self, key: (u32, SocketAddr)) -> bool {
        matches!(self, Self::Exchange { depth, server, took: None, .. } if (*depth, server.address) == key)
    }

    fn indent(&self) -> String {
        let (Self::Exchange { depth, .. } | Self::Note { depth, .. }) = self;
        "  ".repeat(usize::try_from(*depth).unwrap_or(0))
    }

    /// The question, below its zone's line.
    fn asked(&self) -> String {
        match self {
            Self::Exchange { asked, .. } => format!("{}  {asked}", self.indent()),
            Self::Note { .. } => String::new(),
        }
    }

    fn server(&self) -> String {
        match self {
            Self::Exchange { server: Asked { host, address, transport }, .. } => {
                let host = host.as_ref().map(|host| format!("{} ", host.to_lowercase())).unwrap_or_default();
                format!("{host}{address} {}", over(*transport))
            }
            Self::Note { .. } => String::new(),
        }
    }
}

fn lines(entries: &[Entry]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for Entry { at, depth, step } in entries {
        let (at, depth) = (*at, *depth);
        match step {
            Step::Sent { host, server, transport, question, .. } => {
                again(&mut lines, (depth, *server), at, *transport);
                lines.push(Line::Exchange {
                    at,
                    depth,
                    asked: Question::new(question.name.to_lowercase(), question.rtype),
                    server: Asked { host: host.clone(), address: *server, transport: *transport },
                    took: None,
                    end: "overtaken: no reply was waited for".to_owned(),
                });
            }
            Step::Heard { server, rtt, what, .. } => finish(&mut lines, (depth, *server), *rtt, &heard(what)),
            Step::Failed { server, after, fault, .. } => finish(&mut lines, (depth, *server), *after, fault),
            other => lines.extend(note(other).map(|text| Line::Note { at, depth, text })),
        }
    }
    lines
}

/// A server that is asked again before an end was told has replied, but with nothing of use.
fn again(lines: &mut [Line], key: (u32, SocketAddr), now: Duration, transport: Transport) {
    let open = lines.iter().find(|line| line.is_open(key));
    let sent = open.map_or(now, |line| match line {
        Line::Exchange { at, .. } | Line::Note { at, .. } => *at,
    });
    let end = match transport {
        Transport::Tcp => "truncated or doubtful: again over TCP",
        Transport::Udp => "does not know EDNS or changes case: again without",
    };
    finish(lines, key, now.saturating_sub(sent), end);
}

/// Writes the end of an exchange onto the line of its query: the first to that server that has none yet.
fn finish(lines: &mut [Line], key: (u32, SocketAddr), time: Duration, what: &str) {
    if let Some(Line::Exchange { took, end, .. }) = lines.iter_mut().find(|line| line.is_open(key)) {
        *took = Some(time);
        what.clone_into(end);
    }
}

/// The text of a step that is no exchange.
fn note(step: &Step) -> Option<String> {
    Some(match step {
        Step::Started { question } => format!("{question}"),
        Step::Cached { question, what } => format!("cache: {question} is known: {}", from_cache(*what)),
        Step::Entered { zone, servers, chosen } => entered(zone, *servers, *chosen),
        Step::Chain { zone, standing } => format!("keys of {}: {standing}", zone.to_lowercase()),
        Step::Checked { question, security } => format!("{question} is {}", security_word(*security)),
        Step::Alias { from, to } => format!("{} is an alias of {}", from.to_lowercase(), to.to_lowercase()),
        Step::Answered { rcode, queries } => format!("{rcode}, after {}", counted_queries(*queries)),
        Step::GaveUp { reason, queries } => format!("given up after {}: {reason}", counted_queries(*queries)),
        Step::Sent { .. } | Step::Heard { .. } | Step::Failed { .. } => return None,
    })
}

fn entered(zone: &Name, servers: usize, chosen: Chosen) -> String {
    let zone = zone.to_lowercase();
    match role(chosen) {
        Some(role) => format!("zone {zone} with {}, as configured", counted(servers, role)),
        None => format!("zone {zone} with {}", counted(servers, "server")),
    }
}

/// What the servers are that the operator has set.
const fn role(chosen: Chosen) -> Option<&'static str> {
    match chosen {
        Chosen::Delegation => None,
        Chosen::Forwarders => Some("forwarder"),
        Chosen::Stub => Some("stub server"),
    }
}

fn heard(what: &Heard) -> String {
    match what {
        Heard::Referral { zone, servers } => {
            format!("referral to {} ({})", zone.to_lowercase(), counted(servers.len(), "server"))
        }
        Heard::NoCut => "no zone of its own here: one more label".to_owned(),
        Heard::Opaque => "shortened question refused: the whole name next".to_owned(),
        Heard::Alias { to } => format!("alias of {}", to.to_lowercase()),
        Heard::Answer { records } => format!("answer, {}", counted(*records, "record")),
        Heard::NoData => "no such data".to_owned(),
        Heard::AliasTooLong => "an alias longer than a name may be".to_owned(),
        Heard::NxDomain => "no such name".to_owned(),
    }
}

const fn from_cache(what: FromCache) -> &'static str {
    match what {
        FromCache::Answer => "the answer",
        FromCache::Alias => "an alias",
        FromCache::NoData => "no such data",
        FromCache::NxDomain => "no such name",
        FromCache::Proof => "a proof that there is no such thing",
        FromCache::Failure => "it failed a moment ago",
    }
}

const fn over(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn counted_queries(queries: u32) -> String {
    if queries == 1 { "1 query".to_owned() } else { format!("{queries} queries") }
}

fn entry_to_json(entry: &Entry) -> Json {
    let mut json = match &entry.step {
        Step::Started { question } => json!({ "step": "started", "question": question.to_string() }),
        Step::Cached { question, what } => {
            json!({ "step": "cached", "question": question.to_string(), "what": from_cache(*what) })
        }
        Step::Entered { zone, servers, chosen } => {
            let mut json = json!({ "step": "entered", "zone": zone.to_string(), "servers": servers });
            if let Some(role) = role(*chosen) {
                set(&mut json, "configured", role);
            }
            json
        }
        Step::Sent { zone, host, server, transport, question } => {
            let mut json = exchange("sent", zone, host.as_ref(), (*server, *transport));
            set(&mut json, "question", question.to_string());
            json
        }
        Step::Heard { zone, host, server, transport, rtt, what } => {
            let mut json = exchange("heard", zone, host.as_ref(), (*server, *transport));
            set(&mut json, "took_ms", milliseconds(*rtt));
            set(&mut json, "reply", heard_to_json(what));
            json
        }
        Step::Failed { zone, host, server, transport, after, fault } => {
            let mut json = exchange("failed", zone, host.as_ref(), (*server, *transport));
            set(&mut json, "took_ms", milliseconds(*after));
            set(&mut json, "fault", fault.as_str());
            json
        }
        Step::Chain { zone, standing } => json!({ "step": "chain", "zone": zone.to_string(), "standing": standing }),
        Step::Checked { question, security } => {
            json!({ "step": "checked", "question": question.to_string(), "security": security_word(*security) })
        }
        Step::Alias { from, to } => json!({ "step": "alias", "from": from.to_string(), "to": to.to_string() }),
        Step::Answered { rcode, queries } => {
            json!({ "step": "answered", "status": rcode.to_string(), "queries": queries })
        }
        Step::GaveUp { reason, queries } => json!({ "step": "gave up", "reason": reason, "queries": queries }),
    };
    set(&mut json, "at_ms", milliseconds(entry.at));
    set(&mut json, "depth", entry.depth);
    json
}

fn exchange(step: &str, zone: &Name, host: Option<&Name>, to: (SocketAddr, Transport)) -> Json {
    json!({
        "step": step,
        "zone": zone.to_string(),
        "host": host.map(Name::to_string),
        "server": to.0.to_string(),
        "transport": over(to.1),
    })
}

fn heard_to_json(what: &Heard) -> Json {
    match what {
        Heard::Referral { zone, servers } => {
            let servers: Vec<String> = servers.iter().map(Name::to_string).collect();
            json!({ "kind": "referral", "zone": zone.to_string(), "servers": servers })
        }
        Heard::NoCut => json!({ "kind": "no cut" }),
        Heard::Opaque => json!({ "kind": "opaque" }),
        Heard::Alias { to } => json!({ "kind": "alias", "to": to.to_string() }),
        Heard::Answer { records } => json!({ "kind": "answer", "records": records }),
        Heard::NoData => json!({ "kind": "no data" }),
        Heard::AliasTooLong => json!({ "kind": "alias too long" }),
        Heard::NxDomain => json!({ "kind": "nxdomain" }),
    }
}

fn set(json: &mut Json, key: &str, value: impl Into<Json>) {
    if let Some(object) = json.as_object_mut() {
        object.insert(key.to_owned(), value.into());
    }
}

const fn security_word(security: Security) -> &'static str {
    match security {
        Security::Unchecked => "unchecked",
        Security::Insecure => "insecure",
        Security::Secure => "secure",
    }
}

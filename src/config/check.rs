//! From what was given to what is in force: every value read, every relation between values checked.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::dns::NameServer;
use crate::job::Limits;
use crate::resolver::{Ipv6, Minimisation};
use crate::{cache, policy, resolver};

use super::given::Given;
use super::problem::{Complaint, Problem};
use super::{Config, Log, LogFormat, Overrides, clients, dnssec, forward, hints, networks, stale, value};

/// Checks what was given. `base` is the folder that relative paths start from.
///
/// # Errors
/// Every problem there is.
pub fn check(mut given: Given, base: &Path, overrides: &Overrides) -> Result<(Config, Given), Vec<Problem>> {
    given.refuse_unbuilt();
    let config = read(&mut given, base, overrides);
    match config {
        Some(config) if given.is_right() => Ok((config, given)),
        _ => Err(given.into_problems()),
    }
}

/// Reads everything before it gives up on anything, so that all problems are found.
fn read(given: &mut Given, base: &Path, overrides: &Overrides) -> Option<Config> {
    let listen = listen(given, overrides);
    let workers = given.one("workers", value::workers);
    let source = source(given);
    let forwards = forward::read(given);
    let policy = clients::policy(given, base);
    let cache = cache(given);
    let resolver = resolver(given, &Paths { base, overrides }, source.as_deref().unwrap_or_default());
    let rollover = dnssec::rollover(given, base);
    let limits = limits(given);
    if let (Some(all), Some(listen), Some(resolver)) = (&forwards, &listen, &resolver) {
        let around = forward::Surroundings { listen, ipv4: resolver.ipv4, ipv6: resolver.ipv6 };
        forward::check(given, all, &around);
    }
    let log = log(given);
    let forwards = forwards?;
    Some(Config {
        listen: listen?,
        workers: overrides.workers.or(workers?),
        source: source?,
        policy: policy::Settings {
            elsewhere: forwards.iter().map(|forward| forward.zone.clone()).collect(),
            ..policy?
        },
        cache: cache?,
        resolver: resolver::Settings { forwards, ..resolver? },
        rollover: rollover?,
        limits: limits?,
        log: log?,
    })
}

fn listen(given: &mut Given, overrides: &Overrides) -> Option<Vec<SocketAddr>> {
    let listen = given.list("listen", value::endpoint)?;
    if listen.is_empty() {
        given.complain(
            "listen",
            Complaint::new("there is nothing to listen on", "name at least one address, or remove the key"),
        );
        return None;
    }
    for (i, endpoint) in listen.iter().enumerate() {
        if listen.iter().take(i).any(|other| other == endpoint) {
            given.complain_item(
                "listen",
                i,
                Complaint::new(format!("`{endpoint}` is already in the list"), "remove one of the two"),
            );
        } else if let Some(all) = listen.iter().find(|all| covers(all, endpoint)) {
            let reason = format!("`{all}` is in the list, which is every address: both cannot be listened on");
            given.complain_item("listen", i, Complaint::new(reason, format!("remove `{endpoint}`, or the other")));
        }
    }
    Some(if overrides.listen.is_empty() { listen } else { overrides.listen.clone() })
}

/// Whether `all` is the wildcard of `endpoint`'s family and port. That of IPv6 takes no IPv4.
fn covers(all: &SocketAddr, endpoint: &SocketAddr) -> bool {
    let alike = all.is_ipv4() == endpoint.is_ipv4() && all.port() == endpoint.port();
    alike && all.ip().is_unspecified() && !endpoint.ip().is_unspecified()
}

fn source(given: &mut Given) -> Option<Vec<IpAddr>> {
    let source = given.list("resolver.source", value::address)?;
    if let Some(i) = source.iter().position(|ip| ip.is_unspecified() || ip.is_multicast()) {
        let complaint =
            Complaint::new("no packet can come from this address", "name an address of this host, or remove the key");
        given.complain_item("resolver.source", i, complaint);
    }
    Some(source)
}

fn cache(given: &mut Given) -> Option<cache::Settings> {
    let size = given.one("cache.size", |text| match value::size(text)? {
        size if size < LEAST_CACHE => {
            Err(Complaint::new(format!("`{text}` is too small to be of use"), "write at least `1MiB`"))
        }
        size => Ok(size),
    });
    let min_ttl = given.one("cache.min-ttl", |text| value::ttl(text, WEEK));
    let max_ttl = given.one("cache.max-ttl", |text| value::ttl(text, WEEK));
    // RFC 2308 §5: longer than a day has been found to be harmful.
    let max_negative_ttl = given.one("cache.max-negative-ttl", |text| value::ttl(text, DAY));
    let serve_stale = stale::read(given);
    let (min_ttl, max_ttl) = (min_ttl?, max_ttl?);
    if min_ttl > max_ttl {
        let key = if given.has("cache.min-ttl") { "cache.min-ttl" } else { "cache.max-ttl" };
        let reason = format!("min-ttl ({min_ttl}s) is longer than max-ttl ({max_ttl}s)");
        given.complain(key, Complaint::new(reason, "let min-ttl be no longer than max-ttl"));
    }
    Some(cache::Settings {
        size: size?,
        min_ttl,
        max_ttl,
        max_negative_ttl: max_negative_ttl?,
        serve_stale: serve_stale?,
    })
}

/// Where files come from.
struct Paths<'a> {
    base: &'a Path,
    overrides: &'a Overrides,
}

fn resolver(given: &mut Given, paths: &Paths<'_>, source: &[IpAddr]) -> Option<resolver::Settings> {
    let root_hints = root_hints(given, paths);
    let ipv4 = given.one("resolver.ipv4", value::flag);
    let ipv6 = given.one("resolver.ipv6", |text| {
        let all = [("auto", Ipv6::Auto), ("true", Ipv6::On), ("false", Ipv6::Off)];
        choose(text, &all)
    });
    let qname_minimisation = given.one("resolver.qname-minimisation", |text| {
        let all = [("relaxed", Minimisation::Relaxed), ("strict", Minimisation::Strict), ("off", Minimisation::Off)];
        choose(text, &all)
    });
    let case_randomisation = given.one("resolver.case-randomisation", value::flag);
    let cookies = given.one("resolver.cookies", value::flag);
    let several = |v4| source.iter().filter(|address| address.is_ipv4() == v4).count() > 1;
    let upstream_port = given.one("resolver.upstream-port", value::port);
    let never_ask = never_ask(given);
    let dnssec = dnssec::read(given, paths.base);
    let (ipv4, ipv6) = (ipv4?, ipv6?);
    if !ipv4 && ipv6 == Ipv6::Off {
        let complaint =
            Complaint::new("with IPv4 and IPv6 off no server can be asked", "let one of `ipv4` and `ipv6` be on");
        given.complain("resolver.ipv4", complaint);
    }
    Some(resolver::Settings {
        root_hints: root_hints?,
        ipv4,
        ipv6,
        qname_minimisation: qname_minimisation?,
        case_randomisation: case_randomisation?,
        cookies: cookies? && !several(true) && !several(false),
        upstream_port: upstream_port?,
        never_ask: never_ask?,
        // The server knows them when it has bound its sockets.
        own_addresses: Vec::new(),
        forwards: Vec::new(),
        dnssec: dnssec?,
    })
}

fn root_hints(given: &mut Given, paths: &Paths<'_>) -> Option<Vec<NameServer>> {
    let from = given.one("resolver.root-hints", |text| Ok((text != "builtin").then(|| PathBuf::from(text))))?;
    let path = match (&paths.overrides.root_hints, from) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) => paths.base.join(path),
        (None, None) => return Some(hints::builtin()),
    };
    let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
    match read.and_then(|text| hints::read(&text).map_err(|error| error.to_string())) {
        Ok(servers) => Some(servers),
        Err(why) => {
            let reason = format!("{} is no root hints file: {why}", path.display());
            let remedy = "name a file in the format of named.root, or write `builtin`";
            given.complain("resolver.root-hints", Complaint::new(reason, remedy));
            None
        }
    }
}

fn never_ask(given: &mut Given) -> Option<Vec<IpNet>> {
    let mut networks = networks::nobody();
    if given.is_word("resolver.never-ask", "default") {
        networks.extend(networks::special_purpose());
    } else {
        networks.extend(given.list("resolver.never-ask", value::network)?);
    }
    Some(networks)
}

fn limits(given: &mut Given) -> Option<Limits> {
    let mut limits = Limits::default();
    let mut complete = true;
    for bound in Limits::default().table() {
        let key = format!("limits.{}", bound.name.replace('_', "-"));
        let value = match bound.unit {
            "ms" => given.one(&key, value::bound_time).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            _ => given.one(&key, value::bound).map(u64::from),
        };
        complete &= value.is_some_and(|value| limits.set(bound.name, value));
    }
    let remembered = [
        ("limits.failure-first", limits.failure_first),
        ("limits.failure-longest", limits.failure_longest),
        ("limits.barren-longest", limits.barren_longest),
        ("limits.bogus-ttl", limits.bogus_ttl),
    ];
    for (key, _) in remembered.into_iter().filter(|(_, time)| !REMEMBERED.contains(time)) {
        let reason =
            "is out of range: failures are remembered for a second at least, and for five minutes at most (RFC 9520)";
        given.complain(key, Complaint::new(reason, "write a time from `1s` to `5m`"));
    }
    let ordered = [
        ("limits.first-timeout", limits.first_timeout, "shortest-timeout", limits.shortest_timeout),
        ("limits.longest-timeout", limits.longest_timeout, "first-timeout", limits.first_timeout),
        ("limits.failure-longest", limits.failure_longest, "failure-first", limits.failure_first),
        ("limits.work-deadline", limits.work_deadline, "answer-deadline", limits.answer_deadline),
    ];
    for (key, longer, other, shorter) in ordered.into_iter().filter(|(_, longer, _, shorter)| longer < shorter) {
        let name = key.trim_start_matches("limits.");
        let reason = format!("{name} ({}ms) is shorter than {other} ({}ms)", longer.as_millis(), shorter.as_millis());
        let other_key = format!("limits.{other}");
        let key = if given.has(key) { key } else { &other_key };
        given.complain(key, Complaint::new(reason, format!("let {name} be at least as long as {other}")));
    }
    complete.then_some(limits)
}

fn log(given: &mut Given) -> Option<Log> {
    use tracing::Level;
    let level = given.one("log.level", |text| {
        let all = [
            ("error", Level::ERROR),
            ("warn", Level::WARN),
            ("info", Level::INFO),
            ("debug", Level::DEBUG),
            ("trace", Level::TRACE),
        ];
        choose(text, &all)
    });
    let format = given.one("log.format", |text| choose(text, &[("text", LogFormat::Text), ("json", LogFormat::Json)]));
    Some(Log { level: level?, format: format? })
}

/// The value that belongs to a word.
pub(super) fn choose<T: Copy>(text: &str, all: &[(&str, T)]) -> Result<T, Complaint> {
    let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
    let at = value::word(text, &words)?;
    let chosen = all.get(at).map(|(_, value)| *value);
    chosen.ok_or_else(|| Complaint::new(format!("`{text}` is not known here"), "choose another word"))
}

/// How long failures are to be remembered (RFC 9520 §3.2).
const REMEMBERED: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);
/// RFC 8767 §4 suggests never to keep anything longer.
const WEEK: Duration = Duration::from_secs(7 * 86_400);
const LEAST_CACHE: u64 = 1 << 20;

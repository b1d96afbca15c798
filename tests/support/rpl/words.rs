//! What the words in a scenario's head mean here: the one table.
//!
//! A word sets something, changes nothing (and the table says why), asks for a feature that is not built,
//! or asks for what Burdock does not do by design. A word that is not in the table is an error.

use std::net::IpAddr;
use std::time::Duration;

use burdock::cache;
use burdock::dns::{Name, NameServer, RecordType, Ttl, read_zone};
use burdock::job::Limits;
use burdock::policy;
use burdock::resolver::{Ipv6, Minimisation, Settings};

use ipnet::IpNet;

use super::model::{Scenario, Setting, Unsupported};
use super::stale::{client_wait, max_age, serve_stale, stale_ttl};
use super::trust::{all_algorithms, anchor, insecure, limits, wall};
use super::zones::{forward_all, root_hint, zones};

/// Everything a scenario's resolver is built from.
#[derive(Clone, Debug)]
pub struct Setup {
    pub resolver: Settings,
    pub cache: cache::Settings,
    pub limits: Limits,
    pub policy: policy::Settings,
    /// The calendar's present at the start, since 1970.
    pub wall: Duration,
    /// Whether the present is whenever signatures are valid.
    pub any_time: bool,
}

impl Setup {
    fn new() -> Self {
        Self {
            resolver: Settings {
                root_hints: Vec::new(),
                ipv4: true,
                ipv6: Ipv6::On,
                qname_minimisation: Minimisation::Relaxed,
                case_randomisation: false,
                cookies: false,
                upstream_port: 53,
                never_ask: Vec::new(),
                own_addresses: Vec::new(),
                forwards: Vec::new(),
                dnssec: burdock::dnssec::Settings::off(),
            },
            cache: cache::Settings {
                size: 16 << 20,
                min_ttl: Ttl::ZERO,
                max_ttl: Ttl::from_secs(86_400),
                max_negative_ttl: Ttl::from_secs(3600),
                serve_stale: None,
            },
            limits: limits(),
            policy: policy::Settings {
                special_use: true,
                any: policy::AnyAnswers::Full,
                ..policy::Settings::plain(policy::AccessSettings {
                    snoop: loopback(),
                    ..policy::AccessSettings::allowing(loopback())
                })
            },
            wall: Duration::from_secs(1_700_000_000),
            any_time: false,
        }
    }
}

/// What a scenario comes to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It can be played.
    Play(Box<Setup>),
    /// It asks for these, which are not there.
    Pending(Vec<Unsupported>),
}

/// What a word does.
#[derive(Clone, Copy)]
pub enum Effect {
    /// Sets something; `None` for a value it does not know.
    Sets(fn(&mut Setup, &str) -> Option<()>),
    /// Changes nothing, because.
    Harmless(&'static str),
    /// Asks for a feature that is not built, whatever the value.
    Asks(&'static str),
    /// Asks for a feature that is not built unless the value is one of these.
    AsksUnless(&'static [&'static str], &'static str),
    /// Asks for what is not wanted here, unless the value is one of these.
    NeverUnless(&'static [&'static str], &'static str),
}

impl Effect {
    /// Why the word has this effect; what it asks for; or that it is obeyed.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Sets(_) => "it is obeyed",
            Self::Harmless(why) | Self::Asks(why) | Self::AsksUnless(_, why) | Self::NeverUnless(_, why) => why,
        }
    }
}

use Effect::{Asks, AsksUnless, Harmless, NeverUnless, Sets};

/// Names that are answered without asking anybody (RFC 6761, RFC 6762).
const SPECIAL: &[&str] = &["test", "local"];
const NO: &[&str] = &["no", "off", "false"];
const YES: &[&str] = &["yes", "on", "true"];

/// Section, word, effect; `*` stands for every word of the section.
pub const WORDS: &[(&str, &str, Effect)] = &[
    // The walk.
    ("server", "qname-minimisation", Sets(minimise)),
    ("server", "query-minimization", Sets(minimise)),
    ("server", "do-ip4", Sets(ipv4)),
    ("server", "do-ip6", Sets(ipv6)),
    ("server", "stub-addr", Sets(root_hint)),
    ("server", "stub-name", Sets(root_hint_name)),
    ("server", "forward-addr", Sets(forward_all)),
    ("server", "target-fetch-policy", Harmless("addresses are looked up as they are needed")),
    ("server", "do-not-query-localhost", Harmless("every address may be asked in scenarios")),
    ("server", "iter-scrub-promiscuous", Harmless("records that were not asked for are never used in an answer")),
    ("server", "harden-below-nxdomain", Harmless("a name below one that does not exist does not exist (RFC 8020)")),
    ("server", "harden-glue", Harmless("glue from outside the parent's zone is never used")),
    ("server", "harden-unknown-additional", Harmless("the additional section holds addresses only, or nothing")),
    ("server", "harden-unverified-glue", AsksUnless(NO, "verified glue")),
    ("server", "harden-referral-path", AsksUnless(NO, "harden-referral-path")),
    ("server", "outbound-msg-retry", Harmless("how often a server is asked again is Burdock's own")),
    ("server", "num-queries-per-thread", Harmless("the bound on questions at once is Burdock's own")),
    ("server", "discard-timeout", Harmless("the deadline of an answer is Burdock's own")),
    ("server", "iter-scrub-ns", Asks("trimmed NS answers")),
    // The cache.
    ("server", "cache-max-ttl", Sets(max_ttl)),
    ("server", "cache-min-ttl", Sets(min_ttl)),
    ("server", "cache-max-negative-ttl", Sets(max_negative_ttl)),
    ("server", "msg-cache-size", Harmless("the size of the cache plays no part in a scenario")),
    ("server", "serve-original-ttl", NeverUnless(NO, "TTLs always count down")),
    ("server", "serve-expired", Sets(serve_stale)),
    ("server", "serve-expired-ttl", Sets(max_age)),
    ("server", "serve-expired-reply-ttl", Sets(stale_ttl)),
    ("server", "serve-expired-client-timeout", Sets(client_wait)),
    ("server", "serve-expired-ttl-reset", NeverUnless(NO, "what has ended gets no younger by being told")),
    ("server", "ede-serve-expired", Harmless("extended errors are always given")),
    ("server", "prefetch", Harmless("what is fetched before it ends is answered no differently until then")),
    ("server", "prefetch-key", Harmless("keys are fetched when they are needed; what is answered is the same")),
    ("server", "aggressive-nsec", Harmless("how much is synthesised is Burdock's own")),
    // What answers look like.
    ("server", "minimal-responses", Harmless("answers are always minimal; see `matching`")),
    ("server", "rrset-roundrobin", Harmless("the order of records is not compared")),
    ("server", "ede", Harmless("extended errors are always given")),
    ("server", "nsid", Asks("nsid")),
    ("server", "identity", Asks("chaos")),
    ("server", "version", Asks("chaos")),
    ("server", "hide-identity", Asks("chaos")),
    ("server", "hide-version", Asks("chaos")),
    ("server", "edns-client-string", Asks("edns-client-string")),
    ("server", "disable-edns-do", AsksUnless(NO, "disable-edns-do")),
    ("server", "answer-cookie", AsksUnless(NO, "cookies")),
    ("server", "cookie-secret", Asks("cookies")),
    // Authenticity.
    ("server", "trust-anchor", Sets(anchor)),
    ("server", "domain-insecure", Sets(insecure)),
    ("server", "trust-anchor-signaling", Harmless("trust anchors are not signalled (RFC 8145)")),
    ("server", "root-key-sentinel", AsksUnless(NO, "root-key-sentinel")),
    ("server", "fake-sha1", Harmless("other keys stand in for those of withdrawn algorithms, see `stand_in`")),
    ("server", "val-override-date", Sets(wall)),
    ("server", "val-override-timestamp", Sets(wall)),
    ("server", "val-max-restart", Harmless("how often bogus data is asked for again is Burdock's own")),
    ("server", "harden-algo-downgrade", Sets(all_algorithms)),
    (
        "server",
        "harden-dnssec-stripped",
        NeverUnless(YES, "what a signed zone says without signatures is never believed"),
    ),
    // What the operator wants changed.
    ("server", "access-control", Sets(access)),
    ("server", "access-control-tag", Asks("views")),
    ("server", "access-control-tag-action", Asks("views")),
    ("server", "access-control-tag-data", Asks("views")),
    ("server", "access-control-view", Asks("views")),
    ("server", "define-tag", Asks("views")),
    ("server", "local-zone-tag", Asks("views")),
    ("server", "local-zone-override", Asks("views")),
    ("server", "local-zone", Sets(local_zone)),
    ("server", "local-data", Asks("local-data")),
    ("server", "private-address", Asks("rebind")),
    ("server", "private-domain", Asks("rebind")),
    ("server", "response-ip", Asks("response-ip")),
    ("server", "response-ip-data", Asks("response-ip")),
    ("server", "module-config", Sets(modules)),
    ("server", "do-nat64", AsksUnless(NO, "nat64")),
    ("server", "dns64-prefix", Asks("dns64")),
    ("server", "allow-notify", Asks("auth-zone")),
    ("server", "zonemd-permissive-mode", Asks("auth-zone")),
    ("view", "*", Asks("views")),
    ("auth-zone", "*", Asks("auth-zone")),
    ("rpz", "*", Asks("rpz")),
    // Forward and stub zones are read as a whole, by `zones`.
    ("forward-zone", "name", Harmless("read with its block")),
    ("forward-zone", "forward-addr", Harmless("read with its block")),
    ("forward-zone", "forward-host", Asks("servers by name")),
    ("forward-zone", "forward-first", AsksUnless(NO, "forward-first")),
    ("forward-zone", "forward-no-cache", AsksUnless(NO, "forward-no-cache")),
    ("stub-zone", "name", Harmless("read with its block")),
    ("stub-zone", "stub-addr", Harmless("read with its block")),
    ("stub-zone", "stub-name", Asks("servers by name")),
    ("stub-zone", "stub-host", Asks("servers by name")),
    ("stub-zone", "stub-prime", Harmless("the servers set for a zone are asked as they are")),
    ("stub-zone", "stub-first", AsksUnless(NO, "stub-first")),
    // What is written to a log.
    ("server", "verbosity", Harmless("a log")),
    ("server", "val-log-level", Harmless("a log")),
    ("server", "log-servfail", Harmless("a log")),
    ("server", "log-time-ascii", Harmless("a log")),
    // Deckard's heads speak to Knot Resolver, too.
    ("server", "features", Sets(deckard_feature)),
    ("server", "feature-list", Asks("knot-modules")),
];

/// Reads the head.
pub fn judge(scenario: &Scenario) -> Result<Verdict, String> {
    let mut setup = Setup::new();
    let mut missing = scenario.unsupported.clone();
    for setting in &scenario.settings {
        let Setting { line, section, key, value, .. } = setting;
        let word = WORDS.iter().find(|(s, k, _)| s == section && (k == key || *k == "*"));
        let (_, _, effect) = word.ok_or_else(|| format!("line {line}: unknown word: {section}: {key}"))?;
        let mut ask = |feature, reason: String| missing.push(Unsupported { line: *line, feature, reason });
        match *effect {
            Harmless(_) => {}
            AsksUnless(values, _) | NeverUnless(values, _) if values.contains(&value.as_str()) => {}
            Asks(feature) | AsksUnless(_, feature) => ask(feature, format!("{key}: {value}")),
            NeverUnless(_, why) => ask("by design", format!("{key}: {value}: {why}")),
            Sets(set) => {
                if set(&mut setup, value).is_none() {
                    ask(feature_of_value(key), format!("{key}: {value}"));
                }
            }
        }
    }
    zones(scenario, &mut setup)?;
    // Special names are asked for where the script has servers for them.
    for special in SPECIAL.iter().filter_map(|special| special.parse::<Name>().ok()) {
        let answers = scenario.ranges.iter().flat_map(|range| &range.entries);
        if answers.filter_map(|entry| entry.message.question.as_ref()).any(|(asked, _)| asked.name.is_in(&special)) {
            setup.policy.elsewhere.push(special);
        }
    }
    if setup.resolver.root_hints.is_empty() {
        setup.resolver.root_hints = builtin_hints();
    }
    Ok(if missing.is_empty() { Verdict::Play(Box::new(setup)) } else { Verdict::Pending(missing) })
}

/// What a value that `Sets` does not know asks for.
fn feature_of_value(key: &str) -> &'static str {
    match key {
        "access-control" => "access-control",
        "local-zone" => "local-data",
        "module-config" => "response-ip or dns64",
        "features" => "knot-modules",
        _ => "runner: value",
    }
}

/// The servers of the root, for a head that names none.
fn builtin_hints() -> Vec<NameServer> {
    let records = read_zone(include_str!("../../../root.hints"), &Name::root(), Ttl::ZERO).unwrap_or_default();
    let addresses = |host: &Name| -> Vec<IpAddr> {
        let of = records.iter().filter(|record| record.owner == *host);
        of.filter_map(|record| match <[u8; 4]>::try_from(record.rdata.as_slice()) {
            Ok(four) => Some(IpAddr::from(four)),
            Err(_) => <[u8; 16]>::try_from(record.rdata.as_slice()).ok().map(IpAddr::from),
        })
        .collect()
    };
    let hosts = records.iter().filter(|record| record.rtype == RecordType::NS);
    let hosts = hosts.filter_map(|record| Name::from_wire(&record.rdata).ok());
    hosts.map(|host| NameServer { glue: addresses(&host), host }).collect()
}

pub fn flag(value: &str) -> Option<bool> {
    if YES.contains(&value) { Some(true) } else { NO.contains(&value).then_some(false) }
}

pub fn seconds(value: &str) -> Option<Ttl> {
    value.parse().ok().map(Ttl::from_secs)
}

fn minimise(setup: &mut Setup, value: &str) -> Option<()> {
    setup.resolver.qname_minimisation = if flag(value)? { Minimisation::Relaxed } else { Minimisation::Off };
    Some(())
}

fn ipv4(setup: &mut Setup, value: &str) -> Option<()> {
    setup.resolver.ipv4 = flag(value)?;
    Some(())
}

fn ipv6(setup: &mut Setup, value: &str) -> Option<()> {
    setup.resolver.ipv6 = if flag(value)? { Ipv6::On } else { Ipv6::Off };
    Some(())
}

/// Deckard's head names the root server it gave an address for.
fn root_hint_name(setup: &mut Setup, value: &str) -> Option<()> {
    setup.resolver.root_hints.last_mut()?.host = value.parse().ok()?;
    Some(())
}

fn max_ttl(setup: &mut Setup, value: &str) -> Option<()> {
    setup.cache.max_ttl = seconds(value)?;
    Some(())
}

fn min_ttl(setup: &mut Setup, value: &str) -> Option<()> {
    setup.cache.min_ttl = seconds(value)?;
    Some(())
}

fn max_negative_ttl(setup: &mut Setup, value: &str) -> Option<()> {
    setup.cache.max_negative_ttl = seconds(value)?;
    Some(())
}

/// Clients on the machine itself may ask unless the head says otherwise.
fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"].iter().filter_map(|net| net.parse().ok()).collect()
}

/// `network action`; `deny` drops the query elsewhere and gets REFUSED here.
fn access(setup: &mut Setup, value: &str) -> Option<()> {
    let (network, action) = value.split_once(char::is_whitespace)?;
    let network = network.parse().ok().or_else(|| network.parse::<IpAddr>().ok().map(IpNet::from))?;
    let access = &mut setup.policy.access;
    match action.trim() {
        "allow" => access.allow.push(network),
        "allow_snoop" => {
            access.allow.push(network);
            access.snoop.push(network);
        }
        "refuse" | "deny" => access.deny.push(network),
        _ => return None,
    }
    Some(())
}

/// `nodefault`: names that are not answered here although they are special. Other kinds take a feature.
fn local_zone(setup: &mut Setup, value: &str) -> Option<()> {
    let (zone, kind) = value.split_once(char::is_whitespace)?;
    if kind.trim() != "nodefault" {
        return None;
    }
    setup.policy.elsewhere.push(zone.trim_matches('"').parse().ok()?);
    Some(())
}

fn modules(_: &mut Setup, value: &str) -> Option<()> {
    value.split_whitespace().all(|module| matches!(module, "validator" | "iterator")).then_some(())
}

fn deckard_feature(setup: &mut Setup, value: &str) -> Option<()> {
    let (key, value) = value.split_once('=')?;
    match key.trim() {
        "min_ttl" => min_ttl(setup, value.trim()),
        _ => None,
    }
}

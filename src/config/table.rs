//! Every key there is: its form, its default and what it is for. `check`, `--print`, `--schema` and the suggestions read this.
//!
//! A key whose form is [`Form::Unbuilt`] is known and refused, unless it says "off".

use std::borrow::Cow;

use crate::job::Limits;

/// One key.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The dotted path.
    pub key: Cow<'static, str>,
    /// What its value looks like.
    pub form: Form,
    /// The value when it is absent, as YAML.
    pub default: Cow<'static, str>,
    /// What it is for, in one line.
    pub help: Cow<'static, str>,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A list of `ADDRESS:PORT`.
    Endpoints,
    /// A list of addresses.
    Addresses,
    /// A list of `ADDRESS/LENGTH`.
    Networks,
    /// A list of `ADDRESS/LENGTH`, or `default`.
    NetworksOrDefault,
    /// A number, or `auto`.
    NumberOrAuto,
    /// A number, at least 1.
    Number,
    /// A number; 0 is none.
    Rate,
    /// A port.
    Port,
    /// A number of octets with its unit.
    Size,
    /// A time with its unit.
    Time,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A path, or `builtin`.
    PathOrBuiltin,
    /// A list of paths and `builtin`.
    PathsOrBuiltin,
    /// A path, or one of these words.
    PathOrWord(&'static [&'static str]),
    /// A list of domains.
    Domains,
    /// A list of domains, or of sections with `domain`, `reason` and `until`.
    Exceptions,
    /// A list of sections with `zone`, `to` and `recursive`.
    Forwards,
    /// Not built into this version: only these values, all of which mean "off", are taken.
    Unbuilt(&'static [&'static str]),
}

/// Every setting, `limits` included, in the order in which they are shown.
pub fn settings() -> Vec<Setting> {
    let fixed = TABLE.iter().map(|&(key, form, default, help)| Setting {
        key: key.into(),
        form,
        default: default.into(),
        help: help.into(),
    });
    let limits = Limits::default().table().into_iter().map(|bound| {
        let time = bound.unit == "ms";
        let default = if time { super::value::show_time(bound.value) } else { bound.value.to_string() };
        Setting {
            key: format!("limits.{}", bound.name.replace('_', "-")).into(),
            form: if time { Form::Time } else { Form::Number },
            default: default.into(),
            help: bound.help.into(),
        }
    });
    fixed.chain(limits).collect()
}

const OFF: Form = Form::Unbuilt(&["null", "off"]);
const NONE: Form = Form::Unbuilt(&["[]"]);
const FALSE: Form = Form::Unbuilt(&["false"]);

const TABLE: &[(&str, Form, &str, &str)] = &[
    ("listen", Form::Endpoints, r#"["127.0.0.1:53", "[::1]:53"]"#, "addresses and ports to answer on, UDP and TCP"),
    ("workers", Form::NumberOrAuto, "auto", "threads that answer; auto: one per core"),
    ("user", OFF, "off", "the user to become after binding; start burdock as that user instead"),
    (
        "access.allow",
        Form::Networks,
        r#"["127.0.0.0/8", "::1/128"]"#,
        "networks that may ask; the most specific prefix wins",
    ),
    ("access.deny", Form::Networks, "[]", "networks that get REFUSED"),
    (
        "access.snoop",
        Form::Networks,
        r#"["127.0.0.0/8", "::1/128"]"#,
        "networks that may see, without recursion, what the cache has; others get REFUSED",
    ),
    (
        "access.exempt",
        Form::Networks,
        r#"["127.0.0.0/8", "::1/128"]"#,
        "networks whose clients have no bounds of their own: forwarders and balancers, behind which many others stand",
    ),
    (
        "access.believed",
        Form::NetworksOrDefault,
        "default",
        "networks from which no false source addresses come; their clients are treated as those with a cookie; default: the private ones",
    ),
    (
        "access.cookies",
        Form::PathOrWord(&["random", "off"]),
        "random",
        "what cookies for clients are made with (RFC 7873, RFC 9018); random: a secret that changes daily; a file: secrets shared with other servers, 32 hexadecimal digits a line, the first makes, all are taken",
    ),
    (
        "access.rate-limit.per-client",
        Form::Rate,
        "100",
        "replies over UDP per second to one network (/24, /56) whose clients are neither believed nor have a cookie; of the others every second is truncated or BADCOOKIE, the rest gets nothing; 0: no limit",
    ),
    ("access.rate-limit.per-question", Form::Rate, "20", "the same for one question of one network"),
    (
        "answers.any",
        Form::Word(&["short", "full"]),
        "short",
        "what ANY gets; short: one HINFO record, or that there is no such name (RFC 8482); full: what the zone's servers tell over TCP, at most `limits.any-rrsets` RRsets",
    ),
    (
        "rebinding.protect",
        Form::Flag,
        "false",
        "keep back answers that give public names private addresses (A, AAAA, hints in HTTPS and SVCB), the whole of each; the client gets no data and extended error 17",
    ),
    (
        "rebinding.networks",
        Form::NetworksOrDefault,
        "default",
        "what counts as private, also inside IPv6 addresses of transition (mapped, NAT64, 6to4); default: RFC 1918, loopback, link-local, shared, unique local and unspecified addresses",
    ),
    (
        "rebinding.allow",
        Form::Domains,
        "[]",
        "domains whose names may have private addresses; names in zones of `forward` may, too, but not by the zone `.`",
    ),
    ("cache.size", Form::Size, "512MiB", "octets that all caches may take together"),
    (
        "cache.min-ttl",
        Form::Time,
        "0s",
        "shorter TTLs are raised to this, but not those of delegations or of what is secure",
    ),
    ("cache.max-ttl", Form::Time, "1d", "longer TTLs are cut to this, those of delegations, too"),
    ("cache.max-negative-ttl", Form::Time, "1h", "how long it is remembered that something does not exist"),
    ("cache.prefetch", FALSE, "false", "fetch popular answers again before they end"),
    (
        "cache.serve-stale.enabled",
        Form::Flag,
        "true",
        "answer with data that has ended when nothing better can be had, or not in time (RFC 8767)",
    ),
    ("cache.serve-stale.max-age", Form::Time, "1d", "how long ago it may have ended"),
    ("cache.serve-stale.answer-ttl", Form::Time, "30s", "the TTL of such an answer"),
    (
        "cache.serve-stale.client-wait",
        Form::Time,
        "1800ms",
        "how long a client waits for something better; 0s: not at all",
    ),
    (
        "cache.serve-stale.retry",
        Form::Time,
        "30s",
        "while such an answer can be told, what could not be found out is not tried again for so long",
    ),
    ("cache.rotate", FALSE, "false", "address sets take turns"),
    (
        "resolver.root-hints",
        Form::PathOrBuiltin,
        "builtin",
        "the servers of the root zone: a file in the format of named.root",
    ),
    ("resolver.ipv4", Form::Flag, "true", "ask servers over IPv4"),
    (
        "resolver.ipv6",
        Form::Word(&["auto", "true", "false"]),
        "auto",
        "ask servers over IPv6; auto: as long as it works",
    ),
    (
        "resolver.qname-minimisation",
        Form::Word(&["relaxed", "strict", "off"]),
        "relaxed",
        "show each zone no more of a name than it needs (RFC 9156)",
    ),
    (
        "resolver.case-randomisation",
        Form::Flag,
        "true",
        "mix upper and lower case in queries, against forged replies (0x20)",
    ),
    (
        "resolver.cookies",
        Form::Flag,
        "true",
        "send cookies to other servers, against forged replies (RFC 7873); none are sent with several addresses of a family in `source`, which cookies would tie together",
    ),
    ("resolver.upstream-port", Form::Port, "53", "the port of other servers; for laboratories"),
    ("resolver.source", Form::Addresses, "[]", "addresses to ask other servers from"),
    (
        "resolver.never-ask",
        Form::NetworksOrDefault,
        "default",
        "networks in which no server is asked; default: the special-purpose ones",
    ),
    ("dnssec.validate", Form::Flag, "true", "check signatures, and answer SERVFAIL when they are wrong (RFC 4035)"),
    (
        "dnssec.trust-anchors",
        Form::PathsOrBuiltin,
        "builtin",
        "where chains of signatures begin: files of DS or DNSKEY records; builtin: the root's; a list adds up",
    ),
    (
        "dnssec.trust-anchor-rollover",
        Form::PathOrWord(&["auto", "off"]),
        "auto",
        "the folder that keeps what is known of keys that roll over (RFC 5011); auto: the root's, if /var/lib/burdock is there",
    ),
    (
        "dnssec.negative-trust-anchors",
        Form::Exceptions,
        "[]",
        "domains that are not validated (RFC 7646): `name`, or `{ domain: name, reason: why, until: 2031-01-31 }`",
    ),
    (
        "dnssec.require-all-algorithms",
        Form::Flag,
        "false",
        "for finding out what is wrong, not for service: a zone's keys must be signed by way of every algorithm that its DS records, or trust anchors, name, else SERVFAIL (EDE 6) says which one is missing; zones that are right, too, fail in the middle of a rollover (RFC 6840 §5.11)",
    ),
    (
        "dnssec.aggressive-denial",
        Form::Flag,
        "true",
        "let what a signed zone has proven not to exist answer questions about other names, too (RFC 8198)",
    ),
    (
        "dnssec.root-key-sentinel",
        Form::Flag,
        "true",
        "let names that begin with `root-key-sentinel-` tell whether a key of the root is trusted here (RFC 8509)",
    ),
    (
        "dnssec.trust-anchor-signaling",
        Form::Flag,
        "true",
        "tell the root's servers once a day which of its keys are trusted here (RFC 8145)",
    ),
    (
        "forward",
        Form::Forwards,
        "[]",
        "zones with servers of your own: `{ zone: corp.example, to: [192.0.2.53, 192.0.2.54@5353], recursive: true }`",
    ),
    ("local.hosts", NONE, "[]", "hosts files to answer from"),
    ("local.records", NONE, "[]", "records to answer with"),
    (
        "local.special-use",
        Form::Flag,
        "true",
        "answer localhost, test, onion, private reverse zones … here (RFC 6761, RFC 6303)",
    ),
    ("control.socket", OFF, "off", "the socket for `burdock control`"),
    ("http.listen", OFF, "off", "the address for metrics and health"),
    (
        "log.level",
        Form::Word(&["error", "warn", "info", "debug", "trace"]),
        "info",
        "the least important lines that are written; debug: every question that failed",
    ),
    ("log.format", Form::Word(&["text", "json"]), "text", "lines for people, or one JSON object each"),
];

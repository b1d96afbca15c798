//! Every key that is accepted has effect: one change of the file, one change of what is in force.

use std::net::IpAddr;
use std::time::Duration;

use burdock::cache::ServeStale;
use burdock::config::{Config, Log, LogFormat, Overrides, Rollover, parse};
use burdock::dns::Ttl;
use burdock::dnssec::{self, Anchors, NegativeAnchor, Source};
use burdock::job::Limits;
use burdock::policy::{AnyAnswers, RateSettings, RebindingSettings, cookies};
use burdock::resolver::{Forward, Ipv6, Minimisation, Service};

use super::program::ConfigFile;

fn config(text: &str) -> Config {
    let loaded = parse(text, None, &Overrides::default());
    loaded.unwrap_or_else(|problems| panic!("{}", problems[0])).config
}

/// Asserts that `text` changes the defaults exactly as `change` does.
fn changes(text: &str, change: impl FnOnce(&mut Config)) {
    let mut expected = Config::default();
    change(&mut expected);
    assert_eq!(config(text), expected, "{text}");
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let config = Config::default();
    assert_eq!(config.listen, ["127.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    assert_eq!((config.workers, config.source.len()), (None, 0));
    assert_eq!(config.policy.access.allow, ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    assert!(config.policy.access.deny.is_empty() && config.policy.special_use);
    assert_eq!(config.policy.access.exempt, config.policy.access.allow);
    assert_eq!(config.policy.access.believed.len(), 9);
    assert_eq!(config.policy.rate, RateSettings { per_client: 100, per_question: 20 });
    assert_eq!(config.policy.cookies, cookies::Settings::Random);
    assert_eq!(config.policy.any, AnyAnswers::Short);
    assert_eq!(config.policy.rebinding, None);
    assert_eq!(config.cache.size, 512 << 20);
    assert_eq!((config.cache.min_ttl, config.cache.max_ttl), (Ttl::ZERO, Ttl::from_secs(86_400)));
    assert_eq!(config.cache.max_negative_ttl, Ttl::from_secs(3600));
    assert_eq!(config.cache.serve_stale, Some(STALE));
    assert_eq!(config.resolver.root_hints.len(), 13);
    assert!(config.resolver.ipv4 && config.resolver.ipv6 == Ipv6::Auto && config.resolver.case_randomisation);
    assert_eq!(config.resolver.qname_minimisation, Minimisation::Relaxed);
    assert_eq!(config.resolver.upstream_port, 53);
    assert!(config.resolver.own_addresses.is_empty(), "the server adds them when it has bound its sockets");
    assert_eq!(config.resolver.dnssec, dnssec::Settings::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.log, Log { level: tracing::Level::INFO, format: LogFormat::Text });
}

#[test]
fn where_it_listens_and_with_how_many() {
    changes("listen: [0.0.0.0:5353, '[2001:db8::1]:53']", |config| {
        config.listen = vec!["0.0.0.0:5353".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap()];
    });
    changes("listen: 127.0.0.5", |config| {
        config.listen = vec!["127.0.0.5:53".parse().unwrap()];
    });
    changes("workers: 3", |config| config.workers = std::num::NonZeroUsize::new(3));
    changes("workers: auto", |_| {});
}

#[test]
fn who_may_ask() {
    let net = |text: &str| text.parse().unwrap();
    changes("access: { allow: [192.168.0.0/16, 'fd00::/8'] }", |c| {
        c.policy.access.allow = vec![net("192.168.0.0/16"), net("fd00::/8")]
    });
    changes("access: { deny: [127.0.0.9] }", |c| c.policy.access.deny = vec![net("127.0.0.9/32")]);
    changes("access: { snoop: [192.168.0.0/24] }", |c| c.policy.access.snoop = vec![net("192.168.0.0/24")]);
    changes("access: { allow: [] }", |c| c.policy.access.allow.clear());
    changes("access: { exempt: [10.0.0.7] }", |c| c.policy.access.exempt = vec![net("10.0.0.7/32")]);
    changes("access: { believed: [203.0.113.0/24] }", |c| c.policy.access.believed = vec![net("203.0.113.0/24")]);
    changes("access: { rate-limit: { per-client: 0, per-question: 5 } }", |c| {
        c.policy.rate = RateSettings { per_client: 0, per_question: 5 }
    });
    changes("access: { cookies: off }", |c| c.policy.cookies = cookies::Settings::Off);
    let secrets = ConfigFile::new("0123456789abcdef0123456789ABCDEF # in force\n\n00000000000000000000000000000000\n");
    let first = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    let shared = vec![[first, first].concat().try_into().unwrap(), [0; 16]];
    changes(&format!("access: {{ cookies: {} }}", secrets.text()), |c| {
        c.policy.cookies = cookies::Settings::Shared(shared)
    });
    changes("local: { special-use: false }", |c| c.policy.special_use = false);
}

#[test]
fn what_is_remembered() {
    changes("cache: { size: 1GiB }", |c| c.cache.size = 1 << 30);
    changes("cache: { min-ttl: 1m }", |c| c.cache.min_ttl = Ttl::from_secs(60));
    changes("cache: { max-ttl: 7d }", |c| c.cache.max_ttl = Ttl::from_secs(7 * 86_400));
    changes("cache: { max-negative-ttl: 300s }", |c| c.cache.max_negative_ttl = Ttl::from_secs(300));
}

/// What RFC 8767 recommends.
const STALE: ServeStale = ServeStale {
    max_age: Duration::from_secs(86_400),
    answer_ttl: Ttl::from_secs(30),
    client_wait: Duration::from_millis(1800),
    retry: Duration::from_secs(30),
};

#[test]
fn what_is_told_of_the_past() {
    let stale = |text: &str, serve: Option<ServeStale>| {
        changes(&format!("cache: {{ serve-stale: {{ {text} }} }}"), |c| c.cache.serve_stale = serve);
    };
    stale("enabled: false, max-age: 2d", None);
    stale("enabled: true", Some(STALE));
    stale("max-age: 3d", Some(ServeStale { max_age: Duration::from_secs(3 * 86_400), ..STALE }));
    stale("answer-ttl: 5s", Some(ServeStale { answer_ttl: Ttl::from_secs(5), ..STALE }));
    stale("retry: 1m", Some(ServeStale { retry: Duration::from_secs(60), ..STALE }));
    stale("client-wait: 0s", Some(ServeStale { client_wait: Duration::ZERO, ..STALE }));
}

#[test]
fn what_any_gets() {
    changes("answers: { any: short }", |_| {});
    changes("answers: { any: full }", |c| c.policy.any = AnyAnswers::Full);
}

#[test]
fn which_addresses_public_names_must_not_have() {
    changes("rebinding: { protect: false, networks: default, allow: [] }", |_| {});
    let protected = config("rebinding: { protect: true }").policy.rebinding.unwrap();
    assert_eq!((protected.networks.len(), protected.allow.len()), (12, 0));
    changes(
        "rebinding: { protect: true, networks: [10.0.0.0/8, 'fd00::/8'], allow: [plex.direct, nas.example.] }",
        |c| {
            c.policy.rebinding = Some(RebindingSettings {
                networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
                allow: vec!["plex.direct.".parse().unwrap(), "nas.example.".parse().unwrap()],
            });
        },
    );
}

#[test]
fn how_questions_are_walked() {
    changes("resolver: { ipv4: false }", |c| c.resolver.ipv4 = false);
    changes("resolver: { ipv6: true }", |c| c.resolver.ipv6 = Ipv6::On);
    changes("resolver: { ipv6: false }", |c| c.resolver.ipv6 = Ipv6::Off);
    changes("resolver: { qname-minimisation: strict }", |c| c.resolver.qname_minimisation = Minimisation::Strict);
    changes("resolver: { qname-minimisation: off }", |c| c.resolver.qname_minimisation = Minimisation::Off);
    changes("resolver: { cookies: false }", |c| c.resolver.cookies = false);
    // One address of each family, or none; several would be tied together by cookies.
    assert!(config("resolver: { source: [192.0.2.1, '2001:db8::1'] }").resolver.cookies);
    assert!(!config("resolver: { source: [192.0.2.1, 192.0.2.2] }").resolver.cookies);
    changes("resolver: { case-randomisation: false }", |c| c.resolver.case_randomisation = false);
    changes("resolver: { upstream-port: 5300 }", |c| c.resolver.upstream_port = 5300);
    changes("resolver: { source: [192.0.2.1, '2001:db8::1'] }", |c| {
        c.source = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    });
    let hints = ConfigFile::new(". NS ns.example.\nns.example. A 192.0.2.1\nns.example. AAAA 2001:db8::1\n");
    changes(&format!("resolver: {{ root-hints: {} }}", hints.text()), |c| {
        c.resolver.root_hints.truncate(1);
        c.resolver.root_hints[0].host = "ns.example.".parse().unwrap();
        c.resolver.root_hints[0].glue = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    });
}

#[test]
fn whom_it_never_asks() {
    let never = |config: &Config, text: &str| {
        let address: IpAddr = text.parse().unwrap();
        config.resolver.never_ask.iter().any(|net| net.contains(&address))
    };
    let default = Config::default();
    assert!(never(&default, "10.0.0.1") && never(&default, "127.0.0.1") && !never(&default, "198.41.0.4"));
    let list = config("resolver: { never-ask: [198.41.0.0/16] }");
    assert!(never(&list, "198.41.0.4") && !never(&list, "10.0.0.1"));
    let anyone = config("resolver: { never-ask: [] }");
    assert!(!never(&anyone, "127.0.0.1") && !never(&anyone, "192.168.1.1"));
    // Nobody is there, whatever the list says.
    for config in [&list, &anyone] {
        assert!(["0.0.0.0", "::", "224.0.0.251", "ff02::fb", "255.255.255.255"].iter().all(|text| never(config, text)));
    }
}

#[test]
fn what_is_validated_and_from_where() {
    changes("dnssec: { validate: false }", |c| c.resolver.dnssec.validate = false);
    changes("dnssec: { validate: true, trust-anchors: builtin }", |_| {});
    changes("dnssec: { trust-anchor-rollover: auto }", |_| {});
    changes("dnssec: { trust-anchor-rollover: off }", |c| c.rollover = Rollover::Off);
    changes("dnssec: { trust-anchor-rollover: /srv/keys }", |c| c.rollover = Rollover::Folder("/srv/keys".into()));
    changes("dnssec: { require-all-algorithms: true }", |c| {
        c.resolver.dnssec.paths = dnssec::Paths::OneOfEachAlgorithm;
    });
    changes("dnssec: { require-all-algorithms: false }", |_| {});
    changes("dnssec: { aggressive-denial: false }", |c| c.resolver.dnssec.aggressive_denial = false);
    changes("dnssec: { root-key-sentinel: false }", |c| c.resolver.dnssec.root_key_sentinel = false);
    changes("dnssec: { trust-anchor-signaling: false }", |c| c.resolver.dnssec.anchor_signals = false);
    changes("dnssec: { validate: false, trust-anchors: [] }", |c| {
        c.resolver.dnssec = dnssec::Settings::off();
    });
    let text =
        "corp.example. 3600 IN DS ( 7 13 2 00112233445566778899AABBCCDDEEFF\n00112233445566778899aabbccddeeff )\n";
    let file = ConfigFile::new(text);
    let island = Anchors::read(text, &Source::File(file.0.clone())).unwrap();
    assert_eq!(island.records().map(|(_, record)| (record.tag(), record.algorithm().0)).collect::<Vec<_>>(), [(7, 13)]);
    changes(&format!("dnssec: {{ trust-anchors: {} }}", file.text()), |c| c.resolver.dnssec.anchors = island.clone());
    changes(&format!("dnssec: {{ trust-anchors: [builtin, {}] }}", file.text()), |c| {
        c.resolver.dnssec.anchors.merge(&island);
    });
}

#[test]
fn what_is_excepted_from_validation() {
    let excepted = |domain: &str, reason: &str, until: Option<u64>| NegativeAnchor {
        domain: domain.parse().unwrap(),
        reason: reason.to_owned(),
        until: until.map(Duration::from_secs),
    };
    changes("dnssec: { negative-trust-anchors: broken.example }", |c| {
        c.resolver.dnssec.negative.insert(excepted("broken.example.", "", None));
    });
    changes(
        "dnssec:\n  negative-trust-anchors:\n    - a.example\n    - { domain: b.example, reason: expired keys, until: 2026-12-24 }\n\
         \u{20}   - { until: '2026-12-24T18:30:01Z', domain: c.example. }\n",
        |c| {
            let negative = &mut c.resolver.dnssec.negative;
            negative.insert(excepted("a.example", "", None));
            negative.insert(excepted("b.example", "expired keys", Some(1_798_070_400)));
            negative.insert(excepted("c.example", "", Some(1_798_137_001)));
        },
    );
}

#[test]
fn whom_questions_are_forwarded_to() {
    let zone = |zone: &str, to: &[&str], service| Forward {
        zone: zone.parse().unwrap(),
        to: to.iter().map(|endpoint| endpoint.parse().unwrap()).collect(),
        service,
    };
    changes("forward: [{ zone: corp.example, to: 192.0.2.53 }]", |c| {
        c.resolver.forwards = vec![zone("corp.example.", &["192.0.2.53:53"], Service::Recursive)];
        c.policy.elsewhere = vec!["corp.example.".parse().unwrap()];
    });
    changes(
        "forward:\n  - { zone: '.', to: [192.0.2.53, 192.0.2.54@5353, '2001:db8::53@853'], recursive: true }\n  \
         - { zone: 10.in-addr.arpa, to: ['::ffff:192.0.2.55'], recursive: false }\n",
        |c| {
            let three = ["192.0.2.53:53", "192.0.2.54:5353", "[2001:db8::53]:853"];
            c.resolver.forwards = vec![
                zone(".", &three, Service::Recursive),
                zone("10.in-addr.arpa.", &["192.0.2.55:53"], Service::Authoritative),
            ];
            c.policy.elsewhere = vec![".".parse().unwrap(), "10.in-addr.arpa.".parse().unwrap()];
        },
    );
}

#[test]
fn every_bound_by_its_name() {
    for (i, bound) in Limits::default().table().into_iter().enumerate() {
        let name = bound.name.replace('_', "-");
        // Timers must stay in order, so each moves by little.
        let more = bound.value + 1 + u64::try_from(i).unwrap() % 3;
        // RFC 9520 has no failure remembered for longer than the default.
        let value = if bound.name == "failure_longest" { bound.value - 1 } else { more };
        let unit = if bound.unit == "ms" { "ms" } else { "" };
        changes(&format!("limits: {{ {name}: {value}{unit} }}"), |config| {
            assert!(config.limits.set(bound.name, value))
        });
    }
    assert_eq!(config("limits: { tcp-idle: 1m }").limits.tcp_idle, Duration::from_secs(60));
}

#[test]
fn what_is_logged() {
    changes("log: { level: debug }", |c| c.log.level = tracing::Level::DEBUG);
    changes("log: { format: json }", |c| c.log.format = LogFormat::Json);
}

#[test]
fn what_is_not_built_may_be_switched_off() {
    changes(
        "user: null\n\
         cache: { prefetch: false, rotate: false }\n\
         forward: []\nlocal: { hosts: [], records: [] }\ncontrol: { socket: off }\nhttp: { listen: ~ }\n",
        |_| {},
    );
}

#[test]
fn empty_sections_change_nothing() {
    changes("cache:\nresolver: {}\nlog: ~\n", |_| {});
    changes("", |_| {});
}

#[test]
fn the_command_line_wins_over_the_file() {
    let hints = ConfigFile::new(". NS x.\nx. A 192.0.2.1\n");
    let overrides = Overrides {
        listen: vec!["127.0.0.7:5353".parse().unwrap()],
        workers: std::num::NonZeroUsize::new(9),
        root_hints: Some(hints.0.clone()),
    };
    let config = parse("listen: 127.0.0.1:53\nworkers: 2\n", None, &overrides).unwrap().config;
    assert_eq!(config.listen, overrides.listen);
    assert_eq!(config.workers, overrides.workers);
    assert_eq!(config.resolver.root_hints.len(), 1);
}

//! Wrong configurations, given to the real binary: each problem names its place, its key, the reason and the remedy.

use super::program::{ConfigFile, burdock, stderr};

mod clients;
mod limits;

/// Where a problem is, what it says, and what it advises (the last two in part).
struct Expected<'a>(usize, usize, &'a str, &'a str, &'a str);

/// Asserts that `check` ends with status 2 and says exactly these problems, in this order.
fn says(text: &str, expected: &[Expected<'_>]) {
    let file = ConfigFile::new(text);
    let output = burdock(&["check", "--config", file.text()]);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let lines: Vec<&str> = stderr(&output).lines().collect();
    assert_eq!(lines.len(), 2 * expected.len() + 1, "{}", stderr(&output));
    for (pair, Expected(line, column, key, reason, remedy)) in lines.chunks(2).zip(expected) {
        let colon = if key.is_empty() { "" } else { ": " };
        let head = format!("{}:{line}:{column}{colon}{key}: ", file.text());
        assert!(pair[0].starts_with(&head) && pair[0].contains(reason), "{} is not {head}…{reason}…", pair[0]);
        assert!(pair[1].starts_with("  → ") && pair[1].contains(remedy), "{} is not …{remedy}…", pair[1]);
    }
    let plural = if expected.len() == 1 { "problem" } else { "problems" };
    assert_eq!(*lines.last().unwrap(), format!("burdock: {} {plural} in the configuration", expected.len()));
}

#[test]
fn a_key_with_a_typing_error() {
    says("cache:\n  szie: 1GiB\n", &[Expected(2, 3, "cache.szie", "there is no such key", "did you mean `size`?")]);
    says("lisen: []\n", &[Expected(1, 1, "lisen", "no such key", "did you mean `listen`?")]);
    says(
        "limits: { upstream_queries: 9 }\n",
        &[Expected(1, 11, "limits.upstream_queries", "no such key", "`upstream-queries`")],
    );
}

#[test]
fn a_key_in_the_wrong_section() {
    says(
        "qname-minimisation: off\n",
        &[Expected(1, 1, "qname-minimisation", "no such key", "`resolver.qname-minimisation`")],
    );
}

#[test]
fn a_key_with_dots_as_the_documents_write_it() {
    says(
        "cache: { size: 1GiB }\ncache.size: 2GiB\nresolver.ip.v4: true\ncache:\n  serve-stale.enabled: false\n",
        &[
            Expected(2, 1, "cache.size", "a dot stands for a section", "write `cache: { size: … }`"),
            Expected(3, 1, "resolver.ip.v4", "a dot stands for a section", "indented below it"),
            Expected(4, 1, "cache", "already set in line 1", "keep one"),
        ],
    );
    says(
        "cache:\n  serve-stale.enabled: false\n",
        &[Expected(2, 3, "cache.serve-stale.enabled", "a dot", "write `cache: { serve-stale: { enabled: … } }`")],
    );
}

#[test]
fn a_key_nobody_knows() {
    says("log: { colour: red }\n", &[Expected(1, 8, "log.colour", "no such key", "the keys here are level, format")]);
}

#[test]
fn a_key_that_is_there_twice() {
    says(
        "cache:\n  size: 1MiB\n  max-ttl: 1d\n  size: 2MiB\n",
        &[Expected(4, 3, "cache.size", "already set in line 2", "keep one of the two")],
    );
    says("cache: {}\nlog: {}\ncache: {}\n", &[Expected(3, 1, "cache", "already set in line 1", "keep one")]);
}

#[test]
fn a_size_or_a_time_without_its_unit() {
    says(
        "cache:\n  size: 512\n  max-ttl: 300\n",
        &[
            Expected(2, 9, "cache.size", "`512` has no unit", "`512MiB`"),
            Expected(3, 12, "cache.max-ttl", "`300` has no unit", "`300s`"),
        ],
    );
    says("cache: { size: 512MB }\n", &[Expected(1, 16, "cache.size", "`MB` is not a unit", "KiB, MiB, GiB")]);
}

#[test]
fn a_value_out_of_its_range() {
    says(
        "workers: 0\ncache: { size: 1KiB, max-ttl: 30d, max-negative-ttl: 1500ms }\nlimits: { jobs: 0, drain: 2h }\nresolver: { upstream-port: 99999 }\n",
        &[
            Expected(1, 10, "workers", "neither `auto` nor", "`auto`"),
            Expected(2, 16, "cache.size", "too small", "`1MiB`"),
            Expected(2, 31, "cache.max-ttl", "too long", "`7d`"),
            Expected(2, 54, "cache.max-negative-ttl", "whole number of seconds", "TTLs count seconds"),
            Expected(3, 17, "limits.jobs", "`0` is not allowed: it leaves room for nothing", "at least `1`, or remove"),
            Expected(3, 27, "limits.drain", "out of range", "`1h`"),
            Expected(4, 28, "resolver.upstream-port", "no port", "1 to 65535"),
        ],
    );
}

#[test]
fn no_network_at_all_is_an_empty_list() {
    says(
        "access: { deny: nobody }\nresolver: { never-ask: none }\n",
        &[
            Expected(1, 17, "access.deny", "`nobody` is no network", "write `[]`"),
            Expected(2, 24, "resolver.never-ask", "`none` is no network", "write `[]`"),
        ],
    );
}

#[test]
fn an_ipv6_address_and_a_port_without_brackets() {
    says(
        "listen: [\"::1:53\", \"::1\", \"2001:db8::53\"]\n",
        &[Expected(1, 10, "listen", "an address and a port", "`\"[::1]:53\"`, or `\"[::1:53]:53\"`")],
    );
}

#[test]
fn addresses_and_networks_that_are_none() {
    says(
        "listen:\n  - 127.0.0.1:53\n  - localhost:53\naccess:\n  allow: [10.0.0.1/8, 192.0.2.0/33]\n  deny: ['::ffff:10.0.0.0/104']\nresolver:\n  source: 192.0.2.0/24\n",
        &[
            Expected(3, 5, "listen", "`localhost:53` is no address", "a name will not do"),
            Expected(5, 11, "access.allow", "bits set behind its prefix", "`10.0.0.0/8`"),
            Expected(5, 23, "access.allow", "is no network", "`192.0.2.0/24`"),
            Expected(6, 10, "access.deny", "IPv4 written as IPv6", "`10.0.0.0/8`"),
            Expected(8, 11, "resolver.source", "is no IP address", "192.0.2.1"),
        ],
    );
}

#[test]
fn a_word_that_is_not_among_the_choices() {
    says(
        "resolver:\n  ipv4: yes\n  qname-minimisation: strickt\nlog: { level: loud }\n",
        &[
            Expected(2, 9, "resolver.ipv4", "`yes` is neither true nor false", "`true` or `false`"),
            Expected(3, 23, "resolver.qname-minimisation", "`strickt` is not known", "did you mean `strict`?"),
            Expected(4, 15, "log.level", "`loud` is not known", "`error`, `warn`, `info`, `debug` or `trace`"),
        ],
    );
}

#[test]
fn a_value_of_the_wrong_shape() {
    says(
        "listen: { a: 1 }\ncache: 5\nlog:\n  level: [info]\n  format:\naccess:\n  allow: [[10.0.0.0/8]]\n",
        &[
            Expected(1, 9, "listen", "this is a section, and a list is wanted", "like the default"),
            Expected(2, 8, "cache", "this is a single value, and a section is wanted", "size, min-ttl"),
            Expected(4, 10, "log.level", "this is a list, and one value is wanted", "`level: info`"),
            Expected(5, 3, "log.format", "there is no value", "`format: text`"),
            Expected(7, 11, "access.allow", "a list stands in the list", "like the default"),
        ],
    );
    says("- listen\n", &[Expected(1, 1, "", "the file holds a list", "`key: value`")]);
}

#[test]
fn values_that_do_not_go_together() {
    says(
        "listen: ['127.0.0.1:53', 127.0.0.1]\naccess:\n  allow: [10.0.0.0/8]\n  deny: [10.0.0.0/8]\ncache: { min-ttl: 2h, max-ttl: 1h }\nresolver: { ipv4: false, ipv6: false }\nlimits: { shortest-timeout: 2s, answer-deadline: 1m }\n",
        &[
            Expected(1, 26, "listen", "already in the list", "remove one"),
            Expected(4, 10, "access.deny", "`10.0.0.0/8` is allowed and denied", "one of the two lists"),
            Expected(
                5,
                19,
                "cache.min-ttl",
                "min-ttl (7200s) is longer than max-ttl (3600s)",
                "no longer than max-ttl",
            ),
            Expected(6, 19, "resolver.ipv4", "no server can be asked", "be on"),
            Expected(
                7,
                29,
                "limits.shortest-timeout",
                "first-timeout (400ms) is shorter than shortest-timeout (2000ms)",
                "at least as long",
            ),
            Expected(
                7,
                50,
                "limits.answer-deadline",
                "work-deadline (8000ms) is shorter than answer-deadline (60000ms)",
                "at least as long",
            ),
        ],
    );
    says("listen: []\n", &[Expected(1, 9, "listen", "nothing to listen on", "at least one address")]);
    says(
        "listen: [192.0.2.1, '0.0.0.0:53', '[::1]:53', '127.0.0.1:5353', '[::]:5353', '[::1]:5353']\n",
        &[
            Expected(1, 10, "listen", "`0.0.0.0:53` is in the list, which is every address", "remove `192.0.2.1:53`"),
            Expected(1, 78, "listen", "`[::]:5353` is in the list", "remove `[::1]:5353`"),
        ],
    );
}

#[test]
fn answers_of_the_past_that_make_no_sense() {
    for (text, column, key, reason, remedy) in [
        ("max-age: 0s", 34, "max-age", "nothing would ever be old enough", "`enabled: false`"),
        ("max-age: 8d", 34, "max-age", "too long", "`7d`"),
        ("max-age: 500ms", 34, "max-age", "not a whole number of seconds", "TTLs count seconds"),
        ("answer-ttl: 0s", 37, "answer-ttl", "ask again at once", "at least `1s`"),
        ("answer-ttl: 2h", 37, "answer-ttl", "too long", "`1h`"),
        ("retry: 999ms", 32, "retry", "out of range", "`1s` to `5m`"),
        ("client-wait: 2", 38, "client-wait", "`2` has no unit", "`2s`"),
        ("enabled: maybe", 34, "enabled", "neither true nor false", "`true` or `false`"),
    ] {
        let key = format!("cache.serve-stale.{key}");
        let text = format!("cache: {{ serve-stale: {{ {text} }} }}\n");
        says(&text, &[Expected(1, column, &key, reason, remedy)]);
    }
}

#[test]
fn what_is_not_built_is_refused_and_never_ignored() {
    let asked = [
        ("user: burdock\n", 7, "user"),
        ("cache: { prefetch: true }\n", 20, "cache.prefetch"),
        ("cache: { rotate: true }\n", 18, "cache.rotate"),
        ("local: { hosts: [/etc/hosts] }\n", 17, "local.hosts"),
        ("local: { records: ['a.test. A 192.0.2.1'] }\n", 19, "local.records"),
        ("control: { socket: /run/burdock/control.sock }\n", 20, "control.socket"),
        ("http: { listen: '127.0.0.1:8053' }\n", 17, "http.listen"),
    ];
    for (text, column, key) in asked {
        says(
            text,
            &[Expected(1, column, key, "this version of burdock cannot do that yet", "which is what is in force")],
        );
    }
}

#[test]
fn forward_zones_that_cannot_be() {
    let key = "forward";
    for (text, column, reason, remedy) in [
        ("forward: corp.example\n", 10, "a single value stands in the list", "{ zone: corp.example, to:"),
        ("forward: { zone: a }\n", 10, "this is a section, and a list is wanted", "write it like the default"),
        ("forward: [{ to: 192.0.2.53 }]\n", 11, "no `zone`", "zone: corp.example"),
        ("forward: [{ zone: corp.example }]\n", 11, "nobody to ask about `corp.example`", "to: [192.0.2.53"),
        ("forward: [{ zone: a, to: [] }]\n", 11, "nobody to ask about `a`", "to: [192.0.2.53"),
        ("forward: [{ zone: a..b, to: 192.0.2.53 }]\n", 11, "`a..b` is no domain name", "`.` for all"),
        ("forward: [{ zone: '*.lan', to: 192.0.2.53 }]\n", 11, "`*.lan` has a `*` in it", "write the domain alone"),
        ("forward: [{ zone: 10.0.0.0/8, to: 192.0.2.53 }]\n", 11, "`10.0.0.0/8` is a network", "`10.in-addr.arpa`"),
        ("forward: [{ zone: 10.0.0.1, to: 192.0.2.53 }]\n", 11, "`10.0.0.1` is a network", "its reverse zone"),
        ("forward: [{ zone: a, too: 192.0.2.53 }]\n", 11, "no such key as `too`", "did you mean `to`?"),
        ("forward: [{ zone: a, to: ns.example }]\n", 11, "`ns.example` is no address", "a name will not do"),
        ("forward: [{ zone: a, to: 192.0.2.53@0 }]\n", 11, "`0` is no port", "from 1 to 65535"),
        ("forward: [{ zone: a, to: '192.0.2.53:53' }]\n", 11, "`192.0.2.53:53` is no address", "`192.0.2.53@5353`"),
        ("forward: [{ zone: a, to: 0.0.0.0 }]\n", 11, "nobody can be asked at `0.0.0.0`", "one server"),
        ("forward: [{ zone: a, to: [[192.0.2.53]] }]\n", 11, "stands among the servers", "to: [192.0.2.53"),
        ("forward: [{ zone: a, to: [192.0.2.53, 192.0.2.53@53] }]\n", 11, "already in the list", "remove one"),
        ("forward: [{ zone: a, to: 192.0.2.53, recursive: no }]\n", 11, "neither true nor false", "`true` or `false`"),
    ] {
        says(text, &[Expected(1, column, key, reason, remedy)]);
    }
    says(
        "forward:\n  - { zone: a, to: 192.0.2.53 }\n  - { zone: A., to: 192.0.2.54 }\n",
        &[Expected(3, 5, key, "`A` is already in the list", "in one entry")],
    );
}

/// AMP-13: whoever forwards to itself is told at the start.
#[test]
fn forwarders_that_are_burdock_itself_or_never_asked() {
    let key = "forward";
    says(
        "forward: [{ zone: '.', to: [192.0.2.53, 127.0.0.1] }]\n",
        &[Expected(1, 11, key, "burdock itself listens at `127.0.0.1:53`", "another server than `127.0.0.1`")],
    );
    says(
        "listen: 0.0.0.0:5301\nforward:\n  - { zone: a, to: [127.0.0.9@5301, 127.0.0.9] }\n",
        &[Expected(3, 5, key, "burdock itself listens at `0.0.0.0:5301`", "listen elsewhere")],
    );
    says(
        "resolver: { ipv6: false }\nforward: [{ zone: a, to: ['2001:db8::53'] }]\n",
        &[Expected(2, 11, key, "`resolver.ipv6` is `false`", "the other family")],
    );
}

#[test]
fn trust_anchors_that_are_none() {
    let key = "dnssec.trust-anchors";
    let short = ConfigFile::new("; the root\n\n. DS 20326 8 2 E06D44\n");
    let path = short.text().to_owned();
    says(
        &format!("dnssec: {{ trust-anchors: [builtin, {path}] }}\n"),
        &[Expected(
            1,
            36,
            key,
            &format!("{path}, line 3: this digest has 3 octets, and one of type 2 has 32"),
            "copy the record again, whole, from whoever runs the zone",
        )],
    );
    says(
        "dnssec:\n  trust-anchors: /nowhere/root.key\n",
        &[Expected(
            2,
            18,
            key,
            "/nowhere/root.key cannot be read: No such file or directory",
            "a file of DS or DNSKEY records that burdock may read, or write `builtin`",
        )],
    );
    let large = ConfigFile::new(vec![b';'; (1 << 20) + 1]);
    let reason = format!("{} cannot be read: it is larger than 1 MiB", large.text());
    let wrong = format!("dnssec: {{ trust-anchors: {} }}\n", large.text());
    says(&wrong, &[Expected(1, 26, key, &reason, "or write `builtin`")]);
    says("dnssec: { trust-anchors: [] }\n", &[Expected(1, 26, key, "nothing can be validated", "write `builtin`")]);
}

#[test]
fn exceptions_from_validation_that_are_none() {
    let wrong = |item: &str, reason: &str, remedy: &str| {
        let text = format!("dnssec: {{ negative-trust-anchors: [a.test, {item}] }}\n");
        says(&text, &[Expected(1, 44, "dnssec.negative-trust-anchors", reason, remedy)]);
    };
    wrong("a..test", "`a..test` is no domain name", "write a name");
    wrong(".", "this excepts every name there is", "write `validate: false` if that is meant");
    wrong("'*.test'", "`*.test` has a `*` in it", "write the domain alone");
    wrong("A.test.", "`A.test.` is already in the list", "keep one of the two");
    wrong("{ reason: why }", "there is no `domain` in it", "{ domain: corp.example, reason: why");
    wrong("{ domain: b.test, untill: 2031-01-31 }", "no such key as `untill` in it", "did you mean `until`?");
    wrong("{ domain: b.test, domain: c.test }", "`domain` is in it twice", "keep one of the two");
    wrong("{ domain: [b.test] }", "its `domain` is a list", "write a domain, or");
    for date in ["tomorrow", "2031-02-29", "2031-1-1", "2031-01-31T25:00:00Z", "2107-01-01", "1798070400"] {
        let item = format!("{{ domain: b.test, until: '{date}' }}");
        wrong(&item, &format!("`{date}` is no date"), "write `2031-01-31`, or `2031-01-31T18:00:00Z`");
    }
}

#[test]
fn what_is_no_yaml() {
    says("cache: [1, 2\nlog: {}\n", &[Expected(2, 4, "", "this is not YAML", "check indentation")]);
    says("cache:\n\tsize: 1MiB\n", &[Expected(2, 1, "", "a tab is used for indentation", "use spaces")]);
    says("cache: &a { size: 1MiB }\nlog: *a\n", &[Expected(1, 8, "", "anchors", "write the value out")]);
    says("log: {}\n---\nlog: {}\n", &[Expected(2, 1, "", "second document", "remove the `---`")]);
}

#[test]
fn files_that_cannot_be_read() {
    let output = burdock(&["check", "--config", "/nonexistent/burdock.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("/nonexistent/burdock.yaml: the file cannot be read: No such file"));
    let latin = ConfigFile::new(b"# first\n# caf\xe9\n");
    let output = burdock(&["check", "--config", latin.text()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("line 2 is not UTF-8\n  → save the file as UTF-8"), "{}", stderr(&output));
}

#[test]
fn root_hints_that_lead_nowhere() {
    says(
        "resolver: { root-hints: /nonexistent/named.root }\n",
        &[Expected(
            1,
            25,
            "resolver.root-hints",
            "/nonexistent/named.root is no root hints file: No such file",
            "`builtin`",
        )],
    );
    let hints = ConfigFile::new(". 1 NS a.example.\na.example. 1 A 192.0.2\n");
    let text = format!("resolver: {{ root-hints: {} }}\n", hints.text());
    says(&text, &[Expected(1, 25, "resolver.root-hints", "is no root hints file: line 2", "named.root")]);
}

#[test]
fn a_wrong_configuration_starts_nothing() {
    let file = ConfigFile::new("nonsense: true\n");
    for command in [&["serve"][..], &[]] {
        let output = burdock(&[command, &["--config", file.text()]].concat());
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(stderr(&output).contains(":1:1: nonsense: there is no such key"), "{command:?}: {}", stderr(&output));
    }
}

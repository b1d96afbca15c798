//! The real binary with a configuration file of its own.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

static FILES: AtomicU32 = AtomicU32::new(0);

/// A configuration file that is removed at the end of the test.
pub struct ConfigFile(pub PathBuf);

impl ConfigFile {
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("burdock-config-{}-{number}.yaml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What the binary says to these arguments.
pub fn burdock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_burdock")).args(arguments).output().unwrap()
}

pub fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_right_configuration_is_said_to_be_right() {
    let file = ConfigFile::new("cache: { size: 64MiB }\n");
    let output = burdock(&["check", "--config", file.text()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let builtin = "trust anchor: . DS 20326, algorithm 8, from builtin\n\
                   trust anchor: . DS 38696, algorithm 8, from builtin\n";
    assert_eq!(stdout(&output), format!("{}: the configuration is right.\n{builtin}", file.text()));
}

#[test]
fn check_says_where_chains_begin_and_what_is_excepted() {
    let zeros = "00".repeat(32);
    let anchors = ConfigFile::new(format!("corp.example. DS 7 13 2 {zeros}\ncorp.example. DS 9 12 2 {zeros}\n"));
    let file = ConfigFile::new(format!(
        "dnssec:\n  trust-anchors: {}\n  negative-trust-anchors:\n    - a.corp.example\n\
         \u{20}   - {{ domain: b.corp.example, reason: expired, until: 2105-12-31 }}\n\
         \u{20}   - {{ domain: old.example, until: 2020-01-01 }}\n    - corp.example\n",
        anchors.text()
    ));
    let output = burdock(&["check", file.text()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let expected = format!(
        "{}: the configuration is right, with 3 warnings.\n\
         trust anchor: corp.example. DS 7, algorithm 13, from {at}\n\
         trust anchor: corp.example. DS 9, algorithm 12, from {at} (not supported: not used)\n\
         not validated: corp.example.\nnot validated: a.corp.example.\n\
         not validated: b.corp.example. until 2105-12-31T00:00:00Z (reason: expired)\n",
        file.text(),
        at = anchors.text()
    );
    assert_eq!(stdout(&output), expected);
    let warnings = stderr(&output);
    for warning in [
        ":2:18: warning: dnssec.trust-anchors has none for the root: only names in `corp.example.` are validated",
        "warning: dnssec.negative-trust-anchors excepts `corp.example.`, which has a trust anchor: it is not validated",
        "warning: dnssec.negative-trust-anchors excepted `old.example.` until 2020-01-01T00:00:00Z: it is validated again",
    ] {
        assert!(warnings.contains(warning), "{warning} in {warnings}");
    }

    let old = ConfigFile::new(". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n");
    let file = ConfigFile::new(format!("dnssec: {{ trust-anchors: {} }}\n", old.text()));
    let output = burdock(&["check", file.text()]);
    assert!(stderr(&output).contains("only the key 20326 of 2017"), "{}", stderr(&output));
    let odd = ConfigFile::new(format!(". DS 20326 12 2 {zeros}\n. DS 38696 13 77 00\n"));
    let file = ConfigFile::new(format!("dnssec: {{ trust-anchors: {} }}\n", odd.text()));
    let output = burdock(&["check", file.text()]);
    assert!(stderr(&output).contains("has for `.` only algorithms that burdock does not"), "{}", stderr(&output));
    let off = ConfigFile::new("dnssec: { validate: false }\n");
    let output = burdock(&["check", off.text()]);
    assert_eq!(stdout(&output), format!("{}: the configuration is right.\nSignatures are not checked.\n", off.text()));
}

/// An open resolver is a weapon for others (RFC 5358); it can be meant, behind a firewall, so it is said and not refused.
#[test]
fn letting_everybody_ask_is_warned_of() {
    // Nothing is to be served here: the port is taken.
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    for (networks, warned) in [("0.0.0.0/0", true), ("'::/0'", true), ("10.0.0.0/8", false)] {
        let file = ConfigFile::new(format!("access: {{ allow: [{networks}] }}\n"));
        let output = burdock(&["serve", "--config", file.text(), "--listen", &listen]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert_eq!(stderr(&output).contains("lets everybody ask"), warned, "{}", stderr(&output));
        let output = burdock(&["check", file.text()]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let place = format!("{}:1:19: warning: access.allow lets everybody ask", file.text());
        assert_eq!(stderr(&output).starts_with(&place), warned, "{}", stderr(&output));
        assert_eq!(stdout(&output).contains(": the configuration is right, with 1 warning.\n"), warned);
    }
}

#[test]
fn a_cache_larger_than_the_machine_is_warned_of() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let file = ConfigFile::new("access: { allow: ['::/0'] }\ncache: { size: 1024TiB }\n");
    let checked = burdock(&["check", "--config", file.text()]);
    assert_eq!(checked.status.code(), Some(0));
    let place = format!("{}:2:16: warning: cache.size (1073741824MiB) is more than this machine has", file.text());
    assert!(stderr(&checked).contains(&place), "{}", stderr(&checked));
    let right = format!("{}: the configuration is right, with 2 warnings.\n", file.text());
    assert!(stdout(&checked).starts_with(&right), "{}", stdout(&checked));
    let served = burdock(&["serve", "--config", file.text(), "--listen", &listen]);
    assert!(stderr(&served).contains("WARN cache.size (1073741824MiB) is more"), "{}", stderr(&served));
}

/// RFC 6840 §5.11: it is there for finding out what is wrong, and refuses zones that are right.
#[test]
fn requiring_all_algorithms_is_warned_of() {
    for (flag, warned) in [("true", true), ("false", false)] {
        let file = ConfigFile::new(format!("dnssec:\n  require-all-algorithms: {flag}\n"));
        let output = burdock(&["check", file.text()]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let place =
            format!("{}:2:27: warning: dnssec.require-all-algorithms makes zones fail that are right", file.text());
        assert_eq!(stderr(&output).starts_with(&place), warned, "{}", stderr(&output));
    }
    let unused = ConfigFile::new("dnssec: { validate: false, require-all-algorithms: true }\n");
    assert_eq!(stderr(&burdock(&["check", unused.text()])), "");
    let wrong = ConfigFile::new("dnssec: { require-all-algorithms: sometimes }\n");
    let output = burdock(&["check", wrong.text()]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("dnssec.require-all-algorithms"), "{}", stderr(&output));
}

/// As with named-checkconf.
#[test]
fn the_file_to_check_may_be_named_without_an_option() {
    let (right, wrong) = (ConfigFile::new("cache: { size: 64MiB }\n"), ConfigFile::new("cash: {}\n"));
    let output = burdock(&["check", right.text()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with(&format!("{}: the configuration is right.\n", right.text())));
    assert!(stdout(&burdock(&["check", "--print", right.text()])).contains("  size: 64MiB\n"));
    let output = burdock(&["check", wrong.text()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with(&format!("{}:1:1: cash: ", wrong.text())), "{}", stderr(&output));
    let both = burdock(&["check", right.text(), "--config", right.text()]);
    assert_eq!((both.status.code(), stdout(&both)), (Some(2), ""));
}

#[test]
fn what_is_printed_is_read_again_as_the_same() {
    let file = ConfigFile::new(
        "listen: [127.0.0.1:5353, '[::1]:5353']\ncache: {size: 64MiB, max-ttl: 2h}\nlimits: {jobs: 12}\naccess: {deny: [10.0.0.0/8]}\n",
    );
    let first = burdock(&["check", "--print", "--config", file.text()]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let printed = stdout(&first);
    for line in
        ["listen: [\"127.0.0.1:5353\", \"[::1]:5353\"]\n", "  size: 64MiB\n", "  jobs: 12\n", "  deny: [10.0.0.0/8]\n"]
    {
        assert!(printed.contains(line), "{line} in {printed}");
    }
    // What is not built is off, and says so.
    assert!(printed.contains("  validate: true ") && printed.contains("# not built into this version"));
    let again = burdock::config::parse(printed, None, &burdock::config::Overrides::default()).unwrap();
    let original = burdock::config::load(Some(&file.0), &burdock::config::Overrides::default()).unwrap();
    assert_eq!(again.config, original.config);
}

#[test]
fn the_schema_is_json_and_knows_every_key_that_is_printed() {
    let schema: serde_json::Value = serde_json::from_slice(&burdock(&["check", "--schema"]).stdout).unwrap();
    let cache = &schema["properties"]["cache"];
    assert_eq!(cache["additionalProperties"], false);
    assert_eq!(cache["properties"]["prefetch"]["enum"], serde_json::json!([false]));
    assert_eq!(cache["properties"]["serve-stale"]["properties"]["enabled"]["type"], "boolean");
    for bound in burdock::job::Limits::default().table() {
        assert!(
            schema["properties"]["limits"]["properties"][bound.name.replace('_', "-")].is_object(),
            "{}",
            bound.name
        );
    }
}

#[test]
fn a_wrong_command_line_ends_with_status_2() {
    for wrong in [&["chekc"][..], &["check", "--what"], &["--workers", "0"], &["--listen", "localhost"], &["query"]] {
        let output = burdock(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn every_help_page_has_examples_and_exit_status() {
    for command in [&[][..], &["serve"], &["check"], &["query"], &["trace"], &["playground"]] {
        let output = burdock(&[command, &["--help"]].concat());
        let page = stdout(&output);
        assert_eq!(output.status.code(), Some(0));
        assert!(page.contains("Examples:\n  burdock") && page.contains("Exit status:\n  0 "), "{command:?}: {page}");
    }
}

#[test]
fn packagers_get_completions_and_manual_pages() {
    assert!(stdout(&burdock(&["completions", "bash"])).contains("_burdock()"));
    assert!(stdout(&burdock(&["man"])).contains(".TH burdock 1"));
    assert!(stdout(&burdock(&["man", "query"])).contains(".TH burdock-query 1"));
    assert_eq!(burdock(&["man", "nothing"]).status.code(), Some(2));
}

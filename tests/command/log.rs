//! What `burdock serve` writes to its log, and what signals do to it.

use std::io::Read;
use std::net::TcpStream;

use super::program::{File, Running, burdock};

/// A server whose root cannot be asked, so that every question fails at once; and where it answers.
fn server(settings: &str) -> (Running, String) {
    let hints = File::new(". NS ns.example.\nns.example. A 192.0.2.1\n");
    let config = File::new(&format!("resolver: {{ root-hints: {} }}\n{settings}", hints.path()));
    let arguments = ["serve", "--config", config.path(), "--listen", "127.0.0.1:0", "--workers", "1"];
    let mut server = Running::start(&arguments);
    let line = server.log_line("answers at 127.0.0.1:");
    let address = line.split("answers at ").nth(1).unwrap().split(',').next().unwrap();
    (server, format!("@{address}"))
}

#[test]
fn a_question_that_failed_is_logged_at_debug_and_at_no_other_level() {
    for (level, logged) in [("debug", 1), ("info", 0)] {
        let (server, address) = server(&format!("log: {{ level: {level} }}\n"));
        assert_eq!(burdock(&["query", &address, "www.example", "MX"]).status, Some(1));
        assert_eq!(burdock(&["query", &address, "localhost"]).status, Some(0));
        let (status, log) = server.end("TERM");
        assert_eq!(status, Some(0), "{log}");
        assert_eq!(log.matches("question=").count(), logged, "{level}: {log}");
        let line = "not resolved question=www.example. MX reason=no server of zone . has an address that can be asked";
        assert_eq!(log.matches(line).count(), logged, "{level}: {log}");
    }
}

#[test]
fn a_client_that_may_not_ask_is_logged_at_debug() {
    let (server, address) = server("access: { allow: [] }\nlog: { level: debug }\n");
    assert_eq!(burdock(&["query", &address, "www.example"]).status, Some(1));
    let (_, log) = server.end("TERM");
    assert!(log.contains("refused: this client may not ask client=127.0.0.1\n"), "{log}");
}

#[test]
fn limits_that_were_reached_are_told_soon_and_again_at_the_end() {
    let (mut server, address) = server("limits: { tcp-per-client: 1 }\n");
    let connect = || TcpStream::connect(address.trim_start_matches('@')).unwrap();
    let mut connections = [connect(), connect(), connect()];
    for closed in &mut connections[1..] {
        assert_eq!(closed.read(&mut [0; 1]).unwrap_or(0), 0, "it has one already");
    }
    let line = server.log_line("since they were last told: ");
    assert!(line.contains("WARN") && line.contains("limits.tcp-per-client "), "{line}");
    drop(connections);
    let (status, log) = server.end("TERM");
    assert_eq!(status, Some(0), "{log}");
    assert_eq!(log.matches("since the start: limits.tcp-per-client 2\n").count(), 1, "{log}");
}

#[test]
fn signals_that_mean_nothing_here_are_told_and_end_nothing() {
    let (mut server, address) = server("");
    for signal in ["HUP", "USR1", "USR2"] {
        server.signal(signal);
        server.log_line(&format!("SIG{signal}"));
    }
    assert_eq!(burdock(&["query", &address, "localhost"]).status, Some(0));
    assert_eq!(server.end("TERM").0, Some(0));
}

#[test]
fn a_folder_that_trust_anchors_cannot_be_kept_in_is_warned_of_and_ends_nothing() {
    // Not there, and no folder: root, too, can write to neither.
    let file = File::new("");
    let hints = File::new(". NS ns.example.\nns.example. A 192.0.2.1\n");
    for folder in ["/nowhere/burdock", file.path()] {
        let settings = format!("dnssec: {{ trust-anchor-rollover: {folder} }}\n");
        let config = File::new(&format!("resolver: {{ root-hints: {} }}\n{settings}", hints.path()));
        let arguments = ["serve", "--config", config.path(), "--listen", "127.0.0.1:0", "--workers", "1"];
        let mut server = Running::start(&arguments);
        let line = server.log_line("cannot be kept in");
        assert!(line.contains("WARN") && line.contains(&format!("{folder}/root.state: ")), "{line}");
        assert!(line.contains("make that folder and let burdock write to it"), "{line}");
        let line = server.log_line("answers at 127.0.0.1:");
        let address = line.split("answers at ").nth(1).unwrap().split(',').next().unwrap();
        // The question that nobody can answer is the driver's: it is logged, and asked again later.
        server.log_line("the keys of . could not be had: ");
        assert_eq!(burdock(&["query", &format!("@{address}"), "localhost"]).status, Some(0));
        let (status, log) = server.end("TERM");
        assert_eq!(status, Some(0), "{log}");
    }
}

#[test]
fn a_folder_that_can_be_written_to_keeps_the_trust_anchors() {
    let folder = std::env::temp_dir().join(format!("burdock-state-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (server, _) = server(&format!("dnssec: {{ trust-anchor-rollover: {} }}\n", folder.display()));
    assert_eq!(server.end("TERM").0, Some(0));
    let state = std::fs::read_to_string(folder.join("root.state")).unwrap();
    assert!(state.starts_with("burdock trust anchors, version 1\n"), "{state}");
    std::fs::remove_dir_all(&folder).unwrap();
}

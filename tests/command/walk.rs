//! `burdock query` and `burdock trace`, resolving in their own process over a miniature Internet.

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::program::{File, Said, burdock};

/// A miniature Internet on loopback, with a configuration that leads there. It ends when this is dropped.
struct Lab {
    config: File,
    _hints: File,
    _end: oneshot::Sender<()>,
}

impl Lab {
    fn new() -> Self {
        let (tell, told) = mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let internet = burdock::playground::start().await.unwrap();
                tell.send((internet.root_hints().to_vec(), internet.upstream_port())).unwrap();
                let _ = ended.await;
            });
        });
        let (servers, port) = told.recv().unwrap();
        let mut text = String::new();
        for server in servers {
            text += &format!(". NS {}\n", server.host);
            text.extend(server.glue.iter().map(|address| format!("{} A {address}\n", server.host)));
        }
        let hints = File::new(&text);
        let resolver = format!("root-hints: {}, upstream-port: {port}, never-ask: []", hints.path());
        let config = File::new(&format!("resolver: {{ {resolver} }}\ndnssec: {{ validate: false }}\n"));
        Self { config, _hints: hints, _end: end }
    }

    fn ask(&self, words: &[&str]) -> Said {
        burdock(&[words, &["--config", self.config.path()]].concat())
    }
}

#[test]
fn query_shows_what_users_of_dig_expect() {
    let lab = Lab::new();
    let said = lab.ask(&["query", "Gaia.cs.UMASS.edu"]);
    assert_eq!(said.status, Some(0), "{}{}", said.out, said.err);
    for part in [
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: ",
        ";; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1\n",
        ";; QUESTION SECTION:\n;Gaia.cs.UMASS.edu.\t\tIN\tA\n",
        ";; ANSWER SECTION:\nGaia.cs.UMASS.edu.\t3600\tIN\tA\t192.0.2.45\n",
        ";; SERVER: this process\n;; QUERIES: 5 sent to other servers\n",
    ] {
        assert!(said.out.contains(part), "no {part} in {}", said.out);
    }
}

#[test]
fn a_denial_is_an_answer_and_a_failure_is_not() {
    let lab = Lab::new();
    let said = lab.ask(&["query", "nowhere.poly.edu"]);
    assert_eq!(said.status, Some(0));
    assert!(
        said.out.contains("status: NXDOMAIN") && said.out.contains(";; AUTHORITY SECTION:\npoly.edu."),
        "{}",
        said.out
    );
    let said = lab.ask(&["query", "www.broken.org"]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    assert!(
        said.out.contains("status: SERVFAIL") && said.out.contains("; EDE: 22 (No Reachable Authority): "),
        "{}",
        said.out
    );
}

#[test]
fn a_trace_as_json_has_every_step() {
    let lab = Lab::new();
    let said = lab.ask(&["trace", "www.ibm.com", "--json"]);
    assert_eq!(said.status, Some(0), "{}{}", said.out, said.err);
    let trace: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(trace["question"], "www.ibm.com. A");
    assert_eq!(trace["status"], "NOERROR");
    // The random case of 0x20 stays in the queries.
    assert_eq!(trace["answer"][0], "www.ibm.com.\t3600\tIN\tCNAME\tservereast.backup2.ibm.com.");
    assert_eq!(trace["answer"].as_array().unwrap().len(), 2);
    let steps = trace["steps"].as_array().unwrap();
    assert!(steps.len() > 8);
    let sent = steps.iter().filter(|step| step["step"] == "sent").count();
    assert_eq!(trace["spent"]["upstream-queries"]["used"], sent);
    assert_eq!(trace["spent"]["upstream-queries"]["of"], 96);
    assert!(steps.iter().any(|step| step["step"] == "heard" && step["reply"]["kind"] == "referral"));
    assert!(steps.iter().all(|step| step["at_ms"].is_number() && step["depth"].is_number()));
}

#[test]
fn a_trace_indents_the_search_for_servers() {
    let lab = Lab::new();
    let said = lab.ask(&["trace", "www.glueless.org"]);
    assert_eq!(said.status, Some(0), "{}{}", said.out, said.err);
    let deeper = said.out.lines().any(|line| line.get(11..).is_some_and(|rest| rest.starts_with("    zone ")));
    assert!(deeper, "{}", said.out);
}

#[test]
fn special_names_are_answered_without_asking_anybody() {
    let said = burdock(&["trace", "www.localhost"]);
    assert_eq!(said.status, Some(0));
    assert!(
        said.out.contains("nobody is asked") && said.out.contains("www.localhost.\t10800\tIN\tA\t127.0.0.1"),
        "{}",
        said.out
    );
    let said = burdock(&["query", "printer.local", "--json"]);
    let reply: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.status, &reply["status"], &reply["queries"]), (Some(0), &"NXDOMAIN".into(), &0.into()));
}

#[test]
fn roots_that_nobody_may_ask_are_said_to_be_so() {
    let hints = File::new(". NS ns.example.\nns.example. A 127.0.0.9\n");
    let said = burdock(&["trace", "www.example.com", "--root-hints", hints.path()]);
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("No answer for www.example.com. A: "), "{}", said.out);
    assert!(said.out.contains("Spent: upstream-queries 0 of 96"), "{}", said.out);
}

#[test]
fn wrong_words_end_with_status_2_and_advice() {
    for (words, advice) in [
        (&["query", "www..com"][..], "one dot between them"),
        (&["query", "192.0.2.1"], "1.2.0.192.in-addr.arpa PTR"),
        (&["query", "foo", "bar"], "one name and one type"),
        (&["trace", "@127.0.0.1", "x"], "`burdock query` takes them"),
        (&["query", "x", "+what"], "`+dnssec` and `+tcp`"),
        (&["query", "x", "@localhost"], "a name will not do"),
    ] {
        let said = burdock(words);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(
            said.err.starts_with("burdock: ") && said.err.contains("\n  → ") && said.err.contains(advice),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_wrong_configuration_asks_nobody() {
    let config = File::new("nonsense: true\n");
    for command in ["query", "trace"] {
        let said = burdock(&[command, "example.com", "--config", config.path()]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""));
        assert!(said.err.contains(":1:1: nonsense: there is no such key"), "{}", said.err);
    }
}

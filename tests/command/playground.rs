//! `burdock playground`: works without any network, and shows what it promises.

use super::program::{Running, burdock};

#[test]
fn once_walks_the_lectures_example_from_the_root() {
    let said = burdock(&["playground", "--once"]);
    assert_eq!(said.status, Some(0), "{}{}", said.out, said.err);
    let mut rest = said.out.as_str();
    for step in [
        "zone . with 13 servers",
        "edu. A ",
        "referral to edu. (2 servers)",
        "zone edu. ",
        "umass.edu. A ",
        "referral to umass.edu. ",
        "cs.umass.edu. A ",
        "referral to cs.umass.edu. (1 server)",
        "gaia.cs.umass.edu. A  → dns.cs.umass.edu. 127.53.",
        "answer, 1 record\n",
        "NOERROR:\n  gaia.cs.umass.edu.\t3600\tIN\tA\t192.0.2.45\n",
        "Spent: upstream-queries 6 of 96, tcp-queries 0 of 4, ",
    ] {
        let at = rest.find(step).unwrap_or_else(|| panic!("no `{step}` in its place in\n{}", said.out));
        rest = &rest[at + step.len()..];
    }
}

#[test]
fn once_says_why_a_walk_failed() {
    let said = burdock(&["playground", "--once", "www.broken.org"]);
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("REFUSED") && said.out.contains("No answer for www.broken.org. A: "), "{}", said.out);
    assert_eq!(said.err, "");
}

#[test]
fn it_answers_whoever_asks_and_ends_by_signal() {
    for signal in ["TERM", "INT"] {
        let mut playground = Running::start(&["playground"]);
        let greeting = playground.line();
        let address = greeting.trim_end().trim_end_matches('.').rsplit(' ').next().unwrap();
        let server = format!("@{address}");
        let said = burdock(&["query", &server, "www.ibm.com", "--json"]);
        assert_eq!(said.status, Some(0), "{}{}", said.out, said.err);
        let reply: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(reply["status"], "NOERROR");
        assert_eq!(reply["answer"][0]["data"], "servereast.backup2.ibm.com.");
        assert_eq!(reply["answer"][1]["type"], "A");
        let said = burdock(&["query", &server, "+tcp", "foo.com", "MX"]);
        assert!(said.out.contains("ANSWER: 3,") && said.out.contains("(TCP)"), "{}", said.out);
        assert_eq!(playground.end(signal).0, Some(0), "{signal}");
    }
}

/// What is known of the real root's keys (RFC 5011) has no business with this one's.
#[test]
fn it_leaves_the_folder_of_the_service_alone() {
    let folder = std::env::temp_dir().join(format!("burdock-playground-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let mut playground = Running::start_with_state(&folder, &["playground"]);
    playground.line();
    let (status, log) = playground.end("TERM");
    let left = std::fs::read_dir(&folder).unwrap().count();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((status, left, log.as_str()), (Some(0), 0, ""));
}

#[test]
fn every_line_it_prints_shows_what_it_says() {
    let mut playground = Running::start(&["playground"]);
    let mut lines = vec![playground.line()];
    while !lines.last().unwrap().contains("--once") {
        lines.push(playground.line());
    }
    // "  dig @ADDRESS -p PORT WORDS…  # what it shows"
    let examples: Vec<_> =
        lines.iter().filter_map(|line| line.trim().strip_prefix("dig @")?.split_once("  # ")).collect();
    let mut signed = 0;
    for (words, shows) in &examples {
        let words: Vec<&str> = words.split_whitespace().collect();
        let [address, "-p", port, question @ ..] = words.as_slice() else { panic!("{words:?}") };
        let server = format!("@{address}:{port}");
        let ask = |more: &[&str]| {
            let words = [&["query", &server], question, more, &["--json"]].concat();
            let said = burdock(&words);
            serde_json::from_str::<serde_json::Value>(&said.out)
                .unwrap_or_else(|_| panic!("{words:?}: {}{}", said.out, said.err))
        };
        let reply = ask(&["+dnssec"]);
        let flags = reply["flags"].to_string();
        let (status, is_authentic) = (reply["status"].as_str().unwrap(), flags.contains("ad"));
        assert!(!flags.contains("aa"), "nothing of these is answered here: {words:?} {reply}");
        match question[0] {
            "www.secure.test" => assert_eq!((status, is_authentic), ("NOERROR", true), "{shows}"),
            "nothing.nsec3.test" => assert_eq!((status, is_authentic), ("NXDOMAIN", true), "{shows}"),
            "www.insecure.test" => assert_eq!((status, is_authentic), ("NOERROR", false), "{shows}"),
            "www.bogus.test" => assert_eq!((status, is_authentic), ("SERVFAIL", false), "{shows}"),
            _ => continue,
        }
        signed += 1;
    }
    assert_eq!(signed, 4, "{examples:?}");
    assert_eq!(playground.end("TERM").0, Some(0));
}

#[test]
fn too_few_files_are_told_as_when_it_serves() {
    for arguments in [&["playground"][..], &["serve", "--listen", "127.0.0.1:0", "--workers", "1"]] {
        let mut running = Running::start_with_files(1024, arguments);
        running.log_line("this process may open fewer than 4096 files");
        assert_eq!(running.end("TERM").0, Some(0), "{arguments:?}");
    }
}

#[test]
fn what_does_not_fit_together_is_wrong_usage() {
    assert_eq!(burdock(&["playground", "www.ibm.com"]).status, Some(2));
    assert_eq!(burdock(&["playground", "--once", "--listen", "127.0.0.1"]).status, Some(2));
    for word in ["+dnssec", "+tcp", "@127.0.0.1"] {
        let said = burdock(&["playground", "--once", "www.ibm.com", word]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{word}");
        assert!(said.err.contains("leave out `@SERVER` and `+` words"), "{}", said.err);
    }
}

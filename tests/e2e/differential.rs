//! Burdock and Debian's Unbound asked the same two thousand questions about one chain of trust: RCODE and AD must be
//! the same, or the difference be one of those that docs/validation-differences.md explains.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::ask::Asker;
use super::chain::Chain;
use super::chain_zones::{ZONES, Zone};
use super::process::{Server, within};
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[("burdock_and_unbound_agree_on_two_thousand_questions", agree)];

const TYPES: [&str; 9] = ["A", "AAAA", "MX", "TXT", "DS", "DNSKEY", "NS", "SOA", "NSEC"];
/// Apex, names that exist, an alias to another zone, a name below a DNAME, wildcards, an empty non-terminal, and none.
const NAMES: [&str; 10] =
    ["", "www.", "alias.", "out.", "a.old.", "x.wild.", "y.x.wild.", "empty.", "deep.empty.", "missing."];
/// How many `dig` ask at the same time.
const ASKERS: usize = 4;

/// One of each kind.
const KNOWN: [(&str, &str); 18] = [
    ("www.sha1.test. A", "NOERROR AD"),
    ("empty.ed.test. A", "NOERROR AD"),
    ("y.x.wild.rsa256.test. TXT", "NOERROR AD"),
    ("a.old.rsa512.test. A", "NXDOMAIN AD"),
    ("out.ed.test. A", "NOERROR"),
    ("www.safe.opt.test. A", "NOERROR AD"),
    ("plain.opt.test. DS", "NOERROR"),
    ("plain.test. DS", "NOERROR AD"),
    ("www.algorithm.test. A", "NOERROR"),
    ("wrongds.test. DS", "NOERROR AD"),
    ("dssig.test. DS", "SERVFAIL"),
    ("www.dssig.test. A", "SERVFAIL"),
    ("missing.nonsec.test. A", "SERVFAIL"),
    ("missing.nonsec3sig.test. A", "SERVFAIL"),
    ("www.nonsec.test. A", "NOERROR AD"),
    ("missing.nosoasig.test. A", "SERVFAIL"),
    ("x.wild.wildcard.test. TXT", "SERVFAIL"),
    ("alias.aliases.test. A", "SERVFAIL"),
];

/// RCODE and AD.
type Said = String;

fn agree(stage: &Stage) {
    let chain = stage.chain();
    let (_unbound, port) = unbound(chain);
    let questions = questions();
    assert!(questions.len() >= 2000, "{}", questions.len());
    let ours = ask(chain, "burdock", chain.burdock.port, &questions);
    let theirs = ask(chain, "unbound", port, &questions);
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    ours.values().for_each(|said| *tally.entry(said).or_default() += 1);
    // The questions are of all kinds.
    for (said, least) in
        [("NOERROR AD", 900), ("NXDOMAIN AD", 200), ("NOERROR", 600), ("NXDOMAIN", 150), ("SERVFAIL", 700)]
    {
        assert!(tally.get(said).is_some_and(|count| *count >= least), "{said}: {tally:?}");
    }
    // Agreement could be in error: what must be said is known.
    for (question, must) in KNOWN {
        assert_eq!(ours.get(question).map(String::as_str), Some(must), "{question}");
    }
    let none = String::from("nothing");
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for question in &questions {
        let (our, their) = (ours.get(question).unwrap_or(&none), theirs.get(question).unwrap_or(&none));
        if our != their && !is_explained(question, our, their) {
            let zone = question.split(' ').next().unwrap_or_default().rsplit('.').nth(2).unwrap_or_default();
            kinds.entry(format!("{zone}: {our}, Unbound {their}")).or_default().push(question);
        }
    }
    let mut text = String::new();
    for (kind, questions) in &kinds {
        let _ = writeln!(text, "{kind} ({}): {}", questions.len(), questions[..questions.len().min(12)].join(", "));
    }
    assert!(kinds.is_empty(), "differences without an explanation:\n{text}");
}

/// What docs/validation-differences.md explains.
fn is_explained(question: &str, our: &str, their: &str) -> bool {
    // NSEC3 with 51 to 150 iterations: Burdock takes what it would prove for unsigned, Unbound 1.17 for proven.
    question.contains("hundred.test. ") && their == format!("{our} AD")
}

fn questions() -> BTreeSet<String> {
    let leaves = ZONES.iter().filter(|zone| zone.has_www());
    let names = leaves.flat_map(|zone| NAMES.iter().map(move |name| format!("{name}{}", zone.apex)));
    let above = [".", "test.", "opt.test.", "missing.", "missing.test.", "missing.opt.test."].map(str::to_owned);
    names.chain(above).flat_map(|name| TYPES.iter().map(move |rtype| format!("{name} {rtype}"))).collect()
}

/// Everything asked with `dig` reading lists, and what was said to each.
fn ask(chain: &Chain, whom: &str, port: u16, questions: &BTreeSet<String>) -> BTreeMap<String, Said> {
    let all: Vec<&str> = questions.iter().map(String::as_str).collect();
    let share = all.len().div_ceil(ASKERS);
    let children: Vec<_> = (all.chunks(share).enumerate())
        .map(|(number, some)| {
            let list = chain.folder.join(format!("{whom}-{number}"));
            fs::write(&list, some.join("\n") + "\n").expect("a list");
            Command::new("dig")
                .args(["@127.0.0.1", "-p", &port.to_string(), "+dnssec", "+tries=1", "+time=8", "+nocookie"])
                // Each from an address of its own. `dig` shares its port: once in some 30,000 questions it is that of
                // the server or of another `dig`, and it would hear itself or miss its reply.
                .args(["-b", &format!("127.0.0.{}", number + 2)])
                .args(["+noall", "+comments", "+question", "-f"])
                .arg(list)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("dig starts")
        })
        .collect();
    let outputs = std::thread::scope(|scope| {
        let readers: Vec<_> =
            children.into_iter().map(|child| scope.spawn(|| child.wait_with_output().expect("dig ends"))).collect();
        readers.into_iter().map(|reader| reader.join().expect("a reader")).collect::<Vec<_>>()
    });
    outputs.iter().flat_map(|output| read(&String::from_utf8_lossy(&output.stdout))).collect()
}

/// The replies in what `dig` printed.
fn read(text: &str) -> BTreeMap<String, Said> {
    let reply = |block: &str| {
        let status = block.split_once("status: ")?.1.split(',').next()?;
        let flags = block.split_once("flags:")?.1.split(';').next()?;
        assert!(flags.split_whitespace().any(|flag| flag == "qr"), "that is no reply: {block}");
        let question = block.split_once("QUESTION SECTION:")?.1.lines().nth(1)?;
        let words: Vec<&str> = question.trim_start_matches(';').split_whitespace().collect();
        let ad = if flags.split_whitespace().any(|flag| flag == "ad") { " AD" } else { "" };
        Some((format!("{} {}", words.first()?, words.get(2)?), format!("{status}{ad}")))
    };
    text.split(";; ->>HEADER<<-").filter_map(reply).collect()
}

/// Unbound along the same chain. It asks at port 53 unless told a zone's servers, so it is told all.
pub fn unbound(chain: &Chain) -> (Server, u16) {
    let zone = |zone: &Zone| {
        let (address, port) = (zone.place.address(), chain.port);
        format!("stub-zone:\n  name: \"{}\"\n  stub-addr: {address}@{port}\n", zone.apex)
    };
    unbound_with(chain, "unbound", &ZONES.iter().map(zone).collect::<String>())
}

/// An Unbound that validates from the chain's anchors, in a folder of its own, with these zones in its configuration.
pub fn unbound_with(chain: &Chain, name: &str, zones: &str) -> (Server, u16) {
    // Two tests may want one at the same time.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = chain.folder.join(format!("{name}.server-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&folder).expect("a folder");
    let port = free_port();
    let text = format!(
        "server:\n  interface: 127.0.0.1@{port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  \
         directory: \".\"\n  use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  do-ip6: no\n  \
         do-not-query-localhost: no\n  trust-anchor-file: \"{}\"\n  \
         module-config: \"validator iterator\"\n  local-zone: \"test.\" nodefault\n  val-log-level: 2\n  \
         access-control: 127.0.0.0/8 allow\nremote-control:\n  control-enable: no\n{zones}",
        chain.anchors.display()
    );
    fs::write(folder.join("unbound.conf"), text).expect("a configuration");
    let mut server = Server::start(&["unbound", "-d", "-p", "-c", "unbound.conf"], &folder).expect("unbound starts");
    let dig = Asker::dig("127.0.0.1", port).with("+time=1");
    let ready = within(Duration::from_secs(20), || match dig.try_ask("localhost A") {
        Ok(_) => Some(true),
        Err(_) => server.ended().map(|_| false),
    });
    assert_eq!(ready, Some(true), "{}", fs::read_to_string(folder.join("log")).unwrap_or_default());
    (server, port)
}

fn free_port() -> u16 {
    let free = || {
        let tcp = TcpListener::bind(("127.0.0.1", 0)).ok()?;
        let port = tcp.local_addr().ok()?.port();
        UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
    };
    (0..50).find_map(|_| free()).expect("a free port")
}

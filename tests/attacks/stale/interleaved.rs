//! Clients, refreshes, ends of TTLs, failures and revocations in any order (POL-08): whatever the order, no reply is wrong
//! and none is late.
//!
//! `STALE_SEEDS=100000` plays that many orders; `STALE_SEED=7` plays one and prints what happened.
#![allow(clippy::disallowed_methods, reason = "the environment chooses the seeds")]

use std::sync::Arc;
use std::time::Duration;

use burdock::cache::ServeStale;
use burdock::dns::{QueryFlags, Rcode, RecordType};
use burdock::playground::{Behaviour, Field, Internet};
use burdock::world::Dice;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{A, OTHER, SERVER, TLD};
use crate::support::{Lab, Link, Reply, STALE, Tree, run};

/// Orders of an ordinary test run.
const SEEDS: u64 = 150;
/// Questions of one.
const QUESTIONS: usize = 40;
/// Every TTL, delegations included.
const TTL: u64 = 20;
/// The answer deadline, and a tick of the timer.
const DEADLINE: Duration = Duration::from_millis(5002);
/// What a question may take to be worked on: an answer may be as much older.
const WORK: Duration = Duration::from_secs(9);
const VERSIONS: usize = 4;
const NAMES: [(&str, RecordType); 9] = [
    ("w.d1.t1", A),
    ("w.d1.t1", A),
    ("w.d1.t1", RecordType::MX),
    ("w.d1.t1", RecordType::RRSIG),
    ("far.d1.t1", A),
    ("near.d1.t1", A),
    ("w.d2.t1", A),
    ("no.d1.t1", A),
    ("w.d1.t1", RecordType::ANY),
];

/// The Internet in each of its versions; in the last one `d1.t1` is gone.
struct Worlds {
    versions: Vec<Internet>,
    anchor: burdock::dns::RrSet,
}

impl Worlds {
    fn new() -> Self {
        let trees: Vec<Tree> = (0..VERSIONS).map(tree).collect();
        Self { anchor: trees[0].anchor(), versions: trees.iter().map(Tree::internet).collect() }
    }
}

fn tree(version: usize) -> Tree {
    let zone = |tree: Tree, apex: &str, server: &str, data: &str| {
        let shared = format!("{apex}. {TTL} NS ns.{apex}.\nns.{apex}. {TTL} A {server}\n");
        tree.delegate(apex, &shared).bare(apex, &[server], &format!("{shared}{data}"))
    };
    let head = Tree::signed().secure("t1", &[TLD], "");
    let second = format!("w {TTL} A 192.0.2.{}\n", 100 + version);
    let tree = zone(head, "d2.t1", OTHER, &second);
    if version + 1 == VERSIONS {
        return tree;
    }
    let first = format!("w {TTL} A 192.0.2.{version}\nfar {TTL} CNAME w.d2.t1.\nnear {TTL} CNAME w\n");
    zone(tree, "d1.t1", SERVER, &first).sign("d1.t1")
}

/// What is true, and since when: the versions of the two zones, latest last; and when `d1.t1` was last denied to a client.
struct Story {
    versions: Vec<(Instant, usize)>,
    denied: Option<Instant>,
    stale: ServeStale,
}

/// What came of many orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    asked: usize,
    left: usize,
    old: usize,
    denied: usize,
    failed: usize,
}

impl Tally {
    const fn plus(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            left: self.left + other.left,
            old: self.old + other.old,
            denied: self.denied + other.denied,
            failed: self.failed + other.failed,
        }
    }
}

impl Story {
    /// Whether an address of this version may be told at `now`, to somebody who asked at `asked`.
    fn may_tell(&self, version: usize, old: bool, now: Instant) -> bool {
        let last = self.versions.iter().rposition(|(_, there)| *there == version);
        let Some(last) = last else { return false };
        let Some((end, _)) = self.versions.get(last + 1) else { return true };
        let age = Duration::from_secs(TTL) + if old { self.stale.max_age } else { Duration::ZERO };
        // Delegations that lead to a server which has it still end with their own TTL.
        now <= *end + age + Duration::from_secs(TTL) + WORK
    }
}

#[test]
fn pol_08_any_order_of_things() {
    let number = |variable: &str| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (seeds, verbose) = match number("STALE_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (0..number("STALE_SEEDS").unwrap_or(SEEDS), false),
    };
    let worlds = Worlds::new();
    let half = seeds.start + (seeds.end - seeds.start) / 2;
    let play_all = |seeds: std::ops::Range<u64>| {
        seeds.map(|seed| run(play(seed, &worlds, verbose))).fold(Tally::default(), Tally::plus)
    };
    let total = std::thread::scope(|scope| {
        let first = scope.spawn(|| play_all(seeds.start..half));
        let second = play_all(half..seeds.end);
        first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).plus(second)
    });
    println!("POL-08 {} orders, {total:?}: 0 wrong, 0 late, 0 crashes (allowed 0)", seeds.end - seeds.start);
    assert!(verbose || total.old > total.asked / 50, "hardly anything was old");
    assert!(verbose || total.denied > 0 && total.failed > 0 && total.left > 0, "{total:?}");
}

#[test]
fn pol_08_the_same_order_is_the_same_story() {
    let worlds = Worlds::new();
    for seed in 0..5 {
        assert_eq!(run(play(seed, &worlds, false)), run(play(seed, &worlds, false)), "{seed}");
    }
}

async fn play(seed: u64, worlds: &Worlds, verbose: bool) -> Tally {
    let dice = Dice::seeded(seed ^ 0x7374_616c_6500);
    let validate = dice.below(2) == 0;
    let stale = ServeStale {
        max_age: Duration::from_secs([60, 86_400][dice.below(2)]),
        client_wait: Duration::from_millis([0, 300, 1800, 5000][dice.below(4)]),
        ..STALE
    };
    let narrow = dice.below(4) == 0;
    let lab = Lab::stale_so(&worlds.versions[0], seed, stale, |settings, limits, _| {
        if validate {
            settings.dnssec = crate::sim::validation::from(&worlds.anchor);
        }
        if narrow {
            limits.jobs = 2;
            limits.waiters_per_question = 1;
        }
    });
    let latency = Duration::from_millis(5);
    lab.net.set_links(Link { latency, jitter: latency, loss: 0.02, duplication: 0.02 });
    let lab = Arc::new(lab);
    let story = Arc::new(Mutex::new(Story { versions: vec![(lab.clock.now(), 0)], denied: None, stale }));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..QUESTIONS {
        let pause = [0, 1, 10, 200, 1000, 3000, 11_000, 29_000][dice.below(8)];
        lab.wait(Duration::from_millis(pause)).await;
        if dice.below(4) == 0 {
            change(&lab, worlds, &story, &dice, verbose);
        }
        let bits = dice.below(8);
        let flags = QueryFlags { dnssec_ok: bits & 1 != 0, checking_disabled: bits == 7, ..Lab::FLAGS };
        let question = NAMES[dice.below(NAMES.len())];
        let patience = Duration::from_millis([1, 500, 2000, 10_000, 10_000, 10_000][dice.below(6)]);
        let (lab, story) = (Arc::clone(&lab), Arc::clone(&story));
        clients.spawn(async move {
            let asked = lab.clock.now();
            let Ok(reply) = tokio::time::timeout(patience, lab.ask_with(question.0, question.1, flags)).await else {
                return Tally { asked: 1, left: 1, ..Tally::default() };
            };
            let tally = judge(&reply, (question, flags), asked, &mut story.lock(), lab.clock.now());
            let said = tally.unwrap_or_else(|wrong| {
                panic!("seed {seed}, question {number}, {question:?} {flags:?}: {wrong}: {reply}\n{}", lab.net.story())
            });
            if verbose {
                eprintln!("{:?} {question:?} {flags:?}: {reply}", lab.clock.wall());
            }
            said
        });
    }
    let mut total = Tally::default();
    while let Some(tally) = clients.join_next().await {
        total = total.plus(tally.unwrap_or_else(|end| std::panic::resume_unwind(end.into_panic())));
    }
    total
}

/// Something happens to the servers.
fn change(lab: &Lab, worlds: &Worlds, story: &Mutex<Story>, dice: &Dice, verbose: bool) {
    if dice.below(3) == 0 {
        let version = dice.below(VERSIONS);
        lab.net.rewire(|servers| {
            for authority in &worlds.versions[version].authorities {
                if let Some(server) = servers.get_mut(&authority.address) {
                    server.zones.clone_from(&authority.zones);
                }
            }
        });
        let mut story = story.lock();
        if story.versions.last().is_some_and(|(_, last)| *last != version) {
            story.versions.push((lab.clock.now(), version));
            story.denied = None;
        }
        if verbose {
            eprintln!("{:?} version {version}", lab.clock.wall());
        }
        return;
    }
    let behaviour = match dice.below(9) {
        0..3 => Vec::new(),
        3 => vec![Behaviour::Silent],
        4 => vec![Behaviour::Always(Rcode::REFUSED)],
        5 => vec![Behaviour::Always(Rcode::SERVFAIL)],
        6 => vec![Behaviour::Slow(Duration::from_millis([200, 900, 1400][dice.below(3)]))],
        7 => vec![Behaviour::SpoilsSignatures(Vec::new(), Field::Expiration)],
        _ => vec![Behaviour::Empty],
    };
    let server = [SERVER, SERVER, OTHER, TLD][dice.below(4)];
    if verbose {
        eprintln!("{:?} {server} {behaviour:?}", lab.clock.wall());
    }
    lab.net.rewire(|servers| servers.get_mut(&server.parse().unwrap()).unwrap().behaviours = behaviour);
}

/// Whether the reply may be as it is.
fn judge(
    reply: &Reply,
    ((owner, rtype), flags): ((&str, RecordType), QueryFlags),
    asked: Instant,
    story: &mut Story,
    now: Instant,
) -> Result<Tally, String> {
    let codes: Vec<u16> = reply.errors().into_iter().map(|(code, _)| code).collect();
    let old = codes.iter().any(|code| [3, 19].contains(code));
    let tally = Tally { asked: 1, old: usize::from(old), ..Tally::default() };
    if reply.after > DEADLINE {
        return Err("late".into());
    }
    let ttls = reply.message.answer.iter().chain(&reply.message.authority).map(|record| record.ttl.as_secs());
    if old && ttls.max().is_some_and(|ttl| ttl > 30) {
        return Err("too long a TTL".into());
    }
    for address in reply.a() {
        let number: usize = address.rsplit('.').next().unwrap().parse().unwrap();
        if number == 200 || !story.may_tell(number % 100, old, now) {
            return Err(format!("{address} is of the past"));
        }
        // Whoever asked after somebody had been told that the zone is gone. What came by a walk that had begun before may be
        // told for as long as it holds, and not as what has ended.
        let tolerated = if old { Duration::ZERO } else { Duration::from_secs(TTL) + WORK };
        if owner.ends_with("d1.t1") && number < 100 && story.denied.is_some_and(|denied| asked > denied + tolerated) {
            return Err(format!("{address} is of a zone that was taken away"));
        }
    }
    match reply.rcode() {
        Rcode::SERVFAIL if old || !reply.a().is_empty() => Err("fails and answers".into()),
        Rcode::SERVFAIL => Ok(Tally { failed: 1, ..tally }),
        Rcode::NXDOMAIN => {
            let gone = story.versions.last().is_some_and(|(_, last)| last + 1 == VERSIONS);
            // CD data may replace nothing that was checked, and w.d1.t1 is there in all other versions. A denial that took no
            // time was proven before, perhaps before the address was learnt.
            let learnt = reply.after > Duration::ZERO;
            if gone && !old && learnt && owner == "w.d1.t1" && rtype == A && !flags.checking_disabled {
                story.denied.get_or_insert(now);
            }
            Ok(Tally { denied: 1, ..tally })
        }
        Rcode::NOERROR => Ok(tally),
        other => Err(format!("{other}")),
    }
}

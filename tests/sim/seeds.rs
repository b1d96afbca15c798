//! Random Internets, lossy links, several clients at once; after each run the oracle says who was right.
//!
//! `SEEDS=10000` plays that many; `SEED=7` plays one and prints what happened.
#![allow(clippy::disallowed_methods, reason = "the environment chooses the seeds")]

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Message, Question, Rcode, RecordType};
use burdock::world::Dice;

use super::generate::{World, generate};
use crate::support::{Lab, Oracle, Reply, Truth, name, run};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 200;
/// Clients of one run, and questions of one client.
const CLIENTS: usize = 6;
const QUESTIONS: usize = 8;
/// Packets one question may cost (`upstream_queries`).
const BUDGET: usize = 96;
/// The answer deadline, and a tick of the timer.
const DEADLINE: Duration = Duration::from_millis(5002);

/// What came of a run, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    asked: usize,
    answered: usize,
    /// Questions whose zones all work.
    answerable: usize,
    missed: usize,
    packets: usize,
    hash: u64,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            answered: self.answered + other.answered,
            answerable: self.answerable + other.answerable,
            missed: self.missed + other.missed,
            packets: self.packets + other.packets,
            hash: self.hash ^ other.hash,
        }
    }
}

#[test]
fn random_internets() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let verbose = number("SEED").is_some();
    let half = seeds.start + (seeds.end - seeds.start) / 2;
    let play_all =
        |seeds: std::ops::Range<u64>| seeds.map(|seed| play(seed, verbose)).fold(Tally::default(), Tally::plus);
    let total = std::thread::scope(|scope| {
        let first = scope.spawn(|| play_all(seeds.start..half));
        let second = play_all(half..seeds.end);
        first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).plus(second)
    });
    eprintln!("{} seeds: {total:?}", seeds.end - seeds.start);
    let missed = total.missed as f64 / total.answerable.max(1) as f64;
    assert!(missed <= 0.005 || verbose, "{missed:.4} of the answerable questions were not answered");
    let mean = total.packets as f64 / total.asked.max(1) as f64;
    assert!(mean <= 8.0 || verbose, "{mean:.2} packets for one question on average");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..10 {
        assert_eq!(play(seed, false), play(seed, false), "seed {seed}");
    }
    assert_ne!(play(1, false).hash, play(2, false).hash);
}

/// Alone in a cold cache, whatever the bound: a question costs no more packets than it may, and its client is told.
#[test]
fn a_question_stays_in_its_budget() {
    for seed in 0..40 {
        let world = generate(seed);
        let internet = world.tree.internet();
        for (question, budget) in world.questions.iter().zip([1, 2, 5, 12, 30, 96].into_iter().cycle()).take(12) {
            run(async {
                let lab = Lab::with(&internet, seed, |_, limits| limits.upstream_queries = budget);
                for (server, link) in &world.links {
                    lab.net.set_link(server, *link);
                }
                let reply = lab.ask_question(question.clone()).await;
                let told = reply.rcode() != Rcode::SERVFAIL || !reply.errors().is_empty();
                assert!(told && reply.after <= DEADLINE, "SEED={seed} {question} {reply}");
                lab.wait(Duration::from_secs(10)).await;
                let packets = lab.net.packets();
                assert!(
                    packets <= budget as usize,
                    "SEED={seed} {question}: {packets} of {budget}\n{}",
                    lab.net.story()
                );
            });
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn play(seed: u64, verbose: bool) -> Tally {
    run(async move {
        let world = generate(seed);
        let lab = Arc::new(Lab::new(&world.tree.internet(), seed));
        for (server, link) in &world.links {
            lab.net.set_link(server, *link);
        }
        let replies = ask_all(&lab, &world, seed).await;
        let packets = lab.net.packets();
        let oracle = world.tree.oracle();
        let mut tally = Tally { packets, hash: lab.net.trace_hash(), ..Tally::default() };
        let mut complaints = String::new();
        for (question, reply) in &replies {
            let verdict = judge(&oracle, &world, question, reply);
            if verbose {
                eprintln!("{question} {reply}: {verdict:?}");
            }
            tally.asked += 1;
            tally.answered += usize::from(reply.rcode() != Rcode::SERVFAIL);
            match verdict {
                Verdict::Right => tally.answerable += 1,
                Verdict::Missed => (tally.answerable, tally.missed) = (tally.answerable + 1, tally.missed + 1),
                Verdict::Excused => {}
                Verdict::Wrong(why) => complaints.push_str(&format!("{question}: {why}\n{reply}\n")),
            }
        }
        if verbose {
            eprintln!("{}\n{}", world.tree, lab.net.story());
        }
        assert!(complaints.is_empty(), "SEED={seed}\n{complaints}");
        assert!(packets <= BUDGET * replies.len(), "SEED={seed}: {packets} packets");
        tally
    })
}

/// Several clients, each with its own questions and its own patience between them.
async fn ask_all(lab: &Arc<Lab>, world: &World, seed: u64) -> Vec<(Question, Reply)> {
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let dice = Dice::seeded(seed.wrapping_mul(1000) + client as u64);
        let lab = Arc::clone(lab);
        let pick = |_| world.questions[dice.below(world.questions.len())].clone();
        let questions: Vec<Question> = (0..QUESTIONS).map(pick).collect();
        clients.push(tokio::spawn(async move {
            let mut replies = Vec::new();
            for question in questions {
                lab.wait(Duration::from_millis(dice.below(8000) as u64)).await;
                replies.push((question.clone(), lab.ask_question(question).await));
            }
            replies
        }));
    }
    let mut replies = Vec::new();
    for client in clients {
        replies.extend(client.await.unwrap());
    }
    replies
}

#[derive(Debug)]
enum Verdict {
    /// As the oracle says.
    Right,
    /// SERVFAIL, although every zone has servers that work.
    Missed,
    /// SERVFAIL, and no wonder.
    Excused,
    Wrong(String),
}

fn judge(oracle: &Oracle, world: &World, question: &Question, reply: &Reply) -> Verdict {
    if reply.after > DEADLINE {
        return Verdict::Wrong(format!("after {:?}", reply.after));
    }
    let truth = oracle.ask(question);
    let failed = reply.rcode() == Rcode::SERVFAIL;
    let (rcode, chain, zones) = match truth {
        Truth::Ends { rcode, chain, zones } => (rcode, chain, zones),
        Truth::Endless { .. } if failed => return Verdict::Excused,
        Truth::Endless { .. } => return Verdict::Wrong("an answer to a chain without end".to_owned()),
    };
    if failed {
        let works = zones.iter().all(|zone| world.working.contains(zone));
        return if works { Verdict::Missed } else { Verdict::Excused };
    }
    let mut expected = Vec::new();
    for set in chain.iter().filter(|set| set.rtype != RecordType::DNAME) {
        expected.extend(set.rdatas.iter().map(|rdata| (set.owner.clone(), set.rtype, rdata.to_vec())));
    }
    expected.sort();
    if (reply.rcode(), reply.records()) != (rcode, expected) {
        return Verdict::Wrong(format!("expected {rcode} {chain:?}"));
    }
    for record in &reply.message.answer {
        let truth = chain.iter().find(|set| set.owner == record.owner && set.rtype == record.rtype);
        if let Some(set) = truth.filter(|set| record.ttl > set.ttl) {
            return Verdict::Wrong(format!("TTL {} where the zone has {}", record.ttl, set.ttl));
        }
    }
    Verdict::Right
}

/// The oracle itself, on questions whose answers are plain to see.
#[test]
fn the_oracle_reads_the_zones() {
    let tree = crate::support::Tree::with_tld()
        .zone("d1.t1", &["198.18.2.1"], "www A 192.0.2.1\nalias CNAME www.d2.t1.\nloop CNAME pool\npool CNAME loop\n")
        .zone("d2.t1", &["198.18.2.2"], "www A 192.0.2.2\nold DNAME d1.t1.\n");
    let ask = |owner: &str, rtype| match tree.oracle().ask(&Question::new(name(owner), rtype)) {
        Truth::Ends { rcode, chain, .. } => format!("{rcode} {}", chain.len()),
        Truth::Endless { .. } => "endless".to_owned(),
    };
    assert_eq!(ask("www.d1.t1", RecordType::A), "NOERROR 1");
    assert_eq!(ask("alias.d1.t1", RecordType::A), "NOERROR 2");
    assert_eq!(ask("alias.old.d2.t1", RecordType::A), "NOERROR 4");
    assert_eq!(ask("gone.old.d2.t1", RecordType::A), "NXDOMAIN 2");
    assert_eq!(ask("www.d1.t1", RecordType::MX), "NOERROR 0");
    assert_eq!(ask("loop.d1.t1", RecordType::A), "endless");
    assert_eq!(ask("d1.t1", RecordType::DS), "NOERROR 0");
    assert_eq!(ask("gone", RecordType::A), "NXDOMAIN 0");
}

/// A tree is a network: the lab's packets are the authorities' packets.
#[test]
fn the_network_loses_what_it_should() {
    use burdock::dns::{QueryFlags, write_query};
    use burdock::world::{Arrival, Network, Route, Transport};
    run(async {
        let lab = Lab::new(&crate::support::Tree::with_tld().internet(), 9);
        lab.net.set_links(crate::support::Link { loss: 0.1, ..crate::support::Link::PERFECT });
        let packet = write_query(5, &Question::new(name("t1"), RecordType::SOA), QueryFlags::default());
        let route = Route { server: "198.18.1.1:53".parse().unwrap(), transport: Transport::Udp };
        let ours = |bytes: &[u8]| match Message::parse(bytes).unwrap().answer.len() {
            1 => Arrival::Ours,
            _ => Arrival::NotOurs,
        };
        let mut heard = 0;
        for _ in 0..1000 {
            let exchange = lab.net.exchange(route, &packet, &ours);
            heard += usize::from(tokio::time::timeout(Duration::from_millis(100), exchange).await.is_ok());
        }
        // 0.9 squared, and room for chance.
        assert!((760..860).contains(&heard), "{heard}");
        assert_eq!(lab.net.packets_to("198.18.1.1"), 1000);
    });
}

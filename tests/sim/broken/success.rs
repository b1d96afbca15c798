//! How often the right answer is had in an Internet in which every zone is served badly: each way of [`super::kinds`] by a
//! zone of its own, on paths that lose one packet in a hundred. An oracle knows what is right.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::time::Duration;

use burdock::dns::{Question, Rcode, RecordType};
use burdock::world::Dice;

use super::PATIENCE;
use super::kinds::{Company, Kind, Lost, Shape, kinds};
use crate::attacks::at_most;
use crate::support::{Exchange, Lab, Link, Oracle, Reply, Tree, Truth, name, run};

const SEEDS: u64 = 6;
/// Asked in every zone, by each of [`TYPES`].
const NAMES: [&str; 8] = ["h0", "h1", "h2", "h3", "alias", "deep.empty", "many", "gone"];
const TYPES: [RecordType; 3] = [RecordType::A, RecordType::AAAA, RecordType::MX];
const TLD: &str = "198.18.1.1";

/// One zone.
struct Plot {
    kind: Kind,
    apex: String,
    /// Its bad server, or its only one; and the good one, if it has one.
    servers: [String; 2],
}

/// What came of the questions about zones of one INT.
#[derive(Clone, Debug, Default)]
struct Tally {
    asked: usize,
    right: usize,
    /// Questions that were the first about their zone, and the most packets its servers got for one.
    cold: usize,
    most_cold: usize,
    /// Packets for all others.
    warm_packets: usize,
    /// Times of right answers, in milliseconds.
    times: Vec<u128>,
    wrong: String,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.right += other.right;
        self.cold += other.cold;
        self.most_cold = self.most_cold.max(other.most_cold);
        self.warm_packets += other.warm_packets;
        self.times.extend(other.times);
        self.wrong.push_str(&other.wrong);
    }

    fn note(&mut self, is_right: bool, is_cold: bool, cost: usize) {
        self.asked += 1;
        self.right += usize::from(is_right);
        if is_cold {
            self.cold += 1;
            self.most_cold = self.most_cold.max(cost);
        } else {
            self.warm_packets += cost;
        }
    }

    /// The time within which so many of a hundred right answers came.
    fn percentile(&self, percent: usize) -> u128 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or(0)
    }
}

#[test]
fn int_01_to_20_how_often_the_answer_is_right() {
    let total = std::thread::scope(|scope| {
        let first = scope.spawn(|| play_all(0..=SEEDS / 2 - 1));
        let mut total = play_all(SEEDS / 2..=SEEDS - 1);
        merge(&mut total, first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        total
    });
    for (id, tally) in &total {
        let warm = tally.warm_packets as f64 / (tally.asked - tally.cold) as f64;
        let times = [50, 99].map(|percent| tally.percentile(percent));
        println!("INT-{id:02} right {} of {}; {} ms, 99 % within {} ms", tally.right, tally.asked, times[0], times[1]);
        print!("{}", tally.wrong);
        at_most(&format!("INT-{id:02}"), "packets to a zone for its first question", tally.most_cold, 8);
        // Where parent and child share a server, these are the packets of two zones.
        if *id != 20 {
            at_most(&format!("INT-{id:02}"), "packets to a zone for a later question, on average", warm, 2.0);
        }
    }
    for (what, ids) in [("INT-01 to INT-04", 1..=4), ("INT-05 to INT-20", 5..=20)] {
        enough(what, &total, ids);
    }
}

fn enough(what: &str, total: &BTreeMap<u8, Tally>, ids: RangeInclusive<u8>) {
    let mut tally = Tally::default();
    total.range(ids).for_each(|(_, other)| tally.add(other.clone()));
    let share = 100.0 * tally.right as f64 / tally.asked as f64;
    println!("{what} right: {} of {}, {share:.2} % (allowed 99 %)", tally.right, tally.asked);
    assert!(tally.right * 100 >= tally.asked * 99, "{what}: {share:.2} %\n{}", tally.wrong);
}

fn merge(total: &mut BTreeMap<u8, Tally>, more: BTreeMap<u8, Tally>) {
    for (id, tally) in more {
        total.entry(id).or_default().add(tally);
    }
}

fn play_all(seeds: RangeInclusive<u64>) -> BTreeMap<u8, Tally> {
    seeds.fold(BTreeMap::new(), |mut total, seed| {
        merge(&mut total, run(play(seed)));
        total
    })
}

/// One resolver, and all questions in an order of chance, a few seconds apart.
async fn play(seed: u64) -> BTreeMap<u8, Tally> {
    let (tree, plots) = internet();
    let (lab, oracle, dice) = (Lab::new(&tree.internet(), seed), tree.oracle(), Dice::seeded(seed));
    lab.net.set_links(Link { jitter: Duration::from_millis(20), loss: 0.01, duplication: 0.01, ..Link::PERFECT });
    let mut questions: Vec<(&Plot, &str, RecordType)> = Vec::new();
    for plot in &plots {
        questions.extend(NAMES.iter().flat_map(|host| TYPES.map(|rtype| (plot, *host, rtype))));
    }
    for last in (1..questions.len()).rev() {
        questions.swap(last, dice.below(last + 1));
    }
    let (mut total, mut known): (BTreeMap<u8, Tally>, Vec<&str>) = (BTreeMap::new(), Vec::new());
    for (plot, host, rtype) in questions {
        lab.wait(Duration::from_millis(dice.below(4000) as u64)).await;
        let question = Question::new(name(&format!("{host}.{}", plot.apex)), rtype);
        let before = lab.net.packets();
        let reply = lab.ask_question(question.clone()).await;
        assert!(reply.after <= PATIENCE, "SEED={seed} {question} {reply}");
        if !plot.is_known(host, rtype) {
            continue;
        }
        let tally = total.entry(plot.kind.id).or_default();
        let is_right = is_right(&oracle, &question, &reply);
        tally.note(is_right, !known.contains(&plot.apex.as_str()), plot.packets(&lab, before));
        known.push(&plot.apex);
        match is_right {
            true => tally.times.push(reply.after.as_millis()),
            false => writeln!(tally.wrong, "SEED={seed} {:?} {question} {reply}", plot.kind.faults).unwrap(),
        }
    }
    total
}

fn is_right(oracle: &Oracle, question: &Question, reply: &Reply) -> bool {
    let Truth::Ends { rcode, chain, .. } = oracle.ask(question) else { return reply.rcode() == Rcode::SERVFAIL };
    let records = |set: &burdock::dns::RrSet| {
        let one = |rdata: &[u8]| (set.owner.clone(), set.rtype, rdata.to_vec());
        set.rdatas.iter().map(one).collect::<Vec<_>>()
    };
    let mut expected: Vec<_> = chain.iter().flat_map(records).collect();
    expected.sort();
    (reply.rcode(), reply.records()) == (rcode, expected)
}

impl Plot {
    /// Packets to its servers, from the n-th of all on.
    fn packets(&self, lab: &Lab, nth: usize) -> usize {
        let is_theirs = |sent: &Exchange| self.servers.contains(&sent.server.ip().to_string());
        lab.net.exchanges_since(nth).iter().filter(|sent| is_theirs(sent)).count()
    }

    /// Whether anybody tells what is right.
    fn is_known(&self, host: &str, rtype: RecordType) -> bool {
        match self.kind.lost {
            Lost::Nothing => true,
            Lost::Type(lost) => rtype != lost,
            Lost::Names => host != "gone",
            Lost::LargeSets => host != "many",
        }
    }

    fn plant(&self, tree: Tree) -> Tree {
        let (apex, [bad, good], data) = (self.apex.as_str(), &self.servers, data());
        let tree = match (self.kind.shape, self.kind.company) {
            (Shape::Usual, Company::Nobody) => tree.zone(apex, &[bad], &data),
            (Shape::Usual, Company::AGoodServer) => tree.zone(apex, &[bad, good], &data),
            (Shape::NoGlue, _) => {
                let delegation = format!("{apex}. NS ns1.{apex}.\n{apex}. NS ns2.{apex}.\nns2.{apex}. A {good}\n");
                let own = format!("@ NS ns1\n@ NS ns2\nns1 A {bad}\nns2 A {good}\n{data}");
                tree.delegate(apex, &delegation).bare(apex, &[bad, good], &own)
            }
            (Shape::Circle, _) => {
                let other = format!("x{apex}");
                let glue = format!("ns.{apex}. A {good}\nns.{other}. A {bad}\n");
                let delegation = format!("{apex}. NS ns.{other}.\n{other}. NS ns.{apex}.\n{glue}");
                tree.delegate(apex, &delegation)
                    .bare(apex, &[bad], &format!("@ NS ns.{other}.\nns A {good}\n{data}"))
                    .bare(&other, &[good], &format!("@ NS ns.{apex}.\nns A {bad}\n"))
            }
            (Shape::Expiring(ns, glue), _) => {
                let delegation = format!("{apex}. {ns} NS ns1.{apex}.\nns1.{apex}. {glue} A {bad}\n");
                tree.delegate(apex, &delegation).bare(apex, &[bad], &format!("{delegation}{data}"))
            }
            (Shape::DeadChild, _) => {
                let own = format!("@ NS dead1\n@ NS dead2\ndead1 A 198.18.9.1\ndead2 A 10.0.0.1\n{data}");
                let delegation = format!("{apex}. NS ns1.{apex}.\nns1.{apex}. A {bad}\n");
                tree.delegate(apex, &delegation).bare(apex, &[bad], &own)
            }
            (Shape::OddHost(host), _) => tree.zone(apex, &[bad], &data).delegate(apex, &format!("{apex}. NS {host}\n")),
            (Shape::WithParent, _) => tree.zone(apex, &[bad], &data),
        };
        self.kind.faults.iter().fold(tree, |tree, fault| tree.behave(bad, fault.clone()))
    }
}

/// A zone of each kind below one top-level domain.
fn internet() -> (Tree, Vec<Plot>) {
    let mut tree = Tree::new().zone("t1", &[TLD], "nothing TXT \"no address\"\nother CNAME host\nhost A 192.0.2.200\n");
    let mut plots = Vec::new();
    for index in 0..kinds("t1").len() {
        let (apex, net) = (format!("k{index}.t1"), 10 + index);
        let kind = kinds(&apex).swap_remove(index);
        let mut servers = [1, 2].map(|server| format!("198.18.{net}.{server}"));
        if kind.shape == Shape::WithParent {
            servers[0] = TLD.to_owned();
        }
        let plot = Plot { kind, apex, servers };
        tree = plot.plant(tree);
        plots.push(plot);
    }
    (tree, plots)
}

/// What every zone has; the sets of `many` fit into no datagram.
fn data() -> String {
    let mut data = String::from("alias CNAME h1\n");
    for (n, host) in ["h0", "h1", "h2", "h3", "deep.empty"].iter().enumerate() {
        writeln!(data, "{host} A 192.0.2.{n}\n{host} AAAA 2001:db8::{n}\n{host} MX 10 h0").unwrap();
    }
    for n in 1..=90 {
        writeln!(data, "many A 198.51.100.{n}\nmany AAAA 2001:db8::1:{n}\nmany MX {n} mx{n}").unwrap();
    }
    data
}

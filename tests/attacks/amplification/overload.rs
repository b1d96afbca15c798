//! AMP-10, AMP-17: more questions than can be worked on, for names of a zone that is dead or slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burdock::dns::Rcode;
use burdock::playground::Behaviour;

use super::*;
use crate::support::{Tree, run};

fn tree(bad: Behaviour) -> Tree {
    let benign: String = (0..2000).map(|number| format!("b{number} A 192.0.2.1\n")).collect();
    Tree::with_tld().zone("good.t1", &[VICTIM], &benign).zone("bad.t1", &[EVIL], "").behave(EVIL, bad)
}

/// The most exchanges that were under way with a server at one time; each takes no longer than `longest`.
fn most_at_once(lab: &Lab, server: &str, longest: Duration) -> usize {
    let mut events: Vec<(Duration, i32)> = Vec::new();
    for exchange in lab.net.exchanges().iter().filter(|exchange| exchange.server.ip().to_string() == server) {
        let after = if exchange.end == "nothing" { longest } else { exchange.after.min(longest) };
        events.extend([(exchange.at, 1), (exchange.at + after, -1)]);
    }
    events.sort();
    let mut now = 0;
    let most = events
        .into_iter()
        .map(|(_, change)| {
            now += change;
            now
        })
        .max();
    usize::try_from(most.unwrap_or(0)).unwrap()
}

/// Asks for `per_second` names a second for `seconds`, and for 100 others; how many of those were answered.
async fn flood(lab: &Arc<Lab>, per_second: u64, seconds: u64, repeats: u64) -> (usize, usize) {
    flood_zones(lab, (per_second, seconds, repeats), |number| format!("r{number}.bad.t1")).await
}

async fn flood_zones(
    lab: &Arc<Lab>,
    (per_second, seconds, repeats): (u64, u64, u64),
    owner: fn(u64) -> String,
) -> (usize, usize) {
    let mut tasks = tokio::task::JoinSet::new();
    let (answered, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for number in 0..per_second * seconds {
        let (lab, refused) = (Arc::clone(lab), Arc::clone(&refused));
        tasks.spawn(async move {
            lab.wait(Duration::from_secs(1) * u32::try_from(number).unwrap() / u32::try_from(per_second).unwrap())
                .await;
            for repeat in 0..=repeats {
                let lab = Arc::clone(&lab);
                let owner = owner(number);
                let asking = async move { lab.ask(&owner, A).await };
                if repeat == repeats {
                    let reply = asking.await;
                    assert_eq!(reply.rcode(), Rcode::SERVFAIL);
                    if reply
                        .errors()
                        .iter()
                        .any(|(_, text)| text.contains("-per-zone") || text.contains("-per-server)"))
                    {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                } else {
                    tokio::spawn(asking);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        });
    }
    for number in 0..100 * seconds {
        let (lab, answered) = (Arc::clone(lab), Arc::clone(&answered));
        tasks.spawn(async move {
            lab.wait(Duration::from_millis(10 * number)).await;
            if lab.ask(&format!("b{number}.good.t1"), A).await.rcode() == Rcode::NOERROR {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tasks.join_all().await;
    (answered.load(Ordering::Relaxed), refused.load(Ordering::Relaxed))
}

/// Water torture: random names in an unsigned zone whose server is dead.
#[test]
fn amp_10_random_names_in_a_dead_zone() {
    run(async {
        let lab = Arc::new(Lab::new(&tree(Behaviour::Silent).internet(), 1));
        let (answered, refused) = flood(&lab, 2000, 5, 0).await;
        let at_once = most_at_once(&lab, EVIL, Duration::from_millis(1500));
        at_most("AMP-10", "packets under way to the dead server", at_once, 200);
        at_most("AMP-10", "% of others' questions that failed", 100.0 - answered as f64 / 5.0, 1.0);
        at_most("AMP-10", "packets to the dead server for 10,000 questions", lab.net.packets_to(EVIL), 2000);
        assert!(refused > 8000, "{refused} of 10,000 were told which limit it was");
    });
}

/// A server that answers after nine seconds, and clients that ask again each half second: others get in.
#[test]
fn amp_17_a_slow_server_does_not_take_all_places() {
    run(async {
        let slow = tree(Behaviour::Slow(Duration::from_secs(9))).internet();
        let lab = Arc::new(Lab::with(&slow, 2, |_, limits| limits.jobs = 500));
        let (answered, _) = flood(&lab, 1000, 5, 4).await;
        at_most("AMP-17", "% of others' questions that failed", 100.0 - answered as f64 / 5.0, 5.0);
        let at_once = most_at_once(&lab, EVIL, Duration::from_millis(1500));
        at_most("AMP-17", "packets under way to the slow server, of 500 places", at_once, 250);
    });
}

/// A top-level zone is on everybody's way: that it takes a while, and many are there at once, is no reason to refuse them.
#[test]
fn amp_17_a_top_level_zone_has_room_for_a_crowd() {
    run(async {
        let data: String = (0..1000).map(|number| format!("b{number} A 192.0.2.1\n")).collect();
        let tree = Tree::with_tld().data("t1", &data).behave(TLD, Behaviour::Slow(Duration::from_millis(300)));
        let lab = Arc::new(Lab::new(&tree.internet(), 7));
        lab.ask("b0.t1", A).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 1..1000 {
            let lab = Arc::clone(&lab);
            tasks.spawn(async move { lab.ask(&format!("b{number}.t1"), A).await.rcode() });
        }
        let failed = tasks.join_all().await.into_iter().filter(|rcode| *rcode != Rcode::NOERROR).count();
        at_most("AMP-17", "of 999 questions at a top-level zone, failed", failed, 0);
    });
}

/// The same, when the zone has more servers than a question asks: it is the questions at the zone that are bounded.
#[test]
fn amp_10_a_dead_zone_of_many_servers() {
    run(async {
        let servers: Vec<String> = (1..=10).map(|last| format!("198.18.67.{last}")).collect();
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        let mut tree = tree(Behaviour::Silent).zone("many.t1", &servers, "");
        tree = servers.iter().fold(tree, |tree, server| tree.behave(server, Behaviour::Silent));
        let lab = Arc::new(Lab::new(&tree.internet(), 3));
        let (answered, _) = flood_zones(&lab, (1000, 5, 0), |number| format!("r{number}.many.t1")).await;
        at_most("AMP-10", "ten dead servers: % of others' questions that failed", 100.0 - answered as f64 / 5.0, 1.0);
        let placed = 5000 - lab.resolver.crowded().zones;
        at_most("AMP-10", "ten dead servers: questions of 5,000 that got to them", placed, 500);
    });
}

/// The same, when the random names are of fifty zones that have one dead server.
#[test]
fn amp_10_many_zones_of_a_dead_server() {
    run(async {
        let tree = (0..50).fold(tree(Behaviour::Silent), |tree, zone| tree.zone(&format!("bad{zone}.t1"), &[EVIL], ""));
        let lab = Arc::new(Lab::new(&tree.internet(), 4));
        let (answered, _) = flood_zones(&lab, (1000, 5, 0), |number| format!("r{number}.bad{}.t1", number % 50)).await;
        at_most("AMP-10", "fifty zones: % of others' questions that failed", 100.0 - answered as f64 / 5.0, 1.0);
        let at_once = most_at_once(&lab, EVIL, Duration::from_millis(1500));
        at_most("AMP-10", "fifty zones: packets under way to their server", at_once, 200);
    });
}

/// As many slow questions as there may be at once, whose clients have given up: a new one is answered all the same.
#[test]
fn amp_10_work_that_nobody_waits_for_makes_room() {
    run(async {
        let silent = tree(Behaviour::Slow(Duration::from_secs(7)));
        let lab = Lab::with(&silent.internet(), 9, |_, limits| limits.jobs = 8);
        assert_eq!(lab.ask("b0.good.t1", A).await.rcode(), Rcode::NOERROR);
        let questions: Vec<String> = (0..8).map(|number| format!("s{number}.bad.t1")).collect();
        let replies = futures_util::future::join_all(questions.iter().map(|owner| lab.ask(owner, A))).await;
        assert!(replies.iter().all(|reply| reply.rcode() == Rcode::SERVFAIL));
        let reply = lab.ask("b1.good.t1", A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}");
    });
}

//! AMP-03, AMP-04, AMP-15: delegations without end, in circles, and a long walk up for a DS set.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long a reply takes is measured in real time"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use burdock::dns::{Question, Rcode, RecordType, write_query};
use burdock::playground::Behaviour;
use burdock::responder::{Client, ClientTransport};

use super::*;
use crate::support::{Tree, run};

/// `evil.t1` where the servers of zone n live in zone n + 1, down to `last`, whose server is there.
fn endless(last: usize) -> Tree {
    let refers = Behaviour::edits(move |query, draft| {
        let (asked, apex) = (query.name().to_lowercase(), name("evil.t1"));
        if !asked.is_strictly_below(&apex) {
            return;
        }
        let zone = asked.suffix(apex.label_count() + 1);
        let label = zone.labels().next().map(|label| String::from_utf8_lossy(label).into_owned()).unwrap_or_default();
        let Some(number) = label.strip_prefix('z').and_then(|digits| digits.parse::<usize>().ok()) else { return };
        if number < last {
            refer(draft, &zone, [name(&format!("ns1.z{}.evil.t1", number + 1))], 3600);
        }
    });
    let end = format!("z{last}.evil.t1");
    Tree::with_tld().zone("evil.t1", &[EVIL], "").zone(&end, &["198.18.66.2"], "").behave(EVIL, refers)
}

/// Endless delegation (iDNS): each zone's server lives in the next one.
#[test]
fn amp_03_endless_delegation() {
    run(async {
        let lab = Lab::new(&endless(1_000_000).internet(), 1);
        let (reply, packets) = ask(&lab, "www.z1.evil.t1").await;
        assert_failed(&reply, &[22], &lab);
        at_most("AMP-03", "packets", packets, 50);
        at_most("AMP-03", "seconds", reply.after.as_secs_f64(), 10.0);
        let before = lab.net.packets();
        for number in 0..50 {
            ask(&lab, &format!("w{number}.z1.evil.t1")).await;
        }
        at_most("AMP-03", "packets for 50 more names of the zone", lab.net.packets() - before, 0);
    });
}

/// A short chain of the same kind resolves.
#[test]
fn amp_03_a_short_chain_resolves() {
    for length in 2..=5 {
        run(async {
            let mut tree = Tree::with_tld().zone("evil.t1", &[EVIL], "");
            for number in 1..length {
                let (apex, next) = (format!("z{number}.evil.t1"), number + 1);
                let (server, data) = (format!("198.18.67.{number}"), format!("ns1 A 198.18.67.{}\n", number - 1));
                tree = tree.delegate(&apex, &format!("{apex}. NS ns1.z{next}.evil.t1.\n")).bare(
                    &apex,
                    &[&server],
                    &format!("@ NS ns1.z{next}.evil.t1.\nwww A 192.0.2.1\n{data}"),
                );
            }
            let data = format!("ns1 A 198.18.67.{}\n", length - 1);
            let last = format!("z{length}.evil.t1");
            tree = tree.delegate(&last, &format!("{last}. NS ns9.{last}.\nns9.{last}. A 198.18.67.99\n")).bare(
                &last,
                &["198.18.67.99"],
                &format!("@ NS ns9\nns9 A 198.18.67.99\n{data}"),
            );
            let lab = Lab::new(&tree.internet(), 2);
            let (reply, packets) = ask(&lab, "www.z1.evil.t1").await;
            assert_eq!(reply.a(), ["192.0.2.1"], "{length}: {reply}\n{}", lab.net.story());
            at_most("AMP-03", &format!("packets for a chain of {length}"), packets, 22);
        });
    }
}

/// Notes the deepest place on the stack at which a server was asked: the lowest address.
fn notes(deepest: &Arc<AtomicUsize>) -> Behaviour {
    let deepest = Arc::clone(deepest);
    Behaviour::edits(move |_, _| {
        let here = 0u8;
        deepest.fetch_min(std::ptr::from_ref(&here).addr(), Ordering::Relaxed);
    })
}

/// The stack does not grow with the number of zones: an endless chain is left where one of a few zones is.
#[test]
fn amp_03_the_stack_stays_flat() {
    let depth = |last: usize, questions: usize| {
        let deepest = Arc::new(AtomicUsize::new(usize::MAX));
        let tree = endless(last).behave(EVIL, notes(&deepest)).behave(TLD, notes(&deepest));
        let here = 0u8;
        run(async {
            let lab = Lab::new(&tree.internet(), 1);
            for number in 0..questions {
                ask(&lab, &format!("www.z{}.evil.t1", 1 + 7 * number)).await;
            }
        });
        std::ptr::from_ref(&here).addr() - deepest.load(Ordering::Relaxed)
    };
    let (few, endless) = (depth(5, 1), depth(1_000_000, 100));
    println!("AMP-03 octets of stack for a chain of 5: {few}, for a hundred endless ones: {endless}");
    at_most("AMP-03", "octets of stack more than for a chain of 5", endless.saturating_sub(few), 4096);
}

/// Zones whose servers are found only through each other.
fn circles(ttl: u32) -> [(&'static str, Tree); 4] {
    let tree = |text: &str| {
        let text: String = text.lines().map(|line| line.replacen("NS", &format!("{ttl} NS"), 1) + "\n").collect();
        Tree::with_tld().delegate("z.t1", &text)
    };
    [
        ("two zones", tree("z.t1. NS ns.y.t1.\ny.t1. NS ns.z.t1.\n")),
        ("three zones", tree("z.t1. NS ns.y.t1.\ny.t1. NS ns.x.t1.\nx.t1. NS ns.z.t1.\n")),
        ("itself", tree("z.t1. NS ns.z.t1.\n")),
        ("an alias", tree("z.t1. NS ns.y.t1.\n").zone("y.t1", &[VICTIM], "ns 0 CNAME ns.z.t1.\n")),
    ]
}

/// TsuNAME: delegations in a circle, which clients ask for again and again.
#[test]
fn amp_04_delegations_in_a_circle() {
    for ttl in [3600, 0] {
        for (what, tree) in circles(ttl) {
            for random in [false, true] {
                run(async {
                    let lab = Lab::new(&tree.internet(), 3);
                    let what = format!("{what}, TTL {ttl}, {}", if random { "random names" } else { "one name" });
                    let (reply, packets) = ask(&lab, "www.z.t1").await;
                    assert_failed(&reply, &[22], &lab);
                    at_most("AMP-04", &format!("{what}: packets for the first question"), packets, 20);
                    let mut slowest = Duration::ZERO;
                    for number in 0..1000 {
                        let owner = if random { format!("w{number}.z.t1") } else { "www.z.t1".to_owned() };
                        let (reply, packets) = ask(&lab, &owner).await;
                        assert_eq!(reply.rcode(), Rcode::SERVFAIL);
                        if packets == 0 {
                            slowest = slowest.max(reply.after);
                        }
                        lab.wait(Duration::from_millis(60)).await;
                    }
                    at_most("AMP-04", &format!("{what}: packets to the parent"), lab.net.packets_to(TLD), 60);
                    at_most("AMP-04", &format!("{what}: packets in all"), lab.net.packets(), 120);
                    at_most("AMP-04", &format!("{what}: ms of a remembered failure"), slowest.as_millis(), 1);
                });
            }
        }
    }
}

/// What failed a moment ago is told at once: for no packet, in no time that a clock of the simulation knows, and in as little
/// real time as what is known to be there.
#[test]
fn amp_04_a_remembered_failure_is_told_at_once() {
    for (what, tree) in circles(0) {
        run(async {
            let lab = Lab::new(&tree.zone("good.t1", &["198.18.2.9"], "www A 192.0.2.1\n").internet(), 3);
            ask(&lab, "www.z.t1").await;
            ask(&lab, "www.good.t1").await;
            let before = (lab.net.packets(), lab.clock.now());
            let (mut failure, mut hit) = (Duration::MAX, Duration::MAX);
            for id in 0..200 {
                for (owner, rcode, quickest) in
                    [("www.z.t1", Rcode::SERVFAIL, &mut failure), ("www.good.t1", Rcode::NOERROR, &mut hit)]
                {
                    let packet = write_query(id, &Question::new(name(owner), A), Lab::FLAGS);
                    let client = Client {
                        address: SocketAddr::from(([192, 0, 2, 77], 40_000)),
                        transport: ClientTransport::Udp,
                    };
                    let start = Instant::now();
                    let reply = lab.exchange(&packet, &client).await.unwrap();
                    *quickest = (*quickest).min(start.elapsed());
                    assert_eq!(burdock::dns::Header::parse(&reply).unwrap().rcode().low(), rcode.low(), "{owner}");
                }
            }
            assert_eq!((lab.net.packets(), lab.clock.now()), before, "{what}");
            println!("AMP-04 {what}: a remembered failure is told in {failure:?}, a hit in {hit:?} (1 ms, optimized)");
            let times = failure.as_secs_f64() / hit.as_secs_f64();
            at_most("AMP-04", &format!("{what}: times as long as a hit"), times, 20.0);
        });
    }
}

/// A DS question for a name of 120 labels, to a server that says nothing about anything; and an alias in place of a DS set.
#[test]
fn amp_15_ds_far_down_and_an_alias_in_its_place() {
    run(async {
        let deep = format!("{}evil.t1", "a.".repeat(118));
        let bare = Behaviour::edits(|query, draft| {
            if query.name().label_count() > 2 {
                draft.message.authority.clear();
                draft.message.answer.clear();
                draft.message.header.flags &= !0xf;
            }
        });
        let tree = Tree::with_tld().zone("evil.t1", &[TLD], "*.x CNAME y\nc CNAME www\nwww A 192.0.2.1\n");
        let lab = Lab::new(&tree.clone().behave(TLD, bare).internet(), 4);
        let before = lab.net.packets();
        let reply = lab.ask(&deep, RecordType::DS).await;
        assert!(matches!(reply.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN | Rcode::SERVFAIL), "{reply}");
        at_most("AMP-15", "packets for DS of 120 labels", lab.net.packets() - before, 24);
        let lab = Lab::new(&tree.internet(), 5);
        let reply = lab.ask("c.evil.t1", RecordType::DS).await;
        at_most("AMP-15", "seconds for an alias in place of DS", reply.after.as_secs_f64(), 1.0);
    });
}

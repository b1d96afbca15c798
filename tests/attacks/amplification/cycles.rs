//! AMP-03, AMP-04, AMP-15: delegations without end, in circles, and a long walk up for a DS set.

use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::playground::Behaviour;

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
        assert_failed(&reply, &[0, 22], &lab);
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
                    assert_failed(&reply, &[0, 22], &lab);
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

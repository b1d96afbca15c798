//! Delegations that do not fit: glue missing, stale, circular or somebody else's; parents and children that disagree
//! (RFC 9471, RFC 1034 §4.2.2, RFC 4035 §3.1.4.1).

use std::time::Duration;

use burdock::dns::{Class, Rcode, Record, RecordType, Ttl};
use burdock::playground::Behaviour;
use burdock::world::Transport;

use super::{FIRST, SECOND, ask, ask_for, data, fail, get, one, two};
use crate::attacks::at_most;
use crate::support::{Exchange, Lab, Tree, name, run};

const TLD: &str = "198.18.1.1";

/// An in-domain server whose address is nowhere: given up within a second — or the other server is asked.
#[test]
fn int_09_glue_is_missing() {
    run(async {
        let tree = Tree::with_tld().delegate("d1.t1", "d1.t1. NS ns1.d1.t1.\n").bare(
            "d1.t1",
            &[FIRST],
            &format!("@ NS ns1\nns1 A {FIRST}\n{}", data()),
        );
        let lab = Lab::new(&tree.internet(), 1);
        let (reply, _) = fail(&lab, "www.d1.t1", &[0, 22]).await;
        at_most("INT-09", "no glue: SERVFAIL, packets", lab.net.walked(), 6);
        at_most("INT-09", "no glue: ms", reply.after.as_millis(), 1000);
        let tree = tree.delegate("d1.t1", &format!("d1.t1. NS ns2.d1.t1.\nns2.d1.t1. A {SECOND}\n"));
        let tree = tree.bare("d1.t1", &[FIRST, SECOND], &format!("@ NS ns1\n@ NS ns2\nns1 A {FIRST}\n{}", data()));
        get(&Lab::new(&tree.internet(), 2), "www.d1.t1", "192.0.2.1").await;
    });
}

/// Two zones whose servers live in each other: with sibling glue they resolve, without it they fail in bounds.
#[test]
fn int_10_sibling_glue_in_a_circle() {
    run(async {
        let circle = "d1.t1. NS ns.d2.t1.\nd2.t1. NS ns.d1.t1.\n";
        let glue = format!("ns.d1.t1. A {SECOND}\nns.d2.t1. A {FIRST}\n");
        let tree = |glue: &str| {
            Tree::with_tld()
                .delegate("d1.t1", &format!("{circle}{glue}"))
                .bare("d1.t1", &[FIRST], &format!("@ NS ns.d2.t1.\nns A {SECOND}\n{}", data()))
                .bare("d2.t1", &[SECOND], &format!("@ NS ns.d1.t1.\nns A {FIRST}\nwww A 192.0.2.9\n"))
        };
        let lab = Lab::new(&tree(&glue).internet(), 3);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        get(&lab, "www.d2.t1", "192.0.2.9").await;
        let lab = Lab::new(&tree("").internet(), 4);
        let (reply, cost) = fail(&lab, "www.d1.t1", &[0, 22]).await;
        at_most("INT-10", "a circle without glue: SERVFAIL, packets", cost, 12);
        at_most("INT-10", "a circle without glue: ms", reply.after.as_millis(), 1000);
    });
}

/// Glue for a server that lives under another parent: not the business of this one.
#[test]
fn int_10_glue_from_a_stranger_is_not_used() {
    run(async {
        let stranger = "198.18.66.6";
        let lies = Behaviour::edits(move |_, draft| {
            draft.message.additional.push(Record {
                owner: name("ns.d9.t2"),
                rtype: RecordType::A,
                class: Class::IN,
                ttl: Ttl::from_secs(3600),
                rdata: (&[198u8, 18, 66, 6][..]).into(),
            });
        });
        let tree = Tree::with_tld()
            .zone("t2", &["198.18.1.2"], "")
            .zone("d9.t2", &["198.18.2.9"], &format!("ns A {FIRST}\n"))
            .delegate("d1.t1", "d1.t1. NS ns.d9.t2.\n")
            .bare("d1.t1", &[FIRST, stranger], &format!("@ NS ns.d9.t2.\n{}", data()))
            .behave(TLD, lies);
        let lab = Lab::new(&tree.internet(), 5);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        at_most("INT-10", "packets to the address that a stranger gave", lab.net.packets_to(stranger), 0);
    });
}

/// Glue that dies before the delegation, and the other way round: both are fetched again.
#[test]
fn int_11_glue_and_delegation_expire_apart() {
    for (ns, glue) in [(3600, 5), (5, 3600), (61, 0)] {
        run(async {
            let delegation = format!("d1.t1. {ns} NS ns1.d1.t1.\nns1.d1.t1. {glue} A {FIRST}\n");
            let tree = Tree::with_tld().delegate("d1.t1", &delegation).bare(
                "d1.t1",
                &[FIRST],
                &format!("{delegation}{}", data()),
            );
            let lab = Lab::new(&tree.internet(), 6);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            for owner in [("www2.d1.t1", "192.0.2.2"), ("www3.d1.t1", "192.0.2.4"), ("www4.d1.t1", "192.0.2.5")] {
                lab.wait(Duration::from_secs(65)).await;
                let (reply, cost) = get(&lab, owner.0, owner.1).await;
                at_most("INT-11", &format!("NS {ns} s, glue {glue} s, a minute later: packets"), cost, 3);
                assert!(reply.after <= Duration::from_millis(100), "{reply}\n{}", lab.net.story());
            }
        });
    }
}

/// The child lists other servers than the parent, dead ones: the parent's are used.
#[test]
fn int_12_the_childs_own_ns_set_is_dead() {
    run(async {
        let tree = Tree::with_tld().delegate("d1.t1", &format!("d1.t1. NS ns1.d1.t1.\nns1.d1.t1. A {FIRST}\n")).bare(
            "d1.t1",
            &[FIRST],
            &format!("@ NS dead1\n@ NS dead2\ndead1 A 198.18.9.1\ndead2 A 10.0.0.1\n{}", data()),
        );
        let lab = Lab::new(&tree.internet(), 7);
        let (reply, _) = ask_for(&lab, "d1.t1", RecordType::NS).await;
        assert_eq!(reply.data(RecordType::NS).len(), 2, "{reply}");
        for owner in [("www.d1.t1", "192.0.2.1"), ("www2.d1.t1", "192.0.2.2"), ("www3.d1.t1", "192.0.2.4")] {
            let (reply, cost) = get(&lab, owner.0, owner.1).await;
            at_most("INT-12", "the child's own servers are dead: packets", cost, 2);
            assert!(reply.after <= Duration::from_millis(460), "{reply}\n{}", lab.net.story());
        }
    });
}

/// Parent and child each name a dead server, and a living one that the other does not: the parent's answers, as long as it
/// lives. The child's own word leads nowhere, not even then, or a ghost's would, too (POI-21).
#[test]
fn int_12_parent_and_child_name_different_servers() {
    let third = "198.18.2.3";
    let parents =
        format!("d1.t1. NS ns1.d1.t1.\nd1.t1. NS dead.d1.t1.\nns1.d1.t1. A {FIRST}\ndead.d1.t1. A 198.18.9.1\n");
    let childs = format!("@ NS ns3\n@ NS dead3\nns3 A {third}\ndead3 A 198.18.9.3\n{}", data());
    let tree = Tree::with_tld().delegate("d1.t1", &parents).bare("d1.t1", &[FIRST, third], &childs);
    for seed in 0..8 {
        run(async {
            let lab = Lab::new(&tree.internet(), seed);
            let (reply, cost) = get(&lab, "www.d1.t1", "192.0.2.1").await;
            at_most("INT-12", "one of the parent's servers lives: packets, the walk included", cost, 8);
            assert!(reply.after <= Duration::from_millis(900), "{reply}\n{}", lab.net.story());
            ask_for(&lab, "d1.t1", RecordType::NS).await;
            get(&lab, "www2.d1.t1", "192.0.2.2").await;
            lab.net.rewire(|servers| drop(servers.remove(&FIRST.parse().unwrap())));
            lab.wait(Duration::from_secs(120)).await;
            fail(&lab, "www3.d1.t1", &[22, 23]).await;
            at_most("INT-12", "packets to a server that only the child names", lab.net.packets_to(third), 0);
        });
    }
}

/// A server name that is an alias, has no address, or looks like one: skipped, at the price of two packets.
#[test]
fn int_13_server_names_that_lead_nowhere() {
    let bad = [
        ("alias.t1.", "alias CNAME ns1.d1\n"),
        ("nothing.t1.", "nothing TXT \"no address\"\n"),
        ("gone.t1.", ""),
        ("1\\.2\\.3\\.4.", ""),
        ("1.2.3.4.", ""),
    ];
    for (host, text) in bad {
        for seed in 0..4 {
            run(async {
                let tree = one().data("t1", text).delegate("d1.t1", &format!("d1.t1. NS {host}\n"));
                let lab = Lab::new(&tree.internet(), seed);
                let (reply, cost) = get(&lab, "www.d1.t1", "192.0.2.1").await;
                // Priming, the walk of three, and what is spent on the name.
                at_most("INT-13", &format!("{host} packets for the name"), cost.saturating_sub(4), 2);
                assert!(reply.after <= Duration::from_millis(200), "{host} {reply}");
            });
        }
    }
}

/// DS lives in the parent: asked there, even when parent and child share a server, or when there is no cut at all.
#[test]
fn int_20_ds_is_asked_at_the_parent() {
    run(async {
        let ds = "d1.t1. DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000\n";
        let apart = one().delegate("d1.t1", ds);
        let together = Tree::with_tld().zone("d1.t1", &[TLD], &data()).delegate("d1.t1", ds);
        for tree in [apart, together] {
            let lab = Lab::new(&tree.internet(), 8);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            let (reply, cost) = ask_for(&lab, "d1.t1", RecordType::DS).await;
            assert_eq!(reply.data(RecordType::DS).len(), 1, "{reply}\n{}", lab.net.story());
            at_most("INT-20", "DS of the zone: packets", cost, 2);
            for owner in ["empty.d1.t1", "www.d1.t1"] {
                let (reply, cost) = ask_for(&lab, owner, RecordType::DS).await;
                assert_eq!((reply.rcode(), reply.message.answer.len()), (Rcode::NOERROR, 0), "{reply}");
                at_most("INT-20", &format!("DS of {owner}: packets"), cost, 2);
            }
        }
    });
}

/// The zone moves to another server. The old one still answers: followed when the parent's TTL is over.
#[test]
fn int_24_a_zone_moves_and_the_old_server_lives_on() {
    run(async {
        let before = one();
        let after = Tree::with_tld().zone("d1.t1", &[SECOND], "www A 192.0.2.101\n");
        let lab = Lab::new(&before.internet(), 9);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        for authority in after.internet().authorities {
            lab.net.rewire(|servers| drop(servers.insert(authority.address, authority)));
        }
        let mut seconds = 0;
        while ask(&lab, "www.d1.t1").await.0.a() != ["192.0.2.101"] && seconds < 7200 {
            lab.wait(Duration::from_secs(1)).await;
            seconds += 1;
        }
        assert!(lab.net.packets_to(SECOND) >= 1);
        at_most("INT-24", "s until a zone that moved is found, with a TTL of 3600", seconds, 3601);
    });
}

/// The old server refuses: the parent is asked again at once, and no more than once a minute.
#[test]
fn int_24_a_zone_moves_and_the_old_server_refuses() {
    run(async {
        let tree = one().delegate("d1.t1", "d1.t1. 172800 NS ns1.d1.t1.\n");
        let lab = Lab::new(&tree.internet(), 10);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let after = Tree::with_tld().zone("d1.t1", &[SECOND], "www2 A 192.0.2.102\n");
        lab.net.rewire(|servers| {
            servers.insert(FIRST.parse().unwrap(), after.internet().authorities[0].clone());
            for authority in after.internet().authorities {
                servers.insert(authority.address, authority);
            }
        });
        lab.wait(Duration::from_secs(120)).await;
        let (reply, cost) = get(&lab, "www2.d1.t1", "192.0.2.102").await;
        at_most("INT-24", "the old server refuses: packets", cost, 4);
        at_most("INT-24", "the old server refuses: ms", reply.after.as_millis(), 200);
    });
}

/// The old server refuses, and the parent knows no other: it is asked once a minute, whatever clients ask for.
#[test]
fn int_24_the_parent_is_asked_once_a_minute() {
    for code in [Rcode::REFUSED, Rcode::SERVFAIL] {
        run(async {
            let tree = one().delegate("d1.t1", "d1.t1. 172800 NS ns1.d1.t1.\n");
            let lab = Lab::new(&tree.internet(), 15);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            lab.net.rewire(|servers| {
                servers.get_mut(&FIRST.parse().unwrap()).unwrap().behaviours.push(Behaviour::Always(code));
            });
            lab.wait(Duration::from_secs(120)).await;
            let before = lab.net.packets_to(TLD);
            for n in 0..600 {
                fail(&lab, &format!("h{n}.d1.t1"), &[22, 23]).await;
                lab.wait(Duration::from_secs(1)).await;
            }
            let asked = lab.net.packets_to(TLD) - before;
            at_most("INT-24", &format!("{code}: packets to the parent in 10 minutes of 600 questions"), asked, 11);
        });
    }
}

/// All servers of a zone die. The parent names the same ones: they had their three datagrams (RFC 9520 §3.1).
#[test]
fn int_24_dead_servers_are_not_asked_again_because_the_parent_names_them_again() {
    for behaviour in [Behaviour::Silent, Behaviour::Always(Rcode::SERVFAIL)] {
        run(async {
            let tree = one().delegate("d1.t1", "d1.t1. 172800 NS ns1.d1.t1.\n");
            let lab = Lab::new(&tree.internet(), 14);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            let about = |owner: &str, transport: Transport| {
                let asked = |exchange: &&Exchange| exchange.question.as_ref().is_some_and(|q| q.name == name(owner));
                let here = |exchange: &&Exchange| exchange.server.ip().to_string() == FIRST;
                let over = |exchange: &&Exchange| exchange.transport == transport;
                lab.net.exchanges().iter().filter(asked).filter(here).filter(over).count()
            };
            lab.net.rewire(|servers| {
                let first = servers.get_mut(&FIRST.parse().unwrap()).unwrap();
                first.behaviours.push(behaviour.clone());
            });
            lab.wait(Duration::from_secs(120)).await;
            let (before, to_parent) = (lab.net.packets_to(FIRST), lab.net.packets_to(TLD));
            fail(&lab, "www2.d1.t1", &[22, 23]).await;
            lab.wait(Duration::from_secs(4)).await;
            assert!(lab.net.packets_to(FIRST) > before);
            assert_eq!(lab.net.packets_to(TLD) - to_parent, 1, "the parent is asked\n{}", lab.net.story());
            for transport in [Transport::Udp, Transport::Tcp] {
                let asked = about("www2.d1.t1", transport);
                at_most("INT-24", &format!("{behaviour:?}: sends by {transport:?} for one question"), asked, 3);
            }
            assert!(lab.net.packets_to(FIRST) - before <= 4, "{behaviour:?}\n{}", lab.net.story());
        });
    }
}

/// The same, and the parent names another one besides: that one is asked, and the dead one is left alone.
#[test]
fn int_24_of_the_parents_servers_only_new_ones_are_asked() {
    for seed in 0..8 {
        run(async {
            let tree = one().delegate("d1.t1", "d1.t1. 172800 NS ns1.d1.t1.\n");
            let lab = Lab::new(&tree.internet(), seed);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            lab.net.rewire(|servers| {
                servers
                    .extend(two().internet().authorities.into_iter().map(|authority| (authority.address, authority)));
                servers.get_mut(&FIRST.parse().unwrap()).unwrap().behaviours.push(Behaviour::Always(Rcode::REFUSED));
            });
            lab.wait(Duration::from_secs(120)).await;
            let before = lab.net.packets_to(FIRST);
            let (reply, _) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            assert!(reply.after <= Duration::from_millis(200), "{reply}\n{}", lab.net.story());
            assert!(lab.net.packets_to(FIRST) - before <= 2, "{}", lab.net.story());
        });
    }
}

/// Records of another class among those of a referral: not read.
#[test]
fn int_27_a_referral_in_another_class() {
    run(async {
        let chaos = Behaviour::edits(|_, draft| {
            for record in draft.message.authority.iter_mut().chain(&mut draft.message.additional) {
                record.class = Class::CH;
            }
        });
        let lab = Lab::new(&one().behave(TLD, chaos).internet(), 11);
        let (reply, cost) = ask(&lab, "www.d1.t1").await;
        assert!(reply.a().is_empty() && cost <= 12, "{reply}\n{}", lab.net.story());
        at_most("INT-27", "packets to a server named in another class", lab.net.packets_to(FIRST), 0);
    });
}

/// A delegation to the resolver itself, or to the forwarder it came from: not one packet, no loop.
#[test]
fn int_30_a_delegation_to_the_resolver_itself() {
    run(async {
        let own = "198.18.53.53";
        let tree = Tree::with_tld().zone("d1.t1", &[own], &data());
        let lab = Lab::with(&tree.internet(), 12, |settings, _| settings.own_addresses.push(own.parse().unwrap()));
        let (reply, cost) = fail(&lab, "www.d1.t1", &[0, 22]).await;
        assert!(reply.after <= Duration::from_secs(1) && cost <= 6, "{cost} {reply}\n{}", lab.net.story());
        at_most("INT-30", "packets to ourselves", lab.net.packets_to(own), 0);
        // Beside a server that is one, it is passed over.
        let tree = Tree::with_tld().zone("d1.t1", &[own, FIRST], &data());
        let lab = Lab::with(&tree.internet(), 13, |settings, _| settings.own_addresses.push(own.parse().unwrap()));
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert_eq!(lab.net.packets_to(own), 0);
    });
}

//! Networks that lose, delay and swallow, and a root that is not there (RFC 8109, RFC 9609).

use std::time::Duration;

use burdock::dns::{NameServer, Rcode, RecordType};
use burdock::playground::Behaviour;
use burdock::resolver::Ipv6;

use super::{FIRST, ask, data, get, one};
use crate::attacks::at_most;
use crate::support::{Lab, Link, Tree, name, run};

/// Four servers for `d1.t1`, and so many hosts in it.
fn four(hosts: usize) -> Tree {
    let hosts: String = (0..hosts).map(|n| format!("h{n} 60 A 192.0.2.50\n")).collect();
    Tree::new().root_server(2, "198.18.0.2").zone("t1", &["198.18.1.1", "198.18.1.2"], "").zone(
        "d1.t1",
        &["198.18.2.1", "198.18.2.2", "198.18.2.3", "198.18.2.4"],
        &format!("{}{hosts}", data()),
    )
}

/// Three exchanges in ten fail (16 % of packets each way): of 200 questions at least 99 in 100 are answered.
#[test]
fn int_22_heavy_loss() {
    run(async {
        let lab = Lab::new(&four(200).internet(), 1);
        lab.net.set_links(Link { loss: 0.16, ..Link::PERFECT });
        let mut times = Vec::new();
        for n in 0..200 {
            let (reply, _) = ask(&lab, &format!("h{n}.d1.t1")).await;
            if reply.a() == ["192.0.2.50"] {
                times.push(reply.after);
            }
        }
        times.sort();
        at_most("INT-22", "three exchanges of ten lost: unanswered of 200", 200 - times.len(), 2);
        let median = times[times.len() / 2].as_millis();
        at_most("INT-22", "three exchanges of ten lost: ms, median", median, 20 + 400);
    });
}

/// One of four servers is dead: after twenty questions it gets no more than one packet in twenty.
#[test]
fn int_22_a_dead_server_among_four() {
    run(async {
        let lab = Lab::new(&four(220).behave(FIRST, Behaviour::Silent).internet(), 2);
        for n in 0..20 {
            get(&lab, &format!("h{n}.d1.t1"), "192.0.2.50").await;
        }
        let (dead, all) = (lab.net.packets_to(FIRST), lab.net.packets());
        for n in 20..220 {
            get(&lab, &format!("h{n}.d1.t1"), "192.0.2.50").await;
            lab.wait(Duration::from_millis(500)).await;
        }
        let (dead, all) = (lab.net.packets_to(FIRST) - dead, lab.net.packets() - all);
        at_most("INT-22", &format!("packets to the dead one of four servers, of {all}"), dead, all / 20);
    });
}

/// IPv6 that goes nowhere: noticed, stepped around, tried again now and then.
#[test]
fn int_22_ipv6_is_a_black_hole() {
    run(async {
        let hosts: String = (0..100).map(|n| format!("h{n} 60 A 192.0.2.50\n")).collect();
        let tree = Tree::with_tld().zone("d1.t1", &[FIRST, "2001:db8:53::1"], &hosts);
        let tree = tree.behave("2001:db8:53::1", Behaviour::Silent);
        let lab = Lab::with(&tree.internet(), 3, |settings, _| settings.ipv6 = Ipv6::Auto);
        let (mut slow, mut longest) = (0, Duration::ZERO);
        for n in 0..100 {
            let (reply, _) = get(&lab, &format!("h{n}.d1.t1"), "192.0.2.50").await;
            // The first one takes a walk, too.
            longest = longest.max(reply.after - Duration::from_millis(if n == 0 { 60 } else { 0 }));
            slow += usize::from(reply.after > Duration::from_millis(100));
            lab.wait(Duration::from_secs(1)).await;
        }
        at_most("INT-22", "IPv6 is a black hole: ms that it costs", longest.as_millis() - 20, 400);
        at_most("INT-22", "IPv6 is a black hole: questions in 100 s that met it", slow, 2);
    });
}

/// Everything is 600 ms away: answered, with the first timer fired at most once for each server.
#[test]
fn int_22_a_long_way() {
    run(async {
        let lab = Lab::new(&four(20).internet(), 4);
        lab.net.set_links(Link { latency: Duration::from_millis(300), ..Link::PERFECT });
        let (reply, cost) = get(&lab, "h0.d1.t1", "192.0.2.50").await;
        assert!(
            reply.after <= Duration::from_millis(4 * 600 + 20) && cost <= 12,
            "{cost} {reply}\n{}",
            lab.net.story()
        );
        let mut extra = 0;
        for n in 1..20 {
            let (reply, cost) = get(&lab, &format!("h{n}.d1.t1"), "192.0.2.50").await;
            assert!(reply.after <= Duration::from_millis(1010), "{reply}");
            extra += cost - 1;
        }
        at_most("INT-22", "600 ms away: packets too many for 19 questions", extra, 10);
    });
}

/// Hints that are wrong but for one: it starts all the same, and primes once.
#[test]
fn int_23_wrong_hints_but_one() {
    run(async {
        let lab = Lab::with(&one().internet(), 5, |settings, _| {
            for n in 1..=4u8 {
                let glue = vec![[198, 18, 77, n].into()];
                settings.root_hints.insert(0, NameServer { host: name(&format!("old{n}")), glue });
            }
        });
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let before = lab.net.packets();
        for owner in [("www2.d1.t1", "192.0.2.2"), ("www3.d1.t1", "192.0.2.4")] {
            get(&lab, owner.0, owner.1).await;
        }
        assert_eq!(lab.net.packets() - before, 2, "{}", lab.net.story());
        at_most("INT-23", "four wrong hints of five: packets to prime", lab.net.packets() - lab.net.walked(), 6);
    });
}

/// The root does not answer its own NS question: the hints have to do, and are not asked about at every turn.
#[test]
fn int_23_priming_fails() {
    run(async {
        let no_ns = Behaviour::RejectsTypes(vec![RecordType::NS], Rcode::REFUSED);
        let lab = Lab::new(&one().behave(crate::support::ROOT, no_ns).internet(), 6);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        get(&lab, "www2.d1.t1", "192.0.2.2").await;
        ask(&lab, "gone1").await;
        ask(&lab, "gone2").await;
        at_most("INT-23", "the root refuses to prime: packets", lab.net.packets() - lab.net.walked(), 3);
    });
}

/// The root's NS set has a TTL of an hour: a day of questions that each begin at the root primes once an hour.
#[test]
fn int_23_priming_once_in_a_ttl() {
    run(async {
        let lab = Lab::new(&one().internet(), 9);
        for n in 0..24 * 60 {
            ask(&lab, &format!("gone{n}")).await;
            lab.wait(Duration::from_secs(60)).await;
        }
        at_most("INT-23", "packets to prime in 24 h, with a TTL of 1 h", lab.net.packets() - lab.net.walked(), 24);
    });
}

/// All roots are gone for an hour: what is below known top-level domains keeps working, and the rest comes back.
#[test]
fn int_23_the_root_is_gone_for_an_hour() {
    run(async {
        let tree = one().zone("t2", &["198.18.1.2"], "www A 192.0.2.99\n");
        let lab = Lab::new(&tree.data("t1", "www A 192.0.2.98\n").internet(), 7);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let root = crate::support::ROOT.parse().unwrap();
        let mut kept = None;
        lab.net.rewire(|servers| kept = servers.remove(&root));
        lab.wait(Duration::from_secs(1800)).await;
        get(&lab, "www2.d1.t1", "192.0.2.2").await;
        get(&lab, "www.t1", "192.0.2.98").await;
        assert_eq!(ask(&lab, "www.t2").await.0.rcode(), Rcode::SERVFAIL);
        lab.wait(Duration::from_secs(1800)).await;
        lab.net.rewire(|servers| servers.extend(kept.map(|authority| (root, authority))));
        lab.wait(Duration::from_secs(61)).await;
        get(&lab, "www.t2", "192.0.2.99").await;
    });
}

/// One root server has a new address: the others say so, and nobody waits for the old one twice.
#[test]
fn int_23_a_root_server_moves() {
    run(async {
        let tree =
            Tree::new().root_server(2, "198.18.0.2").zone("t1", &["198.18.1.1"], "").zone("d1.t1", &[FIRST], &data());
        let lab = Lab::with(&tree.internet(), 8, |settings, _| {
            settings.root_hints[1].glue = vec!["198.18.77.1".parse().unwrap()];
        });
        for (seed, owner) in [("www.d1.t1", "192.0.2.1"), ("www2.d1.t1", "192.0.2.2")] {
            get(&lab, seed, owner).await;
        }
        for n in 0..20 {
            ask(&lab, &format!("gone{n}")).await;
        }
        at_most("INT-23", "packets to the old address of a root server", lab.net.packets_to("198.18.77.1"), 3);
    });
}

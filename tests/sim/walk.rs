//! What the walk owes to zones that are large, far away, badly served or taken away.

use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::playground::{Behaviour, Case, Fate, Opt};
use burdock::world::Transport;

use crate::support::{Lab, Tree, run};

#[test]
fn a_zone_taken_away_takes_the_zones_below_it_along() {
    // Phoenix domains (ATTACKS A15, T2): a chain of sub-delegations must not outlive the delegation it hangs from.
    run(async {
        let tree = Tree::with_tld().zone("mid.t1", &["198.18.2.1"], "www A 192.0.2.1\n").zone(
            "a.mid.t1",
            &["198.18.2.2"],
            "www A 192.0.2.2\nlater A 192.0.2.3\n",
        );
        let lab = Lab::new(&tree.internet(), 1);
        assert_eq!(lab.ask("www.mid.t1", RecordType::A).await.a(), ["192.0.2.1"]);
        lab.wait(Duration::from_secs(3500)).await;
        assert_eq!(lab.ask("www.a.mid.t1", RecordType::A).await.a(), ["192.0.2.2"]);
        let without = Tree::with_tld().internet();
        lab.net.rewire(|servers| {
            for authority in without.authorities {
                servers.insert(authority.address, authority);
            }
        });
        lab.wait(Duration::from_secs(101)).await;
        let reply = lab.ask("later.a.mid.t1", RecordType::A).await;
        assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{reply}\n{}", lab.net.story());
    });
}

#[test]
fn a_long_name_survives_a_few_lost_packets() {
    // Steps that make progress are no attempts at a dead zone (RFC 9156 §2.3 has ten of them).
    run(async {
        let lossy = Behaviour::edits(|query, draft| {
            if [1, 3, 6].contains(&query.nth) {
                draft.fate = Fate::Dropped;
            }
        });
        let tree = Tree::with_tld().zone("d1.t1", &["198.18.2.1"], "a.b.c.d.e.f.g.h.i.j.k.l A 192.0.2.1\n");
        let lab = Lab::new(&tree.behave("198.18.2.1", lossy).internet(), 1);
        let reply = lab.ask("a.b.c.d.e.f.g.h.i.j.k.l.d1.t1", RecordType::A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}\n{}", lab.net.story());
    });
}

#[test]
fn a_set_too_large_to_remember_is_not_remembered() {
    // MEM-05: more records than `records_per_rrset` are passed on, with a TTL within bounds, and asked for anew.
    run(async {
        let big: String = (0..101).map(|i| format!("big 604800 A 10.0.0.{i}\n")).collect();
        let lab = Lab::new(&Tree::with_tld().zone("d1.t1", &["198.18.2.1"], &big).internet(), 1);
        let reply = lab.ask("big.d1.t1", RecordType::A).await;
        assert_eq!((reply.a().len(), reply.ttl()), (101, Some(86_400)));
        let before = lab.net.packets();
        lab.wait(Duration::from_secs(2)).await;
        assert_eq!(lab.ask("big.d1.t1", RecordType::A).await.a().len(), 101);
        assert!(lab.net.packets() > before, "{}", lab.net.story());
    });
}

#[test]
fn a_dname_has_a_ttl_within_bounds() {
    run(async {
        let data = "old 604800 DNAME new\nwww.new A 192.0.2.1\n";
        let lab = Lab::new(&Tree::with_tld().zone("d1.t1", &["198.18.2.1"], data).internet(), 1);
        let reply = lab.ask("www.old.d1.t1", RecordType::A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}");
        assert!(reply.message.answer.iter().all(|record| record.ttl.as_secs() <= 86_400), "{reply}");
    });
}

#[test]
fn a_server_whose_name_was_looked_up_beside_a_dead_ones_is_asked_too() {
    // Both names are looked up at once; that the dead server's address is found first must not lose the other.
    run(async {
        let slow = Behaviour::Slow(Duration::from_millis(100));
        let tree = Tree::with_tld()
            .zone("x.t1", &["198.18.2.1"], "ns A 198.18.9.9\n")
            .zone("y.t1", &["198.18.2.2"], "ns A 198.18.2.3\n")
            .behave("198.18.2.2", slow)
            .delegate("d1.t1", "d1.t1. NS ns.x.t1.\nd1.t1. NS ns.y.t1.\n")
            .bare("d1.t1", &["198.18.2.3"], "@ NS ns.x.t1.\n@ NS ns.y.t1.\nwww A 192.0.2.1\n");
        let lab = Lab::new(&tree.internet(), 1);
        let reply = lab.ask("www.d1.t1", RecordType::A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}\n{}", lab.net.story());
    });
}

#[test]
fn a_dead_zone_that_had_its_share_of_packets_is_not_worth_a_look_up() {
    run(async {
        let hosts: String = (1..=6).map(|i| format!("h{i} A 198.18.9.{i}\n")).collect();
        let servers: String = (1..=6).map(|i| format!("d1.t1. NS h{i}.x.t1.\n")).collect();
        let tree = Tree::with_tld().zone("x.t1", &["198.18.2.1"], &hosts).delegate("d1.t1", &servers);
        let lab = Lab::with(&tree.internet(), 1, |_, limits| limits.sends_per_zone = 2);
        let reply = lab.ask("www.d1.t1", RecordType::A).await;
        assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
        // The work goes on behind the client's back.
        lab.wait(Duration::from_secs(5)).await;
        // Two names at once before each of the two packets, and none after them.
        assert!(lab.net.packets_to("198.18.2.1") <= 4, "{}", lab.net.story());
    });
}

#[test]
fn three_datagrams_to_one_server_for_one_question_whatever_it_says() {
    // RFC 9520 §3.1: the fallback to plain DNS counts too.
    run(async {
        let drops_plain = Behaviour::edits(|query, draft| {
            if query.message.edns.is_none() {
                draft.fate = Fate::Dropped;
            }
        });
        let tree = Tree::with_tld()
            .zone("d1.t1", &["198.18.2.1"], "www A 192.0.2.1\n")
            .behave("198.18.2.1", Behaviour::RejectsEdns(Rcode::FORMERR, Opt::Absent))
            .behave("198.18.2.1", drops_plain);
        let lab = Lab::new(&tree.internet(), 1);
        assert_eq!(lab.ask("www.d1.t1", RecordType::A).await.rcode(), Rcode::SERVFAIL);
        let exchanges = lab.net.exchanges();
        for transport in [Transport::Udp, Transport::Tcp] {
            let sent =
                exchanges.iter().filter(|e| e.server.ip().to_string() == "198.18.2.1" && e.transport == transport);
            assert!(sent.count() <= 3, "{}", lab.net.story());
        }
    });
}

#[test]
fn a_server_that_changes_case_and_has_no_tcp_is_remembered() {
    // POI-05: the exception is the server's, and it costs the wait for TCP once.
    run(async {
        let tree = Tree::with_tld()
            .zone("d1.t1", &["198.18.2.1"], "alphabetical A 192.0.2.1\nbiographical A 192.0.2.2\n")
            .behave("198.18.2.1", Behaviour::Case(Case::Lower))
            .behave("198.18.2.1", Behaviour::SilentOver(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 1);
        let first = lab.ask("alphabetical.d1.t1", RecordType::A).await;
        assert_eq!(first.a(), ["192.0.2.1"], "{}", lab.net.story());
        let reply = lab.ask("biographical.d1.t1", RecordType::A).await;
        assert_eq!(reply.a(), ["192.0.2.2"], "{reply}");
        assert!(reply.after < Duration::from_millis(100), "{reply}\n{}", lab.net.story());
    });
}

#[test]
fn truncation_without_tcp_is_no_empty_answer() {
    // The way out for servers that change case must not take a truncated reply for one with nothing in it.
    run(async {
        let tree = Tree::with_tld()
            .zone("d1.t1", &["198.18.2.1"], "a A 192.0.2.1\n")
            .behave("198.18.2.1", Behaviour::Case(Case::Lower))
            .behave("198.18.2.1", Behaviour::Truncates)
            .behave("198.18.2.1", Behaviour::Refuses(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 1);
        let reply = lab.ask("a.d1.t1", RecordType::A).await;
        assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
    });
}

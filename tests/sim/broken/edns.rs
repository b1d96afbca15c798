//! Servers that do not understand EDNS, or say so badly (RFC 6891 §6.2.2, §7; RFC 8906).

use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::playground::{Behaviour, Case, Opt};
use burdock::world::Transport;

use super::{FIRST, SECOND, ask_for, get, kinds, one, two};
use crate::attacks::at_most;
use crate::support::{Exchange, Lab, name, run};

/// Queries with OPT are dropped: three timeouts at most, then without; remembered for a quarter of an hour.
#[test]
fn int_01_a_server_that_drops_queries_with_opt() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::DropsEdns).internet(), 1);
        let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
        let with_opt = lab.net.exchanges().iter().filter(|sent| sent.edns && sent.end == "nothing").count();
        at_most("INT-01", "timeouts before the server is asked without OPT", with_opt, 3);
        assert!(lab.net.packets_to(FIRST) <= 4, "{}", lab.net.story());
        // 400 ms, 800 ms, 1500 ms at most, and the walk.
        at_most("INT-01", "ms for the first name", reply.after.as_millis(), 2900);
        let (reply, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
        at_most("INT-01", "packets for the next name", cost, 1);
        assert!(reply.after <= Duration::from_millis(22), "{reply}\n{}", lab.net.story());
        assert!(!lab.net.exchanges().last().unwrap().edns, "{}", lab.net.story());
        // What it costs is forgotten after a quarter of an hour, whatever was found.
        lab.wait(Duration::from_secs(901)).await;
        get(&lab, "www3.d1.t1", "192.0.2.4").await;
        let about = |exchange: &Exchange| exchange.question.as_ref().is_some_and(|q| q.name == name("www3.d1.t1"));
        let again = lab.net.exchanges().iter().any(|exchange| about(exchange) && exchange.edns);
        assert!(again, "EDNS is tried again: {}", lab.net.story());
    });
}

/// What is found of one address is held against that one alone: the zone's other server is always asked with OPT.
#[test]
fn int_01_what_one_server_drops_another_gets() {
    run(async {
        let lab = Lab::new(&two().behave(FIRST, Behaviour::DropsEdns).internet(), 9);
        for (owner, address) in [("www.d1.t1", "192.0.2.1"), ("www2.d1.t1", "192.0.2.2"), ("www3.d1.t1", "192.0.2.4")] {
            lab.wait(Duration::from_secs(2)).await;
            get(&lab, owner, address).await;
        }
        assert!(lab.net.packets_to(FIRST) >= 1 && lab.net.packets_to(SECOND) >= 1, "{}", lab.net.story());
        let exchanges = lab.net.exchanges();
        let plain = exchanges.iter().filter(|sent| !sent.edns && sent.server.ip().to_string() == SECOND).count();
        at_most("INT-01", "packets without OPT to the other server of the zone", plain, 0);
    });
}

/// FORMERR, NOTIMP, SERVFAIL or REFUSED to OPT, in a reply without OPT: one retry without.
#[test]
fn int_02_a_server_that_refuses_opt_gets_one_query_without() {
    for rcode in [Rcode::FORMERR, Rcode::NOTIMP, Rcode::SERVFAIL, Rcode::REFUSED] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::RejectsEdns(rcode, Opt::Absent)).internet(), 2);
            let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
            at_most("INT-02", &format!("{rcode} without OPT: packets to the server"), lab.net.packets_to(FIRST), 2);
            assert!(reply.after <= Duration::from_millis(110), "{rcode} {reply}");
            let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            assert_eq!(cost, 1, "{rcode} {}", lab.net.story());
        });
    }
}

/// A complaint with OPT: this server knows EDNS and means something else; after FORMERR the cookie perhaps, and it is asked
/// once more without that. Nothing is sent without OPT.
#[test]
fn int_02_an_error_with_opt_is_no_reason_to_go_without() {
    run(async {
        for rcode in [Rcode::FORMERR, Rcode::NOTIMP, Rcode::SERVFAIL, Rcode::REFUSED] {
            let tree = two().behave(FIRST, Behaviour::RejectsEdns(rcode, Opt::Present));
            let (mut plain, mut packets) = (0, 0);
            for seed in 0..8 {
                let lab = Lab::new(&tree.internet(), seed);
                get(&lab, "www.d1.t1", "192.0.2.1").await;
                plain += lab.net.exchanges().iter().filter(|sent| !sent.edns).count();
                packets = packets.max(lab.net.packets_to(FIRST));
            }
            at_most("INT-02", &format!("{rcode} with OPT: packets without OPT"), plain, 0);
            at_most("INT-02", &format!("{rcode} with OPT: packets to the server"), packets, 2);
        }
    });
}

/// BADVERS to version 0; options nobody asked for; OPT to those who sent none: used, and no loop.
#[test]
fn int_03_strange_opt_records_are_lived_with() {
    // Cookie option that repeats ours as the server's, an unknown option, a long one.
    let options =
        [&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8][..], &[0xfd, 0xe9, 0, 0], &[0, 12, 0, 100], &[0; 100]].concat();
    let echoes = Behaviour::edits(move |_, draft| draft.options.clone_from(&options));
    let strange = [
        ("BADVERS to version 0", vec![Behaviour::RejectsEdns(Rcode::BADVERS, Opt::Present)]),
        ("OPT to those who sent none, else silence", vec![Behaviour::AddsEdns, Behaviour::DropsEdns]),
        ("OPT ignored", vec![Behaviour::IgnoresEdns]),
        ("unknown options", vec![echoes]),
        ("our cookie as the server's", vec![kinds::repeats_cookies(2)]),
        ("our cookie and none of its own", vec![kinds::repeats_cookies(1)]),
    ];
    for (what, behaviours) in strange {
        run(async {
            let tree = behaviours.into_iter().fold(one(), |tree, behaviour| tree.behave(FIRST, behaviour));
            let lab = Lab::new(&tree.internet(), 3);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            at_most("INT-03", &format!("{what}: packets to the server"), lab.net.packets_to(FIRST), 4);
            let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            at_most("INT-03", &format!("{what}: packets for the next name"), cost, 2);
        });
    }
}

/// A reply cut off at 512 octets without TC: the stream brings it whole, and the part is never kept.
#[test]
fn int_04_a_reply_that_is_cut_without_tc_comes_by_tcp() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::CutsSilently(512)).internet(), 4);
        for cost in [usize::MAX, 0] {
            let before = lab.net.packets();
            let reply = lab.ask("medium.d1.t1", RecordType::TXT).await;
            assert_eq!(reply.data(RecordType::TXT).len(), 4, "{reply}\n{}", lab.net.story());
            assert!(lab.net.packets() - before <= cost);
        }
        at_most("INT-04", "cut at 512 octets: TCP queries for two clients", lab.net.packets_over(Transport::Tcp), 1);
        assert!(lab.net.packets_to(FIRST) <= 3, "{}", lab.net.story());
    });
}

/// The same without TCP, or with a datagram that is too large: what is left of an answer is nobody's, here or later.
#[test]
fn int_04_a_part_of_an_answer_is_none() {
    let careless = Behaviour::edits(|_, draft| draft.limit = 4096);
    let mut parts = 0;
    for (owner, cut) in [("medium.d1.t1", Behaviour::CutsSilently(512)), ("big.d1.t1", careless)] {
        for closed in [Behaviour::Refuses(Transport::Tcp), Behaviour::SilentOver(Transport::Tcp)] {
            for seed in 0..4 {
                run(async {
                    let tree = one().behave(FIRST, cut.clone()).behave(FIRST, closed.clone());
                    let lab = Lab::new(&tree.internet(), seed);
                    for _ in 0..2 {
                        let (reply, _) = ask_for(&lab, owner, RecordType::TXT).await;
                        assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
                        parts += reply.message.answer.len();
                    }
                    let tree = two().behave(FIRST, cut.clone()).behave(FIRST, closed.clone());
                    let lab = Lab::new(&tree.internet(), seed);
                    let (reply, _) = ask_for(&lab, owner, RecordType::TXT).await;
                    let whole = if owner.starts_with("big") { 10 } else { 4 };
                    assert_eq!(reply.data(RecordType::TXT).len(), whole, "{reply}\n{}", lab.net.story());
                });
            }
        }
    }
    at_most("INT-04", "records told of an answer that was cut", parts, 0);
}

/// A datagram larger than we said we can take: whole or not, the stream is asked.
#[test]
fn int_04_a_datagram_over_1232_octets_is_not_believed() {
    run(async {
        let careless = Behaviour::edits(|_, draft| draft.limit = 4096);
        let lab = Lab::new(&one().behave(FIRST, careless).internet(), 5);
        let reply = lab.ask("big.d1.t1", RecordType::TXT).await;
        assert_eq!(reply.data(RecordType::TXT).len(), 10, "{reply}\n{}", lab.net.story());
        at_most("INT-04", "more than 1232 octets: packets to the server", lab.net.packets_to(FIRST), 3);
    });
}

/// The question comes back in another case: at most three packets, and the answer is believed over TCP only.
#[test]
fn int_06_a_server_that_changes_case() {
    for case in [Case::Lower, Case::Upper, Case::Random] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::Case(case)).internet(), 6);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            at_most("INT-06", &format!("{case:?} case: packets to the server"), lab.net.packets_to(FIRST), 3);
            let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            at_most("INT-06", &format!("{case:?} case: packets for the next name"), cost, 2);
        });
    }
}

/// The question comes back as it was, and the owners of the answer in capitals: names are compared without case.
#[test]
fn int_06_a_server_that_shouts_its_answers() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, kinds::shouts()).internet(), 8);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let (reply, _) = get(&lab, "alias.d1.t1", "192.0.2.1").await;
        assert_eq!(reply.data(RecordType::CNAME).len(), 1, "{reply}");
        // The name, the alias, and its target, which is known by then.
        at_most("INT-06", "owners in capitals: packets to the server", lab.net.packets_to(FIRST), 2);
    });
}

/// The same without TCP: the name in one case is what is left, and another server is asked first when there is one.
#[test]
fn int_06_a_server_that_changes_case_and_has_no_tcp() {
    run(async {
        let tree = one().behave(FIRST, Behaviour::Case(Case::Lower)).behave(FIRST, Behaviour::Refuses(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 7);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        at_most("INT-06", "lower case and no TCP: packets to the server", lab.net.packets_to(FIRST), 3);
        let tree =
            two().behave(FIRST, Behaviour::Case(Case::Upper)).behave(FIRST, Behaviour::SilentOver(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 8);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(lab.net.packets_to(FIRST) + lab.net.packets_to(SECOND) <= 4, "{}", lab.net.story());
    });
}

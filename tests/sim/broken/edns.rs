//! Servers that do not understand EDNS, or say so badly (RFC 6891 §6.2.2, §7; RFC 8906).

use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::playground::{Behaviour, Case, Opt};
use burdock::world::Transport;

use super::{FIRST, SECOND, get, one, two};
use crate::support::{Exchange, Lab, name, run};

/// Queries with OPT are dropped: three timeouts at most, then without; remembered for a quarter of an hour.
#[test]
fn int_01_a_server_that_drops_queries_with_opt() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::DropsEdns).internet(), 1);
        let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(lab.net.packets_to(FIRST) <= 4, "{}", lab.net.story());
        // 400 ms, 800 ms, 1500 ms at most, and the walk.
        assert!(reply.after <= Duration::from_millis(2900), "{reply}");
        let (reply, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
        assert!(cost == 1 && reply.after <= Duration::from_millis(22), "{cost} {reply}\n{}", lab.net.story());
        assert!(!lab.net.exchanges().last().unwrap().edns, "{}", lab.net.story());
        lab.wait(Duration::from_secs(901)).await;
        get(&lab, "www3.d1.t1", "192.0.2.4").await;
        let about = |exchange: &Exchange| exchange.question.as_ref().is_some_and(|q| q.name == name("www3.d1.t1"));
        let again = lab.net.exchanges().iter().any(|exchange| about(exchange) && exchange.edns);
        assert!(again, "EDNS is tried again: {}", lab.net.story());
    });
}

/// FORMERR, NOTIMP, SERVFAIL or REFUSED to OPT, in a reply without OPT: one retry without.
#[test]
fn int_02_a_server_that_refuses_opt_gets_one_query_without() {
    for rcode in [Rcode::FORMERR, Rcode::NOTIMP, Rcode::SERVFAIL, Rcode::REFUSED] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::RejectsEdns(rcode, Opt::Absent)).internet(), 2);
            let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
            assert_eq!(lab.net.packets_to(FIRST), 2, "{rcode}\n{}", lab.net.story());
            assert!(reply.after <= Duration::from_millis(110), "{rcode} {reply}");
            let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            assert_eq!(cost, 1, "{rcode} {}", lab.net.story());
        });
    }
}

/// FORMERR with OPT: this server knows EDNS and means something else, the cookie perhaps: it is asked once more without
/// that. Nothing is sent without OPT.
#[test]
fn int_02_an_error_with_opt_is_no_reason_to_go_without() {
    run(async {
        let tree = two().behave(FIRST, Behaviour::RejectsEdns(Rcode::FORMERR, Opt::Present));
        for seed in 0..8 {
            let lab = Lab::new(&tree.internet(), seed);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            assert!(!lab.net.story().contains("without OPT"), "{}", lab.net.story());
            assert!(lab.net.packets_to(FIRST) <= 2, "{}", lab.net.story());
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
        vec![Behaviour::RejectsEdns(Rcode::BADVERS, Opt::Present)],
        vec![Behaviour::AddsEdns, Behaviour::DropsEdns],
        vec![Behaviour::IgnoresEdns],
        vec![echoes],
    ];
    for (index, behaviours) in strange.into_iter().enumerate() {
        run(async {
            let tree = behaviours.into_iter().fold(one(), |tree, behaviour| tree.behave(FIRST, behaviour));
            let lab = Lab::new(&tree.internet(), 3);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            assert!(lab.net.packets_to(FIRST) <= 4, "{index}\n{}", lab.net.story());
            let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            assert!(cost <= 2, "{index}: {cost}\n{}", lab.net.story());
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
        assert_eq!(lab.net.packets_over(Transport::Tcp), 1, "{}", lab.net.story());
        assert!(lab.net.packets_to(FIRST) <= 3, "{}", lab.net.story());
    });
}

/// A datagram larger than we said we can take: whole or not, the stream is asked.
#[test]
fn int_04_a_datagram_over_1232_octets_is_not_believed() {
    run(async {
        let careless = Behaviour::edits(|_, draft| draft.limit = 4096);
        let lab = Lab::new(&one().behave(FIRST, careless).internet(), 5);
        let reply = lab.ask("big.d1.t1", RecordType::TXT).await;
        assert_eq!(reply.data(RecordType::TXT).len(), 10, "{reply}\n{}", lab.net.story());
        assert!(lab.net.packets_to(FIRST) <= 3, "{}", lab.net.story());
    });
}

/// The question comes back in another case: at most three packets, and the answer is believed over TCP only.
#[test]
fn int_06_a_server_that_changes_case() {
    for case in [Case::Lower, Case::Upper, Case::Random] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::Case(case)).internet(), 6);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            assert!(lab.net.packets_to(FIRST) <= 3, "{case:?}\n{}", lab.net.story());
            let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            assert!(cost <= 2, "{case:?}: {cost}\n{}", lab.net.story());
        });
    }
}

/// The same without TCP: the name in one case is what is left, and another server is asked first when there is one.
#[test]
fn int_06_a_server_that_changes_case_and_has_no_tcp() {
    run(async {
        let tree = one().behave(FIRST, Behaviour::Case(Case::Lower)).behave(FIRST, Behaviour::Refuses(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 7);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(lab.net.packets_to(FIRST) <= 3, "{}", lab.net.story());
        let tree =
            two().behave(FIRST, Behaviour::Case(Case::Upper)).behave(FIRST, Behaviour::SilentOver(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 8);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(lab.net.packets_to(FIRST) + lab.net.packets_to(SECOND) <= 4, "{}", lab.net.story());
    });
}

//! Lame servers, servers that do not like some types, that answer nothing, or something unheard of (RFC 4074, RFC 8906).

use std::time::Duration;

use burdock::dns::{Header, Name, Rcode, RecordType};
use burdock::playground::Behaviour;

use super::{FIRST, HOPELESS, SECOND, ask, ask_for, fail, get, one, two};
use crate::support::{Lab, name, run};

/// AAAA is dropped: that question fails after two tries, A goes on as if nothing had happened.
#[test]
fn int_05_a_server_that_drops_a_type() {
    run(async {
        let types = vec![RecordType::AAAA, RecordType::HTTPS, RecordType::DNSKEY, RecordType(65280)];
        let lab = Lab::new(&one().behave(FIRST, Behaviour::DropsTypes(types.clone())).internet(), 1);
        get(&lab, "www2.d1.t1", "192.0.2.2").await;
        for rtype in types {
            let (reply, cost) = ask_for(&lab, "www.d1.t1", rtype).await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{rtype} {reply}");
            assert!(cost <= HOPELESS, "{rtype}: {cost}\n{}", lab.net.story());
        }
        let (reply, cost) = get(&lab, "www3.d1.t1", "192.0.2.4").await;
        assert!(cost <= 2 && reply.after <= Duration::from_millis(440), "{cost} {reply}\n{}", lab.net.story());
    });
}

/// AAAA gets SERVFAIL, REFUSED or NXDOMAIN: A is asked and answered all the same (RFC 4074 §4).
#[test]
fn int_05_a_server_that_fails_for_a_type() {
    for rcode in [Rcode::SERVFAIL, Rcode::REFUSED, Rcode::NOTIMP, Rcode::NXDOMAIN] {
        run(async {
            let tree = one().behave(FIRST, Behaviour::RejectsTypes(vec![RecordType::AAAA], rcode));
            let lab = Lab::new(&tree.internet(), 2);
            // A known to the cache survives whatever is said of AAAA.
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            let (reply, cost) = ask_for(&lab, "www.d1.t1", RecordType::AAAA).await;
            assert!(reply.data(RecordType::AAAA).is_empty() && cost <= 4, "{rcode} {cost}");
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            // An A that was never asked for is none the worse either, whether AAAA of the name was or not.
            let (reply, _) = ask_for(&lab, "www3.d1.t1", RecordType::AAAA).await;
            assert!(reply.data(RecordType::AAAA).is_empty(), "{reply}");
            get(&lab, "www3.d1.t1", "192.0.2.4").await;
            get(&lab, "www2.d1.t1", "192.0.2.2").await;
        });
    }
}

/// Lame in every way there is: the other server answers, and the lame one is left alone for a while.
#[test]
fn int_17_a_lame_server_beside_a_good_one() {
    for (index, lame) in lameness().into_iter().enumerate() {
        for seed in 0..4 {
            run(async {
                let lab = Lab::new(&two().behave(FIRST, lame.clone()).internet(), seed);
                get(&lab, "www.d1.t1", "192.0.2.1").await;
                for (owner, address) in [("www2.d1.t1", "192.0.2.2"), ("www3.d1.t1", "192.0.2.4")] {
                    get(&lab, owner, address).await;
                }
                assert!(lab.net.packets_to(FIRST) <= 3, "{index} {lame:?}\n{}", lab.net.story());
            });
        }
    }
}

/// All servers lame: SERVFAIL that says so, one packet for each.
#[test]
fn int_17_all_servers_lame() {
    for lame in refusals() {
        run(async {
            let tree = two().behave(FIRST, lame.clone()).behave(SECOND, lame.clone());
            let lab = Lab::new(&tree.internet(), 3);
            let (reply, _) = fail(&lab, "www.d1.t1", &[22]).await;
            let cost = lab.net.packets_to(FIRST) + lab.net.packets_to(SECOND);
            assert!(cost <= 2, "{lame:?}: {cost}\n{}", lab.net.story());
            assert!(reply.after <= Duration::from_millis(1000), "{reply}");
            // The failure is remembered for a moment.
            let (_, again) = fail(&lab, "www.d1.t1", &[13, 22]).await;
            assert!(again <= 4, "{again}");
        });
    }
}

/// All servers answer from a cache: there is nobody else to believe.
#[test]
fn int_17_all_servers_are_resolvers() {
    run(async {
        let lab = Lab::new(&two().behave(FIRST, recursive()).behave(SECOND, recursive()).internet(), 3);
        let (_, cost) = get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(cost <= 8, "{cost}\n{}", lab.net.story());
    });
}

fn lameness() -> Vec<Behaviour> {
    let mut all = refusals();
    all.push(recursive());
    all
}

fn refusals() -> Vec<Behaviour> {
    vec![
        Behaviour::Always(Rcode::REFUSED),
        Behaviour::Always(Rcode::SERVFAIL),
        Behaviour::Always(Rcode::NOTAUTH),
        Behaviour::Refers(Name::root(), vec![name("ns1")]),
        Behaviour::Refers(name("t1"), vec![name("ns1.t1")]),
        Behaviour::Refers(name("d1.t1"), vec![name("ns1.d1.t1")]),
        Behaviour::Refers(name("d2.t1"), vec![name("ns1.d2.t1")]),
    ]
}

/// An answer from another resolver's cache: RA set, AA clear.
fn recursive() -> Behaviour {
    Behaviour::edits(|_, draft| draft.message.header.flags = (draft.message.header.flags & !Header::AA) | Header::RA)
}

/// NOERROR with nothing in it, with and without AA: no more than two tries, then "no data" for seconds.
#[test]
fn int_18_empty_answers_are_no_data_for_a_moment() {
    let with_authority = Behaviour::edits(|_, draft| draft.message.header.flags |= Header::AA);
    for authority in [None, Some(with_authority)] {
        run(async {
            let tree = two().behave(FIRST, Behaviour::Empty).behave(SECOND, Behaviour::Empty);
            let tree = authority
                .iter()
                .fold(tree, |tree, authority| tree.behave(FIRST, authority.clone()).behave(SECOND, authority.clone()));
            let lab = Lab::new(&tree.internet(), 4);
            let (reply, _) = ask(&lab, "www.d1.t1").await;
            assert_eq!((reply.rcode(), reply.a().len()), (Rcode::NOERROR, 0), "{reply}\n{}", lab.net.story());
            let asked = lab.net.packets_to(FIRST) + lab.net.packets_to(SECOND);
            assert!(asked <= 4, "{}", lab.net.story());
            lab.wait(Duration::from_secs(6)).await;
            let (_, cost) = ask(&lab, "www.d1.t1").await;
            assert!(cost >= 1, "kept for five seconds at most");
        });
    }
}

/// An empty answer beside a full one, or beside a refusal, proves nothing.
#[test]
fn int_18_an_empty_answer_is_outvoted() {
    for seed in 0..8 {
        run(async {
            let lab = Lab::new(&two().behave(FIRST, Behaviour::Empty).internet(), seed);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            let tree = two().behave(FIRST, Behaviour::Empty).behave(SECOND, Behaviour::Always(Rcode::SERVFAIL));
            fail(&Lab::new(&tree.internet(), seed), "www.d1.t1", &[22, 23, 24]).await;
        });
    }
}

/// Response codes that mean nothing here: SERVFAIL to the client, or another server's answer.
#[test]
fn int_25_strange_response_codes() {
    let strange = [6, 7, 8, 9, 10, 11, 12, 15, 17, 20, 22, 23, 3841, 4095];
    for code in strange {
        run(async {
            let odd = Behaviour::Always(Rcode(code));
            let lab = Lab::new(&one().behave(FIRST, odd.clone()).internet(), u64::from(code));
            let (_, cost) = fail(&lab, "www.d1.t1", &[0, 22, 23, 24]).await;
            assert!(cost <= HOPELESS, "{code}: {cost}\n{}", lab.net.story());
            let lab = Lab::new(&two().behave(FIRST, odd).internet(), u64::from(code));
            get(&lab, "www.d1.t1", "192.0.2.1").await;
        });
    }
}

/// TTL 0: passed on as 0, shared by those who wait at the same time, asked for again only as often as a second passes.
#[test]
fn int_14_a_ttl_of_zero() {
    run(async {
        let lab = std::sync::Arc::new(Lab::new(&one().data("d1.t1", "zero 0 A 192.0.2.9\n").internet(), 5));
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let before = lab.net.packets();
        let clients: Vec<_> = (0..100)
            .map(|_| {
                let lab = std::sync::Arc::clone(&lab);
                tokio::spawn(async move { lab.ask("zero.d1.t1", RecordType::A).await })
            })
            .collect();
        for client in clients {
            let reply = client.await.unwrap();
            assert_eq!((reply.a(), reply.ttl()), (vec!["192.0.2.9".to_owned()], Some(0)));
        }
        assert_eq!(lab.net.packets() - before, 1, "{}", lab.net.story());
        let before = lab.net.packets();
        for _ in 0..100 {
            assert_eq!(lab.ask("zero.d1.t1", RecordType::A).await.a(), ["192.0.2.9"]);
            lab.wait(Duration::from_millis(50)).await;
        }
        let cost = lab.net.packets() - before;
        assert!(cost <= 8, "{cost} packets in 5 to 7 seconds\n{}", lab.net.story());
    });
}

//! Lame servers, servers that do not like some types, that answer nothing, or something unheard of (RFC 4074, RFC 8906).

use std::time::Duration;

use burdock::dns::{Header, Name, Rcode, RecordType};
use burdock::playground::Behaviour;

use super::{FIRST, HOPELESS, SECOND, ask, ask_for, data, fail, get, one, two};
use crate::attacks::at_most;
use crate::support::{Lab, Tree, name, run};

/// A type is dropped: that question fails in bounds, A goes on as if nothing had happened.
#[test]
fn int_05_a_server_that_drops_a_type() {
    const NSEC3PARAM: RecordType = RecordType(51);
    let types =
        [RecordType::AAAA, RecordType::HTTPS, RecordType::DNSKEY, RecordType::DS, NSEC3PARAM, RecordType(65280)];
    for rtype in types {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::DropsTypes(vec![rtype])).internet(), 1);
            get(&lab, "www2.d1.t1", "192.0.2.2").await;
            let before = lab.net.packets_to(FIRST);
            let (reply, cost) = ask_for(&lab, "www.d1.t1", rtype).await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{rtype} {reply}");
            at_most("INT-05", &format!("{rtype} dropped: packets"), cost, HOPELESS);
            at_most("INT-05", &format!("{rtype} dropped: tries at the server"), lab.net.packets_to(FIRST) - before, 4);
            let (reply, cost) = get(&lab, "www3.d1.t1", "192.0.2.4").await;
            at_most("INT-05", "packets for A of the next name", cost, 2);
            at_most("INT-05", "ms for A of the next name", reply.after.as_millis(), 440);
            let (before, (reply, _)) = (lab.net.packets_to(FIRST), ask_for(&lab, "www4.d1.t1", rtype).await);
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{rtype} {reply}");
            let tries = lab.net.packets_to(FIRST) - before;
            at_most("INT-05", &format!("{rtype} dropped: tries at the server for the next name"), tries, 2);
            at_most("INT-05", "ms until the next name fails", reply.after.as_millis(), 2000);
        });
    }
}

/// Who drops a type is no worse a server for all others, however often it is asked for that; and if it answers again, that is
/// found out by the first question.
#[test]
fn int_05_a_type_that_is_dropped_is_not_held_against_the_server() {
    run(async {
        let drops = Behaviour::DropsTypes(vec![RecordType::HTTPS]);
        let hosts: String = (0..40).map(|n| format!("h{n} A 192.0.2.50\nh{n} HTTPS 1 .\n")).collect();
        let tree = Tree::with_tld().zone("d1.t1", &[FIRST, SECOND], &hosts).behave(FIRST, drops.clone());
        let lab = Lab::new(&tree.behave(SECOND, drops).internet(), 10);
        let (mut later, mut first) = (0, 0);
        for n in 0..20 {
            let owner = format!("h{n}.d1.t1");
            let (reply, _) = get(&lab, &owner, "192.0.2.50").await;
            assert!(n == 0 || reply.after <= Duration::from_millis(22), "{reply}\n{}", lab.net.story());
            let (reply, cost) = ask_for(&lab, &owner, RecordType::HTTPS).await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
            // Of the other server little is known before A is asked there, too.
            (later, first) = if n < 3 { (0, first.max(cost)) } else { (later + cost, first) };
        }
        at_most("INT-05", "both servers drop a type: packets for the first names", first, HOPELESS);
        at_most("INT-05", "both servers drop a type: packets for 17 later names", later, 17 * 2 * 2);
        lab.net.rewire(|servers| servers.values_mut().for_each(|server| server.behaviours.clear()));
        for (host, allowed) in [("h30.d1.t1", 1), ("h31.d1.t1", 1)] {
            let (reply, cost) = ask_for(&lab, host, RecordType::HTTPS).await;
            assert_eq!(reply.data(RecordType::HTTPS).len(), 1, "{reply}\n{}", lab.net.story());
            at_most("INT-05", "the type is answered again: packets", cost, allowed);
        }
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
            assert!(reply.data(RecordType::AAAA).is_empty(), "{rcode} {reply}");
            at_most("INT-05", &format!("{rcode} for AAAA: packets"), cost, 4);
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

/// A server that refuses one zone serves another, and the first one, too, a quarter of an hour later.
#[test]
fn int_17_lameness_is_for_one_zone_and_for_a_while() {
    run(async {
        let refuses = Behaviour::edits(|query, draft| {
            if query.name().is_in(&name("d1.t1")) {
                draft.message.answer.clear();
                draft.message.header.flags = draft.message.header.flags & !Header::AA | u16::from(Rcode::REFUSED.low());
            }
        });
        let hosts: String = (0..80).map(|n| format!("h{n} A 192.0.2.50\n")).collect();
        let tree = Tree::with_tld().zone("d1.t1", &[FIRST, SECOND], &format!("{}{hosts}", data()));
        let tree = tree.zone("d2.t1", &[FIRST], &hosts).behave(FIRST, refuses);
        let lab = Lab::new(&tree.internet(), 4);
        let count = async |names: std::ops::Range<usize>| {
            let before = lab.net.packets_to(FIRST);
            for n in names {
                get(&lab, &format!("h{n}.d1.t1"), "192.0.2.50").await;
            }
            lab.net.packets_to(FIRST) - before
        };
        at_most("INT-17", "packets to the server that refuses, for 40 names", count(0..40).await, 2);
        let (_, cost) = get(&lab, "h0.d2.t1", "192.0.2.50").await;
        at_most("INT-17", "packets for a zone that it serves, and for its parent", cost, 2);
        lab.wait(Duration::from_secs(901)).await;
        let again = count(40..80).await;
        assert!(again >= 1, "{}", lab.net.story());
        at_most("INT-17", "packets to it for 40 names more, after 901 s", again, 2);
    });
}

/// All of fifteen servers lame: one packet for each, and no more of them than a delegation has.
#[test]
fn int_17_many_lame_servers() {
    let servers: Vec<String> = (1..=15).map(|n| format!("198.18.4.{n}")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    for (owner, allowed) in [("www.d1.t1", 13), ("deep.empty.d1.t1", 13)] {
        for lame in refusals("d1.t1") {
            run(async {
                let tree = Tree::with_tld().zone("d1.t1", &servers, &data());
                let tree = servers.iter().fold(tree, |tree, server| tree.behave(server, lame.clone()));
                let lab = Lab::new(&tree.internet(), 5);
                fail(&lab, owner, &[22]).await;
                let cost = servers.iter().map(|server| lab.net.packets_to(server)).sum::<usize>();
                at_most("INT-17", &format!("{lame:?}, {owner}: packets to 15 lame servers"), cost, allowed);
            });
        }
    }
}

/// An answer without AA, from one that does not recurse either: there is none other, and it is taken.
#[test]
fn int_17_answers_without_authority() {
    run(async {
        let tree = two().behave(FIRST, Behaviour::NotAuthoritative).behave(SECOND, Behaviour::NotAuthoritative);
        let lab = Lab::new(&tree.internet(), 6);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let cost = lab.net.packets_to(FIRST) + lab.net.packets_to(SECOND);
        at_most("INT-17", "answers without AA: packets to the zone", cost, 2);
    });
}

/// All servers lame: SERVFAIL that says so, one packet for each.
#[test]
fn int_17_all_servers_lame() {
    for lame in refusals("d1.t1") {
        run(async {
            let tree = two().behave(FIRST, lame.clone()).behave(SECOND, lame.clone());
            let lab = Lab::new(&tree.internet(), 3);
            let (reply, _) = fail(&lab, "www.d1.t1", &[22]).await;
            let cost = lab.net.packets_to(FIRST) + lab.net.packets_to(SECOND);
            at_most("INT-17", &format!("{lame:?}, both servers: packets to them"), cost, 2);
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
        at_most("INT-17", "both servers are resolvers: packets", cost, 8);
    });
}

fn lameness() -> Vec<Behaviour> {
    let mut all = refusals("d1.t1");
    all.push(recursive());
    all
}

/// The ways to say "not me" of the zone at `apex`: codes, and referrals upward, to the zone itself and aside.
pub fn refusals(apex: &str) -> Vec<Behaviour> {
    vec![
        Behaviour::Always(Rcode::REFUSED),
        Behaviour::Always(Rcode::SERVFAIL),
        Behaviour::Always(Rcode::NOTAUTH),
        Behaviour::Refers(Name::root(), vec![name("ns1")]),
        Behaviour::Refers(name("t1"), vec![name("ns1.t1")]),
        Behaviour::Refers(name(apex), vec![name(&format!("ns1.{apex}"))]),
        Behaviour::Refers(name("aside.t1"), vec![name("ns1.aside.t1")]),
    ]
}

/// An answer from another resolver's cache: RA set, AA clear.
pub fn recursive() -> Behaviour {
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
            at_most("INT-18", "packets to two servers with empty answers", asked, 3);
            lab.wait(Duration::from_secs(5)).await;
            let (_, cost) = ask(&lab, "www.d1.t1").await;
            assert!(cost >= 1, "kept for five seconds at most");
        });
    }
}

/// Of many such servers no more are asked than two after the first.
#[test]
fn int_18_empty_answers_of_many_servers() {
    let servers: Vec<String> = (1..=8).map(|n| format!("198.18.4.{n}")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    for owner in ["www.d1.t1", "deep.empty.d1.t1"] {
        run(async {
            let tree = Tree::with_tld().zone("d1.t1", &servers, &data());
            let tree = servers.iter().fold(tree, |tree, server| tree.behave(server, Behaviour::Empty));
            let lab = Lab::new(&tree.internet(), 8);
            let (reply, _) = ask(&lab, owner).await;
            assert_eq!((reply.rcode(), reply.a().len()), (Rcode::NOERROR, 0), "{reply}\n{}", lab.net.story());
            let about = |sent: &crate::support::Exchange| sent.question.as_ref().is_some_and(|q| q.name == name(owner));
            let is_theirs = |sent: &crate::support::Exchange| servers.contains(&sent.server.ip().to_string().as_str());
            let asked = lab.net.exchanges().iter().filter(|sent| about(sent) && is_theirs(sent)).count();
            at_most("INT-18", &format!("{owner}: packets to eight servers with empty answers"), asked, 3);
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
            at_most("INT-25", &format!("code {code}: SERVFAIL, packets"), cost, HOPELESS);
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
        at_most("INT-14", "TTL 0: packets for 100 clients at once", lab.net.packets() - before, 1);
        let (before, since) = (lab.net.packets(), lab.clock.now());
        for _ in 0..100 {
            assert_eq!(lab.ask("zero.d1.t1", RecordType::A).await.a(), ["192.0.2.9"]);
            lab.wait(Duration::from_millis(50)).await;
        }
        let cost = lab.net.packets() - before;
        let seconds = lab.clock.now().duration_since(since).as_secs() as usize;
        at_most("INT-14", &format!("TTL 0: packets for 100 questions in {seconds} s"), cost, seconds + 1);
    });
}

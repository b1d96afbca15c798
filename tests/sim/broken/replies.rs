//! Replies that are well formed and wrong: TTLs, SOAs, aliases, names that exist or not (RFC 2181, RFC 2308, RFC 8020).

use std::time::Duration;

use burdock::dns::{Header, Message, Rcode, RecordType, Ttl};
use burdock::playground::Behaviour;

use super::{FIRST, HOPELESS, about, ask, ask_for, fail, get, one, record};
use crate::attacks::at_most;
use crate::support::{Lab, name, run};

/// NXDOMAIN where names exist below: the name below is found, minimised questions or not.
#[test]
fn int_08_nxdomain_for_an_empty_non_terminal() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::NxdomainForEmptyNonTerminals).internet(), 1);
        get(&lab, "deep.empty.d1.t1", "192.0.2.3").await;
        at_most("INT-08", "NXDOMAIN where names are below: packets", lab.net.packets(), 14);
        // Even after the client has asked for the empty name itself.
        let lab = Lab::new(&one().behave(FIRST, Behaviour::NxdomainForEmptyNonTerminals).internet(), 2);
        ask(&lab, "empty.d1.t1").await;
        get(&lab, "deep.empty.d1.t1", "192.0.2.3").await;
    });
}

/// NODATA where there is no such name: passed on as such.
#[test]
fn int_08_no_data_where_there_is_no_name() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::NodataForNxdomain).internet(), 3);
        let (reply, cost) = ask(&lab, "x.gone.d1.t1").await;
        assert_eq!((reply.rcode(), reply.a().len()), (Rcode::NOERROR, 0), "{reply}");
        at_most("INT-08", "NODATA where there is no name: packets", cost, 8);
    });
}

/// A TTL with the top bit set counts as 0; of several TTLs in one set the smallest counts; a week is a day.
#[test]
fn int_15_odd_ttls() {
    run(async {
        let tree = one()
            .data("d1.t1", "week 604800 A 192.0.2.7\nfar 1 A 192.0.2.8\nmixed A 192.0.2.1\n")
            .behave(FIRST, about("far.d1.t1", |m| m.answer[0].ttl = Ttl::from_secs(0x8000_0001)))
            .behave(
                FIRST,
                about("mixed.d1.t1", |m| {
                    m.answer =
                        (1..4).map(|n| record("mixed.d1.t1", RecordType::A, 1000 / n, &[192, 0, 2, n as u8])).collect();
                }),
            );
        let lab = Lab::new(&tree.internet(), 4);
        let far = get(&lab, "far.d1.t1", "192.0.2.8").await.0.ttl();
        at_most("INT-15", "TTL for one of 2^31 and more", far.unwrap(), 0);
        let week = get(&lab, "week.d1.t1", "192.0.2.7").await.0.ttl();
        assert_eq!(week, Some(86_400));
        at_most("INT-15", "TTL for one of a week", week.unwrap(), 86_400);
        let (mixed, _) = ask(&lab, "mixed.d1.t1").await;
        let ttls: Vec<u32> = mixed.message.answer.iter().map(|record| record.ttl.as_secs()).collect();
        assert_eq!(ttls, [333, 333, 333], "RFC 2181 §5.2: {mixed}");
        at_most("INT-15", "TTL for a set of 1000, 500 and 333", ttls[0], 333);
    });
}

/// Denials without SOA hold for seconds; the SOA of another zone is nobody's; a minimum of 2^31 is no eternity.
#[test]
fn int_16_denials_with_a_wrong_soa_or_none() {
    run(async {
        for owner in ["gone.d1.t1", "www.d1.t1"] {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::WithoutSoa).internet(), 5);
            let (reply, _) = ask_for(&lab, owner, RecordType::MX).await;
            assert!(reply.message.answer.is_empty() && reply.rcode() != Rcode::SERVFAIL, "{reply}");
            let kept = kept_for(&lab, owner, RecordType::MX).await;
            at_most("INT-16", &format!("{owner} denied without SOA: kept for s"), kept, 5);
        }
        let elsewhere = |soa: &'static str, minimum: u32| {
            about("gone.d1.t1", move |m| {
                let mut rdata = [name("ns1.t1").wire(), name("a.t1").wire()].concat();
                rdata.extend([1, 7200, 900, 86_400, minimum].iter().flat_map(|n| u32::to_be_bytes(*n)));
                m.authority = vec![record(soa, RecordType::SOA, 0x7fff_ffff, &rdata)];
            })
        };
        let lab = Lab::new(&one().behave(FIRST, elsewhere("t2", 600)).internet(), 6);
        let (reply, _) = ask(&lab, "gone.d1.t1").await;
        assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{reply}");
        assert!(reply.message.authority.iter().all(|record| record.owner != name("t2")), "{reply}");
        at_most("INT-16", "the SOA of another zone: kept for s", kept_for(&lab, "gone.d1.t1", RecordType::A).await, 5);

        let lab = Lab::new(&one().behave(FIRST, elsewhere("d1.t1", 0x8000_0000)).internet(), 7);
        let (reply, _) = ask(&lab, "gone.d1.t1").await;
        let ttl = reply.message.authority.first().map_or(0, |record| record.ttl.as_secs());
        at_most("INT-16", "a minimum of 2^31: TTL of the denial", ttl, 3600);
        lab.wait(Duration::from_secs(3601)).await;
        assert!(ask(&lab, "gone.d1.t1").await.1 >= 1);
    });
}

/// For how many whole seconds from now on the question costs nothing; looked at for a minute.
async fn kept_for(lab: &Lab, owner: &str, rtype: RecordType) -> u32 {
    for second in 1..60 {
        lab.wait(Duration::from_secs(1)).await;
        if ask_for(lab, owner, rtype).await.1 > 0 {
            return second;
        }
    }
    60
}

/// Records that cannot be read are left out. What is left is no whole RRset (RFC 2181 §5) and no denial: held for seconds.
#[test]
fn int_16_answers_with_unreadable_records_are_not_remembered_for_long() {
    let some = about("www.d1.t1", |m| m.answer.push(record("www.d1.t1", RecordType::A, 3600, &[192, 0, 2])));
    let all = about("www.d1.t1", |m| {
        let mut rdata = [name("ns1.d1.t1").wire(), name("a.t1").wire()].concat();
        rdata.extend([1, 7200, 900, 86_400, 300].iter().flat_map(|n| u32::to_be_bytes(*n)));
        m.answer = vec![record("www.d1.t1", RecordType::A, 3600, &[192, 0, 2])];
        m.authority = vec![record("d1.t1", RecordType::SOA, 3600, &rdata)];
    });
    for (behaviour, expected) in [(some, vec!["192.0.2.1"]), (all, Vec::new())] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, behaviour).internet(), 13);
            let (reply, _) = ask(&lab, "www.d1.t1").await;
            assert_eq!(
                (reply.rcode(), reply.a()),
                (Rcode::NOERROR, expected.iter().map(ToString::to_string).collect())
            );
            let ttls = reply.message.answer.iter().chain(&reply.message.authority).map(|record| record.ttl.as_secs());
            assert!(ttls.max() <= Some(5), "{reply}");
            let told = reply.errors();
            assert!(told.iter().any(|(code, text)| *code == 0 && text.ends_with("[LEFT]")), "RFC 8914 §4.1: {told:?}");
            lab.wait(Duration::from_secs(4)).await;
            assert_eq!(ask(&lab, "www.d1.t1").await.1, 0, "a storm is kept off");
            lab.net.rewire(|servers| servers.get_mut(&FIRST.parse().unwrap()).unwrap().behaviours.clear());
            lab.wait(Duration::from_secs(2)).await;
            let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
            assert_eq!((reply.ttl(), reply.errors().len()), (Some(3600), 0), "{reply}");
        });
    }
}

/// SOA in the answer section of a denial: no data all the same.
#[test]
fn int_16_soa_in_the_answer_section() {
    run(async {
        let moved = about("www.d1.t1", |m| m.answer.append(&mut m.authority));
        let lab = Lab::new(&one().behave(FIRST, moved).internet(), 8);
        let (reply, cost) = ask_for(&lab, "www.d1.t1", RecordType::MX).await;
        assert!(reply.message.answer.is_empty(), "{reply}\n{}", lab.net.story());
        at_most("INT-16", "SOA in the answer section: packets", cost, 8);
    });
}

/// An alias with other data beside it, in any order, twice the same, with records nobody asked for: it is followed.
#[test]
fn int_19_aliases_in_bad_company() {
    let companies: [fn(&mut Message); 4] = [
        |m| m.answer.push(record("alias.d1.t1", RecordType::TXT, 60, b"\x01x")),
        |m| m.answer.reverse(),
        |m| {
            let again = m.answer[0].clone();
            m.answer.push(again);
        },
        |m| {
            m.answer.push(record("www.d1.t1", RecordType::AAAA, 60, &[0x20; 16]));
            m.answer.push(record("www2.d1.t1", RecordType::A, 60, &[203, 0, 113, 1]));
        },
    ];
    for (index, company) in companies.into_iter().enumerate() {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, about("alias.d1.t1", company)).internet(), 9);
            let (reply, _) = get(&lab, "alias.d1.t1", "192.0.2.1").await;
            assert_eq!(reply.data(RecordType::CNAME), ["www.d1.t1."], "{index} {reply}");
            // What was added is not remembered.
            get(&lab, "www2.d1.t1", "192.0.2.2").await;
            let others = reply.message.answer.len() - 2;
            at_most("INT-19", &format!("company {index}: records too many in the answer"), others, 0);
        });
    }
}

/// Two different aliases of one name contradict each other.
#[test]
fn int_19_two_aliases_of_one_name() {
    run(async {
        let two = about("alias.d1.t1", |m| {
            m.answer.truncate(1);
            m.answer.push(record("alias.d1.t1", RecordType::CNAME, 60, name("www2.d1.t1").wire()));
        });
        let lab = Lab::new(&one().behave(FIRST, two).internet(), 10);
        let (_, cost) = fail(&lab, "alias.d1.t1", &[0, 22, 24]).await;
        at_most("INT-19", "two aliases of one name: SERVFAIL, packets", cost, HOPELESS);
    });
}

/// An alias at the apex, beside SOA and NS: followed for addresses, out of the way of everything else.
#[test]
fn int_19_an_alias_at_the_apex() {
    run(async {
        let tree = one().zone("d2.t1", &["198.18.2.9"], "@ CNAME www.d1.t1.\nwww A 192.0.2.77\n");
        let lab = Lab::new(&tree.internet(), 11);
        get(&lab, "d2.t1", "192.0.2.1").await;
        get(&lab, "www.d2.t1", "192.0.2.77").await;
        let (reply, _) = ask_for(&lab, "d2.t1", RecordType::NS).await;
        assert_eq!(reply.rcode(), Rcode::NOERROR, "{reply}");
    });
}

/// A signer whose clock is wrong, on one of the servers: nothing is validated here, so the data is used whatever the
/// dates of its signatures — and never called authentic.
#[test]
fn int_29_expired_signatures_do_not_become_authentic() {
    run(async {
        let mut rdata = vec![0, 1, 13, 3, 0, 0, 14, 16, 0x3a, 0, 0, 0, 0x39, 0, 0, 0, 0, 1];
        rdata.extend_from_slice(name("d1.t1").wire());
        rdata.extend_from_slice(&[7; 64]);
        let expired = about("www.d1.t1", move |m| {
            m.answer.push(record("www.d1.t1", RecordType::RRSIG, 3600, &rdata));
            m.header.flags |= Header::AD;
        });
        let lab = Lab::new(&one().behave(FIRST, expired).internet(), 12);
        let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(!reply.message.header.has(Header::AD), "{reply}");
    });
}

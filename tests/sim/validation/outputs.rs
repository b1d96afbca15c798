//! What clients may get to see, and for how long: VAL-17 to VAL-20.

use std::time::Duration;

use burdock::dns::{Header, QueryFlags, Rcode, RecordType};
use burdock::job::LimitName;
use burdock::playground::{Behaviour, Denials, Field, Hashing};

use super::forge::{Lie, adds, bare, signed, soa, with_ttl};
use super::{A, CD, DO, FORGED, ask, authentic, from, refused, tell, unsigned, validating, verdict};
use crate::support::{Lab, Tree, name, run};

const SERVER: &str = "198.18.1.1";

fn tree() -> Tree {
    Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1\n*.wild A 192.0.2.2\nmail A 192.0.2.3").zone(
        "plain",
        &["198.18.2.1"],
        "www A 192.0.2.4\nalias CNAME www.t1.",
    )
}

/// Zones whose labels, put end to end, are the same: each stands for itself.
#[test]
fn val_17_names_of_the_same_octets() {
    run(async {
        let tree = Tree::signed()
            .secure("c", &["198.18.1.1"], "")
            .secure("bc", &["198.18.2.1"], "")
            .secure("ab.c", &["198.18.3.1"], "www A 192.0.2.1")
            .zone("a.bc", &["198.18.4.1"], "www A 192.0.2.2");
        let names = [("www.ab.c", true), ("www.a.bc", false)];
        for (seed, first) in [(1, 0), (2, 1)] {
            let lab = validating(&tree, seed);
            for turn in 0..4 {
                let (owner, secure) = names[(first + turn) % 2];
                let reply = ask(&lab, owner, A).await;
                assert_eq!(verdict(&reply), (Rcode::NOERROR, secure), "{owner}: {reply}");
            }
        }
    });
    tell("VAL-17");
}

/// A SOA that nobody signed, or that is another than what was signed, is not given with AD (RFC 6840 §5.8).
#[test]
fn val_18_forged_soa() {
    run(async {
        let whole = tree();
        let forged = bare("t1. 86400 SOA evil.t1. h.t1. 9 9 9 9 86400");
        let altered: Vec<_> = soa("t1")
            .into_iter()
            .map(|record| if record.rtype == RecordType::SOA { forged[0].clone() } else { record })
            .collect();
        for (seed, soa) in (1..).zip([forged.clone(), altered]) {
            let replace = Behaviour::edits(move |_, draft| {
                let owner = name("t1");
                let is_soa = |record: &burdock::dns::Record| {
                    record.owner == owner && (record.rtype == RecordType::SOA || record.rdata.starts_with(&[0, 6]))
                };
                if draft.message.authority.iter().any(is_soa) {
                    draft.message.authority.retain(|record| !is_soa(record));
                    draft.message.authority.extend(soa.iter().cloned());
                }
            });
            let lab = validating(&whole.clone().behave(SERVER, replace), seed);
            refused(&lab, "no.t1", A, &[10, 6]).await;
            refused(&lab, "www.t1", RecordType::TXT, &[10, 6]).await;
        }
        // What nobody asked for is not passed on, least of all with AD.
        let tree = whole.behave(SERVER, adds("www.t1", [forged, bare("t1. NS evil.t1.")].concat()));
        let lab = validating(&tree, 9);
        let reply = authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
        assert!(reply.message.authority.is_empty(), "{:?}", reply.message.authority);
    });
    tell("VAL-18");
}

/// Denials with AD carry nothing but what is signed, and their TTL is no longer than what was signed (RFC 9077).
#[test]
fn val_18_everything_with_ad_is_signed() {
    run(async {
        let tree = tree()
            .secure("h1", &["198.18.3.1"], "www A 192.0.2.1\n*.wild A 192.0.2.2")
            .signer("h1", |signer| signer.denying(Denials::Nsec3(Hashing::default())));
        let lab = validating(&tree, 1);
        for zone in ["t1", "h1"] {
            let questions = [
                (format!("no.{zone}"), A),
                (format!("www.{zone}"), RecordType::TXT),
                (format!("x.wild.{zone}"), A),
                (format!("x.wild.{zone}"), RecordType::TXT),
                (format!("plain.{zone}"), RecordType::DS),
                (zone.to_owned(), RecordType::DS),
                (zone.to_owned(), RecordType::DNSKEY),
                ("plain".to_owned(), RecordType::DS),
                (".".to_owned(), RecordType::DS),
                (".".to_owned(), RecordType::DNSKEY),
                (".".to_owned(), RecordType::SOA),
            ];
            for (owner, rtype) in questions {
                for _ in 0..2 {
                    let reply = ask(&lab, &owner, rtype).await;
                    assert!(reply.message.header.has(Header::AD), "{owner} {rtype}: {reply}\n{}", lab.net.story());
                    let sections = [&reply.message.answer, &reply.message.authority];
                    let all: Vec<_> = sections.into_iter().flatten().collect();
                    for record in all.iter().filter(|record| record.rtype != RecordType::RRSIG) {
                        let covers = |rrsig: &&&burdock::dns::Record| {
                            rrsig.rtype == RecordType::RRSIG
                                && rrsig.owner == record.owner
                                && rrsig.rdata[..2] == record.rtype.0.to_be_bytes()
                        };
                        assert!(all.iter().any(|rrsig| covers(&rrsig)), "{owner} {rtype}: {record:?}");
                    }
                    let denies = reply.message.answer.is_empty();
                    let has_soa = reply.message.authority.iter().any(|record| record.rtype == RecordType::SOA);
                    assert_eq!(has_soa, denies, "{owner} {rtype}: {reply}");
                }
            }
        }
    });
    tell("VAL-18");
}

/// Bogus data stays away from all who do not ask for it by CD: whoever asked before, by whatever way.
#[test]
fn val_19_bogus_data_on_no_output() {
    run(async {
        for seed in 1..=4 {
            let forged = Lie::answer(with_ttl(signed("c.t1", &format!("www.t1. A {FORGED}")), 86_400));
            let tree = tree().data("t1", "to A 192.0.2.9").behave(SERVER, forged.to("www.t1", A));
            let lab = validating(&tree, seed);
            let without = QueryFlags { recursion_desired: true, ..QueryFlags::default() };
            let plain = QueryFlags { dnssec_ok: false, ..Lab::FLAGS };
            if seed % 2 == 0 {
                assert_eq!(lab.ask_with("www.t1", A, CD).await.a(), [FORGED]);
            }
            for round in 0..30 {
                for flags in [DO, plain, without] {
                    for owner in ["www.t1", "alias.plain"] {
                        let reply = lab.ask_with(owner, A, flags).await;
                        assert_eq!(verdict(&reply), (Rcode::SERVFAIL, false), "{owner} {round}: {reply}");
                        assert!(reply.a().is_empty(), "{reply}");
                    }
                }
                let own = lab.ask_with("www.t1", A, CD).await;
                assert_eq!((own.a(), own.message.header.has(Header::AD)), (vec![FORGED.to_owned()], false), "{own}");
                lab.wait(Duration::from_millis(700 * round)).await;
            }
        }
    });
    tell("VAL-19");
}

/// A bogus answer with the attacker's TTL: what is remembered of it is gone within a minute, however often it was asked.
#[test]
fn val_20_bogus_with_a_long_ttl() {
    run(async {
        let long = Behaviour::edits(|_, draft| draft.message.answer = with_ttl(draft.message.answer.clone(), 86_400));
        for (seed, rtype, patience) in [(1, A, 1), (2, A, 40), (3, A, 400), (4, RecordType::DNSKEY, 40)] {
            let spoil = Behaviour::SpoilsSignatures(vec![rtype], Field::Signature);
            let lab = validating(&tree().behave(SERVER, spoil).behave(SERVER, long.clone()), seed);
            for _ in 0..patience {
                assert_eq!(ask(&lab, "www.t1", A).await.rcode(), Rcode::SERVFAIL);
                lab.wait(Duration::from_secs(1)).await;
            }
            lab.net.rewire(|servers| servers.values_mut().for_each(|server| server.behaviours.clear()));
            lab.wait(Duration::from_secs(60)).await;
            authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
        }
        // Or as soon as the operator wants.
        for (seed, rtype) in [(6, A), (7, RecordType::DNSKEY)] {
            let spoilt = tree().behave(SERVER, Behaviour::SpoilsSignatures(vec![rtype], Field::Signature));
            let lab = Lab::with(&spoilt.internet(), seed, |settings, limits| {
                settings.dnssec = from(&spoilt.anchor());
                limits.bogus_ttl = Duration::from_secs(6);
            });
            for _ in 0..40 {
                assert_eq!(ask(&lab, "www.t1", A).await.rcode(), Rcode::SERVFAIL);
                lab.wait(Duration::from_secs(1)).await;
            }
            lab.net.rewire(|servers| servers.values_mut().for_each(|server| server.behaviours.clear()));
            lab.wait(Duration::from_secs(6)).await;
            authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
            assert!(lab.resolver.limits().times(LimitName::BogusTtl) > 0);
        }
        // The keys' own TTL, raised, is not believed either.
        let tree = tree().behave(SERVER, long);
        let lab = validating(&tree, 5);
        for (owner, rtype) in [("www.t1", A), ("t1", RecordType::DNSKEY), ("t1", RecordType::SOA)] {
            let reply = authentic(&lab, owner, rtype, Rcode::NOERROR).await;
            assert!(reply.ttl().unwrap() <= 3600, "{owner} {rtype}: {:?}", reply.ttl());
        }
        unsigned(&lab, "www.plain", A, Rcode::NOERROR).await;
    });
    tell("VAL-20");
}

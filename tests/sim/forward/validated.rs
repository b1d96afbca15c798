//! What forwarders and stub zones say is validated like everything else (OPS-04, RFC 6840 §5.9).

use std::time::Duration;

use burdock::dns::{Header, QueryFlags, Rcode};
use burdock::dnssec::NegativeAnchor;
use burdock::playground::Window;
use burdock::resolver::Settings;

use super::*;

/// What a client that checks for itself says.
const CD: QueryFlags = QueryFlags { checking_disabled: true, ..DO };

/// A private zone under a signed parent is bogus, unless the operator excepts it.
#[test]
fn a_configured_zone_that_its_signed_parent_denies_takes_a_negative_trust_anchor() {
    run(async {
        let tree = Tree::signed().secure("t1", &[TLD], "").bare(
            "corp.t1",
            &[FIRST],
            "@ NS ns1\nns1 A 198.18.2.1\n@ A 10.0.0.3\nwww A 10.0.0.1\n",
        );
        for zone in [stub("corp.t1", &[FIRST]), forward("corp.t1", &[FIRST])] {
            for excepted in [false, true] {
                let (zone, anchor) = (zone.clone(), tree.anchor());
                let lab = house(&tree, 6, &[], |settings, _| {
                    settings.forwards = vec![zone];
                    settings.dnssec = from(&anchor);
                    if excepted {
                        let (domain, reason) = (name("corp.t1"), "private".to_owned());
                        settings.dnssec.negative.insert(NegativeAnchor { domain, reason, until: None });
                    }
                });
                // The parent's proof that there is no such zone is there before the question.
                assert_eq!(lab.ask("corq.t1", A).await.rcode(), Rcode::NXDOMAIN);
                if excepted {
                    let reply = gets(&lab, "www.corp.t1", "10.0.0.1").await;
                    assert!(!reply.message.header.has(Header::AD));
                    gets(&lab, "corp.t1", "10.0.0.3").await;
                    assert_eq!(lab.ask("x.corp.t1", A).await.rcode(), Rcode::NXDOMAIN);
                } else {
                    // NSEC missing (RFC 8914 §4.13): the zone does not prove that it is not signed. RRSIGs missing (§4.11).
                    fails(&lab, "www.corp.t1", 12).await;
                    fails(&lab, "corp.t1", 10).await;
                }
            }
        }
    });
}

fn signed() -> Tree {
    Tree::signed()
        .secure("t1", &[TLD], "")
        .secure("d1.t1", &[FIRST], "www A 192.0.2.1\n")
        .secure("d2.t1", &[SECOND], "www A 192.0.2.3\n")
        .stale("d2.t1", SECOND, Window::around(EPOCH - Duration::from_secs(90 * 86_400)))
}

/// A validating house behind a forwarder that validates, too, or does not.
fn behind(validating_forwarder: bool, seed: u64, change: impl FnOnce(&mut Settings)) -> Lab {
    let (tree, anchor) = (signed(), signed().anchor());
    let internet = tree.internet();
    let lab = Lab::at(EPOCH, &internet, seed, |settings, _| {
        settings.dnssec = from(&anchor);
        settings.forwards = vec![forward(".", &[NEAR])];
        change(settings);
    });
    let forwarder = lab.beside(&internet, seed + 1, |settings, _| {
        if validating_forwarder {
            settings.dnssec = from(&anchor);
        }
    });
    lab.net.add_resolver(NEAR, &forwarder.responder);
    lab
}

/// How often the forwarder was asked each question, CD clear and set.
fn counted(lab: &Lab, question: &str) -> (usize, usize) {
    let sent: Vec<Exchange> = sent_to(lab, NEAR).into_iter().filter(|sent| asked(sent) == question).collect();
    let unchecked = sent.iter().filter(|sent| sent.flags & Header::CD != 0).count();
    (sent.len() - unchecked, unchecked)
}

#[test]
fn what_comes_from_a_forwarder_is_validated() {
    run(async {
        for validating in [false, true] {
            let lab = behind(validating, 15, |_| {});
            let reply = lab.ask_with("www.d1.t1", A, DO).await;
            assert_eq!((reply.rcode(), reply.a()), (Rcode::NOERROR, vec!["192.0.2.1".to_owned()]), "{reply}");
            assert!(reply.message.header.has(Header::AD), "{reply}\n{}", lab.net.story());
            for question in ["www.d1.t1. a", "d1.t1. dnskey", "d1.t1. ds", "t1. dnskey", "t1. ds", ". dnskey"] {
                assert_eq!(counted(&lab, question), (1, 0), "{question}\n{}", lab.net.story());
            }
            let reply = lab.ask_with("gone.d1.t1", A, DO).await;
            assert_eq!((reply.rcode(), reply.message.header.has(Header::AD)), (Rcode::NXDOMAIN, true), "{reply}");
        }
    });
}

/// OPS-04, RFC 6840 §5.9: CD=0 first, CD=1 once, and what came with CD=1 is nobody's who did not ask for it.
#[test]
fn ops_04_bogus_behind_a_forwarder() {
    run(async {
        // Signatures expired (RFC 8914 §4.8).
        const EXPIRED: u16 = 7;
        for validating in [true, false] {
            let lab = behind(validating, 16, |_| {});
            fails(&lab, "www.d2.t1", EXPIRED).await;
            assert_eq!(counted(&lab, "www.d2.t1. a"), (1, usize::from(validating)), "{}", lab.net.story());
            // A client that checks for itself gets it, and others still do not.
            let reply = lab.ask_with("www.d2.t1", A, CD).await;
            assert_eq!(reply.a(), ["192.0.2.3"], "{reply}\n{}", lab.net.story());
            fails(&lab, "www.d2.t1", EXPIRED).await;

            let lab = behind(validating, 17, |_| {});
            let reply = lab.ask_with("www.d2.t1", A, CD).await;
            assert_eq!(reply.a(), ["192.0.2.3"], "{reply}");
            assert_eq!(counted(&lab, "www.d2.t1. a"), (0, 1), "the client's CD is passed on");
            fails(&lab, "www.d2.t1", EXPIRED).await;
            assert!(counted(&lab, "www.d2.t1. a").1 <= 2);
        }
        // What the operator excepts is had from a forwarder that does not.
        let lab = behind(true, 18, |settings| {
            let (domain, reason) = (name("d2.t1"), String::new());
            settings.dnssec.negative.insert(NegativeAnchor { domain, reason, until: None });
        });
        let reply = gets(&lab, "www.d2.t1", "192.0.2.3").await;
        assert!(!reply.message.header.has(Header::AD));
        assert_eq!(counted(&lab, "www.d2.t1. a"), (1, 1));
    });
}

//! ANY: the short answer (RFC 8482), and the full one where the operator wants it.

use std::time::Duration;

use burdock::dns::{Header, Message, QueryFlags, Rcode, RecordType};
use burdock::playground::{Behaviour, Internet};
use burdock::policy::AnyAnswers;
use burdock::world::Transport;

use super::validation::from;
use crate::support::{EPOCH, Lab, Reply, Tree, name, run};

const ANY: RecordType = RecordType::ANY;
const A: RecordType = RecordType::A;
const DO: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
const SERVER: &str = "198.18.1.1";
const DATA: &str = "www A 192.0.2.1\nwww AAAA 2001:db8::1\nwww TXT x\nwww MX 10 mail\nalias CNAME www\n*.wild A 192.0.2.2\n\
    *.wild TXT y\na.ent A 192.0.2.3\n";

fn tree() -> Tree {
    Tree::signed().secure("t1", &[SERVER], DATA)
}

fn lab(tree: &Tree, any: AnyAnswers) -> Lab {
    let anchor = tree.anchor();
    Lab::build(EPOCH, &tree.internet(), 1, |settings, _, policy| {
        settings.dnssec = from(&anchor);
        policy.any = any;
    })
}

/// The answer, and the packets it cost.
async fn cost(lab: &Lab, owner: &str) -> (Reply, usize) {
    let before = lab.net.packets();
    let reply = lab.ask_with(owner, ANY, DO).await;
    (reply, lab.net.packets() - before)
}

fn is_authentic(reply: &Reply) -> bool {
    reply.message.header.has(Header::AD)
}

/// The types of the answer, without signatures.
fn types(reply: &Reply) -> Vec<RecordType> {
    let types = reply.message.answer.iter().map(|record| record.rtype).filter(|rtype| *rtype != RecordType::RRSIG);
    let mut types: Vec<RecordType> = types.collect();
    types.sort_unstable();
    types
}

/// A server that changes what it says to ANY.
fn about_any(change: impl Fn(&mut Message) + Send + Sync + 'static) -> Behaviour {
    Behaviour::edits(move |query, draft| {
        if query.rtype() == Some(ANY) {
            change(&mut draft.message);
        }
    })
}

/// RFC 8482 §4.2: nobody is asked. What is known not to exist, or follows from what is proven, is said not to exist.
#[test]
fn the_short_answer_is_for_names_that_may_exist() {
    run(async {
        let lab = lab(&tree(), AnyAnswers::Short);
        for owner in ["www.t1", "gone.t1"] {
            let (reply, packets) = cost(&lab, owner).await;
            assert_eq!(
                (reply.rcode(), types(&reply), packets),
                (Rcode::NOERROR, vec![RecordType::HINFO], 0),
                "{reply}"
            );
        }
        lab.ask_with("gone.t1", A, DO).await;
        for owner in ["gone.t1", "gond.t1", "x.gone.t1"] {
            let (reply, packets) = cost(&lab, owner).await;
            assert_eq!((reply.rcode(), is_authentic(&reply), packets), (Rcode::NXDOMAIN, true, 0), "{owner}: {reply}");
        }
        // What has data exists, and so does what has names below it.
        for owner in ["www.t1", "ent.t1"] {
            assert_eq!(cost(&lab, owner).await.0.rcode(), Rcode::NOERROR, "{owner}");
        }
    });
}

/// Everything there is, over TCP, checked and kept as one answer; questions for one type are not answered from it.
#[test]
fn the_full_answer_has_what_the_zone_has() {
    run(async {
        let lab = lab(&tree(), AnyAnswers::Full);
        let (reply, _) = cost(&lab, "www.t1").await;
        let all = vec![A, RecordType::MX, RecordType::TXT, RecordType::AAAA, RecordType::NSEC];
        assert_eq!((types(&reply), is_authentic(&reply)), (all.clone(), true), "{reply}");
        assert_eq!(lab.net.packets_over(Transport::Tcp), 1, "{}", lab.net.story());
        let (again, packets) = cost(&lab, "www.t1").await;
        assert_eq!((types(&again), is_authentic(&again), packets), (all, true, 0));
        let before = lab.net.packets();
        assert_eq!(lab.ask_with("www.t1", A, DO).await.a(), ["192.0.2.1"]);
        assert_eq!(lab.net.packets() - before, 1, "RFC 8482 §4.1: it may have been a part");
        // Not longer than the first of them.
        lab.wait(Duration::from_secs(3600)).await;
        assert!(cost(&lab, "www.t1").await.1 > 0);
    });
}

/// Aliases are not followed, wildcards apply, and denials are proven as others are.
#[test]
fn the_full_answer_of_names_that_have_no_data_of_their_own() {
    run(async {
        let lab = lab(&tree(), AnyAnswers::Full);
        for (owner, rcode, expected) in [
            ("alias.t1", Rcode::NOERROR, vec![RecordType::CNAME, RecordType::NSEC]),
            ("x.wild.t1", Rcode::NOERROR, vec![A, RecordType::TXT]),
            ("ent.t1", Rcode::NOERROR, vec![]),
            ("gone.t1", Rcode::NXDOMAIN, vec![]),
        ] {
            for _ in 0..2 {
                let (reply, _) = cost(&lab, owner).await;
                // NSEC records at a wildcard are the wildcard's own.
                let found: Vec<_> = types(&reply).into_iter().filter(|t| owner != "x.wild.t1" || t.0 != 47).collect();
                assert_eq!((reply.rcode(), found, is_authentic(&reply)), (rcode, expected.clone(), true), "{reply}");
            }
        }
        // An alias that is known is as good.
        assert_eq!(lab.ask_with("alias.t1", A, DO).await.a(), ["192.0.2.1"]);
        let (reply, _) = cost(&lab, "alias.t1").await;
        assert!(types(&reply).contains(&RecordType::CNAME) && reply.a().is_empty(), "{reply}");
    });
}

/// One RRset that nobody signed, or DS records by the wrong side, and the answer is not believed, or not with them.
#[test]
fn the_full_answer_is_as_authentic_as_its_least_part() {
    run(async {
        let unsigned =
            about_any(|m| m.answer.retain(|record| record.rtype != RecordType::RRSIG || record.rdata[1] != 16));
        let (reply, _) = cost(&lab(&tree().behave(SERVER, unsigned), AnyAnswers::Full), "www.t1").await;
        let codes: Vec<u16> = reply.errors().iter().map(|(code, _)| *code).collect();
        assert_eq!((reply.rcode(), types(&reply).len(), codes), (Rcode::SERVFAIL, 0, vec![10]), "{reply}");

        let foreign = about_any(|m| {
            let more = m.answer.iter().map(|record| burdock::dns::Record { owner: name("www2.t1"), ..record.clone() });
            let more: Vec<_> = more.collect();
            m.answer.extend(more);
        });
        let (reply, _) = cost(&lab(&tree().behave(SERVER, foreign), AnyAnswers::Full), "www.t1").await;
        assert!(is_authentic(&reply) && reply.message.answer.iter().all(|r| r.owner == name("www.t1")), "{reply}");

        let plain = Tree::with_tld().zone("d1.t1", &["198.18.2.1"], DATA);
        let lab = Lab::build(EPOCH, &plain.internet(), 1, |_, _, policy| policy.any = AnyAnswers::Full);
        let (reply, _) = cost(&lab, "www.d1.t1").await;
        assert!(types(&reply).len() == 4 && !is_authentic(&reply), "{reply}");
    });
}

/// Of forty RRsets the first 24 are checked and told.
#[test]
fn the_full_answer_is_bounded() {
    run(async {
        let many: String = (0..40u16).map(|index| format!("many TYPE{} \\# 1 00\n", 65_280 + index)).collect();
        let tree = Tree::signed().secure("t1", &[SERVER], &many);
        let lab = lab(&tree, AnyAnswers::Full);
        let (reply, _) = cost(&lab, "many.t1").await;
        assert_eq!((types(&reply).len(), is_authentic(&reply)), (24, true), "{reply}");
    });
}

/// The zones of the playground have what they have.
#[test]
fn the_full_answer_of_an_apex() {
    run(async {
        let (internet, anchor) = Internet::signed(EPOCH).unwrap();
        let lab = Lab::build(EPOCH, &internet, 1, |settings, _, policy| {
            settings.dnssec = from(&anchor);
            policy.any = AnyAnswers::Full;
        });
        let (reply, _) = cost(&lab, "nsec.test").await;
        let found = types(&reply);
        let all = [RecordType::NS, RecordType::SOA, RecordType::DNSKEY, RecordType::NSEC];
        assert!(all.iter().all(|rtype| found.contains(rtype)) && !found.contains(&RecordType::DS), "{reply}");
        assert!(is_authentic(&reply), "{reply}");
    });
}

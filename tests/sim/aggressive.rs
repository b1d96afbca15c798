//! Denials of names that were never asked about, from what signed zones have proven before (RFC 8198, RFC 9077).

use std::time::Duration;

use burdock::dns::{Header, Message, QueryFlags, Question, Rcode, RecordType, write_query};
use burdock::playground::{Behaviour, Denials, Hashing, Internet, set_rcode};
use burdock::responder::{Client, ClientTransport};

use super::validation::from;
use crate::support::{EPOCH, Lab, Reply, Tree, name, run};

const A: RecordType = RecordType::A;
const DO: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };

fn lab(tree: &Tree) -> Lab {
    let anchor = tree.anchor();
    Lab::with(&tree.internet(), 1, |settings, _| settings.dnssec = from(&anchor))
}

/// What a question ends with, whether it is authentic, and the packets it cost.
async fn cost(lab: &Lab, owner: &str, rtype: RecordType) -> (Rcode, bool, usize) {
    let before = lab.net.packets();
    let reply: Reply = lab.ask_with(owner, rtype, DO).await;
    lab.wait(Duration::from_millis(100)).await;
    (reply.rcode(), reply.message.header.has(Header::AD), lab.net.packets() - before)
}

#[test]
fn one_denial_answers_for_the_whole_gap() {
    run(async {
        let (internet, anchor) = Internet::signed(EPOCH).unwrap();
        for zone in ["nsec", "nsec3"] {
            let lab = Lab::with(&internet, 1, |settings, _| settings.dnssec = from(&anchor));
            // `nsec3`'s gaps are of hashes: enough of them have to be known.
            for number in 0..40 {
                lab.ask_with(&format!("nothing{number}.{zone}.test"), A, DO).await;
            }
            let owner = format!("nothinx.{zone}.test");
            assert_eq!(cost(&lab, &owner, A).await, (Rcode::NXDOMAIN, true, 0), "{}", lab.net.story());
            assert_eq!(cost(&lab, &format!("a.b.c.{owner}"), A).await, (Rcode::NXDOMAIN, true, 0));
            let reply = lab.ask_with(&owner, RecordType::MX, DO).await;
            let denial = if zone == "nsec" { RecordType::NSEC } else { RecordType::NSEC3 };
            let authority = |rtype| reply.message.authority.iter().filter(|record| record.rtype == rtype).count();
            assert!(authority(denial) > 0 && authority(RecordType::SOA) == 1, "{reply}");
            assert_eq!(authority(RecordType::RRSIG), authority(denial) + 1, "{reply}");
            // What exists is found, and what has an alias or a wildcard.
            assert_eq!(cost(&lab, &format!("www.{zone}.test"), A).await.0, Rcode::NOERROR);
            for owner in ["www", "x.wild", "alias", "deep.moved"] {
                let reply = lab.ask_with(&format!("{owner}.{zone}.test"), A, DO).await;
                assert!(reply.rcode() == Rcode::NOERROR && !reply.a().is_empty(), "{owner}: {reply}");
            }
            // An empty non-terminal exists (VAL-09).
            assert_eq!(cost(&lab, &format!("empty.{zone}.test"), A).await.0, Rcode::NOERROR);
            // RFC 4035 §3.2.2: those who check themselves get what the servers say.
            let flags = QueryFlags { checking_disabled: true, ..DO };
            let before = lab.net.packets();
            assert_eq!(lab.ask_with(&format!("nothiny.{zone}.test"), A, flags).await.rcode(), Rcode::NXDOMAIN);
            assert!(lab.net.packets() > before);
        }
    });
}

fn ten() -> String {
    ["ape", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"].map(|label| format!("{label} A 192.0.2.1\n")).concat()
}

#[test]
fn a_thousand_random_names_cost_no_more_than_the_zone_has_gaps() {
    // AMP-10, (a) and (b). With its apex and `ns1` the zone has ten names.
    run(async {
        for denials in [Denials::Nsec, Denials::Nsec3(Hashing::default())] {
            let tree = Tree::signed().secure("t1", &["198.18.1.1"], &ten());
            let tree = tree.signer("t1", |signer| signer.denying(denials.clone()));
            let lab = lab(&tree);
            lab.ask_with("ape.t1", A, DO).await;
            let before = lab.net.packets();
            let mut seed = 7u64;
            for _ in 0..1000 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let letters: String =
                    (0..8).map(|at| char::from(b'a' + u8::try_from((seed >> (20 + 5 * at)) % 26).unwrap())).collect();
                let (rcode, authentic, _) = cost(&lab, &format!("{letters}.t1"), A).await;
                assert_eq!((rcode, authentic), (Rcode::NXDOMAIN, true), "{letters}");
            }
            let spent = lab.net.packets() - before;
            assert!(spent <= 12, "{spent} packets with {denials:?}");
        }
    });
}

/// AMP-10, (a) and (b): a zone of a hundred names, and what of a flood still goes to its server when the gaps are known.
#[test]
fn amp_10_of_a_flood_on_a_signed_zone_next_to_nothing_goes_upstream() {
    const WARM_UP: u32 = 3000;
    const QUESTIONS: u32 = 10_000;
    run(async {
        let names: String = (0..100).map(|number| format!("name{} A 192.0.2.1\n", number * 7919 % 1000)).collect();
        for (what, denials) in [("NSEC", Denials::Nsec), ("NSEC3", Denials::Nsec3(Hashing::default()))] {
            let tree = Tree::signed().secure("t1", &["198.18.1.1"], &names);
            let lab = lab(&tree.signer("t1", |signer| signer.denying(denials)));
            let (mut seed, mut before) = (7u64, 0);
            for number in 0..WARM_UP + QUESTIONS {
                if number == WARM_UP {
                    before = lab.net.packets();
                }
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // At 20,000 a second.
                lab.wait(Duration::from_micros(50)).await;
                let reply = lab.ask(&format!("n{:x}.t1", seed >> 20), A).await;
                assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{reply}");
            }
            let share = f64::from(u32::try_from(lab.net.packets() - before).unwrap()) * 100.0 / f64::from(QUESTIONS);
            println!(
                "AMP-10 {what}: of 100 random names {share:.2} cost a packet after the first {WARM_UP} (allowed 1)"
            );
            assert!(share < 1.0, "{what}: {share}");
        }
    });
}

#[test]
fn unsigned_zones_and_those_that_opt_out_are_asked_about_every_name() {
    run(async {
        let out = Denials::Nsec3OptOut(Hashing::default());
        let tree = Tree::signed()
            .secure("t1", &["198.18.1.1"], "www A 192.0.2.1\n")
            .signer("t1", |signer| signer.denying(out))
            .zone("t2", &["198.18.2.1"], "www A 192.0.2.1\n");
        let lab = lab(&tree);
        for tld in ["t1", "t2"] {
            cost(&lab, &format!("no.{tld}"), A).await;
            for number in 0..10 {
                assert_eq!(cost(&lab, &format!("no{number}.{tld}"), A).await, (Rcode::NXDOMAIN, false, 1));
            }
        }
    });
}

#[test]
fn what_is_below_a_cut_or_an_alias_of_a_subtree_is_not_denied_from_above() {
    // RFC 6840 §4.1.
    run(async {
        let tree = Tree::signed()
            .secure("t1", &["198.18.1.1"], "www A 192.0.2.1\nold DNAME new\na.new A 192.0.2.2\n")
            .zone("plain.t1", &["198.18.2.1"], "www A 192.0.2.3\n")
            .secure("signed.t1", &["198.18.3.1"], "www A 192.0.2.4\n");
        let lab = lab(&tree);
        // All there is to know of `t1.`.
        for owner in ["t1", "www.t1", "old.t1", "new.t1", "plain.t1", "signed.t1", "ns1.t1", "o.t1", "q.t1", "x.t1"] {
            lab.ask_with(owner, RecordType::TXT, DO).await;
            lab.ask_with(owner, RecordType::DS, DO).await;
        }
        for (owner, address) in [("a.old", 2), ("www.plain", 3), ("www.signed", 4), ("www", 1)] {
            let reply = lab.ask_with(&format!("{owner}.t1"), A, DO).await;
            assert_eq!(reply.a(), [format!("192.0.2.{address}")], "{owner}: {reply}");
        }
    });
}

#[test]
fn ops_06_a_new_name_appears_when_the_proof_has_had_its_time() {
    // OPS-06, RFC 9077: no longer than the SOA record's TTL and its last field say, here 300 seconds.
    run(async {
        let tree = |data: &str| Tree::signed().secure("t1", &["198.18.1.1"], &format!("ape A 192.0.2.1\n{data}"));
        let lab = lab(&tree(""));
        lab.ask_with("middle.t1", A, DO).await;
        let later = tree("monk A 192.0.2.2\n").internet();
        lab.net.rewire(|servers| {
            *servers = later.authorities.iter().map(|authority| (authority.address, authority.clone())).collect();
        });
        assert_eq!(cost(&lab, "monk.t1", A).await, (Rcode::NXDOMAIN, true, 0));
        lab.wait(Duration::from_secs(298)).await;
        assert_eq!(cost(&lab, "monl.t1", A).await, (Rcode::NXDOMAIN, true, 0));
        lab.wait(Duration::from_secs(2)).await;
        let reply = lab.ask_with("monk.t1", A, DO).await;
        assert_eq!(reply.a(), ["192.0.2.2"], "{reply}");
    });
}

#[test]
fn it_can_be_turned_off() {
    run(async {
        let tree = Tree::signed().secure("t1", &["198.18.1.1"], &ten());
        let anchor = tree.anchor();
        let lab = Lab::with(&tree.internet(), 1, |settings, _| {
            settings.dnssec = burdock::dnssec::Settings { aggressive_denial: false, ..from(&anchor) };
        });
        cost(&lab, "nothing.t1", A).await;
        assert_eq!(cost(&lab, "nothinx.t1", A).await, (Rcode::NXDOMAIN, true, 1));
    });
}

#[test]
fn a_wildcard_answers_for_names_that_do_not_exist() {
    // RFC 8198 §5.3.
    run(async {
        for denials in [Denials::Nsec, Denials::Nsec3(Hashing::default())] {
            let data = "*.wild A 192.0.2.1\n*.wild TXT w\nthere.wild A 192.0.2.2\n*.moved CNAME ape\nape A 192.0.2.3\n";
            let tree = Tree::signed().secure("t1", &["198.18.1.1"], data);
            let lab = lab(&tree.signer("t1", |signer| signer.denying(denials.clone())));
            for number in 0..20 {
                lab.ask_with(&format!("n{number}.wild.t1"), A, DO).await;
                lab.ask_with(&format!("n{number}.moved.t1"), A, DO).await;
            }
            for (owner, address) in [("other.wild.t1", 1), ("a.b.wild.t1", 1), ("other.moved.t1", 3)] {
                assert_eq!(cost(&lab, owner, A).await, (Rcode::NOERROR, true, 0), "{owner}: {denials:?}");
                let reply = lab.ask_with(owner, A, DO).await;
                assert_eq!(reply.a(), [format!("192.0.2.{address}")], "{reply}");
                // RFC 4035 §3.1.3.3: a client can check that nothing is closer.
                let proof =
                    |record: &burdock::dns::Record| matches!(record.rtype, RecordType::NSEC | RecordType::NSEC3);
                assert!(reply.message.authority.iter().any(proof), "{reply}");
            }
            // What exists beside it is never taken for it, nor is a type that was not asked for yet.
            assert_eq!(lab.ask_with("there.wild.t1", A, DO).await.a(), ["192.0.2.2"]);
            assert_eq!(lab.ask_with("other.wild.t1", RecordType::TXT, DO).await.message.answer.len(), 2);
            assert_eq!(lab.ask_with("x.there.wild.t1", A, DO).await.rcode(), Rcode::NXDOMAIN);
        }
    });
}

#[test]
fn a_wildcard_of_a_zone_below_needs_that_zones_proof() {
    // RFC 5155 §8.8, RFC 8198 §5.3: the hash of the child's name lies in a gap of the parent's, and nobody remembers the cut.
    run(async {
        let below = "sub.t1. 60 NS ns1.sub.t1.\nns1.sub.t1. 60 A 198.18.2.1\n";
        let tree = Tree::signed()
            .secure("t1", &["198.18.1.1"], &ten())
            .signer("t1", |signer| signer.denying(Denials::Nsec3(Hashing::default())))
            .delegate("sub.t1", below)
            .bare("sub.t1", &["198.18.2.1"], &format!("{below}* A 192.0.2.1\nfoo A 192.0.2.2\n* TXT w\nfoo MX 1 ns1\n"))
            .sign("sub.t1");
        let lab = lab(&tree);
        for number in 0..60 {
            assert_eq!(cost(&lab, &format!("no{number}.t1"), A).await.0, Rcode::NXDOMAIN);
        }
        for rtype in [A, RecordType::TXT] {
            assert!(cost(&lab, "*.sub.t1", rtype).await.1);
        }
        lab.wait(Duration::from_secs(70)).await;
        let before = lab.net.packets();
        assert_eq!(lab.ask_with("*.sub.t1", A, DO).await.a(), ["192.0.2.1"]);
        assert_eq!(lab.net.packets(), before, "the wildcard is still known");
        let reply = lab.ask_with("foo.sub.t1", A, DO).await;
        assert_eq!(reply.a(), ["192.0.2.2"], "{reply}");
        lab.wait(Duration::from_secs(70)).await;
        let reply = lab.ask_with("foo.sub.t1", RecordType::TXT, DO).await;
        assert!(reply.rcode() == Rcode::NOERROR && reply.message.answer.is_empty(), "{reply}");
    });
}

#[test]
fn a_signed_dname_answers_for_other_names_below_it() {
    // RFC 6672 §5.3.1.
    run(async {
        let data = "old 600 DNAME new\na.new A 192.0.2.1\nb.new A 192.0.2.2\n";
        let tree = Tree::signed().secure("t1", &["198.18.1.1"], data).zone("t2", &["198.18.2.1"], data);
        for (tld, signed) in [("t1", true), ("t2", false)] {
            let lab = lab(&tree);
            lab.ask_with(&format!("a.old.{tld}"), A, DO).await;
            lab.ask_with(&format!("b.new.{tld}"), A, DO).await;
            let owner = format!("b.old.{tld}");
            // An unsigned one answers for nobody else: one forged answer would take everything below it.
            let (rcode, authentic, spent) = cost(&lab, &owner, A).await;
            assert_eq!((rcode, authentic, spent == 0), (Rcode::NOERROR, signed, signed), "{}", lab.net.story());
            let reply = lab.ask_with(&owner, A, DO).await;
            assert_eq!(reply.a(), ["192.0.2.2"], "{reply}");
            assert!(reply.message.answer.iter().any(|record| record.rtype == RecordType::DNAME), "{reply}");
            // The DNAME's owner is no name below it.
            assert!(lab.ask_with(&format!("old.{tld}"), A, DO).await.a().is_empty());
            // When it has had its time it is asked for again.
            lab.wait(Duration::from_secs(601)).await;
            assert!(cost(&lab, &format!("c.old.{tld}"), A).await.2 > 0);
        }
    });
}

/// RFC 8198 §4: what is proven is known, to those who ask without RD, too; what failed a moment ago is still known to fail.
#[test]
fn without_rd_what_is_proven_is_known() {
    run(async {
        let failing = Behaviour::edits(|query, draft| {
            if query.name() == name("gone.t1") && query.rtype() == Some(RecordType::TXT) {
                set_rcode(&mut draft.message, Rcode::NOERROR);
                draft.message.authority.clear();
            }
        });
        let tree = Tree::signed().secure("t1", &["198.18.1.1"], "www A 192.0.2.1\n").behave("198.18.1.1", failing);
        let lab = lab(&tree);
        let client = Client { address: ([192, 0, 2, 78], 40_000).into(), transport: ClientTransport::Tcp };
        let known = async |owner: &str, rtype| {
            let flags = QueryFlags { recursion_desired: false, ..DO };
            let query = write_query(1, &Question::new(name(owner), rtype), flags);
            let reply = Message::parse(&lab.exchange(&query, &client).await.unwrap()).unwrap();
            (reply.rcode(), reply.header.has(Header::AD))
        };
        assert_eq!(cost(&lab, "gone.t1", RecordType::TXT).await.0, Rcode::SERVFAIL);
        assert_eq!(cost(&lab, "gond.t1", A).await.0, Rcode::NXDOMAIN);
        let before = lab.net.packets();
        assert_eq!(known("gone.t1", A).await, (Rcode::NXDOMAIN, true));
        assert_eq!(known("gone.t1", RecordType::TXT).await, (Rcode::SERVFAIL, false));
        assert_eq!(known("www.t1", A).await, (Rcode::REFUSED, false));
        assert_eq!(lab.net.packets(), before);
    });
}

//! Corners of validation: questions that only validators ask, replies that are odd and still right, and what failures tell.

use std::net::SocketAddr;

use burdock::dns::{Header, Message, QueryFlags, Question, Rcode, RecordType, write_query};
use burdock::dnssec::{AnchorRecord, Anchors, Settings, Source};
use burdock::playground::{Behaviour, Denials, Flaw, Hashing, Rewrite, Rrsig, Window};
use burdock::responder::{Client, ClientTransport};

use super::validation::from;
use crate::support::{EPOCH, Lab, Reply, Tree, name, run};

const A: RecordType = RecordType::A;
const T1: &str = "198.18.1.1";
const FLAGS: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };

/// A signed zone `t1` on one server, with an unsigned zone below.
fn tree(data: &str) -> Tree {
    Tree::signed().secure("t1", &[T1], data).zone("plain.t1", &["198.18.2.1"], "www A 192.0.2.3")
}

fn lab(tree: &Tree) -> Lab {
    Lab::with(&tree.internet(), 1, |settings, _| settings.dnssec = from(&tree.anchor()))
}

fn verdict(reply: &Reply) -> (Rcode, bool) {
    (reply.rcode(), reply.message.header.has(Header::AD))
}

fn codes(reply: &Reply) -> Vec<u16> {
    reply.errors().iter().map(|(code, _)| *code).collect()
}

fn authority(reply: &Reply, rtype: RecordType) -> usize {
    reply.message.authority.iter().filter(|record| record.rtype == rtype).count()
}

/// Takes the SOA and its signature out of every denial.
fn without_soa() -> Behaviour {
    Behaviour::edits(|_, draft| {
        draft.message.authority.retain(|record| {
            let covers_soa = record.rtype == RecordType::RRSIG && record.rdata[..2] == [0, 6];
            record.rtype != RecordType::SOA && !covers_soa
        });
    })
}

#[test]
fn an_anchor_for_a_zone_does_not_speak_of_its_ds_records() {
    // RFC 4035 §3.1.4.1: they are the parent's, and signed by it.
    let tree = Tree::signed().secure("t1", &[T1], "").secure("d1.t1", &["198.18.3.1"], "www A 192.0.2.4");
    run(async {
        let first = lab(&tree).ask_with("d1.t1", RecordType::DS, FLAGS).await;
        let ds = first.message.answer.iter().filter(|record| record.rtype == RecordType::DS);
        let records = ds.map(|ds| AnchorRecord { rtype: ds.rtype, rdata: ds.rdata.to_vec(), source: Source::Builtin });
        let mut anchors = Anchors::of(&tree.anchor(), &Source::Builtin);
        anchors.replace(&name("d1.t1"), records.collect());
        let settings = Settings { anchors, ..from(&tree.anchor()) };
        let lab = Lab::with(&tree.internet(), 1, |all, _| all.dnssec = settings);
        for rtype in [RecordType::DS, RecordType::DNSKEY, RecordType::SOA] {
            let reply = lab.ask_with("d1.t1", rtype, FLAGS).await;
            assert_eq!(verdict(&reply), (Rcode::NOERROR, true), "{rtype}: {reply}");
        }
    });
}

#[test]
fn the_root_has_no_ds_records_and_proves_it() {
    run(async {
        let reply = lab(&tree("")).ask_with(".", RecordType::DS, FLAGS).await;
        assert_eq!(verdict(&reply), (Rcode::NOERROR, true), "{reply}");
    });
}

#[test]
fn signatures_are_not_signed_and_passed_on_all_the_same() {
    // RFC 4035 §2.2: asking for RRSIG records is no error, and nobody vouches for what comes.
    run(async {
        let reply = lab(&tree("www A 192.0.2.1")).ask_with("www.t1", RecordType::RRSIG, FLAGS).await;
        assert_eq!(verdict(&reply), (Rcode::NOERROR, false), "{reply}");
        assert!(reply.message.answer.iter().all(|record| record.rtype == RecordType::RRSIG), "{reply}");
        assert!(!reply.message.answer.is_empty(), "{reply}");
    });
}

#[test]
fn a_signed_denial_without_soa_is_a_denial() {
    let tree = tree("www A 192.0.2.1").behave(T1, without_soa());
    run(async {
        let lab = lab(&tree);
        let reply = lab.ask_with("www.t1", RecordType::TXT, FLAGS).await;
        assert_eq!(verdict(&reply), (Rcode::NOERROR, true), "{reply}");
        // The chain of trust rests on such a denial, too.
        let reply = lab.ask_with("www.plain.t1", A, FLAGS).await;
        assert_eq!((verdict(&reply), reply.a().len()), ((Rcode::NOERROR, false), 1), "{reply}");
    });
}

#[test]
fn what_a_referral_says_of_ds_is_no_answer_yet() {
    // RFC 2308 §2.2: a client needs the SOA to keep a denial.
    run(async {
        let lab = lab(&tree(""));
        assert_eq!(lab.ask("www.plain.t1", A).await.a(), ["192.0.2.3"]);
        let reply = lab.ask_with("plain.t1", RecordType::DS, FLAGS).await;
        assert_eq!(verdict(&reply), (Rcode::NOERROR, true), "{reply}");
        assert_eq!((authority(&reply, RecordType::SOA), authority(&reply, RecordType::NSEC)), (1, 1), "{reply}");
    });
}

#[test]
fn an_alias_that_becomes_too_long_must_be_signed_too() {
    // RFC 6672 §2.2: YXDOMAIN comes with the DNAME; a forged one would deny a whole zone.
    let long = ["x".repeat(60).as_str(); 4].join(".");
    let data = format!("long DNAME {long}.t1.\n");
    let forged = Behaviour::DropsSignatures(vec![RecordType::DNAME]);
    let asked = format!("{}.long.t1", "y".repeat(20));
    run(async {
        let reply = lab(&tree(&data)).ask_with(&asked, A, FLAGS).await;
        assert_eq!(reply.rcode(), Rcode::YXDOMAIN, "{reply}");
        let types: Vec<RecordType> = reply.message.answer.iter().map(|record| record.rtype).collect();
        assert_eq!(types, [RecordType::DNAME, RecordType::RRSIG], "{reply}");
        let reply = lab(&tree(&data).behave(T1, forged)).ask_with(&asked, A, FLAGS).await;
        assert_eq!((reply.rcode(), codes(&reply)), (Rcode::SERVFAIL, vec![10]), "{reply}");
    });
}

#[test]
fn an_alias_is_no_zone_cut() {
    // A CNAME without signatures: is there an unsigned zone at its owner? The signed CNAME in the reply for DS says no.
    let strip = Behaviour::edits(|query, draft| {
        let asked = query.message.question.as_ref().map(|(question, _)| question.rtype);
        if asked == Some(A) {
            draft.message.answer.retain(|record| record.rtype != RecordType::RRSIG);
        }
    });
    run(async {
        let lab = lab(&tree("alias CNAME www\nwww A 192.0.2.1").behave(T1, strip));
        let reply = lab.ask_with("alias.t1", A, FLAGS).await;
        assert_eq!((reply.rcode(), codes(&reply)), (Rcode::SERVFAIL, vec![10]), "{reply}");
    });
}

#[test]
fn an_alias_that_answers_for_ds_is_judged_once() {
    // Whether the CNAME at a name is signed well must not depend on the keys of a zone of that name, which the very same
    // question is about: without signatures, and signed by its own owner.
    let own = Behaviour::edits(|query, draft| {
        let asked = query.message.question.as_ref().map(|(question, _)| question.rtype);
        let covers_cname = |rdata: &[u8]| rdata[..2] == [0, 5];
        for record in draft
            .message
            .answer
            .iter_mut()
            .filter(|record| asked == Some(RecordType::DS) && covers_cname(&record.rdata))
        {
            let mut rrsig = Rrsig::parse(&record.rdata).unwrap();
            rrsig.signer = record.owner.clone();
            record.rdata = rrsig.rdata().as_slice().into();
        }
        if asked == Some(A) {
            draft.message.answer.retain(|record| record.rtype != RecordType::RRSIG);
        }
    });
    run(async {
        for behaviour in [Behaviour::DropsSignatures(vec![RecordType::CNAME]), own] {
            let lab = lab(&tree("alias CNAME www\nwww A 192.0.2.1").behave(T1, behaviour));
            let reply = lab.ask_with("alias.t1", A, FLAGS).await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
            assert!(lab.net.packets() < 40, "{}", lab.net.story());
        }
    });
}

#[test]
fn one_proof_for_two_wildcards_is_sent_once() {
    let hashed = |signer: burdock::playground::Signer| signer.denying(Denials::Nsec3(Hashing::default()));
    let tree = tree("*.w1 CNAME b.w2\n*.w2 A 192.0.2.1").signer("t1", hashed);
    run(async {
        let lab = lab(&tree);
        let mut shared = 0;
        // With a dozen hashes in the zone, some of these names fall into the gap of `b.w2`.
        for label in 0..60 {
            let reply = lab.ask_with(&format!("{label}.w1.t1"), A, FLAGS).await;
            assert_eq!(verdict(&reply), (Rcode::NOERROR, true), "{reply}");
            let proofs = authority(&reply, RecordType::NSEC3);
            let mut owners: Vec<_> = reply.message.authority.iter().map(|r| r.owner.to_string()).collect();
            owners.sort();
            owners.dedup();
            assert_eq!(owners.len(), proofs, "{reply}");
            shared += usize::from(proofs == 1);
        }
        assert!(shared > 0);
    });
}

#[test]
fn of_a_denial_that_falls_short_the_worst_signature_is_told() {
    // One of two NSEC records has expired: that is why the other one does not do (RFC 8914 §4.8).
    let flaw = Flaw::Resigned(name("t1"), RecordType::NSEC, Rewrite::Window(Window::days(EPOCH, -30, -1)));
    run(async {
        let reply = lab(&tree("zz A 192.0.2.1").wrong("t1", flaw)).ask_with("no.t1", A, FLAGS).await;
        assert_eq!((reply.rcode(), codes(&reply)), (Rcode::SERVFAIL, vec![7]), "{reply}");
    });
}

#[test]
fn too_many_iterations_are_told_of_delegations_too() {
    // RFC 9276 §3.2: what they deny is insecure, and EDE 27 says so.
    let hashing = Hashing { iterations: 100, salt: Vec::new() };
    let tree = tree("").signer("t1", |signer| signer.denying(Denials::Nsec3(hashing)));
    run(async {
        let reply = lab(&tree).ask_with("www.plain.t1", A, FLAGS).await;
        assert_eq!((verdict(&reply), codes(&reply)), ((Rcode::NOERROR, false), vec![27]), "{reply}");
    });
}

#[test]
fn a_failure_is_told_to_those_who_want_no_recursion() {
    // RFC 9520 §3.2: what failed a moment ago is known.
    let tree = tree("www A 192.0.2.1").wrong("t1", Flaw::Unsigned(name("www.t1"), A));
    let client = Client { address: SocketAddr::from(([192, 0, 2, 77], 40_000)), transport: ClientTransport::Tcp };
    run(async {
        let lab = lab(&tree);
        let mut rcodes = Vec::new();
        for _ in 0..2 {
            let flags = QueryFlags { recursion_desired: false, ..FLAGS };
            let query = write_query(1, &Question::new(name("www.t1"), A), flags);
            let reply = lab.exchange(&query, &client).await.unwrap();
            rcodes.push(Message::parse(&reply).unwrap().rcode());
            assert_eq!(lab.ask("www.t1", A).await.rcode(), Rcode::SERVFAIL);
        }
        assert_eq!(rcodes, [Rcode::REFUSED, Rcode::SERVFAIL]);
    });
}

//! Signed zones in the simulated Internet: what its servers say, right and wrong, to those who set DO and to others.

use std::net::IpAddr;
use std::time::Duration;

use burdock::dns::{Message, QueryFlags, Question, RecordType, write_query};
use burdock::playground::{Behaviour, Denials, Field, Flaw, Hashing, Internet, Kind, Rrsig, Window};
use burdock::world::{Dice, Transport};

use crate::support::{EPOCH, Lab, Tree, name, run};

const A: RecordType = RecordType::A;

/// What the server says to a query, over TCP.
fn ask(internet: &Internet, server: &str, question: (&str, RecordType), dnssec_ok: bool) -> Message {
    let server: IpAddr = server.parse().unwrap();
    let authority = internet.authorities.iter().find(|authority| authority.address == server).unwrap();
    let flags = QueryFlags { edns: Some(1232), dnssec_ok, ..QueryFlags::default() };
    let query = write_query(7, &Question::new(name(question.0), question.1), flags);
    match authority.respond(&query, Transport::Tcp, 0, &Dice::seeded(1)).pop().unwrap().kind {
        Kind::Packet(bytes) => Message::parse(&bytes).unwrap(),
        kind => panic!("{kind:?}"),
    }
}

/// The types of the records in a section, in their order.
fn types(section: &[burdock::dns::Record]) -> Vec<String> {
    section.iter().map(|record| record.rtype.to_string()).collect()
}

fn signature(message: &Message) -> Rrsig {
    let record = message.answer.iter().find(|record| record.rtype == RecordType::RRSIG).unwrap();
    Rrsig::parse(&record.rdata).unwrap()
}

fn tree() -> Tree {
    Tree::signed()
        .secure("t1", &["198.18.1.1", "198.18.1.2"], "www A 192.0.2.1\n*.wild A 192.0.2.2")
        .zone("plain.t1", &["198.18.2.1"], "www A 192.0.2.3")
        .secure("d1.t1", &["198.18.3.1"], "www A 192.0.2.4")
        .signer("d1.t1", |signer| signer.denying(Denials::Nsec3(Hashing::default())))
}

#[test]
fn dnssec_records_are_for_those_who_set_do() {
    let internet = tree().internet();
    let shown = |question, dnssec_ok| {
        let message = ask(&internet, "198.18.1.1", question, dnssec_ok);
        (types(&message.answer).join(" "), types(&message.authority).join(" "))
    };
    for (question, without, with) in [
        (("www.t1", A), ("A", ""), ("A RRSIG", "")),
        (("www.t1", RecordType::MX), ("", "SOA"), ("", "SOA RRSIG NSEC RRSIG")),
        (("no.t1", A), ("", "SOA"), ("", "SOA RRSIG NSEC RRSIG NSEC RRSIG")),
        (("a.wild.t1", A), ("A", ""), ("A RRSIG", "NSEC RRSIG")),
        (("www.plain.t1", A), ("", "NS"), ("", "NS NSEC RRSIG")),
        (("www.d1.t1", A), ("", "NS"), ("", "NS DS RRSIG")),
        (("d1.t1", RecordType::DS), ("DS", ""), ("DS RRSIG", "")),
        (("plain.t1", RecordType::DS), ("", "SOA"), ("", "SOA RRSIG NSEC RRSIG")),
        (("t1", RecordType::DNSKEY), ("DNSKEY DNSKEY", ""), ("DNSKEY DNSKEY RRSIG", "")),
        (("www.t1", RecordType::RRSIG), ("RRSIG RRSIG", ""), ("RRSIG RRSIG", "")),
    ] {
        let expected = |(answer, authority): (&str, &str)| (answer.to_owned(), authority.to_owned());
        assert_eq!(shown(question, false), expected(without), "{question:?} without DO");
        assert_eq!(shown(question, true), expected(with), "{question:?} with DO");
    }
}

#[test]
fn a_resolver_that_does_not_validate_finds_the_same_data() {
    run(async {
        let (internet, anchor) = Internet::signed(EPOCH).unwrap();
        assert_eq!(anchor.rdatas.len(), 1);
        let lab = Lab::new(&internet, 1);
        for zone in ["secure", "nsec", "nsec3", "insecure", "bogus", "expired", "unknown"] {
            assert_eq!(lab.ask(&format!("www.{zone}.test"), A).await.a(), ["192.0.2.80"], "{zone}");
        }
        let tree = tree();
        let lab = Lab::new(&tree.internet(), 1);
        assert_eq!(lab.ask("www.d1.t1", A).await.a(), ["192.0.2.4"]);
        assert_eq!(tree.anchor().rtype, RecordType::DS);
    });
}

#[test]
fn a_server_that_fell_behind_has_old_signatures() {
    let old = Window::days(EPOCH, -30, -1);
    let internet = tree().stale("t1", "198.18.1.2", old).internet();
    let question = ("www.t1", A);
    let expiration = |server| signature(&ask(&internet, server, question, true)).expiration;
    assert_eq!(expiration("198.18.1.1"), Window::around(EPOCH).expiration);
    assert_eq!(Duration::from_secs(expiration("198.18.1.2").into()), EPOCH - Duration::from_secs(86_400));
}

#[test]
fn a_flaw_is_in_the_zone_and_a_behaviour_in_the_reply() {
    let honest = signature(&ask(&tree().internet(), "198.18.1.1", ("www.t1", A), true));
    let flaw = Flaw::Signature(name("www.t1"), A, Field::Tag);
    let internet = tree().wrong("t1", flaw).internet();
    for server in ["198.18.1.1", "198.18.1.2"] {
        assert_eq!(signature(&ask(&internet, server, ("www.t1", A), true)).tag, honest.tag.wrapping_add(1));
    }
    let internet = tree()
        .behave("198.18.1.1", Behaviour::SpoilsSignatures(vec![A], Field::Algorithm))
        .behave("198.18.1.2", Behaviour::DropsSignatures(vec![A]))
        .internet();
    assert_eq!(signature(&ask(&internet, "198.18.1.1", ("www.t1", A), true)).algorithm, 250);
    assert_eq!(types(&ask(&internet, "198.18.1.2", ("www.t1", A), true).answer), ["A"]);
    let internet =
        tree().behave("198.18.1.1", Behaviour::DropsProofs).behave("198.18.1.2", Behaviour::IgnoresDo).internet();
    assert_eq!(types(&ask(&internet, "198.18.1.1", ("no.t1", A), true).authority), ["SOA", "RRSIG"]);
    let oblivious = ask(&internet, "198.18.1.2", ("www.d1.t1", A), true);
    assert_eq!(types(&oblivious.authority), ["NS"]);
    assert!(!oblivious.edns.unwrap().dnssec_ok);
}

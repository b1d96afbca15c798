//! Lies about what exists: VAL-01, VAL-11 to VAL-13, VAL-21 to VAL-23, and VAL-25, one field at a time.

use std::time::Duration;

use burdock::dns::{Header, Rcode, RecordType};
use burdock::playground::{
    Behaviour, DsField, ENTRY_POINT, Field, Flaw, Kind, REVOKED, Response, Rewrite, Window, ZONE_KEY,
};

use super::forge::{Lie, set, signed, signed_as};
use super::{A, CD, FORGED, ask, authentic, refused, tell, validating, verdict};
use crate::support::{EPOCH, Tree, name, run};

const BAD: &[u16] = &[6];
const SERVER: &str = "198.18.1.1";

fn tree() -> Tree {
    Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1\nalias CNAME www\ntxt TXT x").secure(
        "c.t1",
        &["198.18.3.1"],
        "www A 192.0.2.7",
    )
}

/// A signature that counts fewer labels than its signer has would be one over the parent's wildcard.
#[test]
fn val_01_fewer_labels_than_the_signer() {
    run(async {
        for (seed, labels) in (1..).zip([0, 1]) {
            let forged = signed_as("c.t1", &set(&format!("www.c.t1. A {FORGED}")), |rrsig| rrsig.labels = labels);
            let lab = validating(&tree().behave("198.18.3.1", Lie::answer(forged).to("www.c.t1", A)), seed);
            refused(&lab, "www.c.t1", A, BAD).await;
        }
    });
    tell("VAL-01");
}

/// The parent signs the child's data.
#[test]
fn val_13_data_signed_by_the_parent() {
    run(async {
        let forged = || Lie::answer(signed("t1", &format!("www.c.t1. A {FORGED}")));
        let lab = validating(&tree().behave("198.18.3.1", forged().to("www.c.t1", A)), 1);
        refused(&lab, "www.c.t1", A, &[10, 6, 9]).await;
        // One server for both: whoever knows that a zone begins there does not take the parent's word.
        let both = Tree::signed()
            .secure("t1", &[SERVER], "www A 192.0.2.1")
            .secure("c.t1", &[SERVER], "www A 192.0.2.7\nmail A 192.0.2.8")
            .behave(
                SERVER,
                Lie::answer(Vec::new()).when(|query| query.name() == name("c.t1") && query.rtype() == Some(A)),
            )
            .behave(SERVER, forged().to("www.c.t1", A));
        let lab = validating(&both, 2);
        authentic(&lab, "mail.c.t1", A, Rcode::NOERROR).await;
        refused(&lab, "www.c.t1", A, &[10, 6, 9]).await;
    });
    tell("VAL-13");
}

/// Signatures that claim to cover what nobody signs.
#[test]
fn val_21_signatures_over_meta_types() {
    run(async {
        for (seed, covered) in (1..).zip([0, 41, 46, 249, 250, 251, 252, 253, 254, 255, 65_535]) {
            let forged =
                signed_as("t1", &set(&format!("www.t1. A {FORGED}")), |rrsig| rrsig.covered = RecordType(covered));
            let lab = validating(&tree().behave(SERVER, Lie::answer(forged).to("www.t1", A)), seed);
            refused(&lab, "www.t1", A, &[10]).await;
            let own = signed_as("t1", &set("txt.t1. TXT x"), |rrsig| rrsig.covered = RecordType(covered));
            let lab = validating(&tree().behave(SERVER, Lie::answer(own).about("txt.t1")), seed);
            for rtype in [RecordType::RRSIG, RecordType(covered), RecordType::TXT] {
                let reply = ask(&lab, "txt.t1", rtype).await;
                assert!(!reply.message.header.has(Header::AD), "{rtype}: {reply}");
            }
        }
    });
    tell("VAL-21");
}

/// Those who ask for signatures get them; nobody signs signatures.
#[test]
fn signatures_can_be_asked_for() {
    run(async {
        let lab = validating(&tree(), 1);
        let reply = ask(&lab, "www.t1", RecordType::RRSIG).await;
        assert_eq!((verdict(&reply), reply.message.answer.len()), ((Rcode::NOERROR, false), 2), "{reply}");
    });
}

/// Records that are too short to be put in canonical form; a DNSKEY whose owner points into its own data.
#[test]
fn val_22_records_that_cannot_be_made_canonical() {
    run(async {
        // PX, NAPTR, SOA, RP, SRV, NXT, SIG, A6, HIP, SVCB.
        for (seed, rtype) in (1..).zip([26u16, 35, 6, 17, 33, 30, 24, 38, 55, 64]) {
            for octets in [0usize, 1, 2, 5, 7] {
                let raw = Behaviour::edits(move |query, draft| {
                    if query.rtype() == Some(RecordType(rtype)) {
                        let mut packet = draft.bytes();
                        packet.truncate(packet.len().min(12 + query.name().wire().len() + 4));
                        packet[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
                        packet.extend([0xc0, 12]);
                        packet.extend(rtype.to_be_bytes());
                        packet.extend([0, 1, 0, 0, 14, 16, 0, octets as u8]);
                        packet.resize(packet.len() + octets, 0xc0);
                        replace(draft, packet);
                    }
                });
                let lab = validating(&tree().behave(SERVER, raw), seed);
                let reply = ask(&lab, "www.t1", RecordType(rtype)).await;
                assert_eq!(verdict(&reply), (Rcode::SERVFAIL, false), "TYPE{rtype} {octets}: {reply}");
            }
        }
        let pointer = Behaviour::edits(|query, draft| {
            if query.rtype() == Some(RecordType::DNSKEY) && query.name() == name("t1") {
                let mut packet = draft.bytes();
                packet.truncate(12 + query.name().wire().len() + 4);
                packet[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
                let inside = 0xc000 | u16::try_from(packet.len() + 12 + 4).unwrap();
                packet.extend(inside.to_be_bytes());
                packet.extend([0, 48, 0, 1, 0, 0, 14, 16, 0, 8, 1, 1, 3, 13, 2]);
                packet.extend(b"t1\0");
                replace(draft, packet);
            }
        });
        let lab = validating(&tree().behave(SERVER, pointer), 99);
        let reply = ask(&lab, "www.t1", A).await;
        assert_eq!(verdict(&reply), (Rcode::SERVFAIL, false), "{reply}");
    });
    tell("VAL-22");
}

/// Sends these octets in place of the reply.
fn replace(draft: &mut burdock::playground::Draft, packet: Vec<u8>) {
    draft.fate = burdock::playground::Fate::Dropped;
    draft.others.push(Response { delay: Duration::ZERO, kind: Kind::Packet(packet) });
}

/// An alias beside other data, both signed: one of them counts, and never the two.
#[test]
fn val_23_alias_beside_data() {
    run(async {
        let both = [signed("t1", "both.t1. CNAME www.t1."), signed("t1", "both.t1. A 192.0.2.9")].concat();
        let lab = validating(&tree().behave(SERVER, Lie::answer(both).about("both.t1")), 1);
        for _ in 0..2 {
            for rtype in [A, RecordType::CNAME, RecordType::TXT, A] {
                let reply = ask(&lab, "both.t1", rtype).await;
                let own: Vec<RecordType> = reply
                    .message
                    .answer
                    .iter()
                    .filter(|record| record.owner == name("both.t1") && record.rtype != RecordType::RRSIG)
                    .map(|record| record.rtype)
                    .collect();
                assert_eq!(own.len(), 1, "{rtype}: {reply}");
            }
        }
    });
    tell("VAL-23");
}

fn signature(zone: &str, rtype: RecordType, field: Field) -> impl Fn(Tree) -> Tree {
    let owner = if rtype == RecordType::DNSKEY { zone.to_owned() } else { format!("www.{zone}") };
    let zone = zone.to_owned();
    move |tree| tree.wrong(&zone, Flaw::Signature(name(&owner), rtype, field))
}

fn resigned(owner: &str, rtype: RecordType, window: Window) -> impl Fn(Tree) -> Tree {
    let owner = owner.to_owned();
    move |tree| tree.wrong("t1", Flaw::Resigned(name(&owner), rtype, Rewrite::Window(window)))
}

/// Changes the zone's first key, which the parent vouches for, before everything is signed, behind the back of the parent.
fn key(change: impl Fn(&mut burdock::playground::SigningKey)) -> impl Fn(Tree) -> Tree {
    move |tree| {
        tree.signer("t1", |mut signer| {
            change(&mut signer.keys[0]);
            signer
        })
    }
}

/// One field at a time of RRSIG, DNSKEY and DS: nothing of it is believed, and the client is told what is wrong.
#[test]
fn val_25_one_field_at_a_time() {
    let past = Window::days(EPOCH, -30, -1);
    let future = Window::days(EPOCH, 1, 30);
    let reversed =
        Window { inception: Window::days(EPOCH, 0, 1).expiration, expiration: Window::days(EPOCH, -1, 0).inception };
    let keys = RecordType::DNSKEY;
    type Mutation = Box<dyn Fn(Tree) -> Tree>;
    let mutations: Vec<(&str, Mutation, u16)> = vec![
        ("A covered", Box::new(signature("t1", A, Field::Covered)), 10),
        ("A algorithm", Box::new(signature("t1", A, Field::Algorithm)), 9),
        ("A labels", Box::new(signature("t1", A, Field::Labels)), 6),
        ("A original TTL", Box::new(signature("t1", A, Field::OriginalTtl)), 6),
        ("A expiration", Box::new(signature("t1", A, Field::Expiration)), 6),
        ("A inception", Box::new(signature("t1", A, Field::Inception)), 6),
        ("A tag", Box::new(signature("t1", A, Field::Tag)), 9),
        ("A signer", Box::new(signature("t1", A, Field::Signer)), 10),
        ("A signature", Box::new(signature("t1", A, Field::Signature)), 6),
        ("A expired", Box::new(resigned("www.t1", A, past)), 7),
        ("A not yet", Box::new(resigned("www.t1", A, future)), 8),
        ("A never", Box::new(resigned("www.t1", A, reversed)), 7),
        ("keys covered", Box::new(signature("t1", keys, Field::Covered)), 10),
        ("keys labels", Box::new(signature("t1", keys, Field::Labels)), 6),
        ("keys original TTL", Box::new(signature("t1", keys, Field::OriginalTtl)), 6),
        ("keys tag", Box::new(signature("t1", keys, Field::Tag)), 10),
        ("keys signer", Box::new(signature("t1", keys, Field::Signer)), 10),
        ("keys signature", Box::new(signature("t1", keys, Field::Signature)), 6),
        ("keys expired", Box::new(resigned("t1", keys, past)), 7),
        ("keys not yet", Box::new(resigned("t1", keys, future)), 8),
        ("no zone key", Box::new(key(|key| key.flags = ENTRY_POINT)), 11),
        ("revoked", Box::new(key(|key| key.flags = ZONE_KEY | ENTRY_POINT | REVOKED)), 9),
        ("protocol", Box::new(key(|key| key.protocol = 4)), 9),
        ("DS tag", Box::new(|tree: Tree| tree.wrong("t1", Flaw::Ds(DsField::Tag))), 9),
        ("DS digest", Box::new(|tree: Tree| tree.wrong("t1", Flaw::Ds(DsField::Digest))), 9),
        ("A data", Box::new(|tree: Tree| tree.wrong("t1", Flaw::Data(name("www.t1"), A, 3))), 6),
    ];
    run(async {
        let count = mutations.len();
        for (seed, (what, mutation, code)) in (1..).zip(&mutations) {
            let lab = validating(&mutation(tree()), seed);
            let reply = ask(&lab, "www.t1", A).await;
            let told = reply.errors().first().map(|(code, _)| *code);
            assert_eq!((verdict(&reply), told), ((Rcode::SERVFAIL, false), Some(*code)), "{what}: {reply}");
            // Whoever checks for himself gets what there is to be checked (RFC 4035 §3.2.2).
            let own = lab.ask_with("www.t1", A, CD).await;
            let data = if *what == "A data" { "192.0.2.0" } else { "192.0.2.1" };
            assert_eq!((verdict(&own), own.a()), ((Rcode::NOERROR, false), vec![data.to_owned()]), "{what}: {own}");
            refused(&lab, "www.t1", A, &[*code]).await;
        }
        println!(
            "VAL-25 SERVFAIL with the right EDE {count} of {count} (allowed: all of 24), data with CD=1 {count} of {count}"
        );
        assert_eq!(count, 26);
        let honest = authentic(&validating(&tree(), 1), "www.t1", A, Rcode::NOERROR).await;
        assert_eq!(honest.a(), ["192.0.2.1"]);
    });
    tell("VAL-25");
}

/// A record that cannot be read is left out, and without it the rest does not validate: both are told (RFC 8914 §2).
#[test]
fn a_set_of_which_a_record_cannot_be_read_is_bogus() {
    run(async {
        let spoils = Behaviour::edits(|query, draft| {
            let first = draft.message.answer.first_mut().filter(|_| query.name() == name("two.t1"));
            first.into_iter().for_each(|record| record.rdata = [192, 0, 2][..].into());
        });
        let two = Tree::signed().secure("t1", &[SERVER], "two A 192.0.2.1\ntwo A 192.0.2.2");
        let lab = validating(&two.behave(SERVER, spoils), 1);
        let reply = ask(&lab, "two.t1", A).await;
        let codes: Vec<u16> = reply.errors().iter().map(|(code, _)| *code).collect();
        assert_eq!((reply.rcode(), codes), (Rcode::SERVFAIL, vec![6, 0]), "{reply}");
    });
}

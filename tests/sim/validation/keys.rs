//! Who speaks for a zone: VAL-14 to VAL-16 and VAL-26.

use burdock::dns::{Rcode, RecordType, rrset_to_text};
use burdock::dnssec::{AnchorRecord, Paths, Settings, Source};
use burdock::playground::{
    Algorithm, Behaviour, Denials, Digest, DsField, Flaw, Hashing, Role, Signer, SigningKey, Window,
};

use super::forge::{Lie, bare, signed, soa};
use super::stage::{Stage, refusal};
use super::{A, FORGED, ask, authentic, from, refused, tell, unsigned, validating, verdict};
use crate::support::{EPOCH, Lab, Tree, name, run};

fn window() -> Window {
    Window::around(EPOCH)
}

fn tree() -> Tree {
    Tree::signed().secure("t1", &["198.18.1.1"], "www A 192.0.2.1")
}

/// The parent vouches for one key, another one of the zone signs the keys (RUSTSEC-2025-0006).
#[test]
fn val_14_keys_signed_by_a_key_nobody_vouches_for() {
    run(async {
        let own = Signer::for_zone(&name("t1"), window()).unwrap().keys.pop().unwrap();
        let stranger = SigningKey::new(Algorithm::EcdsaP256, Role::KeySigning, 99).unwrap();
        for (seed, key) in (1..).zip([own, stranger.clone()]) {
            let flaw = Flaw::SignedBy(name("t1"), RecordType::DNSKEY, key);
            let published = Flaw::IdleKeys(vec![stranger.clone()]);
            let lab = validating(&tree().wrong("t1", published).wrong("t1", flaw), seed);
            refused(&lab, "www.t1", A, &[10, 9]).await;
        }
    });
    tell("VAL-14");
}

/// A zone with the very keys of the root, which are trusted as the root's alone.
#[test]
fn val_15_the_roots_keys_in_another_zone() {
    run(async {
        let (own, root) =
            (Signer::for_zone(&name("t1"), window()).unwrap(), Signer::for_zone(&name("."), window()).unwrap());
        let ds: String = rrset_to_text(&own.ds(&name("t1")).unwrap()).into_iter().map(|line| line + "\n").collect();
        let tree = tree()
            .delegate("t1", &ds)
            .signer("t1", |signer| Signer { keys: root.keys.clone(), ..signer }.wrong(Flaw::NoDs));
        refused(&validating(&tree, 1), "www.t1", A, &[9]).await;
    });
    tell("VAL-15");
}

/// A trust anchor below a zone that is not signed: what is below it is validated, whatever the parents say.
#[test]
fn val_16_island_below_an_unsigned_zone() {
    let tree = || {
        Tree::signed()
            .zone("plain", &["198.18.1.1"], "www A 192.0.2.1")
            .secure("island.plain", &["198.18.2.1"], "www A 192.0.2.2\nmail A 192.0.2.3")
            .secure("c.island.plain", &["198.18.3.1"], "www A 192.0.2.4")
            .zone("un.island.plain", &["198.18.4.1"], "www A 192.0.2.5")
    };
    let lab = |tree: &Tree, seed| {
        let island = Signer::for_zone(&name("island.plain"), window()).unwrap().ds(&name("island.plain")).unwrap();
        Lab::with(&tree.internet(), seed, |settings, _| {
            settings.dnssec = from(&tree.anchor());
            let records = island.rdatas.iter().map(|rdata| AnchorRecord {
                rtype: RecordType::DS,
                rdata: rdata.to_vec(),
                source: Source::Builtin,
            });
            settings.dnssec.anchors.replace(&island.owner, records.collect());
        })
    };
    run(async {
        let honest = lab(&tree(), 1);
        for owner in ["www.island.plain", "www.c.island.plain"] {
            authentic(&honest, owner, A, Rcode::NOERROR).await;
        }
        authentic(&honest, "no.island.plain", A, Rcode::NXDOMAIN).await;
        unsigned(&honest, "www.un.island.plain", A, Rcode::NOERROR).await;
        unsigned(&honest, "www.plain", A, Rcode::NOERROR).await;
        // The parent has no DS for it, and is not signed: that is no lie.
        unsigned(&honest, "island.plain", RecordType::DS, Rcode::NOERROR).await;
        let lies = [
            Lie::answer(bare(&format!("www.island.plain. A {FORGED}"))),
            Lie::answer(signed("plain", &format!("www.island.plain. A {FORGED}"))),
            Lie::denial(
                Rcode::NXDOMAIN,
                [soa("plain"), signed("plain", "island.plain. 300 NSEC z.plain. NS RRSIG NSEC")],
            ),
            Lie::denial(Rcode::NXDOMAIN, [bare("island.plain. 300 SOA a. b. 1 2 3 4 300")]),
        ];
        for (seed, lie) in (2..).zip(lies) {
            for server in ["198.18.2.1", "198.18.1.1"] {
                let lie = lie.clone().when(|query| query.name().is_strictly_below(&name("island.plain")));
                let mute = Lie::answer(Vec::new()).to("island.plain", A);
                let lab = lab(&tree().behave(server, mute).behave(server, lie), seed);
                let reply = ask(&lab, "www.island.plain", A).await;
                // The parent's server can keep the data away, not replace it.
                let fine = verdict(&reply) == (Rcode::SERVFAIL, false) || reply.a() == ["192.0.2.2"];
                assert!(fine, "{server}: {reply}\n{}", lab.net.story());
            }
        }
    });
    tell("VAL-16");
}

/// RFC 6840 §5.10, C.2: a trust anchor for a zone that is not there. The zone above proves that it is not, and nothing else.
#[test]
fn an_anchor_for_a_zone_that_does_not_exist() {
    let tree = |denials| {
        Tree::signed()
            .secure("t1", &["198.18.1.1"], "www A 192.0.2.1\nzz A 192.0.2.2")
            .signer("t1", |signer| signer.denying(denials))
            .secure("c.t1", &["198.18.1.1"], "www A 192.0.2.3")
    };
    let lab = |tree: &Tree, apex: &str| {
        let anchor = Signer::for_zone(&name(apex), window()).unwrap().ds(&name(apex)).unwrap();
        Lab::with(&tree.internet(), 1, |settings, _| {
            settings.dnssec = from(&tree.anchor());
            settings.dnssec.anchors.merge(&from(&anchor).anchors);
        })
    };
    run(async {
        let gone = lab(&tree(Denials::Nsec), "gone.t1");
        for owner in ["www.gone.t1", "gone.t1", "gone2.t1"] {
            let reply = authentic(&gone, owner, A, Rcode::NXDOMAIN).await;
            let ttl = reply.message.authority.iter().map(|record| record.ttl.as_secs()).max();
            assert!(owner == "gone2.t1" || ttl <= Some(60), "{reply}");
        }
        // Data, the absence of a type, and a denial that leaves room for the zone are not for the zone above to tell.
        let data = Lie::answer(signed("t1", &format!("www.gone.t1. A {FORGED}"))).to("www.gone.t1", A);
        refusal(&lab(&tree(Denials::Nsec).behave("198.18.1.1", data), "gone.t1"), "www.gone.t1", A, &[9, 6, 10]).await;
        let nothing =
            Lie::denial(Rcode::NOERROR, [soa("t1"), signed("t1", "www.gone.t1. 300 NSEC zz.t1. TXT RRSIG NSEC")]);
        let nothing = nothing.to("www.gone.t1", A);
        refusal(&lab(&tree(Denials::Nsec).behave("198.18.1.1", nothing), "gone.t1"), "www.gone.t1", A, &[9, 6, 12])
            .await;
        refusal(&lab(&tree(Denials::Nsec3OptOut(Hashing::default())), "gone.t1"), "www.gone.t1", A, &[9, 6, 12]).await;
        // Nor anything about a zone that is there.
        let denial = [soa("t1"), signed("t1", "t1. 300 NSEC zz.t1. NS SOA RRSIG NSEC DNSKEY")];
        let denies = Lie::denial(Rcode::NXDOMAIN, denial).to("www.c.t1", A);
        refusal(&lab(&tree(Denials::Nsec).behave("198.18.1.1", denies), "c.t1"), "www.c.t1", A, &[12, 6]).await;
    });
}

/// `t1`, whose parent vouches for keys of algorithms 13 and 15, which both sign.
fn two_algorithms() -> Tree {
    tree().signer("t1", |mut signer| {
        signer.digests = vec![Digest::Sha1, Digest::Sha256, Digest::Sha384];
        signer.keys.push(SigningKey::new(Algorithm::Ed25519, Role::KeySigning, 7).unwrap());
        signer.keys.push(SigningKey::new(Algorithm::Ed25519, Role::ZoneSigning, 7).unwrap());
        signer
    })
}

/// `t1` with a key of an algorithm that nobody knows beside its others.
fn with_an_unknown_key() -> Tree {
    tree().signer("t1", |mut signer| {
        let mut unknown = SigningKey::new(Algorithm::Ed25519, Role::KeySigning, 8).unwrap();
        unknown.number = 250;
        signer.keys.push(unknown);
        signer
    })
}

/// Leaves out signatures of that algorithm, over the answers to questions of these types.
fn without(algorithm: u8, types: &'static [RecordType]) -> Behaviour {
    Behaviour::edits(move |asked, draft| {
        let meant = asked.rtype().is_some_and(|rtype| types.contains(&rtype));
        draft
            .message
            .answer
            .retain(|record| !meant || record.rtype != RecordType::RRSIG || record.rdata[2] != algorithm);
    })
}

/// Nothing but unknown algorithms or digests: insecure, and told (RFC 6840 §5.2). Known ones beside: one good path will do,
/// and taking it away is no downgrade.
#[test]
fn val_26_unknown_algorithms_and_downgrade() {
    run(async {
        for (field, code) in [(DsField::Algorithm, 1), (DsField::DigestType, 2)] {
            let lab = validating(&tree().wrong("t1", Flaw::Ds(field)), 1);
            let reply = unsigned(&lab, "www.t1", A, Rcode::NOERROR).await;
            assert!(reply.errors().iter().any(|(found, _)| *found == code), "{reply}");
        }
        authentic(&validating(&two_algorithms(), 2), "www.t1", A, Rcode::NOERROR).await;
        // Signatures by one of the two algorithms are enough.
        for (seed, algorithm) in (3..).zip([13, 15]) {
            let tree = two_algorithms().behave("198.18.1.1", without(algorithm, &[A, RecordType::DNSKEY]));
            authentic(&validating(&tree, seed), "www.t1", A, Rcode::NOERROR).await;
        }
        // An unknown algorithm beside a known one in the DS set: the known one counts.
        authentic(&validating(&with_an_unknown_key(), 5), "www.t1", A, Rcode::NOERROR).await;
        refused(
            &validating(&with_an_unknown_key().behave("198.18.1.1", without(13, &[A, RecordType::DNSKEY])), 6),
            "www.t1",
            A,
            &[9, 10],
        )
        .await;
        let none = Behaviour::DropsSignatures(Vec::new());
        // Beside proofs from before it is the denial of DS that has none.
        refused(&validating(&two_algorithms().behave("198.18.1.1", none), 7), "www.t1", A, &[10, 12]).await;
    });
    tell("VAL-26");
}

/// RFC 6840 §5.11, on request: each algorithm that the parent names must have signed the keys; the data need not be signed
/// with each. What nobody can check is not asked for (§5.2).
#[test]
fn every_algorithm_that_vouches_is_needed_on_request() {
    let strict = |tree: &Tree, seed| {
        let dnssec = Settings { paths: Paths::OneOfEachAlgorithm, ..from(&tree.anchor()) };
        Stage::new(tree.internet(), dnssec, seed)
    };
    run(async {
        for (seed, tree) in (1..).zip([tree(), two_algorithms(), with_an_unknown_key()]) {
            authentic(&strict(&tree, seed), "www.t1", A, Rcode::NOERROR).await;
        }
        authentic(&strict(&two_algorithms().behave("198.18.1.1", without(15, &[A])), 4), "www.t1", A, Rcode::NOERROR)
            .await;
        for (seed, algorithm) in (5..).zip([13, 15]) {
            let stage = strict(&two_algorithms().behave("198.18.1.1", without(algorithm, &[RecordType::DNSKEY])), seed);
            refused(&stage, "www.t1", A, &[6]).await;
            // It stands beside what does not depend on it: the parent, and its word on the zone.
            authentic(&stage, "t1", RecordType::DS, Rcode::NOERROR).await;
            let told = ask(&stage, "t1", RecordType::DNSKEY).await;
            let wanted = format!("by a key of algorithm {algorithm} that its DS records");
            assert!(told.errors().iter().any(|(code, text)| *code == 6 && text.contains(&wanted)), "{told}");
        }
    });
}

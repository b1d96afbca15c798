//! Lies about what does not exist: VAL-02 to VAL-12, VAL-24 and VAL-27.

use burdock::dns::{Header, Rcode, Rdatas, Record, RecordType, RrSet};
use burdock::playground::{Behaviour, Denials, Flaw, Hashing, Internet, Signed, records};
use data_encoding::BASE32HEX_NOPAD;

use super::forge::{Lie, adds, bare, set, signed, signed_as, soa};
use super::{A, DO, FORGED, Stage, ask, authentic, refused, tell, unsigned, validating, verdict};
use crate::support::{EPOCH, Tree, name, run};

const NXDOMAIN: Rcode = Rcode::NXDOMAIN;
const NOERROR: Rcode = Rcode::NOERROR;
/// No proof, or none by who is asked.
const UNPROVEN: &[u16] = &[12, 10, 6, 9];

const DATA: &str = "www A 192.0.2.1\nmail A 192.0.2.2\n*.wild A 192.0.2.3\na.wild A 192.0.2.4\nx.ent A 192.0.2.5\n\
    moved DNAME www\nzz A 192.0.2.6";

/// `t1` by NSEC, `h1` by NSEC3, and `c1`, a zone below `t1`.
fn tree() -> Tree {
    Tree::signed()
        .secure("t1", &["198.18.1.1"], DATA)
        .secure("h1", &["198.18.2.1"], DATA)
        .signer("h1", |signer| signer.denying(Denials::Nsec3(Hashing::default())))
        .secure("c.t1", &["198.18.3.1"], "www A 192.0.2.7\nwww.ent A 192.0.2.8")
        .secure("c.h1", &["198.18.4.1"], "www A 192.0.2.9")
}

/// The NSEC set of `owner` as the zone has it.
fn nsec(tree: &Tree, zone: &str, owner: &str) -> Vec<Record> {
    records(tree.zones()[&name(zone)].rrset(&name(owner), RecordType::NSEC).unwrap(), Signed::Yes)
}

/// The NSEC3 set that matches `owner`.
fn nsec3(tree: &Tree, zone: &str, owner: &str) -> Vec<Record> {
    let hashed = Hashing::default().owner(&name(owner), &name(zone)).unwrap();
    records(tree.zones()[&name(zone)].rrset(&hashed, RecordType::NSEC3).unwrap(), Signed::Yes)
}

/// The NSEC3 sets of a zone that cover the hash of `owner`, if any: all of them but those that match.
fn nsec3_around(tree: &Tree, zone: &str, owner: &str) -> Vec<Record> {
    let hashed = Hashing::default().owner(&name(owner), &name(zone)).unwrap();
    let zones = tree.zones();
    let mut sets: Vec<&RrSet> = zones[&name(zone)].rrsets().filter(|set| set.rtype == RecordType::NSEC3).collect();
    sets.sort_by_key(|set| set.owner.clone());
    let before = sets.iter().rev().find(|set| set.owner < hashed).or(sets.last()).unwrap();
    records(before, Signed::Yes)
}

/// An NSEC3 of `owner` that covers every hash but its own.
fn covering_all(zone: &str, owner: &str, signer: &str) -> Vec<Record> {
    let hash = Hashing::default().hash(&name(owner));
    let label = BASE32HEX_NOPAD.encode(&hash).to_ascii_lowercase();
    let rdata = [&[1, 0, 0, 0, 0, 20][..], &hash].concat();
    let owner = name(zone).prepend(label.as_bytes()).unwrap();
    let rdatas = Rdatas::new([&rdata[..]]).unwrap();
    let set = RrSet::new(owner, RecordType::NSEC3, burdock::dns::Ttl::from_secs(300), rdatas);
    signed_as(signer, &set, |_| ())
}

/// An NSEC whose next name is in another zone would deny names there.
#[test]
fn val_02_nsec_that_ends_in_another_zone() {
    run(async {
        // Behind the zone in canonical order, and before it.
        for (seed, evil, next) in [(1, "h1", "zz.t1"), (2, "t1", "zz.h1")] {
            let span = signed(evil, &format!("{evil}. 300 NSEC {next}. NS SOA RRSIG NSEC DNSKEY"));
            let lie = Lie::denial(NXDOMAIN, [soa(evil), span]);
            let tree = tree().behave("198.18.1.1", lie.clone().to("x.t1", A)).behave("198.18.2.1", lie.to("x.h1", A));
            let lab = validating(&tree, seed);
            refused(&lab, "x.t1", A, UNPROVEN).await;
            refused(&lab, "x.h1", A, UNPROVEN).await;
            for zone in ["t1", "h1"] {
                authentic(&lab, &format!("www.{zone}"), A, NOERROR).await;
            }
        }
    });
    tell("VAL-02");
}

/// A zone that is named like the hash of its parent's apex signs an NSEC3 that looks like its parent's.
#[test]
fn val_03_zone_named_like_a_hash() {
    run(async {
        let owner = Hashing::default().owner(&name("h1"), &name("h1")).unwrap().to_string();
        let zone = owner.trim_end_matches('.').to_owned();
        let all = covering_all("h1", "h1", &zone);
        let more = covering_all("h1", "c.h1", &zone);
        let lies = [
            Lie::denial(NXDOMAIN, [soa("h1"), all.clone(), more.clone()]),
            Lie::denial(NXDOMAIN, [soa(&zone), all, more]),
        ];
        for (seed, lie) in (1..).zip(lies) {
            let tree = tree().secure(&zone, &["198.18.5.1"], "www A 192.0.2.1");
            let lab = validating(&tree.behave("198.18.2.1", lie.to("www.h1", A)), seed);
            authentic(&lab, &format!("www.{zone}"), A, NOERROR).await;
            refused(&lab, "www.h1", A, UNPROVEN).await;
        }
    });
    tell("VAL-03");
}

/// The parent's own records at a cut, and at a DNAME, as a denial of what is below (RFC 6840 §4.1).
#[test]
fn val_04_denial_by_the_ancestor_of_a_delegation() {
    run(async {
        let whole = tree();
        let lies = [
            ("c.t1", "198.18.1.1", "www.c.t1", Lie::denial(NXDOMAIN, [soa("t1"), nsec(&whole, "t1", "c.t1")])),
            ("c.t1", "198.18.3.1", "www.c.t1", Lie::denial(NXDOMAIN, [soa("t1"), nsec(&whole, "t1", "c.t1")])),
            ("c.t1", "198.18.3.1", "www.c.t1", Lie::denial(NOERROR, [soa("t1"), nsec(&whole, "t1", "c.t1")])),
            (
                "moved.t1",
                "198.18.1.1",
                "y.moved.t1",
                Lie::denial(NXDOMAIN, [soa("t1"), nsec(&whole, "t1", "moved.t1")]),
            ),
            ("c.h1", "198.18.2.1", "www.c.h1", h1_below(&whole, "c.h1", "www.c.h1")),
            ("moved.h1", "198.18.2.1", "y.moved.h1", h1_below(&whole, "moved.h1", "y.moved.h1")),
            // The cut itself: its parent knows of NS and DS, not of the rest.
            ("c.t1", "198.18.1.1", "c.t1", Lie::denial(NOERROR, [soa("t1"), nsec(&whole, "t1", "c.t1")])),
        ];
        for (seed, (above, server, owner, lie)) in (1..).zip(lies) {
            let (above, below) = (name(above), name(owner));
            let told = lie.when(move |query| {
                query.rtype() == Some(A) && (query.name() == below || (query.name() == above && server != "198.18.3.1"))
            });
            let lab = validating(&whole.clone().behave(server, told), seed);
            refused(&lab, owner, A, UNPROVEN).await;
        }
    });
    tell("VAL-04");
}

/// The name above matches, the next closer name is covered, so is the wildcard: all of it by the zone above the cut.
fn h1_below(tree: &Tree, above: &str, owner: &str) -> Lie {
    let wildcard = format!("*.{above}");
    let proof =
        [soa("h1"), nsec3(tree, "h1", above), nsec3_around(tree, "h1", owner), nsec3_around(tree, "h1", &wildcard)];
    Lie::denial(NXDOMAIN, proof)
}

/// The NSEC at the apex of a zone says that there is no DS: true, for DS is the parent's (RFC 6840 §4.4).
#[test]
fn val_05_no_ds_by_the_child() {
    run(async {
        let whole = tree();
        let apex = nsec(&whole, "c.t1", "c.t1");
        let (stripped, proof) = (name("c.t1"), apex.clone());
        let strip = Behaviour::edits(move |query, draft| {
            if query.name().is_in(&stripped) && query.rtype() != Some(RecordType::DS) {
                draft.message.authority.retain(|record| record.rtype == RecordType::NS);
                draft.message.authority.extend(proof.iter().cloned());
            }
        });
        let lie = Lie::denial(NOERROR, [soa("c.t1"), apex]);
        let forged = Lie::answer(bare(&format!("www.c.t1. A {FORGED}")));
        let tree = whole
            .behave("198.18.1.1", strip)
            .behave("198.18.1.1", lie.to("c.t1", RecordType::DS))
            .behave("198.18.3.1", forged.to("www.c.t1", A));
        let lab = validating(&tree, 1);
        refused(&lab, "www.c.t1", A, UNPROVEN).await;
        refused(&lab, "c.t1", RecordType::DS, UNPROVEN).await;
    });
    tell("VAL-05");
}

/// The zone above a secure zone says of a name in that one that an unsigned zone begins there.
#[test]
fn val_06_no_ds_by_the_grandparent() {
    run(async {
        let lie = signed("t1", "grand.c.t1. 300 NSEC zz.c.t1. NS RRSIG NSEC");
        let referral = Lie::denial(NOERROR, [bare("grand.c.t1. NS ns1.c.t1."), lie.clone()]);
        let refer = |query: &burdock::playground::Query<'_>| query.name().is_in(&name("grand.c.t1"));
        let hidden = Lie::answer(bare(&format!("www.grand.c.t1. A {FORGED}")));
        let no_ds = Lie::denial(NOERROR, [soa("t1"), lie]);
        // One server for both, which does not refer from the one to the other.
        let tree = Tree::signed()
            .secure("t1", &["198.18.1.1"], DATA)
            .secure("c.t1", &["198.18.1.1"], "www A 192.0.2.7")
            .behave("198.18.1.1", referral.when(refer))
            .behave("198.18.1.1", no_ds.to("grand.c.t1", RecordType::DS))
            .behave("198.18.1.1", hidden.to("www.grand.c.t1", A));
        let lab = validating(&tree, 1);
        authentic(&lab, "www.c.t1", A, NOERROR).await;
        refused(&lab, "www.grand.c.t1", A, UNPROVEN).await;
        refused(&lab, "grand.c.t1", RecordType::DS, UNPROVEN).await;
    });
    tell("VAL-06");
}

/// An unsigned NSEC, or one with a wrong signature, in the company of good ones: it proves nothing and is given to nobody.
#[test]
fn val_07_nsec_that_rides_along() {
    run(async {
        let whole = tree();
        let forged = bare("aa.t1. 300 NSEC zzz.t1. A RRSIG NSEC");
        let spoiled = signed_as("t1", &set("aa.t1. 300 NSEC zzz.t1. A RRSIG NSEC"), |rrsig| rrsig.tag ^= 1);
        let good = nsec(&whole, "t1", "mail.t1");
        for (seed, bad) in (1..).zip([forged, spoiled]) {
            let lie = Lie::denial(NXDOMAIN, [soa("t1"), good.clone(), bad.clone()]);
            let tree = whole
                .clone()
                .behave("198.18.1.1", lie.to("www.t1", A))
                .behave("198.18.1.1", adds("y.wild.t1", bad.clone()));
            let tree = tree.behave("198.18.1.1", adds("no.t1", bad.clone()));
            let lab = validating(&tree, seed);
            refused(&lab, "www.t1", A, UNPROVEN).await;
            for (owner, rcode) in [("y.wild.t1", NOERROR), ("no.t1", NXDOMAIN)] {
                let reply = authentic(&lab, owner, A, rcode).await;
                let rides =
                    reply.message.authority.iter().any(|record| bad.iter().any(|bad| bad.rdata == record.rdata));
                assert!(!rides, "{owner}: {:?}", reply.message.authority);
            }
            // Nor does it deny what it covers (RFC 8198).
            assert_eq!(authentic(&lab, "zz.t1", A, NOERROR).await.a(), ["192.0.2.6"]);
        }
    });
    tell("VAL-07");
}

/// The last NSEC of a zone, judged by a SOA that moves the zone's apex, would deny what is behind the zone.
#[test]
fn val_08_last_nsec_with_a_forged_soa() {
    run(async {
        let whole = tree();
        let last = nsec(&whole, "c.t1", "www.c.t1");
        let fake = bare("t1. 300 SOA ns1.t1. h.t1. 1 2 3 4 300");
        let lies = [
            Lie::denial(NXDOMAIN, [soa("c.t1"), last.clone()]),
            Lie::denial(NXDOMAIN, [fake, last.clone()]),
            Lie::denial(NXDOMAIN, [soa("t1"), last]),
        ];
        for (seed, lie) in (1..).zip(lies) {
            let lab = validating(&whole.clone().behave("198.18.1.1", lie.to("zz.t1", A)), seed);
            refused(&lab, "zz.t1", A, UNPROVEN).await;
        }
    });
    tell("VAL-08");
}

/// An empty non-terminal, denied as a name: the proof says that it exists (RFC 8020, RFC 4592 §2.2.2).
#[test]
fn val_09_empty_non_terminal_denied() {
    run(async {
        let tree = tree()
            .behave("198.18.1.1", Behaviour::NxdomainForEmptyNonTerminals)
            .behave("198.18.2.1", Behaviour::NxdomainForEmptyNonTerminals);
        let lab = validating(&tree, 1);
        for zone in ["t1", "h1"] {
            authentic(&lab, &format!("ent.{zone}"), A, NOERROR).await;
            assert_eq!(ask(&lab, &format!("x.ent.{zone}"), A).await.a(), ["192.0.2.5"]);
        }
    });
    tell("VAL-09");
}

/// That the apex lacks a type takes the NSEC3 of the apex, no other.
#[test]
fn val_10_apex_without_its_nsec3() {
    run(async {
        let whole = tree();
        for (seed, proof) in (1..).zip([nsec3(&whole, "h1", "www.h1"), nsec3_around(&whole, "h1", "h1"), Vec::new()]) {
            let lie = Lie::denial(NOERROR, [soa("h1"), proof]);
            let lab = validating(&whole.clone().behave("198.18.2.1", lie.to("h1", RecordType::NS)), seed);
            refused(&lab, "h1", RecordType::NS, UNPROVEN).await;
        }
    });
    tell("VAL-10");
}

/// A signed answer to another question is no answer to this one.
#[test]
fn val_11_unrelated_answer() {
    run(async {
        for (seed, more) in (1..).zip([Vec::new(), soa("t1")]) {
            let lie = Lie { authority: more, ..Lie::answer(signed("t1", "mail.t1. A 192.0.2.2")) };
            let lab = validating(&tree().behave("198.18.1.1", lie.to("www.t1", A)), seed);
            refused(&lab, "www.t1", A, UNPROVEN).await;
        }
    });
    tell("VAL-11");
}

/// A wildcard's records in place of a name that exists; a wildcard denied that exists; a wildcard's NSEC.
#[test]
fn val_12_wildcard_replayed() {
    run(async {
        let whole = tree();
        let expanded =
            |zone: &str, owner: &str| signed_as(zone, &set(&format!("{owner}. A 192.0.2.3")), |rrsig| rrsig.labels = 2);
        for (zone, server) in [("t1", "198.18.1.1"), ("h1", "198.18.2.1")] {
            let owner = format!("a.wild.{zone}");
            let other = format!("b.wild.{zone}");
            let proof = |owner: &str| match zone {
                "t1" => nsec(&whole, zone, owner),
                _ => nsec3(&whole, zone, owner),
            };
            let lies = [
                (owner.as_str(), Lie::answer(expanded(zone, &owner))),
                (&owner, Lie { authority: proof(&owner), ..Lie::answer(expanded(zone, &owner)) }),
                (&owner, Lie { authority: proof(&format!("www.{zone}")), ..Lie::answer(expanded(zone, &owner)) }),
                (&other, Lie::answer(expanded(zone, &other))),
                // It is there, whatever covers the name.
                (&other, Lie::denial(NOERROR, [soa(zone), proof(&owner)])),
                (&other, Lie::denial(NXDOMAIN, [soa(zone), proof(&owner)])),
            ];
            for (seed, (asked, lie)) in (1..).zip(lies) {
                let lab = validating(&whole.clone().behave(server, lie.to(asked, A)), seed);
                refused(&lab, asked, A, UNPROVEN).await;
            }
        }
        // CVE-2017-15105: an NSEC made from a wildcard, beside the one that denies the wildcard at the apex.
        let nsec_made = signed_as("t1", &set("n.wild.t1. 300 NSEC zzz.t1. A RRSIG NSEC"), |rrsig| rrsig.labels = 2);
        let lie = Lie::denial(NXDOMAIN, [soa("t1"), nsec_made, nsec(&whole, "t1", "t1")]);
        let lab = validating(&whole.behave("198.18.1.1", lie.to("www.t1", A)), 9);
        refused(&lab, "www.t1", A, UNPROVEN).await;
    });
    tell("VAL-12");
}

/// Behind opt-out there may be unsigned zones: no denial there is authentic (RFC 5155 §9.2).
#[test]
fn val_24_opt_out() {
    run(async {
        let (internet, anchor) = Internet::signed(EPOCH).unwrap();
        let lab = Stage::new(internet, super::from(&anchor), 1);
        unsigned(&lab, "nothing.test", A, NXDOMAIN).await;
        unsigned(&lab, "insecure.test", RecordType::DS, NOERROR).await;
        // A record matches: nothing hides there.
        authentic(&lab, "test", RecordType::TXT, NOERROR).await;
        authentic(&lab, "ns.test", RecordType::TXT, NOERROR).await;
        // Opt-out is for delegations; whoever says that of data lies, and cannot sign it.
        let forged = Lie::denial(NOERROR, [soa("test"), covering_all("test", "test", "test")]);
        let lie = forged.to("ns.test", A);
        lab.net.rewire(|servers| servers.values_mut().for_each(|server| server.behaviours.push(lie.clone())));
        refused(&lab, "ns.test", A, UNPROVEN).await;
    });
    tell("VAL-24");
}

/// A referral to an unsigned zone without proof that it is unsigned: asked for, and refused if it does not come.
#[test]
fn val_27_referral_without_proof() {
    run(async {
        for (zone, server) in [("t1", "198.18.1.1"), ("h1", "198.18.2.1")] {
            let owner = format!("www.plain.{zone}");
            let whole = tree().zone(&format!("plain.{zone}"), &["198.18.6.1"], "www A 192.0.2.10");
            let bare_referral = Behaviour::edits(|query, draft| {
                if query.rtype() != Some(RecordType::DS) && !draft.message.header.has(Header::AA) {
                    draft.message.authority.retain(|record| record.rtype == RecordType::NS);
                }
            });
            let lab = validating(&whole.clone().behave(server, bare_referral), 1);
            unsigned(&lab, &owner, A, NOERROR).await;
            let asked = lab
                .net
                .exchanges()
                .iter()
                .filter(|exchange| exchange.question.as_ref().is_some_and(|question| question.rtype == RecordType::DS))
                .count();
            assert_eq!(asked, 1, "{}", lab.net.story());
            let lab = validating(&whole.behave(server, Behaviour::DropsProofs), 2);
            refused(&lab, &owner, A, UNPROVEN).await;
        }
        // A gap in the chain is no proof either.
        let gap = tree().zone("plain.t1", &["198.18.6.1"], "www A 192.0.2.10");
        let lab = validating(&gap.wrong("t1", Flaw::Missing(name("plain.t1"), RecordType::NSEC)), 3);
        let reply = lab.ask_with("www.plain.t1", A, DO).await;
        assert_eq!(verdict(&reply), (Rcode::SERVFAIL, false), "{reply}");
    });
    tell("VAL-27");
}

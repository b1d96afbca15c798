//! What an independent reader found: forged referrals, forged signatures beside good ones, cuts that nobody refers to,
//! exceptions inside a zone, and anchors that change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burdock::dns::{Name, Question, Rcode, Rdatas, Record, RecordType, RrSet, Ttl};
use burdock::dnssec::NegativeAnchor;
use burdock::playground::{
    Algorithm, Behaviour, Denials, Draft, Field, Flaw, Hashing, Role, Rrsig, Signed, Signer, SigningKey, Window,
    records,
};

use super::forge::{Lie, bare, key_of};
use super::stage::refusal;
use super::{A, FORGED, ask, authentic, from, unsigned, validating, verdict};
use crate::support::{EPOCH, Lab, ROOT, Tree, name, run};

const NOERROR: Rcode = Rcode::NOERROR;
const NXDOMAIN: Rcode = Rcode::NXDOMAIN;
const SERVER: &str = "198.18.1.1";
const EVIL: &str = "198.18.66.1";

fn hashed(signer: Signer) -> Signer {
    signer.denying(Denials::Nsec3(Hashing::default()))
}

/// Whether it was answered, and how many signatures that took.
async fn cost(lab: &Lab, owner: &str) -> (bool, u32) {
    let job = lab.resolver.job();
    let result = lab.resolver.resolve(&Question::new(name(owner), A), &job).await;
    (result.is_ok(), job.budget().work().verifications())
}

/// The first `forged` referrals by the root to `t1` lead to somebody else, with the DS set or without it.
fn hijacked(forged: usize, with_ds: bool) -> Tree {
    let seen = Arc::new(AtomicUsize::new(0));
    let referral = Behaviour::edits(move |query, draft: &mut Draft| {
        let asked = query.name().is_in(&name("t1")) && query.rtype() != Some(RecordType::DS);
        if asked && seen.fetch_add(1, Ordering::Relaxed) < forged {
            draft.message.authority.retain(|record| with_ds && record.rtype != RecordType::NS);
            draft.message.authority.extend(bare("t1. 86400 NS ns.evil."));
            draft.message.additional = bare(&format!("ns.evil. 86400 A {EVIL}"));
        }
    });
    let dnskey = key_of("evil").dnskey();
    let keys = RrSet::new(name("t1"), RecordType::DNSKEY, Ttl::from_secs(3600), Rdatas::new([&dnskey[..]]).unwrap());
    let in_t1 = |query: &burdock::playground::Query<'_>| query.name().is_in(&name("t1"));
    Tree::signed()
        .secure("t1", &[SERVER], "www A 192.0.2.1\nmail A 192.0.2.2")
        .zone("evil", &[EVIL], "")
        .behave(ROOT, referral)
        .behave(EVIL, Lie::answer(Vec::new()).when(in_t1))
        .behave(EVIL, Lie::answer(bare(&format!("www.t1. A {FORGED}"))).to("www.t1", A))
        .behave(EVIL, Lie::answer(bare(&format!("mail.t1. A {FORGED}"))).to("mail.t1", A))
        .behave(EVIL, Lie::answer(records(&keys, Signed::Yes)).to("t1", RecordType::DNSKEY))
}

/// One forged referral costs nobody an answer, two cost one: the parent is asked again when what follows is bogus.
#[test]
fn a_forged_referral_does_not_stand_for_its_ttl() {
    run(async {
        for with_ds in [true, false] {
            let lab = validating(&hijacked(1, with_ds), 1);
            let reply = authentic(&lab, "www.t1", A, NOERROR).await;
            assert_eq!(reply.a(), ["192.0.2.1"], "{reply}");
            assert!(lab.net.packets_to(EVIL) > 0, "{}", lab.net.story());
            assert!(lab.net.packets() <= 16, "{}", lab.net.story());

            let lab = validating(&hijacked(2, with_ds), 2);
            refusal(&lab, "www.t1", A, &[6, 9, 10, 12]).await;
            lab.wait(Duration::from_millis(1100)).await;
            authentic(&lab, "mail.t1", A, NOERROR).await;
            lab.wait(Duration::from_millis(1100)).await;
            authentic(&lab, "www.t1", A, NOERROR).await;
        }
    });
}

/// A zone that is broken for good does not keep its parent busy.
#[test]
fn a_broken_zone_has_its_parent_asked_once_a_second() {
    let data: String = (0..100).map(|index| format!("n{index} A 192.0.2.1\n")).collect();
    let tree = Tree::signed().secure("t1", &[SERVER], &data).behave(SERVER, Behaviour::DropsSignatures(Vec::new()));
    run(async {
        let lab = validating(&tree, 1);
        refusal(&lab, "n0.t1", A, &[10]).await;
        let (before, start) = (lab.net.packets_to(ROOT), lab.clock.now());
        for index in 1..100 {
            refusal(&lab, &format!("n{index}.t1"), A, &[10]).await;
            lab.wait(Duration::from_millis(20)).await;
        }
        let (asked, seconds) = (lab.net.packets_to(ROOT) - before, lab.clock.now().duration_since(start).as_secs());
        assert!(asked as u64 <= seconds + 1, "{asked} in {seconds} s\n{}", lab.net.story());
    });
}

/// Whoever cannot be asked again changes nothing: what was found first is told, soon, and the zone stays where it was.
#[test]
fn a_parent_that_is_silent_changes_nothing() {
    let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1\nmail A 192.0.2.2\nfine A 192.0.2.3").behave(
        SERVER,
        Behaviour::edits(|query, draft: &mut Draft| {
            if query.name() != name("fine.t1") && query.rtype() == Some(A) {
                draft.message.answer.retain(|record| record.rtype != RecordType::RRSIG);
            }
        }),
    );
    run(async {
        let lab = validating(&tree, 1);
        refusal(&lab, "www.t1", A, &[10]).await;
        lab.net.rewire(|servers| drop(servers.remove(&ROOT.parse().unwrap())));
        lab.wait(Duration::from_secs(10)).await;
        let start = lab.clock.now();
        refusal(&lab, "mail.t1", A, &[10]).await;
        assert!(lab.clock.now() - start < Duration::from_secs(2), "{}", lab.net.story());
        authentic(&lab, "fine.t1", A, NOERROR).await;
    });
}

/// Names of `labels` labels with an unsigned zone on the same server that begins at the label number `cut`.
fn hidden(labels: usize, cut: usize, change: fn(Signer) -> Signer) -> (Tree, String) {
    let below = |count: usize| format!("{}t1", "x.".repeat(count - 1));
    let (zone, owner) = (below(cut), below(labels));
    let data = if labels == cut { "@ A 192.0.2.3\n".to_owned() } else { format!("{owner}. A 192.0.2.3\n") };
    let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1").signer("t1", change);
    (tree.zone(&zone, &[SERVER], &data), owner)
}

/// An unsigned zone far below a signed one, both on one server: the proof of where it begins is found by halves.
#[test]
fn a_hidden_cut_far_below_is_found_within_the_budget() {
    let plain: fn(Signer) -> Signer = |signer| signer;
    run(async {
        for change in [plain, hashed] {
            for (seed, (labels, cut)) in (1..).zip([(2, 2), (3, 2), (16, 16), (20, 16), (20, 3), (34, 30), (34, 17)]) {
                let (tree, owner) = hidden(labels, cut, change);
                let (answered, verifications) = cost(&validating(&tree, seed), &owner).await;
                assert!(answered && verifications <= 24, "{labels} {cut}: {answered} {verifications}");
                let lab = validating(&tree, seed);
                let reply = unsigned(&lab, &owner, A, NOERROR).await;
                assert_eq!(reply.a(), ["192.0.2.3"]);
                unsigned(&lab, &format!("no.{owner}"), A, NXDOMAIN).await;
                authentic(&lab, "www.t1", A, NOERROR).await;
            }
        }
    });
}

/// The same names without a cut: signed they are Secure, and without their signatures they are refused, at a small price.
#[test]
fn a_deep_name_of_a_signed_zone_must_be_signed() {
    run(async {
        for labels in [20, 34, 120] {
            let owner = format!("{}t1", "x.".repeat(labels - 1));
            let tree = Tree::signed().secure("t1", &[SERVER], &format!("{owner}. A 192.0.2.3\n"));
            let (answered, verifications) = cost(&validating(&tree, 1), &owner).await;
            assert!(answered && verifications <= 8, "{labels}: {answered} {verifications}");
            authentic(&validating(&tree, 1), &owner, A, NOERROR).await;
            for stripped in [vec![A], Vec::new()] {
                let tree = tree.clone().behave(SERVER, Behaviour::DropsSignatures(stripped));
                let lab = validating(&tree, 1);
                refusal(&lab, &owner, A, &[10, 12, 9]).await;
                assert!(lab.net.packets() <= 32, "{labels}: {}\n{}", lab.net.packets(), lab.net.story());
            }
        }
    });
}

/// Adds a signature like a genuine one but for a change, in front of each.
fn beside(change: impl Fn(&mut Rrsig) + Send + Sync + 'static) -> Behaviour {
    Behaviour::edits(move |query, draft: &mut Draft| {
        if query.rtype() == Some(RecordType::DNSKEY) {
            return;
        }
        for section in [&mut draft.message.answer, &mut draft.message.authority] {
            let genuine: Vec<Record> =
                section.iter().filter(|record| record.rtype == RecordType::RRSIG).cloned().collect();
            for good in genuine {
                let mut rrsig = Rrsig::parse(&good.rdata).unwrap();
                change(&mut rrsig);
                rrsig.signature[3] ^= 1;
                section.insert(0, Record { rdata: rrsig.rdata()[..].into(), ..good });
            }
        }
    })
}

/// Somebody adds a signature by another zone, or by the same one in other words, in front of the good one (RFC 4035 §5.3.1).
#[test]
fn a_forged_signature_takes_nothing_from_a_good_one() {
    let data = "www A 192.0.2.1\nalias CNAME www\n*.wild A 192.0.2.2\nx.ent A 192.0.2.3";
    let signers: [fn(&mut Rrsig); 7] = [
        |rrsig| rrsig.signer = name("www.t1"),
        |rrsig| rrsig.signer = name("no.t1"),
        |rrsig| rrsig.signer = Name::root(),
        |rrsig| rrsig.signer = name("evil"),
        |rrsig| rrsig.labels = rrsig.labels.saturating_sub(1).max(1),
        |rrsig| rrsig.tag ^= 1,
        |_| (),
    ];
    run(async {
        for (seed, change) in (1..).zip(signers) {
            for sign in [|signer| signer, hashed] {
                let tree =
                    Tree::signed().secure("t1", &[SERVER], data).signer("t1", sign).behave(SERVER, beside(change));
                for (owner, rtype, rcode) in [
                    ("www.t1", A, NOERROR),
                    ("alias.t1", A, NOERROR),
                    ("x.wild.t1", A, NOERROR),
                    ("www.t1", RecordType::TXT, NOERROR),
                    ("ent.t1", A, NOERROR),
                    ("no.t1", A, NXDOMAIN),
                ] {
                    authentic(&validating(&tree, seed), owner, rtype, rcode).await;
                }
            }
        }
    });
}

/// One server has a signed zone and a signed one below, to which it does not refer: the lower one signed, though somebody
/// says that the upper one did.
#[test]
fn another_signer_is_tried() {
    let tree = Tree::signed()
        .secure("t1", &[SERVER], "www A 192.0.2.1")
        .secure("c.t1", &[SERVER], "www A 192.0.2.7")
        .behave(SERVER, beside(|rrsig| rrsig.signer = name("t1")));
    run(async {
        authentic(&validating(&tree, 1), "www.c.t1", A, NOERROR).await;
        authentic(&validating(&tree, 1), "no.c.t1", A, NXDOMAIN).await;
    });
}

/// DOS-08: one good signature at any place among 199 that last longer, by keys that the zone does not have, or that ended.
#[test]
fn one_good_signature_among_two_hundred() {
    run(async {
        for at in (0..200).step_by(13) {
            for has_ended in [false, true] {
                let crowd = Behaviour::edits(move |query, draft: &mut Draft| {
                    let answer = &mut draft.message.answer;
                    let place = answer.iter().position(|record| record.rtype == RecordType::RRSIG);
                    let Some(place) = place.filter(|_| query.name() == name("www.t1")) else { return };
                    let good = answer.remove(place);
                    for number in 0..199u16 {
                        let mut rrsig = Rrsig::parse(&good.rdata).unwrap();
                        rrsig.algorithm = [5, 7, 8, 10, 13, 14, 15][usize::from(number) % 7];
                        rrsig.signature[0] = number as u8;
                        if has_ended {
                            rrsig.expiration -= 25 * 86_400 + u32::from(number);
                        } else {
                            rrsig.tag = rrsig.tag.wrapping_add(1 + number);
                            rrsig.expiration += 86_400;
                        }
                        answer.push(Record { rdata: rrsig.rdata()[..].into(), ..good.clone() });
                    }
                    answer.insert(at + 1, good);
                });
                let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1").behave(SERVER, crowd);
                let (answered, verifications) = cost(&validating(&tree, 1), "www.t1").await;
                assert!(answered && verifications <= 5, "{at}: {answered} {verifications}");
                let lab = validating(&tree, 1);
                for _ in 0..2 {
                    let reply = authentic(&lab, "www.t1", A, NOERROR).await;
                    assert!(reply.message.answer.len() <= 9, "{reply}");
                }
            }
        }
    });
}

/// A negative trust anchor where no zone begins (RFC 7646 §2): the subtree is not validated, the rest of its zone is, and an
/// anchor below holds.
#[test]
fn an_exception_inside_a_zone() {
    let tree = Tree::signed()
        .secure(
            "t1",
            &[SERVER],
            "www A 192.0.2.1\nwww.off A 192.0.2.2\noff TXT x\nbad.off MX 1 www\n\
            alias.off CNAME www\nzz A 192.0.2.4",
        )
        .wrong("t1", Flaw::Signature(name("bad.off.t1"), RecordType::MX, Field::Signature))
        .secure("c.off.t1", &["198.18.3.1"], "www A 192.0.2.3")
        .wrong("c.off.t1", Flaw::Unsigned(name("mail.c.off.t1"), A))
        .behave(SERVER, Behaviour::DropsSignatures(vec![A, RecordType::TXT, RecordType::NSEC, RecordType::CNAME]));
    run(async {
        let with = |island: bool| {
            Lab::with(&tree.internet(), 1, |settings, _| {
                settings.dnssec = from(&tree.anchor());
                let excepted = NegativeAnchor { domain: name("off.t1"), reason: "broken".to_owned(), until: None };
                settings.dnssec.negative.insert(excepted);
                if island {
                    let zone = name("c.off.t1");
                    let ds = Signer::for_zone(&zone, Window::around(EPOCH)).unwrap().ds(&zone).unwrap();
                    settings.dnssec.anchors.merge(&from(&ds).anchors);
                }
            })
        };
        let lab = with(false);
        for (owner, rtype, rcode) in [
            // Signed badly by a zone that is secure, and nothing is known of the exception yet: nobody looks.
            ("bad.off.t1", RecordType::MX, NOERROR),
            ("www.off.t1", A, NOERROR),
            ("off.t1", RecordType::TXT, NOERROR),
            ("off.t1", A, NOERROR),
            ("no.off.t1", A, NXDOMAIN),
            ("www.c.off.t1", A, NOERROR),
        ] {
            for _ in 0..2 {
                let reply = unsigned(&lab, owner, rtype, rcode).await;
                assert!(reply.errors().iter().any(|(code, _)| *code == 33), "{reply}");
                assert!(reply.ttl().is_none_or(|ttl| ttl <= 60), "{reply}");
            }
        }
        refusal(&lab, "www.t1", A, &[10]).await;
        // The alias is excepted, its target is not.
        refusal(&lab, "alias.off.t1", A, &[10]).await;
        refusal(&lab, "offf.t1", A, &[10, 12]).await;
        let lab = with(true);
        authentic(&lab, "www.c.off.t1", A, NOERROR).await;
        unsigned(&lab, "www.off.t1", A, NOERROR).await;
    });
}

/// With other anchors nothing is left of how zones stood by the old ones, not even of what was being found out meanwhile.
#[test]
fn new_anchors_make_everything_new() {
    let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1\nmail A 192.0.2.2").secure(
        "c.t1",
        &["198.18.3.1"],
        "www A 192.0.2.3\nmail A 192.0.2.4",
    );
    let anchors = |anchor: &RrSet| from(anchor).anchors.at(&Name::root()).unwrap().records.clone();
    let right = anchors(&tree.anchor());
    let other = SigningKey::new(Algorithm::Ed25519, Role::KeySigning, 7).unwrap();
    let wrong = Signer::with_keys(vec![other], Window::around(EPOCH)).ds(&Name::root()).unwrap();
    run(async {
        let lab = Lab::with(&tree.internet(), 1, |settings, _| settings.dnssec = from(&wrong));
        for owner in ["www.t1", "www.c.t1"] {
            refusal(&lab, owner, A, &[9]).await;
        }
        lab.resolver.replace_anchors(&Name::root(), right.clone());
        for owner in ["www.t1", "www.c.t1", "mail.t1", "mail.c.t1"] {
            authentic(&lab, owner, A, NOERROR).await;
        }

        let slow = tree.clone().behave("198.18.3.1", Behaviour::Slow(Duration::from_millis(200)));
        for after in [1, 20, 60, 100, 250, 450] {
            let lab = Lab::with(&slow.internet(), 1, |settings, _| settings.dnssec = from(&wrong));
            let replace = async {
                lab.wait(Duration::from_millis(after)).await;
                lab.resolver.replace_anchors(&Name::root(), right.clone());
            };
            let (reply, ()) = tokio::join!(ask(&lab, "www.c.t1", A), replace);
            assert!([(Rcode::SERVFAIL, false), (NOERROR, true)].contains(&verdict(&reply)), "{reply}");
            authentic(&lab, "mail.c.t1", A, NOERROR).await;
            authentic(&lab, "mail.t1", A, NOERROR).await;
        }
    });
}

//! What validation may cost: DOS-01 to DOS-08, counted by the work of each question's own job.

use std::time::Duration;

use burdock::dns::{Question, Rcode, Record, RecordType};
use burdock::dnssec::Allowance;
use burdock::playground::{
    Algorithm, Bait, Behaviour, Denials, Flaw, Hashing, Role, Rrsig, SigningKey, Trap, colliding_keys,
};

use super::forge::{Lie, signed, soa};
use super::{A, ask, authentic, refused, validating, verdict};
use crate::support::{Lab, Tree, name, run};

const SERVER: &str = "198.18.1.1";

/// Resolves a question by itself: whether it was answered, and what it cost.
async fn cost(lab: &Lab, owner: &str, rtype: RecordType) -> (bool, Allowance) {
    let job = lab.resolver.job();
    let result = lab.resolver.resolve(&Question::new(name(owner), rtype), &job).await;
    (result.is_ok(), job.budget().work().spent())
}

/// KeyTrap's bounds for one question.
fn bounded(spent: Allowance) {
    let Allowance { verifications, failures, digests, hash_blocks } = spent;
    assert!(verifications <= 32 && failures <= 8 && digests <= 16 && hash_blocks <= 600, "{spent:?}");
}

fn keys(count: usize) -> Vec<SigningKey> {
    colliding_keys(Algorithm::EcdsaP256, Role::ZoneSigning, count).unwrap()
}

fn names(count: usize) -> String {
    (0..count).map(|index| format!("n{index} A 192.0.2.1\n")).collect()
}

fn trapped(keys: Vec<SigningKey>, signatures: usize, bait: Bait) -> Tree {
    let tree = Tree::signed().secure("t1", &[SERVER], &names(100)).secure("t2", &["198.18.2.1"], "www A 192.0.2.2");
    tree.wrong("t1", Flaw::Trap(Trap { keys, signatures, bait }))
}

/// A question to a trap: refused with the right words, within bounds; then a hundred more, about the same name and others.
async fn sprung(tree: &Tree, seed: u64) {
    let (_, spent) = cost(&validating(tree, seed), "n0.t1", A).await;
    bounded(spent);
    assert!(spent.failures > 0 || spent.digests > 0, "it was no trap: {spent:?}");
    let lab = validating(tree, seed);
    let reply = ask(&lab, "n0.t1", A).await;
    assert_eq!(verdict(&reply), (Rcode::SERVFAIL, false), "{reply}");
    let told = reply.errors();
    assert!(told.iter().any(|(code, text)| *code == 6 && text.contains("too many")), "{told:?}");
    let (lab, mut runs) = (validating(tree, seed), 0);
    let start = lab.clock.now();
    for index in 0..200 {
        let owner = format!("n{}.t1", if index % 2 == 0 { index / 2 } else { 0 });
        let (answered, spent) = cost(&lab, &owner, A).await;
        bounded(spent);
        assert!(!answered, "{owner}");
        runs += u64::from(spent.failures > 0);
        lab.wait(Duration::from_millis(15)).await;
    }
    let seconds = lab.clock.now().duration_since(start).as_secs();
    assert!(runs <= 1 + seconds, "{runs} runs in {seconds} s");
    authentic(&lab, "www.t2", A, Rcode::NOERROR).await;
}

/// KeyTrap (CVE-2023-50387): hundreds of keys of one tag times hundreds of signatures by none of them.
#[test]
fn dos_01_many_keys_many_signatures() {
    run(async {
        sprung(&trapped(keys(300), 300, Bait::Data), 1).await;
        sprung(&trapped(keys(16), 16, Bait::Data), 2).await;
    });
}

/// SigJam: one key, hundreds of signatures.
#[test]
fn dos_02_one_key_many_signatures() {
    run(async { sprung(&trapped(keys(1), 340, Bait::Data), 1).await });
}

/// LockCram: hundreds of keys of one tag, one signature.
#[test]
fn dos_03_many_keys_one_signature() {
    run(async {
        let tree = trapped(keys(400), 1, Bait::Data);
        let lab = validating(&tree, 1);
        let (answered, spent) = cost(&lab, "n0.t1", A).await;
        bounded(spent);
        assert!(!answered && spent.failures <= 2, "{spent:?}");
        refused(&lab, "n1.t1", A, &[6]).await;
    });
}

/// HashTrap: hundreds of DS records times hundreds of keys of one tag.
#[test]
fn dos_04_many_ds_many_keys() {
    run(async {
        for (seed, count) in [(1, 300), (2, 20)] {
            let keys = colliding_keys(Algorithm::EcdsaP256, Role::KeySigning, count).unwrap();
            let tree = trapped(keys, 20, Bait::Keys);
            let lab = validating(&tree, seed);
            let (answered, spent) = cost(&lab, "n0.t1", A).await;
            bounded(spent);
            assert!(!answered, "{spent:?}");
            refused(&lab, "n1.t1", A, &[6]).await;
            let mut again = 0;
            for index in 2..100 {
                let (_, spent) = cost(&lab, &format!("n{index}.t1"), A).await;
                again += spent.failures;
            }
            assert_eq!(again, 0);
        }
    });
}

/// Wrong signatures in front of good ones, in each zone along a chain of aliases; and no blame for the honest one at its end.
#[test]
fn dos_05_chain_of_costly_zones() {
    run(async {
        let noisy = Behaviour::edits(|_, draft| {
            let rrsigs: Vec<Record> =
                draft.message.answer.iter().filter(|r| r.rtype == RecordType::RRSIG).cloned().collect();
            for good in rrsigs {
                let at = draft.message.answer.iter().position(|record| *record == good).unwrap();
                for noise in 0..5u8 {
                    let mut rrsig = Rrsig::parse(&good.rdata).unwrap();
                    rrsig.signature[usize::from(noise)] ^= 1;
                    draft.message.answer.insert(at, Record { rdata: rrsig.rdata()[..].into(), ..good.clone() });
                }
            }
        });
        let mut tree = Tree::signed().secure("honest", &["198.18.99.1"], "www A 192.0.2.1");
        for index in 0..10 {
            let next = if index == 9 { "www.honest".to_owned() } else { format!("www.z{}", index + 1) };
            let server = format!("198.18.{}.1", index + 1);
            tree = tree.secure(&format!("z{index}"), &[&server], &format!("www CNAME {next}."));
            tree = tree.behave(&server, noisy.clone());
        }
        let lab = validating(&tree, 1);
        let (answered, spent) = cost(&lab, "www.z0", A).await;
        bounded(spent);
        assert!(!answered, "{spent:?}");
        for first in (0..10).rev() {
            let (_, spent) = cost(&lab, &format!("www.z{first}"), A).await;
            bounded(spent);
        }
        authentic(&lab, "www.honest", A, Rcode::NOERROR).await;
    });
}

/// Keys that are none: points off the curve, RSA without modulus, with exponents of thousands of bits.
#[test]
fn dos_05_keys_that_are_none() {
    run(async {
        let rsa = |exponent: &[u8], modulus: &[u8]| {
            let length = u16::try_from(exponent.len()).unwrap().to_be_bytes();
            [&[0][..], &length, exponent, modulus].concat()
        };
        let odd = [vec![0xff; 255], vec![0xfd]].concat();
        let publics = [
            (13, vec![0; 64]),
            (13, vec![0xff; 64]),
            (13, vec![1; 63]),
            (13, Vec::new()),
            (15, vec![0; 32]),
            (15, vec![0xff; 32]),
            (8, Vec::new()),
            (8, rsa(&[1], &odd)),
            (8, rsa(&[3], &[])),
            (8, rsa(&[0xff; 512], &[0xff; 512])),
            (8, rsa(&[3], &[0xff; 2048])),
            (8, rsa(&[3], &[0x80; 63])),
        ];
        for (seed, (number, public)) in (1..).zip(publics) {
            let mut key = SigningKey::new(Algorithm::EcdsaP256, Role::ZoneSigning, 50).unwrap();
            (key.number, key.public) = (number, public);
            let tree = Tree::signed().secure("t1", &[SERVER], &names(2));
            let tree = tree.wrong("t1", Flaw::IdleKeys(vec![key.clone()]));
            let tree = tree.wrong("t1", Flaw::SignedBy(name("n0.t1"), A, key));
            let lab = validating(&tree, seed);
            let (answered, spent) = cost(&lab, "n0.t1", A).await;
            bounded(spent);
            assert!(!answered, "{seed}");
            // Its neighbours are not worse off.
            authentic(&lab, "n1.t1", A, Rcode::NOERROR).await;
        }
    });
}

/// NSEC3 with iterations and salt, for short and long names (CVE-2023-50868, RFC 9276).
#[test]
fn dos_06_nsec3_iterations() {
    const LONG: usize = 120;
    run(async {
        let mut most = 0;
        for iterations in [0, 1, 50, 51, 100, 150, 151, 500, 501, 2500, 65_535] {
            for salt in [0, 8, 255] {
                let hashing = Hashing { iterations, salt: vec![0xaa; salt] };
                let tree = Tree::signed()
                    .secure("h1", &[SERVER], "www A 192.0.2.1\n*.wild A 192.0.2.2")
                    .zone("plain.h1", &["198.18.2.1"], "www A 192.0.2.3")
                    .signer("h1", |signer| signer.denying(Denials::Nsec3(hashing)));
                let (lab, told_by) = (validating(&tree, u64::from(iterations)), validating(&tree, 1));
                let deep = |labels: usize| format!("{}h1", "x.".repeat(labels - 1));
                let wild = |labels: usize| format!("{}wild.h1", "x.".repeat(labels - 2));
                let questions = [
                    (deep(3), A),
                    (deep(30), A),
                    (deep(LONG), A),
                    ("www.h1".to_owned(), RecordType::TXT),
                    (wild(4), A),
                    (wild(LONG), A),
                    (wild(LONG), RecordType::TXT),
                    ("www.plain.h1".to_owned(), A),
                    ("plain.h1".to_owned(), RecordType::DS),
                ];
                // Beyond 500 nothing is hashed here, but the server would be busy for seconds with a long name.
                let asked = questions.into_iter().filter(|(owner, _)| iterations <= 500 || owner.len() < 20);
                for (owner, rtype) in asked {
                    let (answered, spent) = cost(&lab, &owner, rtype).await;
                    bounded(spent);
                    most = most.max(spent.hash_blocks);
                    let reply = ask(&told_by, &owner, rtype).await;
                    let told: Vec<u16> = reply.errors().iter().map(|(code, _)| *code).collect();
                    let context = format!("{iterations} {salt} {owner} {rtype} {reply}");
                    let negative = !owner.contains("plain");
                    match iterations {
                        0..=50 if answered && negative => assert!(verdict(&reply).1, "{context}"),
                        0..=50 if answered => {}
                        0..=50 => assert_eq!((reply.rcode(), &told[..]), (Rcode::SERVFAIL, &[6][..]), "{context}"),
                        51..=500 => {
                            assert!(answered && !verdict(&reply).1, "{context}");
                            assert!(told.contains(&27), "{context}");
                        }
                        _ => {
                            assert_eq!((verdict(&reply), &told[..]), ((Rcode::SERVFAIL, false), &[27][..]), "{context}")
                        }
                    }
                }
            }
        }
        assert!((300..=600).contains(&most), "{most}");
    });
}

/// Beyond what is validated, too, a denial must be signed.
#[test]
fn dos_06_iterations_without_signature() {
    run(async {
        for iterations in [100, 1000] {
            let hashing = Hashing { iterations, salt: Vec::new() };
            let tree = Tree::signed()
                .secure("h1", &[SERVER], "www A 192.0.2.1")
                .signer("h1", |signer| signer.denying(Denials::Nsec3(hashing)));
            for behaviour in [
                Behaviour::DropsSignatures(vec![RecordType::NSEC3]),
                Behaviour::SpoilsSignatures(vec![RecordType::NSEC3], burdock::playground::Field::Signature),
            ] {
                let lab = validating(&tree.clone().behave(SERVER, behaviour), 1);
                refused(&lab, "no.h1", A, &[6, 10, 12]).await;
            }
        }
    });
}

/// A name denied by 1, 8, 9, 50, 300 signed NSEC records.
#[test]
fn dos_07_many_denials() {
    run(async {
        for (seed, count) in (1..).zip([1usize, 8, 9, 50, 300]) {
            let mut proof = vec![soa("t1")];
            proof.extend(
                (0..count)
                    .map(|index| signed("t1", &format!("y{index:03}.t1. 300 NSEC y{index:03}a.t1. A RRSIG NSEC"))),
            );
            let lie = Lie { rcode: Rcode::NXDOMAIN, answer: Vec::new(), authority: proof.concat() };
            let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1").behave(SERVER, lie.to("no.t1", A));
            let lab = validating(&tree, seed);
            let (answered, spent) = cost(&lab, "no.t1", A).await;
            assert!(!answered && spent.verifications <= 16 && spent.failures == 0, "{count}: {spent:?}");
            refused(&validating(&tree, seed), "no.t1", A, &[6, 12]).await;
        }
    });
}

/// 199 signatures that have expired, or by other algorithms, and one that is good, anywhere among them.
#[test]
fn dos_08_many_signatures_one_good() {
    run(async {
        for (seed, at) in (1..).zip([0usize, 1, 7, 8, 100, 199]) {
            for by_algorithms in [false, true] {
                let crowd = Behaviour::edits(move |query, draft| {
                    if query.name() != name("www.t1") {
                        return;
                    }
                    let answer = &mut draft.message.answer;
                    let Some(place) = answer.iter().position(|record| record.rtype == RecordType::RRSIG) else {
                        return;
                    };
                    let good = answer.remove(place);
                    let others = (0..199u8).map(|number| {
                        let mut rrsig = Rrsig::parse(&good.rdata).unwrap();
                        rrsig.signature[0] = number;
                        if by_algorithms {
                            rrsig.algorithm = [1, 3, 5, 6, 7, 8, 10, 12, 14, 15, 16][usize::from(number) % 11];
                        } else {
                            rrsig.expiration -= 25 * 86_400;
                        }
                        Record { rdata: rrsig.rdata()[..].into(), ..good.clone() }
                    });
                    let mut all: Vec<Record> = others.collect();
                    all.insert(at, good.clone());
                    answer.extend(all);
                });
                let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1").behave(SERVER, crowd);
                let lab = validating(&tree, seed);
                let (answered, spent) = cost(&lab, "www.t1", A).await;
                bounded(spent);
                assert!(answered && spent.verifications <= 5, "{at} {by_algorithms}: {spent:?}");
                let reply = authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
                assert!(reply.message.answer.len() <= 9, "{reply}");
            }
        }
    });
}

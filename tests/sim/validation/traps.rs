//! What hostile keys and signatures may cost: DOS-01 to DOS-05 and DOS-10, counted by the work of each question's own job.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long a thread is busy is measured in real time"
)]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use burdock::dns::{Question, Rcode, Record, RecordType};
use burdock::playground::{Algorithm, Bait, Behaviour, Flaw, Role, Rrsig, SigningKey, Trap, colliding_keys};

use super::forge::{Lie, signed_as};
use super::work::{Most, cost};
use super::{A, ask, authentic, refused, validating, verdict};
use crate::support::{Tree, name, run};

const SERVER: &str = "198.18.1.1";

/// Keys of one tag, all of them on their curve.
fn keys(algorithm: Algorithm, count: usize) -> Vec<SigningKey> {
    colliding_keys(algorithm, Role::ZoneSigning, count).unwrap()
}

/// Keys of one tag of whatever octets: two of them, at `at` in the public key, make up what is missing for the tag.
fn lookalikes(number: u8, count: usize, at: usize, public: impl Fn(usize) -> Vec<u8>) -> Vec<SigningKey> {
    const TAG: u16 = 4711;
    let one = |index: usize| {
        let mut key = SigningKey::new(Algorithm::EcdsaP256, Role::ZoneSigning, 1).unwrap();
        (key.number, key.public) = (number, public(index));
        key.public[at..at + 2].fill(0);
        let distance = TAG.wrapping_sub(key.tag());
        for candidate in [0, 1, u16::MAX].map(|carry| distance.wrapping_add(carry)) {
            key.public[at..at + 2].copy_from_slice(&candidate.to_be_bytes());
            if key.tag() == TAG {
                return key;
            }
        }
        panic!("{number} {index}");
    };
    (0..count).map(one).collect()
}

/// An RSA key of 2048 bits that nobody has: the exponent, the modulus (RFC 3110 §2).
fn nobodys(index: usize) -> Vec<u8> {
    let mut modulus = vec![0xc1; 256];
    modulus[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    [&[3, 1, 0, 1][..], &modulus].concat()
}

fn names(count: usize) -> String {
    (0..count).map(|index| format!("n{index} A 192.0.2.1\n")).collect()
}

fn trapped(keys: Vec<SigningKey>, signatures: usize, bait: Bait) -> Tree {
    let tree = Tree::signed().secure("t1", &[SERVER], &names(100)).secure("t2", &["198.18.2.1"], "www A 192.0.2.2");
    tree.wrong("t1", Flaw::Trap(Trap { keys, signatures, bait }))
}

/// A question to a trap: refused with the right words, within bounds; then a hundred more, about the same name and others.
async fn sprung(tree: &Tree, seed: u64, most: &mut Most) {
    let (_, spent) = cost(&validating(tree, seed), "n0.t1", A).await;
    most.bounded(spent);
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
        most.bounded(spent);
        assert!(!answered, "{owner}");
        runs += u64::from(spent.failures > 0);
        lab.wait(Duration::from_millis(15)).await;
    }
    let seconds = lab.clock.now().duration_since(start).as_secs();
    assert!(runs <= 1 + seconds, "{runs} runs in {seconds} s");
    authentic(&lab, "www.t2", A, Rcode::NOERROR).await;
}

/// KeyTrap (CVE-2023-50387): as many keys of one tag as a message holds, times 340 signatures by none of them.
#[test]
fn dos_01_many_keys_many_signatures() {
    run(async {
        let mut most = Most::default();
        let large = [
            keys(Algorithm::EcdsaP256, 582),
            keys(Algorithm::EcdsaP384, 300),
            lookalikes(8, 220, 100, nobodys),
            keys(Algorithm::EcdsaP256, 16),
        ];
        for (seed, keys) in (1..).zip(large) {
            sprung(&trapped(keys, 340, Bait::Data), seed, &mut most).await;
        }
        most.tell("DOS-01");
    });
}

/// A dozen questions for a trap at once: whoever is to be served by the same thread, hits above all, waits for one signature
/// and not for all. In the time of the machine: one that jumps ahead when nobody has anything to do never would.
#[test]
fn dos_01_one_signature_at_a_time() {
    const QUESTIONS: usize = 12;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let lab = validating(&trapped(keys(Algorithm::EcdsaP256, 100), 40, Bait::Data), 1);
        let job = |index: usize| {
            let (resolver, job) = (Arc::clone(&lab.resolver), Arc::new(lab.resolver.job()));
            let (question, own) = (Question::new(name(&format!("n{index}.t1")), A), Arc::clone(&job));
            (tokio::spawn(async move { resolver.resolve(&question, &own).await.is_err() }), job)
        };
        let (mut tasks, jobs): (Vec<_>, Vec<_>) = (0..QUESTIONS).map(job).unzip();
        let (mut before, mut most, mut looks) = (0, 0, 0);
        let (mut looked, mut longest) = (Instant::now(), Duration::ZERO);
        // As the listeners are: looked at in each turn of the runtime.
        poll_fn(|context| {
            let done: u32 = jobs.iter().map(|job| job.budget().work().spent().verifications).sum();
            (most, before, looks) = (most.max(done - before), done, looks + 1);
            (longest, looked) = (longest.max(looked.elapsed()), Instant::now());
            context.waker().wake_by_ref();
            if tasks.iter().all(tokio::task::JoinHandle::is_finished) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        for task in &mut tasks {
            assert!(task.await.unwrap(), "it was no trap");
        }
        println!(
            "DOS-01 {QUESTIONS} questions at once, {before} signatures verified: at most {most} between two of {looks} looks at \
             the sockets (1), and {longest:?} (5 ms, optimized)"
        );
        assert!(before >= 40 && most == 1, "{before} {most}");
    });
}

/// SigJam: one key, hundreds of signatures.
#[test]
fn dos_02_one_key_many_signatures() {
    run(async {
        let mut most = Most::default();
        for (seed, signatures) in (1..).zip([340, 560]) {
            sprung(&trapped(keys(Algorithm::EcdsaP256, 1), signatures, Bait::Data), seed, &mut most).await;
        }
        most.tell("DOS-02");
    });
}

/// LockCram: hundreds of keys of one tag, one signature.
#[test]
fn dos_03_many_keys_one_signature() {
    run(async {
        let mut most = Most::default();
        let tree = trapped(keys(Algorithm::EcdsaP256, 582), 1, Bait::Data);
        let lab = validating(&tree, 1);
        let (answered, spent) = cost(&lab, "n0.t1", A).await;
        most.bounded(spent);
        assert!(!answered && spent.failures <= 2, "{spent:?}");
        most.tell("DOS-03");
        refused(&lab, "n1.t1", A, &[6]).await;
    });
}

/// HashTrap: hundreds of DS records times hundreds of keys of one tag; then DS records by the thousand that fit no key.
#[test]
fn dos_04_many_ds_many_keys() {
    run(async {
        let mut most = Most::default();
        let colliding = |count| colliding_keys(Algorithm::EcdsaP256, Role::KeySigning, count).unwrap();
        let own = |count| trapped(colliding(count), 20, Bait::Keys);
        let keys = colliding(582);
        let tag = keys[0].tag();
        let foreign = |count| {
            let ds: String = (0..count).map(|index| format!("t1. DS {tag} 13 2 {index:064x}\n")).collect();
            trapped(keys.clone(), 20, Bait::Data).delegate("t1", &ds).wrong("t1", Flaw::NoDs)
        };
        // As many DS records as one message holds are more than are kept; of two hundred all count.
        for (seed, tree) in (1..).zip([own(300), own(20), foreign(1300), foreign(200)]) {
            let lab = validating(&tree, seed);
            let (answered, spent) = cost(&lab, "n0.t1", A).await;
            most.bounded(spent);
            assert!(!answered && spent.digests > 0, "{spent:?}");
            refused(&lab, "n1.t1", A, &[6, 9]).await;
            let mut again = 0;
            for index in 2..100 {
                let (_, spent) = cost(&lab, &format!("n{index}.t1"), A).await;
                again += spent.failures + spent.digests;
            }
            assert_eq!(again, 0);
        }
        most.tell("DOS-04");
    });
}

/// ANYTrap: forty RRsets of one name, each with eight signatures that are none. ANY is not passed on unless that is wanted, and
/// of an answer that brings along what nobody asked for only what was asked for is judged.
#[test]
fn dos_05_any() {
    run(async {
        let mut most = Most::default();
        let sets = (0..40u16).flat_map(|index| {
            let lines = if index == 0 {
                "n0.t1. A 192.0.2.1".to_owned()
            } else {
                format!("n0.t1. TYPE{} \\# 1 00", 65_280 + index)
            };
            let mut records = signed_as("t1", &super::forge::set(&lines), |_| ());
            let good = records.pop().unwrap();
            records.extend((0..8u8).map(|number| {
                let mut rrsig = Rrsig::parse(&good.rdata).unwrap();
                rrsig.signature[usize::from(number)] ^= 1;
                Record { rdata: rrsig.rdata()[..].into(), ..good.clone() }
            }));
            records
        });
        let lie = Lie::answer(sets.collect());
        let tree = Tree::signed().secure("t1", &[SERVER], &names(2)).behave(SERVER, lie.about("n0.t1"));
        let lab = validating(&tree, 1);
        let reply = ask(&lab, "n0.t1", RecordType::ANY).await;
        assert!(lab.net.packets() == 0 && !verdict(&reply).1, "{reply}\n{}", lab.net.story());
        let (answered, spent) = cost(&lab, "n0.t1", A).await;
        most.bounded(spent);
        assert!(!answered && spent.failures == 8, "{spent:?}");
        let (_, spent) = cost(&validating(&tree, 2), "n0.t1", RecordType::ANY).await;
        most.bounded(spent);
        most.tell("DOS-05 ANY");
    });
}

/// KeyTrap in each zone along a chain of ten aliases.
#[test]
fn dos_05_chain_of_traps() {
    run(async {
        let mut most = Most::default();
        let mut tree = Tree::signed().secure("honest", &["198.18.99.1"], "www A 192.0.2.1");
        for index in 0..10 {
            let next = if index == 9 { "www.honest".to_owned() } else { format!("www.z{}", index + 1) };
            tree =
                tree.secure(&format!("z{index}"), &[&format!("198.18.{}.1", index + 1)], &format!("www CNAME {next}."));
            let trap = Trap { keys: keys(Algorithm::EcdsaP256, 16), signatures: 16, bait: Bait::Data };
            tree = tree.wrong(&format!("z{index}"), Flaw::Trap(trap));
        }
        let lab = validating(&tree, 1);
        for index in 0..10 {
            let (answered, spent) = cost(&lab, &format!("www.z{index}"), A).await;
            most.bounded(spent);
            assert!(!answered, "{index}");
        }
        authentic(&lab, "www.honest", A, Rcode::NOERROR).await;
        most.tell("DOS-05 chain of traps");
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
        let mut most = Most::default();
        let lab = validating(&tree, 1);
        let (answered, spent) = cost(&lab, "www.z0", A).await;
        most.bounded(spent);
        assert!(!answered, "{spent:?}");
        for first in (0..10).rev() {
            let (_, spent) = cost(&lab, &format!("www.z{first}"), A).await;
            most.bounded(spent);
        }
        most.tell("DOS-05 chain");
        authentic(&lab, "www.honest", A, Rcode::NOERROR).await;
    });
}

/// Keys of one tag that are no keys, times hundreds of signatures (CVE-2025-8677): each try is paid for.
#[test]
fn dos_05_masses_of_keys_that_are_none() {
    run(async {
        let mut most = Most::default();
        let off_curve = |index: usize| [&(index as u16).to_be_bytes()[..], &[0x5a; 62]].concat();
        let no_modulus = |index: usize| [&[3, 1, 0, 1][..], &(index as u32).to_be_bytes(), &[0; 8]].concat();
        let huge = |index: usize| {
            let mut rsa = rsa(&[0xff; 512], &[0xff; 512]);
            rsa[600..602].copy_from_slice(&(index as u16).to_be_bytes());
            rsa
        };
        let traps =
            [lookalikes(13, 582, 60, off_curve), lookalikes(8, 582, 8, no_modulus), lookalikes(8, 55, 700, huge)];
        for (seed, keys) in (1..).zip(traps) {
            sprung(&trapped(keys, 340, Bait::Data), seed, &mut most).await;
        }
        most.tell("DOS-05 keys that are none");
    });
}

/// Exponent and modulus as DNSKEY has them (RFC 3110 §2).
fn rsa(exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let length = u16::try_from(exponent.len()).unwrap().to_be_bytes();
    [&[0][..], &length, exponent, modulus].concat()
}

/// A modulus of so many bits, odd.
fn modulus(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] >>= bits.div_ceil(8) * 8 - bits;
    *modulus.last_mut().unwrap() = 0xfd;
    modulus
}

/// One key at a time, and a set that is signed by it: hostile exponents and moduli, points that are none or of small order.
/// They are counted like keys that fit nothing, and harm nobody else in the zone.
#[test]
fn dos_10_hostile_keys() {
    let small_order = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let mut publics: Vec<(u8, Vec<u8>)> = vec![
        (13, vec![0; 64]),
        (13, vec![0xff; 64]),
        (13, vec![1; 63]),
        (13, Vec::new()),
        (14, vec![1; 96]),
        (8, Vec::new()),
        (8, rsa(&[3], &[])),
        (8, rsa(&[0xff; 512], &[0xff; 512])),
        (8, rsa(&[0, 0, 0, 1, 0, 1], &[&[0; 16][..], &modulus(2048)].concat())),
        (8, rsa(&[3], &[vec![0xff; 255], vec![0xfe]].concat())),
    ];
    // 1, 2^16 + 1, 2^32 + 1, 2^33 + 1, 2^64 - 1, and even ones.
    for exponent in [&[1][..], &[1, 0, 1], &[1, 0, 0, 0, 1], &[2, 0, 0, 0, 1], &[0xff; 8], &[0], &[2], &[4]] {
        publics.push((8, rsa(exponent, &modulus(2048))));
    }
    for bits in [512, 1023, 1024, 4096, 4097, 8192, 16_384] {
        publics.push((8, rsa(&[1, 0, 1], &modulus(bits))));
        publics.push((10, rsa(&[1, 0, 1], &modulus(bits))));
    }
    let point = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    publics.extend(small_order.iter().map(|text| (15, point(text))));
    run(async {
        let (mut most, count) = (Most::default(), publics.len());
        for (seed, (number, public)) in (1..).zip(publics) {
            let mut key = SigningKey::new(Algorithm::EcdsaP256, Role::ZoneSigning, 50).unwrap();
            (key.number, key.public) = (number, public);
            let tree = Tree::signed().secure("t1", &[SERVER], &names(2));
            let tree = tree.wrong("t1", Flaw::IdleKeys(vec![key.clone()]));
            let tree = tree.wrong("t1", Flaw::SignedBy(name("n0.t1"), A, key));
            let lab = validating(&tree, seed);
            let (answered, spent) = cost(&lab, "n0.t1", A).await;
            most.bounded(spent);
            assert!(!answered && spent.failures <= 1, "{seed}: {spent:?}");
            // Its neighbours are not worse off.
            authentic(&lab, "n1.t1", A, Rcode::NOERROR).await;
        }
        most.tell(&format!("DOS-10 {count} keys,"));
    });
}

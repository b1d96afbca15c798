//! What denials and signatures in masses may cost: DOS-06 to DOS-08, counted by the work of each question's own job.

use burdock::dns::{QueryFlags, Question, Rcode, Rdatas, Record, RecordType, RrSet, Ttl};
use burdock::dnssec::Allowance;
use burdock::playground::{Behaviour, Denials, Hashing, Rrsig, Signed, records};
use data_encoding::BASE32HEX_NOPAD;

use super::forge::{Lie, bare, signed, signed_as, soa};
use super::{A, DO, ask, authentic, refused, validating, verdict};
use crate::support::{Lab, Tree, name, run};

const SERVER: &str = "198.18.1.1";

/// Resolves a question by itself: whether it was answered, and what it cost.
pub async fn cost(lab: &Lab, owner: &str, rtype: RecordType) -> (bool, Allowance) {
    let job = lab.resolver.job();
    let result = lab.resolver.resolve(&Question::new(name(owner), rtype), &job).await;
    (result.is_ok(), job.budget().work().spent())
}

/// The most that one question has cost.
#[derive(Default)]
pub struct Most {
    questions: u32,
    verifications: u32,
    failures: u32,
    digests: u32,
    pub hash_blocks: u32,
}

impl Most {
    /// One more question, within the bounds of one.
    pub fn bounded(&mut self, spent: Allowance) {
        let Allowance { verifications, failures, digests, hash_blocks } = spent;
        assert!(verifications <= 32 && failures <= 8 && digests <= 16 && hash_blocks <= 600, "{spent:?}");
        self.questions += 1;
        self.verifications = self.verifications.max(verifications);
        self.failures = self.failures.max(failures);
        self.digests = self.digests.max(digests);
        self.hash_blocks = self.hash_blocks.max(hash_blocks);
    }

    pub fn tell(&self, id: &str) {
        let Self { questions, verifications, failures, digests, hash_blocks } = self;
        println!(
            "{id} at most per question, of {questions}: verifications {verifications} (allowed 32), \
             failures {failures} (allowed 8), digests {digests} (allowed 16), SHA-1 blocks {hash_blocks} (allowed 600)"
        );
    }
}

/// NSEC3 with iterations and salt, for short and long names (CVE-2023-50868, RFC 9276).
#[test]
fn dos_06_nsec3_iterations() {
    const LONG: usize = 125;
    run(async {
        let mut most = Most::default();
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
                    most.bounded(spent);
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
        most.tell("DOS-06");
        assert!((300..=600).contains(&most.hash_blocks));
    });
}

/// Long names beyond what is tolerated: whoever says so need not have hashed anything, and nothing is hashed here.
#[test]
fn dos_06_long_names_beyond_what_is_tolerated() {
    run(async {
        let mut most = Most::default();
        for (seed, (iterations, salt)) in (1..).zip([(501, 0), (2500, 8), (2500, 255), (65_535, 0), (65_535, 255)]) {
            let proof = |owner: &str, types: &str| {
                let salt = if salt == 0 { "-".to_owned() } else { "aa".repeat(salt) };
                let next = "0123456789abcdefghijklmnopqrstuv";
                signed("h1", &format!("{owner}.h1. 300 NSEC3 1 0 {iterations} {salt} {next} {types}"))
            };
            let proofs = [
                soa("h1"),
                proof("10000000000000000000000000000000", "A RRSIG"),
                proof("v0000000000000000000000000000000", "NS SOA RRSIG DNSKEY NSEC3PARAM"),
            ]
            .concat();
            for labels in [3, 30, 125] {
                let owner = format!("{}h1", "x.".repeat(labels - 1));
                for (rcode, rtype) in [(Rcode::NXDOMAIN, A), (Rcode::NOERROR, A), (Rcode::NOERROR, RecordType::DS)] {
                    let lie = Lie { rcode, answer: Vec::new(), authority: proofs.clone() };
                    let lie = lie.when(|query| query.name().is_strictly_below(&name("h1")));
                    let tree = Tree::signed().secure("h1", &[SERVER], "www A 192.0.2.1").behave(SERVER, lie);
                    let lab = validating(&tree, seed);
                    let (answered, spent) = cost(&lab, &owner, rtype).await;
                    most.bounded(spent);
                    assert!(!answered && spent.hash_blocks == 0, "{iterations} {labels} {rtype}: {spent:?}");
                    let reply = ask(&validating(&tree, seed), &owner, rtype).await;
                    let told: Vec<u16> = reply.errors().iter().map(|(code, _)| *code).collect();
                    assert_eq!((verdict(&reply), &told[..]), ((Rcode::SERVFAIL, false), &[27][..]), "{reply}");
                }
            }
        }
        most.tell("DOS-06 beyond 500 iterations");
    });
}

/// What the cache has proven is looked through for other names, too (RFC 8198): hashing for that is paid for like all other,
/// and leaves enough for the walk when it was in vain.
#[test]
fn dos_06_looking_through_what_is_proven() {
    run(async {
        let (mut most, mut without_a_packet) = (Most::default(), 0);
        for iterations in [0, 1, 5, 20, 50] {
            for salt in [0, 8, 255] {
                let hashing = Hashing { iterations, salt: vec![0xaa; salt] };
                let tree = Tree::signed()
                    .secure("h1", &[SERVER], "www A 192.0.2.1\n*.wild A 192.0.2.2")
                    .signer("h1", |signer| signer.denying(Denials::Nsec3(hashing)));
                let lab = validating(&tree, 7);
                for number in 0..20 {
                    ask(&lab, &format!("n{number}.h1"), A).await;
                    ask(&lab, &format!("n{number}.wild.h1"), A).await;
                }
                for labels in [3, 30, 125] {
                    for end in ["h1", "wild.h1"] {
                        let owner = format!("{}y.{end}", "x.".repeat(labels - 1 - end.split('.').count()));
                        let before = lab.net.packets();
                        let (_, spent) = cost(&lab, &owner, A).await;
                        most.bounded(spent);
                        without_a_packet += usize::from(lab.net.packets() == before);
                    }
                }
            }
        }
        most.tell("DOS-06 from what is proven");
        assert!(without_a_packet >= 30, "it is looked through: {without_a_packet}");
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

/// The SOA record of a zone beside, below or above, of none at all: nobody looks for its zone (RUSTSEC-2026-0120).
#[test]
fn dos_06_soa_that_is_no_ancestor() {
    run(async {
        let mut most = Most::default();
        let tree = Tree::signed()
            .secure("h1", &[SERVER], "www A 192.0.2.1")
            .secure("t2", &["198.18.2.1"], "")
            .signer("h1", |signer| signer.denying(Denials::Nsec3(Hashing::default())));
        let zones = tree.zones();
        let chain = zones[&name("h1")].rrsets().filter(|set| set.rtype == RecordType::NSEC3);
        let proof: Vec<Record> = chain.flat_map(|set| records(set, Signed::Yes)).collect();
        for (seed, soa) in (1..).zip([
            soa("t2"),
            soa("."),
            bare("no.h1. 300 SOA a. b. 1 2 3 4 300"),
            bare("x.no.h1. 300 SOA a. b. 1 2 3 4 300"),
            bare("elsewhere. 300 SOA a. b. 1 2 3 4 300"),
        ]) {
            let lie = Lie::denial(Rcode::NXDOMAIN, [soa, proof.clone()]);
            let lab = validating(&tree.clone().behave(SERVER, lie.to("no.h1", A)), seed);
            let (answered, spent) = cost(&lab, "no.h1", A).await;
            most.bounded(spent);
            // What nobody signed is left out; the proof stands by itself (RFC 5155 §8.4).
            let reply = ask(&lab, "no.h1", A).await;
            let rides = reply.message.authority.iter().any(|record| record.rtype == RecordType::SOA);
            assert!(!rides && (!answered || verdict(&reply) == (Rcode::NXDOMAIN, true)), "{reply}");
            assert!(lab.net.packets() < 40, "{}", lab.net.story());
        }
        most.tell("DOS-06 SOA");
    });
}

/// Denials of a name that are signed and deny another one: so many NSEC records, or NSEC3 records.
fn proofs(count: usize, rtype: RecordType) -> Vec<Record> {
    let nsec = |index: usize| signed("t1", &format!("y{index:03}.t1. 300 NSEC y{index:03}a.t1. A RRSIG NSEC"));
    let nsec3 = |index: usize| {
        let [hash, next] = [1u8, 2].map(|last| [&(index as u16).to_be_bytes()[..], &[0; 17], &[last]].concat());
        let owner = name("t1").prepend(BASE32HEX_NOPAD.encode(&hash).to_ascii_lowercase().as_bytes()).unwrap();
        let rdata = [&[1, 0, 0, 0, 0, 20][..], &next].concat();
        let set = RrSet::new(owner, RecordType::NSEC3, Ttl::from_secs(300), Rdatas::new([&rdata[..]]).unwrap());
        signed_as("t1", &set, |_| ())
    };
    (0..count).flat_map(|index| if rtype == RecordType::NSEC { nsec(index) } else { nsec3(index) }).collect()
}

/// A name denied by 1, 8, 9, 50, 300 signed NSEC or NSEC3 records (CVE-2026-11605).
#[test]
fn dos_07_many_denials() {
    run(async {
        let mut most = 0;
        for rtype in [RecordType::NSEC, RecordType::NSEC3] {
            for (seed, count) in (1..).zip([1usize, 8, 9, 50, 300]) {
                let proof = [soa("t1"), proofs(count, rtype)].concat();
                let lie = Lie { rcode: Rcode::NXDOMAIN, answer: Vec::new(), authority: proof };
                let tree = Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1").behave(SERVER, lie.to("no.t1", A));
                let lab = validating(&tree, seed);
                let (answered, spent) = cost(&lab, "no.t1", A).await;
                assert!(!answered && spent.verifications <= 16 && spent.failures == 0, "{rtype} {count}: {spent:?}");
                most = most.max(spent.verifications);
                refused(&validating(&tree, seed), "no.t1", A, &[6, 12]).await;
            }
        }
        println!("DOS-07 verifications {most} (allowed 16), failures 0");
    });
}

/// 199 signatures that have expired, or by other algorithms, and one that is good, anywhere among them.
#[test]
fn dos_08_many_signatures_one_good() {
    run(async {
        let (mut most, mut cases) = (0, 0);
        for (seed, at) in (1..).zip([0usize, 1, 6, 7, 8, 9, 50, 63, 100, 127, 128, 150, 192, 198, 199]) {
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
                assert!(answered && spent.verifications <= 5, "{at} {by_algorithms}: {spent:?}");
                (most, cases) = (most.max(spent.verifications), cases + 1);
                let reply = authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
                assert!(reply.message.answer.len() <= 9, "{reply}");
                // Those who check themselves get as many.
                let lab = validating(&tree, seed);
                let unchecked = QueryFlags { checking_disabled: true, ..DO };
                let reply = lab.ask_with("www.t1", A, unchecked).await;
                assert_eq!((reply.rcode(), reply.message.answer.len()), (Rcode::NOERROR, 9), "{reply}");
            }
        }
        println!(
            "DOS-08 answered {cases} of {cases}, verifications {most} (allowed 32), signatures kept at most 8 (allowed 8)"
        );
    });
}

//! The examples of RFC 4035 appendix B and RFC 5155 appendix B, question by question.

use std::time::Duration;

use super::*;
use crate::dns::{Question, Rcode};
use crate::playground::{Algorithm, Answer, Denials, Signer, Window};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The zone of both appendices, as far as denials go. The data that answers B.2.1's odd question is in RFC 5155 only.
const TEXT: &str = "@ 3600 SOA ns1 bugs.x.w 1 3600 300 3600000 3600\n@ NS ns1\n@ NS ns2\n@ MX 1 xx\n\
    2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127\n\
    a NS ns1.a\na NS ns2.a\na DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C\nns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n\
    ai A 192.0.2.9\nai HINFO a b\nai AAAA 2001:db8::f00:baa9\nc NS ns1.c\nc NS ns2.c\nns1.c A 192.0.2.7\nns2.c A 192.0.2.8\n\
    ns1 A 192.0.2.1\nns2 A 192.0.2.2\n*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n\
    xx A 192.0.2.10\nxx HINFO a b\nxx AAAA 2001:db8::f00:baaa\n";

fn signed(text: &str, denials: Denials) -> Zone {
    let window = Window::around(Duration::from_secs(1_767_225_600));
    let signer = Signer::single(Algorithm::Ed25519, window, 1).unwrap().denying(denials);
    signer.sign(&Zone::read(&name("example"), text).unwrap()).unwrap()
}

fn ask(zone: &Zone, owner: &str, rtype: RecordType) -> Answer {
    zone.answer(&Question::new(name(owner), rtype))
}

/// The first labels of the proofs' owners, as many letters of them as the RFC's prose uses.
fn proofs(answer: &Answer) -> Vec<String> {
    let owner = |set: &RrSet| match set.rtype {
        RecordType::NSEC3 => set.owner.to_string().chars().take(4).collect(),
        _ => set.owner.to_string(),
    };
    let mut owners: Vec<String> = answer.proofs.iter().map(owner).collect();
    owners.sort();
    owners
}

/// What is asked for, and what the RFC answers: its section, the question, the RCODE and the proofs.
type Example<'a> = (&'a str, &'a str, RecordType, Rcode, &'a [&'a str]);

fn assert_answered(zone: &Zone, (what, owner, rtype, rcode, expected): &Example<'_>) {
    let answer = ask(zone, owner, *rtype);
    let expected = expected.iter().map(|owner| (*owner).to_owned()).collect();
    assert_eq!((answer.rcode, proofs(&answer)), (*rcode, expected), "{what}");
    assert!(answer.proofs.iter().all(|set| set.signatures.len() == 1), "{what}");
}

#[test]
fn hashed_proofs_are_those_of_rfc_5155() {
    let hashing = Hashing { iterations: 12, salt: vec![0xaa, 0xbb, 0xcc, 0xdd] };
    let zone = signed(TEXT, Denials::Nsec3OptOut(hashing));
    let examples: [Example<'_>; 9] = [
        ("B.1", "a.c.x.w.example", RecordType::A, Rcode::NXDOMAIN, &["0p9m", "35mt", "b4um"]),
        ("B.2", "ns1.example", RecordType::MX, Rcode::NOERROR, &["2t7b"]),
        ("B.2.1", "y.w.example", RecordType::A, Rcode::NOERROR, &["ji6n"]),
        ("B.3", "mc.c.example", RecordType::MX, Rcode::NOERROR, &["0p9m", "35mt"]),
        ("B.4", "a.z.w.example", RecordType::MX, Rcode::NOERROR, &["q04j"]),
        ("B.5", "a.z.w.example", RecordType::AAAA, Rcode::NOERROR, &["k8ud", "q04j", "r53b"]),
        ("B.6", "example", RecordType::DS, Rcode::NOERROR, &["0p9m"]),
        ("a secure referral", "mc.a.example", RecordType::MX, Rcode::NOERROR, &[]),
        ("DS at an opted-out cut", "c.example", RecordType::DS, Rcode::NOERROR, &["0p9m", "35mt"]),
    ];
    examples.iter().for_each(|example| assert_answered(&zone, example));
}

#[test]
fn named_proofs_are_those_of_rfc_4035() {
    // Its unsigned delegation is b, and the name that only RFC 5155 has is not there.
    let text = TEXT.replace("2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127\n", "").replace("c NS", "b NS");
    let zone = signed(&text.replace(".c A", ".b A").replace("ns1.c\n", "ns1.b\n"), Denials::Nsec);
    let examples: [Example<'_>; 9] = [
        ("B.2", "ml.example", RecordType::A, Rcode::NXDOMAIN, &["b.example.", "example."]),
        ("B.3", "ns1.example", RecordType::MX, Rcode::NOERROR, &["ns1.example."]),
        ("B.4", "mc.a.example", RecordType::MX, Rcode::NOERROR, &[]),
        ("B.5", "mc.b.example", RecordType::MX, Rcode::NOERROR, &["b.example."]),
        ("B.6", "a.z.w.example", RecordType::MX, Rcode::NOERROR, &["x.y.w.example."]),
        ("B.7", "a.z.w.example", RecordType::AAAA, Rcode::NOERROR, &["*.w.example.", "x.y.w.example."]),
        ("B.8", "example", RecordType::DS, Rcode::NOERROR, &["example."]),
        ("an empty non-terminal", "y.w.example", RecordType::A, Rcode::NOERROR, &["x.w.example."]),
        ("DS at an unsigned cut", "b.example", RecordType::DS, Rcode::NOERROR, &["b.example."]),
    ];
    examples.iter().for_each(|example| assert_answered(&zone, example));
}

#[test]
fn an_unsigned_zone_proves_nothing() {
    let zone = Zone::read(&name("example"), TEXT).unwrap();
    for owner in ["ml.example", "ns1.example", "mc.c.example", "a.z.w.example", "y.w.example"] {
        assert_eq!(ask(&zone, owner, RecordType::SRV).proofs, [], "{owner}");
    }
}

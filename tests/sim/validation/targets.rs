//! What comes with an alias about the zone of its target: read when it proves that this zone is unsigned, else nothing.

use burdock::dns::{Rcode, Record, RecordType};
use burdock::playground::{Behaviour, Denials, Hashing, Signed, records};

use super::forge::{Lie, adds, set, signed, signed_as};
use super::{A, FORGED, ask, authentic, refused, unsigned, validating, verdict};
use crate::support::{Tree, name, run};

const NOERROR: Rcode = Rcode::NOERROR;
const SERVER: &str = "198.18.1.1";

/// `t1`, `u.t1` which is not signed and `s.t1` which is, all on one server that knows nothing of DS records. It never refers.
fn tree(denials: Denials) -> Tree {
    let ignorant = Behaviour::RejectsTypes(vec![RecordType::DS], Rcode::SERVFAIL);
    Tree::signed()
        .secure("t1", &[SERVER], "alias CNAME www.u\nother CNAME www.s\nhere CNAME www\nwww A 192.0.2.1\n")
        .signer("t1", |signer| signer.denying(denials))
        .zone("u.t1", &[SERVER], "www A 192.0.2.2\nmail A 192.0.2.3\n")
        .secure("s.t1", &[SERVER], "www A 192.0.2.4\n")
        .behave(SERVER, ignorant)
}

/// What `t1` has to say of `owner`.
fn proof(tree: &Tree, owner: &str) -> Vec<Record> {
    let zones = tree.zones();
    let hashed = Hashing::default().owner(&name(owner), &name("t1")).unwrap();
    let plain = zones[&name("t1")].rrset(&name(owner), RecordType::NSEC);
    records(plain.or_else(|| zones[&name("t1")].rrset(&hashed, RecordType::NSEC3)).unwrap(), Signed::Yes)
}

/// RFC 4035 §3.1.4.1: the proof spares the question for DS records, and makes an answer of what could not be one.
#[test]
fn a_proof_that_the_target_is_in_an_unsigned_zone_is_read() {
    run(async {
        for (seed, denials) in (1..).zip([Denials::Nsec, Denials::Nsec3(Hashing::default())]) {
            let beside = proof(&tree(denials.clone()), "u.t1");
            let silent = Behaviour::edits(|_, draft| draft.message.authority.clear());
            let reply = ask(&validating(&tree(denials.clone()).behave(SERVER, silent), seed), "alias.t1", A).await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "DS cannot be had: {reply}");

            // It comes along as the server is.
            let lab = validating(&tree(denials), seed);
            let reply = unsigned(&lab, "alias.t1", A, NOERROR).await;
            assert_eq!(reply.a(), ["192.0.2.2"]);
            let told = |reply: &crate::support::Reply| {
                let mut told = reply.message.authority.iter();
                told.any(|told| (told.rtype, &told.rdata) == (beside[0].rtype, &beside[0].rdata))
            };
            assert!(told(&reply), "{reply}");
            let asked = lab.net.packets();
            unsigned(&lab, "mail.u.t1", A, NOERROR).await;
            assert_eq!(lab.net.packets() - asked, 2, "{}", lab.net.story());
            // From the cache it is the same; and nobody gets a denial without SOA for an answer.
            let again = unsigned(&lab, "alias.t1", A, NOERROR).await;
            assert!(told(&again) && lab.net.packets() - asked == 2, "{again}");
            assert_eq!(ask(&lab, "u.t1", RecordType::DS).await.rcode(), Rcode::SERVFAIL);
        }
    });
}

/// Nothing but the zone's own word counts, and only as long as it has not said that there are DS records.
#[test]
fn nothing_else_makes_a_target_unsigned() {
    let (good, apex) = (proof(&tree(Denials::Nsec), "u.t1"), "s.t1. 300 NSEC t.t1. NS SOA RRSIG NSEC");
    let cut = "s.t1. 300 NSEC t.t1. NS RRSIG NSEC";
    let unsigned_set = signed("t1", cut).into_iter().filter(|record| record.rtype == RecordType::NSEC).collect();
    let expanded = signed_as("t1", &set(cut), |rrsig| rrsig.labels = 1);
    let lies: [(&str, Vec<Record>); 6] = [
        ("not signed", unsigned_set),
        ("by another zone", signed("s.t1", cut)),
        ("by the zone above", signed(".", cut)),
        ("of the zone below", signed("t1", apex)),
        ("from a wildcard", expanded),
        ("of another zone", good),
    ];
    run(async {
        for (seed, (what, beside)) in (1..).zip(lies) {
            let forged = Lie::answer(super::forge::bare(&format!("www.s.t1. A {FORGED}"))).to("www.s.t1", A);
            let lying = tree(Denials::Nsec).behave(SERVER, adds("other.t1", beside.clone())).behave(SERVER, forged);
            println!("{what}");
            refused(&validating(&lying, seed), "other.t1", A, &[6, 9, 10, 12, 22]).await;
        }
    });
}

/// A zone that is known to be signed stays so, whatever comes along; and what is in the zone itself is its own.
#[test]
fn what_is_known_of_the_target_counts_for_more() {
    run(async {
        let honest = Tree::signed()
            .secure("t1", &[SERVER], "other CNAME www.s\nhere CNAME www\nwww A 192.0.2.1\n")
            .secure("s.t1", &["198.18.2.1"], "www A 192.0.2.4\nmail A 192.0.2.5\n");
        let cut = || signed("t1", "s.t1. 300 NSEC t.t1. NS RRSIG NSEC");
        let lab = validating(&honest.behave(SERVER, adds("other.t1", cut())).behave(SERVER, adds("here.t1", cut())), 1);
        authentic(&lab, "mail.s.t1", A, NOERROR).await;
        authentic(&lab, "other.t1", A, NOERROR).await;
        let reply = authentic(&lab, "here.t1", A, NOERROR).await;
        assert!(reply.message.authority.is_empty(), "nobody asked for it: {reply}");
        assert_eq!(verdict(&ask(&lab, "www.s.t1", A).await), (NOERROR, true));
    });
}

//! KeyTrap turned around: signatures in somebody else's name, so that a zone above is taken for the trap.

use burdock::dns::{Name, Question, Rcode, Record, RecordType};
use burdock::playground::{Behaviour, Draft, Rrsig};
use burdock::resolver::{Forward, ResolveError, Service};

use super::forge::{set, signed_as};
use super::{A, authentic, from, unsigned, validating};
use crate::support::{Lab, Tree, name, run};

const NOERROR: Rcode = Rcode::NOERROR;
const SERVER: &str = "198.18.1.1";
const EVIL: &str = "198.18.66.1";
const NEAR: &str = "192.0.2.53";

/// Beside each answer in `evil.t1`, eight signatures in the name of `signer`, which are none.
fn framing(signer: &'static str) -> Behaviour {
    Behaviour::edits(move |query, draft: &mut Draft| {
        let owner = query.name();
        if !owner.is_in(&name("evil.t1")) || query.rtype() != Some(A) {
            return;
        }
        let mut records = signed_as(signer, &set(&format!("{owner} A 192.0.2.66")), |_| ());
        let good = records.pop().unwrap();
        records.extend((0..8usize).map(|at| {
            let mut rrsig = Rrsig::parse(&good.rdata).unwrap();
            rrsig.signature[at] ^= 1;
            Record { rdata: rrsig.rdata()[..].into(), ..good.clone() }
        }));
        draft.message.answer = records;
    })
}

/// An unsigned zone on a server, and an honest one above that is signed.
fn tree(server: &str, signer: &'static str) -> Tree {
    let data = "r0 A 192.0.2.66\nr1 A 192.0.2.66\nr2 A 192.0.2.66\n";
    Tree::signed()
        .secure("t1", &[SERVER], "n0 A 192.0.2.1\nn1 A 192.0.2.1\nn2 A 192.0.2.1\n")
        .zone("evil.t1", &[server], data)
        .behave(server, framing(signer))
}

/// What is unsigned is answered as such, at no price, and nobody above is worse off.
async fn blames_nobody(lab: &Lab) {
    for index in 0..3 {
        let owner = format!("r{index}.evil.t1");
        let job = lab.resolver.job();
        let result = lab.resolver.resolve(&Question::new(name(&owner), A), &job).await;
        assert!(result.is_ok(), "{owner}: {result:?}\n{}", lab.net.story());
        assert_eq!(job.budget().work().failures(), 0, "{owner}");
        unsigned(lab, &owner, A, NOERROR).await;
        authentic(lab, &format!("n{index}.t1"), A, NOERROR).await;
    }
}

/// A forwarder passes on what anybody says: neither a top-level domain nor the root is blamed for it.
#[test]
fn nobody_is_blamed_for_what_a_forwarder_passes_on() {
    run(async {
        for (seed, signer) in (1..).zip(["t1", "."]) {
            let tree = tree(EVIL, signer);
            let (internet, anchor) = (tree.internet(), tree.anchor());
            let lab = Lab::with(&internet, seed, |settings, _| {
                settings.dnssec = from(&anchor);
                let to = vec![format!("{NEAR}:53").parse().unwrap()];
                settings.forwards = vec![Forward { zone: Name::root(), to, service: Service::Recursive }];
            });
            let forwarder = lab.beside(&internet, seed + 1000, |_, _| {});
            lab.net.add_resolver(NEAR, &forwarder.responder);
            blames_nobody(&lab).await;
        }
    });
}

/// One server has the signed zone and the unsigned one below: the upper one's owner is not who sent that.
#[test]
fn nobody_is_blamed_for_a_zone_below_on_the_same_server() {
    run(async {
        blames_nobody(&validating(&tree(SERVER, "t1"), 1)).await;
        let lab = validating(&tree(SERVER, "t1"), 2);
        lab.ask("evil.t1", RecordType::DS).await;
        blames_nobody(&lab).await;
    });
}

/// A signed zone whose servers write the name of a zone above: what they send is bogus, and the zone above is not, be it
/// asked for directly or by way of a forwarder.
#[test]
fn nobody_is_blamed_for_a_signed_zone_below() {
    run(async {
        for (seed, signer) in (1..).zip(["t1", "."]) {
            let tree = framed(signer);
            accuses_in_vain(&validating(&tree, seed)).await;
            let (internet, anchor) = (tree.internet(), tree.anchor());
            let lab = Lab::with(&internet, seed, |settings, _| {
                settings.dnssec = from(&anchor);
                let to = vec![format!("{NEAR}:53").parse().unwrap()];
                settings.forwards = vec![Forward { zone: name(signer), to, service: Service::Recursive }];
            });
            let forwarder = lab.beside(&internet, seed + 1000, |_, _| {});
            lab.net.add_resolver(NEAR, &forwarder.responder);
            accuses_in_vain(&lab).await;
        }
    });
}

fn framed(signer: &'static str) -> Tree {
    Tree::signed()
        .secure("t1", &[SERVER], "n0 A 192.0.2.1\nn1 A 192.0.2.1\nn2 A 192.0.2.1\n")
        .secure("evil.t1", &[EVIL], "r0 A 192.0.2.66\nr1 A 192.0.2.66\nr2 A 192.0.2.66\n")
        .behave(EVIL, framing(signer))
}

/// What has such signatures alone is bogus; nobody above is worse off.
async fn accuses_in_vain(lab: &Lab) {
    for index in 0..3 {
        let owner = format!("r{index}.evil.t1");
        let job = lab.resolver.job();
        let result = lab.resolver.resolve(&Question::new(name(&owner), A), &job).await;
        assert!(matches!(result, Err(ResolveError::Bogus { .. })), "{owner}: {result:?}\n{}", lab.net.story());
        authentic(lab, &format!("n{index}.t1"), A, NOERROR).await;
    }
}

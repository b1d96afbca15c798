//! Validation in a signed Internet: what is signed is Secure, what is proven unsigned Insecure, and nothing else passes.

use burdock::dns::{Header, QueryFlags, Rcode, RecordType, RrSet};
use burdock::dnssec::{AnchorRecord, Anchors, Settings, Source};
use burdock::playground::Internet;

use crate::support::{EPOCH, Lab, Reply, Tree, run};
use stage::{Stage, refused, tell};

mod apart;
mod blame;
mod clock;
mod denials;
mod dnames;
mod estranged;
mod findings;
mod forge;
mod keys;
mod operation;
mod outputs;
mod plain;
pub mod scope;
mod signatures;
mod stage;
mod targets;
mod traps;
mod work;

/// What a client that wants DNSSEC records says.
const DO: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
/// What a client that checks for itself says.
const CD: QueryFlags = QueryFlags { dnssec_ok: true, checking_disabled: true, ..Lab::FLAGS };
const A: RecordType = RecordType::A;
const FORGED: &str = "6.6.6.6";

/// A resolver that validates `tree`.
fn validating(tree: &Tree, seed: u64) -> Stage {
    Stage::new(tree.internet(), from(&tree.anchor()), seed)
}

/// What a client that wants DNSSEC records gets: nothing in it may be authentic and forged.
async fn ask(lab: &Lab, owner: &str, rtype: RecordType) -> Reply {
    lab.ask_with(owner, rtype, DO).await
}

/// Asks what is as it should be: this code and AD.
async fn authentic(lab: &Lab, owner: &str, rtype: RecordType, rcode: Rcode) -> Reply {
    let reply = ask(lab, owner, rtype).await;
    assert_eq!(verdict(&reply), (rcode, true), "{owner} {rtype}: {reply}\n{}", lab.net.story());
    reply
}

/// Asks what nobody vouches for: this code, no AD.
async fn unsigned(lab: &Lab, owner: &str, rtype: RecordType, rcode: Rcode) -> Reply {
    let reply = ask(lab, owner, rtype).await;
    assert_eq!(verdict(&reply), (rcode, false), "{owner} {rtype}: {reply}\n{}", lab.net.story());
    reply
}

/// Validation from the keys that `anchor` names.
pub fn from(anchor: &RrSet) -> Settings {
    let mut anchors = Anchors::none();
    let records = anchor.rdatas.iter().map(|rdata| AnchorRecord {
        rtype: anchor.rtype,
        rdata: rdata.to_vec(),
        source: Source::Builtin,
    });
    anchors.replace(&anchor.owner, records.collect());
    Settings { validate: true, anchors, ..Settings::off() }
}

fn lab(seed: u64) -> Lab {
    let (internet, anchor) = Internet::signed(EPOCH).unwrap();
    Lab::with(&internet, seed, |settings, _| settings.dnssec = from(&anchor))
}

fn verdict(reply: &Reply) -> (Rcode, bool) {
    (reply.rcode(), reply.message.header.has(Header::AD))
}

#[test]
fn every_state_is_told_from_the_others() {
    const NOERROR: Rcode = Rcode::NOERROR;
    const SERVFAIL: Rcode = Rcode::SERVFAIL;
    let expected = [
        ("www.secure.test", RecordType::A, (NOERROR, true)),
        ("alias.secure.test", RecordType::A, (NOERROR, true)),
        ("x.wild.secure.test", RecordType::A, (NOERROR, true)),
        ("x.wildalias.secure.test", RecordType::A, (NOERROR, true)),
        ("deep.moved.secure.test", RecordType::A, (NOERROR, true)),
        ("www.secure.test", RecordType::TXT, (NOERROR, true)),
        ("empty.secure.test", RecordType::A, (NOERROR, true)),
        ("nothing.secure.test", RecordType::A, (Rcode::NXDOMAIN, true)),
        ("secure.test", RecordType::DS, (NOERROR, true)),
        ("secure.test", RecordType::DNSKEY, (NOERROR, true)),
        ("secure.test", RecordType::SOA, (NOERROR, true)),
        ("www.nsec.test", RecordType::A, (NOERROR, true)),
        ("nothing.nsec.test", RecordType::A, (Rcode::NXDOMAIN, true)),
        ("www.nsec3.test", RecordType::A, (NOERROR, true)),
        ("www.nsec3.test", RecordType::TXT, (NOERROR, true)),
        ("x.wild.nsec3.test", RecordType::A, (NOERROR, true)),
        ("x.wild.nsec3.test", RecordType::TXT, (NOERROR, true)),
        ("empty.nsec3.test", RecordType::A, (NOERROR, true)),
        ("nothing.nsec3.test", RecordType::A, (Rcode::NXDOMAIN, true)),
        ("www.insecure.test", RecordType::A, (NOERROR, false)),
        ("nothing.insecure.test", RecordType::A, (Rcode::NXDOMAIN, false)),
        ("insecure.test", RecordType::DS, (NOERROR, false)),
        ("www.unknown.test", RecordType::A, (NOERROR, false)),
        ("www.bogus.test", RecordType::A, (SERVFAIL, false)),
        ("mail.bogus.test", RecordType::A, (NOERROR, true)),
        ("www.expired.test", RecordType::A, (SERVFAIL, false)),
        // An opt-out span may hide an unsigned delegation (RFC 5155 §9.2).
        ("nothing.test", RecordType::A, (Rcode::NXDOMAIN, false)),
        ("test", RecordType::DS, (NOERROR, true)),
        ("test", RecordType::NS, (NOERROR, true)),
    ];
    run(async {
        let shared = lab(1);
        for (owner, rtype, wanted) in expected {
            // In a cache that is cold, then in one that knows more and more, then once again.
            let alone = lab(2);
            for lab in [&alone, &shared, &shared] {
                let flags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
                let reply = lab.ask_with(owner, rtype, flags).await;
                assert_eq!(verdict(&reply), wanted, "{owner} {rtype}: {reply}\n{}", lab.net.story());
            }
        }
    });
}

#[test]
fn failures_say_what_is_wrong_and_are_given_to_those_who_check_themselves() {
    run(async {
        let lab = lab(3);
        for (owner, code) in [("www.bogus.test", 6), ("www.expired.test", 7)] {
            let reply = lab.ask(owner, RecordType::A).await;
            assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
            let errors = reply.errors();
            assert!(errors.iter().any(|(found, text)| *found == code && text.contains("test.")), "{errors:?}");
            // RFC 4035 §3.2.2, OPS-04: CD=1 gets the data, and CD=0 gains nothing by it.
            let flags = QueryFlags { checking_disabled: true, ..Lab::FLAGS };
            let unchecked = lab.ask_with(owner, RecordType::A, flags).await;
            assert_eq!((verdict(&unchecked), unchecked.a().len()), ((Rcode::NOERROR, false), 1), "{unchecked}");
            assert_eq!(lab.ask(owner, RecordType::A).await.rcode(), Rcode::SERVFAIL);
        }
    });
}

#[test]
fn the_unsigned_is_explained() {
    run(async {
        let reply = lab(4).ask("www.unknown.test", RecordType::A).await;
        assert!(reply.errors().iter().any(|(code, _)| *code == 1), "{reply}");
    });
}

#[test]
fn ad_is_told_to_those_who_ask_for_it() {
    // RFC 6840 §5.7: AD=1 or DO=1 in the query.
    run(async {
        let lab = lab(5);
        let plain = lab.ask("www.secure.test", RecordType::A).await;
        assert_eq!(verdict(&plain), (Rcode::NOERROR, false), "{plain}");
    });
}

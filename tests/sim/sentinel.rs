//! What a resolver tells of its trust anchors: to whoever asks for certain names (RFC 8509), and to the root's servers
//! (RFC 8145).

use std::time::Duration;

use burdock::dns::{Header, QueryFlags, Rcode, RecordType};
use burdock::dnssec::{AnchorRecord, Settings, Source};

use super::validation::from;
use crate::support::{Lab, Tree, run};

const A: RecordType = RecordType::A;
const DO: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
const CD: QueryFlags = QueryFlags { dnssec_ok: true, checking_disabled: true, ..Lab::FLAGS };

/// The tag of the root's key, and a tree with the four names in a signed zone and one that is not.
fn tree() -> (u16, Tree) {
    let anchor = Tree::signed().anchor();
    let rdata = anchor.rdatas.iter().next().unwrap().to_vec();
    let tag = AnchorRecord { rtype: anchor.rtype, rdata, source: Source::Builtin }.tag();
    let names = |tag: u16| {
        let lines = ["is", "not"].map(|kind| {
            let owner = format!("root-key-sentinel-{kind}-ta-{tag:05}");
            format!("{owner} A 192.0.2.1\n{owner} AAAA 2001:db8::1\n{owner} TXT here\n")
        });
        lines.concat()
    };
    let data = format!("{}{}", names(tag), names(tag.wrapping_add(1)));
    let tree = Tree::signed().secure("t1", &["198.18.1.1"], &data).zone("t2", &["198.18.2.1"], &data);
    (tag, tree)
}

#[test]
fn names_tell_which_keys_are_trusted() {
    // RFC 8509 §3.
    run(async {
        let (tag, tree) = tree();
        let anchor = tree.anchor();
        assert_eq!(anchor, Tree::signed().anchor(), "the key is the same whatever the zones below");
        let lab = Lab::with(&tree.internet(), 1, |settings, _| settings.dnssec = from(&anchor));
        let owner = |kind: &str, tag: u16, zone: &str| format!("root-key-sentinel-{kind}-ta-{tag:05}.{zone}");
        let (yes, no) = (tag, tag.wrapping_add(1));
        for round in 0..2 {
            for rtype in [A, RecordType::AAAA] {
                for (kind, tag, told) in [("is", yes, true), ("is", no, false), ("not", yes, false), ("not", no, true)]
                {
                    let reply = lab.ask_with(&owner(kind, tag, "t1"), rtype, DO).await;
                    let rcode = if told { Rcode::NOERROR } else { Rcode::SERVFAIL };
                    assert_eq!(
                        (reply.rcode(), reply.message.header.has(Header::AD)),
                        (rcode, told),
                        "{round}: {reply}"
                    );
                    assert_eq!(reply.message.answer.is_empty(), !told, "{reply}");
                    // Of what is not signed, of other types, and to those who check for themselves, nothing is told.
                    for (zone, rtype, flags) in [("t2", rtype, DO), ("t1", RecordType::TXT, DO), ("t1", rtype, CD)] {
                        let reply = lab.ask_with(&owner(kind, tag, zone), rtype, flags).await;
                        assert!(reply.rcode() == Rcode::NOERROR && !reply.message.answer.is_empty(), "{reply}");
                    }
                }
            }
        }
        let off = Settings { root_key_sentinel: false, ..from(&anchor) };
        let lab = Lab::with(&tree.internet(), 1, |settings, _| settings.dnssec = off);
        assert_eq!(lab.ask_with(&owner("is", no, "t1"), A, DO).await.rcode(), Rcode::NOERROR);
    });
}

#[test]
fn the_roots_servers_are_told_which_keys_are_trusted() {
    // RFC 8145 §5.1.
    run(async {
        let (tag, tree) = tree();
        let asked = |lab: &Lab| {
            let exchanges = lab.net.exchanges();
            let questions = exchanges.iter().filter_map(|exchange| exchange.question.clone());
            questions
                .filter(|question| question.rtype == RecordType::NULL)
                .map(|q| q.name.to_lowercase().to_string())
                .collect()
        };
        for (signals, expected) in [(true, vec![format!("_ta-{tag:04x}.")]), (false, Vec::new())] {
            let settings = Settings { anchor_signals: signals, ..from(&tree.anchor()) };
            let lab = Lab::with(&tree.internet(), 1, |s, _| s.dnssec = settings);
            // What the root has proven not to exist does not keep it from them.
            for name in ["_a", "_z", "a", "nothing"] {
                lab.ask_with(name, A, DO).await;
            }
            lab.resolver.signal_anchors().await;
            lab.wait(Duration::from_secs(5)).await;
            let got: Vec<String> = asked(&lab);
            assert_eq!(got, expected);
        }
    });
}

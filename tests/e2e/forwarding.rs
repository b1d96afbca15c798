//! Forward and stub zones with real peers: Debian's Unbound in front of Burdock, and behind it.

use std::process::Command;

use super::ask::Reply;
use super::chain_zones::ZONES;
use super::differential::{unbound, unbound_with};
use super::program::{Burdock, PROGRAM};
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("behind_unbound_burdock_says_what_it_says_by_itself", behind_unbound_burdock_says_what_it_says_by_itself),
    ("in_front_of_burdock_unbound_validates", in_front_of_burdock_unbound_validates),
    ("a_stub_zone_needs_no_tree_above_it", a_stub_zone_needs_no_tree_above_it),
];

/// Hints that lead to nobody: whatever is answered came another way.
const NOWHERE: &str = ". NS nobody.\nnobody. A 127.54.99.99\n";

fn said(reply: &Reply) -> (String, bool) {
    (reply.status.clone(), reply.has("ad"))
}

/// RCODE and AD of every kind of zone, those with flaws included: Unbound validates, too, so that what is bogus is had
/// from it with CD=1 alone. The forwarder's network is one in which no other server would be asked.
fn behind_unbound_burdock_says_what_it_says_by_itself(stage: &Stage) {
    let chain = stage.chain();
    let (_unbound, port) = unbound(chain);
    let more = format!(
        "resolver: {{ root-hints: hints, ipv6: false }}\nlocal: {{ special-use: false }}\n\
         dnssec: {{ trust-anchors: {} }}\nforward: [{{ zone: ., to: 127.0.0.1@{port} }}]\n",
        chain.anchors.display()
    );
    let behind = Burdock::launch(&chain.folder.join("behind"), NOWHERE, &["127.0.0.1"], &more);
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for zone in ZONES.iter().filter(|zone| zone.has_www()) {
        for question in [format!("www.{} A", zone.apex), format!("missing.{} A", zone.apex)] {
            let [ours, direct] = [&behind, &chain.burdock].map(|one| one.dig().with("+dnssec").ask(&question));
            if said(&ours) != said(&direct) {
                wrong.push(format!("{question}: {:?}, by itself {:?}\n{}", said(&ours), said(&direct), ours.text));
            }
            seen.push(said(&ours));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), behind.log());
    for (status, ad) in [("NOERROR", true), ("NOERROR", false), ("NXDOMAIN", true), ("SERVFAIL", false)] {
        assert!(seen.contains(&(status.to_owned(), ad)), "no {status} with AD {ad}: {seen:?}");
    }
}

fn in_front_of_burdock_unbound_validates(stage: &Stage) {
    let chain = stage.chain();
    let zones = format!("forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{}\n", chain.burdock.port);
    let (_unbound, port) = unbound_with(chain, "front", &zones);
    let dig = super::ask::Asker::dig("127.0.0.1", port).with("+dnssec");
    for (question, status, ad) in [
        ("www.ed.test A", "NOERROR", true),
        ("missing.ed.test A", "NXDOMAIN", true),
        ("www.algorithm.test A", "NOERROR", false),
        ("www.dssig.test A", "SERVFAIL", false),
    ] {
        let reply = dig.ask(question);
        assert_eq!(said(&reply), (status.to_owned(), ad), "{question}: {}", reply.text);
    }
}

fn a_stub_zone_needs_no_tree_above_it(stage: &Stage) {
    let lab = &stage.lab;
    let more = format!(
        "resolver: {{ root-hints: hints, ipv6: false }}\ndnssec: {{ validate: false }}\n\
         forward: [{{ zone: leaf.net, to: [127.54.2.1@{0}, 127.54.3.1@{0}], recursive: false }}]\n",
        lab.port
    );
    let burdock = Burdock::launch(&lab.folder.join("stub"), NOWHERE, &["127.0.0.1"], &more);
    assert_eq!(burdock.dig().ask("www.leaf.net AAAA").expect("NOERROR").data("AAAA"), ["2001:db8::1"]);
    burdock.dig().ask("nothing.leaf.net A").expect("NXDOMAIN");
    let configuration = burdock.configuration.to_str().expect("a plain path");
    let trace = Command::new(PROGRAM).args(["trace", "--config", configuration, "www.leaf.net", "AAAA"]).output();
    let text = String::from_utf8_lossy(&trace.expect("it starts").stdout).into_owned();
    assert!(text.contains("zone leaf.net. with 2 stub servers, as configured"), "{text}");
    assert!(text.contains(&format!("127.54.2.1:{}", lab.port)) || text.contains(&format!("127.54.3.1:{}", lab.port)));
}

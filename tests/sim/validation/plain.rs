//! Signed zones whose servers somebody wants to be asked without OPT: lost packets and forged complaints do not do it.

use std::time::Duration;

use burdock::dns::{Header, Rcode};
use burdock::playground::{Behaviour, Kind, Response};
use burdock::world::Transport;

use super::{A, authentic, validating};
use crate::attacks::at_most;
use crate::support::{Lab, Tree, name, run};

const SERVER: &str = "198.18.1.1";

fn tree() -> Tree {
    Tree::signed().secure("t1", &[SERVER], "www A 192.0.2.1\nmail A 192.0.2.2\nftp A 192.0.2.3")
}

fn unsigned_tree() -> Tree {
    let data: String = (0..60).map(|n| format!("h{n} A 192.0.2.{n}\n")).collect();
    Tree::new().zone("t1", &[SERVER], &data)
}

/// The first two datagrams are lost, wherever the third goes.
fn lossy() -> Behaviour {
    Behaviour::SilentUntil(3)
}

/// A complaint in twelve octets, ahead of every reply to a datagram about `www.t1` or `h0.t1` with OPT.
fn forged_complaint() -> Behaviour {
    Behaviour::edits(|query, draft| {
        let is_target = [name("www.t1"), name("h0.t1")].contains(&query.name());
        if is_target && query.transport == Transport::Udp && query.message.edns.is_some() {
            let [high, low] = query.message.header.id.to_be_bytes();
            let complaint = vec![high, low, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            draft.others.push(Response { delay: Duration::ZERO, kind: Kind::Packet(complaint) });
            draft.delay += Duration::from_millis(5);
        }
    })
}

fn with_opt_at(lab: &Lab, last: usize) -> bool {
    let sent = lab.net.exchanges();
    sent.iter().rev().filter(|sent| sent.server.ip().to_string() == SERVER).take(last).all(|sent| sent.edns)
}

/// Whatever the server of a signed zone does, it is asked with OPT every time, and believed (RFC 4035 §4.1).
fn keeps_its_signatures(behaviour: Behaviour, seed: u64) {
    run(async {
        let lab = validating(&tree().behave(SERVER, behaviour), seed);
        authentic(&lab, "www.t1", A, Rcode::NOERROR).await;
        authentic(&lab, "mail.t1", A, Rcode::NOERROR).await;
        assert!(with_opt_at(&lab, usize::MAX), "{}", lab.net.story());
    });
}

#[test]
fn lost_packets_do_not_cost_a_signed_zone_its_signatures() {
    keeps_its_signatures(lossy(), 1);
}

#[test]
fn a_forged_complaint_does_not_cost_a_signed_zone_its_signatures() {
    keeps_its_signatures(forged_complaint(), 2);
}

/// Not even when its only server drops all that has OPT: the answer without would be of no use.
#[test]
fn int_01_a_signed_zone_is_never_asked_without_opt() {
    run(async {
        let lab = validating(&tree().behave(SERVER, Behaviour::DropsEdns), 6);
        for owner in ["www.t1", "mail.t1"] {
            assert_eq!(lab.ask(owner, A).await.rcode(), Rcode::SERVFAIL, "{}", lab.net.story());
        }
        let plain = lab.net.exchanges().iter().filter(|sent| !sent.edns).count();
        at_most("INT-01", "packets without OPT to a signed zone", plain, 0);
    });
}

/// RFC 6891 §7: a server that replies is asked with OPT; a complaint whose sender had to guess no more than an ID is heard
/// over TCP, too.
#[test]
fn a_forged_complaint_does_not_switch_opt_off() {
    run(async {
        let lab = Lab::new(&unsigned_tree().behave(SERVER, forged_complaint()).internet(), 3);
        assert_eq!(lab.ask("h0.t1", A).await.a(), ["192.0.2.0"]);
        assert_eq!(lab.ask("h1.t1", A).await.a(), ["192.0.2.1"]);
        assert!(with_opt_at(&lab, 1), "{}", lab.net.story());
        // A server that always complains so, and has no stream, is lived with.
        let old = Behaviour::edits(|query, draft| {
            if query.message.edns.is_some() {
                draft.message.question = None;
                draft.message.edns = None;
                draft.message.answer.clear();
                draft.message.authority.clear();
                draft.message.additional.clear();
                draft.message.header.flags = draft.message.header.flags & !0xf & !Header::AA | 1;
            }
        });
        let tree = unsigned_tree().behave(SERVER, old).behave(SERVER, Behaviour::Refuses(Transport::Tcp));
        let lab = Lab::new(&tree.internet(), 4);
        assert_eq!(lab.ask("h0.t1", A).await.a(), ["192.0.2.0"], "{}", lab.net.story());
    });
}

/// What was taken for a server that drops OPT is asked with OPT again after a while, however busy it is.
#[test]
fn traffic_does_not_keep_opt_switched_off() {
    run(async {
        let lab = Lab::new(&unsigned_tree().behave(SERVER, lossy()).internet(), 5);
        for n in 0..40 {
            assert_eq!(lab.ask(&format!("h{n}.t1"), A).await.a(), [format!("192.0.2.{n}")]);
            lab.wait(Duration::from_secs(30)).await;
        }
        assert!(with_opt_at(&lab, 1), "{}", lab.net.story());
    });
}

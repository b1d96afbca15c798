//! Forwarders in a circle (AMP-13): each sends a question on once, and the one that knows it for its own ends it.

use std::sync::Arc;

use super::*;
use crate::attacks::at_most;
use burdock::responder::{Client, ClientTransport};

const ADDRESSES: [&str; 3] = ["192.0.2.53", "192.0.2.54", "192.0.2.55"];

/// As many resolvers, each of which forwards `.` to the next, the last to the first; `also` is a further forwarder of the first.
fn circle(tree: &Tree, seed: u64, resolvers: usize, validate: bool, also: Option<&str>) -> Vec<Lab> {
    let internet = tree.internet();
    let settings = |index: usize| {
        let (anchor, next) = (tree.anchor(), ADDRESSES[(index + 1) % resolvers]);
        let to: Vec<&str> = std::iter::once(next).chain(also.filter(|_| index == 0)).collect();
        let forwards = vec![forward(".", &to)];
        move |settings: &mut Settings, _: &mut Limits| {
            settings.forwards = forwards;
            if validate {
                settings.dnssec = from(&anchor);
            }
        }
    };
    let mut labs = vec![Lab::with(&internet, seed, settings(0))];
    for index in 1..resolvers {
        let next = labs[0].beside(&internet, seed + index as u64, settings(index));
        labs.push(next);
    }
    for (lab, address) in labs.iter().zip(ADDRESSES) {
        labs[0].net.add_resolver(address, &lab.responder);
    }
    labs
}

fn signed() -> Tree {
    let data = "www A 192.0.2.1\nx A 192.0.2.2\n";
    Tree::signed().secure("t1", &[TLD], "").secure("d1.t1", &[FIRST], data)
}

/// One packet for each resolver in the circle, at once, whether they validate or not, and what comes of it is remembered.
#[test]
fn amp_13_forwarders_in_a_circle() {
    for resolvers in 2..=3 {
        for validate in [false, true] {
            run(async {
                let labs = circle(&signed(), 10, resolvers, validate, None);
                let lab = &labs[0];
                for owner in ["www.d1.t1", "x.d1.t1"] {
                    let before = lab.net.packets();
                    let reply = fails(lab, owner, UNREACHABLE).await;
                    let story = lab.net.story();
                    assert!(reply.after < Duration::from_millis(100), "{reply}\n{story}");
                    lab.wait(Duration::from_secs(10)).await;
                    let what =
                        format!("packets in a circle of {resolvers}{}", if validate { " that validate" } else { "" });
                    at_most("AMP-13", &what, lab.net.packets() - before, 3);
                }
                assert_eq!(lab.net.packets_to(ROOT), 0);
            });
        }
    }
}

/// Many at once, who ask both of two: no more for each of them.
#[test]
fn amp_13_many_clients_of_both_in_a_circle() {
    run(async {
        let labs: Vec<Arc<Lab>> = circle(&signed(), 20, 2, false, None).into_iter().map(Arc::new).collect();
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..100 {
            for lab in &labs {
                let lab = Arc::clone(lab);
                asking.spawn(async move { lab.ask(&format!("w{n}.d1.t1"), A).await.rcode() });
            }
        }
        assert!(asking.join_all().await.iter().all(|rcode| *rcode == Rcode::SERVFAIL));
        labs[0].wait(Duration::from_secs(10)).await;
        at_most("AMP-13", "packets in a circle for 200 questions to both", labs[0].net.packets(), 600);
    });
}

/// A forwarder that is in no circle answers for the one that is.
#[test]
fn amp_13_one_way_out_of_a_circle() {
    run(async {
        for seed in 30..40 {
            let tree = signed();
            let labs = circle(&tree, seed, 2, true, Some("192.0.2.60"));
            let anchor = tree.anchor();
            let good = labs[0].beside(&tree.internet(), 7, |settings, _| settings.dnssec = from(&anchor));
            labs[0].net.add_resolver("192.0.2.60", &good.responder);
            gets(&labs[0], "www.d1.t1", "192.0.2.1").await;
            gets(&labs[1], "x.d1.t1", "192.0.2.2").await;
        }
    });
}

/// The host of a forwarder may itself be a client, and ask what is just being asked of its forwarder: that is no circle. Nor
/// are marks that a client has made up, however many: whoever asks the same is answered.
#[test]
fn amp_13_what_is_no_circle() {
    run(async {
        let tree = tree();
        let lab = Arc::new(lab(&tree, 50, &[NEAR], vec![forward(".", &[NEAR])]));
        let question = Question::new(name("www.d1.t1"), A);
        let packet = burdock::dns::write_query(5, &question, Lab::FLAGS);
        let client = Client { address: SocketAddr::new(NEAR.parse().unwrap(), 4711), transport: ClientTransport::Udp };
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (lab, packet) = (Arc::clone(&lab), packet.clone());
            asking.spawn(async move { Message::parse(&lab.exchange(&packet, &client).await.unwrap()).unwrap() });
        }
        assert!(asking.join_all().await.iter().all(|reply| reply.answer.len() == 1), "{}", lab.net.story());
        assert_eq!(sent_to(&lab, NEAR).len(), 1);
        for marks in [1, 7, 8, 9, 500] {
            let question = Question::new(name(&format!("w{marks}.d1.t1")), RecordType::TXT);
            let packet = marked(&question, marks);
            let reply = Message::parse(&lab.exchange(&packet, &client).await.unwrap()).unwrap();
            assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{marks} marks\n{}", lab.net.story());
        }
    });
}

/// Whoever sends made-up marks into a circle hides it from nobody.
#[test]
fn amp_13_made_up_marks_hide_no_circle() {
    run(async {
        let labs = circle(&signed(), 60, 3, true, None);
        let lab = &labs[0];
        let packet = marked(&Question::new(name("www.d1.t1"), A), 500);
        let client = Client { address: "192.0.2.9:4711".parse().unwrap(), transport: ClientTransport::Tcp };
        let reply = Message::parse(&lab.exchange(&packet, &client).await.unwrap()).unwrap();
        assert_eq!(reply.rcode(), Rcode::SERVFAIL);
        lab.wait(Duration::from_secs(10)).await;
        at_most("AMP-13", "packets in a circle of 3 for a question with 500 made-up marks", lab.net.packets(), 3);
    });
}

/// A query with so many marks of nobody.
fn marked(question: &Question, marks: usize) -> Vec<u8> {
    let mut packet = burdock::dns::write_query(5, question, Lab::FLAGS).to_vec();
    let value = [0x5a; 8].repeat(marks);
    let octets = u16::try_from(value.len()).unwrap();
    let at = packet.len() - 2;
    packet[at..].copy_from_slice(&(octets + 4).to_be_bytes());
    packet.extend([0xfe, 0x1d].into_iter().chain(octets.to_be_bytes()).chain(value));
    packet
}

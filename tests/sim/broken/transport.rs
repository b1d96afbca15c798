//! Truncation, TCP and its absence, packets that are not ours, messages in pieces (RFC 7766, RFC 5452).

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Question, RecordType};
use burdock::playground::{Behaviour, Fate, Kind, Response};
use burdock::telemetry::{Entry, Step, Trace};
use burdock::world::Transport;

use super::{FIRST, SECOND, fail, get, one, two};
use crate::attacks::at_most;
use crate::support::{Lab, Tree, name, run};

/// TC over UDP, and TCP is refused or silent: two TCP tries at most, then SERVFAIL with a reason.
#[test]
fn int_07_truncation_without_tcp_fails_in_bounds() {
    for closed in [Behaviour::Refuses(Transport::Tcp), Behaviour::SilentOver(Transport::Tcp)] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::Truncates).behave(FIRST, closed.clone()).internet(), 1);
            let (_, cost) = fail(&lab, "www.d1.t1", &[22, 23]).await;
            let tcp = lab.net.packets_over(Transport::Tcp);
            at_most("INT-07", &format!("TC, and {closed:?}: SERVFAIL, TCP queries"), tcp, 2);
            at_most("INT-07", &format!("TC, and {closed:?}: SERVFAIL, packets"), cost, 12);
        });
    }
}

/// The same beside a server that works: its answer, without waiting for the other's TCP for long.
#[test]
fn int_07_truncation_without_tcp_leaves_the_other_server() {
    for closed in [Behaviour::Refuses(Transport::Tcp), Behaviour::SilentOver(Transport::Tcp)] {
        let mut longest = Duration::ZERO;
        for seed in 0..8 {
            run(async {
                let tree = two().behave(FIRST, Behaviour::Truncates).behave(FIRST, closed.clone());
                let lab = Lab::new(&tree.internet(), seed);
                let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
                longest = longest.max(reply.after);
            });
        }
        // The walk, and twice a round trip and a timeout.
        at_most("INT-07", &format!("TC, and {closed:?}: ms for the other server's answer"), longest.as_millis(), 900);
    }
}

/// No TCP query is left to the question: that is one server's trouble, the others answer over UDP.
#[test]
fn int_07_a_spent_tcp_budget_leaves_the_other_server() {
    for seed in 0..8 {
        run(async {
            let tree = two().behave(FIRST, Behaviour::Truncates);
            let lab = Lab::with(&tree.internet(), seed, |_, limits| limits.tcp_queries = 0);
            get(&lab, "www.d1.t1", "192.0.2.1").await;
            // When nobody else answers, the bound is what the client is told, not the silence of the others.
            let tree = tree.behave(SECOND, Behaviour::SilentOver(Transport::Udp));
            let lab = Lab::with(&tree.internet(), seed, |_, limits| limits.tcp_queries = 0);
            let (reply, _) = fail(&lab, "www.d1.t1", &[22]).await;
            assert!(reply.errors().iter().any(|(_, text)| text.contains("[TCPQ]")), "{reply}\n{}", lab.net.story());
            assert_eq!(lab.net.packets_over(Transport::Tcp), 0, "{}", lab.net.story());
        });
    }
}

/// A client's question has few TCP queries: those for the addresses of dead servers do not use them up.
#[test]
fn int_07_dead_servers_of_servers_get_no_tcp() {
    run(async {
        let dead = "198.18.3.1";
        let tree = Tree::with_tld().zone("t2", &[dead], "ns A 198.18.2.9\n").delegate("d1.t1", "d1.t1. NS ns.t2.\n");
        let lab = Lab::new(&tree.behave(dead, Behaviour::Silent).internet(), 9);
        fail(&lab, "www.d1.t1", &[0, 22, 23]).await;
        assert_eq!(lab.net.packets_over(Transport::Tcp), 0, "{}", lab.net.story());
        assert!(lab.net.packets_to(dead) >= 3, "{}", lab.net.story());
    });
}

/// Nothing but TCP answers: the last try finds it.
#[test]
fn int_07_a_server_that_answers_over_tcp_only() {
    for deaf in [Behaviour::SilentOver(Transport::Udp), Behaviour::Refuses(Transport::Udp)] {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, deaf.clone()).internet(), 2);
            let (reply, _) = get(&lab, "www.d1.t1", "192.0.2.1").await;
            assert_eq!(lab.net.packets_over(Transport::Tcp), 1, "{deaf:?}\n{}", lab.net.story());
            at_most("INT-07", &format!("{deaf:?}: packets until TCP answers"), lab.net.packets_to(FIRST), 4);
            at_most("INT-07", &format!("{deaf:?}: ms until TCP answers"), reply.after.as_millis(), 3000);
            // That is known then, and forgotten when a datagram is answered after all.
            let (reply, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
            at_most("INT-07", &format!("{deaf:?}: packets for the next name"), cost, 2);
            at_most("INT-07", &format!("{deaf:?}: ms for the next name"), reply.after.as_millis(), 460);
            lab.net.rewire(|servers| servers.get_mut(&FIRST.parse().unwrap()).unwrap().behaviours.clear());
            for (owner, address) in [("www3.d1.t1", "192.0.2.4"), ("www4.d1.t1", "192.0.2.5")] {
                let (_, cost) = get(&lab, owner, address).await;
                at_most("INT-07", "a server that answers datagrams again: packets", cost, 1);
            }
        });
    }
}

/// Such a server is not asked over a stream for the addresses of other servers. That it leaves those questions unanswered
/// says nothing of a client's own: anybody can have a zone that is delegated to names there.
#[test]
fn int_07_tcp_alone_is_not_forgotten_for_the_sake_of_another_zone() {
    run(async {
        let tree = one().behave(FIRST, Behaviour::SilentOver(Transport::Udp));
        let lab = Lab::new(&tree.delegate("d2.t1", "d2.t1. NS www3.d1.t1.\n").internet(), 2);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        fail(&lab, "www.d2.t1", &[22, 23]).await;
        let (_, cost) = get(&lab, "www2.d1.t1", "192.0.2.2").await;
        at_most("INT-07", "TCP alone, after silence to another zone's walk: packets for the next name", cost, 2);
    });
}

/// Nor does it say anything that a question had no TCP query left when it came to the server: anybody can have a zone that
/// uses them up, and leads to names of another one.
#[test]
fn int_07_a_stream_that_was_not_tried_says_nothing() {
    run(async {
        let tree = one().zone("d2.t1", &[SECOND], "www CNAME www4.d1.t1.\n").behave(SECOND, Behaviour::Truncates);
        let lab = Lab::with(&tree.internet(), 2, |_, limits| limits.tcp_queries = 1);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let deaf = Behaviour::SilentOver(Transport::Udp);
        lab.net.rewire(|servers| servers.get_mut(&FIRST.parse().unwrap()).unwrap().behaviours.push(deaf));
        let (reply, _) = fail(&lab, "www.d2.t1", &[22]).await;
        assert!(reply.errors().iter().any(|(_, text)| text.contains("[TCPQ]")), "{reply}\n{}", lab.net.story());
        get(&lab, "www2.d1.t1", "192.0.2.2").await;
    });
}

/// A server that says nothing: each try that stayed without reply is told of, the last datagram and the stream, too.
#[test]
fn int_07_every_silence_is_told() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::Silent).internet(), 3);
        let trace = Arc::new(Trace::new(lab.clock.now()));
        let question = Question::new(name("www.d1.t1"), RecordType::A);
        assert!(lab.resolver.resolve(&question, &lab.resolver.job().traced(Arc::clone(&trace))).await.is_err());
        let to = |wanted: std::net::SocketAddr| wanted.ip().to_string() == FIRST;
        let tell = |entry: &Entry| match &entry.step {
            Step::Sent { server, transport, .. } if to(*server) => Some((None, *transport)),
            Step::Failed { server, transport, after, .. } if to(*server) => Some((Some(after.as_millis()), *transport)),
            _ => None,
        };
        let told: Vec<_> = trace.entries().iter().filter_map(tell).collect();
        let (udp, tcp) = (Transport::Udp, Transport::Tcp);
        let tries = [(udp, 400), (udp, 1700), (udp, 600), (tcp, 3000)];
        let steps = tries.into_iter().flat_map(|(transport, after)| [(None, transport), (Some(after), transport)]);
        assert_eq!(told, steps.collect::<Vec<_>>());
    });
}

/// A reply from another port is never heard; the other server is.
#[test]
fn int_21_replies_from_elsewhere_do_not_count() {
    run(async {
        let lab = Lab::new(&two().behave(FIRST, Behaviour::WrongPort).internet(), 3);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        let lab = Lab::new(&one().behave(FIRST, Behaviour::WrongPort).internet(), 4);
        let (_, cost) = fail(&lab, "www.d1.t1", &[22, 23]).await;
        at_most("INT-21", "replies from another port: SERVFAIL, packets", cost, 12);
    });
}

/// A wrong ID is a near miss: the stream is asked at once, nothing wrong is believed.
#[test]
fn int_21_a_wrong_id_is_never_believed() {
    run(async {
        let wrong_over_udp = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Udp {
                draft.message.header.id ^= 0x0100;
            }
        });
        let lab = Lab::new(&one().behave(FIRST, wrong_over_udp).internet(), 5);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        assert!(lab.net.packets_over(Transport::Tcp) >= 1, "{}", lab.net.story());
        let lab = Lab::new(&one().behave(FIRST, Behaviour::WrongId).internet(), 6);
        fail(&lab, "www.d1.t1", &[22, 23, 24]).await;
    });
}

/// Octets behind the message are ignored.
#[test]
fn int_21_trailing_octets_do_not_matter() {
    run(async {
        let lab = Lab::new(&one().behave(FIRST, Behaviour::Trails(7)).internet(), 7);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        at_most("INT-21", "octets behind the message: packets to the server", lab.net.packets_to(FIRST), 1);
    });
}

/// Forged replies before the genuine one, IDs guessed: not one is believed.
#[test]
fn int_21_forgeries_lose() {
    let mut believed = 0;
    for seed in 0..20 {
        run(async {
            let lab = Lab::new(&one().behave(FIRST, Behaviour::Forged(5, [203, 0, 113, 66])).internet(), seed);
            for (owner, address) in [("www.d1.t1", "192.0.2.1"), ("www2.d1.t1", "192.0.2.2")] {
                believed += usize::from(lab.ask(owner, RecordType::A).await.a() != [address]);
            }
        });
    }
    at_most("INT-21", "forged replies believed, of 200", believed, 0);
}

/// One question, a stream of messages that never ends: the first one counts.
#[test]
fn int_26_a_flood_of_messages_in_one_connection() {
    run(async {
        let flood = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Tcp {
                let mut noise = draft.clone();
                noise.message.answer.iter_mut().for_each(|record| record.rdata = (&[203u8, 0, 113, 9][..]).into());
                let bytes = noise.bytes();
                let late = |n: u64| Response { delay: Duration::from_millis(1 + n), kind: Kind::Packet(bytes.clone()) };
                draft.others.extend((0..200).map(late));
            }
        });
        // `others` comes first in the list, but later in time.
        let lab = Lab::new(&one().behave(FIRST, Behaviour::Truncates).behave(FIRST, flood).internet(), 8);
        get(&lab, "www.d1.t1", "192.0.2.1").await;
        at_most("INT-26", "a stream of 200 messages: TCP queries", lab.net.packets_over(Transport::Tcp), 1);
    });
}

/// The connection is closed under the question: it is asked once elsewhere, or once more.
#[test]
fn int_28_a_connection_closed_in_the_middle() {
    run(async {
        let closes = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Tcp {
                draft.fate = Fate::Reset;
            }
        });
        let tree = two().behave(FIRST, Behaviour::Truncates).behave(FIRST, closes).behave(SECOND, Behaviour::Truncates);
        let mut most = 0;
        for seed in 0..8 {
            let lab = Lab::new(&tree.internet(), seed);
            let reply = lab.ask("big.d1.t1", RecordType::TXT).await;
            assert_eq!(reply.data(RecordType::TXT).len(), 10, "{reply}\n{}", lab.net.story());
            most = most.max(lab.net.packets_over(Transport::Tcp));
        }
        at_most("INT-28", "connections closed under the question: TCP queries", most, 2);
    });
}

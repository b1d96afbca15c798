//! AMP-11, AMP-12: truncation without end, streams that break, complaints that never stop.
//!
//! What a stream can do octet by octet (trickle, half a length, close) is played on sockets in `net::outbound`.

use std::sync::atomic::{AtomicUsize, Ordering};

use burdock::dns::{Header, Rcode};
use burdock::playground::{Behaviour, Fate, Opt};
use burdock::world::Transport;

use super::*;
use crate::support::{Tree, run};

const SERVERS: [&str; 4] = [EVIL, "198.18.66.2", "198.18.66.3", "198.18.66.4"];

/// Four servers that all truncate, and do this over TCP.
fn truncating(over_tcp: &Behaviour) -> Tree {
    let tree = Tree::with_tld().zone("evil.t1", &SERVERS, "www A 192.0.2.1\n");
    SERVERS.iter().fold(tree, |tree, server| tree.behave(server, Behaviour::Truncates).behave(server, over_tcp.clone()))
}

/// TC over UDP, and a stream that is of no use: refused, cut, silent, truncated again, or another's reply.
#[test]
fn amp_11_truncation_and_a_stream_that_fails() {
    let over_tcp = |change: fn(&mut burdock::playground::Draft)| {
        Behaviour::edits(move |query, draft| {
            if query.transport == Transport::Tcp {
                change(draft);
            }
        })
    };
    let cases = [
        ("refused", Behaviour::Refuses(Transport::Tcp)),
        ("silent", Behaviour::SilentOver(Transport::Tcp)),
        ("half a message", over_tcp(|draft| draft.cut = Some(20))),
        ("TC again", over_tcp(|draft| draft.message.header.flags |= Header::TC)),
        ("wrong ID", over_tcp(|draft| draft.message.header.id ^= 1)),
        ("reset", over_tcp(|draft| draft.fate = Fate::Reset)),
    ];
    for (what, behaviour) in cases {
        run(async {
            let lab = Lab::new(&truncating(&behaviour).internet(), 1);
            let (reply, packets) = ask(&lab, "www.evil.t1").await;
            // What is truncated on a stream is said, and is no answer (RFC 8914 §4.25).
            assert_failed(&reply, if what == "TC again" { &[24] } else { &[22, 23] }, &lab);
            at_most("AMP-11", &format!("{what}: TCP queries"), lab.net.packets_over(Transport::Tcp), 4);
            for server in SERVERS {
                let of = |e: &&crate::support::Exchange| {
                    e.server.ip().to_string() == server && e.transport == Transport::Tcp
                };
                at_most(
                    "AMP-11",
                    &format!("{what}: TCP queries to one"),
                    lab.net.exchanges().iter().filter(of).count(),
                    2,
                );
            }
            at_most("AMP-11", &format!("{what}: packets"), packets, 12);
            at_most("AMP-11", &format!("{what}: seconds"), reply.after.as_secs_f64(), 5.01);
        });
    }
}

/// FORMERR, whatever is asked and however: twice for each server, with OPT and without.
#[test]
fn amp_12_complaints_without_end() {
    for rcode in [Rcode::FORMERR, Rcode::NOTIMP, Rcode::BADVERS, Rcode(23)] {
        run(async {
            let tree = Tree::with_tld().zone("evil.t1", &SERVERS[..2], "www A 192.0.2.1\n");
            let tree = SERVERS[..2].iter().fold(tree, |tree, server| {
                let complaint =
                    if rcode.0 < 16 { Behaviour::Always(rcode) } else { Behaviour::RejectsEdns(rcode, Opt::Present) };
                // A server that knows such a code complains without OPT, too.
                tree.behave(server, complaint).behave(
                    server,
                    Behaviour::edits(|query, draft| {
                        if query.message.edns.is_none() {
                            draft.message.answer.clear();
                            draft.message.header.flags = draft.message.header.flags & !0xf | Rcode::FORMERR.0;
                        }
                    }),
                )
            });
            let lab = Lab::new(&tree.internet(), 2);
            let (reply, _) = ask(&lab, "www.evil.t1").await;
            assert_failed(&reply, &[0, 22, 24], &lab);
            for server in &SERVERS[..2] {
                let allowed = if rcode == Rcode(23) { 3 } else { 2 };
                at_most(
                    "AMP-12",
                    &format!("{rcode} for everything: packets to a server"),
                    lab.net.packets_to(server),
                    allowed,
                );
            }
        });
    }
}

/// Aliases, each link over a stream and in the company of 60,000 octets: a question takes in so much and no more.
#[test]
fn amp_11_long_replies_one_after_the_other() {
    run(async {
        let filled = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Tcp {
                let text = [&[250][..], &[b'x'; 250]].concat();
                let filling = record(&name("x.evil.t1"), RecordType::TXT, &text);
                draft.message.additional.extend(std::iter::repeat_n(filling, 220));
            }
        });
        let tree = Tree::with_tld()
            .zone("evil.t1", &SERVERS[..1], "a CNAME b\nb CNAME c\nc CNAME d\nd A 192.0.2.1")
            .behave(SERVERS[0], filled)
            .behave(SERVERS[0], Behaviour::Truncates);
        let lab = Lab::new(&tree.internet(), 1);
        let (reply, _) = ask(&lab, "a.evil.t1").await;
        assert_failed(&reply, &[0, 22], &lab);
        at_most("AMP-11", "replies of 60,000 octets for one question", lab.net.packets_over(Transport::Tcp), 3);
        // Two of them it may have.
        assert_eq!(ask(&lab, "c.evil.t1").await.0.a(), ["192.0.2.1"], "{}", lab.net.story());
    });
}

/// One server, which truncates, and whose first stream is silent: that one is given up in time for another.
#[test]
fn amp_11_a_silent_stream_is_given_up() {
    run(async {
        let streams = AtomicUsize::new(0);
        let silent_once = Behaviour::edits(move |query, draft| {
            if query.transport == Transport::Tcp && streams.fetch_add(1, Ordering::Relaxed) == 0 {
                draft.fate = Fate::Dropped;
            }
        });
        let tree = Tree::with_tld()
            .zone("evil.t1", &SERVERS[..1], "www A 192.0.2.1\n")
            .behave(SERVERS[0], silent_once)
            .behave(SERVERS[0], Behaviour::Truncates);
        let lab = Lab::new(&tree.internet(), 1);
        let (reply, _) = ask(&lab, "www.evil.t1").await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}\n{}", lab.net.story());
        at_most("AMP-11", "seconds with one silent stream", reply.after.as_secs_f64(), 4.0);
        // Octets that trickle in are no message: the walk sees a stream that is silent.
        let streams = lab.net.exchanges().into_iter().filter(|exchange| exchange.transport == Transport::Tcp);
        let [first, second] = streams.map(|exchange| exchange.at).collect::<Vec<_>>()[..] else {
            panic!("{}", lab.net.story());
        };
        at_most("AMP-11", "seconds that a stream gets which brings no message", (second - first).as_secs_f64(), 3.0);
    });
}

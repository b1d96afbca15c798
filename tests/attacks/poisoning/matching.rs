//! Which packet is the reply (RFC 5452 §9): POI-02, 05, 06, 08, 09, 26 and 27.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use burdock::dns::{Header, Message, Rcode, RecordType};
use burdock::playground::{Behaviour, Case};
use burdock::world::Transport;

use super::{VICTIM, a, genuine, overtaken, packet, records, victim};
use crate::support::{Lab, ROOT, name, run};

type Spoil = fn(&mut Vec<u8>);

/// A change to the octets of a forged reply: the header's are at 0 to 11, `prime.victim` and its type and class follow.
const FIELDS: [(&str, Spoil); 8] = [
    ("ID", |p| p[0] ^= 0x40),
    ("QNAME", |p| p[13] = b'x'),
    ("QTYPE", |p| p[12 + 14 + 1] = 28),
    ("QCLASS", |p| p[12 + 14 + 3] = 3),
    ("QR", |p| p[2] &= 0x7f),
    ("opcode", |p| p[2] |= 0x10),
    ("QDCOUNT 0", |p| p[5] = 0),
    ("QDCOUNT 2", |p| p[5] = 2),
];

fn unexpected(lab: &Lab) -> u64 {
    lab.resolver.counters().unexpected_replies.load(Ordering::Relaxed)
}

/// A forged reply of which one field alone is wrong comes first: it is counted, and the genuine one is believed.
/// Source address, source port and destination port are the kernel's to compare: src/net/outbound/udp/tests.rs.
#[test]
fn poi_02_one_field_wrong() {
    run(async {
        let usual = a(&Lab::new(&victim().internet(), 1), "prime.victim").await.after + AHEAD_OF_ALL;
        for (field, spoil) in FIELDS {
            let forges = overtaken("prime.victim", move |_, forged| {
                let mut packet = packet(forged);
                spoil(&mut packet);
                vec![packet]
            });
            let lab = Lab::new(&victim().behave(VICTIM, forges).internet(), 1);
            let reply = genuine(&lab, "prime.victim", "192.0.2.2").await;
            let times = reply.after.as_secs_f64() / usual.as_secs_f64();
            assert!(times <= 2.0, "{field}: {times}\n{}", lab.net.story());
            assert_eq!(unexpected(&lab), 1, "{field}");
            println!("POI-02 {field} wrong: 0 forged accepted (allowed 0), {times:.2} x the usual time (allowed 2)");
        }
    });
}

/// What a question costs when the server alone is 5 ms late, as it is in all of these tests.
const AHEAD_OF_ALL: Duration = super::AHEAD;

/// Kaminsky's race (CVE-2008-1447), against somebody who knows the port: names that are always new, for each a referral of the
/// whole zone with a thousand IDs, from the first on. One guess is all that a question grants: the second is not heard.
#[test]
fn poi_01_a_race_for_the_zone() {
    run(async {
        let races = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Udp && query.name().to_string().starts_with(['r', 'R']) {
                let first = query.dice.id();
                for n in 0..1000 {
                    let mut forged = super::forged(&draft.message);
                    forged.header.id = first.wrapping_add(n);
                    forged.authority = records("victim. 86400 NS ns.attacker.");
                    forged.additional = records("ns.attacker. 86400 A 198.18.3.1");
                    let kind = burdock::playground::Kind::Packet(packet(&forged));
                    draft.others.push(burdock::playground::Response { delay: Duration::ZERO, kind });
                }
                draft.delay += Duration::from_millis(100);
            }
        });
        let lab = Lab::new(&victim().data("victim", "* A 192.0.2.44\n").behave(VICTIM, races).internet(), 11);
        for n in 0..200 {
            genuine(&lab, &format!("r{n}.victim"), "192.0.2.44").await;
        }
        let attacked = lab.net.packets_to(super::ATTACKER);
        let guesses = unexpected(&lab);
        assert!(attacked == 0 && guesses <= 200, "{attacked} {guesses}");
        println!("POI-01 200 races of 1000 packets: {guesses} guesses heard (allowed 200), 0 poisoned (allowed 0)");
    });
}

/// Every query has an ID of its own, whichever server it goes to and whatever it asks.
#[test]
fn poi_04_ids_on_the_wire() {
    run(async {
        let ids = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let seen = Arc::clone(&ids);
        let looks = Behaviour::edits(move |query, _| seen.lock().push(query.message.header.id));
        let lab = Lab::new(&victim().behave(VICTIM, looks).internet(), 10);
        for n in 0..500 {
            a(&lab, &format!("x{n}.victim")).await;
        }
        let all = std::mem::take(&mut *ids.lock());
        let distinct = all.iter().collect::<std::collections::BTreeSet<_>>().len();
        // Of 65,536 500 draws find 498 (deviation 1.4).
        assert!(all.len() >= 500 && all.len() - distinct <= 9, "{distinct} of {}", all.len());
        println!("POI-04 {distinct} different IDs in {} queries (at least {})", all.len(), all.len() - 9);
    });
}

/// A server that lower-cases: answered, and the exception is that server's alone.
#[test]
fn poi_05_a_server_that_changes_case() {
    run(async {
        let tree = victim().behave(VICTIM, Behaviour::Case(Case::Lower));
        let lab = Lab::new(&tree.internet(), 1);
        a(&lab, "attacker").await;
        let before = lab.net.packets();
        genuine(&lab, "canary.victim", "192.0.2.1").await;
        let cost = lab.net.packets() - before;
        assert!(cost <= 3, "{}", lab.net.story());
        let before = lab.net.packets();
        genuine(&lab, "www.victim", "192.0.2.80").await;
        assert_eq!(lab.net.packets() - before, 1, "{}", lab.net.story());
        a(&lab, "unchangedcase.attacker").await;
        let mixed = |owner: &str| {
            let exchanges = lab.net.exchanges();
            let last = exchanges.into_iter().rev().find_map(|e| e.question.filter(|q| q.name == name(owner)));
            let asked = last.unwrap().name.to_string();
            asked != asked.to_ascii_lowercase()
        };
        assert!(mixed("unchangedcase.attacker"), "0x20 is given up for one server, not for all");
        assert!(!mixed("www.victim"));
        println!("POI-05 a server that lower-cases: {cost} packets (allowed 3)");
    });
}

/// Forged replies in another case, for a hundred questions: the stream is asked, and the next datagram is mixed again.
#[test]
fn poi_05_forged_case_does_not_switch_0x20_off() {
    run(async {
        let hosts: String = (0..100).map(|n| format!("alphabetical{n} A 192.0.2.99\n")).collect();
        let forges = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Udp && query.name().to_string().starts_with(['a', 'A']) {
                let mut forged = super::forged(&draft.message);
                let question = &mut forged.question.as_mut().unwrap().0;
                question.name = question.name.with_case(|| true);
                let kind = burdock::playground::Kind::Packet(packet(&forged));
                draft.others.push(burdock::playground::Response { delay: Duration::ZERO, kind });
                draft.delay += super::AHEAD;
            }
        });
        let lab = Lab::new(&victim().data("victim", &hosts).behave(VICTIM, forges).internet(), 2);
        let mut mixed = 0;
        for n in 0..100 {
            let before = lab.net.exchanges().len();
            genuine(&lab, &format!("alphabetical{n}.victim"), "192.0.2.99").await;
            let sent = lab.net.exchanges().split_off(before);
            let to_victim: Vec<_> = sent.iter().filter(|e| e.server.ip().to_string() == VICTIM).collect();
            assert!(to_victim.len() <= 2, "{}", lab.net.story());
            let asked = to_victim[0].question.as_ref().unwrap().name.to_string();
            mixed += usize::from(asked != asked.to_ascii_lowercase());
        }
        assert_eq!(mixed, 100);
        println!("POI-05 forged case: 0 of 100 accepted (allowed 0), {mixed} of 100 datagrams mixed");
    });
}

/// The client's own case comes back to it letter by letter, and is not remembered.
#[test]
fn poi_05_the_clients_case_is_the_clients() {
    run(async {
        let lab = Lab::new(&victim().internet(), 3);
        for owner in ["CaNaRy.ViCtIm", "canary.VICTIM", "CANARY.victim"] {
            // That the question is echoed letter by letter is asserted for each reply of the laboratory.
            let reply = genuine(&lab, owner, "192.0.2.1").await;
            assert!(reply.message.answer[0].owner.same_case(&name(owner)), "{reply}");
        }
    });
}

/// Datagrams that could be fragments are neither asked for nor believed: 1232 octets are announced in every query, and
/// a longer reply is asked for again over a stream.
#[test]
fn poi_06_nothing_large_over_udp() {
    run(async {
        let largest = Arc::new(AtomicU16::new(0));
        let seen = Arc::clone(&largest);
        let looks = Behaviour::edits(move |query, _| {
            let size = query.message.edns.as_ref().map_or(0, |edns| edns.udp_size);
            seen.fetch_max(size, Ordering::Relaxed);
        });
        // A server that sends what it has, whatever the query says.
        let large = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Udp {
                let forged = super::forged(&draft.message).answer;
                draft.message.answer.clone_from(&forged);
                draft.limit = u16::MAX;
                draft.tail = vec![0; 1233_usize.saturating_sub(draft.bytes().len())];
            }
        });
        let tree = victim().behave(ROOT, looks.clone()).behave(VICTIM, looks).behave(VICTIM, large);
        let lab = Lab::new(&tree.internet(), 4);
        for (owner, address) in [("canary.victim", "192.0.2.1"), ("www.victim", "192.0.2.80")] {
            genuine(&lab, owner, address).await;
            genuine(&lab, owner, address).await;
        }
        assert_eq!(lab.net.packets_over(Transport::Tcp), 2, "{}", lab.net.story());
        let largest = largest.load(Ordering::Relaxed);
        assert_eq!(largest, 1232);
        println!(
            "POI-06 announced {largest} octets (allowed 1232); 0 of 2 replies of 1233 octets believed (allowed 0)"
        );
    });
}

/// A server whose replies over UDP have a wrong ID: one datagram, then the stream.
#[test]
fn poi_08_a_wrong_id_leads_to_the_stream_at_once() {
    run(async {
        let wrong = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Udp {
                draft.message.header.id ^= 0xffff;
            }
        });
        let lab = Lab::new(&victim().behave(VICTIM, wrong).internet(), 5);
        a(&lab, "attacker").await;
        let referred = a(&Lab::new(&victim().internet(), 5), "attacker").await;
        lab.net.set_link(
            VICTIM,
            crate::support::Link { latency: Duration::from_millis(2), ..crate::support::Link::PERFECT },
        );
        lab.net.set_link(
            ROOT,
            crate::support::Link { latency: Duration::from_millis(2), ..crate::support::Link::PERFECT },
        );
        let before = lab.net.packets_to(VICTIM);
        let reply = genuine(&lab, "canary.victim", "192.0.2.1").await;
        let cost = lab.net.packets_to(VICTIM) - before;
        assert_eq!((cost, lab.net.packets_over(Transport::Tcp)), (2, 1), "{}", lab.net.story());
        assert!(reply.after < Duration::from_millis(50), "{reply} {referred}");
        println!("POI-08 {cost} packets, one of them over TCP (allowed 2), {:?} (allowed 50 ms)", reply.after);
    });
}

/// Ten thousand packets with wrong IDs, complaints about EDNS among them, while a signed zone is asked: the server is
/// neither dead nor without EDNS, its zone is Secure, and each question costs one try over TCP at most.
#[test]
fn poi_09_wrong_ids_hurt_nobody() {
    const PACKETS: u16 = 100;
    run(async {
        let hosts: String = (0..100).map(|n| format!("h{n} A 192.0.2.99\n")).collect();
        let floods = Behaviour::edits(|query, draft| {
            if query.transport == Transport::Tcp {
                return;
            }
            for n in 1..=PACKETS {
                let mut forged = super::forged(&draft.message);
                forged.header.id ^= n;
                if n % 3 > 0 {
                    let rcode = if n % 3 == 1 { Rcode::FORMERR } else { Rcode::NOTIMP };
                    let header = Header { flags: Header::QR | u16::from(rcode.low()), ..forged.header };
                    forged = Message::bare(header, 0);
                }
                let kind = burdock::playground::Kind::Packet(packet(&forged));
                draft.others.push(burdock::playground::Response { delay: Duration::ZERO, kind });
            }
            draft.delay += super::AHEAD;
        });
        let tree = crate::support::Tree::signed().secure("victim", &[VICTIM], &hosts).behave(VICTIM, floods);
        let settings = crate::sim::validation::from(&tree.anchor());
        let lab = Lab::with(&tree.internet(), 6, |all, _| all.dnssec = settings);
        let mut most = 0;
        for n in 0..100 {
            let before = lab.net.packets_over(Transport::Tcp);
            let flags = burdock::dns::QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
            let reply = lab.ask_with(&format!("h{n}.victim"), RecordType::A, flags).await;
            assert_eq!(reply.a(), ["192.0.2.99"], "{reply}\n{}", lab.net.story());
            assert!(reply.message.header.has(Header::AD), "{reply}");
            // The first question fetches the zone's keys as well.
            let tries = lab.net.packets_over(Transport::Tcp) - before;
            assert!(tries <= if n == 0 { 2 } else { 1 }, "{}", lab.net.story());
            most = most.max(if n == 0 { 0 } else { tries });
        }
        assert!(lab.net.exchanges().iter().all(|exchange| exchange.edns), "{}", lab.net.story());
        println!(
            "POI-09 {} forged packets: {most} try over TCP a question (allowed 1), 100 of 100 Secure",
            100 * PACKETS
        );
    });
}

/// What is broken in another way each time, with a wrong ID, once or often, before the genuine reply.
#[test]
fn poi_26_broken_packets_do_not_end_the_wait() {
    type Break = fn(&Message) -> Vec<u8>;
    let breaks: [(&str, Break); 11] = [
        ("shorter than a header", |m| packet(m)[..11].to_vec()),
        ("QR=0", |m| with(m, |p| p[2] &= 0x7f)),
        ("wrong opcode", |m| with(m, |p| p[2] |= 0x28)),
        ("counts that lie", |m| with(m, |p| p[6..12].fill(0xff))),
        ("a name of 256 octets", |m| {
            let mut p = packet(m)[..12].to_vec();
            p.extend([[63; 64]; 4].concat());
            p.extend([0, 0, 1, 0, 1]);
            p
        }),
        ("a pointer to itself", |m| [&packet(m)[..12], &[0xc0, 12, 0, 1, 0, 1]].concat()),
        ("trailing octets", |m| [&packet(m)[..], &[0; 100]].concat()),
        ("two OPT", |m| with(m, |p| p.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]))),
        ("OPT in the answer", |m| with(m, |p| (p[7], p[11]) = (p[7] + 1, 0))),
        ("RDLENGTH beyond the end", |m| with(m, |p| *p.last_mut().unwrap() = 0xff)),
        ("an error with answers", |m| with(m, |p| p[3] |= 2)),
    ];
    for (what, spoil) in breaks {
        for count in [1, 100, 10_000] {
            run(async move {
                let floods = overtaken("prime.victim", move |_, forged| {
                    let mut forged = forged.clone();
                    forged.header.id ^= 0x2222;
                    vec![spoil(&forged); count]
                });
                let slow = Behaviour::edits(|query, draft| {
                    if query.name() == name("prime.victim") && query.transport == Transport::Udp {
                        draft.delay += Duration::from_millis(195);
                    }
                });
                let lab = Lab::new(&victim().behave(VICTIM, floods).behave(VICTIM, slow).internet(), 7);
                a(&lab, "victim").await;
                let before = lab.net.packets();
                let reply = genuine(&lab, "prime.victim", "192.0.2.2").await;
                let cost = lab.net.packets() - before;
                assert!(cost <= 2, "{what} {count}: {cost}\n{}", lab.net.story());
                assert!(reply.after <= Duration::from_millis(250), "{what} {count}: {reply}\n{}", lab.net.story());
                println!("POI-26 {count} x {what}: {cost} packets (allowed 2), {:?} (allowed 250 ms)", reply.after);
            });
        }
    }
}

fn with(message: &Message, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = packet(message);
    change(&mut packet);
    packet
}

/// Replies without a question, with two, or with another: hints at most, and never remembered.
#[test]
fn poi_27_tricks_with_the_question() {
    type Trick = fn(&mut Vec<u8>);
    let tricks: [(&str, Trick); 6] = [
        ("no question, with records", |p| {
            p.drain(12..12 + 14 + 4);
            p[5] = 0;
        }),
        ("no question, TC", |p| {
            p.truncate(12);
            (p[2], p[5], p[7], p[9], p[11]) = (p[2] | 2, 0, 0, 0, 0);
        }),
        ("no question, FORMERR", |p| {
            p.truncate(12);
            (p[3], p[5], p[7], p[9], p[11]) = (1, 0, 0, 0, 0);
        }),
        ("two questions", |p| {
            let question = p[12..12 + 14 + 4].to_vec();
            p.splice(12..12, question);
            p[5] = 2;
        }),
        ("the question in another class", |p| p[12 + 14 + 3] = 4),
        ("the question in another case", |p| p[13] ^= 0x20),
    ];
    for (what, trick) in tricks {
        run(async {
            let forges = overtaken("prime.victim", move |_, forged| {
                let mut packet = packet(forged);
                trick(&mut packet);
                vec![packet]
            });
            let lab = Lab::new(&victim().behave(VICTIM, forges).internet(), 8);
            a(&lab, "victim").await;
            let before = lab.net.packets();
            genuine(&lab, "prime.victim", "192.0.2.2").await;
            let cost = lab.net.packets() - before;
            assert!(cost <= 2, "{what}: {}", lab.net.story());
            println!("POI-27 {what}: 0 forged accepted (allowed 0), {cost} packets");
        });
    }
    // A server that never repeats the question, whatever it answers: nothing of it is believed.
    run(async {
        let mute = Behaviour::edits(|_, draft| draft.message.question = None);
        let lab = Lab::new(&victim().behave(VICTIM, mute).internet(), 9);
        assert_eq!(a(&lab, "prime.victim").await.rcode(), Rcode::SERVFAIL, "{}", lab.net.story());
        assert!(!super::is_cached(&lab, "prime.victim", RecordType::A));
    });
}

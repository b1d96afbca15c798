//! One question asked by many, names with odd octets, and questions that differ in a flag: POI-03, 25, 28, 29 and 31.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burdock::dns::{EdnsOption, Header, Message, Name, QueryFlags, Question, Rcode, RecordType, write_query};
use burdock::playground::{Behaviour, Internet};
use burdock::responder::{Client, ClientTransport};
use burdock::world::Dice;
use futures_util::future::join_all;

use super::{ATTACKER, VICTIM, a, genuine, records, victim};
use crate::attacks::at_most;
use crate::support::{EPOCH, Lab, name, run};

const CLIENTS: u16 = 500;
/// The option of client subnets (RFC 7871 §6).
const ECS: EdnsOption = EdnsOption::Other(8);
/// The bit of a query's number that stands for CD.
const CD: u8 = 4;

/// A query with all the flags there are; `bits` chooses.
fn query(id: u16, question: &Question, bits: u8) -> Vec<u8> {
    let bit = |n: u8| bits >> n & 1 == 1;
    let flags = QueryFlags {
        recursion_desired: true,
        edns: (bit(0) || bit(1)).then_some(1232),
        dnssec_ok: bit(0),
        checking_disabled: bit(2),
    };
    let mut packet = write_query(id, question, flags).to_vec();
    packet[3] |= if bit(3) { 0x20 } else { 0 };
    packet
}

fn client(number: u16, transport: ClientTransport) -> Client {
    let [high, low] = number.to_be_bytes();
    Client { address: SocketAddr::from(([192, 0, high, low], 40_000)), transport }
}

/// Five hundred clients ask the same at once, each in its own way, of a server that takes its time for some names.
async fn crowd(lab: &Lab, clients: u16) -> (usize, Duration) {
    let asks = (0..clients).map(|number| async move {
        let owner = name("canary.victim").with_case(|| number % 2 == 1);
        let question = Question::new(owner, RecordType::A);
        let transport = if number % 3 == 0 { ClientTransport::Tcp } else { ClientTransport::Udp };
        let start = lab.clock.now();
        let packet = query(number, &question, number as u8);
        let reply = lab.exchange(&packet, &client(number, transport)).await.expect("a reply");
        let message = Message::parse(&reply).unwrap();
        assert_eq!((message.rcode(), message.answer.len(), message.header.id), (Rcode::NOERROR, 1, number));
        lab.clock.now().duration_since(start)
    });
    let longest = join_all(asks).await.into_iter().max().unwrap();
    let asked = |e: &&crate::support::Exchange| e.question.as_ref().is_some_and(|q| q.name == name("canary.victim"));
    (lab.net.exchanges().iter().filter(|e| e.server.ip().to_string() == VICTIM).filter(asked).count(), longest)
}

/// The victim's server takes `hold` for each of `names`.
fn slow(names: &'static [&'static str], hold: Duration) -> Lab {
    let slow = Behaviour::edits(move |query, draft| {
        if names.iter().any(|slow| query.name() == name(slow)) {
            draft.delay += hold;
        }
    });
    Lab::new(&victim().behave(VICTIM, slow).internet(), 1)
}

/// What a birthday attack needs, many equal questions in flight, is not to be had (VU#457875). A server that is slower than
/// the timers is asked again as it would be for one client; what it says to the first datagram is heard all the same.
#[test]
fn poi_03_equal_questions_are_one() {
    run(async {
        let (short, long) = (Duration::from_millis(300), Duration::from_secs(2));
        // Root and victim are 20 ms away, each asked once.
        let allowed = |hold: Duration| hold + Duration::from_millis(20 + 20 + 50);
        let (packets, longest) = crowd(&slow(&["canary.victim"], short), CLIENTS).await;
        assert!(packets <= 2 && longest <= allowed(short), "{packets} {longest:?}");
        println!("POI-03 {CLIENTS} clients: {packets} packets (allowed 2), {longest:?} (allowed {:?})", allowed(short));
        for known in [false, true] {
            let lab = slow(&["www.victim", "canary.victim"], long);
            if known {
                a(&lab, "www.victim").await;
            }
            let (packets, longest) = crowd(&lab, CLIENTS).await;
            assert!(packets <= 2 && longest <= allowed(long), "{packets} {longest:?}\n{}", lab.net.story());
            let before = if known { "as it did before" } else { "never asked before" };
            println!("POI-03 2 s, {before}: {packets} packets (allowed 2), {longest:?} (allowed {:?})", allowed(long));
        }
    });
}

/// Where answers depend on the client's network (RFC 7871), equal questions are many. Here they do not: what a client says of
/// its network, or a server of the networks that its answer is for, is not passed on and makes no difference.
#[test]
fn poi_25_client_subnets_make_no_question_another() {
    run(async {
        let leaked = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&leaked);
        let speaks_ecs = Behaviour::edits(move |query, draft| {
            let options = query.message.edns.iter().flat_map(|edns| &edns.options);
            seen.fetch_add(options.filter(|option| **option == ECS).count(), Ordering::Relaxed);
            draft.options = vec![0, 8, 0, 7, 0, 1, 24, 24, 10, 0, 0];
            draft.delay += Duration::from_millis(300);
        });
        let lab = Lab::new(&victim().behave(VICTIM, speaks_ecs).internet(), 3);
        let asks = (0..CLIENTS).map(|number| {
            let (lab, [high, low]) = (&lab, number.to_be_bytes());
            async move {
                let question = Question::new(name("canary.victim"), RecordType::A);
                let flags = QueryFlags { recursion_desired: true, edns: Some(1232), ..QueryFlags::default() };
                let mut packet = write_query(number, &question, flags).to_vec();
                *packet.last_mut().unwrap() = 11;
                packet.extend([0, 8, 0, 7, 0, 1, 24, 0, 10, high, low]);
                let client = Client { address: ([10, high, low, 1], 40_000).into(), transport: ClientTransport::Udp };
                Message::parse(&lab.exchange(&packet, &client).await.expect("a reply")).unwrap()
            }
        });
        let replies = join_all(asks).await;
        assert!(replies.iter().all(|reply| (reply.rcode(), reply.answer.len()) == (Rcode::NOERROR, 1)));
        let told = replies.iter().filter(|r| r.edns.as_ref().is_some_and(|edns| edns.options.contains(&ECS))).count();
        at_most("POI-25", "outstanding equal questions of 500 networks", lab.net.packets_to(VICTIM), 1);
        at_most("POI-25", "queries that tell a client's network", leaked.load(Ordering::Relaxed), 0);
        at_most("POI-25", "replies that tell of networks", told, 0);
    });
}

/// Dots, zeros and shell words in labels: names are compared label by label, and what is printed is printable.
#[test]
fn poi_28_odd_octets_in_names() {
    let labels: [&[u8]; 6] = [b"a.b", b"www.victim.com\0", b"$(id)", b"\x1b[31m", b"%n\"\n", &[0xff; 63]];
    run(async {
        let tree = victim().zone("a.victim", &["198.18.1.9"], "@ A 192.0.2.50\n");
        let tree = tree.data("victim", "b.a A 192.0.2.51\na\\.b A 192.0.2.52\n").data("attacker", "* TXT lie\n");
        let lab = Lab::new(&tree.internet(), 2);
        // `a\.b.victim` is one label below the zone, `b.a.victim` and `a.b.victim` are two.
        let dotted = Name::from_labels([&b"a.b"[..], b"victim"]).unwrap();
        for _ in 0..2 {
            assert_eq!(lab.ask_question(Question::new(dotted.clone(), RecordType::A)).await.a(), ["192.0.2.52"]);
            assert_eq!(a(&lab, "a.b.victim").await.rcode(), Rcode::NXDOMAIN);
        }
        for label in labels {
            let odd = Name::from_labels([label, b"attacker"]).unwrap();
            let before = lab.net.packets_to(ATTACKER);
            let question = Question::new(odd.clone(), RecordType::TXT);
            let reply = lab.ask_question(question.clone()).await;
            assert_eq!(reply.data(RecordType::TXT).len(), 1, "{reply}");
            assert!(lab.net.packets_to(ATTACKER) > before);
            for text in [odd.to_string(), question.to_string(), reply.to_string().replace(['\n', '\t'], "")] {
                assert!(text.bytes().all(|octet| (0x20..0x7f).contains(&octet)), "{text:?}");
            }
            assert_eq!(odd.to_string().parse::<Name>().unwrap(), odd);
        }
        // An alias into `victim.com\000.attacker` stays below the attacker.
        let odd = Name::from_labels([&b"canary.victim\0"[..], b"attacker"]).unwrap();
        assert!(!odd.is_in(&name("victim")) && odd.is_in(&name("attacker")));
        let alias = super::about("to.attacker", move |m| {
            m.answer = records("to.attacker. CNAME x.");
            m.answer[0].rdata = odd.wire().iter().copied().collect();
        });
        let lab = Lab::new(&victim().behave(ATTACKER, alias).internet(), 3);
        assert_eq!(a(&lab, "to.attacker").await.a(), [super::FORGED]);
        assert_eq!(lab.net.packets_to(VICTIM), 0, "{}", lab.net.story());
        genuine(&lab, "canary.victim", "192.0.2.1").await;
        println!("POI-28 {} odd labels: each a name of its own, nothing unprintable", labels.len() + 1);
    });
}

/// What a reply says but for TTLs.
type Said = (Rcode, u16, Vec<(Name, RecordType, Vec<u8>)>, Vec<(Name, RecordType)>);

fn said(reply: &[u8]) -> Said {
    let message = Message::parse(reply).unwrap();
    let mut answer: Vec<_> =
        message.answer.iter().map(|r| (r.owner.to_lowercase(), r.rtype, r.rdata.to_vec())).collect();
    let mut authority: Vec<_> = message.authority.iter().map(|r| (r.owner.to_lowercase(), r.rtype)).collect();
    answer.sort();
    authority.sort();
    (message.rcode(), message.header.flags & (Header::AD | Header::CD | Header::AA), answer, authority)
}

const QUESTIONS: [(&str, RecordType); 16] = [
    ("www.secure.test", RecordType::A),
    ("www.secure.test", RecordType::TXT),
    ("www.secure.test", RecordType::ANY),
    ("alias.secure.test", RecordType::A),
    ("alias.secure.test", RecordType::CNAME),
    ("x.wild.secure.test", RecordType::A),
    ("nothing.secure.test", RecordType::A),
    ("secure.test", RecordType::DS),
    ("secure.test", RecordType::DNSKEY),
    ("www.bogus.test", RecordType::A),
    ("www.bogus.test", RecordType::ANY),
    ("mail.bogus.test", RecordType::A),
    ("www.expired.test", RecordType::A),
    ("www.insecure.test", RecordType::A),
    ("nothing.insecure.test", RecordType::A),
    ("www.insecure.test", RecordType::ANY),
];

/// What a resolver that knows nothing yet says, by question and flags.
struct Fresh {
    internet: Internet,
    anchor: burdock::dns::RrSet,
    known: BTreeMap<(usize, u8), Said>,
}

impl Fresh {
    fn lab(&self, seed: u64) -> Lab {
        Lab::with(&self.internet, seed, |all, _| all.dnssec = crate::sim::validation::from(&self.anchor))
    }

    async fn said(&mut self, index: usize, bits: u8) -> Said {
        if let Some(known) = self.known.get(&(index, bits)) {
            return known.clone();
        }
        let said = ask(&self.lab(100), index, bits, true).await;
        self.known.insert((index, bits), said.clone());
        said
    }
}

async fn ask(lab: &Lab, index: usize, bits: u8, recursion: bool) -> Said {
    let (owner, rtype) = QUESTIONS[index];
    let mut packet = query(7, &Question::new(name(owner), rtype), bits);
    if !recursion {
        packet[2] &= 0xfe;
    }
    said(&lab.exchange(&packet, &client(7, ClientTransport::Tcp)).await.expect("a reply"))
}

/// Whatever was asked before, with whatever flags, an answer is what somebody would get who asks first; without RD it is
/// that or none.
#[test]
fn poi_29_no_question_changes_the_answer_to_another() {
    let (internet, anchor) = Internet::signed(EPOCH).unwrap();
    let mut fresh = Fresh { internet, anchor, known: BTreeMap::new() };
    let (mut steps, mut without) = (0, 0);
    for seed in 0..12 {
        run(async {
            let (lab, dice) = (fresh.lab(seed), Dice::seeded(seed));
            for _ in 0..80 {
                let (index, bits) = (dice.below(QUESTIONS.len()), dice.below(16) as u8);
                let recursion = dice.below(4) > 0;
                let mut got = ask(&lab, index, bits, recursion).await;
                let expected = fresh.said(index, bits).await;
                let (owner, rtype) = QUESTIONS[index];
                // With CD nothing is checked; what was checked for somebody else before may be called authentic all the same.
                let called_authentic = bits & CD != 0 && got.1 & Header::AD != 0;
                if called_authentic {
                    assert!(
                        fresh.said(index, bits & !CD).await.1 & Header::AD != 0,
                        "seed {seed}: {owner} {rtype} {bits:04b}"
                    );
                    got.1 &= !Header::AD;
                }
                let refused = !recursion && got.0 == Rcode::REFUSED && got.2.is_empty();
                assert!(refused || got == expected, "seed {seed}: {owner} {rtype} {bits:04b}\n{got:?}\n{expected:?}");
                assert!(got.1 & Header::AD == 0 || !owner.contains("insecure"), "{owner}");
                (steps, without) = (steps + 1, without + u32::from(refused));
            }
        });
    }
    println!(
        "POI-29 {steps} questions in random order: 0 differ from a fresh resolver's answer (allowed 0), {without} without RD not known"
    );
}

/// A client that may not look into the cache gets REFUSED for what is in it and for what is not alike.
#[test]
fn poi_31_snooping() {
    run(async {
        let lab = Lab::new(&victim().internet(), 5);
        let stranger = Client { address: ([198, 51, 100, 7], 40_000).into(), transport: ClientTransport::Udp };
        genuine(&lab, "canary.victim", "192.0.2.1").await;
        let before = lab.net.packets();
        let mut replies = std::collections::BTreeSet::new();
        for owner in ["canary.victim", "absent.victim"] {
            // The second time the reply would be a finished one.
            for recursion in [0, 0, 1, 0] {
                let mut packet = query(1, &Question::new(name(owner), RecordType::A), 2);
                packet[2] = (packet[2] & 0xfe) | recursion;
                let message = Message::parse(&lab.exchange(&packet, &stranger).await.unwrap()).unwrap();
                if recursion == 0 {
                    let codes: Vec<_> = message.edns.iter().flat_map(|edns| edns.options.clone()).collect();
                    replies.insert(format!("{} {} {codes:?}", message.rcode(), message.answer.len()));
                }
            }
        }
        assert_eq!(replies.len(), 1, "{replies:?}");
        let reply = replies.pop_first().unwrap();
        assert!(reply.starts_with("REFUSED 0") && reply.contains("SNOP"), "{reply}");
        assert_eq!(lab.net.packets() - before, 1, "{}", lab.net.story());
        println!("POI-31 known and unknown names without RD: told apart 0 times (allowed 0)");
    });
}

/// A question without RD never causes a packet, and what is not known is refused.
#[test]
fn poi_31_without_rd_nothing_is_asked() {
    run(async {
        let lab = Lab::new(&victim().internet(), 4);
        genuine(&lab, "canary.victim", "192.0.2.1").await;
        let before = lab.net.packets();
        for owner in ["www.victim", "victim", "nothing", "canary.victim"] {
            let mut packet = query(1, &Question::new(name(owner), RecordType::A), 2);
            packet[2] &= 0xfe;
            let reply = lab.exchange(&packet, &client(1, ClientTransport::Udp)).await.unwrap();
            let message = Message::parse(&reply).unwrap();
            assert!(!message.header.has(Header::RD));
            if owner != "canary.victim" {
                assert_eq!((message.rcode(), message.answer.len()), (Rcode::REFUSED, 0), "{owner}");
            }
        }
        let cost = lab.net.packets() - before;
        assert_eq!(cost, 0);
        println!("POI-31 four questions without RD: {cost} packets (allowed 0)");
    });
}

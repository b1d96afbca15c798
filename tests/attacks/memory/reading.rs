//! Names that fold up or run in circles, many names, and queries with more in them than a question: MEM-01 to 04, MEM-08.

use burdock::dns::{
    Bounds, Class, Header, Message, MessageWriter, Name, QueryFlags, Question, Rcode, Rdatas, RecordType, RrSet,
    Section, Ttl, WireError, peek, write_query,
};
use burdock::playground::{Behaviour, Fate, Kind, Response, write};

use super::{FIRST, harmless, pointer, query, quickest, rcode, told, tree};
use crate::support::{Lab, name, run};

/// What stands where an owner should, made from the place where it stands.
type Owner = fn(usize) -> Vec<u8>;

/// Owners that no message may have. A pointer into the header is none of them: it ends, and what it means is nobody's name.
const BROKEN: [(&str, Owner); 9] = [
    ("a pointer to itself", |at| pointer(at).to_vec()),
    ("a pair that loops", |at| [&[1, b'a'][..], &pointer(at)].concat()),
    ("a pointer forward", |at| pointer(at + 30).to_vec()),
    // CVE-2026-81642.
    ("a pointer into its own data", |at| pointer(at + 12).to_vec()),
    ("a pointer to what follows", |at| pointer(at + 2).to_vec()),
    ("label type 01", |_| vec![0x41, 0, 0]),
    ("label type 10", |_| vec![0x81, 0, 0]),
    ("256 octets", |_| [&[2, b'a', b'a'][..], &[1, b'a'].repeat(126), &[0]].concat()),
    ("a name that ends in the question by a pointer, 256 octets", |_| {
        [&[2, b'a', b'a'][..], &[1, b'a'].repeat(121), &pointer(12)].concat()
    }),
];

/// A reply to `query` whose one answer has this owner.
fn reply(query: &Message, owner: Owner) -> Vec<u8> {
    let mut bare = query.clone();
    (bare.header.flags, bare.edns) = (Header::QR | Header::AA, None);
    let mut packet = write(&bare, &[], usize::MAX);
    packet[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    packet.extend(owner(packet.len()));
    packet.extend([0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 6, 6, 6, 6]);
    packet
}

/// A server sends them instead of an answer: the message is refused, the other server is asked, and its answer is given.
#[test]
fn mem_01_broken_names_from_servers() {
    run(async {
        for (what, owner) in BROKEN {
            let sends = Behaviour::edits(move |query, draft| {
                draft.fate = Fate::Dropped;
                let kind = Kind::Packet(reply(query.message, owner));
                draft.others.push(Response { delay: draft.delay, kind });
            });
            let asked = Message::parse(&query()).unwrap();
            assert!(Message::parse(&reply(&asked, owner)).is_err(), "{what}");
            for seed in 1..5 {
                let lab = Lab::new(&tree().behave(FIRST, sends.clone()).internet(), seed);
                let answer = lab.ask("www.d1.t1", RecordType::A).await;
                assert_eq!(answer.a(), ["192.0.2.1"], "{what}: {answer}\n{}", lab.net.story());
            }
        }
        // The longest name there is: 127 labels of one octet, 255 octets.
        let asked = Message::parse(&query()).unwrap();
        let longest: Owner = |_| [&[1, b'a'].repeat(127)[..], &[0]].concat();
        assert_eq!(Message::parse(&reply(&asked, longest)).unwrap().answer[0].owner.label_count(), 127);
        println!("MEM-01 {} broken names from servers: 0 believed (allowed 0)", BROKEN.len());
    });
}

/// A client sends them as its question: FORMERR, of no more octets than the query had.
#[test]
fn mem_01_broken_names_from_clients() {
    run(async {
        let lab = Lab::new(&tree().internet(), 1);
        let into_the_header: Owner = |_| pointer(3).to_vec();
        let ends_with_the_packet: Owner = |_| vec![0xc0];
        let more =
            [("a pointer into the header", into_the_header), ("half a pointer at the end", ends_with_the_packet)];
        for (what, owner) in BROKEN.into_iter().chain(more) {
            let mut packet = query();
            packet.truncate(Header::OCTETS);
            packet.extend(owner(Header::OCTETS));
            if what != "half a pointer at the end" {
                packet.extend([0, 1, 0, 1]);
            }
            let reply = told(&lab, &packet).await.unwrap();
            assert_eq!((rcode(&reply).as_str(), reply.len() <= packet.len()), ("FORMERR", true), "{what}");
        }
        assert_eq!(lab.net.packets(), 0);
    });
}

/// CVE-2026-96405: each name is within bounds, all of them together are not. As many records as fit, each owner 126 hops away.
fn chains() -> Vec<u8> {
    let mut packet = vec![0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    // The chain stands in the data of a record of a type that nobody knows.
    packet.extend([0, 0xff, 0x10, 0, 1, 0, 0, 0, 9, 0, 252]);
    let first = packet.len();
    for hop in 0..126 {
        packet.extend(if hop == 0 { pointer(12) } else { pointer(first + (hop - 1) * 2) });
    }
    let last = packet.len() - 2;
    let mut count: u16 = 1;
    while packet.len() + 12 <= 65_535 {
        packet.extend(pointer(last));
        packet.extend([0xff, 0x10, 0, 1, 0, 0, 0, 9, 0, 0]);
        count += 1;
    }
    packet[6..8].copy_from_slice(&count.min(4096).to_be_bytes());
    packet
}

/// The dearest message that is read whole: as many hops, and names unfolded as far, as one message may cost.
fn dearest() -> Vec<u8> {
    let mut packet = vec![0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for _ in 0..31 {
        packet.extend([1, b'a']);
    }
    packet.extend([0, 0, 1, 0, 1]);
    let room = (65_535 - packet.len()) / 12;
    let count = room.min(4096).min(256 * 1024 / 63);
    for _ in 0..count {
        packet.extend(pointer(12));
        packet.extend([0xff, 0x10, 0, 1, 0, 0, 0, 9, 0, 0]);
    }
    packet[6..8].copy_from_slice(&u16::try_from(count).unwrap().to_be_bytes());
    packet
}

/// From a server and from a client: refused after a bounded number of steps, and sooner than a harmless message is read.
#[test]
fn mem_02_names_that_are_dear_together() {
    let (chains, dearest, harmless) = (chains(), dearest(), harmless());
    assert_eq!(Message::parse(&chains), Err(WireError::TooManyPointers), "4,096 are all that a message may take");
    let read = Message::parse(&dearest).unwrap();
    // It is the dearest: with one octet or one record less allowed it is refused.
    let octets = u32::try_from(read.answer.len() * 63 - 1).unwrap();
    let refused = Message::within(Bounds { name_octets: octets, ..Bounds::DEFAULT }, &dearest);
    assert_eq!(refused, Err(WireError::TooManyNameOctets));
    let records = u32::try_from(read.answer.len() - 1).unwrap();
    let refused = Message::within(Bounds { records, ..Bounds::DEFAULT }, &dearest);
    assert_eq!(refused, Err(WireError::TooManyRecords));
    let usual = quickest(|| drop(Message::parse(&harmless)));
    let (refused, read) = (quickest(|| drop(Message::parse(&chains))), quickest(|| drop(Message::parse(&dearest))));
    let mut asked = chains;
    asked[2] = 1;
    let peeked = quickest(|| assert!(peek(&asked).is_err()));
    let times = |time: std::time::Duration| time.as_secs_f64() / usual.as_secs_f64();
    assert!(
        times(refused) <= 1.0 && times(read) <= 20.0 && times(peeked) <= 0.1,
        "{refused:?} {read:?} {peeked:?} {usual:?}"
    );
    println!(
        "MEM-02 65,535 octets of chained names: refused in {:.2} x the time of a harmless message (allowed 1), the dearest \
         that is read in {:.2} x (20), from a client in {:.4} x (0.1); {refused:?}, {read:?}, {usual:?} (2 ms, optimized)",
        times(refused),
        times(read),
        times(peeked)
    );
}

/// Writing is bounded, too (CVE-2024-8508, CVE-2026-44390): names that share their ends, and names that do not.
#[test]
fn mem_03_many_names_to_write() {
    let set = |make: fn(usize) -> Name| {
        let names: Vec<Vec<u8>> = (0..3000).map(|index| make(index).wire().to_vec()).collect();
        let data = Rdatas::new(names.iter().map(Vec::as_slice)).unwrap();
        RrSet::new(name("many.test"), RecordType::NS, Ttl::from_secs(60), data)
    };
    let encode = |set: &RrSet| {
        let mut writer = MessageWriter::new(1, Header::QR, Rcode::NOERROR, 1 << 20);
        writer.question(&Question::new(name("many.test"), RecordType::NS), Class::IN);
        assert!(writer.rrset(Section::Answer, set, set.ttl, false));
        assert_eq!(writer.wants_lookups(), set.rtype == RecordType::NS);
        writer.finish().0.len()
    };
    let plain = Rdatas::new((0..3000_u32).map(u32::to_be_bytes).collect::<Vec<_>>().iter().map(<[u8; 4]>::as_slice));
    let plain = RrSet::new(name("many.test"), RecordType::A, Ttl::from_secs(60), plain.unwrap());
    let usual = quickest(|| _ = encode(&plain));
    let shared = set(|index| name(&format!("s{index}.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.many.test")));
    let alone = set(|index| name(&format!("a{index}.b{index}.c{index}.d{index}")));
    for (what, set) in [("shared", &shared), ("no", &alone)] {
        let time = quickest(|| _ = encode(set));
        let times = time.as_secs_f64() / usual.as_secs_f64();
        // A name in full has to be copied, label by label, after 120 look-ups.
        assert!(times <= 40.0, "{what}: {time:?} {usual:?}");
        println!(
            "MEM-03 3,000 names with {what} ends: {times:.1} x as long as 3,000 addresses (allowed 40); {time:?} (2 ms, optimized)"
        );
    }
}

/// CVE-2023-4408: thousands of owners in one message that collide under FNV-1a's low bits: no table is keyed by strangers
/// without a seed, so they cost what other owners cost.
#[test]
fn mem_04_owners_that_collide() {
    let fnv = |text: &str| {
        let wire = name(text).wire().to_vec();
        wire.iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3))
    };
    let owners = (0u32..).map(|index| format!("n{index:x}.d1.t1"));
    let colliding: Vec<String> = owners.clone().filter(|owner| fnv(owner) & 0xf == 0).take(2000).collect();
    let others: Vec<String> = owners.take(2000).collect();
    let cost = |owners: &[String]| {
        let lines: String = owners.iter().map(|owner| format!("{owner}. 60 A 192.0.2.9\n")).collect();
        let records = burdock::dns::read_zone(&lines, &Name::root(), Ttl::from_secs(60)).unwrap();
        let sends = Behaviour::edits(move |query, draft| {
            if query.name() == name("www.d1.t1") {
                draft.message.additional = records.clone();
                draft.message.authority.clone_from(&records);
            }
        });
        let internet = tree().behave(FIRST, sends.clone()).behave(super::SECOND, sends).internet();
        quickest(|| {
            run(async {
                let reply = Lab::new(&internet, 1).ask("www.d1.t1", RecordType::A).await;
                assert_eq!(reply.a(), ["192.0.2.1"], "{reply}");
            });
        })
    };
    let times = cost(&colliding).as_secs_f64() / cost(&others).as_secs_f64();
    assert!(times <= 3.0, "{times}");
    println!("MEM-04 4,000 records whose owners collide: {times:.2} x the time of others (allowed 3)");
}

/// CVE-2016-7068: queries with more than a question in them. Nothing but header, question and OPT is looked at; what comes
/// back is not longer than what came, and repeats nothing but the question.
#[test]
fn mem_08_queries_with_odd_sections() {
    run(async {
        let lab = Lab::new(&tree().internet(), 1);
        let record = [1, b'm', 0, 0, 16, 0, 1, 0, 0, 0, 9, 0, 9, 8, b'r', b'e', b'f', b'l', b'e', b'c', b't', b'!'];
        let mut played = 0;
        for combination in 0..81 {
            let counts = [combination % 3, combination / 3 % 3, combination / 9 % 3, combination / 27];
            let question = &query()[Header::OCTETS..];
            let mut packet = query()[..4].to_vec();
            packet.extend(counts.iter().flat_map(|count| u16::to_be_bytes(*count)));
            packet.extend(question.repeat(usize::from(counts[0])));
            packet.extend(record.repeat(usize::from(counts[1] + counts[2] + counts[3])));
            for flags in [[1, 0], [1, 0x50], [3, 0], [0x81, 0], [0x29, 0], [0x79, 0]] {
                packet[2..4].copy_from_slice(&flags);
                let before = lab.net.packets();
                let reply = told(&lab, &packet).await;
                played += 1;
                if flags[0] & 0x80 != 0 {
                    assert_eq!(reply, None, "a response is never answered");
                    continue;
                }
                let reply = reply.expect("a query is");
                assert!(!reply.windows(7).any(|octets| octets == b"reflect"), "{counts:?} {flags:?}");
                let whole = counts[..3] == [1, 0, 0] && flags[0] == 1;
                if !whole {
                    let code = if flags[0] & 0x78 == 0 { "FORMERR" } else { "NOTIMP" };
                    assert_eq!(rcode(&reply), code, "{counts:?} {flags:?}");
                    assert_eq!(lab.net.packets(), before, "{counts:?} {flags:?}");
                    assert!(reply.len() <= packet.len(), "{counts:?} {flags:?}");
                }
            }
        }
        println!("MEM-08 {played} combinations of sections and flags: 0 octets of strangers repeated (allowed 0)");
    });
}

/// A query is looked at in one go, whatever it has behind its question.
#[test]
fn mem_08_a_long_query_costs_a_glance() {
    let question = Question::new(name("www.d1.t1"), RecordType::A);
    let flags = QueryFlags { recursion_desired: true, ..QueryFlags::default() };
    let small = write_query(1, &question, flags).to_vec();
    let mut large = small.clone();
    large[11] = 2;
    large.resize(65_535, 0);
    let (usual, time) = (
        quickest(|| (0..1000).for_each(|_| assert!(peek(&small).is_ok()))),
        quickest(|| (0..1000).for_each(|_| assert!(peek(&large).is_err()))),
    );
    let times = time.as_secs_f64() / usual.as_secs_f64();
    assert!(times <= 5.0, "{times}");
    println!(
        "MEM-08 65,535 octets behind a question: {times:.2} x the time of a plain query (allowed 5); {:?} each (5 us)",
        time / 1000
    );
}

/// The smallest records there are, as many as a message holds: six thousand, of which no reply needs so many.
#[test]
fn mem_04_more_records_than_a_message_may_have() {
    let of = |count: u16| {
        let [high, low] = count.to_be_bytes();
        let mut packet = vec![0, 1, 0x84, 0, 0, 0, high, low, 0, 0, 0, 0];
        (0..count).for_each(|_| packet.extend([0, 0xff, 0, 0, 1, 0, 0, 0, 60, 0, 0]));
        Message::parse(&packet)
    };
    assert_eq!(of(4096).unwrap().answer.len(), 4096);
    assert_eq!([of(4097), of(5900)], [Err(WireError::TooManyRecords), Err(WireError::TooManyRecords)]);
}

//! What the whole process has in memory, seen from outside: while strangers fill its cache (MEM-06), and after a million
//! packets that cannot be read and a million questions that nobody waits for (MEM-10). What clients and servers do by
//! connections, and by referrals, is in `connections`.
//!
//! An optimized build plays all of it (`cargo test --release --test sockets mem_ -- --nocapture`, some minutes), others one
//! part in forty; `MEM=300` plays 300 thousandths. Resident memory counts, beyond what the process had before.
#![allow(clippy::disallowed_methods, reason = "what a process gives back takes time, which the system's clock tells")]

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use burdock::dns::{Class, Header, Name, NameServer, Rcode, Record, RecordType, Ttl};
use burdock::playground::{Authority, Behaviour, Draft, Fate, Internet, Query, Zone, set_rcode, start_with};
use burdock::world::Dice;

use super::program::Program;
use super::support::{PATIENCE, alone, ask, framed, good, query, receive, tcp, udp};

const ROOT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 79, 0, 1));
/// A server that takes everything and says nothing.
const SILENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 79, 0, 9));
/// What is played, in thousandths: everything in an optimized build.
pub fn part() -> usize {
    let usual = if cfg!(debug_assertions) { 25 } else { 1000 };
    std::env::var("MEM").map_or(usual, |thousandths| thousandths.parse().expect("MEM is a number"))
}
/// Questions on their way at once; a client that may be forged may have a hundred.
const AT_ONCE: usize = 32;
/// Octets in a KiB, as `/proc` counts.
pub const KIB: u64 = 1024;

/// A root that knows any name below `a`, denies those below `deny` and `denies` with proofs of some 6,000 and 60,000 octets,
/// and is silent about names that begin with `never`.
fn internet() -> Internet {
    let text = "$TTL 3600\n@ SOA ns hostmaster 1 7200 900 1209600 3600\n@ NS ns\nns A 127.79.0.1\nwww A 192.0.2.80\n\
        *.a A 192.0.2.1\nx.deny A 192.0.2.2\nx.denies A 192.0.2.3\nx.many A 192.0.2.4\nhole NS ns.hole\nns.hole A 127.79.0.9\n";
    let big = (0..12).map(|number| format!("big TXT {}\n", format!("\"{number:03}{}\" ", "x".repeat(240)).repeat(4)));
    let zone = Zone::read(&Name::root(), &format!("{text}{}", big.collect::<String>())).unwrap();
    let mut root = Authority::new(ROOT, [Arc::new(zone)]);
    root.behaviours.push(Behaviour::edits(edit));
    Internet {
        authorities: vec![root, Authority::new(SILENT, []).with(Behaviour::Silent)],
        root_hints: vec![NameServer { host: "ns.".parse().unwrap(), glue: vec![ROOT] }],
    }
}

fn edit(query: &Query<'_>, draft: &mut Draft) {
    let name = query.name().to_string().to_ascii_lowercase();
    if name.starts_with("never") {
        draft.fate = Fate::Dropped;
    }
    let proofs = match name.split_once('.').map(|(_, zone)| zone) {
        Some("many.") if name.starts_with('r') => return refer(&name, draft),
        Some("deny.") => 1,
        Some("denies.") => 8,
        _ => return,
    };
    if name.starts_with("d") {
        set_rcode(&mut draft.message, Rcode::NXDOMAIN);
        let octets = if proofs == 1 { 6000 } else { 7400 };
        draft.message.authority.extend((0..proofs).map(|index| proof(index, octets)));
    }
}

/// A referral to 1,500 servers without address, below a zone whose server is silent (AMP-02).
fn refer(zone: &str, draft: &mut Draft) {
    let zone: Name = zone.parse().unwrap();
    draft.message.header.flags &= !(Header::AA | 0xf);
    draft.message.authority = (0..1500)
        .map(|number| Record {
            owner: zone.clone(),
            rtype: RecordType::NS,
            class: Class::IN,
            ttl: Ttl::from_secs(3600),
            rdata: format!("{number}.{zone}hole").parse::<Name>().unwrap().wire().into(),
        })
        .collect();
}

/// An NSEC3 record, or what looks like one, with as long a list of types as there can be.
fn proof(index: usize, octets: usize) -> Record {
    let mut rdata = vec![1, 0, 0, 0, 0, 20];
    rdata.extend([7; 20]);
    let windows = (0..=255_u8).flat_map(|window| [window, 32].into_iter().chain([0xff; 32]));
    rdata.extend(windows.take((octets - 26) / 34 * 34));
    Record {
        owner: format!("{index}0123456789abcdefghijklmnopqrstu").parse().unwrap(),
        rtype: RecordType::NSEC3,
        class: Class::IN,
        ttl: Ttl::from_secs(3600),
        rdata: rdata.as_slice().into(),
    }
}

/// The program before that Internet, with so much cache.
pub struct Stage {
    program: Program,
    pub address: SocketAddr,
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Stage {
    pub fn open(name: &str, cache: u64) -> Self {
        let (ready, started) = mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let playground = start_with(internet(), Dice::system()).await.unwrap();
                ready.send(playground.upstream_port()).unwrap();
                let _ = ended.await;
            });
        });
        let port = started.recv().unwrap();
        let more = format!("cache: {{ size: {cache}B }}\nworkers: 1\n");
        let mut program = Program::with(name, (ROOT, port), "127.0.0.1:0", &more);
        let address = program.ready();
        let stage = Self { program, address, _end: end };
        good(&ask(&udp(stage.address), &query(1, "www. A")));
        stage
    }

    /// Octets that the process has resident.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * KIB
    }

    /// Asks for `label0.zone`, `label1.zone` …; nearly every one is answered by `rcode`. Returns the most that was resident.
    pub fn flood(&self, (label, zone): (&str, &str), numbers: Range<usize>, rcode: Rcode) -> u64 {
        let client = udp(self.address);
        let (mut most, mut failures) = (0, 0);
        for number in numbers.clone().step_by(AT_ONCE) {
            let batch = number..numbers.end.min(number + AT_ONCE);
            for number in batch.clone() {
                client.send(&query(number as u16, &format!("{label}{number}.{zone}. A"))).unwrap();
            }
            for _ in batch {
                let got = Header::parse(&receive(&client)).unwrap().rcode();
                assert!(got == rcode || got == Rcode::SERVFAIL, "{label} {zone}: {got}");
                failures += usize::from(got != rcode);
            }
            if number % (32 * AT_ONCE) == numbers.start % (32 * AT_ONCE) {
                most = most.max(self.resident());
            }
        }
        // A busy machine may lose a datagram, or take too long for 60,000 octets.
        assert!(failures <= numbers.len() / 10, "{label} {zone}: {failures} failed");
        most.max(self.resident())
    }

    /// The least that is resident until it is no more than `enough`, or what was begun must have ended.
    fn calm(&self, enough: u64) -> u64 {
        let (began, mut least) = (Instant::now(), u64::MAX);
        while least > enough && began.elapsed() < PATIENCE {
            least = least.min(self.resident());
            thread::sleep(Duration::from_millis(100));
        }
        least
    }
}

/// Several times what there is room for: addresses, denials of 6,000 octets, and ten thousand of 60,000, which are not kept.
#[test]
fn mem_06_resident_memory_of_a_cache_that_strangers_fill() {
    let _turn = alone();
    let part = part();
    let size = (64 * 1024 * part as u64 / 1000).max(4096) * KIB;
    let stage = Stage::open("mem06", size);
    // All that is needed once: streams, buffers, tables.
    stage.flood(("first", "a"), 0..100, Rcode::NOERROR);
    stage.flood(("dfirst", "denies"), 0..100, Rcode::NXDOMAIN);
    let before = stage.resident();
    for (what, zone, label, count, rcode) in [
        ("denials of 60,000 octets", "denies", "d", 10_000, Rcode::NXDOMAIN),
        ("addresses", "a", "h", 700_000, Rcode::NOERROR),
        ("denials of 6,000 octets", "deny", "d", 30_000, Rcode::NXDOMAIN),
        ("addresses again", "a", "i", 300_000, Rcode::NOERROR),
    ] {
        let began = Instant::now();
        let most = stage.flood((label, zone), 0..count * part / 1000, rcode);
        let grown = most.saturating_sub(before);
        let rate = (count * part / 1000) as f64 / began.elapsed().as_secs_f64();
        println!(
            "MEM-06 {} {what}, {rate:.0} a second: {} KiB resident, {:.2} x cache.size more than before (allowed 1.1)",
            count * part / 1000,
            most / KIB,
            grown as f64 / size as f64
        );
        assert!(grown as f64 <= 1.1 * size as f64, "{what}: {grown} octets for a cache of {size}");
    }
}

/// A packet that cannot be read, or is no question, in one of many ways.
fn malformed(number: usize, dice: &Dice) -> Vec<u8> {
    let mut packet = query(number as u16, "www.example. A");
    match number % 12 {
        0 => packet.truncate(number / 12 % packet.len()),
        1 => packet[4 + number / 12 % 8] = 0xff,
        2 => packet[12] = 0x40 | (number / 12) as u8,
        3 => packet.splice(12..13, [0xc0, 12]).for_each(drop),
        4 => packet[2] |= 0x80,
        5 => packet[2] |= 0x78,
        6 => packet.extend(vec![number as u8; 400]),
        7 => *packet.last_mut().unwrap() = 200,
        8 => packet.extend_from_within(29..),
        9 => packet = (0..number / 12 % 600).map(|_| dice.bits() as u8).collect(),
        10 => packet.splice(12.., [[63; 64]; 8].concat()).for_each(drop),
        _ => packet[dice.below(40)] ^= dice.bits() as u8,
    }
    packet
}

fn send_malformed(stage: &Stage, numbers: Range<usize>) {
    let (dice, client) = (Dice::seeded(10), udp(stage.address));
    for number in numbers {
        let deaf = udp_from(number, stage.address);
        for index in 0..AT_ONCE {
            let _ = deaf.send(&malformed(number * AT_ONCE + index, &dice));
        }
        // Whoever answers this has read those before it; one worker reads them all.
        good(&ask(&client, &query(1, "www. A")));
    }
}

/// A client of one of some addresses, which hears nothing.
fn udp_from(number: usize, server: SocketAddr) -> UdpSocket {
    let address = Ipv4Addr::new(127, 80, (number % 200) as u8, 1 + (number / 200 % 200) as u8);
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.connect(server).unwrap();
    socket
}

/// Three of four by clients who leave, one by a client who hears that there are too many, or nothing.
fn send_cancelled(stage: &Stage, numbers: Range<usize>) {
    let client = udp(stage.address);
    for number in numbers {
        let questions: Vec<Vec<u8>> =
            (0..AT_ONCE).map(|index| query(index as u16, &format!("never{}. A", number * AT_ONCE + index))).collect();
        if number % 4 == 0 {
            let deaf = udp_from(number, stage.address);
            questions.iter().for_each(|question| _ = deaf.send(question));
        } else {
            let mut stream: TcpStream = tcp(stage.address);
            stream.write_all(&framed(&questions)).unwrap();
        }
        good(&ask(&client, &query(1, "www. A")));
    }
}

type Work = fn(&Stage, Range<usize>);

/// What is left behind is left in each of these parts; room for more questions at once than ever before is made in one.
const ROUNDS: usize = 3;

#[test]
fn mem_10_a_million_malformed_packets_and_a_million_questions_that_nobody_waits_for() {
    let _turn = alone();
    // So small that what is remembered of the questions has filled it before it is measured.
    let stage = Stage::open("mem10", 1 << 20);
    let (batches, warm) = (1000 * part() / AT_ONCE, 40_000 / AT_ONCE);
    let works: [(&str, Work); 2] =
        [("malformed packets", send_malformed), ("questions of clients who leave", send_cancelled)];
    for (what, work) in works {
        work(&stage, 0..warm);
        let mut after = stage.calm(0);
        let (began, mut least) = (Instant::now(), u64::MAX);
        for round in 0..ROUNDS {
            let (before, from) = (after, warm + round * batches / ROUNDS);
            work(&stage, from..warm + (round + 1) * batches / ROUNDS);
            after = stage.calm(before);
            least = least.min(after.saturating_sub(before));
        }
        let (rate, grown) = ((batches * AT_ONCE) as f64 / began.elapsed().as_secs_f64(), least * ROUNDS as u64);
        println!(
            "MEM-10 {} {what}, {rate:.0} a second: {} KiB resident, {} KiB more than before (allowed 1,024)",
            batches * AT_ONCE,
            after / KIB,
            grown / KIB
        );
        assert!(grown <= 1024 * KIB, "{what}: {grown} octets");
    }
}

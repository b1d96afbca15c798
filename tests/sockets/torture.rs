//! AMP-10 on real sockets: a flood of random names in an unsigned zone whose server is dead, and what others notice.
//!
//! Two seconds in CI. The acceptance run: `TORTURE_SECONDS=60 TORTURE_RATE=5000 cargo test --release --test sockets
//! torture -- --nocapture`, on a machine that does nothing else.
#![allow(clippy::disallowed_methods, reason = "real time is what is measured, for as long as the environment says")]

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use burdock::dns::{Message, Rcode};
use burdock::job::Limits;
use burdock::server;

use super::authority::{HOLE, Root};
use super::support::{alone, ask, parts, query, udp};

/// Questions for cached names, and for names never seen, a second.
const HITS: u32 = 500;
const COLD: u32 = 100;

fn from_environment(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Asks `owner(n)` so often a second for so long; the time each took, or none without a good answer.
pub fn load(to: SocketAddr, rate: u32, time: Duration, owner: impl Fn(u32) -> String) -> Vec<Option<Duration>> {
    let (socket, start) = (udp(to), Instant::now());
    socket.set_read_timeout(Some(Duration::from_secs(6))).unwrap();
    let mut times = Vec::new();
    for number in 0.. {
        let due = Duration::from_secs(1) * number / rate;
        if due >= time {
            break;
        }
        thread::sleep(due.saturating_sub(start.elapsed()));
        let (asked, id) = (Instant::now(), number as u16);
        socket.send(&query(id, &format!("{} A", owner(number)))).unwrap();
        let mut buffer = [0; 1500];
        let good = loop {
            let Ok(octets) = socket.recv(&mut buffer) else { break false };
            let reply = Message::parse(&buffer[..octets]).unwrap();
            if reply.header.id == id {
                break reply.rcode() == Rcode::NOERROR && reply.header.counts[1] > 0;
            }
        };
        times.push(good.then(|| asked.elapsed()));
    }
    times
}

/// Sends questions for random names, and throws the replies away; how many were sent.
fn flood(to: SocketAddr, rate: u32, time: Duration) -> u32 {
    let (socket, start) = (udp(to), Instant::now());
    socket.set_nonblocking(true).unwrap();
    let (mut sent, mut seed) = (0, 0x5eed_u64);
    while start.elapsed() < time {
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while sent < due {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let _ = socket.send(&query(sent as u16, &format!("r{:x}.bad.dead. A", seed >> 16)));
            sent += 1;
        }
        while socket.recv(&mut [0; 1500]).is_ok() {}
        thread::sleep(Duration::from_millis(1));
    }
    sent
}

fn quantile(times: &[Option<Duration>], share: f64) -> Duration {
    let mut sorted: Vec<Duration> = times.iter().flatten().copied().collect();
    sorted.sort();
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}

pub fn answered(times: &[Option<Duration>]) -> f64 {
    times.iter().flatten().count() as f64 / times.len() as f64
}

/// KiB of memory in use by this process, the server and its load together.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn amp_10_random_names_of_a_dead_zone_do_not_hold_up_others() {
    let _turn = alone();
    let time = Duration::from_secs(from_environment("TORTURE_SECONDS", 2).into());
    let rate = from_environment("TORTURE_RATE", 1000);
    let root = Root::start();
    let _hole = UdpSocket::bind((HOLE, root.port)).unwrap();
    // As it is by default for this host: the bounds for a client are not what is tried here.
    let mut parts = parts(&root, &["127.0.0.1:0"], Limits::default());
    parts.policy.access.exempt = vec!["127.0.0.0/8".parse().unwrap()];
    let server = server::start(parts).unwrap();
    let to = server.addresses()[0];
    let hit = |number: u32| format!("host{}.", number % 64);
    let client = udp(to);
    for number in 0..128 {
        ask(&client, &query(1, &format!("{} A", hit(number))));
    }
    let alone = load(to, HITS, time / 2, hit);
    let before = resident();
    let (sent, hits, cold) = thread::scope(|scope| {
        let flood = scope.spawn(move || flood(to, rate, time));
        let cold = scope.spawn(move || load(to, COLD, time, |number| format!("n{number}.cold.")));
        let hits = load(to, HITS, time, hit);
        (flood.join().unwrap(), hits, cold.join().unwrap())
    });
    let grown = resident().saturating_sub(before);
    let crowded = server.crowded();
    println!(
        "AMP-10 {sent} random names in {time:?}: cached names p99 {:?} alone, {:?} beside them (allowed 5 ms), answered \
         {:.2} % (allowed 100); cold questions answered {:.1} % (allowed 99), p99 {:?}; memory + {grown} KiB; no place at \
         the zone for {}, at the server for {}",
        quantile(&alone, 0.99),
        quantile(&hits, 0.99),
        100.0 * answered(&hits),
        100.0 * answered(&cold),
        quantile(&cold, 0.99),
        crowded.zones,
        crowded.servers,
    );
    assert!(answered(&hits) >= 1.0, "cached names are answered whatever happens");
    assert!(answered(&cold) >= 0.99, "{}", answered(&cold));
    assert!(crowded.zones > u64::from(sent) / 4, "most of them found no place");
    // Each was a name of its own, and nothing of it is worth more than a cache entry.
    assert!(grown < 64 << 10, "{grown} KiB");
}

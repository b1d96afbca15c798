//! What one load alone does not show: memory, bounded memory, floods, workers, the start, a lossy Internet.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::compare::{FRESH, WINDOW, hot, warm};
use super::load::{Idle, Outcome, Pace, Wanted};
use super::names::{Rng, Target, Zipf};
use super::peer::{Peer, Setup};
use super::process;
use super::session::{Bench, Load};
use super::table::{Column, Table};
use super::zones::{DEAD, Level};

pub const MEMORY: [Column; 4] =
    [("octets per name", 0), ("MiB before", 1), ("MiB after", 1), ("CPU µs per name while filling", 1)];

/// Memory per cached name: an address under one of `names / 10` zones.
pub fn memory(bench: &Bench, peer: Peer, names: u64, table: &mut Table) -> io::Result<()> {
    let session = bench.open(peer, &Setup::default())?;
    let before = session.running.resident();
    let zones = (names / 10).max(1);
    let load = Load::count(names, 2 * WINDOW);
    let filled = session.measure_good(&load, &mut |n| Target::new(n / zones, FRESH + n % zones))?;
    let after = session.running.resident();
    let each = after.saturating_sub(before) as f64 / names as f64;
    table.add(peer.name(), &[each, mib(before), mib(after), filled.cpu_each()]);
    Ok(())
}

pub const BOUNDED: [Column; 4] =
    [("largest MiB", 1), ("MiB at the end", 1), ("hit rate of the hot 1000, %", 2), ("CPU µs per question", 1)];

/// A cache of 64 MiB; every second question for a name never seen before, the others by Zipf's law over a million.
pub fn bounded(bench: &Bench, peer: Peer, names: u64, table: &mut Table) -> io::Result<()> {
    let setup = Setup { cache: Some(64 << 20), ..Setup::default() };
    let session = bench.open(peer, &setup)?;
    let (zipf, mut rng) = (Zipf::new(1_000_000), Rng(0x7a69_7066));
    let (mut asked, mut hot_asked, mut largest) = (0, 0, 0);
    let mut name = |n: u64, hot_asked: &mut u64| {
        if n.is_multiple_of(2) {
            return Target::new(n, FRESH + (n / 2) % 100_000);
        }
        let rank = zipf.draw(&mut rng);
        *hot_asked += u64::from(rank < 1000);
        Target { letter: b'z', host: rank, domain: 500 + rank % 1000 }
    };
    let (start, hot_dial) = (session.running.cpu(), &bench.internet.dials.hot);
    let mut hot_upstream = hot_dial.load(Ordering::Relaxed);
    while asked < 2 * names {
        let chunk = (2 * names - asked).min(100_000);
        session.measure(&Load::count(chunk, 2 * WINDOW), &mut |n| name(asked + n, &mut hot_asked))?;
        asked += chunk;
        largest = largest.max(session.running.resident());
        if asked.is_multiple_of(2_000_000) {
            eprintln!(
                "bounded: {} of {} million asked, at most {:.1} MiB",
                asked / 1_000_000,
                names / 500_000,
                mib(largest)
            );
        }
        if asked.abs_diff(names) < 50_000 {
            // Only the second half counts: the cache is full by then.
            (hot_asked, hot_upstream) = (0, hot_dial.load(Ordering::Relaxed));
        }
    }
    let missed = (hot_dial.load(Ordering::Relaxed) - hot_upstream) as f64;
    let rate = 100.0 * (1.0 - missed / hot_asked.max(1) as f64);
    let cpu = (session.running.cpu() - start).as_secs_f64() * 1e6 / asked as f64;
    table.add(peer.name(), &[mib(largest), mib(session.running.resident()), rate, cpu]);
    Ok(())
}

pub const FLOOD: [Column; 5] = [
    ("p50 µs alone", 0),
    ("p99 µs alone", 0),
    ("p50 µs in the flood", 0),
    ("p99 µs in the flood", 0),
    ("cold questions answered, %", 1),
];

/// Hits at 5,000 a second, alone and beside 2,000 cold domains a second.
pub fn flood(bench: &Bench, peer: Peer, time: Duration, table: &mut Table) -> io::Result<()> {
    let session = bench.open(peer, &Setup::default())?;
    warm(&session)?;
    let hits = Load::time(time, Pace::Rate(5000.0));
    let alone = session.measure_asleep(&hits, &mut hot)?.outcome;
    let other = bench.other;
    let (beside, cold) = std::thread::scope(|scope| {
        let cold = scope.spawn(move || {
            process::pin(other);
            Load::time(time, Pace::Rate(2000.0)).run(Wanted::Answer, &mut |n| Target::new(0, FRESH + n), Idle::Sleep)
        });
        let beside = session.measure_asleep(&hits, &mut hot);
        (beside, cold.join().unwrap_or_else(|_| Err(io::Error::other("the flood failed"))))
    });
    let (beside, cold) = (beside?.outcome, cold?);
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let [p50, p99] = [0.5, 0.99].map(|share| micros(alone.quantile(share)));
    let [flooded50, flooded99] = [0.5, 0.99].map(|share| micros(beside.quantile(share)));
    let answered = 100.0 * cold.good as f64 / cold.asked.max(1) as f64;
    table.add(peer.name(), &[p50, p99, flooded50, flooded99, answered]);
    Ok(())
}

pub const TORTURE: [Column; 7] = [
    ("hits: p99 µs alone", 0),
    ("hits: p99 µs in the attack", 0),
    ("hits answered, %", 2),
    ("cold questions answered, %", 1),
    ("queries to the dead zone", 0),
    ("MiB before", 1),
    ("MiB after", 1),
];

/// 5,000 random names a second of a zone whose servers are dead, beside 500 hits and 100 cold domains a second.
pub fn torture(bench: &Bench, peer: Peer, time: Duration, table: &mut Table) -> io::Result<()> {
    let session = bench.open(peer, &Setup::default())?;
    warm(&session)?;
    let hits = Load::time(time, Pace::Rate(500.0));
    let alone = session.measure_asleep(&hits, &mut hot)?.outcome;
    let (other, dead) = (bench.other, &bench.internet.dials.asked[Level::Dead as usize]);
    let (before, sent) = (session.running.resident(), dead.load(Ordering::Relaxed));
    let beside = |rate: f64, names: fn(u64) -> Target| {
        move || {
            process::pin(other);
            Load::time(time, Pace::Rate(rate)).run(Wanted::Answer, &mut |n| names(n), Idle::Sleep)
        }
    };
    let (beside, cold) = std::thread::scope(|scope| {
        let attack = scope.spawn(beside(5000.0, |n| Target::new(Rng(n + 1).next(), DEAD)));
        let cold = scope.spawn(beside(100.0, |n| Target::new(0, FRESH + n)));
        let hits = session.measure_asleep(&hits, &mut hot);
        let _ = attack.join();
        (hits, cold.join().unwrap_or_else(|_| Err(io::Error::other("the cold questions failed"))))
    });
    let (beside, cold) = (beside?.outcome, cold?);
    let micros = |outcome: &Outcome| outcome.quantile(0.99).as_secs_f64() * 1e6;
    let share = |outcome: &Outcome| 100.0 * outcome.good as f64 / outcome.asked.max(1) as f64;
    let sent = (dead.load(Ordering::Relaxed) - sent) as f64;
    let (hit, cold) = (share(&beside), share(&cold));
    let memory = [mib(before), mib(session.running.resident())];
    table.add(peer.name(), &[micros(&alone), micros(&beside), hit, cold, sent, memory[0], memory[1]]);
    Ok(())
}

pub const WORKERS: [Column; 3] =
    [("CPU µs per hit, one worker", 2), ("CPU µs per hit, two workers", 2), ("two ÷ one", 2)];

/// One worker on one processor, two on two; the load shares the second.
pub fn workers(bench: &Bench, peer: Peer, time: Duration, table: &mut Table) -> io::Result<()> {
    let mut each = [0.0; 2];
    for (index, place) in each.iter_mut().enumerate() {
        let setup = Setup { workers: index + 1, ..Setup::default() };
        let session = bench.open_on(peer, &setup, &[bench.core, bench.other][..=index])?;
        warm(&session)?;
        *place = session.measure_asleep(&Load::time(time, Pace::Rate(20_000.0)), &mut hot)?.cpu_each();
    }
    table.add(peer.name(), &[each[0], each[1], each[1] / each[0]]);
    Ok(())
}

pub const START: [Column; 3] = [("CPU ms", 1), ("wall ms", 1), ("MiB resident", 1)];

/// From exec to the first answer from the cache: start, prime, walk, answer, and answer once more.
pub fn start(bench: &Bench, peer: Peer, table: &mut Table) -> io::Result<()> {
    let begin = Instant::now();
    // A small cache: Knot Resolver lays out its whole file first.
    let setup = Setup { cache: Some(100 << 20), ..Setup::default() };
    let running = peer.start(&setup, &[bench.core], &bench.scratch)?;
    let mut session = bench.watch(peer, running);
    let target = Target::new(1, 1);
    session.prove(&target)?;
    session.prove(&target)?;
    let (cpu, wall) = (session.running.cpu(), begin.elapsed());
    table.add(peer.name(), &[cpu.as_secs_f64() * 1e3, wall.as_secs_f64() * 1e3, mib(session.running.resident())]);
    Ok(())
}

pub const LOSSY: [Column; 5] =
    [("p50 ms", 1), ("p90 ms", 1), ("p99 ms", 1), ("upstream queries per domain", 2), ("without answer, %", 2)];

/// Cold domains, 200 a second, when every exchange takes 20 ms and one query in ten is lost.
pub fn lossy(bench: &Bench, peer: Peer, count: u64, table: &mut Table) -> io::Result<()> {
    let session = bench.open(peer, &Setup::default())?;
    let dials = &bench.internet.dials;
    dials.delay.store(20_000, Ordering::Relaxed);
    dials.loss.store(100_000, Ordering::Relaxed);
    let load = Load { pace: Pace::Rate(200.0), time: Duration::from_secs(600), count };
    let measured = session.measure_asleep(&load, &mut |n| Target::new(0, FRESH + n));
    dials.delay.store(0, Ordering::Relaxed);
    dials.loss.store(0, Ordering::Relaxed);
    let measured = measured?;
    let outcome = &measured.outcome;
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| outcome.quantile(share).as_secs_f64() * 1e3);
    let failed = 100.0 * (outcome.asked - outcome.good) as f64 / outcome.asked as f64;
    table.add(peer.name(), &[p50, p90, p99, measured.upstream as f64 / outcome.asked as f64, failed]);
    Ok(())
}

fn mib(octets: u64) -> f64 {
    octets as f64 / f64::from(1 << 20)
}

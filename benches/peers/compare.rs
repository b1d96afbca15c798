//! The main table: hits, misses and latency of every peer, the same load on all in turn, several rounds.

use std::io;
use std::time::Duration;

use super::load::Pace;
use super::names::Target;
use super::peer::{Peer, Setup};
use super::session::{Bench, Load, Session};
use super::table::{Column, Table};

/// What is measured of each peer in each round.
pub const COLUMNS: [Column; 12] = [
    ("CPU µs per hit, saturated", 2),
    ("hits/s", 0),
    ("CPU µs per hit at 10 k/s", 2),
    ("p50 µs at 10 k/s", 0),
    ("p99 µs at 10 k/s", 0),
    ("CPU µs per cold domain", 1),
    ("upstream queries", 2),
    ("CPU µs per cold host", 1),
    ("upstream queries ", 2),
    SIGNED[0],
    SIGNED[1],
    SIGNED[2],
];

/// What is measured before signed zones.
pub const SIGNED: [Column; 3] =
    [("CPU µs per cold signed domain", 1), ("upstream queries  ", 2), ("answered with AD, %", 2)];

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// For each of the two hit loads.
    pub time: Duration,
    /// Cold domains, and cold hosts.
    pub cold: u64,
}

/// One round of one peer, in the order of [`COLUMNS`].
pub fn round(bench: &Bench, peer: Peer, amounts: &Amounts) -> io::Result<[f64; 12]> {
    // An echo knows nothing of signatures.
    let of_signed = if peer == Peer::Echo { [f64::NAN; 3] } else { signed(bench, peer, amounts.cold)? };
    let session = bench.open(peer, &Setup::default())?;
    // An echo has no cold names.
    let mut cold = [f64::NAN; 4];
    if peer != Peer::Echo {
        let domains = session.measure_good(&Load::count(amounts.cold, WINDOW), &mut |n| Target::new(0, FRESH + n))?;
        known_zones(&session)?;
        let new_host = &mut |n| Target::new(10 + n, KNOWN + n % ZONES);
        let hosts = session.measure_good(&Load::count(amounts.cold, WINDOW), new_host)?;
        cold = [domains.cpu_each(), domains.upstream_each(), hosts.cpu_each(), hosts.upstream_each()];
    }
    warm(&session)?;
    let full = session.measure_good(&Load::time(amounts.time, Pace::Window(2 * WINDOW)), &mut hot)?;
    let paced = session.measure_good(&Load::time(amounts.time, Pace::Rate(10_000.0)), &mut hot)?;
    let micros = |share: f64| paced.outcome.quantile(share).as_secs_f64() * 1e6;
    Ok([
        full.cpu_each(),
        full.outcome.per_second(),
        paced.cpu_each(),
        micros(0.5),
        micros(0.99),
        cold[0],
        cold[1],
        cold[2],
        cold[3],
        of_signed[0],
        of_signed[1],
        of_signed[2],
    ])
}

/// Domains nobody has asked for, every zone signed and everything validated, in the order of [`SIGNED`].
///
/// The TLDs' keys are known, the domain's have to be fetched and found good: three signatures, DS, DNSKEY and A.
pub fn signed(bench: &Bench, peer: Peer, cold: u64) -> io::Result<[f64; 3]> {
    let anchor = bench.internet.anchor().try_into().ok();
    bench.internet.sign(FRESH..FRESH + cold);
    let session = bench.open(peer, &Setup { anchor, ..Setup::default() })?;
    let domains = session.measure_good(&Load::count(cold, WINDOW), &mut |n| Target::new(0, FRESH + n))?;
    let share = 100.0 * domains.outcome.good as f64 / domains.outcome.asked as f64;
    Ok([domains.cpu_each(), domains.upstream_each(), share])
}

/// Resolves one host in each zone that new hosts will be asked in.
pub fn known_zones(session: &Session<'_>) -> io::Result<()> {
    session.measure_good(&Load::count(ZONES, WINDOW), &mut |n| Target::new(0, KNOWN + n)).map(drop)
}

/// Asks every hot name once.
pub fn warm(session: &Session<'_>) -> io::Result<()> {
    session.measure_good(&Load::count(HOT, WINDOW), &mut hot).map(drop)
}

/// A thousand names in a hundred zones, in turn.
pub fn hot(n: u64) -> Target {
    Target::new(1 + n % HOT, HOT_ZONES + n % 100)
}

/// A domain nobody has asked for.
pub const FRESH: u64 = 1_000_000;
/// The first zone of hosts in known zones, and how many there are.
const KNOWN: u64 = 1000;
const ZONES: u64 = 100;
/// The first zone of the hot names, and how many names there are.
const HOT_ZONES: u64 = 2000;
pub const HOT: u64 = 1000;
/// Questions under way.
pub const WINDOW: usize = 64;

/// The table of all rounds, with its ratios.
pub fn text(table: &Table) -> String {
    format!(
        "Medians:\n\n{}\nRatios to the echo:\n\n{}\nRatios to Unbound:\n\n{}",
        table.medians(),
        table.against(Peer::Echo.name()),
        table.against(Peer::Unbound.name())
    )
}

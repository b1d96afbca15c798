//! Instructions per question, counted by valgrind: the same on a busy machine as on an idle one.
//!
//!     cargo bench --bench instructions              fails when one of them grew by more than 5 %
//!     cargo bench --bench instructions -- --record  writes what was counted into benches/instructions.txt
//!
//! What is counted: a cache hit through `Responder::answer_now`, questions that take one exchange or two, and one that takes
//! three and as many signatures. (What a signature costs varies a little with its octets, which are random.)
#![allow(missing_docs, clippy::indexing_slicing, reason = "a program of its own")]

#[allow(dead_code, reason = "each benchmark uses what it needs")]
mod inside;
#[path = "peers/names.rs"]
#[allow(dead_code, reason = "each benchmark uses what it needs")]
mod names;
#[path = "peers/signatures.rs"]
#[allow(dead_code, reason = "each benchmark uses what it needs")]
mod signatures;
#[path = "peers/zones.rs"]
mod zones;

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use burdock::cache::Front;
use burdock::responder::{Immediate, Responder, Turn};
use tokio::time::Instant;

use inside::{Lab, query, question, runtime};
use names::Target;

/// A piece of work: its name, and how often it is done while it is counted.
type Piece = (&'static str, u64);

const HIT: Piece = ("cache hit", 10_000);
const HOST: Piece = ("cold host", 1000);
const DOMAIN: Piece = ("cold domain", 1000);
const SIGNED: Piece = ("signed cold domain", 200);

/// More than this part of what is on record is too much.
const TOLERANCE: f64 = 0.05;
/// Octets of the future that a walk is.
const LARGEST_WALK: usize = 2048;
/// What is on record, from the root of the repository.
const RECORD: &str = "benches/instructions.txt";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|word| word == "--inside") {
        work(arguments.get(at + 1).map_or("", String::as_str));
        return ExitCode::SUCCESS;
    }
    match compare(arguments.iter().any(|word| word == "--record")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error} (valgrind is needed: apt-get install valgrind)");
            ExitCode::FAILURE
        }
    }
}

/// Counts every piece and compares it with the record; `true` when all is well.
fn compare(record: bool) -> io::Result<bool> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORD);
    let known = fs::read_to_string(&path).unwrap_or_default();
    let (mut lines, mut well) = (String::new(), is_small());
    for piece in [HIT, HOST, DOMAIN, SIGNED] {
        let counted = count(piece)?;
        let before = known.lines().find_map(|line| line.strip_prefix(piece.0)?.trim().parse::<u64>().ok());
        let growth = before.map_or(0.0, |before| counted as f64 / before as f64 - 1.0);
        println!("{:18} {counted:8} instructions, {:+.1} % of {before:?} on record", piece.0, growth * 100.0);
        if growth > TOLERANCE || (before.is_none() && !record) {
            println!("{:18} costs more than it may: find out why, or run with --record and say why", piece.0);
            well = false;
        }
        if growth < -TOLERANCE {
            println!("{:18} has become cheaper: run with --record so that it stays so", piece.0);
        }
        lines.push_str(&format!("{} {counted}\n", piece.0));
    }
    if record {
        fs::write(path, lines)?;
    }
    Ok(well || record)
}

/// Whether a walk in progress takes as little memory as it may: thousands may be under way.
fn is_small() -> bool {
    let _inside = runtime().enter();
    let lab = Lab::new();
    let (asked, job) = (question(&Target::new(7, 42)), lab.resolver.job());
    let octets = size_of_val(&lab.resolver.resolve(&asked, &job));
    println!("a walk in progress {octets:8} octets, {LARGEST_WALK} allowed");
    if octets > LARGEST_WALK {
        println!("a walk in progress takes more than it may: box what is rarely waited for");
    }
    octets <= LARGEST_WALK
}

/// Instructions of one piece, on average.
fn count((name, times): Piece) -> io::Result<u64> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{}", std::process::id()));
    let done = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        // The whole names: a closure inside would switch it off again.
        .args(["--toggle-collect=instructions::counted_hits", "--toggle-collect=instructions::counted_misses"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["--inside", name])
        .status()?;
    let text = fs::read_to_string(&out)?;
    fs::remove_file(out)?;
    let total = text.lines().find_map(|line| line.strip_prefix("summary: ")?.trim().parse::<u64>().ok());
    match total {
        Some(total) if done.success() && total > 0 => Ok(total / times),
        _ => Err(io::Error::other(format!("nothing was counted for {name}"))),
    }
}

/// Does one piece of work so often; what is counted happens in a function whose name says so.
fn work(name: &str) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let lab = if name == SIGNED.0 { Lab::signed() } else { Lab::new() };
    runtime.block_on(async {
        for n in 0..100 {
            // The second time the finished reply is kept.
            lab.resolve(&Target::new(n, n)).await;
            lab.resolve(&Target::new(n, n)).await;
        }
    });
    let packets: Vec<Vec<u8>> = match name {
        name if name == HIT.0 => (0..HIT.1).map(|n| query(&Target::new(n % 100, n % 100))).collect(),
        name if name == HOST.0 => (0..HOST.1).map(|n| query(&Target::new(1000 + n, n % 100))).collect(),
        name if name == SIGNED.0 => {
            let targets = (0..SIGNED.1).map(|n| Target::new(1, 1000 + n));
            targets.inspect(|target| lab.sign(target)).map(|target| query(&target)).collect()
        }
        _ => (0..DOMAIN.1).map(|n| query(&Target::new(1, 1000 + n))).collect(),
    };
    if name == HIT.0 {
        counted_hits(&lab, &packets, lab.clock.now(), &mut lab.responder.front());
    } else {
        counted_misses(&lab, &packets, &runtime);
    }
}

#[inline(never)]
fn counted_hits(lab: &Lab, packets: &[Vec<u8>], now: Instant, front: &mut Front) {
    let mut out = [0; Responder::MAX_UDP_REPLY];
    let mut turn = Turn { now, front };
    for packet in packets {
        let answer = lab.responder.answer_now(black_box(packet), &lab.client, &mut turn, &mut out);
        assert!(matches!(answer, Immediate::Reply(octets) if octets > packet.len()), "a hit");
    }
}

#[inline(never)]
fn counted_misses(lab: &Lab, packets: &[Vec<u8>], runtime: &tokio::runtime::Runtime) {
    runtime.block_on(async {
        for packet in packets {
            let reply = lab.answer(black_box(packet)).await;
            assert!(reply[3] & 15 == 0 && reply[7] == 1, "an answer");
        }
    });
}

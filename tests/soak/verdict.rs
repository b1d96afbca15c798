//! What the run came to: a line now and then, a table at the end, and all that is not as it should be.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::load::{Board, COLD, HITS, KINDS, Tally};
use crate::watch::{Descriptors, Slopes};

/// What was seen of the process.
#[derive(Default)]
pub struct Found {
    pub kills: usize,
    /// From each start to the first answer.
    pub answered: Vec<Duration>,
    /// SIGTERMs that took too long or ended otherwise than by 0.
    pub unwilling: Vec<String>,
    pub terminations: usize,
    /// Statuses with which it ended by itself.
    pub deaths: Vec<String>,
    pub torn: Vec<String>,
    pub alarms: Vec<String>,
    pub slopes: Vec<Slopes>,
    /// Before the first client and after the last.
    pub idle: Option<(Descriptors, Descriptors)>,
}

/// Growth in ten minutes that counts as none.
const FLAT: f64 = 0.01;
/// A slope over less says nothing.
const SHORTEST_WINDOW: Duration = Duration::from_secs(300);
/// KiB that the process may have at most, in any life: caches of 4 MiB, code, sockets, questions in progress.
const LARGEST: f64 = 96.0 * 1024.0;
/// Sockets to servers that burdock keeps for later, unconnected: for each of two workers.
const KEPT: usize = 2 * 256;
/// The part of the questions that may fail by injected loss.
const FAILED: f64 = 0.001;
/// The same in a run that is too short to tell slow from busy.
const FAILED_WHILE_BUSY: f64 = 0.1;
/// Latency and silence say something of the server, and not of the machine, in runs of at least this length.
const SHORTEST_TELLING: Duration = Duration::from_secs(120);
/// How much later than in the quiet part the median and the last hundredth may come, and from which time on.
const LATER: u32 = 20;
const QUICK: [u32; 2] = [5_000, 100_000];
/// `limits.drain` is 2 s.
const DRAIN: Duration = Duration::from_secs(5);

impl Found {
    /// Notes how a SIGTERM was heeded.
    pub fn ended(&mut self, took: Duration, status: Option<i32>) {
        self.terminations += 1;
        if status != Some(0) || took > DRAIN {
            self.unwilling.push(format!("SIGTERM: status {status:?} after {took:?}"));
        }
    }
}

/// What is going on, in a line.
pub fn line(now: Duration, board: &Board, resident: f64, open: Descriptors) -> String {
    let sum = |count: fn(&Tally) -> u64| board.tallies.iter().map(|tally| count(&tally.lock())).sum::<u64>();
    format!(
        "{:>6} s  asked {} right {} wrong {} failed {} silent {}  RSS {:.1} MiB  descriptors {} (TCP {})",
        now.as_secs(),
        sum(|tally| tally.asked),
        sum(|tally| tally.right),
        sum(|tally| tally.wrong),
        sum(|tally| tally.failed),
        sum(|tally| tally.silent),
        resident / 1024.0,
        open.all,
        open.connections,
    )
}

/// Prints the table; returns complaints about a run of `total`.
pub fn verdict(board: &Board, found: &Found, total: Duration) -> Vec<String> {
    // A short run shares the machine with whatever else is tested on it.
    let is_telling = total >= SHORTEST_TELLING;
    let may_fail = if is_telling { FAILED } else { FAILED_WHILE_BUSY };
    let mut complaints = Vec::new();
    let mut complain = |is_bad: bool, text: String| {
        if is_bad {
            complaints.push(format!("  {text}\n"));
        }
    };
    println!("{:<18} asked right wrong failed silent interrupted retried | p50 p99 quiet, p50 p99 full (µs)", "kind");
    for (kind, tally) in KINDS.iter().zip(&board.tallies) {
        let mut tally = tally.lock().clone();
        let [quiet, full] = tally.times.each_mut().map(|times| percentiles(times));
        let Tally { asked, right, wrong, failed, silent, interrupted, retried, .. } = tally;
        println!(
            "{:<18} {asked} {right} {wrong} {failed} {silent} {interrupted} {retried} | {quiet:?} {full:?}",
            kind.name
        );
        complain(wrong > 0, format!("{}: {wrong} wrong answers (allowed 0)", kind.name));
        complain(silent > 0 && is_telling, format!("{}: {silent} questions without a reply (allowed 0)", kind.name));
        complain(
            right + wrong + failed + silent + interrupted != asked,
            format!("{}: {asked} asked, others judged", kind.name),
        );
        complain(right == 0, format!("{}: no right answer at all", kind.name));
        complain(
            (failed + silent) as f64 > may_fail * asked as f64 + 1.0,
            format!("{}: SERVFAIL {failed} times of {asked}, silence {silent} times", kind.name),
        );
    }
    for kind in [HITS, COLD] {
        let mut tally = board.tallies[kind].lock();
        let [quiet, full] = tally.times.each_mut().map(|times| percentiles(times));
        for (index, which) in ["p50", "p99"].into_iter().enumerate() {
            let allowed = quiet[index].max(QUICK[index]).saturating_mul(LATER);
            complain(
                full[index] > allowed && is_telling,
                format!("{}: {which} {} µs (allowed {allowed})", KINDS[kind].name, full[index]),
            );
        }
    }
    process(found, &mut complain);
    let slow = &board.slow;
    let [opened, ended, forgotten] =
        [&slow.opened, &slow.ended, &slow.forgotten].map(|count| count.load(Ordering::Relaxed));
    println!(
        "malformed packets {}, slow clients {opened}: {ended} ended by the server, {forgotten} not (allowed 0)",
        board.malformed.load(Ordering::Relaxed)
    );
    complain(forgotten > 0 || ended == 0, format!("slow clients: {ended} ended, {forgotten} not"));
    complaints.extend(board.complaints.lock().iter().take(20).map(|text| format!("    {text}\n")));
    if complaints.iter().all(|text| text.starts_with("    ")) {
        // Single failures by injected loss are no reason to fail.
        complaints.iter().for_each(|text| print!("{text}"));
        complaints.clear();
    }
    complaints
}

/// The part about the process.
fn process(found: &Found, complain: &mut impl FnMut(bool, String)) {
    let slowest = found.answered.iter().max().copied().unwrap_or_default();
    println!(
        "SIGKILL {} times, SIGTERM {} times; {} starts answered, the last one of them after {slowest:.1?}",
        found.kills,
        found.terminations,
        found.answered.len()
    );
    for slopes in &found.slopes {
        let Slopes { window, resident, descriptors, largest } = *slopes;
        let counts = window >= SHORTEST_WINDOW;
        println!(
            "a life: over {} s RSS {:+.2} %, descriptors {:+.2} % in ten minutes{}; RSS at most {:.1} MiB",
            window.as_secs(),
            resident * 100.0,
            descriptors * 100.0,
            if counts { "" } else { " (too short to tell)" },
            largest / 1024.0
        );
        complain(counts && resident > FLAT, format!("RSS grows by {:.2} % in ten minutes", resident * 100.0));
        complain(counts && descriptors > FLAT, format!("descriptors grow by {:.2} %", descriptors * 100.0));
        complain(largest > LARGEST, format!("RSS {:.1} MiB (allowed {:.1})", largest / 1024.0, LARGEST / 1024.0));
    }
    if let Some((before, after)) = found.idle {
        println!(
            "descriptors when idle: before {before:?}, after {after:?} (allowed {KEPT} sockets kept, no connection)"
        );
        complain(after.connections > before.connections, format!("{} TCP connections left", after.connections));
        complain(after.all > before.all + KEPT, format!("{} descriptors, {} before", after.all, before.all));
    }
    for (what, list) in [
        ("ended by itself", &found.deaths),
        ("state", &found.torn),
        ("log", &found.alarms),
        ("SIGTERM", &found.unwilling),
    ] {
        complain(!list.is_empty(), format!("{what}: {list:?}"));
    }
}

/// Median and 99th percentile.
fn percentiles(times: &mut [u32]) -> [u32; 2] {
    times.sort_unstable();
    [50, 99].map(|part| times.get(times.len() * part / 100).copied().unwrap_or_default())
}

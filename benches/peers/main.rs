//! Burdock beside its peers, on loopback, against one synthetic Internet, under one load; as root, on Debian.
//!
//!     cargo bench --bench peers                     the main table and memory
//!     cargo bench --bench peers -- --flood --lossy  these scenarios only; --all for everything, --write for the page
//!
//! BURDOCK_UNDER="valgrind --tool=callgrind --callgrind-out-file=/tmp/out" runs Burdock under a profiler.
#![allow(
    unsafe_code,
    missing_docs,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a program of its own: it measures time, and talks to the kernel without the library"
)]

mod authority;
mod compare;
mod load;
mod names;
mod peer;
mod process;
mod scenarios;
mod session;
mod signatures;
mod table;
mod udp;
mod zones;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clap::Parser;

use authority::Internet;
use peer::Peer;
use session::Bench;
use table::{Column, Table};

#[derive(Parser)]
#[command(about = "Compares Burdock with other resolvers on loopback")]
struct Options {
    /// Hits, misses and latency (also without any scenario's name)
    #[arg(long)]
    compare: bool,
    /// Cold domains when every zone is signed and everything is validated (part of --compare, too)
    #[arg(long)]
    signed: bool,
    /// Memory per cached name
    #[arg(long)]
    memory: bool,
    /// 64 MiB of cache and far too many names
    #[arg(long)]
    bounded: bool,
    /// Hits beside 2,000 cold questions a second
    #[arg(long)]
    flood: bool,
    /// Hits and cold questions beside 5,000 random names a second of a dead zone
    #[arg(long)]
    torture: bool,
    /// CPU per hit with one worker and with two
    #[arg(long)]
    workers: bool,
    /// CPU from exec to the first answer from the cache
    #[arg(long)]
    start: bool,
    /// 20 ms and 10 % loss to every server
    #[arg(long)]
    lossy: bool,
    /// Everything
    #[arg(long)]
    all: bool,
    /// Rounds; medians are shown
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each load of hits
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Cold names per load
    #[arg(long, default_value_t = 20_000)]
    cold: u64,
    /// Names for memory
    #[arg(long, default_value_t = 1_000_000)]
    names: u64,
    /// Distinct names for bounded memory
    #[arg(long, default_value_t = 10_000_000)]
    bounded_names: u64,
    /// Whom to measure, by words like echo,burdock,unbound,pdns,knot,bind
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// The nice value of everything that is measured: others use the machine too
    #[arg(long, default_value_t = -10, allow_hyphen_values = true)]
    nice: i32,
    /// Put the tables into docs/performance.md
    #[arg(long)]
    write: bool,
    /// What `cargo bench` always says
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the echo
    #[arg(long, hide = true)]
    echo: bool,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    let scenario = options.memory || options.bounded || options.flood || options.workers || options.torture;
    if !(scenario || options.signed || options.start || options.lossy || options.compare || options.all) {
        (options.compare, options.memory) = (true, true);
    }
    let result = if options.echo { udp::echo(peer::LISTEN) } else { run(&options) };
    if let Err(error) = result {
        eprintln!("peers: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(options: &Options) -> io::Result<()> {
    install()?;
    build()?;
    if let Err(error) = process::leave_the_network() {
        eprintln!("peers: no network of our own ({error}); using the machine's loopback");
    }
    process::insist(options.nice);
    let cores = process::cores();
    let [core, other, ..] = *cores else { return Err(io::Error::other("two processors are needed")) };
    let scratch = scratch()?;
    process::pin(other);
    // Before anything is measured: somebody may commit meanwhile.
    let commit = said("git", &["describe", "--always", "--dirty"]);
    let failures = AtomicU32::new(0);
    let bench = Bench { internet: Internet::start(other)?, core, other, scratch: scratch.clone(), commit, failures };
    let result = measure(&bench, options);
    let failures = bench.failures.load(Ordering::Relaxed);
    drop(bench);
    fs::remove_dir_all(scratch)?;
    if failures > 0 {
        return result.and(Err(io::Error::other(format!("{failures} round(s) failed, see above"))));
    }
    result
}

/// Builds what users build: the program that `cargo bench` makes has the time of tests in it, which can be stopped, and
/// asks at each look at the clock whether it is.
fn build() -> io::Result<()> {
    let folder = Path::new(peer::BURDOCK).parent().and_then(Path::parent).ok_or(io::ErrorKind::NotFound)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--release", "--bin", "burdock", "--target-dir"]).arg(folder).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("`cargo build --release` failed")) }
}

/// A scenario: its name among the marks of the page, its columns, its rounds, and how one round of one peer goes.
struct Scenario<'a> {
    part: &'a str,
    columns: &'a [Column],
    rounds: u32,
    /// Whether the echo takes part.
    echo: bool,
    round: &'a dyn Fn(&Bench, Peer, &mut Table) -> io::Result<()>,
    text: fn(&Table) -> String,
}

fn measure(bench: &Bench, options: &Options) -> io::Result<()> {
    let time = Duration::from_secs_f64(options.seconds);
    let amounts = compare::Amounts { time, cold: options.cold };
    let rounds = options.rounds;
    let play = |asked: bool, scenario: Scenario<'_>| {
        if asked || options.all { play(bench, options, &scenario) } else { Ok(()) }
    };
    let plain: fn(&Table) -> String = |table| table.medians();
    let beside: fn(&Table) -> String = |table| format!("{}\n{}", table.medians(), table.against("Unbound"));
    let scenario = |part, columns, rounds, round, text| Scenario { part, columns, rounds, echo: false, round, text };

    let compare = |bench: &Bench, peer: Peer, table: &mut Table| {
        table.add(peer.name(), &compare::round(bench, peer, &amounts)?);
        Ok(())
    };
    let part = Scenario { echo: true, ..scenario("compare", &compare::COLUMNS, rounds, &compare, compare::text) };
    play(options.compare, part)?;
    let signed = |bench: &Bench, peer: Peer, table: &mut Table| {
        table.add(peer.name(), &compare::signed(bench, peer, options.cold)?);
        Ok(())
    };
    play(options.signed, scenario("signed", &compare::SIGNED, rounds, &signed, beside))?;
    let memory = |bench: &Bench, peer, table: &mut Table| scenarios::memory(bench, peer, options.names, table);
    play(options.memory, scenario("memory", &scenarios::MEMORY, 1, &memory, beside))?;
    let flood = |bench: &Bench, peer, table: &mut Table| scenarios::flood(bench, peer, time, table);
    play(options.flood, scenario("flood", &scenarios::FLOOD, rounds, &flood, plain))?;
    let torture = |bench: &Bench, peer, table: &mut Table| scenarios::torture(bench, peer, time, table);
    play(options.torture, scenario("torture", &scenarios::TORTURE, rounds, &torture, plain))?;
    let workers = |bench: &Bench, peer, table: &mut Table| scenarios::workers(bench, peer, time, table);
    play(options.workers, scenario("workers", &scenarios::WORKERS, rounds, &workers, plain))?;
    let start = |bench: &Bench, peer, table: &mut Table| scenarios::start(bench, peer, table);
    play(options.start, scenario("start", &scenarios::START, rounds, &start, beside))?;
    let lossy = |bench: &Bench, peer, table: &mut Table| scenarios::lossy(bench, peer, 2000, table);
    play(options.lossy, scenario("lossy", &scenarios::LOSSY, rounds.min(3), &lossy, beside))?;
    let names = options.bounded_names;
    let bounded = |bench: &Bench, peer, table: &mut Table| scenarios::bounded(bench, peer, names, table);
    play(options.bounded, scenario("bounded", &scenarios::BOUNDED, 1, &bounded, plain))
}

/// Plays a scenario with everybody in turn, round by round, and tells.
fn play(bench: &Bench, options: &Options, scenario: &Scenario<'_>) -> io::Result<()> {
    let wanted = |peer: &Peer| {
        let named = options.peers.is_empty() || options.peers.iter().any(|word| word == peer.word());
        named && (scenario.echo || *peer != Peer::Echo)
    };
    let mut table = Table::new(scenario.columns);
    let mut busy = vec![load_average()];
    for round in 1..=scenario.rounds {
        for peer in peer::ALL.into_iter().filter(wanted) {
            eprintln!("{}: round {round} of {}, {}", scenario.part, scenario.rounds, peer.name());
            if let Err(error) = (scenario.round)(bench, peer, &mut table) {
                // One peer's failure is told, at the end once more, and costs the others nothing.
                eprintln!("{}: {error}", scenario.part);
                bench.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        busy.push(load_average());
    }
    let text = format!("{}\n{}", machine(bench, options, scenario, &busy), (scenario.text)(&table));
    println!("\n{}\n{text}", scenario.part);
    if options.write {
        table::put(Path::new("docs/performance.md"), scenario.part, &text)?;
    }
    Ok(())
}

/// Where, when and how a table was made.
fn machine(bench: &Bench, options: &Options, scenario: &Scenario<'_>, busy: &[String]) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("?");
    let versions = peer::ALL.iter().filter(|peer| **peer != Peer::Echo);
    let versions: Vec<String> = versions.map(|peer| format!("{} {}", peer.name(), peer.version())).collect();
    let (memory, bounded) = (options.names, options.bounded_names);
    format!(
        "{}; {} × {}; Linux {}; commit {}. {} round(s) of {} s of hits, {} cold names; {memory} names for memory, \
         {bounded} for bounded memory. Load average of the machine before, and after each round: {}. {}.\n",
        said("date", &["-u", "+%F %H:%M UTC"]),
        cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        model.trim_start_matches([' ', '\t', ':']),
        said("uname", &["-r"]),
        bench.commit,
        scenario.rounds,
        options.seconds,
        options.cold,
        busy.join(", "),
        versions.join(", "),
    )
}

/// What a program says on its standard output.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// What scratch folders are called, before the number of the process.
const SCRATCH: &str = "burdock-peers-";

/// Memory where there is some: a cache in a file must not wait for a disk.
fn scratch() -> io::Result<PathBuf> {
    let shared = Path::new("/dev/shm");
    let base = if shared.is_dir() { shared } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
    // What a run left behind that was killed.
    for entry in fs::read_dir(base)?.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(SCRATCH));
        if owner.is_some_and(|number| !Path::new("/proc").join(number).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let scratch = base.join(format!("{SCRATCH}{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    Ok(scratch)
}

/// Installs the peers that are missing.
fn install() -> io::Result<()> {
    let missing = |program: &str| {
        let paths = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        !paths.iter().any(|folder| Path::new(folder).join(program).exists())
    };
    if !peer::ALL.iter().filter_map(|peer| peer.program()).any(|(program, _)| missing(program)) && !missing("ip") {
        return Ok(());
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/install");
    let done = Command::new(script).status()?;
    if done.success() { Ok(()) } else { Err(io::Error::other("the peers could not be installed")) }
}

//! Burdock for a long time, under everything at once: questions whose answers are known, floods, nonsense, slow clients,
//! lossy and broken servers, `kill -9`. The real binary, an Internet of ours on 127.81.0.0/16.
//!
//! `cargo test --test soak` takes 20 seconds, and judges neither latency nor slopes; `SOAK=30m cargo test --release --test soak`
//! takes as long as it says, and judges all.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs, dead_code, unused_imports, reason = "shared with the simulations")]

mod abuse;
mod internet;
mod load;
#[path = "../support/mod.rs"]
mod support;
mod verdict;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use burdock::dns::{Message, QueryFlags, write_query};

use internet::{Weather, World, owner, question};
use load::{Board, Phase};
use verdict::{Found, line, verdict};
use watch::{Descriptors, Life, Place};

/// Where in the run, in hundredths, the server is ended: by SIGKILL, or SIGTERM. Early, for what grows slowly shows in a long
/// life alone.
const ENDS: &[(u32, End)] = &[(16, End::Kill), (23, End::Terminate), (30, End::Kill)];
/// The part of the run that is quiet, in hundredths.
const QUIET: u32 = 10;
/// Lives that end while they begin, at each SIGKILL: the state is being written then.
const SHORT_LIVES: [u64; 4] = [2, 10, 30, 80];
/// Replies of servers that are lost, in thousandths.
const LOSS: u32 = 20;
/// How long the server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    Terminate,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--list") {
        println!("soak: test");
        return ExitCode::SUCCESS;
    }
    // `cargo test NAME` runs the tests that are called so.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if filter.is_some_and(|filter| !"soak".contains(&filter)) {
        return ExitCode::SUCCESS;
    }
    let total = duration(&std::env::var("SOAK").unwrap_or_else(|_| "20s".to_owned()));
    let weather = Weather::default();
    let world = World::start(&weather);
    let place = Place::new(&world);
    let board = Arc::new(Board::new(world, place.address));
    let mut found = Found::default();
    let mut life = begin(&place, &board, &mut found);
    let idle = life.descriptors();

    let clients = start_clients(&board);
    let began = Instant::now();
    let mut ends = ENDS.iter().peekable();
    let mut said = Duration::ZERO;
    let step = if total > Duration::from_secs(120) { Duration::from_secs(60) } else { Duration::from_secs(10) };
    while began.elapsed() < total {
        thread::sleep(Duration::from_millis(if total.as_secs() > 120 { 1000 } else { 200 }));
        let now = began.elapsed();
        if board.phase() == Phase::Quiet && now > total * QUIET / 100 {
            board.enter(Phase::Full);
            life.warms_up_again();
            weather.store(LOSS, Ordering::Relaxed);
        }
        if let Some(status) = life.ended() {
            found.deaths.push(status);
            life = begin(&place, &board, &mut found);
        }
        let (resident, open) = life.sample();
        if now - said >= step {
            said += step;
            println!("{}", line(now, &board, resident, open));
        }
        if let Some((_, end)) = ends.next_if(|(at, _)| now > total * *at / 100) {
            life = restart(life, *end, &place, &board, &mut found);
        }
    }
    board.enter(Phase::Over);
    weather.store(0, Ordering::Relaxed);
    clients.join().expect("no client got a reply to another question");
    found.slopes.extend(life.slopes());
    found.idle = Some((idle, calm(&life, idle)));
    let (ended_in, status) = life.terminate();
    found.ended(ended_in, status);
    found.alarms = place.alarms();
    let complaints = verdict(&board, &found, total);
    if complaints.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("soak: FAILED\n{}log:\n{}", complaints.concat(), place.last_lines());
    ExitCode::FAILURE
}

/// All clients, on a thread of their own.
fn start_clients(board: &Arc<Board>) -> thread::JoinHandle<()> {
    let board = Arc::clone(board);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (packets, slow) =
                (tokio::spawn(abuse::malformed(Arc::clone(&board))), tokio::spawn(abuse::slow(Arc::clone(&board))));
            load::ask_all(board).await;
            packets.await.unwrap();
            slow.await.unwrap();
        });
    })
}

/// Starts the server and waits until it answers.
fn begin(place: &Place, board: &Board, found: &mut Found) -> Life {
    let began = Instant::now();
    let mut life = place.start();
    while !answers(board) {
        if let Some(status) = life.ended() {
            found.deaths.push(format!("at the start: {status}"));
            life = place.start();
        }
        assert!(began.elapsed() < PATIENCE, "it does not answer after {PATIENCE:?}:\n{}", place.last_lines());
    }
    found.answered.push(began.elapsed());
    found.torn.extend(place.torn_state());
    if !place.has_state() {
        found.torn.push("there is no state although the server runs".to_owned());
    }
    life
}

/// Asks once what takes the whole walk; waits for a tenth of a second.
fn answers(board: &Board) -> bool {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(board.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let flags = QueryFlags { recursion_desired: true, ..QueryFlags::default() };
    let query = write_query(board.dice.id(), &question(&owner("www", 0), "A"), flags);
    let mut buffer = [0; 512];
    let reply = socket.send(&query).and_then(|_| socket.recv(&mut buffer));
    match reply {
        Ok(octets) => Message::parse(&buffer[..octets]).is_ok_and(|reply| reply.answer.len() == 1),
        Err(_) => {
            thread::sleep(Duration::from_millis(2));
            false
        }
    }
}

/// Ends a life and begins another.
fn restart(mut life: Life, end: End, place: &Place, board: &Board, found: &mut Found) -> Life {
    found.slopes.extend(life.slopes());
    board.ends.fetch_add(1, Ordering::Relaxed);
    if end == End::Terminate {
        let (took, status) = life.terminate();
        found.ended(took, status);
    } else {
        life.kill();
        found.kills += 1;
        found.torn.extend(place.torn_state());
        for milliseconds in SHORT_LIVES {
            let life = place.start();
            thread::sleep(Duration::from_millis(milliseconds));
            life.kill();
            found.kills += 1;
            found.torn.extend(place.torn_state());
        }
    }
    begin(place, board, found)
}

/// The descriptors when nobody asks any more: as soon as no connection is left, or when patience ends.
fn calm(life: &Life, idle: Descriptors) -> Descriptors {
    let began = Instant::now();
    loop {
        let now = life.descriptors();
        if now.connections <= idle.connections || began.elapsed() > PATIENCE {
            return now;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// `20s`, `30m`, `2h`.
fn duration(text: &str) -> Duration {
    let (digits, unit) = text.split_at(text.len().saturating_sub(1));
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => panic!("SOAK={text}: write 20s, 30m or 2h"),
    };
    Duration::from_secs(digits.parse::<u64>().expect("SOAK begins with a number") * unit).max(Duration::from_secs(10))
}

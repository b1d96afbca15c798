//! Those who do not play by the rules: packets that are none, and TCP clients that take their time.
//!
//! Bounded: one socket sends the packets, so many connections are open at once.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use burdock::dns::{QueryFlags, write_query};
use burdock::world::Dice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::internet::{owner, question};
use crate::load::{Board, Phase};

/// What became of slow clients.
#[derive(Default)]
pub struct Slow {
    /// Connections that asked nothing, or did not get to the end of their question.
    pub opened: AtomicU64,
    /// Those of them that the server ended.
    pub ended: AtomicU64,
    /// Those that it let live longer than [`LONGEST`].
    pub forgotten: AtomicU64,
}

/// Seconds that a client without a whole question may stay at most: `limits.tcp-first-message` is 3 s.
const LONGEST: u32 = 10;
/// Slow clients of each kind at once.
const SLOW: usize = 8;
/// Malformed packets a second.
const MALFORMED: u64 = 100;

/// Sends packets that are no questions, until the end.
pub async fn malformed(board: Arc<Board>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut ticks = interval(Duration::from_millis(1000 / MALFORMED));
    let mut waste = [0; 4096];
    while board.phase() != Phase::Over {
        ticks.tick().await;
        if board.phase() != Phase::Full {
            continue;
        }
        // Refused while the server is down; what comes back is nobody's answer.
        let _ = socket.send_to(&packet(&board.dice), board.address).await;
        board.malformed.fetch_add(1, Ordering::Relaxed);
        while socket.try_recv_from(&mut waste).is_ok() {}
    }
}

fn packet(dice: &Dice) -> Vec<u8> {
    let query = write_query(dice.id(), &question(&owner("www", 0), "A"), QueryFlags::default());
    let mut query = query.to_vec();
    let at = dice.below(query.len());
    match dice.below(6) {
        0 => query.truncate(at),
        1 => query[at] ^= 1 << dice.below(8),
        2 => query = (0..dice.below(600)).map(|_| dice.bits() as u8).collect(),
        // A reply, which nobody asked for.
        3 => query[2] |= 0x80,
        // A name that points to itself.
        4 => query.splice(12..13, [0xc0, 0x0c]).for_each(drop),
        // Counts that promise more than there is.
        _ => query[4 + dice.below(8)] = dice.bits() as u8,
    }
    query
}

/// Keeps slow clients connected, until the end.
pub async fn slow(board: Arc<Board>) {
    let mut tasks = tokio::task::JoinSet::new();
    for kind in 0..3 {
        for _ in 0..SLOW {
            let board = Arc::clone(&board);
            tasks.spawn(async move {
                while board.phase() != Phase::Over {
                    if board.phase() == Phase::Full {
                        // A server that is down ends a client, too.
                        let _ = client(&board, kind).await;
                    }
                    sleep(Duration::from_millis(100 + board.dice.below(400) as u64)).await;
                }
            });
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn client(board: &Board, kind: usize) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(board.address).await?;
    if kind == 2 {
        return greedy(board, &mut stream).await;
    }
    board.slow.opened.fetch_add(1, Ordering::Relaxed);
    let lives = board.ends.load(Ordering::Relaxed);
    let mut waste = [0; 16];
    // Counted in waits, not by the clock: when the machine stands still for a while, so does the server.
    for _ in 0..LONGEST {
        if kind == 1 && stream.write_all(&[1]).await.is_err()
            || timeout(Duration::from_secs(1), stream.read(&mut waste)).await.is_ok()
        {
            board.slow.ended.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
    }
    board.slow.forgotten.fetch_add(1, Ordering::Relaxed);
    let now = board.ends.load(Ordering::Relaxed);
    println!("a slow client of kind {kind} is connected since the server had been ended {lives} times ({now} by now)");
    Ok(())
}

/// Asks for much and reads nothing, for as long as it is let.
async fn greedy(board: &Board, stream: &mut TcpStream) -> std::io::Result<()> {
    let query = write_query(
        1,
        &question(&owner("text", 0), "TXT"),
        QueryFlags { recursion_desired: true, ..QueryFlags::default() },
    );
    let mut framed = u16::try_from(query.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(&query);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(LONGEST.into()) && board.phase() == Phase::Full {
        match stream.try_write(&framed) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
    Ok(())
}

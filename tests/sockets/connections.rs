//! What a process has in memory for connections that sit idle (TRN-01), for one that never reads (TRN-02), and for referrals
//! to servers that nobody finds (AMP-02): resident, seen from outside.
#![allow(clippy::disallowed_methods, reason = "what is cut in its time is waited for")]

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use burdock::dns::{Message, Rcode};

use super::crowds::from;
use super::memory::{KIB, Stage, part};
use super::support::{PATIENCE, alone, framed, good, query, read, tcp, write};

/// Twenty clients with forty connections each: so many that nobody is asked to leave.
const CLIENTS: u8 = 20;
const EACH: usize = 40;

/// Each has asked something, and sits there: what a connection takes that is kept for a next question.
#[test]
fn trn_01_what_an_idle_connection_takes() {
    let _turn = alone();
    let stage = Stage::open("trn01", 1 << 20);
    let open = |clients: std::ops::Range<u8>, each: usize| {
        let one = |client: u8| {
            let mut stream = from(client, stage.address);
            write(&mut stream, &[query(1, "www. A")]);
            good(&read(&mut stream));
            stream
        };
        clients.flat_map(|client| std::iter::repeat_n(client, each)).map(one).collect::<Vec<_>>()
    };
    drop(open(100..104, 10));
    let before = stage.resident();
    let crowd = open(1..CLIENTS + 1, EACH);
    let each = stage.resident().saturating_sub(before) / crowd.len() as u64;
    println!("TRN-01 {} idle connections: {each} octets resident for each (allowed 4096)", crowd.len());
    assert!(each <= 4096, "{each}");
}

/// As many questions on one connection as there is room for, for 11,000 octets each, and nobody reads.
#[test]
fn trn_02_what_a_client_that_never_reads_takes() {
    let _turn = alone();
    let stage = Stage::open("trn02", 1 << 20);
    let mut reader = tcp(stage.address);
    for number in 0..20 {
        write(&mut reader, &[query(number, "big. TXT")]);
        assert_eq!(Message::parse(&read(&mut reader)).unwrap().answer.len(), 12);
    }
    let (before, begun) = (stage.resident(), Instant::now());
    let mut stream = tcp(stage.address);
    stream.set_nonblocking(true).unwrap();
    let question = framed(&[query(1, "big. TXT")]);
    let questions = question.repeat(1000);
    let (mut sent, mut most) = (0, before);
    // What the kernel's buffers take is not the server's; a write fails when the server has given up.
    loop {
        match stream.write(&questions[sent % questions.len()..]) {
            Ok(octets) => sent += octets,
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => break,
        }
        most = most.max(stage.resident());
        assert!(begun.elapsed() < PATIENCE, "it is not cut");
    }
    let (asked, grown) = (sent / question.len(), (most - before) / KIB);
    println!(
        "TRN-02 {asked} questions for 11,000 octets each, and nobody reads: cut after {:.1} s (allowed 5.5), {grown} KiB more \
         resident (allowed 256)",
        begun.elapsed().as_secs_f64()
    );
    assert!(grown <= 256 && asked >= 20_000, "{grown} {asked}");
}

/// What is kept of a referral to 1,500 servers, of their names and of the failure.
#[test]
fn amp_02_what_large_referrals_take() {
    let _turn = alone();
    let stage = Stage::open("amp02", 64 << 20);
    // All that is needed once: streams and buffers for replies of 64 KiB.
    stage.flood(("rw", "many"), 0..64, Rcode::SERVFAIL);
    let (before, count) = (stage.resident(), (640 * part() / 1000).max(128));
    let most = stage.flood(("r", "many"), 0..count, Rcode::SERVFAIL);
    let each = most.saturating_sub(before) / count as u64;
    println!("AMP-02 {count} referrals to 1,500 servers: {each} octets resident for each (allowed 16384)");
    assert!(each <= 16_384, "{each}");
}

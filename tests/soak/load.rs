//! Clients with real questions: each asks as dig does (three tries of five seconds), and judges what it gets.
//!
//! Bounded: every kind has a rate, and so many questions open at once; what would be more is not asked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use burdock::dns::{Header, Message, QueryFlags, Question, Rcode, write_query};
use burdock::world::Dice;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::abuse::Slow;
use crate::internet::{ANSWERING, DEAD, Expected, QUICK, REPEATED, TRUNCATING, World, owner, question};

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Questions alone.
    Quiet,
    /// Everything.
    Full,
    /// No new questions; then nothing.
    Over,
}

/// A kind of question: its name, how many a second, how many at once.
pub struct Kind {
    pub name: &'static str,
    rate: u64,
    at_once: usize,
    make: fn(&Dice) -> Question,
}

pub const KINDS: &[Kind] = &[
    Kind { name: "hits", rate: 600, at_once: 128, make: hit },
    Kind { name: "repeated", rate: 300, at_once: 256, make: repeated },
    Kind { name: "cold", rate: 100, at_once: 64, make: |dice| wild(dice, QUICK[dice.below(QUICK.len())]) },
    Kind { name: "cold, odd servers", rate: 60, at_once: 256, make: |dice| wild(dice, dice.below(ANSWERING + 2)) },
    Kind { name: "NXDOMAIN", rate: 300, at_once: 256, make: |dice| random(dice, dice.below(ANSWERING)) },
    Kind { name: "dead zone", rate: 60, at_once: 256, make: |dice| random(dice, DEAD) },
];
/// The kinds that are there in the quiet part, too; and whose times are looked at.
pub const HITS: usize = 0;
pub const COLD: usize = 2;
const QUIET: [usize; 2] = [HITS, COLD];

/// What became of the questions of one kind.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub asked: u64,
    pub right: u64,
    pub wrong: u64,
    /// SERVFAIL instead of an answer.
    pub failed: u64,
    /// Nothing in three tries.
    pub silent: u64,
    /// The same, of questions that nobody can answer: each try waits for as long as the server may take, and the server
    /// was ended meanwhile.
    pub interrupted: u64,
    /// More than one try.
    pub retried: u64,
    /// Microseconds to the reply of the first try, in the quiet part and in the other.
    pub times: [Vec<u32>; 2],
}

/// What clients share.
pub struct Board {
    pub world: World,
    pub address: SocketAddr,
    pub dice: Dice,
    pub tallies: Vec<Mutex<Tally>>,
    pub complaints: Mutex<Vec<String>>,
    pub malformed: AtomicU64,
    pub slow: Slow,
    /// How often the server was ended.
    pub ends: AtomicU64,
    phase: AtomicU8,
    streams: Semaphore,
}

/// What a question was, beside its name.
#[derive(Clone, Copy)]
struct How {
    tcp: bool,
    ad: bool,
    flags: QueryFlags,
}

impl Board {
    pub fn new(world: World, address: SocketAddr) -> Self {
        Self {
            world,
            address,
            dice: Dice::system(),
            tallies: KINDS.iter().map(|_| Mutex::default()).collect(),
            complaints: Mutex::default(),
            malformed: AtomicU64::new(0),
            slow: Slow::default(),
            ends: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Quiet as u8),
            streams: Semaphore::new(STREAMS),
        }
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Quiet,
            1 => Phase::Full,
            _ => Phase::Over,
        }
    }

    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn complain(&self, text: String) {
        let mut complaints = self.complaints.lock();
        if complaints.len() < MOST_COMPLAINTS {
            complaints.push(text);
        }
    }
}

/// Asks all kinds of questions, until the end, and waits for the last replies.
pub async fn ask_all(board: Arc<Board>) {
    let mut kinds = tokio::task::JoinSet::new();
    for index in 0..KINDS.len() {
        kinds.spawn(keep_asking(Arc::clone(&board), index));
    }
    while let Some(ended) = kinds.join_next().await {
        ended.unwrap();
    }
}

async fn keep_asking(board: Arc<Board>, kind: usize) {
    let Kind { rate, at_once, make, .. } = KINDS[kind];
    let mut ticks = interval(Duration::from_micros(SLOWER * 1_000_000 / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = tokio::task::JoinSet::new();
    while board.phase() != Phase::Over {
        ticks.tick().await;
        while let Some(ended) = open.try_join_next() {
            ended.unwrap();
        }
        let phase = board.phase();
        if open.len() < at_once && (phase == Phase::Full || QUIET.contains(&kind)) {
            let question = make(&board.dice);
            open.spawn(put(Arc::clone(&board), kind, question, usize::from(phase == Phase::Full)));
        }
    }
    while let Some(ended) = open.join_next().await {
        ended.unwrap();
    }
}

/// Puts one question and judges the reply.
async fn put(board: Arc<Board>, kind: usize, question: Question, part: usize) {
    let how = How::some(&board.dice);
    let expected = board.world.expected(&question, how.flags.checking_disabled);
    board.tallies[kind].lock().asked += 1;
    let ends = board.ends.load(Ordering::Relaxed);
    let (reply, tries, time) = ask(&board, &question, how).await;
    let mut tally = board.tallies[kind].lock();
    if tries > 1 {
        tally.retried += 1;
    } else if tally.times[part].len() < MOST_TIMES && !how.tcp {
        tally.times[part].push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }
    let asked = || format!("{} {question} {}", KINDS[kind].name, how.text());
    let Some(reply) = reply else {
        if matches!(expected, Expected::Failure) && board.ends.load(Ordering::Relaxed) > ends {
            tally.interrupted += 1;
            return;
        }
        tally.silent += 1;
        return board.complain(format!("no reply: {}", asked()));
    };
    let failed = reply.rcode() == Rcode::SERVFAIL && matches!(expected, Expected::Answer { .. });
    match expected.complaint(&reply, how.ad || how.flags.dnssec_ok, how.flags.checking_disabled) {
        None => tally.right += 1,
        Some(complaint) => {
            if failed {
                tally.failed += 1;
            } else {
                tally.wrong += 1;
            }
            board.complain(format!("{}: {complaint}; got {} {:?}", asked(), reply.rcode(), said(&reply)));
        }
    }
}

fn said(reply: &Message) -> Vec<String> {
    let options = reply.edns.iter().flat_map(|edns| &edns.options).map(|option| format!("{option:?}"));
    reply.answer.iter().map(burdock::dns::record_to_text).chain(options).collect()
}

/// The reply, the number of tries and the time since the first.
async fn ask(board: &Board, question: &Question, how: How) -> (Option<Message>, u32, Duration) {
    let began = Instant::now();
    for turn in 1..=TRIES {
        let deadline = began + TRY * turn;
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let attempt = async {
                if how.tcp { over_tcp(board, question, how).await } else { over_udp(board, question, how).await }
            };
            match timeout(left, attempt).await {
                Ok(Ok(reply)) => return (Some(reply), turn, began.elapsed()),
                // Nobody listens: not for long.
                Ok(Err(_)) => sleep(Duration::from_millis(100)).await,
                Err(_) => break,
            }
        }
    }
    (None, TRIES + 1, began.elapsed())
}

async fn over_udp(board: &Board, question: &Question, how: How) -> io::Result<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(board.address).await?;
    let (id, query) = how.query(board, question);
    socket.send(&query).await?;
    let mut buffer = [0; 4096];
    let mut octets = socket.recv(&mut buffer).await?;
    // A late reply to whoever had this port before, and has given up.
    while !buffer.starts_with(&id.to_be_bytes()) {
        octets = socket.recv(&mut buffer).await?;
    }
    let reply = fitting(&buffer[..octets], id, question);
    if reply.header.has(Header::TC) { over_tcp(board, question, how).await } else { Ok(reply) }
}

async fn over_tcp(board: &Board, question: &Question, how: How) -> io::Result<Message> {
    let _permit = board.streams.acquire().await.unwrap();
    let mut stream = TcpStream::connect(board.address).await?;
    let (id, query) = how.query(board, question);
    let mut framed = u16::try_from(query.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(&query);
    stream.write_all(&framed).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    Ok(fitting(&reply, id, question))
}

/// A reply to another question would be a wrong answer: it panics, and that ends the run.
fn fitting(packet: &[u8], id: u16, question: &Question) -> Message {
    let reply = Message::parse(packet).expect("a well-formed reply");
    let echoed = &reply.question.as_ref().expect("the question is echoed").0;
    assert!(reply.header.id == id && echoed == question, "{echoed} instead of {question}");
    reply
}

impl How {
    /// As clients are: most over UDP, with EDNS, without DNSSEC.
    fn some(dice: &Dice) -> Self {
        let one_in = |count| dice.below(count) == 0;
        let dnssec_ok = one_in(3);
        let edns = (dnssec_ok || !one_in(4)).then_some(1232);
        let flags = QueryFlags { recursion_desired: true, edns, checking_disabled: one_in(8), dnssec_ok };
        Self { tcp: one_in(20), ad: one_in(4), flags }
    }

    fn query(self, board: &Board, question: &Question) -> (u16, Vec<u8>) {
        let id = board.dice.id();
        let mut query = write_query(id, question, self.flags).to_vec();
        if self.ad {
            query[3] |= Header::AD as u8;
        }
        (id, query)
    }

    fn text(self) -> String {
        let Self { tcp, ad, flags } = self;
        let words = [("TCP", tcp), ("AD", ad), ("CD", flags.checking_disabled), ("DO", flags.dnssec_ok)];
        words.iter().filter(|(_, is)| *is).map(|(word, _)| format!("+{word}")).collect()
    }
}

fn hit(dice: &Dice) -> Question {
    question(&owner(["hit0", "hit1"][dice.below(2)], QUICK[dice.below(QUICK.len())]), "A")
}

fn repeated(dice: &Dice) -> Question {
    let (label, rtype) = REPEATED[dice.below(REPEATED.len())];
    let zone = dice.below(ANSWERING + 2);
    // An alias of a name under a name that has none: five TCP queries, and `limits.tcp-queries` is 4.
    if zone == TRUNCATING && label == "deep.moved" { hit(dice) } else { question(&owner(label, zone), rtype) }
}

/// A name that a wildcard makes.
fn wild(dice: &Dice, zone: usize) -> Question {
    question(&owner(&format!("w{:016x}.wild", dice.bits()), zone), "A")
}

/// A name that there is not.
fn random(dice: &Dice, zone: usize) -> Question {
    question(&owner(&format!("x{:016x}", dice.bits()), zone), "A")
}

/// Programs that are not optimised do half as much.
const SLOWER: u64 = if cfg!(debug_assertions) { 2 } else { 1 };
const TRIES: u32 = 3;
const TRY: Duration = Duration::from_secs(5);
/// TCP questions at once; a server allows one address 64 connections for each worker.
const STREAMS: usize = 16;
const MOST_COMPLAINTS: usize = 200;
/// Times kept of each kind and part.
const MOST_TIMES: usize = 4_000_000;

//! The load: questions in batches over a few sockets, so many at a time or so many a second, and what came of them.
//!
//! Each reply is matched by its ID on its socket. A question without reply is given up after a while and counted lost.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use super::authority::Borrowed;
use super::names::Target;
use super::udp::{self, BATCH, Batch, Patience};

/// How fast questions are asked.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many are under way at any time.
    Window(usize),
    /// So many a second, whatever becomes of them.
    Rate(f64),
}

/// What a reply has to have to be a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// NOERROR and an answer.
    Answer,
    /// The same, validated: queries ask for AD, and replies have it (RFC 6840 §5.7).
    Authentic,
}

impl Wanted {
    /// The bit in the fourth octet of queries and replies.
    const fn ad(self) -> u8 {
        match self {
            Self::Answer => 0,
            Self::Authentic => 0x20,
        }
    }
}

/// What is asked, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub server: SocketAddrV4,
    pub wanted: Wanted,
    pub pace: Pace,
    /// No question is asked after so long…
    pub time: Duration,
    /// …or after so many.
    pub count: u64,
    /// When a question is given up.
    pub patience: Duration,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub asked: u64,
    /// Replies.
    pub answered: u64,
    /// Replies with all that is wanted.
    pub good: u64,
    /// From the first question to the last reply.
    pub span: Duration,
    times: Histogram,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.span.as_secs_f64()
    }

    /// The time within which this share of the questions had its reply.
    pub fn quantile(&self, share: f64) -> Duration {
        self.times.quantile(share)
    }
}

/// What the load does while it waits for replies.
pub enum Idle<'a> {
    /// Sleeps: whoever replies pays for waking it.
    Sleep,
    /// Looks again and again, and plays the authorities meanwhile: nobody has to be woken.
    Spin(Borrowed<'a>),
}

/// Asks `names(0)`, `names(1)`, … as `plan` says. Blocks.
pub fn run(plan: &Plan, names: &mut dyn FnMut(u64) -> Target, mut idle: Idle<'_>) -> io::Result<Outcome> {
    let mut lines: Vec<Line> = (0..LINES).map(|_| Line::open(plan.server, plan.wanted)).collect::<io::Result<_>>()?;
    let mut waiting = udp::readable(lines.iter().map(|line| &line.socket));
    let (mut batch, mut outcome) = (Batch::new(), Outcome::default());
    let start = Instant::now();
    let mut last = Duration::ZERO;
    loop {
        let now = start.elapsed();
        let over = now >= plan.time || outcome.asked >= plan.count;
        let open: usize = lines.iter().map(|line| line.open).sum();
        if over && open == 0 {
            break;
        }
        let room = if over { 0 } else { plan.room(now, open, outcome.asked) };
        for (index, line) in lines.iter_mut().enumerate() {
            // Shared evenly: the first lines get what is left over.
            let share = (room + LINES - 1 - index) / LINES;
            line.ask(share, now, (&mut outcome.asked, names), &mut batch);
        }
        match &mut idle {
            Idle::Spin(servers) => servers.turn(),
            Idle::Sleep if room == 0 => udp::wait(&mut waiting, plan.pause(now, outcome.asked, over)),
            Idle::Sleep => {}
        }
        for line in &mut lines {
            let before = outcome.answered;
            line.collect(start, &mut outcome, &mut batch);
            if outcome.answered > before {
                last = start.elapsed();
            }
            line.give_up(now, plan.patience);
        }
    }
    outcome.span = last;
    Ok(outcome)
}

impl Plan {
    /// How many questions may be asked now.
    fn room(&self, now: Duration, open: usize, asked: u64) -> usize {
        let left = usize::try_from(self.count - asked).unwrap_or(usize::MAX);
        let room = match self.pace {
            Pace::Window(window) => window.saturating_sub(open),
            Pace::Rate(rate) => ((now.as_secs_f64() * rate) as u64 + 1).saturating_sub(asked) as usize,
        };
        room.min(left).min(BATCH * LINES)
    }

    /// How long to wait for replies before looking again.
    fn pause(&self, now: Duration, asked: u64, over: bool) -> Duration {
        match self.pace {
            Pace::Rate(rate) if !over => Duration::from_secs_f64(asked as f64 / rate).saturating_sub(now),
            _ => LOOK,
        }
    }
}

/// One socket and its questions.
struct Line {
    socket: UdpSocket,
    /// By ID: when it was asked, in nanoseconds from the start plus one; zero when it is free.
    asked_at: Vec<u64>,
    order: VecDeque<(u16, u64)>,
    next_id: u16,
    open: usize,
    query: Vec<u8>,
    wanted: Wanted,
}

impl Line {
    fn open(server: SocketAddrV4, wanted: Wanted) -> io::Result<Self> {
        let (socket, asked_at) = (udp::connect(server)?, vec![0; 65_536]);
        Ok(Self { socket, asked_at, order: VecDeque::new(), next_id: 1, open: 0, query: Vec::new(), wanted })
    }

    fn ask(
        &mut self,
        count: usize,
        now: Duration,
        (asked, names): (&mut u64, &mut dyn FnMut(u64) -> Target),
        batch: &mut Batch,
    ) {
        let count = count.min(BATCH).min(MOST_OPEN.saturating_sub(self.open));
        let at = now.as_nanos() as u64 + 1;
        for slot in 0..count {
            while self.asked_at[usize::from(self.next_id)] != 0 {
                self.next_id = self.next_id.wrapping_add(1);
            }
            let id = self.next_id;
            self.next_id = id.wrapping_add(1);
            self.asked_at[usize::from(id)] = at;
            self.order.push_back((id, at));
            write_query(id, &names(*asked), self.wanted, &mut self.query);
            batch.put(slot, &self.query);
            *asked += 1;
        }
        self.open += count;
        batch.send_connected(&self.socket, count);
    }

    /// Takes the replies that are there.
    fn collect(&mut self, start: Instant, outcome: &mut Outcome, batch: &mut Batch) {
        loop {
            let count = batch.receive(&self.socket, Patience::None);
            let now = start.elapsed().as_nanos() as u64;
            for slot in 0..count {
                let &mut [high, low, flags, code, _, _, many, few, ..] = batch.packet(slot) else { continue };
                let place = &mut self.asked_at[usize::from(u16::from_be_bytes([high, low]))];
                // No reply, or one that comes too late.
                if flags & 0x80 == 0 || *place == 0 {
                    continue;
                }
                outcome.times.add(now.saturating_sub(*place - 1));
                *place = 0;
                self.open -= 1;
                outcome.answered += 1;
                let wanted = self.wanted.ad();
                outcome.good += u64::from(code & 15 == 0 && (many, few) != (0, 0) && code & wanted == wanted);
            }
            if count < BATCH {
                return;
            }
        }
    }

    fn give_up(&mut self, now: Duration, patience: Duration) {
        while let Some(&(id, at)) = self.order.front() {
            let place = &mut self.asked_at[usize::from(id)];
            if *place == at {
                if now.as_nanos() as u64 - at.min(now.as_nanos() as u64) < patience.as_nanos() as u64 {
                    return;
                }
                *place = 0;
                self.open -= 1;
            }
            self.order.pop_front();
        }
    }
}

/// A query with RD and EDNS of 1232 octets, as stub resolvers send it.
pub fn write_query(id: u16, target: &Target, wanted: Wanted, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[1, wanted.ad(), 0, 1, 0, 0, 0, 0, 0, 1]);
    target.write(out);
    out.extend_from_slice(&[0, 1, 0, 1]);
    out.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
}

/// Times by their size: 64 steps between a power of two and the next.
#[derive(Clone, Debug)]
struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 64 * 64] }
    }
}

impl Histogram {
    fn add(&mut self, nanos: u64) {
        let nanos = nanos.max(64);
        let power = nanos.ilog2();
        let step = (nanos >> (power - 6)) as usize & 63;
        self.counts[power as usize * 64 + step] += 1;
    }

    fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.counts.iter().sum::<u64>() as f64 * share) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen > wanted {
                let (power, step) = (index / 64, index as u64 % 64);
                return Duration::from_nanos((64 + step) << (power - 6));
            }
        }
        Duration::ZERO
    }
}

/// Sockets the questions are spread over.
const LINES: usize = 4;
/// Questions one socket may have under way: IDs stay easy to find.
const MOST_OPEN: usize = 30_000;
/// How often to look whether something was lost.
const LOOK: Duration = Duration::from_millis(20);

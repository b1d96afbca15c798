//! One peer at a time in front of the synthetic Internet: started, proved to answer, loaded, measured, ended.

use std::io;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use burdock::dns::{Header, Message, Rcode, RecordType};

use super::authority::Internet;
use super::load::{self, Idle, Outcome, Pace, Plan, Wanted, write_query};
use super::names::{TLDS, Target};
use super::peer::{LISTEN, Peer, Setup};
use super::process::{self, Running};
use super::signatures::BROKEN;

/// What all measurements share.
pub struct Bench {
    pub internet: Internet,
    /// The processor of the peer.
    pub core: usize,
    /// The processor of the load and of the authorities.
    pub other: usize,
    pub scratch: PathBuf,
    /// What of the source is measured.
    pub commit: String,
    /// Rounds of one peer that failed.
    pub failures: AtomicU32,
}

/// A peer that runs and answers.
pub struct Session<'a> {
    pub peer: Peer,
    pub running: Running,
    bench: &'a Bench,
    wanted: Wanted,
}

/// What a load cost.
#[derive(Clone, Debug)]
pub struct Measured {
    pub outcome: Outcome,
    /// CPU time of the peer.
    pub cpu: Duration,
    /// Queries the authorities got.
    pub upstream: u64,
}

impl Measured {
    /// CPU microseconds per reply.
    pub fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.outcome.answered.max(1) as f64
    }

    pub fn upstream_each(&self) -> f64 {
        self.upstream as f64 / self.outcome.answered.max(1) as f64
    }
}

/// A load without its names.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub pace: Pace,
    pub time: Duration,
    pub count: u64,
}

impl Load {
    /// So many questions, `window` at a time.
    pub const fn count(count: u64, window: usize) -> Self {
        Self { pace: Pace::Window(window), time: Duration::from_secs(1200), count }
    }

    /// Questions for so long.
    pub const fn time(time: Duration, pace: Pace) -> Self {
        Self { pace, time, count: u64::MAX }
    }

    pub fn run(&self, wanted: Wanted, names: &mut dyn FnMut(u64) -> Target, idle: Idle<'_>) -> io::Result<Outcome> {
        let patience = Duration::from_secs(12);
        let plan = Plan { server: LISTEN, wanted, pace: self.pace, time: self.time, count: self.count, patience };
        load::run(&plan, names, idle)
    }
}

impl Bench {
    /// Starts `peer` on one processor and waits until it resolves a name below every TLD.
    pub fn open(&self, peer: Peer, setup: &Setup) -> io::Result<Session<'_>> {
        self.open_on(peer, setup, &[self.core])
    }

    /// The same on several processors.
    pub fn open_on(&self, peer: Peer, setup: &Setup, cores: &[usize]) -> io::Result<Session<'_>> {
        self.internet.dials.signed.store(setup.anchor.is_some(), Ordering::Relaxed);
        let mut session = self.watch(peer, peer.start(setup, cores, &self.scratch)?);
        if setup.anchor.is_some() {
            session.wanted = Wanted::Authentic;
        }
        for tld in 0..TLDS {
            session.prove(&Target::new(tld, tld))?;
        }
        if setup.anchor.is_some() {
            session.prove_distrust()?;
        }
        Ok(session)
    }

    /// A peer that has just been started and may not answer yet.
    pub const fn watch(&self, peer: Peer, running: Running) -> Session<'_> {
        Session { peer, running, bench: self, wanted: Wanted::Answer }
    }
}

impl Session<'_> {
    /// Asks until the right answer comes; a peer that ends or gives none within ten seconds is an error.
    pub fn prove(&mut self, target: &Target) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if self.running.has_ended() {
                break;
            }
            if self.ask(target).is_ok_and(|right| right) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let log = self.bench.scratch.join(self.peer.word()).join("log");
        let log = std::fs::read_to_string(log).unwrap_or_default();
        Err(io::Error::other(format!("{} does not answer {target:?}; it said:\n{log}", self.peer.name())))
    }

    /// Asks for what is signed wrongly; whoever does not say SERVFAIL does not validate.
    fn prove_distrust(&self) -> io::Result<()> {
        let reply = (0..10).find_map(|_| self.question(&Target::new(0, BROKEN)).ok());
        let said = reply.as_ref().and_then(|reply| reply.get(3)).map(|code| code & 15);
        if said == Some(2) {
            return Ok(());
        }
        Err(io::Error::other(format!("{} does not validate: RCODE {said:?} for a wrong signature", self.peer.name())))
    }

    /// Whether one question gets the right answer, and a validated one where that is wanted.
    pub fn ask(&self, target: &Target) -> io::Result<bool> {
        let reply = self.question(target)?;
        if self.peer == Peer::Echo {
            return Ok(reply[2] & 0x80 != 0);
        }
        let message = Message::parse(&reply).map_err(|_| io::ErrorKind::InvalidData)?;
        let right = |record: &burdock::dns::Record| {
            record.rtype == RecordType::A && record.rdata.as_ref() == target.address().as_slice()
        };
        let authentic = self.wanted == Wanted::Answer || message.header.has(Header::AD);
        Ok(message.rcode() == Rcode::NOERROR && message.answer.iter().any(right) && authentic)
    }

    fn question(&self, target: &Target) -> io::Result<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(LISTEN)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        let (mut query, mut reply) = (Vec::new(), [0; 1500]);
        write_query(4711, target, self.wanted, &mut query);
        socket.send(&query)?;
        let octets = socket.recv(&mut reply)?;
        Ok(reply[..octets].to_vec())
    }

    /// Runs a load and says what it cost, waking of sleepers excluded: the load and the authorities never sleep.
    pub fn measure(&self, load: &Load, names: &mut dyn FnMut(u64) -> Target) -> io::Result<Measured> {
        self.measure_while(load, names, Idle::Spin(self.bench.internet.borrow()))
    }

    /// The same with a load that sleeps, and authorities that run by themselves.
    pub fn measure_asleep(&self, load: &Load, names: &mut dyn FnMut(u64) -> Target) -> io::Result<Measured> {
        self.measure_while(load, names, Idle::Sleep)
    }

    fn measure_while(&self, load: &Load, names: &mut dyn FnMut(u64) -> Target, idle: Idle<'_>) -> io::Result<Measured> {
        process::pin(self.bench.other);
        let (cpu, upstream) = (self.running.cpu(), self.bench.internet.dials.total());
        let outcome = load.run(self.wanted, names, idle)?;
        let (cpu, upstream) = (self.running.cpu() - cpu, self.bench.internet.dials.total() - upstream);
        Ok(Measured { outcome, cpu, upstream })
    }

    /// Runs a load; an error when more than one reply in a hundred is missing or no answer.
    pub fn measure_good(&self, load: &Load, names: &mut dyn FnMut(u64) -> Target) -> io::Result<Measured> {
        let measured = self.measure(load, names)?;
        let Outcome { asked, answered, good, .. } = measured.outcome;
        let wanted = if self.peer == Peer::Echo { answered } else { good };
        if (wanted as f64) < asked as f64 * 0.99 {
            let name = self.peer.name();
            return Err(io::Error::other(format!("{name}: {asked} asked, {answered} answered, {good} of them well")));
        }
        Ok(measured)
    }
}

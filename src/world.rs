//! The three things Burdock does not control: the network, the clock and the dice.
//!
//! Everything that decides is given them from outside, so a whole Internet, with its losses and its time, can be played.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use rand::rngs::ChaCha12Rng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::time::Instant;

/// A boxed future; one allocation against a network round trip.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a query travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram there, one back.
    Udp,
    /// A stream, length before each message (RFC 7766).
    Tcp,
}

/// Whom to ask, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The server's address and port.
    pub server: SocketAddr,
    /// The transport.
    pub transport: Transport,
}

/// What a packet that arrived from the server's address is to the query that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The reply. The wait ends.
    Ours,
    /// Anything else. The wait goes on.
    NotOurs,
    /// Almost the reply: somebody may be guessing. The wait ends with [`io::ErrorKind::InvalidData`].
    NearMiss,
}

/// Judges each packet that arrives; pure.
pub type IsOurs<'a> = &'a (dyn Fn(&[u8]) -> Arrival + Send + Sync);

/// Everything outside this process: one query out, one reply back.
pub trait Network: Send + Sync {
    /// Sends `query` (without any length prefix) over `route` and waits for the packet that `is_ours` accepts.
    /// Packets it does not accept are passed over. There is no deadline in here: the caller drops the future.
    ///
    /// [`io::ErrorKind::ResourceBusy`] says that others have all the connections to the server that there may be.
    fn exchange<'a>(&'a self, route: Route, query: &'a [u8], is_ours: IsOurs<'a>) -> BoxFuture<'a, io::Result<Bytes>>;
}

/// Where the present comes from.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    /// What the calendar would have shown then, in nanoseconds since 1970; `None` when the system is asked each time.
    wall_at_start: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// A clock that runs with tokio's time, and always shows the system's wall time: that is set right after the start
    /// on machines that begin without it, and goes on while they are asleep.
    #[allow(clippy::disallowed_methods, reason = "the one place where time comes in")]
    pub fn system() -> Self {
        Self { start: Instant::now(), wall_at_start: None }
    }

    /// A clock that runs with tokio's time, paused or not, and now shows `wall` since 1970.
    #[allow(clippy::disallowed_methods, reason = "the one place where time comes in")]
    pub fn at(wall: Duration) -> Self {
        Self { start: Instant::now(), wall_at_start: Some(Arc::new(AtomicI64::new(nanoseconds(wall)))) }
    }

    /// Sets the calendar of a clock that was made by [`Self::at`], and of its clones, to `wall`, as the system's may be set at
    /// any time. The monotonic present goes on as before.
    pub fn set(&self, wall: Duration) {
        if let Some(at_start) = &self.wall_at_start {
            let elapsed = nanoseconds(self.now().duration_since(self.start));
            at_start.store(nanoseconds(wall).saturating_sub(elapsed), Ordering::Relaxed);
        }
    }

    /// The monotonic present: for TTLs, deadlines and round trips. In a step of [`in_steps`] it is the same each time.
    #[allow(clippy::disallowed_methods, reason = "the one place where time comes in")]
    pub fn now(&self) -> Instant {
        match STEP.get() {
            Step::At(now) => now,
            Step::Begun => {
                let now = Instant::now();
                STEP.set(Step::At(now));
                now
            }
            Step::None => Instant::now(),
        }
    }

    /// The calendar's present, since 1970: for signatures.
    #[allow(clippy::disallowed_methods, reason = "the one place where time comes in")]
    pub fn wall(&self) -> Duration {
        match &self.wall_at_start {
            Some(at_start) => {
                let elapsed = nanoseconds(self.now().duration_since(self.start));
                let wall = at_start.load(Ordering::Relaxed).saturating_add(elapsed);
                Duration::from_nanos(u64::try_from(wall).unwrap_or(0))
            }
            None => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

/// Good for times up to the year 2262.
fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

thread_local! {
    /// The step that this thread is taking.
    static STEP: Cell<Step> = const { Cell::new(Step::None) };
}

/// A step of a task, for which time stands still.
#[derive(Clone, Copy)]
enum Step {
    /// Time runs.
    None,
    /// Nobody has looked at the clock.
    Begun,
    /// Somebody has.
    At(Instant),
}

/// Does `work`, which sees one present from when it goes on until it waits again. A question is walked for in a few steps of
/// some microseconds each, and looks at the clock two dozen times in them: one part in thirty of what it costs.
pub async fn in_steps<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let _taken = Taken(STEP.replace(Step::Begun));
        work.as_mut().poll(context)
    })
    .await
}

/// A step that ends: what was before goes on, even if the step panicked.
struct Taken(Step);

impl Drop for Taken {
    fn drop(&mut self) {
        STEP.set(self.0);
    }
}

/// Where chance comes from: a cryptographic generator (RFC 5452 §9.2), seeded by the system or by a test.
#[derive(Clone, Debug)]
pub struct Dice {
    generator: Arc<Mutex<ChaCha12Rng>>,
}

impl Dice {
    /// Dice nobody can predict.
    #[allow(clippy::disallowed_methods, reason = "the one place where chance comes in")]
    pub fn system() -> Self {
        Self { generator: Arc::new(Mutex::new(ChaCha12Rng::from_rng(&mut rand::rng()))) }
    }

    /// Dice that fall the same way for the same seed: for simulations only.
    pub fn seeded(seed: u64) -> Self {
        Self { generator: Arc::new(Mutex::new(ChaCha12Rng::seed_from_u64(seed))) }
    }

    /// Sixteen random bits: a message ID.
    pub fn id(&self) -> u16 {
        self.bits() as u16
    }

    /// Sixty-four random bits.
    pub fn bits(&self) -> u64 {
        self.generator.lock().next_u64()
    }

    /// A hundred and twenty-eight random bits, as octets: the key of a hash.
    pub fn secret(&self) -> [u8; 16] {
        let mut secret = [0; 16];
        self.generator.lock().fill_bytes(&mut secret);
        secret
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.generator.lock().random_range(0..bound) }
    }

    /// A fraction in `[0, 1)`.
    pub fn fraction(&self) -> f64 {
        self.generator.lock().random()
    }
}

/// The world as a resolver meets it.
#[derive(Clone)]
pub struct World {
    /// The way to other servers.
    pub network: Arc<dyn Network>,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub dice: Dice,
}

#[cfg(test)]
mod tests {
    use std::task::Poll;
    use std::thread;

    use super::*;

    /// The length of the shortest shift register that makes `bits` (Berlekamp, Massey): half of them if they are random.
    fn linear_complexity(bits: &[bool]) -> usize {
        let (mut current, mut before) = (vec![false; bits.len() + 1], vec![false; bits.len() + 1]);
        (current[0], before[0]) = (true, true);
        let (mut length, mut gap) = (0, 1);
        for at in 0..bits.len() {
            let wrong = (0..=length).fold(false, |sum, back| sum ^ (current[back] & bits[at - back]));
            if !wrong {
                gap += 1;
                continue;
            }
            let old = current.clone();
            (gap..=bits.len()).for_each(|place| current[place] ^= before[place - gap]);
            if 2 * length <= at {
                (length, before, gap) = (at + 1 - length, old, 1);
            } else {
                gap += 1;
            }
        }
        length
    }

    #[tokio::test(start_paused = true)]
    async fn time_stands_still_in_a_step_and_goes_on_between_two() {
        let (clock, second) = (Clock::system(), Duration::from_secs(1));
        let began = clock.now();
        let step = async {
            // Paused time moves here and now when it is told to.
            let first = clock.now();
            let advance = tokio::time::advance(second);
            let mut advance = pin!(advance);
            poll_fn(|context| Poll::Ready(advance.as_mut().poll(context).is_pending())).await;
            let same = clock.now();
            tokio::time::sleep(second).await;
            (first, same, clock.now())
        };
        let (first, same, later) = in_steps(step).await;
        assert_eq!((first, same), (began, began));
        assert!(later >= began + 2 * second, "another step");
        let outside = clock.now();
        tokio::time::advance(second).await;
        assert_eq!(clock.now(), outside + second);
    }

    #[tokio::test]
    async fn time_goes_on_after_a_step_that_panics() {
        let step = tokio::spawn(in_steps(async { panic!("as planned by this test") }));
        assert!(step.await.is_err_and(|error| error.is_panic()));
        assert!(matches!(STEP.get(), Step::None));
    }

    #[test]
    fn ids_are_drawn_evenly_by_every_thread() {
        // POI-04 (CVE-2025-40780, CVE-2026-50252): a million IDs by eight threads from the same dice.
        const IDS: usize = 125_000;
        let dice = Dice::seeded(5452);
        let draws = (0..8).map(|_| {
            let dice = dice.clone();
            thread::spawn(move || (0..IDS).map(|_| dice.id()).collect::<Vec<u16>>())
        });
        let draws: Vec<Vec<u16>> = draws.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect();
        let mut bins = [[0_f64; 256]; 8];
        for (thread, ids) in draws.iter().enumerate() {
            ids.iter().for_each(|id| bins[thread][usize::from(id >> 8)] += 1.0);
        }
        // Against an even spread: 8 x 255 degrees of freedom, more than 2330 once in 100,000 runs.
        let even = IDS as f64 / 256.0;
        let chi_square: f64 = bins.iter().flatten().map(|bin| (bin - even).powi(2) / even).sum();
        assert!(chi_square < 2330.0, "{chi_square}");
        println!("POI-04 IDs of 8 threads: chi-square {chi_square:.0} (allowed 2330)");
    }

    #[test]
    fn ids_do_not_come_from_a_shift_register() {
        // POI-04: half of 4096 bits, give or take a few.
        let dice = Dice::seeded(5452);
        let bits: Vec<bool> = (0..256)
            .flat_map(|_| {
                let id = dice.id();
                (0..16).map(move |n| id >> n & 1 == 1)
            })
            .collect();
        let complexity = linear_complexity(&bits);
        assert!(complexity.abs_diff(2048) <= 8, "{complexity}");
        println!("POI-04 linear complexity of 4096 bits of IDs: {complexity} (allowed 2040 to 2056)");
    }

    #[test]
    fn no_two_processes_draw_alike() {
        // POI-04: each seeds its dice from the system, nothing is taken over from a file or an earlier run.
        let first = |dice: &Dice| (0..16).map(|_| dice.id()).collect::<Vec<_>>();
        assert_ne!(first(&Dice::system()), first(&Dice::system()));
    }
}

//! The work a worker has begun for clients, and the cap on it.
//!
//! At the cap the question that came first ends without a reply and the newest begins: its client has waited longest and is
//! the likeliest to have given up. Asking again does not make a question younger, and none is ended before it had a
//! little time: when all are young, the newest is refused.

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use foldhash::HashMap;
use foldhash::quality::RandomState;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep};

use super::Counters;
use crate::job::{LimitName, Limits};
use crate::world::in_steps;

/// Shorter than any timer that a question sets, and long enough to cost nothing.
const PULSE: Duration = Duration::from_millis(50);

/// The tasks of one worker that will end in a reply.
pub struct Jobs {
    cap: usize,
    limits: Arc<Limits>,
    hasher: RandomState,
    running: Mutex<Running>,
    begun: Notify,
    ended: Notify,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Running {
    tasks: BTreeMap<Turn, Option<AbortHandle>>,
    /// By hash of the question.
    questions: HashMap<u64, Asked>,
    begun: u64,
}

/// When a task's question came first, and the task's own number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    first: Instant,
    number: u64,
}

/// A question that clients wait for.
struct Asked {
    first: Instant,
    seats: u32,
}

impl Jobs {
    /// At most `cap` tasks at once, none of which is ended before it is as old as `jobs_sheltered` of `limits` says.
    pub fn new(cap: usize, limits: Arc<Limits>, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self {
            cap: cap.max(1),
            limits,
            hasher: RandomState::default(),
            running: Mutex::default(),
            begun: Notify::new(),
            ended: Notify::new(),
            counters,
        })
    }

    /// A place for a task that works on `question`. At the cap the oldest task ends for it; `None`, which is counted, when
    /// that one is too young for it.
    pub fn seat(self: &Arc<Self>, question: &impl Hash, now: Instant) -> Option<Seat> {
        let hash = self.hasher.hash_one(question);
        let mut running = self.running.lock();
        while running.tasks.len() >= self.cap {
            self.limits.count(LimitName::Jobs);
            let oldest = running.tasks.first_key_value().map(|(turn, _)| turn.first)?;
            if now < oldest + self.limits.jobs_sheltered {
                self.limits.count(LimitName::JobsSheltered);
                self.counters.jobs_refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            if let Some((_, Some(task))) = running.tasks.pop_first() {
                task.abort();
                self.counters.jobs_shed.fetch_add(1, Ordering::Relaxed);
            }
        }
        if running.tasks.is_empty() {
            self.begun.notify_one();
        }
        running.begun += 1;
        let number = running.begun;
        let asked = running.questions.entry(hash).or_insert(Asked { first: now, seats: 0 });
        asked.seats += 1;
        let turn = Turn { first: asked.first, number };
        running.tasks.insert(turn, None);
        Some(Seat { jobs: Arc::clone(self), turn, hash })
    }

    /// Tasks that have not ended.
    pub fn running(&self) -> usize {
        self.running.lock().tasks.len()
    }

    /// Waits until there is none.
    pub async fn idle(&self) {
        while self.running() > 0 {
            self.ended.notified().await;
        }
    }

    /// Keeps a timer pending as long as there are tasks; never ends.
    ///
    /// Whenever a timer is set that is due before all others, tokio writes to a descriptor of its own to wake itself, twice
    /// a question. Behind a timer that is due earlier still, it need not.
    pub async fn keep_time(&self) {
        loop {
            self.begun.notified().await;
            while self.running() > 0 {
                sleep(PULSE).await;
            }
        }
    }
}

/// A task's place among the running; empty again when the task ends, however it ends.
pub struct Seat {
    jobs: Arc<Jobs>,
    turn: Turn,
    hash: u64,
}

impl Seat {
    /// Begins `work` on the runtime of the caller.
    pub fn begin<F>(self, work: F) -> Work<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (jobs, turn) = (Arc::clone(&self.jobs), self.turn);
        let task = tokio::spawn(async move {
            let _seat = self;
            in_steps(work).await
        });
        if let Some(place) = jobs.running.lock().tasks.get_mut(&turn) {
            *place = Some(task.abort_handle());
        }
        Work(task)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut running = self.jobs.running.lock();
        running.tasks.remove(&self.turn);
        if let Some(asked) = running.questions.get_mut(&self.hash) {
            asked.seats -= 1;
            if asked.seats == 0 {
                running.questions.remove(&self.hash);
            }
        }
        drop(running);
        self.jobs.ended.notify_one();
    }
}

/// A task begun. Awaiting it gives its output, or `None` if it was shed; dropping it lets it run on.
pub struct Work<T>(JoinHandle<T>);

impl<T> Work<T> {
    /// Ends the task.
    pub fn stop(&self) {
        self.0.abort();
    }
}

impl<T> Future for Work<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use tokio::sync::oneshot;

    use super::*;
    use crate::world::Clock;

    const SHELTERED: Duration = Duration::from_millis(200);

    fn count(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn at_the_cap_the_oldest_goes_and_is_counted() {
        let counters = Arc::new(Counters::default());
        let (jobs, now) = (Jobs::new(2, Arc::default(), Arc::clone(&counters)), Clock::system().now());
        let (senders, works): (Vec<_>, Vec<_>) = (0..3)
            .map(|number| {
                let (sender, receiver) = oneshot::channel::<u8>();
                (sender, jobs.seat(&number, now + number * SHELTERED).unwrap().begin(receiver))
            })
            .unzip();
        assert_eq!(jobs.running(), 2);
        let mut outcomes = Vec::new();
        for (number, (sender, work)) in (0..).zip(senders.into_iter().zip(works)) {
            let _ = sender.send(number);
            outcomes.push(work.await.and_then(Result::ok));
        }
        assert_eq!(outcomes, [None, Some(1), Some(2)]);
        assert_eq!(count(&counters.jobs_shed), 1);
        jobs.idle().await;
        assert_eq!((jobs.running(), jobs.running.lock().questions.len()), (0, 0));
    }

    #[tokio::test]
    async fn the_young_stay_and_the_newest_is_refused() {
        let counters = Arc::new(Counters::default());
        let (jobs, now) = (Jobs::new(1, Arc::default(), Arc::clone(&counters)), Clock::system().now());
        let work = jobs.seat(&1, now).unwrap().begin(std::future::ready(7));
        assert!(jobs.seat(&2, now + SHELTERED / 2).is_none());
        assert_eq!((count(&counters.jobs_refused), count(&counters.jobs_shed)), (1, 0));
        assert_eq!(work.await, Some(7));
    }

    #[tokio::test]
    async fn asking_again_makes_no_question_younger() {
        // AMP-17, CVE-2026-42534.
        let (jobs, now) = (Jobs::new(3, Arc::default(), Arc::default()), Clock::system().now());
        let begin = |question: u8, after: u32| {
            jobs.seat(&question, now + SHELTERED * after).unwrap().begin(std::future::pending::<()>())
        };
        let slow = begin(1, 0);
        let other = begin(2, 2);
        let again = begin(1, 3);
        // Both of the first question go before the second.
        let (_third, _fourth) = (begin(3, 4), begin(4, 4));
        assert_eq!((slow.await, again.await), (None, None));
        assert_eq!(jobs.running(), 3);
        other.stop();
    }

    #[tokio::test]
    async fn a_task_that_panics_leaves_its_place() {
        let (jobs, now) = (Jobs::new(2, Arc::default(), Arc::default()), Clock::system().now());
        let work = jobs.seat(&1, now).unwrap().begin(async { panic!("as planned by this test") });
        assert_eq!(work.await, None::<()>);
        jobs.idle().await;
    }
}

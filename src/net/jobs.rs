//! The work a worker has begun for clients, and the cap on it.
//!
//! At the cap the oldest work ends without a reply and the newest begins: the oldest client has waited longest and is
//! the likeliest to have given up.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;

use super::Counters;

/// Shorter than any timer that a question sets, and long enough to cost nothing.
const PULSE: Duration = Duration::from_millis(50);

/// The tasks of one worker that will end in a reply.
pub struct Jobs {
    cap: usize,
    running: Mutex<Running>,
    begun: Notify,
    ended: Notify,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Running {
    tasks: BTreeMap<u64, Option<AbortHandle>>,
    begun: u64,
}

impl Jobs {
    /// At most `cap` tasks at once.
    pub fn new(cap: usize, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self {
            cap: cap.max(1),
            running: Mutex::default(),
            begun: Notify::new(),
            ended: Notify::new(),
            counters,
        })
    }

    /// Begins `work` on the runtime of the caller; the oldest task ends if there are too many.
    pub fn begin<F>(self: &Arc<Self>, work: F) -> Work<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let seat = self.sit_down();
        let number = seat.number;
        let task = tokio::spawn(async move {
            let _seat = seat;
            work.await
        });
        if let Some(place) = self.running.lock().tasks.get_mut(&number) {
            *place = Some(task.abort_handle());
        }
        Work(task)
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

    fn sit_down(self: &Arc<Self>) -> Seat {
        let mut running = self.running.lock();
        while running.tasks.len() >= self.cap {
            if let Some((_, Some(oldest))) = running.tasks.pop_first() {
                oldest.abort();
                self.counters.jobs_shed.fetch_add(1, Ordering::Relaxed);
            }
        }
        if running.tasks.is_empty() {
            self.begun.notify_one();
        }
        running.begun += 1;
        let number = running.begun;
        running.tasks.insert(number, None);
        Seat { jobs: Arc::clone(self), number }
    }
}

/// A task's place among the running; empty again when the task ends, however it ends.
struct Seat {
    jobs: Arc<Jobs>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.jobs.running.lock().tasks.remove(&self.number);
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
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn at_the_cap_the_oldest_goes_and_is_counted() {
        let counters = Arc::new(Counters::default());
        let jobs = Jobs::new(2, Arc::clone(&counters));
        let (senders, works): (Vec<_>, Vec<_>) = (0..3)
            .map(|_| {
                let (sender, receiver) = oneshot::channel::<u8>();
                (sender, jobs.begin(receiver))
            })
            .unzip();
        assert_eq!(jobs.running(), 2);
        let mut outcomes = Vec::new();
        for (number, (sender, work)) in (0..).zip(senders.into_iter().zip(works)) {
            let _ = sender.send(number);
            outcomes.push(work.await.and_then(Result::ok));
        }
        assert_eq!(outcomes, [None, Some(1), Some(2)]);
        assert_eq!(counters.jobs_shed.load(Ordering::Relaxed), 1);
        jobs.idle().await;
        assert_eq!(jobs.running(), 0);
    }

    #[tokio::test]
    async fn a_task_that_panics_leaves_its_place() {
        let jobs = Jobs::new(2, Arc::default());
        let work = jobs.begin(async { panic!("as planned by this test") });
        assert_eq!(work.await, None::<()>);
        jobs.idle().await;
    }
}

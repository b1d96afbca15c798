//! One computation per key, any number of waiters.
//!
//! Used at both ends only — client questions and exchanges with servers — so that no computation ever waits for
//! itself. Whoever asks first computes, the others wait; if the first leaves and somebody waits, a task of its own goes on
//! with the computation. Waiters wake in the order they came (tokio's `watch` would wake them in an order of its own, which no
//! seed repeats).

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use foldhash::HashMap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

/// What is being computed now, by key.
#[derive(Debug)]
pub struct Inflight<K, V> {
    table: Mutex<HashMap<K, Arc<Slot<V>>>>,
    limits: Bounds,
    abandoned: Abandoned,
    left: Arc<Left<V>>,
}

/// Computations that have a task of their own because those who began them left, by the order in which they were left. Each
/// goes from here when it ends: a handle keeps the memory of its task.
#[derive(Debug)]
struct Left<V> {
    tasks: Mutex<BTreeMap<u64, LeftAlone<V>>>,
    next: AtomicU64,
}

/// One of them: what it is to fill, and its task.
type LeftAlone<V> = (Weak<Slot<V>>, AbortHandle);

impl<V: Send + Sync + 'static> Left<V> {
    /// Lets `work`, which fills the slot, go on by itself.
    fn take_over(self: &Arc<Self>, slot: &Arc<Slot<V>>, work: Work, runtime: &Handle) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Dropped in this order: the slot is filled when the place is given up.
        let leaving = (work, LeftPlace { left: Arc::clone(self), number });
        let task = runtime.spawn(async move {
            let (work, _place) = leaving;
            work.await;
        });
        let mut tasks = self.tasks.lock();
        // It may have ended by now, above all where the runtime stops.
        if slot.value.get().is_none() {
            tasks.insert(number, (Arc::downgrade(slot), task.abort_handle()));
        }
    }

    /// Ends the oldest of those that nobody waits for any more; whether there was one. Its key is gone in a moment.
    fn end_oldest(&self) -> bool {
        let is_unwanted =
            |(slot, _): &LeftAlone<V>| slot.upgrade().is_none_or(|slot| slot.waiters.load(Ordering::Relaxed) == 0);
        let mut tasks = self.tasks.lock();
        let oldest = tasks.iter().find(|(_, left)| is_unwanted(left)).map(|(number, _)| *number);
        let task = oldest.and_then(|number| tasks.remove(&number));
        drop(tasks);
        task.is_some_and(|(_, task)| {
            task.abort();
            true
        })
    }
}

/// A place among those that were left, until it is dropped.
struct LeftPlace<V> {
    left: Arc<Left<V>>,
    number: u64,
}

impl<V> Drop for LeftPlace<V> {
    fn drop(&mut self) {
        // What it held is dropped when the lock is free again.
        let _gone = self.left.tasks.lock().remove(&self.number);
    }
}

/// Where the result will be; it holds `None` when the computation ended without one.
#[derive(Debug)]
struct Slot<V> {
    value: OnceLock<Option<V>>,
    filled: Notify,
    waiters: AtomicUsize,
}

/// What becomes of a computation that is left by the only one who waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// A task of its own goes on with it: what comes of it is worth knowing.
    GoesOn,
    /// It ends: it would take the place of others.
    Ends,
}

/// How much may be in flight.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Keys at once.
    pub keys: usize,
    /// Waiters for one key.
    pub waiters: usize,
}

/// Why a computation was not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too many keys are in flight.
    Keys,
    /// Too many wait for this key.
    Waiters,
}

/// A place in the queue for one result. It has to be waited on or dropped: the first one does the work for all.
pub struct Waiter<V: Send + Sync + 'static> {
    slot: Arc<Slot<V>>,
    /// What fills the slot, with whoever came first.
    work: Option<Work>,
    abandoned: Abandoned,
    left: Arc<Left<V>>,
}

/// What the first waiter drives.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<V: fmt::Debug + Send + Sync> fmt::Debug for Waiter<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("slot", &self.slot).field("works", &self.work.is_some()).finish()
    }
}

impl<K, V> Inflight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Nothing in flight.
    pub fn new(limits: Bounds, abandoned: Abandoned) -> Arc<Self> {
        let left = Arc::new(Left { tasks: Mutex::default(), next: AtomicU64::new(0) });
        Arc::new(Self { table: Mutex::new(HashMap::default()), limits, abandoned, left })
    }

    /// Joins the computation of `key`, or makes it with `start`: it runs as the first waiter waits. When there are too many
    /// keys, the oldest computation that nobody waits for ends for it.
    ///
    /// # Errors
    /// [`Full`] when a bound is reached.
    pub fn join<S, F>(self: &Arc<Self>, key: &K, start: S) -> Result<Waiter<V>, Full>
    where
        S: FnOnce() -> F + Send + 'static,
        F: Future<Output = V> + Send + 'static,
    {
        self.join_prepared(key, || start)
    }

    /// The same, where `prepare` gathers what `start` takes with it; for the first waiter alone, and at once.
    ///
    /// # Errors
    /// [`Full`] when a bound is reached.
    pub fn join_prepared<S, F>(self: &Arc<Self>, key: &K, prepare: impl FnOnce() -> S) -> Result<Waiter<V>, Full>
    where
        S: FnOnce() -> F + Send + 'static,
        F: Future<Output = V> + Send + 'static,
    {
        let mut table = self.table.lock();
        let (abandoned, left) = (self.abandoned, Arc::clone(&self.left));
        if let Some(slot) = table.get(key) {
            if slot.waiters.load(Ordering::Relaxed) >= self.limits.waiters {
                return Err(Full::Waiters);
            }
            slot.waiters.fetch_add(1, Ordering::Relaxed);
            return Ok(Waiter { slot: Arc::clone(slot), work: None, abandoned, left });
        }
        // Each that ends makes room for one, even if its key is still there.
        if table.len() >= self.limits.keys && !left.end_oldest() {
            return Err(Full::Keys);
        }
        let slot = Arc::new(Slot { value: OnceLock::new(), filled: Notify::new(), waiters: AtomicUsize::new(1) });
        table.insert(key.clone(), Arc::clone(&slot));
        drop(table);
        let ending = Ending { inflight: Arc::clone(self), key: key.clone(), slot: Arc::clone(&slot), value: None };
        let start = prepare();
        // Made where it will stay: a walk's future has some kilobytes, and would be moved several times.
        let work = Box::pin(async move { ending.with(start().await) });
        Ok(Waiter { slot, work: Some(work), abandoned, left })
    }

    /// How many keys are in flight.
    pub fn len(&self) -> usize {
        self.table.lock().len()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V: Clone + Send + Sync> Waiter<V> {
    /// Waits for the result; `None` when the computation ended without one (its runtime stopped).
    pub async fn wait(mut self) -> Option<V> {
        self.result().await
    }

    /// Waits for the result, but not beyond `deadline`; then it may be waited for again.
    pub async fn wait_until(&mut self, deadline: Instant) -> Option<V> {
        timeout_at(deadline, self.result()).await.ok().flatten()
    }

    /// Waits no longer; the computation goes on in any case.
    pub fn leave(mut self) {
        self.abandoned = Abandoned::GoesOn;
    }

    async fn result(&mut self) -> Option<V> {
        if let Some(work) = &mut self.work {
            work.await;
            self.work = None;
        }
        // Made before the look: what is filled in between wakes it all the same.
        let filled = self.slot.filled.notified();
        if let Some(value) = self.slot.value.get() {
            return value.clone();
        }
        filled.await;
        self.slot.value.get().cloned().flatten()
    }
}

impl<V: Send + Sync + 'static> Drop for Waiter<V> {
    /// Others may wait for what this one was computing.
    fn drop(&mut self) {
        let is_last = self.slot.waiters.fetch_sub(1, Ordering::Relaxed) == 1;
        if let Some(work) = self.work.take()
            && !(is_last && self.abandoned == Abandoned::Ends)
            && let Ok(runtime) = Handle::try_current()
        {
            self.left.take_over(&self.slot, work, &runtime);
        }
    }
}

/// Takes the key out of the table and wakes the waiters when the computation ends, however it ends.
struct Ending<K: Eq + Hash, V> {
    inflight: Arc<Inflight<K, V>>,
    key: K,
    slot: Arc<Slot<V>>,
    value: Option<V>,
}

impl<K: Eq + Hash, V> Ending<K, V> {
    fn with(mut self, value: V) {
        self.value = Some(value);
    }
}

impl<K: Eq + Hash, V> Drop for Ending<K, V> {
    fn drop(&mut self) {
        // Out of the table first: who comes now finds the value in a cache, or starts anew.
        self.inflight.table.lock().remove(&self.key);
        // Nobody else fills the slot, so it is empty.
        let _ = self.slot.value.set(self.value.take());
        self.slot.filled.notify_waiters();
    }
}

#[cfg(test)]
mod tests;

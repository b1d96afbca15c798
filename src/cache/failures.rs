//! Resolution failures (RFC 9520 §3.2): remembered for `limits.failure-first`, then twice as long each time, up to
//! `limits.failure-longest`, or less where the reason says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::key_of;
use super::store::{Entry, Held, Store};
use crate::dns::Question;
use crate::job::{LimitName, Limits};

/// A failure this long after the last one's end, or as long as that was remembered, is a new one. An attempt that fails takes
/// its time, too: without it none would ever be remembered for longer.
const RECENT: Duration = Duration::from_secs(10);
/// While a failure is remembered for longer, it is looked again so often whether it still stands.
const LOOK: Duration = Duration::from_secs(5);

/// A question that could not be resolved, why, and until when it is not tried again.
#[derive(Clone, Debug)]
pub struct Failed<E> {
    /// The reason given the last time.
    pub reason: E,
    /// When it may be tried again.
    pub until: Instant,
    /// When it may be tried again for the sake of another question.
    pub until_below: Instant,
    pause: Duration,
    /// How long the pause would be without an answer of old.
    usual: Duration,
    /// When it was met or looked at last.
    looked: Instant,
}

impl<E> Failed<E> {
    fn is_recent(&self, now: Instant) -> bool {
        now < self.until + self.pause + RECENT
    }
}

/// Why a question could not be resolved.
pub trait Reason: Clone + Send + Sync + 'static {
    /// The octets it takes beyond its own size.
    fn octets(&self) -> usize;

    /// How long it is remembered at most, and the bound that says so, if one does.
    fn longest(&self, limits: &Limits) -> (Duration, Option<LimitName>) {
        (limits.failure_longest, Some(LimitName::FailureLongest))
    }
}

/// A failure, and the question it belongs to.
struct Kept<E> {
    key: Box<[u8]>,
    failed: Failed<E>,
}

impl<E: Reason> Entry for Arc<Kept<E>> {
    fn is_for(&self, key: &[u8]) -> bool {
        *self.key == *key
    }

    fn octets(&self) -> usize {
        size_of::<Kept<E>>() + 16 + self.key.len() + self.failed.reason.octets()
    }
}

/// The cache of failures; `E` is the reason.
pub struct Failures<E: Reason> {
    store: Store<Arc<Kept<E>>>,
    limits: Arc<Limits>,
}

impl<E: Reason> Failures<E> {
    /// An empty cache for at most `capacity` octets.
    pub fn new(capacity: u64, seed: u64, limits: &Arc<Limits>) -> Self {
        Self { store: Store::new(capacity, seed), limits: Arc::clone(limits) }
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        self.store.held()
    }

    /// The failure that still stands for `question`.
    pub fn find(&self, question: &Question, now: Instant) -> Option<Failed<E>> {
        self.recent(question, now).filter(|failed| now < failed.until)
    }

    /// The failure of `question` that still stands, or did a moment ago.
    pub fn recent(&self, question: &Question, now: Instant) -> Option<Failed<E>> {
        let kept = self.store.get(&key_of(&question.name, question.rtype))?;
        kept.failed.is_recent(now).then(|| kept.failed.clone())
    }

    /// Remembers a failure until so long after `now`; where another question depends on it, no longer than usual.
    pub fn insert_for(&self, question: &Question, reason: E, (now, pause): (Instant, Duration)) {
        self.put(question, reason, (now, Some(pause)));
    }

    /// Remembers a failure, twice as long as the last one when that was recent.
    pub fn insert(&self, question: &Question, reason: E, now: Instant) {
        self.put(question, reason, (now, None));
    }

    fn put(&self, question: &Question, reason: E, (now, pause): (Instant, Option<Duration>)) {
        let key = key_of(&question.name, question.rtype);
        let recent = self.store.get(&key).filter(|last| last.failed.is_recent(now));
        let (usual, bound) = self.usual(&reason, recent.as_ref().map(|last| last.failed.usual));
        bound.filter(|_| pause.is_none()).into_iter().for_each(|bound| self.limits.count(bound));
        let pause = pause.unwrap_or(usual);
        // What another question met in between is no reason to try this one sooner.
        let until = recent.map_or(now, |last| last.failed.until).max(now + pause);
        let until_below = now + usual.min(pause);
        let failed = Failed { reason, until, until_below, pause, usual, looked: now };
        self.store.insert(&key, Arc::new(Kept { key: key.as_slice().into(), failed }));
    }

    /// How long a failure is remembered after one that was for `last`, and the bound that makes it so, if one does.
    fn usual(&self, reason: &E, last: Option<Duration>) -> (Duration, Option<LimitName>) {
        let (longest, most) = reason.longest(&self.limits);
        let (wanted, least) = match last {
            None => (self.limits.failure_first, Some(LimitName::FailureFirst)),
            Some(last) => (last * 2, None),
        };
        if wanted > longest { (longest, most) } else { (wanted, least) }
    }

    /// Forgets all failures: what they were due to has changed.
    pub fn clear(&self) {
        self.store.clear();
    }

    /// Whether it is time to look whether the failure of `question` still stands; the next who asks has to wait again.
    pub fn may_look(&self, question: &Question, now: Instant) -> bool {
        let key = key_of(&question.name, question.rtype);
        let Some(kept) = self.store.get(&key).filter(|kept| now >= kept.failed.looked + LOOK) else { return false };
        let failed = Failed { looked: now, ..kept.failed.clone() };
        self.store.insert(&key, Arc::new(Kept { key: key.as_slice().into(), failed }));
        true
    }

    /// Forgets the failures of `question`: it was resolved.
    pub fn remove(&self, question: &Question) {
        self.store.remove(&key_of(&question.name, question.rtype));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::RecordType;
    use crate::world::Clock;

    impl Reason for () {
        fn octets(&self) -> usize {
            0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_from_one_second_to_three_hundred() {
        let limits = Arc::new(Limits::default());
        let (failures, clock) = (Failures::new(1 << 20, 0, &limits), Clock::at(Duration::ZERO));
        let question = Question::new("dead.example".parse().unwrap(), RecordType::A);
        let mut pauses = Vec::new();
        for _ in 0..11 {
            failures.insert(&question, (), clock.now());
            let pause = failures.find(&question, clock.now()).unwrap().until - clock.now();
            pauses.push(pause.as_secs());
            tokio::time::advance(pause).await;
            assert!(failures.find(&question, clock.now()).is_none());
            // As long as an attempt takes.
            tokio::time::advance(Duration::from_secs(8)).await;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        let times = [LimitName::FailureFirst, LimitName::FailureLongest].map(|bound| limits.times(bound));
        assert_eq!(times, [1, 2]);
        tokio::time::advance(limits.failure_longest + RECENT).await;
        assert!(failures.may_look(&question, clock.now()) && !failures.may_look(&question, clock.now()));
        failures.insert(&question, (), clock.now());
        assert_eq!((failures.find(&question, clock.now()).unwrap().until - clock.now()).as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_operator_says_how_long() {
        let [first, longest] = [3, 5].map(Duration::from_secs);
        let limits = Arc::new(Limits { failure_first: first, failure_longest: longest, ..Limits::default() });
        let (failures, clock) = (Failures::new(1 << 20, 0, &limits), Clock::at(Duration::ZERO));
        let question = Question::new("dead.example".parse().unwrap(), RecordType::A);
        for pause in [first, longest, longest] {
            failures.insert(&question, (), clock.now());
            assert_eq!(failures.find(&question, clock.now()).unwrap().until - clock.now(), pause);
            tokio::time::advance(pause).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_an_old_answer_waits_and_who_depends_on_it_does_not() {
        let limits = Arc::new(Limits::default());
        let (failures, clock) = (Failures::new(1 << 20, 0, &limits), Clock::at(Duration::ZERO));
        let question = Question::new("ns.dead.example".parse().unwrap(), RecordType::A);
        let left = || {
            let failed = failures.find(&question, clock.now()).unwrap();
            [failed.until, failed.until_below].map(|until| until.saturating_duration_since(clock.now()).as_secs())
        };
        let half_a_minute = Duration::from_secs(30);
        failures.insert_for(&question, (), (clock.now(), half_a_minute));
        assert_eq!(left(), [30, 1]);
        tokio::time::advance(Duration::from_secs(2)).await;
        failures.insert(&question, (), clock.now());
        assert_eq!(left(), [28, 2]);
        tokio::time::advance(half_a_minute).await;
        failures.insert_for(&question, (), (clock.now(), half_a_minute));
        assert_eq!(left(), [30, 4]);
    }
}

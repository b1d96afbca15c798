//! A worker's own handful of answers before the shared cache: no lock, no bookkeeping, no count of references.
//!
//! A direct-mapped array: an answer that is asked for often finds its place, others push each other out. What is found
//! here is looked up in the shared cache again once a second, so that it stays popular there, and goes when it goes there.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use tokio::time::Instant;

use super::answers::{Answer, AnswerKey, Answers};

/// Places; a power of two. With the largest answers kept they hold some 10 MB, with ordinary ones less than one.
const PLACES: usize = 8192;
/// Longer answers are left to the shared cache.
const LARGEST: usize = 1232;
/// How long an answer is given without asking the shared cache whether it still has it.
const TRUST: Duration = Duration::from_secs(1);

/// The answers one worker gave last.
pub struct Front {
    places: Box<[Place]>,
    hasher: FixedState,
}

#[derive(Clone, Default)]
struct Place(Option<Kept>);

#[derive(Clone)]
struct Kept {
    hash: u64,
    answer: Arc<Answer>,
    /// When the shared cache has to be asked again: a second after it last had it, or when the answer ends.
    until: Instant,
}

/// Where an answer was found.
pub enum Found<'a> {
    /// Here.
    Here(&'a Answer),
    /// In the shared cache.
    Shared(Arc<Answer>),
}

impl std::ops::Deref for Found<'_> {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        match self {
            Self::Here(answer) => answer,
            Self::Shared(answer) => answer,
        }
    }
}

impl Front {
    /// A front that hashes with `seed`: nobody outside knows which names push each other out.
    pub fn new(seed: u64) -> Self {
        Self { places: vec![Place::default(); PLACES].into(), hasher: FixedState::with_seed(seed) }
    }

    /// No front at all: everything is left to the shared cache. Costs nothing.
    pub fn none() -> Self {
        Self { places: Box::default(), hasher: FixedState::default() }
    }

    /// The reply to this question, unless it has expired.
    pub fn find(&mut self, key: &AnswerKey, answers: &Answers, now: Instant) -> Option<Found<'_>> {
        if self.places.is_empty() {
            return answers.find(key, now).map(Found::Shared);
        }
        let hash = self.hasher.hash_one(key.octets());
        let index = usize::try_from(hash).unwrap_or(0) & (PLACES - 1);
        let place = self.places.get_mut(index)?;
        let fresh = |kept: &Kept| kept.hash == hash && now < kept.until && kept.answer.is_for(key.octets());
        if !place.0.as_ref().is_some_and(fresh) {
            let answer = answers.find(key, now)?;
            if answer.bytes.len() > LARGEST {
                return Some(Found::Shared(answer));
            }
            let until = answer.expires.min(now + TRUST);
            place.0 = Some(Kept { hash, answer, until });
        }
        place.0.as_ref().map(|kept| Found::Here(&kept.answer))
    }
}

#[cfg(test)]
mod tests {
    use smallvec::SmallVec;

    use super::*;
    use crate::dns::{Header, RecordType};
    use crate::world::Clock;

    const QNAME: &[u8] = b"\x03wWw\x07example\x00";

    fn key(dnssec_ok: bool) -> AnswerKey {
        AnswerKey::new(QNAME, RecordType::A, dnssec_ok, false)
    }

    fn answer(now: Instant, ttl: u64) -> Arc<Answer> {
        let mut bytes = vec![0; Header::OCTETS];
        bytes.extend_from_slice(&QNAME.to_ascii_lowercase());
        bytes.extend_from_slice(&[0, 1, 0, 1]);
        Arc::new(Answer {
            bytes: bytes.into(),
            ttl_offsets: SmallVec::new(),
            options: Box::default(),
            rcode_high: 0,
            flags: key(false).flags(),
            since: now,
            expires: now + Duration::from_secs(ttl),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_lives_to_its_end_and_no_longer() {
        let (clock, answers, mut front) = (Clock::at(Duration::ZERO), Answers::new(1 << 20, 1), Front::new(2));
        answers.insert(&key(false), answer(clock.now(), 2));
        for _ in 0..2 {
            assert!(matches!(front.find(&key(false), &answers, clock.now()), Some(Found::Shared(_) | Found::Here(_))));
            tokio::time::advance(Duration::from_millis(999)).await;
        }
        tokio::time::advance(Duration::from_millis(2)).await;
        assert!(front.find(&key(false), &answers, clock.now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_shared_cache_forgot_or_replaced_is_gone_within_a_second() {
        let (clock, answers, mut front) = (Clock::at(Duration::ZERO), Answers::new(1 << 20, 1), Front::new(2));
        answers.insert(&key(false), answer(clock.now(), 60));
        let first = front.find(&key(false), &answers, clock.now()).unwrap().since;
        tokio::time::advance(Duration::from_millis(500)).await;
        answers.insert(&key(false), answer(clock.now(), 60));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(front.find(&key(false), &answers, clock.now()).unwrap().since > first);
        let others = Answers::new(1 << 20, 1);
        tokio::time::advance(TRUST).await;
        assert!(front.find(&key(false), &others, clock.now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn another_question_in_the_same_place_is_another_question() {
        let (clock, answers, mut front) = (Clock::at(Duration::ZERO), Answers::new(1 << 20, 1), Front::new(2));
        answers.insert(&key(false), answer(clock.now(), 60));
        assert!(front.find(&key(false), &answers, clock.now()).is_some());
        assert!(front.find(&key(true), &answers, clock.now()).is_none());
        // Even with the same hash: the question itself is compared.
        let is_for = |key: &AnswerKey| answer(clock.now(), 60).is_for(key.octets());
        assert!(!is_for(&key(true)));
        assert!(!is_for(&AnswerKey::new(b"\x03www\x07exampl\x00", RecordType::A, false, false)));
        assert!(!is_for(&AnswerKey::new(QNAME, RecordType::AAAA, false, false)));
    }
}

//! How many replies a second go to one network whose address may be forged, so that we are nobody's weapon.
//!
//! A counter for each network (/24, /56), and one for each question of a network; each is a bucket that leaks. The table
//! has a fixed size and a secret order: crowds push the least busy out, who then have their full allowance again.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::FixedState;
use tokio::time::Instant;

use super::fairness::Prefix;

/// Replies a second; 0: as many as are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// To one network.
    pub per_client: u32,
    /// To one network for one question.
    pub per_question: u32,
}

/// What becomes of a question over the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// A reply without data: a client that is there comes again over TCP, or with a cookie.
    Slip,
    /// Nothing.
    Silence,
}

/// The counters.
#[derive(Debug)]
pub struct Rate {
    settings: Settings,
    sets: Box<[Set]>,
    hasher: FixedState,
    start: Instant,
}

/// Counters that share a line of the processor's cache.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

impl Rate {
    /// Nobody was sent anything before `start`. `None` when `settings` bound nothing.
    pub fn new(settings: Settings, start: Instant, seed: u64) -> Option<Self> {
        if settings.per_client == 0 && settings.per_question == 0 {
            return None;
        }
        let sets = (0..SETS).map(|_| Set::default()).collect();
        Some(Self { settings, sets, hasher: FixedState::with_seed(seed), start })
    }

    /// Counts a reply to `client` about `question`; says what to do when it is one too many.
    pub fn count(&self, client: IpAddr, question: &impl Hash, now: Instant) -> Option<Excess> {
        let network = Prefix::network(client);
        let now = now.saturating_duration_since(self.start).as_micros() as u64;
        let Settings { per_client, per_question } = self.settings;
        if per_question > 0 {
            // A flood of one question leaves the network its other replies.
            let excess = self.bucket(self.hasher.hash_one((QUESTION, network, question)), per_question, now);
            if excess.is_some() {
                return excess;
            }
        }
        if per_client == 0 { None } else { self.bucket(self.hasher.hash_one((NETWORK, network)), per_client, now) }
    }

    /// Puts one drop into the bucket of `hash`, from which `rate` a second leak and which holds those of one second.
    fn bucket(&self, hash: u64, rate: u32, now: u64) -> Option<Excess> {
        let set = self.sets.get((hash >> 32) as usize & (SETS - 1))?;
        let (slot, kept) = set.find(hash & TAG);
        // When the bucket will be empty, in microseconds since the start.
        let empty = if kept & TAG == hash & TAG { (kept >> TIME_SHIFT).max(now) } else { now };
        let drop = SECOND / u64::from(rate);
        let over = empty + drop > now + SECOND;
        let (empty, slip) = match over {
            // What gets no reply does not count: a flood would keep the bucket full beyond its end.
            true => (empty, !kept & SLIP),
            false => (empty + drop, kept & SLIP),
        };
        // If another thread was faster, its drop counts and this one does not.
        let next = empty << TIME_SHIFT | slip | hash & TAG;
        let _ = slot.compare_exchange(kept, next, Ordering::Relaxed, Ordering::Relaxed);
        over.then_some(if slip == 0 { Excess::Silence } else { Excess::Slip })
    }
}

impl Set {
    /// The counter with this tag, else the least busy, and what it holds.
    fn find(&self, tag: u64) -> (&AtomicU64, u64) {
        let Self([first, others @ ..]) = self;
        let mut best = (first, first.load(Ordering::Relaxed));
        for slot in others {
            if best.1 & TAG == tag {
                break;
            }
            let kept = slot.load(Ordering::Relaxed);
            if kept & TAG == tag || kept >> TIME_SHIFT < best.1 >> TIME_SHIFT {
                best = (slot, kept);
            }
        }
        best
    }
}

/// What a counter counts. It stands in front: zeros at the end of what is hashed may not change the hash.
const NETWORK: u8 = 1;
const QUESTION: u8 = 2;
/// Microseconds.
const SECOND: u64 = 1_000_000;
/// Sets of counters; a power of two. With eight of eight octets in each the table has 1 MiB.
const SETS: usize = 16_384;
const WAYS: usize = 8;
/// The bits of a counter: whose it is, whether its last excess slipped, and when it will be empty.
const TAG: u64 = 0x7fff;
const SLIP: u64 = 0x8000;
const TIME_SHIFT: u32 = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::world::Clock;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn rate(per_client: u32, per_question: u32) -> Rate {
        Rate::new(Settings { per_client, per_question }, Clock::at(Duration::ZERO).now(), 1).unwrap()
    }

    /// Of `count` questions at one moment: answered, slipped, not answered.
    fn flood(rate: &Rate, client: IpAddr, count: u32) -> (u32, u32, u32) {
        let now = Clock::at(Duration::ZERO).now();
        let mut sums = (0, 0, 0);
        for _ in 0..count {
            match rate.count(client, &"question", now) {
                None => sums.0 += 1,
                Some(Excess::Slip) => sums.1 += 1,
                Some(Excess::Silence) => sums.2 += 1,
            }
        }
        sums
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_gets_its_rate_and_every_second_of_the_rest_a_hint() {
        let rate = rate(100, 0);
        assert_eq!(flood(&rate, CLIENT, 300), (100, 100, 100));
        // The same /24.
        assert_eq!(flood(&rate, IpAddr::from([198, 51, 100, 99]), 10), (0, 5, 5));
        assert_eq!(flood(&rate, IpAddr::from([198, 51, 101, 7]), 10), (10, 0, 0));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(flood(&rate, CLIENT, 100), (50, 25, 25));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(flood(&rate, CLIENT, 101).0, 100, "no more than a second's worth is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn one_question_has_a_rate_of_its_own() {
        let (rate, now) = (rate(100, 20), Clock::at(Duration::ZERO).now());
        assert_eq!(flood(&rate, CLIENT, 50).0, 20);
        let others = (0..100).filter(|number| rate.count(CLIENT, number, now).is_none()).count();
        assert_eq!(others, 80, "the network's hundred less the twenty replies");
    }

    #[tokio::test(start_paused = true)]
    async fn crowds_push_the_least_busy_out_and_not_the_busiest() {
        let rate = rate(100, 0);
        assert_eq!(flood(&rate, CLIENT, 300).0, 100);
        let now = Clock::at(Duration::ZERO).now();
        for network in 0..400_000u32 {
            rate.count(IpAddr::from((network << 8 | 0x0a00_0000).to_be_bytes()), &0, now);
        }
        assert_eq!(flood(&rate, CLIENT, 100).0, 0, "the flood has not bought itself a new bucket");
    }
}

//! A root whose keys no trust anchor speaks for: whoever was left behind with an old anchor does not ask for them all day
//! (RFC 5011 §2.3), and no forged reply, nor a wrong turn of the network, shuts out a root that is trusted for long.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::dns::{Rdatas, Ttl};

/// The first pause of a root that was trusted before: it may be trusted again any moment.
const SHORTEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause; longer than an hour, so that who asks once an hour for RFC 5011's sake asks for everybody.
const LONGEST_PAUSE: Duration = Duration::from_secs(4500);
/// Where nobody else can be asked, the same keys count as another word when they came so long ago: one reply may have been
/// for many questions.
const APART: Duration = Duration::from_secs(10);

/// Who else there is to ask for the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Other servers, which have not been asked.
    Left,
    /// There is one server.
    Nobody,
    /// Others were asked in the same walk, and had no better keys.
    Asked,
}

impl Others {
    /// When so many others are to be asked, and so many were.
    pub(super) const fn of(wanted: usize, asked: usize) -> Self {
        match wanted {
            0 => Self::Nobody,
            _ if asked >= wanted => Self::Asked,
            _ => Self::Left,
        }
    }
}

/// What is known of keys that no anchor speaks for.
#[derive(Debug, Default)]
pub(super) struct Estrangement(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether an anchor ever spoke for the root's keys, in this life of the process.
    was_trusted: bool,
    /// The keys that were seen last, and since when.
    keys: BTreeSet<Vec<u8>>,
    since: Option<Instant>,
    /// Whether other servers agreed on them.
    confirmed: bool,
    /// The last pause, and when it began.
    pause: Option<(Duration, Instant)>,
}

impl Estrangement {
    /// An anchor speaks for the keys.
    pub(super) fn end(&self) {
        *self.0.lock() = State { was_trusted: true, ..State::default() };
    }

    /// Whether these are the very keys that another server gave before, in this walk or, if two agreed, in an earlier one: then
    /// there is no need to ask others. One server alone, however often it is asked, shuts out nobody.
    pub(super) fn is_confirmed_by(&self, keys: &Rdatas, others: Others, now: Instant) -> bool {
        let keys: BTreeSet<Vec<u8>> = keys.iter().map(<[u8]>::to_vec).collect();
        let mut state = self.0.lock();
        if state.keys != keys {
            (state.keys, state.since, state.confirmed, state.pause) = (keys, Some(now), false, None);
            return false;
        }
        let is_long_ago = state.since.is_some_and(|since| now >= since + APART);
        state.confirmed |= others == Others::Asked || (others == Others::Nobody && is_long_ago);
        state.confirmed
    }

    /// For how long nobody is asked for the keys again: each time longer, or long at once when the root has not been trusted
    /// since the start. Questions that fail together have one pause together.
    pub(super) fn pause(&self, now: Instant) -> Ttl {
        let mut state = self.0.lock();
        let first = if state.was_trusted { SHORTEST_PAUSE } else { LONGEST_PAUSE };
        let (pause, began) = match state.pause {
            None => (first, now),
            Some((last, began)) if now < began + SHORTEST_PAUSE => (last, began),
            Some((last, _)) => ((last * 2).min(LONGEST_PAUSE), now),
        };
        state.pause = Some((pause, began));
        Ttl::from_secs(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    fn keys(texts: &[&[u8]]) -> Rdatas {
        Rdatas::new(texts.iter().copied()).unwrap()
    }

    #[test]
    fn one_server_alone_confirms_nothing() {
        let others = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)].map(|(wanted, asked)| Others::of(wanted, asked));
        assert_eq!(others, [Others::Nobody, Others::Left, Others::Asked, Others::Left, Others::Asked]);
        let (estrangement, start) = (Estrangement::default(), Clock::system().now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let seen = |texts: &[&[u8]], others, seconds| estrangement.is_confirmed_by(&keys(texts), others, at(seconds));
        assert!(!seen(&[b"a", b"b"], Others::Asked, 0), "nobody gave these before");
        assert!(!seen(&[b"b", b"a"], Others::Left, 3600), "perhaps the same server");
        assert!(seen(&[b"b", b"a"], Others::Asked, 3600), "in any order");
        assert!(seen(&[b"a", b"b"], Others::Left, 3700), "two have said so");
        assert!(!seen(&[b"c"], Others::Left, 3700) && !seen(&[b"a", b"b"], Others::Left, 3700));
        estrangement.end();
        // The same reply is for all who ask at the same time.
        assert!(!seen(&[b"d"], Others::Nobody, 0) && !seen(&[b"d"], Others::Nobody, 9));
        assert!(seen(&[b"d"], Others::Nobody, 10));
    }

    #[test]
    fn who_was_never_trusted_is_left_alone_for_long_and_others_for_longer_each_time() {
        let (estrangement, mut now) = (Estrangement::default(), Clock::system().now());
        let mut next = || {
            let pauses = [0, 1, 29].map(|more| estrangement.pause(now + Duration::from_secs(more)).as_secs());
            assert_eq!(pauses, [pauses[0]; 3], "those that fail together");
            now += Duration::from_secs(pauses[0].into());
            pauses[0]
        };
        assert_eq!([next(), next()], [4500, 4500]);
        estrangement.end();
        assert_eq!([(); 9].map(|()| next()), [30, 60, 120, 240, 480, 960, 1920, 3840, 4500]);
        estrangement.end();
        assert_eq!(next(), 30);
    }
}

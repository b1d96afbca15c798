//! A root whose keys no trust anchor speaks for: whoever was left behind with an old anchor does not ask for them all day
//! (RFC 5011 §2.3), and no forged reply, nor a wrong turn of the network, shuts out a root that is trusted for long.

use std::time::Duration;

use parking_lot::Mutex;

use crate::dns::{Rdatas, Ttl};

/// The first pause of a root that was trusted before: it may be trusted again any moment.
const SHORTEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause; longer than an hour, so that who asks once an hour for RFC 5011's sake asks for everybody.
const LONGEST_PAUSE: Duration = Duration::from_secs(3900);

/// What is known of keys that no anchor speaks for.
#[derive(Debug, Default)]
pub(super) struct Estrangement(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether an anchor ever spoke for the root's keys, in this life of the process.
    was_trusted: bool,
    /// The keys that were seen last, in their order.
    keys: Vec<Vec<u8>>,
    pause: Option<Duration>,
}

impl Estrangement {
    /// An anchor speaks for the keys.
    pub(super) fn end(&self) {
        *self.0.lock() = State { was_trusted: true, ..State::default() };
    }

    /// Whether these are the very keys that somebody gave before, in this walk or an earlier one: then there is no need to
    /// ask others.
    pub(super) fn is_confirmed_by(&self, keys: &Rdatas) -> bool {
        let mut keys: Vec<Vec<u8>> = keys.iter().map(<[u8]>::to_vec).collect();
        keys.sort();
        let mut state = self.0.lock();
        if state.keys == keys {
            return true;
        }
        (state.keys, state.pause) = (keys, None);
        false
    }

    /// For how long nobody is asked for the keys again: each time longer, or long at once when the root has not been trusted
    /// since the start.
    pub(super) fn pause(&self) -> Ttl {
        let mut state = self.0.lock();
        let first = if state.was_trusted { SHORTEST_PAUSE } else { LONGEST_PAUSE };
        let pause = state.pause.map_or(first, |last| (last * 2).min(LONGEST_PAUSE));
        state.pause = Some(pause);
        Ttl::from_secs(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: &[&[u8]]) -> Rdatas {
        Rdatas::new(texts.iter().copied()).unwrap()
    }

    #[test]
    fn the_same_keys_in_any_order_confirm_each_other() {
        let estrangement = Estrangement::default();
        let seen = [&[b"a".as_slice(), b"b"][..], &[b"b", b"a"], &[b"c"], &[b"a", b"b"]];
        assert_eq!(seen.map(|set| estrangement.is_confirmed_by(&keys(set))), [false, true, false, false]);
    }

    #[test]
    fn who_was_never_trusted_is_left_alone_for_long_and_others_for_longer_each_time() {
        let estrangement = Estrangement::default();
        assert_eq!([estrangement.pause(), estrangement.pause()].map(Ttl::as_secs), [3900, 3900]);
        estrangement.end();
        let pauses: Vec<u32> = (0..9).map(|_| estrangement.pause().as_secs()).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3840, 3900]);
        estrangement.end();
        assert!(!estrangement.is_confirmed_by(&keys(&[b"a"])));
        assert_eq!(estrangement.pause().as_secs(), 30);
    }
}

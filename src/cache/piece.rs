//! What the caches' pieces of memory are made of: names that point into earlier ones, and times in few octets.

use std::sync::OnceLock;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use crate::dns::Name;

/// A piece in the making.
pub(super) type Draft = SmallVec<[u8; 512]>;

/// The time from which a cache counts: that of the first thing it was told.
#[derive(Default)]
pub(super) struct Beginning(OnceLock<Instant>);

/// Milliseconds since a cache began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) u64);

impl Beginning {
    /// How long after the beginning `time` is.
    pub(super) fn moment(&self, time: Instant) -> Moment {
        let since = time.saturating_duration_since(*self.0.get_or_init(|| time));
        // 34 years is the longest there is room for.
        Moment(u64::try_from(since.as_millis()).unwrap_or(u64::MAX).min((1 << (8 * Moment::OCTETS)) - 1))
    }

    /// The time that `moment` stands for.
    pub(super) fn time(&self, moment: Moment) -> Option<Instant> {
        self.0.get()?.checked_add(Duration::from_millis(moment.0))
    }
}

impl Moment {
    /// How many octets one takes.
    pub(super) const OCTETS: usize = 5;

    /// How long `earlier` has passed.
    pub(super) const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Appends it to `draft`.
    pub(super) fn write(self, draft: &mut Draft) {
        let [_, _, _, octets @ ..] = self.0.to_be_bytes();
        draft.extend_from_slice(&octets);
    }

    /// The moment written as `octets`.
    pub(super) const fn read(octets: [u8; Self::OCTETS]) -> Self {
        let [a, b, c, d, e] = octets;
        Self(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }
}

/// Appends `name`; its end as a pointer (RFC 1035 §4.1.4) when it is, letter by letter, also the end of one of `earlier`,
/// which stand in full at these places. `true` when it now stands there in full itself.
pub(super) fn write_name(name: &Name, earlier: &[(usize, &Name)], draft: &mut Draft) -> bool {
    let wire = name.wire();
    let mut at = 0;
    while let Some((&length, _)) = wire.get(at..).and_then(<[u8]>::split_first).filter(|(length, _)| **length > 0) {
        let tail = wire.get(at..).unwrap_or_default();
        if let Some(pointer) = earlier.iter().find_map(|(place, other)| pointer(tail, *place, other)) {
            draft.extend_from_slice(wire.get(..at).unwrap_or_default());
            draft.extend_from_slice(&pointer.to_be_bytes());
            return false;
        }
        at += usize::from(length) + 1;
    }
    draft.extend_from_slice(wire);
    true
}

/// The pointer to `tail` as the end of `other`, which stands at `place`.
fn pointer(tail: &[u8], place: usize, other: &Name) -> Option<u16> {
    let wire = other.wire();
    let start = wire.len().checked_sub(tail.len()).filter(|_| wire.ends_with(tail))?;
    let mut at = 0;
    while at < start {
        at += usize::from(*wire.get(at)?) + 1;
    }
    // Only a label may start what is pointed to.
    u16::try_from(place + start)
        .ok()
        .filter(|offset| at == start && offset & POINTER == 0)
        .map(|offset| POINTER | offset)
}

/// How long the name is that `wire` starts with.
pub(super) fn name_length(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *wire.get(at)? {
            0 => return Some(at + 1),
            length => at += usize::from(length) + 1,
        }
    }
}

/// The two bits that make a pointer of an offset.
const POINTER: u16 = 0xc000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Reader;
    use crate::world::Clock;

    #[test]
    fn names_come_back_and_share_their_ends_at_labels_only() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let (first, second) = (name("www.Example.com"), name(r"n1.a\003foo.test"));
        for (text, octets) in [
            ("www.Example.com", 2),
            ("n1.Example.com", 5),
            ("n1.example.com", 3 + 8 + 2),
            ("com", 2),
            ("n2.test", 5),
            // The octets of an end, from the middle of a label.
            ("foo.test", 4 + 2),
            (".", 1),
        ] {
            let mut draft = Draft::new();
            assert!(write_name(&first, &[], &mut draft));
            let place = draft.len();
            assert!(write_name(&second, &[(0, &first)], &mut draft));
            let from = draft.len();
            write_name(&name(text), &[(0, &first), (place, &second)], &mut draft);
            assert_eq!(draft.len() - from, octets, "{text}");
            assert!(Reader::new(&draft, from).name().unwrap().same_case(&name(text)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn moments_are_milliseconds_from_the_beginning() {
        let (beginning, start) = (Beginning::default(), Clock::at(Duration::ZERO).now());
        assert_eq!(beginning.moment(start), Moment(0));
        let later = beginning.moment(start + Duration::from_millis(1 << 33));
        assert_eq!(beginning.time(later), Some(start + Duration::from_millis(1 << 33)));
        let mut draft = Draft::new();
        later.write(&mut draft);
        assert_eq!(Moment::read(draft.as_slice().try_into().unwrap()), later);
        assert_eq!(later.since(Moment(1)), Duration::from_millis((1 << 33) - 1));
        assert_eq!(beginning.moment(start + Duration::from_secs(1 << 40)), Moment((1 << 40) - 1));
    }
}

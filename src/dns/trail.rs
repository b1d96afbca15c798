//! The trail of a question that resolvers forward to each other: a mark of each that it came by, so that one of them notices
//! when it comes back. Without it a circle of forwarders sends a question round until somebody's patience ends.
//!
//! It travels in an EDNS option of the range for local use (RFC 6891 §9), to servers that the operator has named and to nobody
//! else. Who does not know it passes it over (§6.1.2); some hand it on. A mark means nothing to others, and is another one
//! for each question.

use smallvec::SmallVec;

use super::cookie::{Secret, keyed_hash};
use super::{Edns, Question};

/// What one resolver leaves on one question.
pub type Mark = [u8; 8];

/// The marks, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail(SmallVec<[Mark; 2]>);

impl Trail {
    /// Marks that are kept: more resolvers than this are in no circle. The newest stay, so that nobody who has sent made-up
    /// ones along can hide a circle, let alone feign one.
    const MOST: usize = 8;

    /// The trail in the value of the option.
    pub fn read(value: &[u8]) -> Self {
        let marks = value.as_chunks().0;
        Self(SmallVec::from_slice(marks.get(marks.len().saturating_sub(Self::MOST)..).unwrap_or_default()))
    }

    /// Whether nobody has left a mark.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `mark` is on it.
    pub fn holds(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    /// The option that holds the trail and, behind it, `mark`.
    pub fn option(&self, mark: Mark) -> SmallVec<[u8; 24]> {
        let older = self.0.len().saturating_sub(Self::MOST - 1);
        let marks = self.0.iter().skip(older).chain(std::iter::once(&mark));
        let value: SmallVec<[u8; 16]> = marks.flatten().copied().collect();
        let length = u16::try_from(value.len()).unwrap_or(0);
        let mut option = SmallVec::from_slice(&Edns::TRAIL.to_be_bytes());
        option.extend_from_slice(&length.to_be_bytes());
        option.extend_from_slice(&value);
        option
    }
}

/// The mark that whoever knows `secret` leaves on `question`, whatever its case.
pub fn mark(secret: &Secret, question: &Question) -> Mark {
    let mut octets: SmallVec<[u8; 64]> = SmallVec::from_slice(&question.name.key());
    octets.extend_from_slice(&question.rtype.0.to_be_bytes());
    keyed_hash(secret, &octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::RecordType;

    #[test]
    fn a_mark_is_one_resolvers_for_one_question() {
        let question = |name: &str, rtype| Question::new(name.parse().unwrap(), rtype);
        let ours = mark(&[7; 16], &question("www.Example", RecordType::A));
        assert_eq!(ours, mark(&[7; 16], &question("WWW.example", RecordType::A)));
        assert_ne!(ours, mark(&[7; 16], &question("www.example", RecordType::AAAA)));
        assert_ne!(ours, mark(&[7; 16], &question("ww.example", RecordType::A)));
        assert_ne!(ours, mark(&[8; 16], &question("www.example", RecordType::A)));
    }

    #[test]
    fn a_trail_grows_by_a_mark_and_ends_somewhere() {
        let mut trail = Trail::default();
        for number in 1..=10u8 {
            let option = trail.option([number; 8]);
            let length = usize::from(number).min(Trail::MOST) * 8;
            assert_eq!(option[..4], [0xfe, 0x1d, 0, u8::try_from(length).unwrap()]);
            trail = Trail::read(&option[4..]);
            let oldest = number.saturating_sub(7).max(1);
            assert!((oldest..=number).all(|known| trail.holds([known; 8])) && !trail.holds([oldest - 1; 8]));
        }
        assert!(Trail::read(b"1234567").is_empty());
        assert_eq!(Trail::read(&[3; 4096]).option([4; 8]).len(), 68);
        assert_eq!(Trail::read(b"12345678and"), Trail::read(b"12345678"));
    }
}

//! The octets of a name: in place when they are few, shared when they are many.
//!
//! Names are cloned all the time; a copy of fixed length is a few instructions and no call.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use smallvec::SmallVec;

/// Octets kept in place; names are rarely longer. With the tag and the length they make 48.
const SHORT: usize = 46;

/// A byte string that is cheap to clone.
#[derive(Clone)]
pub struct Octets(Kept);

#[derive(Clone)]
enum Kept {
    Short { length: u8, octets: [u8; SHORT] },
    Long(Arc<[u8]>),
}

impl Octets {
    /// A copy of `octets`.
    pub fn new(octets: &[u8]) -> Self {
        let mut short = [0; SHORT];
        let Some(place) = short.get_mut(..octets.len()) else { return Self(Kept::Long(octets.into())) };
        place.copy_from_slice(octets);
        Self(Kept::Short { length: u8::try_from(octets.len()).unwrap_or(0), octets: short })
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Kept::Short { length, octets } => octets.get(..usize::from(*length)).unwrap_or_default(),
            Kept::Long(octets) => octets,
        }
    }

    /// The same with ASCII letters in lower case.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        match &self.0 {
            Kept::Short { length, octets } => {
                let (length, mut octets) = (*length, *octets);
                // All of them, whatever the length: a loop of a fixed length becomes a few instructions.
                octets.make_ascii_lowercase();
                Self(Kept::Short { length, octets })
            }
            Kept::Long(octets) => Self(Kept::Long(octets.to_ascii_lowercase().into())),
        }
    }

    /// The same after `change`, which may not make them more or fewer.
    #[must_use]
    pub fn changed(&self, change: impl FnOnce(&mut [u8])) -> Self {
        let mut octets: SmallVec<[u8; 64]> = SmallVec::from_slice(self);
        change(&mut octets);
        Self::new(&octets)
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_ones_are_what_they_were_made_of() {
        assert_eq!(size_of::<Octets>(), 48);
        for length in [0, 1, SHORT, SHORT + 1, 255] {
            let given: Vec<u8> = b"aBcDeFgH".iter().copied().cycle().take(length).collect();
            let octets = Octets::new(&given);
            assert_eq!(octets.as_slice(), given);
            assert_eq!(octets.to_lowercase().as_slice(), given.to_ascii_lowercase());
            assert_eq!(octets.changed(|octets| octets.fill(7)).as_slice(), vec![7; length]);
        }
    }
}

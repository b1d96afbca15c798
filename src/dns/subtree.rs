//! Things that hold for a name and all below it, found by the deepest name at or above another.
//!
//! Names are compared whole, label by label and without case: never by their ends alone.

use std::collections::BTreeMap;

use super::Name;

/// One `T` for each of several subtrees, which may lie in each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtrees<T> {
    /// By the apex in lower case, so that a look-up takes no memory of its own.
    by_key: BTreeMap<Box<[u8]>, (Name, T)>,
}

impl<T> Subtrees<T> {
    /// Nothing holds anywhere.
    pub const fn new() -> Self {
        Self { by_key: BTreeMap::new() }
    }

    /// Lets `value` hold at and below `apex`, in place of what held at exactly that name.
    pub fn insert(&mut self, apex: &Name, value: T) {
        self.by_key.insert(key(apex), (apex.clone(), value));
    }

    /// Takes out what holds at exactly `apex`.
    pub fn remove(&mut self, apex: &Name) -> Option<T> {
        self.by_key.remove(&key(apex)).map(|(_, value)| value)
    }

    /// What holds at exactly `apex`, or `make`'s, kept there.
    pub fn entry(&mut self, apex: &Name, make: impl FnOnce() -> T) -> &mut T {
        &mut self.by_key.entry(key(apex)).or_insert_with(|| (apex.clone(), make())).1
    }

    /// What holds at exactly `apex`.
    pub fn at(&self, apex: &Name) -> Option<&T> {
        self.by_key.get(&key(apex)).map(|(_, value)| value)
    }

    /// The deepest at or above `name` that `holds`.
    pub fn closest(&self, name: &Name, holds: impl Fn(&T) -> bool) -> Option<&T> {
        let lower = name.key();
        let mut rest: &[u8] = &lower;
        loop {
            if let Some((_, value)) = self.by_key.get(rest).filter(|(_, value)| holds(value)) {
                return Some(value);
            }
            let (&length, tail) = rest.split_first().filter(|(length, _)| **length != 0)?;
            rest = tail.get(usize::from(length)..)?;
        }
    }

    /// All of them, parents before what is below them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let mut all: Vec<&(Name, T)> = self.by_key.values().collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.into_iter().map(|(_, value)| value)
    }

    /// Takes out those that do not `stay`.
    pub fn take_unless(&mut self, stay: impl Fn(&T) -> bool) -> Vec<T> {
        let out = self.by_key.extract_if(.., |_, (_, value)| !stay(value));
        out.map(|(_, (_, value))| value).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl<T> Default for Subtrees<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn key(apex: &Name) -> Box<[u8]> {
    Box::from(&*apex.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_is_found_by_whole_labels() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let mut trees = Subtrees::new();
        for apex in ["example.", "a.Example.", "b.a.example."] {
            trees.insert(&name(apex), apex);
        }
        let closest = |text: &str| trees.closest(&name(text), |_| true).copied();
        assert_eq!(closest("example."), Some("example."));
        assert_eq!(closest("x.y.A.eXample."), Some("a.Example."));
        assert_eq!(closest("b.a.example."), Some("b.a.example."));
        assert_eq!(closest("c.ba.example."), Some("example."));
        // VAL-15: the same last octets are not the same name.
        assert_eq!((closest("xexample."), closest("."), closest("a.")), (None, None, None));
        assert_eq!(trees.closest(&name("x.b.a.example."), |apex| *apex != "b.a.example."), Some(&"a.Example."));
        assert_eq!(trees.iter().copied().collect::<Vec<_>>(), ["example.", "a.Example.", "b.a.example."]);
    }
}

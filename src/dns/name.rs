//! Domain names (RFC 1035 §3.1), held as uncompressed wire bytes.
//!
//! Equality, hashing and order ignore ASCII case (RFC 4343) while the bytes keep the case they came with.
//! Order is the canonical one of RFC 4034 §6.1, so a subtree is a range.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use smallvec::SmallVec;

use super::WireError;
use super::octets::Octets;

/// A fully qualified domain name of at most 255 octets.
#[derive(Clone)]
pub struct Name {
    wire: Octets,
}

impl Name {
    /// The longest name in wire form, root label included (RFC 1035 §2.3.4).
    pub const MAX_OCTETS: usize = 255;

    /// The root of the tree, `.`.
    pub fn root() -> Self {
        Self { wire: Octets::new(&[0]) }
    }

    /// Reads an uncompressed name that fills `wire` exactly.
    ///
    /// # Errors
    /// [`WireError::BadName`] when lengths do not add up, a label is longer than 63 or the whole is longer than 255 octets.
    pub fn from_wire(wire: &[u8]) -> Result<Self, WireError> {
        let mut rest = wire;
        loop {
            match rest.split_first() {
                Some((0, [])) if wire.len() <= Self::MAX_OCTETS => {
                    return Ok(Self::from_checked(wire));
                }
                Some((&length, tail)) if length != 0 && length < 64 => {
                    rest = tail.get(usize::from(length)..).ok_or(WireError::BadName)?;
                }
                _ => return Err(WireError::BadName),
            }
        }
    }

    /// Takes bytes the reader has already checked label by label.
    pub(super) fn from_checked(wire: &[u8]) -> Self {
        Self { wire: Octets::new(wire) }
    }

    /// Builds a name from labels, leftmost first.
    ///
    /// # Errors
    /// [`WireError::BadName`] for an empty or overlong label, or a name over 255 octets.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WireError> {
        let mut wire: SmallVec<[u8; 64]> = SmallVec::new();
        for label in labels {
            let length = u8::try_from(label.len()).ok().filter(|l| (1..64).contains(l)).ok_or(WireError::BadName)?;
            wire.push(length);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        if wire.len() > Self::MAX_OCTETS { Err(WireError::BadName) } else { Ok(Self::from_checked(&wire)) }
    }

    /// The uncompressed wire form, root label included.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The wire form in lower case: the key under which caches know the name.
    pub fn key(&self) -> Octets {
        self.wire.to_lowercase()
    }

    /// The same name with every letter in lower case.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        Self { wire: self.key() }
    }

    /// The labels from left to right, without the root label.
    pub fn labels(&self) -> Labels<'_> {
        Labels { rest: &self.wire }
    }

    /// How many labels the name has; the root has none.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.wire.len() == 1
    }

    /// Whether the leftmost label is `*` (RFC 4592).
    pub fn is_wildcard(&self) -> bool {
        self.wire.starts_with(&[1, b'*'])
    }

    /// The name without its leftmost label; `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let length = usize::from(*self.wire.first()?);
        if length == 0 {
            return None;
        }
        self.wire.get(length + 1..).map(Self::from_checked)
    }

    /// This name, its parent, and so on up to and including the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// The name made of the last `count` labels; the whole name when it has no more than that.
    #[must_use]
    pub fn suffix(&self, count: usize) -> Self {
        let mut labels = self.labels();
        for _ in count..self.label_count() {
            labels.next();
        }
        Self::from_checked(labels.rest)
    }

    /// Whether this name is `zone` itself or lies below it.
    pub fn is_in(&self, zone: &Self) -> bool {
        let Some(start) = self.wire.len().checked_sub(zone.wire.len()) else { return false };
        // First what mostly tells, and takes one comparison.
        if !self.wire.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(&zone.wire)) {
            return false;
        }
        let mut at = 0;
        // Only a label boundary may start the suffix: `ample.` is not an ancestor of `example.`.
        while at < start {
            at += usize::from(self.wire.get(at).copied().unwrap_or(0)) + 1;
        }
        at == start
    }

    /// Whether this name lies below `zone`, the zone's own name not included.
    pub fn is_strictly_below(&self, zone: &Self) -> bool {
        self.wire.len() > zone.wire.len() && self.is_in(zone)
    }

    /// One label more than `self` on the way to `name`; `None` when `name` is not strictly below.
    pub fn child_towards(&self, name: &Self) -> Option<Self> {
        name.is_strictly_below(self).then(|| name.suffix(self.label_count() + 1))
    }

    /// Puts `label` in front.
    ///
    /// # Errors
    /// [`WireError::BadName`] when the label or the result is too long.
    pub fn prepend(&self, label: &[u8]) -> Result<Self, WireError> {
        Self::from_labels(std::iter::once(label).chain(self.labels()))
    }

    /// Replaces the suffix `old` by `new`, as a DNAME does (RFC 6672 §2.2).
    ///
    /// # Errors
    /// [`WireError::BadName`] when `self` is not in `old` or the result exceeds 255 octets.
    pub fn replace_suffix(&self, old: &Self, new: &Self) -> Result<Self, WireError> {
        if !self.is_in(old) {
            return Err(WireError::BadName);
        }
        let keep = self.wire.get(..self.wire.len() - old.wire.len()).ok_or(WireError::BadName)?;
        let mut wire: SmallVec<[u8; 64]> = SmallVec::from_slice(keep);
        wire.extend_from_slice(&new.wire);
        if wire.len() > Self::MAX_OCTETS { Err(WireError::BadName) } else { Ok(Self::from_checked(&wire)) }
    }

    /// How many labels `self` and `other` share, counted from the root.
    pub fn common_labels(&self, other: &Self) -> usize {
        let mine: SmallVec<[&[u8]; 16]> = self.labels().collect();
        let theirs: SmallVec<[&[u8]; 16]> = other.labels().collect();
        mine.iter().rev().zip(theirs.iter().rev()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    }

    /// Whether both names have the same bytes, case included (what 0x20 asks of a server).
    pub fn same_case(&self, other: &Self) -> bool {
        *self.wire == *other.wire
    }

    /// The same name with each letter's case changed where `flip` says so; `flip` is asked once per letter.
    #[must_use]
    pub fn with_case(&self, mut flip: impl FnMut() -> bool) -> Self {
        // Label lengths are below 64 and so never letters.
        let wire = self.wire.changed(|octets| {
            for byte in octets.iter_mut().filter(|b| b.is_ascii_alphabetic()) {
                if flip() {
                    *byte ^= 0x20;
                }
            }
        });
        Self { wire }
    }
}

/// Iterator over the labels of a [`Name`], leftmost first.
#[derive(Clone)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, tail) = self.rest.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = tail.split_at_checked(usize::from(length))?;
        self.rest = rest;
        Some(label)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // Mostly they are the same to the letter.
        self.same_case(other) || self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Label lengths are part of the bytes, so `ab.c` and `a.bc` differ.
        state.write(&self.key());
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let mine: SmallVec<[&[u8]; 16]> = self.labels().collect();
        let theirs: SmallVec<[&[u8]; 16]> = other.labels().collect();
        let lower = |label: &&[u8]| label.to_ascii_lowercase();
        mine.iter().rev().map(lower).cmp(theirs.iter().rev().map(lower))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => write!(f, "\\{}", char::from(byte))?,
                    0x21..=0x7e => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Name {
    type Err = WireError;

    /// Reads presentation format (RFC 1035 §5.1); a missing final dot is supplied.
    fn from_str(text: &str) -> Result<Self, WireError> {
        if text == "." {
            return Ok(Self::root());
        }
        let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            let label = match byte {
                b'.' => {
                    labels.push(Vec::new());
                    continue;
                }
                _ => labels.last_mut().ok_or(WireError::BadName)?,
            };
            label.push(if byte == b'\\' { unescape(&mut bytes)? } else { byte });
        }
        if labels.last().is_some_and(Vec::is_empty) {
            labels.pop();
        }
        if labels.is_empty() { Err(WireError::BadName) } else { Self::from_labels(labels.iter().map(Vec::as_slice)) }
    }
}

/// The byte behind a backslash: `\.` or `\ddd`.
fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, WireError> {
    let first = bytes.next().ok_or(WireError::BadName)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(WireError::BadName)?;
        value = value * 10 + u32::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| WireError::BadName)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_suffix_counts_only_at_a_label_boundary() {
        assert!(name("www.example.com").is_in(&name("EXAMPLE.com")));
        assert!(!name("wwwexample.com").is_in(&name("example.com")));
        assert!(name("example.com").is_in(&Name::root()));
        assert!(!name("example.com").is_strictly_below(&name("example.com")));
        assert!(name(r"a\.b.c").is_in(&name("c")));
        assert!(!name(r"a\.b").is_in(&name("b")));
    }

    #[test]
    fn order_is_canonical() {
        // RFC 4034 §6.1's own example.
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            r"\001.z.example",
            "*.z.example",
            r"\200.z.example",
        ];
        let names: Vec<Name> = sorted.iter().map(|n| name(n)).collect();
        let mut shuffled = names.clone();
        shuffled.reverse();
        shuffled.sort();
        assert_eq!(shuffled, names);
    }

    #[test]
    fn steps_towards_a_name_and_back() {
        assert_eq!(name("com").child_towards(&name("www.example.com")), Some(name("example.com")));
        assert_eq!(name("com").child_towards(&name("com")), None);
        assert_eq!(Name::root().child_towards(&name("www.example.com")), Some(name("com")));
        let up: Vec<String> = name("a.b").ancestors().map(|n| n.to_string()).collect();
        assert_eq!(up, ["a.b.", "b.", "."]);
    }

    #[test]
    fn text_round_trips_with_odd_bytes() {
        for text in [r"a\.b.c.", r"\000\255x.", ".", "xn--nxasmq6b.example."] {
            assert_eq!(name(text).to_string(), text);
        }
        assert_ne!(name(r"a\.b."), name("a.b."));
        for bad in ["", "..", "a..b", r"a\25", r"\256.x"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn two_hundred_and_fifty_five_octets_and_no_more() {
        let label = [b'a'; 63];
        let long = Name::from_labels([&label[..], &label, &label, &label[..61]]).unwrap();
        assert_eq!(long.wire().len(), 255);
        assert_eq!(Name::from_labels([&label[..], &label, &label, &label[..62]]), Err(WireError::BadName));
        assert_eq!(long.prepend(b"x"), Err(WireError::BadName));
    }

    #[test]
    fn dname_substitution() {
        let moved = name("a.b.old.example").replace_suffix(&name("old.example"), &name("new.test")).unwrap();
        assert_eq!(moved, name("a.b.new.test"));
    }
}

//! Record classes (RFC 1035 §3.2.4); all that Burdock resolves is class IN.

use std::fmt;
use std::str::FromStr;

/// A class code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Self = Self(1);
    /// Chaosnet; lives on in `version.bind`.
    pub const CH: Self = Self(3);
    /// Hesiod.
    pub const HS: Self = Self(4);
    /// Any class (in questions).
    pub const ANY: Self = Self(255);
}

const MNEMONICS: [(Class, &str); 4] = [(Class::IN, "IN"), (Class::CH, "CH"), (Class::HS, "HS"), (Class::ANY, "ANY")];

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MNEMONICS.iter().find(|(code, _)| code == self) {
            Some((_, text)) => f.write_str(text),
            None => write!(f, "CLASS{}", self.0),
        }
    }
}

/// The text names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a class")]
pub struct UnknownClass;

impl FromStr for Class {
    type Err = UnknownClass;

    /// A mnemonic or `CLASSnnn` (RFC 3597 §5).
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        if let Some((code, _)) = MNEMONICS.iter().find(|(_, mnemonic)| mnemonic.eq_ignore_ascii_case(text)) {
            return Ok(*code);
        }
        let digits = text.get(..5).filter(|p| p.eq_ignore_ascii_case("CLASS")).and_then(|_| text.get(5..));
        digits.and_then(|d| d.parse().ok()).map(Self).ok_or(UnknownClass)
    }
}

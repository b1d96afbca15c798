//! Record classes (RFC 1035 §3.2.4); all that Burdock resolves is class IN.

/// A class code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Self = Self(1);
    /// Chaosnet; lives on in `version.bind`.
    pub const CH: Self = Self(3);
    /// Any class (in questions).
    pub const ANY: Self = Self(255);
}

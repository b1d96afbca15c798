//! Time to live.

use std::fmt;
use std::time::Duration;

/// A time to live in whole seconds (RFC 1035 §3.2.1, RFC 2181 §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// No time at all: use once, do not keep.
    pub const ZERO: Self = Self(0);
    /// The longest there can be (RFC 2181 §8).
    pub const MAX: Self = Self(i32::MAX as u32);

    /// A TTL of `seconds`, as an operator or a limit says it.
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// A TTL read from a message: one with the top bit set counts as zero (RFC 2181 §8).
    pub const fn from_wire(seconds: u32) -> Self {
        Self(if seconds > i32::MAX as u32 { 0 } else { seconds })
    }

    /// The seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }

    /// What is left after `age`; never below zero.
    #[must_use]
    pub fn minus(self, age: Duration) -> Self {
        Self(self.0.saturating_sub(u32::try_from(age.as_secs()).unwrap_or(u32::MAX)))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

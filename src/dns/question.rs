//! What is asked.

use std::fmt;

use super::{Name, RecordType};

/// A name and a type; the class is always IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The owner asked about (QNAME).
    pub name: Name,
    /// The type asked for (QTYPE).
    pub rtype: RecordType,
}

impl Question {
    /// A question about `name` and `rtype`.
    pub const fn new(name: Name, rtype: RecordType) -> Self {
        Self { name, rtype }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)
    }
}

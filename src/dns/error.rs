//! What can be wrong with bytes from outside.

/// The parts of a message that hold records (RFC 1035 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Records that answer the question.
    Answer,
    /// Records that point to, or deny on behalf of, an authority.
    Authority,
    /// Records that may help.
    Additional,
}

/// Why a packet cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The packet ends before its contents do.
    #[error("packet ends too early")]
    Short,
    /// A label or a name is malformed, too long, or its compression pointers lead nowhere.
    #[error("malformed name")]
    BadName,
    /// Octets behind the last record.
    #[error("octets behind the message")]
    Trailing,
    /// More records than [`super::Bounds`] allow.
    #[error("too many records")]
    TooManyRecords,
    /// The names of the message take more compression pointers than [`super::Bounds`] allow.
    #[error("too many compression pointers")]
    TooManyPointers,
    /// The compressed names of the message unfold to more octets than [`super::Bounds`] allow.
    #[error("names that unfold too far")]
    TooManyNameOctets,
    /// RDATA does not fit its type.
    #[error("malformed RDATA")]
    BadRdata,
    /// More than one OPT record, or one that is not owned by the root (RFC 6891 §6.1.1).
    #[error("malformed OPT record")]
    BadOpt,
    /// The number of questions is not one.
    #[error("not exactly one question")]
    BadQuestion,
}

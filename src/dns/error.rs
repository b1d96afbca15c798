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
    /// The record counts in the header cannot be true, or exceed what one message may hold.
    #[error("too many records")]
    TooMany,
    /// The names of the message need more pointer hops than one message may cost.
    #[error("too much name compression")]
    Compression,
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

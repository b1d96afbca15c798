//! What can go wrong between a query and a useful reply; fed to selection, shown in traces, never sent to a client as is.

use std::io;

use crate::dns::{Rcode, WireError};
use crate::job::{Limit, LimitName};

/// Why one server's reply, or its absence, is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No reply in time.
    #[error("no reply in time")]
    Timeout,
    /// The network or the server's host refuses.
    #[error("unreachable: {0}")]
    Unreachable(io::ErrorKind),
    /// The reply cannot be read.
    #[error("malformed reply: {0}")]
    Malformed(WireError),
    /// The reply would cost more to read than it may.
    #[error("a reply that takes too much to read ({0})")]
    TooMuch(LimitName),
    /// A reply came that is almost right; somebody may be guessing (RFC 5452 §9.2).
    #[error("a reply that does not match the query")]
    NearMiss,
    /// A reply that matches the query but for upper and lower case (0x20).
    #[error("a reply in other upper and lower case than the query")]
    OtherCase,
    /// A reply without the cookie that it should show: somebody may have forged it (RFC 7873 §5.3).
    #[error("a reply with a wrong cookie, or without the one it had before")]
    WrongCookie,
    /// Truncated even over TCP.
    #[error("truncated over TCP")]
    Truncated,
    /// The server says it cannot or will not.
    #[error("replied {0}")]
    Rcode(Rcode),
    /// The server does not serve the zone it is listed for.
    #[error("lame: {0}")]
    Lame(Lameness),
    /// NOERROR with nothing in it: neither data nor SOA nor delegation.
    #[error("empty reply")]
    Empty,
    /// A reply that contradicts itself.
    #[error("contradictory reply: {0}")]
    Contradiction(&'static str),
    /// A bound of the question was reached before the query could be sent.
    #[error("{0}")]
    Limit(Limit),
}

/// How a server shows that it does not serve a zone (RFC 1912 §2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lameness {
    /// It refers to the zone itself, to one above, or to one aside.
    #[error("refers to zones that do not hold the name")]
    UpwardReferral,
    /// It answers from the cache of a recursive resolver.
    #[error("answers from a cache, not with authority")]
    Recursive,
    /// Asked to recurse, it refers to other servers.
    #[error("refers to other servers instead of asking them")]
    NotRecursive,
}

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        match error {
            WireError::TooManyRecords => Self::TooMuch(LimitName::MessageRecords),
            WireError::TooManyPointers => Self::TooMuch(LimitName::MessagePointers),
            WireError::TooManyNameOctets => Self::TooMuch(LimitName::MessageNameOctets),
            _ => Self::Malformed(error),
        }
    }
}

impl Fault {
    /// Whether the server is there, only not for this zone: worth remembering for the zone, not against the server.
    pub const fn is_lame(self) -> bool {
        matches!(self, Self::Lame(_) | Self::Rcode(Rcode::REFUSED | Rcode::NOTAUTH))
    }
}

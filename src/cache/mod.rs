//! Memory — synchronous; `now` is always an argument.

use crate::dns::Ttl;

/// How much is remembered, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Octets all caches may take together.
    pub size: u64,
    /// TTLs below this are raised to it.
    pub min_ttl: Ttl,
    /// TTLs above this are cut to it.
    pub max_ttl: Ttl,
    /// Negative answers are kept no longer than this (RFC 2308 §5).
    pub max_negative_ttl: Ttl,
}

//! Why a question could not be resolved.

use crate::dns::Name;
use crate::job::Limit;

/// The whole reason, with the zone at which the walk ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A bound was reached.
    #[error("{limit}, at zone {zone}")]
    Limit {
        /// Which.
        limit: Limit,
        /// Where.
        zone: Name,
    },
    /// Time is up.
    #[error("no answer in time, at zone {zone}")]
    Deadline {
        /// Where.
        zone: Name,
    },
}

//! A miniature Internet: zones, authorities that answer or misbehave, and loopback sockets for them.
//!
//! `burdock playground` walks it; the simulated Internets of the tests are made of the same parts.
//! Not a server for others: it checks nothing about who asks.

mod authority;
mod behaviour;
mod internet;
mod signed;
mod signer;
mod sockets;
mod zone;

pub use authority::{Authority, Draft, Fate, Kind, Query, Response, Signed, records, set_rcode, write};
pub use behaviour::{Behaviour, Case, Edit, Opt};
pub use internet::{EXAMPLES, Example, Internet};
pub use signed::{Chain, ChainError, SIGNED_EXAMPLES};
pub use signer::{
    Algorithm, Bait, Denials, Digest, DsField, ENTRY_POINT, Field, Flaw, Hashing, REVOKED, Rewrite, Role, Rrsig,
    Signer, SigningError, SigningKey, Trap, Window, ZONE_KEY, colliding_keys,
};
pub use sockets::{Playground, start, start_with};
pub use zone::{Answer, Standing, Zone, ZoneError};

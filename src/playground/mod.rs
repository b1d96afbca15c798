//! A miniature Internet: zones, authorities that answer or misbehave, and loopback sockets for them.
//!
//! `burdock playground` walks it; the simulated Internets of the tests are made of the same parts.
//! Not a server for others: it checks nothing about who asks.

mod authority;
mod behaviour;
mod internet;
mod sockets;
mod zone;

pub use authority::{Authority, Draft, Fate, Kind, Query, Response, Signed, records, set_rcode, write};
pub use behaviour::{Behaviour, Case, Edit, Opt};
pub use internet::{EXAMPLES, Example, Internet};
pub use sockets::{Playground, start, start_with};
pub use zone::{Answer, Zone, ZoneError};

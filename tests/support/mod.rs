//! What every simulation is made of: a tree of zones, a network between its servers, a resolver in front, an oracle beside.

mod lab;
mod net;
mod oracle;
mod tree;

pub use lab::{EPOCH, Lab, Reply, STALE, run};
pub use net::{Exchange, Link, SimNet};
pub use oracle::{Oracle, Truth};
pub use tree::{ROOT, Tree};

use burdock::dns::Name;

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

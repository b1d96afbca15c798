//! What Burdock tells about itself; a leaf everyone may write to.

mod clients;
mod trace;

pub use clients::ClientCounters;
pub use trace::{Chosen, Entry, FromCache, Heard, Step, Trace};

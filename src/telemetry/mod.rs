//! What Burdock tells about itself; a leaf everyone may write to.

mod clients;
mod limits;
mod trace;

pub use clients::ClientCounters;
pub use limits::{Tally, Told};
pub use trace::{Chosen, Entry, FromCache, Heard, Step, Trace};

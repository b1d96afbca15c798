//! What Burdock tells about itself; a leaf everyone may write to.

mod trace;

pub use trace::{Chosen, Entry, FromCache, Heard, Step, Trace};

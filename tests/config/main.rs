//! The configuration as operators meet it: what is wrong is said with its place, reason and remedy; what is accepted has effect.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says where")]

mod effect;
mod program;
mod wrong;

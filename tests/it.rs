//! Simulated Internets with the whole resolver in them: no sockets, no real time, the same fall of the dice for the same seed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod attacks;
mod sim;
mod support;

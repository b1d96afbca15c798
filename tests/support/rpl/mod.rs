//! Scenarios in the replay format of Unbound's testbound and of Deckard, played on the deterministic simulation.
//!
//! A file is a script: what a resolver is told (`words`), what the servers of its Internet answer (`network`),
//! what clients ask and what they must get (`play`). `matching` says what "the same" means; `checks` tests all of these.

pub mod autotrust;
pub mod checks;
pub mod matching;
pub mod model;
pub mod network;
pub mod parse;
pub mod pending;
pub mod play;
pub mod records;
mod stale;
pub mod stand_in;
pub mod trust;
pub mod words;
mod zones;

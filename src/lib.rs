//! Burdock: a recursive, caching DNS resolver.

pub mod dns;
pub mod world;

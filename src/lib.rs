//! Burdock: a recursive, caching DNS resolver.

pub mod cache;
pub mod command;
pub mod config;
pub mod dns;
pub mod inflight;
pub mod job;
pub mod net;
pub mod playground;
pub mod policy;
pub mod resolver;
pub mod responder;
pub mod server;
pub mod telemetry;
pub mod upstream;
pub mod world;

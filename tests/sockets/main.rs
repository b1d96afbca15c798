//! A whole server on real loopback sockets, before an authority of a few lines on a socket of its own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::manual_let_else,
    clippy::disallowed_types,
    missing_docs
)]

mod authority;
mod connections;
mod costly;
mod crowds;
mod delegations;
mod memory;
mod outbound;
mod process;
mod program;
mod support;
mod tcp;
mod torture;
mod udp;

mod overload;

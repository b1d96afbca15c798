//! Real sockets: the only place where packets come in from clients and go out to servers.
//!
//! Nothing here decides what an answer is: [`crate::responder`] takes octets and gives octets, and
//! [`outbound::Outbound`] is the [`crate::world::Network`] of a running server. Linux only.

mod batch;
mod bind_error;
mod holder;
mod jobs;
mod listen;
pub mod outbound;
mod socket;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

pub use bind_error::{BindError, Transport};
pub use holder::Holder;
pub use socket::{Listening, bind, raise_file_limit, refuse_huge_pages};
pub use worker::{Shared, Worker};

/// Where we listen and whence we ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Addresses to listen on, each over UDP and TCP. Port 0: any that is free.
    pub listen: Vec<SocketAddr>,
    /// Threads that answer, each with sockets of its own.
    pub workers: NonZeroUsize,
    /// Addresses to ask other servers from; empty: the system's choice.
    pub source: Vec<IpAddr>,
}

/// Whether `address` is one of this host's: only then can a socket have it.
pub fn is_of_this_host(address: IpAddr) -> bool {
    std::net::UdpSocket::bind((address, 0)).is_ok()
}

/// What the listeners tell, all workers together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Questions given up unanswered because there were too many (the oldest goes first).
    pub jobs_shed: AtomicU64,
    /// Questions refused because there were too many, and none of them old.
    pub jobs_refused: AtomicU64,
    /// Replies over UDP the kernel refused to send.
    pub replies_unsent: AtomicU64,
    /// TCP connections closed at once: the client had too many, or all seats were busy.
    pub tcp_refused: AtomicU64,
    /// Idle TCP connections closed to make room for others.
    pub tcp_evicted: AtomicU64,
    /// TCP connections cut: no whole first message in time, or replies not read.
    pub tcp_cut: AtomicU64,
}

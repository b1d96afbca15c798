//! The way to other servers: [`Network`] over real sockets.
//!
//! Judges nothing: `is_ours` does. Retries nothing, but for a kept connection that turns out to be dead.

mod connection;
mod ports;
mod tcp;
mod udp;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use super::socket;
use crate::job::Limits;
use crate::world::{BoxFuture, Dice, IsOurs, Network, Route, Transport};

/// Real sockets. Works from every runtime that has I/O and time.
pub struct Outbound {
    source: Vec<IpAddr>,
    dice: Dice,
    datagrams: udp::Datagrams,
    streams: tcp::Streams,
}

impl Outbound {
    /// Asks from one of `source` (chosen anew each time), or from the address the system chooses where it has none.
    pub fn new(source: Vec<IpAddr>, dice: Dice, limits: Arc<Limits>) -> Self {
        Self { source, datagrams: udp::Datagrams::new(dice.clone()), dice, streams: tcp::Streams::new(limits) }
    }

    /// The address to ask `server` from.
    fn source_for(&self, server: SocketAddr) -> IpAddr {
        let fitting = || self.source.iter().filter(|ip| ip.is_ipv4() == server.is_ipv4());
        let chosen = fitting().nth(self.dice.below(fitting().count()));
        chosen.copied().unwrap_or_else(|| socket::wildcard(server))
    }
}

impl Network for Outbound {
    fn exchange<'a>(&'a self, route: Route, query: &'a [u8], is_ours: IsOurs<'a>) -> BoxFuture<'a, io::Result<Bytes>> {
        let source = self.source_for(route.server);
        match route.transport {
            Transport::Udp => Box::pin(self.datagrams.exchange((route.server, source), query, is_ours)),
            Transport::Tcp => Box::pin(self.streams.exchange((route.server, source), query, is_ours)),
        }
    }
}

#[cfg(test)]
mod tests;

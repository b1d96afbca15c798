//! One datagram there, one back. Sockets are used again, ports are not.
//!
//! Opening, registering and closing a socket costs the kernel twice what the exchange itself does. So a socket is kept,
//! unbound and unconnected; the next query connects it, and the kernel draws a new port from its own range. Ports outside
//! that range are drawn as often as they should be, for sockets that live for one query (docs/decisions/0014).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use bytes::Bytes;
use foldhash::HashMap;
use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};

use super::ports::{Port, Ports};
use crate::net::socket::{self, Received, Watched};
use crate::world::{Arrival, Dice, IsOurs};

/// Sockets between two queries. Each belongs to the runtime that watches it.
pub struct Datagrams {
    idle: Mutex<HashMap<Kind, Idle>>,
    ports: Ports,
    dice: Dice,
}

/// Sockets that can stand in for each other.
pub(super) type Kind = (Id, bool, IpAddr);

/// How many queries a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    One,
    Many,
}

impl Datagrams {
    /// No sockets yet.
    pub fn new(dice: Dice) -> Self {
        Self { idle: Mutex::default(), ports: Ports::of_this_machine(), dice }
    }

    /// Sends `query` to the server (from the source address, when it is not the wildcard) and waits for its reply.
    pub async fn exchange(
        &self,
        (server, source): (SocketAddr, IpAddr),
        query: &[u8],
        is_ours: IsOurs<'_>,
    ) -> io::Result<Bytes> {
        let asking = self.open((Handle::current().id(), server.is_ipv4(), source), server)?;
        // One query never fills the kernel's buffer: there is no waiting for room.
        if asking.socket().send(query)? != query.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        asking.reply(server, is_ours).await
    }

    /// A socket that only `server` can send to, from a port that nobody can foresee.
    pub(super) fn open(&self, kind: Kind, server: SocketAddr) -> io::Result<Asking<'_>> {
        for _ in 0..ATTEMPTS {
            let Port::Ours(port) = self.ports.draw(&self.dice) else { break };
            match socket::udp_from(SocketAddr::new(kind.2, port), server) {
                Ok(socket) => return Ok(self.asking(kind, Life::One, socket::watched(socket)?)),
                // Somebody else's, or not for us: another.
                Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {}
                Err(error) => return Err(error),
            }
        }
        let idle = self.idle.lock().get_mut(&kind).and_then(Idle::take);
        let socket = match idle {
            Some(socket) => socket,
            None => socket::watched(socket::udp_for_many(server, kind.2)?)?,
        };
        socket::connect(socket.as_fd(), server)?;
        Ok(self.asking(kind, Life::Many, socket))
    }

    const fn asking(&self, kind: Kind, life: Life, socket: Watched) -> Asking<'_> {
        Asking { datagrams: self, kind, life, socket: Some(socket) }
    }

    /// Keeps a socket for the next query, unless something of the last one's has stuck to it: a datagram, which the next
    /// would have to tell from its own, or an error, which it would take for its own.
    fn keep(&self, kind: Kind, socket: Watched) {
        // First the port goes: nothing can arrive any more. Then we look.
        if socket::disconnect(socket.as_fd()).is_err() {
            return;
        }
        let clean = socket.get_ref().recv(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if !clean {
            return;
        }
        let superfluous = self.idle.lock().entry(kind).or_default().keep(socket);
        drop(superfluous);
    }

    /// How many sockets are kept.
    #[cfg(test)]
    pub(super) fn kept(&self, kind: Kind) -> usize {
        self.idle.lock().get(&kind).map_or(0, |idle| idle.sockets.len())
    }
}

/// A socket with a query on its way. When this ends, however it ends, so does the port.
pub(super) struct Asking<'a> {
    datagrams: &'a Datagrams,
    kind: Kind,
    life: Life,
    /// Only `drop` takes it.
    socket: Option<Watched>,
}

impl Asking<'_> {
    fn watched(&self) -> &Watched {
        self.socket.as_ref().expect("only `drop` takes it")
    }

    /// The socket itself.
    pub(super) fn socket(&self) -> &std::net::UdpSocket {
        self.watched().get_ref()
    }

    /// Whether another query can use the socket.
    #[cfg(test)]
    pub(super) fn is_for_many(&self) -> bool {
        self.life == Life::Many
    }

    async fn reply(&self, server: SocketAddr, is_ours: IsOurs<'_>) -> io::Result<Bytes> {
        loop {
            // ICMP's news about the server are errors, and end the wait.
            let mut ready = self.watched().ready(socket::NEWS).await?;
            let judge = |datagram: Received<'_>| {
                // What came in between the port's drawing and the connecting may be anybody's.
                if datagram.from.is_none_or(|from| (from.ip(), from.port()) != (server.ip(), server.port())) {
                    return (Arrival::NotOurs, Bytes::new());
                }
                match is_ours(datagram.octets) {
                    // Who put the rest of it together cannot be told: the stream is to be asked (FragDNS).
                    Arrival::Ours if datagram.fragmented => (Arrival::NearMiss, Bytes::new()),
                    Arrival::Ours => (Arrival::Ours, Bytes::copy_from_slice(datagram.octets)),
                    other => (other, Bytes::new()),
                }
            };
            let Ok(arrived) = ready.try_io(|socket| socket::receive(socket.as_fd(), judge)) else { continue };
            match arrived? {
                (Arrival::NotOurs, _) => {}
                (arrival, reply) => {
                    // Nobody waits for more: else the next query would look for it.
                    ready.clear_ready();
                    return if arrival == Arrival::Ours { Ok(reply) } else { Err(io::ErrorKind::InvalidData.into()) };
                }
            }
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let (Life::Many, Some(socket)) = (self.life, self.socket.take()) {
            self.datagrams.keep(self.kind, socket);
        }
    }
}

/// Sockets of one kind between two queries. The last one in is the first one out, so those at the bottom are the ones
/// that a calmer time does not need.
#[derive(Default)]
struct Idle {
    sockets: Vec<Watched>,
    /// As few as there have been since they were last counted.
    fewest: usize,
    /// How many have been kept since then.
    since: usize,
}

impl Idle {
    fn take(&mut self) -> Option<Watched> {
        let socket = self.sockets.pop();
        self.fewest = self.fewest.min(self.sockets.len());
        socket
    }

    /// Returns those to be closed: at a count, those that nobody has needed since the last one.
    fn keep(&mut self, socket: Watched) -> Vec<Watched> {
        if self.sockets.len() >= KEPT {
            return vec![socket];
        }
        self.sockets.push(socket);
        self.since = self.since.saturating_add(1);
        if self.since < COUNTED_EVERY {
            return Vec::new();
        }
        let superfluous = self.sockets.drain(..self.fewest.min(self.sockets.len())).collect();
        (self.fewest, self.since) = (self.sockets.len(), 0);
        superfluous
    }
}

/// Ports tried before the choice is left to the kernel.
const ATTEMPTS: usize = 10;
/// Sockets kept of one kind.
const KEPT: usize = 256;
/// Sockets kept between two looks for superfluous ones.
const COUNTED_EVERY: usize = 4096;

#[cfg(test)]
mod tests;

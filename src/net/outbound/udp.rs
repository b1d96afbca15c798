//! One datagram there, one back. Sockets are used again, ports are not.
//!
//! Opening, registering and closing a socket costs the kernel three times what the exchange itself does. So a socket whose
//! exchange ended well is kept, unbound and unconnected; the next query connects it, and the kernel draws a new port from
//! its own range. Ports outside that range are drawn as often as they should be, for sockets that live for one query.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::runtime::{Handle, Id};

use crate::net::socket;
use crate::world::{Arrival, Dice, IsOurs};

/// Sockets between two queries. Each belongs to the runtime that watches it.
pub struct Datagrams {
    idle: Mutex<HashMap<Kind, Vec<UdpSocket>>>,
    kernel_ports: RangeInclusive<u16>,
    dice: Dice,
}

/// Sockets that can stand in for each other.
pub(super) type Kind = (Id, bool, IpAddr);

/// How many queries a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    One,
    Many,
}

impl Datagrams {
    /// No sockets yet. Ports outside the kernel's range are drawn with `dice`.
    pub fn new(dice: Dice) -> Self {
        Self { idle: Mutex::default(), kernel_ports: socket::kernel_ports(), dice }
    }

    /// Sends `query` to the server (from the source address, when it is not the wildcard) and waits for its reply.
    pub async fn exchange(
        &self,
        (server, source): (SocketAddr, IpAddr),
        query: &[u8],
        is_ours: IsOurs<'_>,
    ) -> io::Result<Bytes> {
        let kind = (Handle::current().id(), server.is_ipv4(), source);
        let (socket, life) = self.open(kind, server)?;
        let reply = exchange(&socket, server, query, is_ours).await?;
        if life == Life::Many {
            self.keep(kind, socket);
        }
        Ok(reply)
    }

    /// A socket that only `server` can send to, from a port that nobody can foresee: any from 1024 on, each as likely as
    /// the other (RFC 5452 §9.2).
    pub(super) fn open(&self, kind: Kind, server: SocketAddr) -> io::Result<(UdpSocket, Life)> {
        let port = socket::any_port(&self.dice);
        if !self.kernel_ports.contains(&port) {
            let socket = socket::udp_from(SocketAddr::new(kind.2, port), server, &self.dice)?;
            return Ok((UdpSocket::from_std(socket)?, Life::One));
        }
        // Which of its ports, the kernel draws: they are as good as ours.
        let idle = self.idle.lock().get_mut(&kind).and_then(Vec::pop);
        let socket = match idle {
            Some(socket) => socket,
            None => UdpSocket::from_std(socket::udp_for_many(server, kind.2)?)?,
        };
        socket::connect(socket.as_fd(), server)?;
        Ok((socket, Life::Many))
    }

    /// Keeps the socket of an exchange that ended with its reply. A socket whose query is still out is closed instead: so
    /// is one for which more has arrived, which the next query would have to tell from its own.
    fn keep(&self, kind: Kind, socket: UdpSocket) {
        if socket::disconnect(socket.as_fd()).is_err() {
            return;
        }
        let mut octet = [0];
        let empty = socket.try_recv(&mut octet).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        let mut idle = self.idle.lock();
        let sockets = idle.entry(kind).or_default();
        if empty && sockets.len() < KEPT {
            sockets.push(socket);
        }
    }
}

async fn exchange(socket: &UdpSocket, server: SocketAddr, query: &[u8], is_ours: IsOurs<'_>) -> io::Result<Bytes> {
    let sent = socket.send(query).await?;
    if sent != query.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let mut buffer = BytesMut::with_capacity(REPLY_OCTETS);
    loop {
        buffer.clear();
        let (_, from) = socket.recv_buf_from(&mut buffer).await?;
        // What came in before the socket was connected may be anybody's.
        if (from.ip(), from.port()) != (server.ip(), server.port()) {
            continue;
        }
        match is_ours(&buffer) {
            Arrival::Ours => return Ok(buffer.freeze()),
            Arrival::NotOurs => {}
            Arrival::NearMiss => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Octets of a datagram that are looked at; we ask for 1232, some servers send more.
const REPLY_OCTETS: usize = 4096;
/// Sockets kept of one kind.
const KEPT: usize = 256;

//! One datagram there, one back. Sockets are used again, ports are not.
//!
//! Opening, registering and closing a socket costs the kernel three times what the exchange itself does. So a socket whose
//! exchange ended well is kept, unbound and unconnected; the next query connects it, and the kernel draws a new port.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::runtime::{Handle, Id};

use crate::net::socket;
use crate::world::{Arrival, Dice, IsOurs};

/// Sockets between two queries. Each belongs to the runtime that watches it.
#[derive(Default)]
pub struct Datagrams {
    idle: Mutex<HashMap<Kind, Vec<UdpSocket>>>,
    /// The kernel cannot draw a port anew for a socket (Linux before 6.3): each query gets a socket of its own.
    never_again: AtomicBool,
}

/// Sockets that can stand in for each other.
type Kind = (Id, bool, IpAddr);

impl Datagrams {
    /// Sends `query` to the server (from the source address, when it is not the wildcard) and waits for its reply.
    pub async fn exchange(
        &self,
        (server, source): (SocketAddr, IpAddr),
        query: &[u8],
        (is_ours, dice): (IsOurs<'_>, &Dice),
    ) -> io::Result<Bytes> {
        let kind = (Handle::current().id(), server.is_ipv4(), source);
        let socket = self.open(kind, server, dice)?;
        let reply = exchange(&socket, server, query, is_ours).await?;
        self.keep(kind, socket);
        Ok(reply)
    }

    /// A socket that only `server` can send to, from a port that nobody can foresee.
    fn open(&self, kind: Kind, server: SocketAddr, dice: &Dice) -> io::Result<UdpSocket> {
        if !self.never_again.load(Ordering::Relaxed) {
            let idle = self.idle.lock().get_mut(&kind).and_then(Vec::pop);
            let socket = match idle {
                Some(socket) => Ok(socket),
                None => socket::udp_for_many(server, kind.2).and_then(UdpSocket::from_std),
            };
            match socket {
                Ok(socket) => {
                    socket::connect(socket.as_fd(), server)?;
                    return Ok(socket);
                }
                Err(error) if is_unknown_option(&error) => self.never_again.store(true, Ordering::Relaxed),
                Err(error) => return Err(error),
            }
        }
        UdpSocket::from_std(socket::udp_to(server, kind.2, dice)?)
    }

    /// Keeps the socket of an exchange that ended with its reply. A socket whose query is still out is closed instead: so
    /// is one for which more has arrived, which the next query would have to tell from its own.
    fn keep(&self, kind: Kind, socket: UdpSocket) {
        if self.never_again.load(Ordering::Relaxed) || socket::disconnect(socket.as_fd()).is_err() {
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

fn is_unknown_option(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENOPROTOOPT | EINVAL))
}

/// Octets of a datagram that are looked at; we ask for 1232, some servers send more.
const REPLY_OCTETS: usize = 4096;
/// Sockets kept of one kind.
const KEPT: usize = 256;
/// Protocol not available: what a kernel says to an option it does not know (errno(3)).
const ENOPROTOOPT: i32 = 92;
/// Invalid argument: what some say instead.
const EINVAL: i32 = 22;

//! Real sockets for the authorities: UDP and TCP on loopback, one port for all, chosen by binding.
//!
//! Bounded: so many connections per server, each with a deadline; so many late replies. Not a server for the world.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::authority::{Authority, Kind, Response};
use super::behaviour::Behaviour;
use super::internet::{EXAMPLES, Example, Internet};
use super::signed::SIGNED_EXAMPLES;
use crate::dns::{NameServer, RrSet};
use crate::world::{Clock, Dice, Transport};

/// Ports tried before giving up: one that is free on the first address may be taken on another.
const PORTS_TRIED: usize = 64;
/// Connections one server has open, and replies it owes, at once.
const AT_ONCE: usize = 64;
/// The life of a connection.
const CONNECTION: Duration = Duration::from_secs(10);

/// A running Internet; it ends when this is dropped.
#[derive(Debug)]
pub struct Playground {
    port: u16,
    root_hints: Vec<NameServer>,
    anchor: Option<RrSet>,
    examples: Vec<Example>,
    _servers: JoinSet<()>,
}

/// One authority at work.
#[derive(Clone)]
struct Server {
    authority: Arc<Authority>,
    queries: Arc<AtomicU64>,
    busy: Arc<Semaphore>,
    dice: Dice,
}

/// Starts the lecture's Internet.
///
/// # Errors
/// When no port could be bound on all of its loopback addresses.
pub async fn start() -> io::Result<Playground> {
    let signed = Internet::lecture_signed(Clock::system().wall());
    let (internet, anchor) = signed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let examples = EXAMPLES.iter().chain(SIGNED_EXAMPLES).copied().collect();
    Ok(Playground { anchor: Some(anchor), examples, ..start_with(internet, Dice::system()).await? })
}

/// Starts any Internet whose addresses can be bound here.
///
/// # Errors
/// When no port could be bound on all of its addresses.
pub async fn start_with(internet: Internet, dice: Dice) -> io::Result<Playground> {
    let addresses: Vec<IpAddr> = internet.authorities.iter().map(|authority| authority.address).collect();
    let (port, sockets) = bind(&addresses).await?;
    let mut servers = JoinSet::new();
    for (authority, (datagrams, connections)) in internet.authorities.into_iter().zip(sockets) {
        let refuses_tcp = authority.behaviours.iter().any(|b| matches!(b, Behaviour::Refuses(Transport::Tcp)));
        let server = Server {
            authority: Arc::new(authority),
            queries: Arc::default(),
            busy: Arc::new(Semaphore::new(AT_ONCE)),
            dice: dice.clone(),
        };
        servers.spawn(server.clone().serve_datagrams(Arc::new(datagrams)));
        // A listener that is closed is a port that resets: just what refusing TCP means.
        if !refuses_tcp {
            servers.spawn(server.serve_connections(connections));
        }
    }
    Ok(Playground { port, root_hints: internet.root_hints, anchor: None, examples: Vec::new(), _servers: servers })
}

impl Playground {
    /// The port of every server.
    pub const fn upstream_port(&self) -> u16 {
        self.port
    }

    /// The servers of the root zone.
    pub fn root_hints(&self) -> &[NameServer] {
        &self.root_hints
    }

    /// Questions worth asking, with a sentence each.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// The trust anchor, when its root zone is signed: a DS RRset.
    pub const fn anchor(&self) -> Option<&RrSet> {
        self.anchor.as_ref()
    }
}

type Sockets = Vec<(UdpSocket, TcpListener)>;

/// Binds every address to one port that is free on all of them.
async fn bind(addresses: &[IpAddr]) -> io::Result<(u16, Sockets)> {
    let first = *addresses.first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORTS_TRIED {
        let port = UdpSocket::bind((first, 0)).await?.local_addr()?.port();
        match bind_all(addresses, port).await {
            Ok(sockets) => return Ok((port, sockets)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

async fn bind_all(addresses: &[IpAddr], port: u16) -> io::Result<Sockets> {
    let mut sockets = Vec::with_capacity(addresses.len());
    for address in addresses {
        sockets.push((UdpSocket::bind((*address, port)).await?, TcpListener::bind((*address, port)).await?));
    }
    Ok(sockets)
}

impl Server {
    fn respond(&self, query: &[u8], transport: Transport) -> Vec<Response> {
        let nth = self.queries.fetch_add(1, Ordering::Relaxed);
        self.authority.respond(query, transport, nth, &self.dice)
    }

    /// Runs `work` beside the rest, unless there is too much of that already.
    fn beside<F: Future<Output = ()> + Send + 'static>(
        &self,
        tasks: &mut JoinSet<()>,
        work: impl FnOnce(OwnedSemaphorePermit) -> F,
    ) {
        while tasks.try_join_next().is_some() {}
        if let Ok(permit) = Arc::clone(&self.busy).try_acquire_owned() {
            tasks.spawn(work(permit));
        }
    }

    async fn serve_datagrams(self, socket: Arc<UdpSocket>) {
        let mut late = JoinSet::new();
        let mut packet = vec![0; usize::from(u16::MAX)];
        loop {
            // An error here is a client's closed port reported back to us; the next client is waiting.
            let Ok((length, client)) = socket.recv_from(&mut packet).await else { continue };
            let query = packet.get(..length).unwrap_or_default();
            for response in self.respond(query, Transport::Udp) {
                if response.delay.is_zero() {
                    send(&socket, client, response.kind).await;
                    continue;
                }
                let socket = Arc::clone(&socket);
                self.beside(&mut late, |permit| async move {
                    let _permit = permit;
                    sleep(response.delay).await;
                    send(&socket, client, response.kind).await;
                });
            }
        }
    }

    async fn serve_connections(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let server = self.clone();
            self.beside(&mut connections, |permit| async move {
                let _permit = permit;
                // Whatever ends it, the connection is over.
                let _ = timeout(CONNECTION, server.serve_connection(stream)).await;
            });
        }
    }

    async fn serve_connection(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let length = stream.read_u16().await?;
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await?;
            for response in self.respond(&query, Transport::Tcp) {
                sleep(response.delay).await;
                let Kind::Packet(reply) = response.kind else { return Ok(()) };
                let mut framed = u16::try_from(reply.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
                framed.extend_from_slice(&reply);
                stream.write_all(&framed).await?;
            }
        }
    }
}

/// Sends a datagram; one that cannot be sent is lost, as datagrams are.
async fn send(socket: &UdpSocket, client: SocketAddr, kind: Kind) {
    match kind {
        Kind::Packet(reply) => drop(socket.send_to(&reply, client).await),
        Kind::FromElsewhere(reply) => {
            let Ok(here) = socket.local_addr() else { return };
            if let Ok(other) = UdpSocket::bind((here.ip(), 0)).await {
                drop(other.send_to(&reply, client).await);
            }
        }
        // Another process's closed port cannot be played from an open one; the client waits instead.
        Kind::Reset => {}
    }
}

#[cfg(test)]
mod tests;

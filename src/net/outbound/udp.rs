//! One datagram there, one back, on a socket that lives no longer.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::net::UdpSocket;

use crate::world::{Arrival, IsOurs};

/// Sends `query` to `server`, to which `socket` is connected, and waits for the datagram that is its reply.
pub async fn exchange(
    socket: std::net::UdpSocket,
    server: SocketAddr,
    query: &[u8],
    is_ours: IsOurs<'_>,
) -> io::Result<Bytes> {
    let socket = UdpSocket::from_std(socket)?;
    let sent = socket.send(query).await?;
    if sent != query.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let mut buffer = vec![0; REPLY_OCTETS];
    loop {
        let (octets, from) = socket.recv_from(&mut buffer).await?;
        // What came in before the socket was connected may be anybody's.
        if (from.ip(), from.port()) != (server.ip(), server.port()) {
            continue;
        }
        let datagram = buffer.get(..octets).unwrap_or_default();
        match is_ours(datagram) {
            Arrival::Ours => return Ok(Bytes::copy_from_slice(datagram)),
            Arrival::NotOurs => {}
            Arrival::NearMiss => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Octets of a datagram that are looked at; we ask for 1232, some servers send more.
const REPLY_OCTETS: usize = 4096;

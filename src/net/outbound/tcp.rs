//! Queries over TCP, on connections kept for the next ones (RFC 7766 §6.2).
//!
//! A connection belongs to the runtime it was opened on, because its task runs there; each runtime keeps its own.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::runtime::{Handle, Id};

use super::connection::{Connection, End, Lease};
use crate::job::{LimitName, Limits, count};
use crate::net::listen::frame;
use crate::world::IsOurs;

/// The connections that are kept.
pub struct Streams {
    kept: Arc<Mutex<Kept>>,
    limits: Arc<Limits>,
}

type Kept = HashMap<(Id, SocketAddr), SmallVec<[Arc<Connection>; 2]>>;

/// Whether others have used a connection before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Reused,
}

impl Streams {
    /// No connections yet.
    pub fn new(limits: Arc<Limits>) -> Self {
        Self { kept: Arc::default(), limits }
    }

    /// Sends `query` to the server (from the source address, when it is not the wildcard) and waits for its reply.
    pub async fn exchange(
        &self,
        (server, source): (SocketAddr, IpAddr),
        query: &[u8],
        is_ours: IsOurs<'_>,
    ) -> io::Result<Bytes> {
        let id = *query.first_chunk().ok_or(io::ErrorKind::InvalidInput)?;
        let id = u16::from_be_bytes(id);
        let mut framed = BytesMut::with_capacity(2 + query.len());
        frame(query, &mut framed);
        let framed = framed.freeze();
        let (mut lease, age) = self.lease(server, source, id)?;
        match lease.exchange(framed.clone(), is_ours).await {
            // The server may close a connection at any time, and we learn of it by using it (RFC 7766 §6.2.4).
            Err(End::Died(_)) if age == Age::Reused => {}
            outcome => return Ok(outcome?),
        }
        drop(lease);
        let (mut lease, _) = self.lease(server, source, id)?;
        Ok(lease.exchange(framed, is_ours).await?)
    }

    /// The right to send one query with this ID: on a kept connection if one has room, else on a new one.
    fn lease(&self, server: SocketAddr, source: IpAddr, id: u16) -> io::Result<(Lease, Age)> {
        let key = (Handle::current().id(), server);
        if let Some(connections) = self.kept.lock().get_mut(&key) {
            connections.retain(|connection| connection.is_open());
            if let Some(lease) = connections.iter().find_map(|connection| connection.lease(id)) {
                return Ok((lease, Age::Reused));
            }
            if connections.len() >= count(self.limits.tcp_per_server) {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
        }
        // The table is not locked here: a runtime that is ending drops the new connection's task, and with it `gone`, at once.
        let kept = Arc::clone(&self.kept);
        let connection = Connection::open((server, source), &self.limits, move || forget(&mut kept.lock(), key))?;
        let lease = connection.lease(id).ok_or(io::ErrorKind::ConnectionAborted)?;
        let mut kept = self.kept.lock();
        if kept.len() < count(self.limits.tcp_servers) || kept.contains_key(&key) {
            kept.entry(key).or_default().push(connection);
        } else {
            self.limits.count(LimitName::TcpServers);
            connection.retire();
        }
        Ok((lease, Age::Fresh))
    }
}

#[cfg(test)]
impl Streams {
    /// Connections kept now, by all runtimes.
    pub fn connections(&self) -> usize {
        self.kept.lock().values().map(SmallVec::len).sum()
    }
}

fn forget(kept: &mut Kept, key: (Id, SocketAddr)) {
    let Some(connections) = kept.get_mut(&key) else { return };
    connections.retain(|connection| connection.is_open());
    if connections.is_empty() {
        kept.remove(&key);
    }
}

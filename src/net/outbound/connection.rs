//! One TCP connection to a server, with many questions in flight told apart by their message IDs.
//!
//! The connection's task reads and writes; whoever asks holds a [`Lease`]. A lease that ends without a reply retires
//! its connection: what is dead or slow is not used again.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::job::{LimitName, Limits, count};
use crate::net::listen::unframe;
use crate::net::socket;
use crate::world::{Arrival, IsOurs};

/// A connection, as those who use it see it.
pub struct Connection {
    queries: mpsc::Sender<Bytes>,
    state: Arc<State>,
    limits: Arc<Limits>,
}

/// What the connection's task and its users share.
#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    /// Who waits for the message with this ID.
    waiting: HashMap<u16, mpsc::Sender<Bytes>>,
    /// No further question is to be asked here.
    retired: bool,
    /// Why the connection ended, when it has.
    ended: Option<io::ErrorKind>,
}

impl Connection {
    /// Begins to connect, on the runtime of the caller; calls `gone` when the connection has ended.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn open(
        (server, source): (SocketAddr, IpAddr),
        limits: &Arc<Limits>,
        gone: impl FnOnce() + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let socket = TcpSocket::from_std_stream(socket::tcp_to(server, source)?);
        // Those under way, and some whose askers gave up.
        let (queries, asked) = mpsc::channel(2 * count(limits.tcp_queries_per_connection).max(1));
        let (limits, bounds) = (Arc::clone(limits), Arc::clone(limits));
        let state = Arc::new(State::default());
        let reason = io::ErrorKind::ConnectionAborted;
        let obituary = Obituary { state: Arc::clone(&state), gone: Some(gone), reason };
        tokio::spawn(async move {
            let mut obituary = obituary;
            let outcome = converse((socket, server), asked, &obituary.state, &bounds).await;
            obituary.reason = outcome.err().map_or(io::ErrorKind::UnexpectedEof, |error| error.kind());
        });
        Ok(Arc::new(Self { queries, state, limits }))
    }

    /// Whether further questions may be asked here.
    pub fn is_open(&self) -> bool {
        let inner = self.state.inner.lock();
        !inner.retired && inner.ended.is_none()
    }

    /// Takes no further questions; the connection ends with its last reply.
    pub fn retire(&self) {
        self.state.retire();
    }

    /// The right to ask one question with message ID `id`; `None` when the ID is in use here, or the connection is full or closed.
    pub fn lease(&self, id: u16) -> Option<Lease> {
        let mut inner = self.state.inner.lock();
        if inner.retired || inner.ended.is_some() || inner.waiting.contains_key(&id) {
            return None;
        }
        if inner.waiting.len() >= count(self.limits.tcp_queries_per_connection) {
            self.limits.count(LimitName::TcpQueriesPerConnection);
            return None;
        }
        let (sender, replies) = mpsc::channel(REPLIES_PER_ID);
        inner.waiting.insert(id, sender);
        let (queries, state) = (self.queries.clone(), Arc::clone(&self.state));
        Some(Lease { queries, state, id, replies, answered: false })
    }
}

impl State {
    fn retire(&self) {
        self.inner.lock().retired = true;
        self.changed.notify_one();
    }

    fn is_done(&self) -> bool {
        let inner = self.inner.lock();
        inner.retired && inner.waiting.is_empty()
    }

    fn is_idle(&self) -> bool {
        self.inner.lock().waiting.is_empty()
    }

    /// Returns when nobody wants the connection any more.
    async fn done(&self) {
        while !self.is_done() {
            self.changed.notified().await;
        }
    }

    /// Hands `message` to who waits for its ID. `false` when nobody does.
    fn deliver(&self, message: Bytes) -> bool {
        let Some(id) = message.first_chunk().map(|id| u16::from_be_bytes(*id)) else { return false };
        let waiting = self.inner.lock().waiting.get(&id).cloned();
        waiting.is_some_and(|replies| replies.try_send(message).is_ok())
    }
}

/// Tells all who wait that the connection has ended, and why; also if its runtime ended.
struct Obituary<F: FnOnce()> {
    state: Arc<State>,
    gone: Option<F>,
    reason: io::ErrorKind,
}

impl<F: FnOnce()> Drop for Obituary<F> {
    fn drop(&mut self) {
        {
            let mut inner = self.state.inner.lock();
            inner.ended = Some(self.reason);
            inner.waiting.clear();
        }
        if let Some(gone) = self.gone.take() {
            gone();
        }
    }
}

/// Why no reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection ended first.
    Died(io::ErrorKind),
    /// What came was almost the reply.
    NearMiss,
}

impl From<End> for io::Error {
    fn from(end: End) -> Self {
        match end {
            End::Died(kind) => kind.into(),
            End::NearMiss => io::ErrorKind::InvalidData.into(),
        }
    }
}

/// The right to ask one question on a connection.
pub struct Lease {
    queries: mpsc::Sender<Bytes>,
    state: Arc<State>,
    id: u16,
    replies: mpsc::Receiver<Bytes>,
    answered: bool,
}

impl Lease {
    /// Sends `framed`, the query with its length in front, and waits for the message that `is_ours` accepts.
    pub async fn exchange(&mut self, framed: Bytes, is_ours: IsOurs<'_>) -> Result<Bytes, End> {
        if self.queries.try_send(framed).is_err() {
            return Err(self.died());
        }
        while let Some(message) = self.replies.recv().await {
            match is_ours(&message) {
                Arrival::Ours => {
                    self.answered = true;
                    return Ok(message);
                }
                Arrival::NotOurs => {}
                Arrival::NearMiss => return Err(End::NearMiss),
            }
        }
        Err(self.died())
    }

    fn died(&self) -> End {
        End::Died(self.state.inner.lock().ended.unwrap_or(io::ErrorKind::ResourceBusy))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.state.inner.lock().waiting.remove(&self.id);
        if self.answered {
            self.state.changed.notify_one();
        } else {
            self.state.retire();
        }
    }
}

/// The connection's life: ends when nobody wants it any more, or with an error.
async fn converse(
    (socket, server): (TcpSocket, SocketAddr),
    mut asked: mpsc::Receiver<Bytes>,
    state: &State,
    limits: &Limits,
) -> io::Result<()> {
    let mut stream: TcpStream = tokio::select! {
        biased;
        connected = timeout(CONNECT, socket.connect(server)) => connected.unwrap_or(Err(io::ErrorKind::TimedOut.into()))?,
        () = state.done() => return Ok(()),
    };
    let (mut reader, mut writer) = stream.split();
    let (mut inbox, mut outbox) = (BytesMut::with_capacity(INBOX), BytesMut::new());
    let mut strays = 0;
    while !state.is_done() {
        tokio::select! {
            biased;
            read = reader.read_buf(&mut inbox) => {
                if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                strays += deliver_all(&mut inbox, state);
                if strays > STRAYS {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            Some(query) = asked.recv(), if outbox.is_empty() => outbox.extend_from_slice(&query),
            written = writer.write_buf(&mut outbox), if !outbox.is_empty() => drop(written?),
            () = state.changed.notified() => {}
            () = tokio::time::sleep(limits.tcp_server_idle), if state.is_idle() => {
                limits.count(LimitName::TcpServerIdle);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Hands over every whole message; returns how many nobody had asked for.
fn deliver_all(inbox: &mut BytesMut, state: &State) -> usize {
    let mut strays = 0;
    while let Some(message) = unframe(inbox) {
        // A copy of its own size: the reply may be kept, the stream's buffer is not.
        strays += usize::from(!state.deliver(Bytes::copy_from_slice(&message)));
    }
    strays
}

/// Time for a connection to open: a packet of the handshake may be lost, and is sent again after a second (RFC 6298 §2.1).
const CONNECT: Duration = Duration::from_secs(2);
/// Messages with the right ID that wait to be judged.
const REPLIES_PER_ID: usize = 4;
/// Messages nobody asked for, after which a server is not listened to any further.
const STRAYS: usize = 16;
/// Octets set aside for what arrives; grows with what has arrived.
const INBOX: usize = 2048;

//! Clients over TCP: many questions on one connection, answered in the order they are ready (RFC 7766, RFC 9210).
//!
//! Nothing is allocated because a client announces it: memory follows what has arrived. A client that does not read,
//! does not finish its first message or sits idle is cut; one that half-closes still gets what it asked for.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};

use super::connections::Seat;
use super::{Desk, frame, unframe};
use crate::cache::Front;
use crate::job::LimitName;
use crate::net::jobs::Work;
use crate::responder::{Client, ClientTransport, Immediate, Turn};

/// Accepts connections at `listener` until the task is aborted.
pub async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => begin(stream, address, &desk),
            // The client went away between the kernel's accept and ours.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of files, most likely: only time helps.
                tracing::warn!(%error, "cannot accept a TCP connection");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

fn begin(stream: TcpStream, address: SocketAddr, desk: &Arc<Desk>) {
    let Some(seat) = desk.connections.admit(address.ip()) else { return };
    let number = seat.number();
    let mut connection = Connection {
        stream,
        client: Client { address, transport: ClientTransport::Tcp },
        desk: Arc::clone(desk),
        seat,
        inbox: BytesMut::with_capacity(SMALL),
        outbox: BytesMut::new(),
        answers: FuturesUnordered::new(),
        deadline: desk.clock.now() + desk.limits.tcp_first_message,
        bound: LimitName::TcpFirstMessage,
    };
    let counters = Arc::clone(&desk.counters);
    desk.connections.begin(number, async move {
        if connection.serve().await == End::Cut {
            counters.tcp_cut.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client left, or was served and sat idle after that.
    Closed,
    /// We lost patience: with a first message that did not come, or replies that were not read.
    Cut,
}

/// A client's connection.
struct Connection {
    stream: TcpStream,
    client: Client,
    desk: Arc<Desk>,
    seat: Seat,
    /// What has arrived and is not yet answered.
    inbox: BytesMut,
    /// What is to be sent.
    outbox: BytesMut,
    answers: FuturesUnordered<Answer>,
    /// When patience ends, unless something happens.
    deadline: Instant,
    /// The bound that ends it then.
    bound: LimitName,
}

/// A question in progress; given up when the connection ends.
struct Answer(Work<Option<Bytes>>);

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Future for Answer {
    type Output = Option<Bytes>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        self.0.poll_unpin(context).map(Option::flatten)
    }
}

impl Connection {
    async fn serve(&mut self) -> End {
        let _ = self.stream.set_nodelay(true);
        let mut draining = self.desk.draining.clone();
        let mut asks = true;
        loop {
            if self.answer_what_arrived() > 0 {
                self.be_patient();
            }
            self.seat.set_questions(self.answers.len());
            if !self.outbox.is_empty() {
                match self.write().await {
                    Ok(()) => continue,
                    Err(end) => return end,
                }
            }
            if !asks && self.answers.is_empty() {
                let _ = self.stream.shutdown().await;
                return End::Closed;
            }
            let may_ask = asks && self.answers.len() < self.desk.limits.tcp_pipeline as usize;
            let drained = pin!(draining.wait_for(|draining| *draining));
            tokio::select! {
                biased;
                Some(reply) = self.answers.next(), if !self.answers.is_empty() => self.collect(reply),
                read = self.stream.read_buf(&mut self.inbox), if may_ask => match read {
                    Ok(0) => asks = false,
                    Ok(_) => {}
                    Err(_) => return End::Closed,
                },
                _ = drained, if asks => asks = false,
                () = sleep_until(self.deadline) => {
                    if self.answers.is_empty() {
                        self.desk.limits.count(self.bound);
                        return if self.bound == LimitName::TcpFirstMessage { End::Cut } else { End::Closed };
                    }
                    self.be_patient();
                }
            }
        }
    }

    /// Answers whole messages, or begins to, as long as there is room. Returns how many there were.
    fn answer_what_arrived(&mut self) -> usize {
        let desk = Arc::clone(&self.desk);
        let now = desk.clock.now();
        let mut found = 0;
        while self.answers.len() < desk.limits.tcp_pipeline as usize && self.outbox.len() < OUTBOX {
            let Some(message) = unframe(&mut self.inbox) else { break };
            found += 1;
            let mut scratch = desk.scratch.lock();
            match desk.responder.answer_now(
                &message,
                &self.client,
                &mut Turn { now, front: &mut Front::none() },
                &mut scratch,
            ) {
                Immediate::Reply(octets) => frame(scratch.get(..octets).unwrap_or_default(), &mut self.outbox),
                Immediate::Silence => {}
                Immediate::Later(request) => match desk.jobs.seat(request.key(), now) {
                    Some(seat) => {
                        let work = Arc::clone(&desk.responder).answer_later(request);
                        self.answers.push(Answer(seat.begin(work)));
                    }
                    None => {
                        let octets = desk.responder.overloaded(&request, &mut scratch);
                        frame(scratch.get(..octets).unwrap_or_default(), &mut self.outbox);
                    }
                },
            }
        }
        if self.answers.len() >= desk.limits.tcp_pipeline as usize {
            desk.limits.count(LimitName::TcpPipeline);
        }
        if self.inbox.is_empty() && self.inbox.capacity() > LARGE {
            self.inbox = BytesMut::with_capacity(SMALL);
        }
        found
    }

    /// Takes a reply, and whatever else is ready, so that it all leaves in one segment.
    fn collect(&mut self, reply: Option<Bytes>) {
        let mut next = Some(reply);
        while let Some(reply) = next {
            if let Some(reply) = reply {
                frame(&reply, &mut self.outbox);
            }
            next = if self.outbox.len() < OUTBOX { self.answers.next().now_or_never().flatten() } else { None };
        }
        self.be_patient();
    }

    /// The client is waited for anew.
    fn be_patient(&mut self) {
        let (patience, bound) = self.desk.connections.patience();
        (self.deadline, self.bound) = (self.desk.clock.now() + patience, bound);
    }

    /// Sends the outbox. While the client does not read, nothing else is done for it.
    async fn write(&mut self) -> Result<(), End> {
        match timeout(self.desk.limits.tcp_write, self.stream.write_all(&self.outbox)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(End::Closed),
            Err(_) => {
                self.desk.limits.count(LimitName::TcpWrite);
                return Err(End::Cut);
            }
        }
        self.outbox.clear();
        if self.outbox.capacity() > LARGE {
            self.outbox = BytesMut::new();
        }
        Ok(())
    }
}

/// What an idle connection's inbox takes, in octets.
const SMALL: usize = 512;
/// Buffers larger than this are given back when empty.
const LARGE: usize = 4096;
/// Octets of replies gathered before they are sent.
const OUTBOX: usize = 65_536;
/// The pause after an error of the kernel.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

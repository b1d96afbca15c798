//! Replies over UDP to questions that took work: those that are ready at about the same time leave together.
//!
//! The job whose reply is the first in the outbox collects: it lets all that can take a step go before it, then sends what
//! has gathered. A collector is a job like any other, so a drain waits for it, and it needs no listener.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::net::Counters;
use crate::net::batch::{self, Outbox, Path};

/// The late replies of one listener; at most [`batch::BATCH`] wait.
pub struct Late {
    socket: Arc<UdpSocket>,
    counters: Arc<Counters>,
    gathered: Mutex<Gathered>,
}

struct Gathered {
    outbox: Outbox,
    /// Whether a job is going to send them.
    collector: bool,
}

/// What is left to do for the job that has put a reply into the outbox.
enum Duty {
    Collect,
    Nothing,
    /// There was no room for the reply.
    SendAlone,
}

impl Late {
    /// None yet, to leave through `socket`.
    pub fn new(socket: Arc<UdpSocket>, counters: Arc<Counters>) -> Self {
        Self { socket, counters, gathered: Mutex::new(Gathered { outbox: Outbox::new(), collector: false }) }
    }

    /// Sees to it that `reply` leaves along `path`: soon, if not at once.
    pub async fn send(&self, reply: &[u8], path: &Path) {
        match self.put(reply, path) {
            Duty::Collect => Collector(self).send().await,
            Duty::Nothing => {}
            Duty::SendAlone => self.send_alone(reply, path).await,
        }
    }

    fn put(&self, reply: &[u8], path: &Path) -> Duty {
        let mut gathered = self.gathered.lock();
        let Some(room) = gathered.outbox.slot().get_mut(..reply.len()) else { return Duty::SendAlone };
        room.copy_from_slice(reply);
        gathered.outbox.commit(reply.len(), path);
        if !gathered.collector {
            gathered.collector = true;
            return Duty::Collect;
        }
        if gathered.outbox.slot().is_empty() {
            // If the socket is full, the collector will wait for it.
            let _ = self.send_gathered(&mut gathered);
        }
        Duty::Nothing
    }

    fn send_gathered(&self, gathered: &mut Gathered) -> io::Result<()> {
        let refused = self.socket.try_io(Interest::WRITABLE, || gathered.outbox.send(self.socket.as_fd()))?;
        self.count_unsent(refused);
        Ok(())
    }

    async fn send_alone(&self, reply: &[u8], path: &Path) {
        let send = || batch::send_one(self.socket.as_fd(), reply, path);
        if self.socket.async_io(Interest::WRITABLE, send).await.is_err() {
            self.count_unsent(1);
        }
    }

    fn count_unsent(&self, replies: usize) {
        self.counters.replies_unsent.fetch_add(replies as u64, Ordering::Relaxed);
    }
}

/// The duty to send what has gathered, which includes others' replies: it is done also when its job is ended.
struct Collector<'a>(&'a Late);

impl Collector<'_> {
    async fn send(self) {
        tokio::task::yield_now().await;
        while self.0.send_gathered(&mut self.0.gathered.lock()).is_err() {
            // An error means that the runtime ends: there is nothing left to wait for.
            if self.0.socket.writable().await.is_err() {
                break;
            }
        }
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        let gathered = &mut *self.0.gathered.lock();
        gathered.collector = false;
        if gathered.outbox.is_empty() {
            return;
        }
        let refused = gathered.outbox.send(self.0.socket.as_fd());
        self.0.count_unsent(refused.unwrap_or_else(|_| gathered.outbox.give_up()));
    }
}

#[cfg(test)]
mod tests;

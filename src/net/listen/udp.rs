//! Clients over UDP: receive a batch, answer what can be answered at once, send a batch.
//!
//! Between receiving and sending nothing waits, allocates or locks. What takes work becomes a task of its own.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::Desk;
use super::late::Late;
use crate::cache::Front;
use crate::net::batch::{BATCH, Inbox, Outbox, Path};
use crate::net::jobs::Seat;
use crate::responder::{Client, ClientTransport, Immediate, Request, Turn};

/// Answers what arrives at `socket`, which is bound to `address`, until the task is aborted.
pub async fn serve(socket: Arc<UdpSocket>, address: SocketAddr, desk: Arc<Desk>) {
    let late = Arc::new(Late::new(Arc::clone(&socket), Arc::clone(&desk.counters)));
    let mut trays = Trays { inbox: Inbox::new(), outbox: Outbox::new(), front: desk.responder.front(), late };
    loop {
        if let Err(error) = turn(&socket, address, &desk, &mut trays).await {
            // Not of a client's making (the kernel is out of memory, say): say so, and do not spin.
            tracing::warn!(%address, %error, "cannot receive over UDP");
            tokio::time::sleep(ERROR_PAUSE).await;
        }
    }
}

/// What one listener keeps from turn to turn.
struct Trays {
    inbox: Inbox,
    outbox: Outbox,
    front: Front,
    late: Arc<Late>,
}

/// Waits for packets and answers up to [`BATCHES_PER_TURN`] batches.
async fn turn(socket: &UdpSocket, address: SocketAddr, desk: &Desk, trays: &mut Trays) -> io::Result<()> {
    socket.readable().await?;
    for _ in 0..BATCHES_PER_TURN {
        let queue = receive(socket, &mut trays.inbox)?;
        answer(address, desk, trays);
        if !trays.outbox.is_empty() {
            flush(socket, &mut trays.outbox, desk).await?;
        }
        if queue == Queue::Empty {
            return Ok(());
        }
    }
    // More is waiting, but so are this worker's other tasks.
    tokio::task::yield_now().await;
    Ok(())
}

/// What is left in the kernel after a batch was taken.
#[derive(PartialEq, Eq)]
enum Queue {
    Empty,
    MaybeMore,
}

/// A batch that is not full has emptied the queue: telling tokio so (by "would block") saves asking the kernel again.
fn receive(socket: &UdpSocket, inbox: &mut Inbox) -> io::Result<Queue> {
    let received = socket.try_io(Interest::READABLE, || match inbox.receive(socket.as_fd())? {
        BATCH => Ok(Queue::MaybeMore),
        _ => Err(io::ErrorKind::WouldBlock.into()),
    });
    match received {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Queue::Empty),
        outcome => outcome,
    }
}

fn answer(address: SocketAddr, desk: &Desk, trays: &mut Trays) {
    let Trays { inbox, outbox, front, late } = trays;
    let mut turn = Turn { now: desk.clock.now(), front };
    for (packet, path) in inbox.packets() {
        if !may_be_answered(&path, address) {
            continue;
        }
        let client = Client { address: path.client, transport: ClientTransport::Udp };
        match desk.responder.answer_now(packet, &client, &mut turn, outbox.slot()) {
            Immediate::Reply(octets) => outbox.commit(octets, &path),
            Immediate::Silence => {}
            Immediate::Later(request) => match desk.jobs.seat(request.key(), turn.now) {
                Some(seat) => answer_later(late, desk, (request, path), seat),
                None => {
                    let octets = desk.responder.overloaded(&request, outbox.slot());
                    outbox.commit(octets, &path);
                }
            },
        }
    }
}

/// Never talk to what talks back to everything (RFC 862, 863, 864, 865, 867), nor to ourselves (Loop DoS).
fn may_be_answered(path: &Path, bound: SocketAddr) -> bool {
    let port = path.client.port();
    if NEVER_CLIENTS.contains(&port) {
        return false;
    }
    let asked = path.local.map_or(bound.ip(), |local| local.address);
    port != bound.port() || path.client.ip() != asked
}

fn answer_later(late: &Arc<Late>, desk: &Desk, (request, path): (Arc<Request>, Path), seat: Seat) {
    let (late, responder) = (Arc::clone(late), Arc::clone(&desk.responder));
    seat.begin(async move {
        if let Some(reply) = responder.answer_later(request).await {
            late.send(&reply, &path).await;
        }
    });
}

async fn flush(socket: &UdpSocket, outbox: &mut Outbox, desk: &Desk) -> io::Result<()> {
    loop {
        match socket.try_io(Interest::WRITABLE, || outbox.send(socket.as_fd())) {
            Ok(refused) => {
                desk.counters.replies_unsent.fetch_add(refused as u64, Ordering::Relaxed);
                return Ok(());
            }
            Err(_) => socket.writable().await?,
        }
    }
}

/// Batches answered before the worker's other tasks get their turn.
const BATCHES_PER_TURN: usize = 8;
/// The pause after an error of the kernel.
const ERROR_PAUSE: Duration = Duration::from_millis(20);
/// No port; echo, discard, daytime, quote of the day, character generator.
const NEVER_CLIENTS: [u16; 6] = [0, 7, 9, 13, 17, 19];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::batch::Local;

    #[test]
    fn ports_that_talk_back_and_ourselves_get_no_reply() {
        // CVE-2024-2169, Loop DoS.
        let bound: SocketAddr = "0.0.0.0:53".parse().unwrap();
        let local = Some(Local { address: "192.0.2.1".parse().unwrap(), interface: 1 });
        let answered = |client: &str| may_be_answered(&Path { client: client.parse().unwrap(), local }, bound);
        assert!(answered("192.0.2.9:53"), "another resolver may ask from port 53");
        assert!(answered("192.0.2.1:4711"), "a client on this machine");
        assert!(!answered("192.0.2.1:53"), "ourselves");
        for port in [0, 7, 19] {
            assert!(!answered(&format!("192.0.2.9:{port}")));
        }
        let alone = Path { client: "127.0.0.1:53".parse().unwrap(), local: None };
        assert!(!may_be_answered(&alone, "127.0.0.1:53".parse().unwrap()));
    }
}

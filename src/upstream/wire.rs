//! One packet out, one reply in: sent, awaited, recognised, read. Says what came; what to make of it is `exchange`'s affair.
//!
//! Equal queries share it. It learns how long the server took, and its cookie.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::time::{Instant, timeout_at};

use super::Fault;
use super::cookies::{Presented, Shown};
use super::outgoing::{Outgoing, UDP_SIZE};
use crate::dns::{Bounds, Header, Message, Name, Reader, WireError};
use crate::job::Limit;
use crate::world::{Arrival, BoxFuture, Route, Transport};

/// What came of an exchange, for all who wait for it.
#[derive(Clone)]
pub(super) enum Came {
    /// A reply, or the end of it.
    InTime(Result<Arc<Message>, Fault>),
    /// Nothing yet. Whoever has waited so far may wait on, nobody else joins them, and when all have left it ends.
    Late(Shared<Exchanging>),
}

/// An exchange on its way.
type Exchanging = BoxFuture<'static, Result<Arc<Message>, Fault>>;

/// What the task of an exchange needs.
pub(super) struct Wire {
    pub world: crate::world::World,
    pub servers: Arc<super::Servers>,
    pub counters: Arc<super::Counters>,
    /// On reading the reply.
    pub bounds: Bounds,
}

impl Wire {
    /// What comes within `patience`. A datagram that takes longer is on its way all the same; a stream has failed.
    pub(super) async fn wait(self, route: Route, outgoing: Outgoing, patience: Duration) -> Came {
        let deadline = self.world.clock.now() + patience;
        let mut exchanging: Exchanging = Box::pin(self.exchange(route, outgoing));
        match timeout_at(deadline, &mut exchanging).await {
            Ok(result) => Came::InTime(result),
            Err(_) if route.transport == Transport::Udp => Came::Late(exchanging.shared()),
            Err(_) => Came::InTime(Err(Fault::Timeout)),
        }
    }

    async fn exchange(self, route: Route, outgoing: Outgoing) -> Result<Arc<Message>, Fault> {
        let Outgoing { bytes, expected } = outgoing;
        let (address, start) = (route.server.ip(), self.world.clock.now());
        let other_case = AtomicBool::new(false);
        let is_ours = |packet: &[u8]| {
            let arrival = expected.judge(packet);
            match arrival {
                Arrival::Ours => {}
                Arrival::NotOurs => self.counters.note_unexpected(),
                Arrival::NearMiss => self.counters.note_near_miss(),
            }
            let right_id = Header::parse(packet).is_ok_and(|header| header.id == expected.id);
            other_case.store(arrival == Arrival::NearMiss && right_id, Ordering::Relaxed);
            arrival
        };
        let arrived = self.world.network.exchange(route, &bytes, &is_ours).await;
        let now = self.world.clock.now();
        let packet = match arrived {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let other_case = other_case.load(Ordering::Relaxed);
                return Err(if other_case { Fault::OtherCase } else { Fault::NearMiss });
            }
            // Others have all the connections there may be: it says nothing of the server.
            Err(error) if error.kind() == ErrorKind::ResourceBusy => return Err(Fault::Limit(Limit::TcpPerServer)),
            Err(error) => return Err(Fault::Unreachable(error.kind())),
            Ok(packet) => packet,
        };
        self.servers.heard(address, (expected.question.rtype, route.transport), now - start, now);
        if route.transport == Transport::Udp && packet.len() > usize::from(UDP_SIZE) {
            return Err(Fault::Malformed(WireError::Short));
        }
        let header = Header::parse(&packet)?;
        if header.has(Header::TC) {
            // Whatever a truncated reply holds is of no use; only its header counts.
            return Ok(Arc::new(Message::bare(header, packet.len())));
        }
        // Over UDP a reply in another case is not taken for ours.
        if expected.same_case && route.transport == Transport::Tcp && !is_echo(&packet, &expected.question.name) {
            self.servers.mangles_case(address, now);
        }
        let message = Message::within(self.bounds, &in_lower_case(packet))?;
        if let Some(presented) = expected.cookie {
            self.judge_cookie(presented, route, &message, now)?;
        }
        Ok(Arc::new(message))
    }

    /// A datagram with a wrong cookie may be forged; over TCP it is the server that gets it wrong.
    fn judge_cookie(&self, presented: Presented, route: Route, reply: &Message, now: Instant) -> Result<(), Fault> {
        let (shown, next) = presented.judge(reply);
        match (shown, route.transport) {
            (Shown::Wrong, Transport::Udp) => return Err(Fault::WrongCookie),
            (Shown::Wrong, Transport::Tcp) => self.servers.cannot_do_options(route.server.ip(), now),
            (Shown::Ours | Shown::Nothing, _) => {}
        }
        if let Some(next) = next.filter(|next| *next != presented) {
            self.servers.gave_cookie(route.server.ip(), next);
        }
        Ok(())
    }
}

/// Whether the question, if there is one, has `asked` letter by letter.
fn is_echo(packet: &[u8], asked: &Name) -> bool {
    let questions = Header::parse(packet).map_or(0, |header| header.counts[0]);
    questions == 0 || Reader::new(packet, Header::OCTETS).name().is_ok_and(|name| name.same_case(asked))
}

/// The reply with its question in lower case. Names are compressed against the question, so the random case of 0x20
/// would else end up in caches, answers and logs.
fn in_lower_case(packet: Bytes) -> Bytes {
    // Nobody else holds it, so it is changed where it lies.
    let mut lower = packet.try_into_mut().unwrap_or_else(|packet| BytesMut::from(packet.as_ref()));
    let mut at = Header::OCTETS;
    // Up to the root label or a pointer; a length is below 64 and so never a letter.
    while let Some(length @ 1..64) = lower.get(at).copied().map(usize::from) {
        let end = at + 1 + length;
        if let Some(label) = lower.get_mut(at + 1..end) {
            label.make_ascii_lowercase();
        }
        at = end;
    }
    lower.freeze()
}

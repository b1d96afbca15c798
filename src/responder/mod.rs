//! From client bytes to reply bytes: the front desk.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::dns::Question;
use crate::resolver::Resolver;

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address and port.
    pub address: SocketAddr,
    /// Over what.
    pub transport: ClientTransport,
}

/// The transports a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTransport {
    /// Datagrams: replies are limited by the client's EDNS size and by 1232 octets.
    Udp,
    /// A stream: replies may have 65,535 octets.
    Tcp,
}

/// What can be said about a packet at once.
#[derive(Debug)]
pub enum Immediate {
    /// The reply is in the buffer and has so many octets.
    Reply(usize),
    /// No reply is owed.
    Silence,
    /// It takes work: hand the request to [`Responder::answer_later`].
    Later(Box<Request>),
}

/// A client's question that the cache could not answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked, in the client's case.
    pub question: Question,
    /// Who asks.
    pub client: Client,
}

/// Answers clients. Cheap to share; one for all workers.
pub struct Responder {
    resolver: Arc<Resolver>,
}

impl Responder {
    /// The longest reply over UDP, in octets: no fragments (RFC 9715).
    pub const MAX_UDP_REPLY: usize = 1232;

    /// A front desk before `resolver`.
    pub const fn new(resolver: Arc<Resolver>) -> Self {
        Self { resolver }
    }

    /// Answers `packet` from the cache or by rule, into `out`; never waits. `out` should have 1232 octets for UDP, 65,535 for TCP.
    pub fn answer_now(&self, _packet: &[u8], _client: &Client, _now: Instant, _out: &mut [u8]) -> Immediate {
        let _ = &self.resolver;
        Immediate::Silence
    }

    /// Answers what takes work; ends by the answer deadline with a reply whatever happens. `None` when the request was shed.
    pub async fn answer_later(self: Arc<Self>, _request: Box<Request>) -> Option<Bytes> {
        None
    }
}

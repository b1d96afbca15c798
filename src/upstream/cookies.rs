//! Cookies for other servers (RFC 7873, RFC 9018): what a query presents, and what a reply shows.
//!
//! Our part differs from server to server, from hour to hour and from start to start, so that it ties nothing together.

use std::net::IpAddr;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use crate::dns::cookie::{ClientCookie, Cookie, Secret, client_cookie, derive};
use crate::dns::{Edns, EdnsOption, Mark, Message, Question, mark};
use crate::world::World;

/// How long our part for a server stays the same.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Which of the secrets that follow from ours marks questions.
const MARKS: u64 = 0x6d61_726b_7300;
/// The longest server's part (RFC 7873 §4).
const LONGEST: usize = 32;

/// Where our parts come from.
pub(super) struct Cookies {
    secret: Secret,
    start: Instant,
}

/// A cookie as a query carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    /// Our part.
    pub client: ClientCookie,
    server: [u8; LONGEST],
    octets: u8,
}

/// Whether a query shows a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Showing {
    /// None.
    Nothing,
    /// The one for this server.
    First,
    /// The same, after the server has handed out another one.
    Again,
}

/// What a reply shows of the cookie that its query presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Our part, and perhaps the server's: nobody else has seen it.
    Ours,
    /// No cookie from a server that gave none before: it may not know of them.
    Nothing,
    /// No cookie where there was one before, or somebody else's.
    Wrong,
}

impl Cookies {
    /// With a new secret.
    pub(super) fn new(world: &World) -> Self {
        Self { secret: world.dice.secret(), start: world.clock.now() }
    }

    /// Our part for `server` in this hour.
    pub(super) fn ours(&self, server: IpAddr, now: Instant) -> ClientCookie {
        let hour = now.saturating_duration_since(self.start).as_secs() / LIFETIME.as_secs();
        client_cookie(server, u32::try_from(hour).unwrap_or(u32::MAX), &self.secret)
    }

    /// What we leave on `question` when a forwarder gets it.
    pub(super) fn mark(&self, question: &Question) -> Mark {
        mark(&derive(&self.secret, MARKS), question)
    }
}

impl Presented {
    /// Our part alone.
    pub(super) const fn first(client: ClientCookie) -> Self {
        Self { client, server: [0; LONGEST], octets: 0 }
    }

    /// Both parts.
    fn whole(cookie: &Cookie<'_>) -> Option<Self> {
        let mut presented = Self::first(cookie.client);
        presented.server.get_mut(..cookie.server.len())?.copy_from_slice(cookie.server);
        presented.octets = u8::try_from(cookie.server.len()).ok()?;
        Some(presented)
    }

    /// Whether the server's part is in it.
    pub(super) const fn is_whole(&self) -> bool {
        self.octets > 0
    }

    /// Adds the COOKIE option to a query that ends in an OPT record with nothing in it.
    pub(super) fn add_to(&self, query: &mut SmallVec<[u8; 64]>) {
        let octets = 8 + u16::from(self.octets);
        let [[high, low], code, length] = [octets + 4, Edns::COOKIE, octets].map(u16::to_be_bytes);
        // The record's RDLENGTH.
        if let Some(place) = query.last_chunk_mut::<2>() {
            *place = [high, low];
        }
        let [a, b, c, d, e, f, g, h] = self.client;
        query.extend_from_slice(&[code[0], code[1], length[0], length[1], a, b, c, d, e, f, g, h]);
        if self.is_whole() {
            query.extend_from_slice(self.server.get(..self.octets.into()).unwrap_or_default());
        }
    }

    /// What `reply` shows, and the cookie to present next time if it hands one out.
    pub(super) fn judge(&self, reply: &Message) -> (Shown, Option<Self>) {
        let options = reply.edns.iter().flat_map(|edns| &edns.options);
        let value = options.into_iter().find_map(|option| match option {
            EdnsOption::Cookie(value) => Some(value),
            _ => None,
        });
        match value.map(|value| Cookie::read(value)) {
            None if self.is_whole() => (Shown::Wrong, None),
            None => (Shown::Nothing, None),
            Some(Some(cookie)) if cookie.client == self.client => {
                let next = Self::whole(&cookie).filter(Self::is_whole);
                (Shown::Ours, next)
            }
            Some(_) => (Shown::Wrong, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Class, Header, MessageWriter, Question, Rcode, RecordType};

    const OURS: ClientCookie = *b"our part";

    fn reply(cookie: Option<&[u8]>) -> Message {
        let mut writer = MessageWriter::new(1, Header::QR, Rcode::NOERROR, 512);
        writer.question(&Question::new("example".parse().unwrap(), RecordType::A), Class::IN);
        let mut message = Message::parse(&writer.finish().0).unwrap();
        let options = cookie.map(|value| EdnsOption::Cookie(value.to_vec())).into_iter().collect();
        message.edns = Some(Edns { udp_size: 1232, options, ..Edns::default() });
        message
    }

    #[test]
    fn a_reply_shows_our_part_and_hands_out_the_servers() {
        let first = Presented::first(OURS);
        assert_eq!(first.judge(&reply(None)), (Shown::Nothing, None));
        assert_eq!(first.judge(&reply(Some(b"our part"))), (Shown::Ours, None));
        for wrong in [&b"not ours"[..], b"our", b"our part and 5", b"not ours and the servers"] {
            assert_eq!(first.judge(&reply(Some(wrong))), (Shown::Wrong, None));
        }
        let (shown, next) = first.judge(&reply(Some(b"our part and the servers")));
        assert_eq!(shown, Shown::Ours);
        let next = next.unwrap();
        let mut query = SmallVec::from_slice(b"query\x00\x00");
        next.add_to(&mut query);
        assert_eq!(query[..], *b"query\x00\x1c\x00\x0a\x00\x18our part and the servers");
        assert_eq!(next.judge(&reply(None)), (Shown::Wrong, None), "it had one before");
    }
}

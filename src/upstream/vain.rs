//! What a server that replies is asked in vain all the same: by datagram, when only its stream answers, or for some types
//! (RFC 8906 §3.1.2). Pure. Believed for five minutes, or until a reply shows otherwise.

use std::time::Duration;

use tokio::time::Instant;

use crate::dns::RecordType;
use crate::world::Transport;

/// How long it is believed.
const BELIEVED: Duration = Duration::from_secs(300);
/// A server that was heard within this time is there: what it leaves unanswered now, it does not answer.
const LATELY: Duration = Duration::from_secs(60);

/// What was found to be in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InVain {
    heard: Option<Instant>,
    datagrams_until: Option<Instant>,
    /// The types found last.
    types: [Option<(RecordType, Instant)>; 2],
}

impl InVain {
    /// Whether datagrams are.
    pub fn are_datagrams(&self, now: Instant) -> bool {
        self.datagrams_until.is_some_and(|until| now < until)
    }

    /// Whether questions for `rtype` are, however they are asked.
    pub fn is_type(&self, rtype: RecordType, now: Instant) -> bool {
        self.types.iter().flatten().any(|(left, until)| *left == rtype && now < *until)
    }

    /// The stream answered what no datagram did.
    pub fn only_the_stream_answers(&mut self, now: Instant) {
        self.datagrams_until = Some(now + BELIEVED);
    }

    /// A question for `rtype` had all the queries that a server gets, and no reply.
    pub fn left_unanswered(&mut self, rtype: RecordType, now: Instant) {
        if self.heard.is_none_or(|heard| now >= heard + LATELY) {
            return;
        }
        let other = self.types.iter().flatten().find(|(left, _)| *left != rtype).copied();
        self.types = [Some((rtype, now + BELIEVED)), other];
    }

    /// A reply came to a question for `rtype`.
    pub fn heard(&mut self, rtype: RecordType, transport: Transport, now: Instant) {
        self.heard = Some(now);
        self.types = self.types.map(|left| left.filter(|(left, _)| *left != rtype));
        if transport == Transport::Udp {
            self.datagrams_until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    #[tokio::test(start_paused = true)]
    async fn it_is_believed_for_a_while_or_until_a_reply_comes() {
        let now = Clock::at(Duration::ZERO).now() + LATELY;
        let mut known = InVain::default();
        assert!(!known.are_datagrams(now) && !known.is_type(RecordType::AAAA, now));
        known.left_unanswered(RecordType::AAAA, now);
        assert!(!known.is_type(RecordType::AAAA, now), "it may be dead");
        known.heard(RecordType::A, Transport::Tcp, now - LATELY + Duration::from_millis(1));
        known.only_the_stream_answers(now);
        known.left_unanswered(RecordType::AAAA, now);
        known.left_unanswered(RecordType::HTTPS, now);
        known.left_unanswered(RecordType::HTTPS, now);
        let last = now + BELIEVED - Duration::from_millis(1);
        assert!(known.are_datagrams(last) && known.is_type(RecordType::AAAA, last));
        assert!(!known.are_datagrams(now + BELIEVED) && !known.is_type(RecordType::AAAA, now + BELIEVED));
        known.heard(RecordType::HTTPS, Transport::Tcp, now);
        assert!(known.are_datagrams(now) && known.is_type(RecordType::AAAA, now));
        assert!(!known.is_type(RecordType::HTTPS, now) && !known.is_type(RecordType::A, now));
        known.heard(RecordType::A, Transport::Udp, now);
        assert!(!known.are_datagrams(now) && known.is_type(RecordType::AAAA, now));
    }
}

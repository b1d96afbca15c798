//! Is this packet the reply to that query? One pure predicate (RFC 5452 §9.1).
//!
//! Address and port are the socket's affair. Here: QR, opcode, ID, and the question down to its letters' case.

use super::cookies::Presented;
use crate::dns::{Class, Header, Opcode, Question, Rcode, Reader, RecordType};
use crate::world::{Arrival, Transport};

/// What the reply has to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// The ID sent.
    pub id: u16,
    /// The question as sent, case included.
    pub question: Question,
    /// Whether the case must come back unchanged (0x20).
    pub same_case: bool,
    /// The cookie presented.
    pub cookie: Option<Presented>,
    /// How the query travelled.
    pub transport: Transport,
}

impl Expected {
    /// Judges one packet from the server's address.
    pub(super) fn judge(&self, packet: &[u8]) -> Arrival {
        let Ok(header) = Header::parse(packet) else { return Arrival::NotOurs };
        if !header.has(Header::QR) || header.opcode() != Opcode::QUERY {
            return Arrival::NotOurs;
        }
        if header.id != self.id {
            // On a connection of our own nobody guesses; an odd ID there is another query's reply.
            return if self.transport == Transport::Udp { Arrival::NearMiss } else { Arrival::NotOurs };
        }
        match header.counts {
            // Servers that could not read the query cannot repeat its question; such a reply is only ever a hint.
            [0, 0, 0, _] if header.has(Header::TC) || is_hint(header.rcode()) => Arrival::Ours,
            [1, ..] => self.judge_question(packet),
            _ => Arrival::NotOurs,
        }
    }

    fn judge_question(&self, packet: &[u8]) -> Arrival {
        let mut reader = Reader::new(packet, Header::OCTETS);
        let (Ok(name), Ok(rtype), Ok(class)) = (reader.name(), reader.u16(), reader.u16()) else {
            return Arrival::NotOurs;
        };
        if name != self.question.name || RecordType(rtype) != self.question.rtype || Class(class) != Class::IN {
            return Arrival::NotOurs;
        }
        if self.same_case && self.transport == Transport::Udp && !name.same_case(&self.question.name) {
            return Arrival::NearMiss;
        }
        Arrival::Ours
    }
}

/// What a server says that could not read the query, or does not know what it asks. One that fails or refuses has read
/// the question and can repeat it; without, the ID would be all that a forger has to guess.
const fn is_hint(rcode: Rcode) -> bool {
    matches!(rcode, Rcode::FORMERR | Rcode::NOTIMP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{QueryFlags, write_query};

    fn expected() -> Expected {
        let question = Question::new("wWw.eXample.com".parse().unwrap(), RecordType::A);
        Expected { id: 0x1234, question, same_case: true, cookie: None, transport: Transport::Udp }
    }

    fn reply() -> Vec<u8> {
        let mut reply = write_query(0x1234, &expected().question, QueryFlags::default()).to_vec();
        reply[2] |= 0x80;
        reply
    }

    #[test]
    fn only_the_whole_match_is_ours() {
        // POI-02: each field wrong by itself.
        assert_eq!(expected().judge(&reply()), Arrival::Ours);
        type Spoil = fn(&mut Vec<u8>);
        let wrong: [(&str, Spoil, Arrival); 9] = [
            ("ID", |p| p[0] ^= 0xff, Arrival::NearMiss),
            ("QR", |p| p[2] &= 0x7f, Arrival::NotOurs),
            ("opcode", |p| p[2] |= 0x08, Arrival::NotOurs),
            ("QDCOUNT 0", |p| p[5] = 0, Arrival::NotOurs),
            ("QDCOUNT 2", |p| p[5] = 2, Arrival::NotOurs),
            ("QNAME", |p| p[14] = b'x', Arrival::NotOurs),
            ("case", |p| p[13] ^= 0x20, Arrival::NearMiss),
            ("QTYPE", |p| p[30] = 28, Arrival::NotOurs),
            ("QCLASS", |p| p[32] = 3, Arrival::NotOurs),
        ];
        for (field, spoil, arrival) in wrong {
            let mut packet = reply();
            spoil(&mut packet);
            assert_eq!(expected().judge(&packet), arrival, "{field}");
        }
        assert_eq!(expected().judge(&reply()[..11]), Arrival::NotOurs);
    }

    #[test]
    fn a_reply_without_question_is_a_hint_at_most() {
        // POI-27: only with TC, FORMERR or NOTIMP, and without records.
        let mut packet = reply()[..12].to_vec();
        packet[5] = 0;
        for code in 0..16 {
            packet[3] = code;
            let hint = [Rcode::FORMERR, Rcode::NOTIMP].contains(&Rcode(code.into()));
            let arrival = if hint { Arrival::Ours } else { Arrival::NotOurs };
            assert_eq!(expected().judge(&packet), arrival, "{code}");
        }
        packet[2] |= 2;
        assert_eq!(expected().judge(&packet), Arrival::Ours, "TC");
        packet[7] = 1;
        assert_eq!(expected().judge(&packet), Arrival::NotOurs);
    }

    #[test]
    fn over_tcp_the_case_is_told_and_not_demanded() {
        let over_tcp = Expected { transport: Transport::Tcp, ..expected() };
        let mut packet = reply();
        packet[13] ^= 0x20;
        assert_eq!(over_tcp.judge(&packet), Arrival::Ours);
        packet[0] ^= 1;
        assert_eq!(over_tcp.judge(&packet), Arrival::NotOurs);
    }
}

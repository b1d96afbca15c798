//! Where clients' packets come in: one file for each transport.

mod connections;
mod late;
pub mod tcp;
pub mod udp;

use std::sync::Arc;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Counters;
use super::jobs::Jobs;
use crate::job::Limits;
use crate::responder::Responder;
use crate::world::Clock;

pub use connections::Connections;

/// What the listeners of one worker share.
pub struct Desk {
    /// Answers.
    pub responder: Arc<Responder>,
    /// The time.
    pub clock: Clock,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// Work begun for clients.
    pub jobs: Arc<Jobs>,
    /// TCP connections of clients.
    pub connections: Arc<Connections>,
    /// What is told about it all.
    pub counters: Arc<Counters>,
    /// Turns true when no further question is to be taken.
    pub draining: watch::Receiver<bool>,
    /// Room for the largest reply over TCP: one for all connections, used between two waits only.
    pub scratch: Mutex<Box<[u8]>>,
}

/// Appends `message` with its length in front (RFC 1035 §4.2.2).
pub fn frame(message: &[u8], into: &mut BytesMut) {
    let Ok(octets) = u16::try_from(message.len()) else { return };
    into.extend_from_slice(&octets.to_be_bytes());
    into.extend_from_slice(message);
}

/// Takes the first message off `from`, if it has arrived whole.
pub fn unframe(from: &mut BytesMut) -> Option<BytesMut> {
    let (octets, rest) = from.split_first_chunk::<2>()?;
    let octets = usize::from(u16::from_be_bytes(*octets));
    if rest.len() < octets {
        return None;
    }
    let mut message = from.split_to(2 + octets);
    Some(message.split_off(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_of_a_stream_as_they_went_in_however_it_is_cut() {
        let messages: [&[u8]; 3] = [b"first", b"", b"third"];
        let mut whole = BytesMut::new();
        for message in messages {
            frame(message, &mut whole);
        }
        for cut in 0..=whole.len() {
            let (mut stream, mut found) = (BytesMut::new(), Vec::new());
            for part in [&whole[..cut], &whole[cut..]] {
                stream.extend_from_slice(part);
                while let Some(message) = unframe(&mut stream) {
                    found.push(message.to_vec());
                }
            }
            assert_eq!(found, messages, "cut at {cut}");
        }
    }
}

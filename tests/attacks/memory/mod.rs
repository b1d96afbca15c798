//! Packets that are costly or dangerous to read or to keep: MEM-01 to MEM-08.
//!
//! Figures of time are ratios to a harmless packet of the same length, both read in the same minute: what a machine takes
//! for it is its own affair.

mod kept;
mod options;
mod reading;

use std::net::SocketAddr;
use std::time::Duration;

use burdock::dns::{Header, Message, QueryFlags, Question, RecordType, write_query};
use burdock::responder::{Client, ClientTransport};

use crate::support::{Lab, Tree, name};

const FIRST: &str = "198.18.2.1";
const SECOND: &str = "198.18.2.2";

/// A zone on two servers.
fn tree() -> Tree {
    Tree::with_tld().zone("d1.t1", &[FIRST, SECOND], "www A 192.0.2.1\nx A 192.0.2.2\n")
}

/// A client over UDP that may ask.
fn client() -> Client {
    Client { address: SocketAddr::from(([192, 0, 2, 78], 40_000)), transport: ClientTransport::Udp }
}

/// A query for `www.d1.t1 A` without OPT.
fn query() -> Vec<u8> {
    let question = Question::new(name("www.d1.t1"), RecordType::A);
    write_query(7, &question, QueryFlags { recursion_desired: true, ..QueryFlags::default() }).to_vec()
}

/// What a client gets for `packet`.
async fn told(lab: &Lab, packet: &[u8]) -> Option<Vec<u8>> {
    lab.exchange(packet, &client()).await
}

fn rcode(reply: &[u8]) -> String {
    Header::parse(reply).unwrap().rcode().to_string()
}

/// Octets that follow a pointer to `offset`.
fn pointer(offset: usize) -> [u8; 2] {
    (0xc000 | u16::try_from(offset).unwrap()).to_be_bytes()
}

/// The quickest of some runs.
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what reading costs is told by the system's clock"
)]
fn quickest(mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let begun = std::time::Instant::now();
        work();
        begun.elapsed()
    };
    (0..5).map(|_| once()).min().unwrap()
}

/// A reply of 65,535 octets or a few less: small addresses, names in full.
fn harmless() -> Vec<u8> {
    let mut packet = vec![0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    let record = [1, b'a', 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2];
    let count = ((65_535 - packet.len()) / (record.len() + 1)).min(4096);
    for index in 0..count {
        packet.extend(record);
        packet.push(u8::try_from(index % 256).unwrap());
    }
    packet[6..8].copy_from_slice(&u16::try_from(count).unwrap().to_be_bytes());
    assert!(Message::parse(&packet).is_ok());
    packet
}

//! Clients against each other, and against others by means of us: TRN-03, TRN-05 to TRN-07, AMP-08; and TRN-08, cookies
//! for the servers that we ask.

mod cookies;
mod crowds;
mod floods;
mod upstream;

use std::net::SocketAddr;

use burdock::dns::{EdnsOption, Header, Message, QueryFlags, Question, RecordType, write_query};
use burdock::policy::RateSettings;
use burdock::responder::{Client, ClientTransport};

use crate::support::{Lab, Tree, name};

/// The server of `d1.t1`.
const FIRST: &str = "198.18.2.1";

/// `d1.t1` with small and large answers, behind a desk that limits the rate of strangers to 100 and 20.
fn lab() -> Lab {
    lab_with(RateSettings { per_client: 100, per_question: 20 })
}

fn lab_with(rate: RateSettings) -> Lab {
    Lab::guarded(&tree().internet(), 1, |policy, _| policy.rate = rate)
}

fn tree() -> Tree {
    let mut data = String::from("www A 192.0.2.1\n* A 192.0.2.2\n");
    for letter in 'a'..='d' {
        data.push_str(&format!("medium TXT \"{}\"\n", letter.to_string().repeat(200)));
    }
    for letter in 'a'..='j' {
        data.push_str(&format!("big TXT \"{}\"\n", letter.to_string().repeat(200)));
    }
    Tree::with_tld().zone("d1.t1", &[FIRST], &data)
}

fn udp(address: [u8; 4]) -> Client {
    Client { address: SocketAddr::from((address, 40_000)), transport: ClientTransport::Udp }
}

fn tcp(address: [u8; 4]) -> Client {
    Client { transport: ClientTransport::Tcp, ..udp(address) }
}

/// A query, with these COOKIE options.
fn query(owner: &str, rtype: RecordType, cookies: &[&[u8]]) -> Vec<u8> {
    let flags = QueryFlags { recursion_desired: true, edns: Some(1232), ..QueryFlags::default() };
    let mut packet = write_query(7, &Question::new(name(owner), rtype), flags).to_vec();
    let octets = |value: &[u8]| u16::try_from(value.len()).unwrap().to_be_bytes();
    let options: Vec<u8> = cookies.iter().flat_map(|value| [&[0, 10][..], &octets(value), value].concat()).collect();
    let length = packet.len();
    packet[length - 2..].copy_from_slice(&octets(&options));
    packet.extend(options);
    packet
}

/// What came back.
struct Reply {
    message: Message,
    octets: usize,
}

impl Reply {
    fn is_truncated(&self) -> bool {
        self.message.header.has(Header::TC)
    }

    /// The COOKIE option in it.
    fn cookie(&self) -> Option<Vec<u8>> {
        cookie_in(&self.message)
    }
}

fn cookie_in(message: &Message) -> Option<Vec<u8>> {
    message.edns.iter().flat_map(|edns| &edns.options).find_map(|option| match option {
        EdnsOption::Cookie(value) => Some(value.clone()),
        _ => None,
    })
}

async fn send(lab: &Lab, packet: &[u8], client: &Client) -> Option<Reply> {
    let bytes = lab.exchange(packet, client).await?;
    Some(Reply { message: Message::parse(&bytes).unwrap(), octets: bytes.len() })
}

/// A cookie that `client` gets for its own part.
async fn cookie(lab: &Lab, client: &Client) -> Vec<u8> {
    let reply = send(lab, &query("www.d1.t1", RecordType::A, &[b"client's"]), client).await.unwrap();
    reply.cookie().unwrap()
}

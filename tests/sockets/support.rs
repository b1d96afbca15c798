//! A server of the test's own, and a client that waits for what it is owed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use burdock::dns::{Message, NameServer, QueryFlags, Question, Ttl, write_query};
use burdock::job::Limits;
use burdock::resolver::{self, Ipv6, Minimisation};
use burdock::server::{Parts, Server};
use burdock::{cache, net, policy, server};

use super::authority::{ADDRESS, Root};

/// For tests that take all of the machine, or measure time: one after the other.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // Whoever failed before has told so.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server on `listen` that asks `root`.
pub fn server(root: &Root, listen: &[&str], limits: Limits) -> Server {
    server::start(parts(root, listen, limits)).unwrap()
}

pub fn parts(root: &Root, listen: &[&str], limits: Limits) -> Parts {
    let hint = NameServer { host: "ns.".parse().unwrap(), glue: vec![ADDRESS] };
    Parts {
        net: net::Settings {
            listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
            workers: NonZeroUsize::MIN,
            source: Vec::new(),
        },
        cache: cache::Settings {
            size: 64 << 20,
            min_ttl: Ttl::ZERO,
            max_ttl: Ttl::from_secs(86_400),
            max_negative_ttl: Ttl::from_secs(3600),
            serve_stale: None,
        },
        resolver: resolver::Settings {
            root_hints: vec![hint],
            ipv4: true,
            ipv6: Ipv6::Off,
            qname_minimisation: Minimisation::Relaxed,
            case_randomisation: true,
            cookies: true,
            upstream_port: root.port,
            never_ask: Vec::new(),
            own_addresses: Vec::new(),
            forwards: Vec::new(),
            dnssec: burdock::dnssec::Settings::off(),
        },
        policy: policy::Settings {
            special_use: true,
            ..policy::Settings::plain(policy::AccessSettings {
                snoop: vec!["127.0.0.0/8".parse().unwrap()],
                ..policy::AccessSettings::allowing(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
            })
        },
        rollover: burdock::config::Rollover::Off,
        limits,
    }
}

/// A query with a message ID, for "name type".
pub fn query(id: u16, question: &str) -> Vec<u8> {
    let (name, rtype) = question.split_once(' ').unwrap();
    let question = Question::new(name.parse().unwrap(), rtype.parse().unwrap());
    let flags = QueryFlags { recursion_desired: true, edns: Some(4096), ..QueryFlags::default() };
    write_query(id, &question, flags).to_vec()
}

/// The ID and the number of answers of a reply that must be a good one.
pub fn good(reply: &[u8]) -> (u16, usize) {
    let message = Message::parse(reply).unwrap();
    assert_eq!(message.rcode().to_string(), "NOERROR", "{message:?}");
    (message.header.id, usize::from(message.header.counts[1]))
}

/// A UDP client that hears nobody but `server`.
pub fn udp(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 65_535];
    let octets = socket.recv(&mut buffer).expect("a reply was owed");
    buffer[..octets].to_vec()
}

pub fn ask(socket: &UdpSocket, query: &[u8]) -> Vec<u8> {
    socket.send(query).unwrap();
    receive(socket)
}

pub fn tcp(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Messages as they stand in a stream.
pub fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let parts = messages.iter().map(|message| {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        [&length[..], message].concat()
    });
    parts.collect::<Vec<_>>().concat()
}

pub fn write(stream: &mut TcpStream, messages: &[Vec<u8>]) {
    stream.write_all(&framed(messages)).unwrap();
}

pub fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a reply was owed");
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

/// Waits until the server has closed the connection, without having said more.
pub fn wait_for_end(stream: &mut TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(octets) => assert_eq!(octets, 0, "the server had nothing more to say"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

pub fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// How long a client of these tests waits for what is owed to it before the test has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

//! `burdock query @SERVER`: a stub that believes only the reply to its own question, and knows about TCP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;

use burdock::dns::{Class, Header, Message, MessageWriter, Rcode, Rdatas, RecordType, RrSet, Section, Ttl};

use super::program::burdock;

/// A reply to `query`, with one address when it is not truncated.
fn reply(query: &[u8], flags: u16) -> Vec<u8> {
    let query = Message::parse(query).unwrap();
    let (question, _) = query.question.unwrap();
    let mut writer = MessageWriter::new(query.header.id, Header::QR | Header::RD | flags, Rcode::NOERROR, 65_535);
    writer.question(&question, Class::IN);
    if flags & Header::TC == 0 {
        let rdatas = Rdatas::new([&[192, 0, 2, 7][..]]).unwrap();
        let set = RrSet::new(question.name, RecordType::A, Ttl::from_secs(60), rdatas);
        writer.rrset(Section::Answer, &set, set.ttl, false);
    }
    writer.finish().0
}

/// UDP and TCP on one port that is free on both.
fn sockets() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if let Ok(socket) = UdpSocket::bind(address) {
            return (socket, listener, address);
        }
    }
}

#[test]
fn a_truncated_reply_is_fetched_over_tcp() {
    let (socket, listener, address) = sockets();
    let server = thread::spawn(move || {
        let mut packet = [0; 512];
        let (length, client) = socket.recv_from(&mut packet).unwrap();
        // RFC 5452 §9: what does not fit the question is not the reply, whoever sends it.
        let mut forged = reply(&packet[..length], 0);
        forged[0] ^= 1;
        socket.send_to(&forged, client).unwrap();
        socket.send_to(&reply(&packet[..length], Header::TC), client).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).unwrap();
        let reply = reply(&query, 0);
        stream.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(&reply).unwrap();
    });
    let said = burdock(&["query", &format!("@{address}"), "large.example"]);
    server.join().unwrap();
    assert_eq!(said.status, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("large.example.\t60\tIN\tA\t192.0.2.7\n"), "{}", said.out);
    assert!(said.out.contains(&format!(";; SERVER: {address} (TCP)")), "{}", said.out);
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let (socket, listener, address) = sockets();
    drop((socket, listener));
    for tcp in [&[][..], &["+tcp"]] {
        let said = burdock(&[&["query", &format!("@{address}"), "x.example"], tcp].concat());
        assert_eq!((said.status, said.out.as_str()), (Some(1), ""));
        let what = said.err.to_lowercase();
        assert!(what.starts_with(&format!("burdock: cannot ask {address}: connection refused")), "{}", said.err);
        assert!(said.err.contains("\n  → see whether a server runs at that address"), "{}", said.err);
    }
}

#[test]
fn serve_says_who_has_the_port() {
    let (_socket, _listener, address) = sockets();
    let said = burdock(&["serve", "--listen", &address.to_string(), "--workers", "1"]);
    assert_eq!((said.status, said.out.as_str()), (Some(1), ""));
    assert!(
        said.err.contains("burdock: cannot start the server: ") && said.err.contains(&address.to_string()),
        "{}",
        said.err
    );
}

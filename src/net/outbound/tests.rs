//! Real sockets on loopback, against servers of a few lines.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::*;
use crate::world::Arrival;

fn outbound() -> Outbound {
    Outbound::new(Vec::new(), Dice::seeded(7), Arc::default())
}

fn route(server: SocketAddr, transport: Transport) -> Route {
    Route { server, transport }
}

/// A query or reply of these tests: an ID and some text.
fn message(id: u16, text: &str) -> Vec<u8> {
    [&id.to_be_bytes(), text.as_bytes()].concat()
}

fn any(_: &[u8]) -> Arrival {
    Arrival::Ours
}

async fn udp_server() -> (UdpSocket, SocketAddr) {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

async fn tcp_server() -> (TcpListener, SocketAddr) {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

async fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let octets = stream.read_u16().await.ok()?;
    let mut message = vec![0; usize::from(octets)];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) {
    stream.write_u16(message.len() as u16).await.unwrap();
    stream.write_all(message).await.unwrap();
}

/// Accepts connections for ever, counts them, and echoes `per_connection` messages on each before closing it.
fn echo_server(listener: TcpListener, per_connection: usize) -> Arc<AtomicUsize> {
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                for _ in 0..per_connection {
                    let Some(message) = read_message(&mut stream).await else { break };
                    write_message(&mut stream, &message).await;
                }
            });
        }
    });
    accepted
}

#[tokio::test]
async fn the_source_address_is_chosen_by_family() {
    let ours = [IpAddr::from([127, 0, 0, 66]), IpAddr::from([127, 0, 0, 67])];
    let outbound = Outbound::new(ours.to_vec(), Dice::seeded(1), Arc::default());
    let (server, address) = udp_server().await;
    let answering = async {
        let (_, client) = server.recv_from(&mut [0; 100]).await.unwrap();
        server.send_to(b"reply", client).await.unwrap();
        client.ip()
    };
    let (reply, from) = tokio::join!(outbound.exchange(route(address, Transport::Udp), b"query", &any), answering);
    reply.unwrap();
    assert!(ours.contains(&from));
    assert_eq!(outbound.source_for("[::1]:53".parse().unwrap()), IpAddr::from(std::net::Ipv6Addr::UNSPECIFIED));
}

#[tokio::test]
async fn a_tcp_connection_is_used_again() {
    // RFC 7766 §6.2.1.1.
    let (listener, address) = tcp_server().await;
    let accepted = echo_server(listener, usize::MAX);
    let outbound = outbound();
    for id in 0..20 {
        let query = message(id, "query");
        let reply = outbound.exchange(route(address, Transport::Tcp), &query, &any).await.unwrap();
        assert_eq!(&reply[..], query);
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn replies_may_come_in_any_order_and_in_pieces() {
    // RFC 7766 §7: matched by ID, not by order.
    let (listener, address) = tcp_server().await;
    let outbound = outbound();
    let queries = [message(1, "first"), message(2, "second"), message(3, "third")];
    let asking = futures_util::future::join_all(
        queries.iter().map(|query| outbound.exchange(route(address, Transport::Tcp), query, &any)),
    );
    let answering = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut replies = Vec::new();
        for _ in 0..3 {
            let message = read_message(&mut stream).await.unwrap();
            let length = (message.len() as u16).to_be_bytes();
            replies.splice(0..0, [&length[..], &message].concat());
        }
        for octet in replies {
            stream.write_all(&[octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
        stream
    };
    let (replies, _stream) = tokio::join!(asking, answering);
    for (query, reply) in queries.iter().zip(replies) {
        assert_eq!(&reply.unwrap()[..], query);
    }
}

#[tokio::test]
async fn two_questions_with_one_id_take_two_connections_and_a_third_is_told_so() {
    let (listener, address) = tcp_server().await;
    let outbound = outbound();
    let query = message(9, "query");
    let ask = || outbound.exchange(route(address, Transport::Tcp), &query, &any);
    let answering = async {
        let (mut first, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        for stream in [&mut first, &mut second] {
            let message = read_message(stream).await.unwrap();
            write_message(stream, &message).await;
        }
        (first, second)
    };
    let (one, two, three, _streams) = tokio::join!(ask(), ask(), ask(), answering);
    assert_eq!((&one.unwrap()[..], &two.unwrap()[..]), (&query[..], &query[..]));
    assert_eq!(three.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
}

#[tokio::test]
async fn a_kept_connection_found_dead_costs_one_retry() {
    let (listener, address) = tcp_server().await;
    let accepted = echo_server(listener, 1);
    let outbound = outbound();
    for id in 0..4 {
        let reply = outbound.exchange(route(address, Transport::Tcp), &message(id, "query"), &any).await;
        assert_eq!(&reply.unwrap()[..], message(id, "query"));
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_an_error() {
    let (listener, address) = tcp_server().await;
    let accepted = echo_server(listener, 0);
    let reply = outbound().exchange(route(address, Transport::Tcp), &message(1, "query"), &any).await;
    let kind = reply.unwrap_err().kind();
    assert!(matches!(kind, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset), "{kind}");
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "not tried twice");
}

#[tokio::test]
async fn a_refused_connection_is_an_error() {
    let (listener, address) = tcp_server().await;
    drop(listener);
    let reply = outbound().exchange(route(address, Transport::Tcp), &message(1, "query"), &any).await;
    assert_eq!(reply.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_connection_on_which_somebody_gave_up_is_not_used_again() {
    let (listener, address) = tcp_server().await;
    let outbound = outbound();
    {
        let query = message(1, "unanswered");
        let asking = outbound.exchange(route(address, Transport::Tcp), &query, &any);
        tokio::select! {
            biased;
            _ = asking => panic!("nobody answered"),
            accepted = listener.accept() => {
                let (mut silent, _) = accepted.unwrap();
                // Our end closes it once the asker is gone; see below.
                tokio::spawn(async move { while read_message(&mut silent).await.is_some() {} });
            }
        }
    }
    let accepted = echo_server(listener, 1);
    outbound.exchange(route(address, Transport::Tcp), &message(2, "answered"), &any).await.unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_abandoned_connection_is_closed() {
    let (listener, address) = tcp_server().await;
    let outbound = outbound();
    let query = message(1, "unanswered");
    let mut stream = tokio::select! {
        biased;
        _ = outbound.exchange(route(address, Transport::Tcp), &query, &any) => panic!("nobody answered"),
        accepted = listener.accept() => accepted.unwrap().0,
    };
    while read_message(&mut stream).await.is_some() {}
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_server_that_babbles_is_cut_off() {
    let (listener, address) = tcp_server().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let stray = [&[0, 4][..], &message(0xbad, "??")].concat();
        while stream.write_all(&stray).await.is_ok() {}
    });
    let reply = outbound().exchange(route(address, Transport::Tcp), &message(1, "query"), &any).await;
    assert_eq!(reply.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

/// Lengths with their octets swapped: whatever they make of the stream, no part of it is the reply.
#[tokio::test]
async fn int_21_a_length_in_the_wrong_order_is_no_reply() {
    for octets in [5, 512, 1027] {
        let (listener, address) = tcp_server().await;
        let (query, reply) = (message(1, "query"), message(1, &"x".repeat(octets - 2)));
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_message(&mut stream).await.unwrap();
            stream.write_u16_le(octets as u16).await.unwrap();
            stream.write_all(&reply).await.unwrap();
        };
        let is_ours = |packet: &[u8]| if packet == reply { Arrival::Ours } else { Arrival::NotOurs };
        let outbound = outbound();
        let (heard, ()) = tokio::join!(outbound.exchange(route(address, Transport::Tcp), &query, &is_ours), answering);
        let kind = heard.unwrap_err().kind();
        assert!(matches!(kind, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset), "{octets}: {kind}");
    }
}

/// A server that never stops replying, as to AXFR: the first message is the reply, and the connection is closed.
#[tokio::test]
async fn int_26_of_an_endless_stream_the_first_message_counts() {
    let (listener, address) = tcp_server().await;
    let (outbound, query) = (outbound(), message(1, "query"));
    let flooding = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let query = read_message(&mut stream).await.unwrap();
        let mut sent = 0u32;
        loop {
            let reply = [&query[..], &sent.to_be_bytes(), &[0; 3200]].concat();
            let framed = [&(reply.len() as u16).to_be_bytes()[..], &reply].concat();
            if stream.write_all(&framed).await.is_err() {
                return sent;
            }
            sent += 1;
        }
    };
    let asking = outbound.exchange(route(address, Transport::Tcp), &query, &any);
    let (reply, sent) = tokio::join!(asking, flooding);
    assert_eq!(reply.unwrap()[query.len()..][..4], [0; 4]);
    assert!(sent >= 1);
}

/// Nobody says no, and nobody opens: a listener whose queue is full leaves out what comes.
#[tokio::test(start_paused = true)]
async fn int_07_a_connection_that_does_not_open_is_given_up_after_two_seconds() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();
    let clock = crate::world::Clock::system();
    let (outbound, query, began) = (outbound(), message(1, "query"), clock.now());
    let reply = outbound.exchange(route(address, Transport::Tcp), &query, &any);
    // An hour stands for ever: without a bound of its own the connection waits for the system's, minutes away.
    let reply = tokio::time::timeout(Duration::from_secs(3600), reply).await.expect("a bound");
    assert_eq!(reply.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(clock.now().duration_since(began).as_secs(), 2);
}

#[test]
fn each_runtime_has_connections_of_its_own_and_leaves_none_behind() {
    let outbound = outbound();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime();
    let (listener, address) = server.block_on(tcp_server());
    let accepted = server.block_on(async { echo_server(listener, usize::MAX) });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || server.block_on(stopped));
    for _ in 0..2 {
        let client = runtime();
        for id in 0..3 {
            client.block_on(outbound.exchange(route(address, Transport::Tcp), &message(id, "query"), &any)).unwrap();
        }
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
    assert_eq!(outbound.streams.connections(), 0, "their tasks ended with their runtimes");
    stop.send(()).unwrap();
    serving.join().unwrap().unwrap();
}

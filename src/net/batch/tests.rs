//! Batches over real sockets on loopback.

use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Duration;

use super::*;
use crate::net::socket;

/// A listening socket as a worker has it, and the address to send to.
fn listener(address: &str) -> (UdpSocket, SocketAddr) {
    let bound = socket::bind(address.parse().unwrap(), std::num::NonZeroUsize::MIN).unwrap();
    let udp = bound.udp.into_iter().next().unwrap();
    (udp, bound.address)
}

fn client(address: &str) -> UdpSocket {
    let client = UdpSocket::bind(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

/// Receives until `expected` packets are there, blocking in between.
fn receive(udp: &UdpSocket, inbox: &mut Inbox, expected: usize) -> Vec<(Vec<u8>, Path)> {
    udp.set_nonblocking(false).unwrap();
    udp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut all = Vec::new();
    while all.len() < expected {
        udp.peek_from(&mut [0; 1]).expect("a packet was sent");
        inbox.receive(udp.as_fd()).unwrap();
        all.extend(inbox.packets().map(|(packet, path)| (packet.to_vec(), path)));
    }
    all
}

fn echo(listen: &str, from: &str, to: &str) {
    let (udp, bound) = listener(listen);
    let client = client(from);
    let to = SocketAddr::new(to.parse().unwrap(), bound.port());
    for number in 0..3_u8 {
        client.send_to(&[number; 40], to).unwrap();
    }
    let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
    for (packet, path) in receive(&udp, &mut inbox, 3) {
        assert_eq!(path.client, client.local_addr().unwrap());
        outbox.slot()[..packet.len()].copy_from_slice(&packet);
        outbox.commit(packet.len(), &path);
    }
    assert_eq!(outbox.send(udp.as_fd()).unwrap(), 0);
    assert!(outbox.is_empty());
    for number in 0..3_u8 {
        let mut reply = [0; 100];
        let (length, source) = client.recv_from(&mut reply).unwrap();
        assert_eq!((&reply[..length], source), (&[number; 40][..], to), "reply from where it was sent to");
    }
}

#[test]
fn replies_leave_from_the_address_that_was_asked() {
    echo("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1");
    echo("0.0.0.0:0", "127.0.0.1:0", "127.0.0.1");
    // Without the packet's own address the kernel would answer this from 127.0.0.1.
    echo("0.0.0.0:0", "127.0.0.1:0", "127.9.8.7");
    echo("[::1]:0", "[::1]:0", "::1");
    echo("[::]:0", "[::1]:0", "::1");
}

#[test]
fn a_late_reply_leaves_from_the_address_that_was_asked() {
    let (udp, bound) = listener("0.0.0.0:0");
    let client = client("127.0.0.1:0");
    let to: SocketAddr = ([127, 1, 2, 3], bound.port()).into();
    client.send_to(b"query", to).unwrap();
    let packets = receive(&udp, &mut Inbox::new(), 1);
    assert_eq!(packets[0].1.local.map(|local| local.address), Some(to.ip()));
    send_one(udp.as_fd(), b"reply", &packets[0].1).unwrap();
    let mut reply = [0; 100];
    assert_eq!(client.recv_from(&mut reply).unwrap(), (5, to));
}

#[test]
fn more_than_a_batch_comes_in_several() {
    let (udp, bound) = listener("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    for number in 0..70_u8 {
        client.send_to(&[number], bound).unwrap();
    }
    let mut inbox = Inbox::new();
    let counts: Vec<usize> = (0..3).map(|_| inbox.receive(udp.as_fd()).unwrap()).collect();
    assert_eq!(counts, [32, 32, 6]);
    assert_eq!(inbox.receive(udp.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(inbox.packets().count(), 0, "nothing of an earlier batch is seen again");
}

#[test]
fn empty_and_overlong_packets_are_just_packets() {
    let (udp, bound) = listener("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    client.send_to(&[], bound).unwrap();
    client.send_to(&[7; 9000], bound).unwrap();
    let packets = receive(&udp, &mut Inbox::new(), 2);
    assert_eq!(packets.iter().map(|(packet, _)| packet.len()).collect::<Vec<_>>(), [0, QUERY_OCTETS]);
}

#[test]
fn a_packet_the_kernel_refuses_does_not_hold_up_the_others() {
    let (udp, _) = listener("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    let good = Path { client: client.local_addr().unwrap(), local: None };
    // Port 0 is no destination; nor is an IPv6 address for an IPv4 socket.
    let no_port = Path { client: "127.0.0.1:0".parse().unwrap(), local: None };
    let other_family = Path { client: "[::1]:9".parse().unwrap(), local: None };
    let mut outbox = Outbox::new();
    for (number, path) in [&no_port, &good, &other_family, &good].into_iter().enumerate() {
        outbox.slot()[0] = number as u8;
        outbox.commit(1, path);
    }
    assert_eq!(outbox.send(udp.as_fd()).unwrap(), 2);
    let mut reply = [0; 10];
    let arrived: Vec<u8> = (0..2).map(|_| client.recv(&mut reply).map(|_| reply[0]).unwrap()).collect();
    assert_eq!(arrived, [1, 3]);
}

/// Packets for two clients, of lengths that mix, into `outbox`; and what each client should receive, in order.
fn mixed(outbox: &mut Outbox, clients: &[UdpSocket; 2]) -> [Vec<Vec<u8>>; 2] {
    let mut expected = [Vec::new(), Vec::new()];
    for number in 0..BATCH {
        let (to, length) = (number % 2, [1200, 40, 1200, 40, 39][number % 5]);
        let packet = vec![number as u8; length];
        outbox.slot()[..length].copy_from_slice(&packet);
        outbox.commit(length, &Path { client: clients[to].local_addr().unwrap(), local: None });
        expected[to].push(packet);
    }
    expected
}

/// All that `client` receives of `expected`; replies of one length in the order they were given.
fn assert_received(client: &UdpSocket, mut expected: Vec<Vec<u8>>) {
    let mut received: Vec<Vec<u8>> = (0..expected.len())
        .map(|_| {
            let mut packet = vec![0; 2000];
            let length = client.recv(&mut packet).unwrap();
            packet[..length].to_vec()
        })
        .collect();
    for packets in [&mut received, &mut expected] {
        // Stable: what has one length keeps its order.
        packets.sort_by_key(Vec::len);
    }
    assert_eq!(received, expected);
}

#[test]
fn replies_that_leave_together_arrive_each_by_itself() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let ((udp, _), clients) = (listener(address), [client(address), client(address)]);
        let mut outbox = Outbox::new();
        for _ in 0..3 {
            let expected = mixed(&mut outbox, &clients);
            assert_eq!(outbox.send(udp.as_fd()).unwrap(), 0);
            assert_eq!((outbox.packets.len(), outbox.apart), (0, 0), "the kernel took them together");
            for (client, expected) in clients.iter().zip(expected) {
                assert_received(client, expected);
            }
        }
    }
}

#[test]
fn replies_that_leave_together_leave_from_the_address_that_was_asked() {
    for (listen, from, to) in [("0.0.0.0:0", "127.0.0.1:0", "127.9.8.7"), ("[::]:0", "[::1]:0", "::1")] {
        let ((udp, bound), client) = (listener(listen), client(from));
        let to = SocketAddr::new(to.parse().unwrap(), bound.port());
        let path = Path { client: client.local_addr().unwrap(), local: Some(Local { address: to.ip(), interface: 0 }) };
        let mut outbox = Outbox::new();
        for _ in 0..5 {
            outbox.commit(100, &path);
        }
        assert_eq!((outbox.send(udp.as_fd()).unwrap(), outbox.apart), (0, 0));
        for _ in 0..5 {
            assert_eq!(client.recv_from(&mut [0; 200]).unwrap(), (100, to));
        }
    }
}

#[test]
fn replies_that_may_not_leave_together_leave_one_by_one() {
    let ((udp, _), clients) = (listener("127.0.0.1:0"), [client("127.0.0.1:0"), client("127.0.0.1:0")]);
    // Without checksums the kernel takes no segments: as on a path that cannot cut them.
    socket::without_checksums(&udp).unwrap();
    let mut outbox = Outbox::new();
    for left in [999, 998] {
        let expected = mixed(&mut outbox, &clients);
        assert_eq!((outbox.send(udp.as_fd()).unwrap(), outbox.apart), (0, left));
        for (client, expected) in clients.iter().zip(expected) {
            assert_received(client, expected);
        }
    }
}

#[test]
fn a_client_without_a_route_costs_itself_alone_its_replies() {
    let ((udp, _), client) = (listener("127.0.0.1:0"), client("127.0.0.1:0"));
    let good = Path { client: client.local_addr().unwrap(), local: None };
    let no_route = Path { client: "255.255.255.255:9".parse().unwrap(), local: None };
    let mut outbox = Outbox::new();
    for path in [no_route, good, no_route, good] {
        outbox.commit(20, &path);
    }
    assert_eq!((outbox.send(udp.as_fd()).unwrap(), outbox.apart), (2, 0), "the next batch leaves together again");
    for _ in 0..2 {
        assert_eq!(client.recv(&mut [0; 100]).unwrap(), 20);
    }
}

#[test]
fn a_full_outbox_has_no_slot() {
    let mut outbox = Outbox::new();
    let path = Path { client: "127.0.0.1:9".parse().unwrap(), local: None };
    for _ in 0..BATCH {
        assert_eq!(outbox.slot().len(), Responder::MAX_UDP_REPLY);
        outbox.commit(1, &path);
    }
    assert!(outbox.slot().is_empty());
    outbox.commit(1, &path);
    assert_eq!(outbox.packets.len(), BATCH);
}

#[test]
fn addresses_survive_the_kernels_form() {
    for address in ["192.0.2.7:53", "[2001:db8::7]:5353", "[fe80::1%3]:53"] {
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(Name::of(address).address(), Some(address));
    }
    assert_eq!(Name::EMPTY.address(), None);
}

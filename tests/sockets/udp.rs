//! Clients over UDP.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use burdock::dns::{Header, Message};
use burdock::job::Limits;
use burdock::server;

use super::authority::Root;
use super::support::{ask, good, parts, query, read, server, tcp, udp, write};

#[test]
fn a_reply_comes_from_the_address_that_was_asked() {
    let root = Root::start();
    let server = server(&root, &["0.0.0.0:0"], Limits::default());
    let port = server.addresses()[0].port();
    // A late reply, then one from the cache; a connected client hears its server only.
    for address in ["127.0.0.1", "127.3.2.1", "127.9.9.9"] {
        let client = udp(SocketAddr::new(address.parse().unwrap(), port));
        let name = format!("host{} A", &address[8..]);
        for id in [1, 2] {
            assert_eq!(good(&ask(&client, &query(id, &name))), (id, 1), "{address}");
        }
    }
}

#[test]
fn every_listen_address_answers_in_both_families_and_over_both_transports() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0", "[::1]:0", "[::]:0"], Limits::default());
    let mut addresses = server.addresses().to_vec();
    addresses[2] = ([0, 0, 0, 0, 0, 0, 0, 1], addresses[2].port()).into();
    for address in addresses {
        assert_eq!(good(&ask(&udp(address), &query(7, "www. A"))), (7, 1));
        let mut stream = tcp(address);
        write(&mut stream, &[query(8, "www. A")]);
        assert_eq!(good(&read(&mut stream)), (8, 1));
    }
}

#[test]
fn what_does_not_fit_into_1232_octets_is_truncated_and_whole_over_tcp() {
    // RFC 9715 §3, RFC 2181 §9: TC, no half RRset.
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let address = server.addresses()[0];
    let reply = ask(&udp(address), &query(1, "big. TXT"));
    let header = Message::parse(&reply).unwrap().header;
    assert!(header.has(Header::TC));
    assert!(reply.len() <= 1232, "{} octets", reply.len());
    let mut stream = tcp(address);
    write(&mut stream, &[query(2, "big. TXT")]);
    let whole = read(&mut stream);
    assert_eq!(good(&whole), (2, 12));
    assert!(whole.len() > 11_000);
}

#[test]
fn responses_and_stumps_are_never_answered() {
    // CVE-2024-2169 (Loop DoS), RUSTSEC-2023-0041.
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let client = udp(server.addresses()[0]);
    let mut response = query(1, "www. A");
    response[2] |= 0x80;
    for packet in [&response[..], &[], &response[..11], &[0xff; 11]] {
        client.send(packet).unwrap();
    }
    assert_eq!(good(&ask(&client, &query(2, "www. A"))).0, 2, "the first thing that is heard");
}

#[test]
fn every_worker_answers() {
    let root = Root::start();
    let mut parts = parts(&root, &["127.0.0.1:0"], Limits::default());
    parts.net.workers = NonZeroUsize::new(3).unwrap();
    let server = server::start(parts).unwrap();
    // The kernel deals by the client's port: 64 clients meet every worker.
    for number in 0..64 {
        let name = format!("host{number}. A");
        assert_eq!(good(&ask(&udp(server.addresses()[0]), &query(number, &name))), (number, 1));
    }
    server.stop();
}

#[test]
fn a_burst_larger_than_a_batch_is_answered_whole() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let client = udp(server.addresses()[0]);
    good(&ask(&client, &query(0, "www. A")));
    for id in 1..=200 {
        client.send(&query(id, "www. A")).unwrap();
    }
    let mut ids: Vec<u16> = (0..200).map(|_| good(&super::support::receive(&client)).0).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
}

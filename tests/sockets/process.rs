//! Beginning and end of a server.

use std::net::{TcpStream, UdpSocket};
use std::thread;

use burdock::job::Limits;
use burdock::net::BindError;
use burdock::server::{self, StartError};

use super::authority::Root;
use super::support::{PATIENCE, ask, good, parts, query, read, receive, server, tcp, udp, wait_for_end, write};

#[test]
fn a_server_that_ends_answers_what_it_was_asked() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { drain: PATIENCE, ..Limits::default() });
    let address = server.addresses()[0];
    let (client, mut stream, mut idle) = (udp(address), tcp(address), tcp(address));
    client.send(&query(1, "held. A")).unwrap();
    write(&mut stream, &[query(2, "held1. A")]);
    root.wait_for_held(2);

    let ending = thread::spawn(move || server.stop());
    wait_for_end(&mut idle);
    // The worker has let go of its listeners when it tells idle clients; the kernel refuses newcomers now.
    assert!(TcpStream::connect(address).is_err());
    root.release();
    assert_eq!(good(&receive(&client)).0, 1);
    assert_eq!(good(&read(&mut stream)).0, 2);
    wait_for_end(&mut stream);
    ending.join().unwrap();
    UdpSocket::bind(address).expect("the port is free again");
}

#[test]
fn a_server_that_ends_sends_more_late_replies_than_a_batch_holds() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { drain: PATIENCE, ..Limits::default() });
    let address = server.addresses()[0];
    let (clients, mut idle) = ([udp(address), udp(address)], tcp(address));
    for client in &clients {
        for id in 1..=50 {
            client.send(&query(id, "held. A")).unwrap();
        }
        // An answer at once says that the server has seen the questions before it.
        assert_eq!(good(&ask(client, &query(100, "localhost. A"))).0, 100);
    }
    root.wait_for_held(1);
    let ending = thread::spawn(move || server.stop());
    wait_for_end(&mut idle);
    root.release();
    for client in &clients {
        let mut ids: Vec<u16> = (0..50).map(|_| good(&receive(client)).0).collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=50).collect::<Vec<_>>());
    }
    ending.join().unwrap();
}

#[test]
fn a_server_that_ends_does_not_wait_for_ever() {
    let root = Root::start();
    let limits = Limits { drain: std::time::Duration::from_millis(50), ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    let client = udp(server.addresses()[0]);
    client.send(&query(1, "held. A")).unwrap();
    root.wait_for_held(1);
    server.stop();
}

#[test]
fn a_taken_port_is_an_error_that_names_who_has_it() {
    let root = Root::start();
    let first = server(&root, &["127.0.0.1:0"], Limits::default());
    let address = first.addresses()[0];
    let error = server::start(parts(&root, &[&address.to_string()], Limits::default())).map(drop).unwrap_err();
    assert!(matches!(error, StartError::Bind(BindError::Taken { .. })));
    let expected = format!("cannot listen on {address}: the UDP port is in use by ");
    let message = error.to_string();
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains(&format!("(process {})", std::process::id())), "{message}");
}

#[test]
fn a_server_without_an_address_is_refused() {
    let error = server::start(parts(&Root::start(), &[], Limits::default())).map(drop).unwrap_err();
    assert!(matches!(error, StartError::NoAddress));
}

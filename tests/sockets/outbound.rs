//! Connections to other servers (RFC 7766 §6.2): how many, how full, for how many servers, for how long.

use std::time::Duration;

use burdock::dns::{EdnsOption, Message, Rcode};
use burdock::job::{LimitName, Limits};

use super::authority::Root;
use super::support::{good, query, read, server, tcp, write};

#[test]
fn what_the_connections_to_a_server_have_no_room_for_is_told() {
    let root = Root::start();
    let limits = Limits { tcp_per_server: 1, tcp_queries_per_connection: 1, ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "bigheld1. TXT")]);
    root.wait_for_held_on_streams(1);
    write(&mut stream, &[query(2, "bigheld2. TXT")]);
    let refused = Message::parse(&read(&mut stream)).unwrap();
    assert_eq!((refused.header.id, refused.rcode()), (2, Rcode::SERVFAIL));
    let options = refused.edns.unwrap().options;
    let names =
        |option: &EdnsOption| matches!(option, EdnsOption::Ede(_, text) if text.contains("limits.tcp-per-server"));
    assert!(options.iter().any(names), "{options:?}");
    let times = [LimitName::TcpPerServer, LimitName::TcpQueriesPerConnection].map(|bound| server.limits().times(bound));
    assert_eq!(times, [1, 1]);
    root.release();
    assert_eq!(good(&read(&mut stream)).0, 1);
    // The server did nothing wrong: it is asked at once when there is room.
    write(&mut stream, &[query(3, "big. TXT")]);
    assert_eq!(good(&read(&mut stream)).0, 3);
    assert_eq!(server.limits().times(LimitName::TcpPerServer), 1);
}

#[test]
fn connections_are_kept_to_so_many_servers() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_servers: 0, ..Limits::default() });
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "big. TXT")]);
    assert_eq!(good(&read(&mut stream)).0, 1);
    root.wait_for_ended_streams(1);
    assert_eq!(server.limits().times(LimitName::TcpServers), 1);
    assert_eq!(server.limits().times(LimitName::TcpServerIdle), 0);
}

#[test]
fn an_idle_connection_to_a_server_is_closed() {
    let root = Root::start();
    let limits = Limits { tcp_server_idle: Duration::from_millis(200), ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "big. TXT")]);
    assert_eq!(good(&read(&mut stream)).0, 1);
    root.wait_for_ended_streams(1);
    assert_eq!(server.limits().times(LimitName::TcpServerIdle), 1);
}

//! Clients over TCP (RFC 7766), good ones and others (ATTACKS: slow loris, hoarding, never reading).

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use burdock::job::{LimitName, Limits};

use super::authority::Root;
use super::support::{count, good, query, read, server, tcp, wait_for_end, write};

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn answers_leave_when_they_are_ready_and_not_in_the_order_of_the_questions() {
    // RFC 7766 §6.2.1.1, §7.
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "held. A"), query(2, "www. A"), query(3, "host3. A")]);
    let mut first = [good(&read(&mut stream)).0, good(&read(&mut stream)).0];
    first.sort_unstable();
    assert_eq!(first, [2, 3]);
    root.release();
    assert_eq!(good(&read(&mut stream)), (1, 1));
}

#[test]
fn a_client_that_half_closes_still_gets_what_it_asked_for() {
    // RFC 7766 §6.2.4 and common clients: write, shut down, read.
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "held. A"), query(2, "www. A")]);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(good(&read(&mut stream)).0, 2);
    root.release();
    assert_eq!(good(&read(&mut stream)).0, 1);
    wait_for_end(&mut stream);
}

#[test]
fn a_message_in_single_octets_is_a_message() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let mut stream = tcp(server.addresses()[0]);
    stream.set_nodelay(true).unwrap();
    for octet in super::support::framed(&[query(1, "www. A")]) {
        stream.write_all(&[octet]).unwrap();
    }
    assert_eq!(good(&read(&mut stream)).0, 1);
}

#[test]
fn more_questions_than_the_pipeline_holds_are_all_answered() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_pipeline: 4, ..Limits::default() });
    let mut stream = tcp(server.addresses()[0]);
    let queries: Vec<_> = (0..60).map(|id| query(id, &format!("host{id}. A"))).collect();
    write(&mut stream, &queries);
    let mut ids: Vec<u16> = queries.iter().map(|_| good(&read(&mut stream)).0).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..60).collect::<Vec<_>>());
}

#[test]
fn slow_loris_is_cut() {
    let root = Root::start();
    let server =
        server(&root, &["127.0.0.1:0"], Limits { tcp_first_message: Duration::from_millis(700), ..Limits::default() });
    let mut silent = tcp(server.addresses()[0]);
    let mut half_a_length = tcp(server.addresses()[0]);
    half_a_length.write_all(&[0]).unwrap();
    let mut announces_much = tcp(server.addresses()[0]);
    announces_much.write_all(&[0xff, 0xff, 1, 2, 3]).unwrap();
    for stream in [&mut silent, &mut half_a_length, &mut announces_much] {
        wait_for_end(stream);
    }
    assert_eq!(count(&server.counters().tcp_cut), 3);
    assert_eq!(server.limits().times(LimitName::TcpFirstMessage), 3);
}

#[test]
fn an_idle_connection_is_closed_in_peace() {
    // RFC 7766 §6.2.3.
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_idle: SHORT, ..Limits::default() });
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "www. A")]);
    good(&read(&mut stream));
    wait_for_end(&mut stream);
    assert_eq!(count(&server.counters().tcp_cut), 0);
    assert_eq!(server.limits().times(LimitName::TcpIdle), 1);
}

#[test]
fn an_idle_connection_is_closed_soon_in_a_crowd() {
    // RFC 7766 §6.2.3: the fewer seats are left, the sooner.
    let root = Root::start();
    let limits = Limits { tcp_clients: 1, tcp_idle_crowded: SHORT, ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    let mut stream = tcp(server.addresses()[0]);
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write(&mut stream, &[query(1, "www. A")]);
    good(&read(&mut stream));
    wait_for_end(&mut stream);
    assert_eq!(count(&server.counters().tcp_cut), 0);
    assert_eq!([LimitName::TcpIdle, LimitName::TcpIdleCrowded].map(|bound| server.limits().times(bound)), [0, 1]);
}

#[test]
fn a_connection_with_a_question_in_progress_is_not_idle() {
    let root = Root::start();
    let limits = Limits { tcp_idle: Duration::from_millis(20), ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    let mut stream = tcp(server.addresses()[0]);
    write(&mut stream, &[query(1, "held. A")]);
    // The first retransmission comes 400 ms after the question: twenty times the patience with idle clients.
    root.wait_for_held(2);
    root.release();
    assert_eq!(good(&read(&mut stream)).0, 1);
}

#[test]
fn a_client_that_never_reads_is_cut() {
    // CVE-2024-0760, CVE-2018-5743.
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_write: SHORT, ..Limits::default() });
    let mut stream = tcp(server.addresses()[0]);
    let queries = super::support::framed(&vec![query(1, "big. TXT"); 64]);
    // The replies fill the buffers, then the questions do; a write that waits ends when the server resets.
    while stream.write_all(&queries).is_ok() {}
    assert_eq!(count(&server.counters().tcp_cut), 1);
    assert_eq!(server.limits().times(LimitName::TcpWrite), 1);
    assert!(server.limits().times(LimitName::TcpPipeline) > 0, "64 questions at once, twice what may be in progress");
}

#[test]
fn a_client_has_so_many_connections_and_no_more() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_per_client: 2, ..Limits::default() });
    let address = server.addresses()[0];
    let (mut first, mut second, mut third) = (tcp(address), tcp(address), tcp(address));
    wait_for_end(&mut third);
    assert_eq!(count(&server.counters().tcp_refused), 1);
    assert_eq!(server.limits().times(LimitName::TcpPerClient), 1);
    for stream in [&mut first, &mut second] {
        write(stream, &[query(1, "www. A")]);
        good(&read(stream));
    }
}

#[test]
fn a_full_house_makes_room_for_a_newcomer() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_clients: 2, ..Limits::default() });
    let address = server.addresses()[0];
    let (mut idle, mut busy) = (tcp(address), tcp(address));
    write(&mut busy, &[query(1, "held. A")]);
    root.wait_for_held(1);
    let mut newcomer = tcp(address);
    write(&mut newcomer, &[query(2, "www. A")]);
    assert_eq!(good(&read(&mut newcomer)).0, 2);
    wait_for_end(&mut idle);
    root.release();
    assert_eq!(good(&read(&mut busy)).0, 1);
    assert_eq!(count(&server.counters().tcp_evicted), 1);
    assert_eq!(server.limits().times(LimitName::TcpClients), 1);
}

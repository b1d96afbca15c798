//! Connections that do nothing, send nothing whole or never read, and what others have of the server meanwhile: TRN-01,
//! TRN-02; packets that no server should answer: TRN-04.
#![allow(clippy::disallowed_methods, reason = "latency on sockets is told by the system's clock")]

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use burdock::dns::{QueryFlags, Question, write_query};
use burdock::job::Limits;
use burdock::server::Server;
use socket2::{Domain, Socket, Type};

use super::authority::Root;
use super::support::{alone, ask, count, framed, good, query, read, server, tcp, udp, wait_for_end, write};

/// Twenty clients with seventy connections each: more than one client may have, and all of them more than there are seats.
const CLIENTS: u8 = 20;
const EACH: usize = 70;
/// A machine that is busy with other work is not the server's fault.
const ATTEMPTS: usize = 40;

pub fn from(client: u8, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 66, 0, client)), 0);
    socket.bind(&address.into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(super::support::PATIENCE)).unwrap();
    stream
}

/// How long new clients wait for an answer over TCP: the slowest of them, connecting included.
fn newcomers(server: SocketAddr) -> Duration {
    let once = |index: usize| {
        let begun = Instant::now();
        let mut stream = from(100 + u8::try_from(index).unwrap(), server);
        write(&mut stream, &[query(1, "www. A")]);
        good(&read(&mut stream));
        begun.elapsed()
    };
    (0..ATTEMPTS).map(once).max().unwrap()
}

/// The crowd of slow loris: nothing sent, half a length, a whole question and then nothing.
#[test]
fn trn_01_a_crowd_of_slow_clients() {
    let _turn = alone();
    burdock::net::raise_file_limit();
    let root = Root::start();
    // A first message may take long here, so that it is the crowd's size that is measured.
    let limits = Limits { tcp_first_message: Duration::from_secs(60), ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    let address = server.addresses()[0];
    ask(&udp(address), &query(1, "www. A"));
    let quiet = newcomers(address);
    let mut crowd = Vec::new();
    for client in 1..=CLIENTS {
        for index in 0..EACH {
            let mut stream = from(client, address);
            let sent: &[u8] = match index % 3 {
                0 => &[],
                1 => &[0],
                _ => &framed(&[query(2, "www. A")]),
            };
            // One that was turned away already may say so here.
            let _ = stream.write_all(sent);
            crowd.push(stream);
        }
    }
    let busy = newcomers(address);
    let counters = server.counters();
    let (refused, evicted) = (count(&counters.tcp_refused), count(&counters.tcp_evicted));
    // Six of each seventy are one client's too many; of the rest some go, for there are more of them than seats.
    assert_eq!(refused, u64::from(CLIENTS) * (EACH as u64 - 64));
    assert!(evicted > 0);
    let times = busy.as_secs_f64() / quiet.max(Duration::from_millis(2)).as_secs_f64();
    println!(
        "TRN-01 {} connections of {CLIENTS} clients: a new client waits {busy:?} at most (allowed 200 ms), {times:.1} x as \
         long as without (50); {refused} refused, {evicted} made room",
        crowd.len()
    );
    assert!(times <= 50.0, "{busy:?} {quiet:?}");
    drop(crowd);
}

/// An octet now and then does not buy time: neither before the first message nor after it.
#[test]
fn trn_01_dripping_does_not_buy_time() {
    let _turn = alone();
    let root = Root::start();
    let short = Duration::from_millis(600);
    let limits = Limits { tcp_first_message: short, tcp_idle: short, ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
    for first in [false, true] {
        let mut stream = tcp(server.addresses()[0]);
        if first {
            write(&mut stream, &[query(1, "www. A")]);
            good(&read(&mut stream));
        }
        let begun = Instant::now();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let drips = framed(&[query(2, "www. A")]).into_iter().take(20).cycle();
        for octet in [0xff, 0xff].into_iter().chain(drips) {
            let ended = match std::io::Read::read(&mut stream, &mut [0; 1]) {
                Ok(octets) => octets == 0,
                Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            };
            if ended || stream.write_all(&[octet]).is_err() {
                break;
            }
            assert!(begun.elapsed() < 10 * short, "it drips on and on");
        }
    }
    assert_eq!(count(&server.counters().tcp_cut), 1, "the second had asked something, and was idle");
}

/// More questions than may be in progress on one connection wait where they are, and what a client sends and does not want
/// to hear takes a bounded amount of memory (CVE-2024-0760, CVE-2019-6477).
#[test]
fn trn_02_a_pipeline_that_nobody_reads() {
    let _turn = alone();
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { tcp_write: Duration::from_millis(300), ..Limits::default() });
    let address = server.addresses()[0];
    let mut stream = tcp(address);
    let questions: Vec<Vec<u8>> = (0..500).map(|id| query(id, &format!("held{id}. A"))).collect();
    stream.set_nonblocking(true).unwrap();
    let sent = stream.write(&framed(&questions)).unwrap();
    assert!(sent > 20 * 33, "much more than the pipeline holds: {sent} octets");
    root.wait_for_held(32);
    // Somebody else's question was begun after all of these were read that are read.
    good(&ask(&udp(address), &query(9, "www. A")));
    let names = root.held_names();
    println!("TRN-02 500 questions on one connection: {} in process (allowed 32)", names.len());
    assert_eq!(names.len(), 32);
    // The client leaves: what was begun for it ends, and others are served.
    drop(stream);
    good(&ask(&udp(address), &query(10, "host1. A")));
    never_reads(&server, address);
}

fn never_reads(server: &Server, address: SocketAddr) {
    let before = resident();
    let cut = count(&server.counters().tcp_cut);
    let mut stream = tcp(address);
    let questions = framed(&vec![query(1, "big. TXT"); 64]);
    let mut asked = 0;
    // What the kernel's buffers take is not the server's; a write that waits ends when the server resets.
    while stream.write_all(&questions).is_ok() {
        asked += 64;
    }
    assert_eq!(count(&server.counters().tcp_cut), cut + 1);
    let grown = resident().saturating_sub(before);
    println!(
        "TRN-02 {asked} questions for 11,000 octets each, none read: cut, {grown} KiB more (allowed 256, others' tests beside it)"
    );
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Responses of every kind, stumps, and ports that answer everything (CVE-2024-2169, RUSTSEC-2023-0041).
#[test]
fn trn_04_packets_that_are_not_for_answering() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits::default());
    let address = server.addresses()[0];
    let client = udp(address);
    let question = Question::new("www.".parse().unwrap(), "A".parse().unwrap());
    let plain = write_query(3, &question, QueryFlags { recursion_desired: true, ..QueryFlags::default() }).to_vec();
    let mut sent = 0;
    for rcode in 0..16 {
        for opcode in [0, 4, 5, 15] {
            let mut packet = plain.clone();
            packet[2] = 0x80 | (opcode << 3) | (packet[2] & 1);
            packet[3] = rcode;
            client.send(&packet).unwrap();
            // A bare header, as servers send that could not read the rest.
            packet.truncate(12);
            packet[4..12].fill(0);
            client.send(&packet).unwrap();
            sent += 2;
        }
        // What is heard first is the answer to a question that is one: nothing came for all of these.
        assert_eq!(good(&ask(&client, &query(100 + u16::from(rcode), "www. A"))).0, 100 + u16::from(rcode));
    }
    for octets in 0..12 {
        client.send(&plain[..octets]).unwrap();
        sent += 1;
    }
    assert_eq!(good(&ask(&client, &query(200, "www. A"))).0, 200);
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(client.recv(&mut [0; 512]).is_err(), "one reply for one question");
    println!("TRN-04 {sent} responses and stumps: 0 replies (allowed 0), 17 questions: 17 replies (17)");
}

/// Two servers that are made to talk to each other: what one is told in the other's name is answered once, and the answer is
/// a response, which ends it.
#[test]
fn trn_04_two_servers_in_a_circle() {
    let root = Root::start();
    let (one, two) =
        (server(&root, &["127.0.0.1:0"], Limits::default()), server(&root, &["127.0.0.1:0"], Limits::default()));
    // A server's own socket cannot be had for forging: its place is taken by one that passes everything on.
    let between = UdpSocket::bind("127.0.0.1:0").unwrap();
    between.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let (first, second) = (one.addresses()[0], two.addresses()[0]);
    between.send_to(&query(1, "www. A"), first).unwrap();
    let (mut packets, mut buffer) = (1, [0; 1500]);
    while let Ok((octets, sender)) = between.recv_from(&mut buffer) {
        packets += 1;
        assert!(packets <= 2, "they talk");
        between.send_to(&buffer[..octets], if sender == first { second } else { first }).unwrap();
    }
    println!("TRN-04 two servers pointed at each other: {packets} packets (allowed 2)");
    assert_eq!(packets, 2);
    let mut stream = tcp(first);
    let mut response = query(1, "www. A");
    response[2] |= 0x80;
    write(&mut stream, &[response, query(2, "www. A")]);
    assert_eq!(good(&read(&mut stream)).0, 2, "over TCP, too");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    wait_for_end(&mut stream);
}

//! Real sockets on loopback, against servers of a few lines.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use tokio::net::UdpSocket;

use super::*;

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn datagrams() -> Datagrams {
    Datagrams::new(Dice::seeded(7))
}

fn any(_: &[u8]) -> Arrival {
    Arrival::Ours
}

/// A query or reply of these tests: a number and some text.
fn message(number: u16, text: &str) -> Vec<u8> {
    [&number.to_be_bytes(), text.as_bytes()].concat()
}

async fn udp_server() -> (UdpSocket, SocketAddr) {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

#[tokio::test]
async fn a_forged_datagram_does_not_end_the_wait() {
    let (server, address) = udp_server().await;
    let datagrams = datagrams();
    let judge = |datagram: &[u8]| if datagram == b"true" { Arrival::Ours } else { Arrival::NotOurs };
    let asking = datagrams.exchange((address, ANY), b"query", &judge);
    let answering = async {
        let mut buffer = [0; 100];
        let (length, client) = server.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"query");
        // From the server's address but not its reply; from another port of the same host; then the reply.
        server.send_to(b"false", client).await.unwrap();
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        stranger.send_to(b"true", client).await.unwrap();
        server.send_to(b"true", client).await.unwrap();
    };
    let (reply, ()) = tokio::join!(asking, answering);
    assert_eq!(&reply.unwrap()[..], b"true");
}

#[tokio::test]
async fn a_near_miss_ends_the_wait_as_invalid_data() {
    let (server, address) = udp_server().await;
    let datagrams = datagrams();
    let asking = datagrams.exchange((address, ANY), b"query", &|_: &[u8]| Arrival::NearMiss);
    let answering = async {
        let (_, client) = server.recv_from(&mut [0; 100]).await.unwrap();
        server.send_to(b"guess", client).await.unwrap();
    };
    let (reply, ()) = tokio::join!(asking, answering);
    assert_eq!(reply.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_dead_udp_server_is_noticed_at_once() {
    let (server, address) = udp_server().await;
    drop(server);
    let reply = datagrams().exchange((address, ANY), b"query", &any).await;
    assert_eq!(reply.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn each_query_over_udp_has_a_port_of_its_own() {
    // RFC 5452 §9.2; CVE-2008-1447.
    let (server, address) = udp_server().await;
    let datagrams = datagrams();
    let mut ports = HashSet::new();
    for _ in 0..50 {
        let answering = async {
            let (_, client) = server.recv_from(&mut [0; 100]).await.unwrap();
            server.send_to(b"reply", client).await.unwrap();
            client.port()
        };
        let (reply, port) = tokio::join!(datagrams.exchange((address, ANY), b"query", &any), answering);
        reply.unwrap();
        ports.insert(port);
    }
    assert!(ports.len() > 45, "{} ports for 50 queries", ports.len());
}

#[tokio::test]
async fn what_came_too_late_or_too_often_is_not_taken_for_the_next_reply() {
    // RFC 5452 §9.1. Each server replies twice, to this query and (as far as it can guess) to the next. Everything is a
    // reply to whoever asks here, so all that can tell them apart is what happens to the socket.
    let (servers, datagrams) = ([udp_server().await, udp_server().await], datagrams());
    for round in 0..60_u16 {
        let (server, address) = &servers[usize::from(round / 2 % 2)];
        let query = message(round, "query");
        let answering = async {
            let (_, client) = server.recv_from(&mut [0; 100]).await.unwrap();
            server.send_to(&message(round, "reply"), client).await.unwrap();
            server.send_to(&message(round + 1, "reply"), client).await.unwrap();
        };
        let (reply, ()) = tokio::join!(datagrams.exchange((*address, ANY), &query, &any), answering);
        assert_eq!(&reply.unwrap()[..], message(round, "reply"));
    }
}

#[tokio::test]
async fn a_socket_with_something_left_in_it_is_not_kept() {
    let (server, address) = udp_server().await;
    let datagrams = Datagrams::new(Dice::seeded(1));
    let kind = kind().1;
    let asking = open_for_many(&datagrams, kind, address);
    assert_eq!(datagrams.kept(kind), 0);
    server.send_to(b"late", asking.socket().local_addr().unwrap()).await.unwrap();
    drop(asking.watched().ready(socket::NEWS).await.unwrap());
    drop(asking);
    assert_eq!(datagrams.kept(kind), 0, "a datagram");
    let asking = open_for_many(&datagrams, kind, address);
    drop(server);
    asking.socket().send(b"query").unwrap();
    drop(asking.watched().ready(socket::NEWS).await.unwrap());
    drop(asking);
    assert_eq!(datagrams.kept(kind), 0, "an ICMP error: the port is closed");
    drop(open_for_many(&datagrams, kind, address));
    assert_eq!(datagrams.kept(kind), 1, "nothing");
}

/// Draws until the port is one of the kernel's, and there is a socket that could be used again.
fn open_for_many(datagrams: &Datagrams, kind: Kind, server: SocketAddr) -> Asking<'_> {
    (0..1000).map(|_| datagrams.open(kind, server).unwrap()).find(Asking::is_for_many).unwrap()
}

#[tokio::test]
async fn an_error_ends_its_own_query_and_no_other() {
    let ((server, address), (dead, dead_address)) = (udp_server().await, udp_server().await);
    drop(dead);
    let datagrams = datagrams();
    for _ in 0..30 {
        let reply = datagrams.exchange((dead_address, ANY), b"query", &any).await;
        assert_eq!(reply.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let answering = async {
            let (_, client) = server.recv_from(&mut [0; 100]).await.unwrap();
            server.send_to(b"reply", client).await.unwrap();
        };
        let (reply, ()) = tokio::join!(datagrams.exchange((address, ANY), b"query", &any), answering);
        reply.unwrap();
    }
}

#[tokio::test]
async fn an_abandoned_query_takes_its_port_along() {
    let (server, address) = udp_server().await;
    let datagrams = datagrams();
    for round in 0..30_u16 {
        let query = message(round, "unanswered");
        let abandoned = tokio::select! {
            biased;
            _ = datagrams.exchange((address, ANY), &query, &any) => panic!("nobody answered"),
            received = async { let mut b = [0; 100]; server.recv_from(&mut b).await } => received.unwrap().1,
        };
        // Refused, and noticed at the next call only: that is what the loop is for.
        server.send_to(b"too late", abandoned).await.unwrap();
        let answering = async {
            let (_, client) = loop {
                if let Ok(received) = server.recv_from(&mut [0; 100]).await {
                    break received;
                }
            };
            server.send_to(b"reply", client).await.unwrap();
        };
        let (reply, ()) = tokio::join!(datagrams.exchange((address, ANY), b"query", &any), answering);
        assert_eq!(&reply.unwrap()[..], b"reply");
    }
}

#[tokio::test]
async fn a_calmer_time_keeps_fewer_sockets() {
    let datagrams = Datagrams::new(Dice::seeded(1));
    let (server, kind) = kind();
    drop((0..300).map(|_| open_for_many(&datagrams, kind, server)).collect::<Vec<_>>());
    let most = datagrams.kept(kind);
    assert!((200..=256).contains(&most), "{most}: a bounded number is kept");
    for _ in 0..2 * 5000 {
        drop(open_for_many(&datagrams, kind, server));
    }
    assert!((1..4).contains(&datagrams.kept(kind)), "{}", datagrams.kept(kind));
}

#[tokio::test]
async fn source_ports_are_drawn_evenly_and_each_for_itself() {
    // RFC 5452 §9.2; POI-01. Of 32,768 ports 20,000 draws find 14,970 (deviation 54); of 14,000 fewer than 9,400.
    const DRAWS: usize = 20_000;
    const BINS: usize = 64;
    let datagrams = Datagrams::new(Dice::seeded(5452));
    let (server, kind) = kind();
    let port = || datagrams.open(kind, server).unwrap().socket().local_addr().unwrap().port();
    let ports: Vec<u16> = (0..DRAWS).map(|_| port()).collect();
    let distinct = ports.iter().collect::<HashSet<_>>().len();
    assert!(distinct > 14_700, "{distinct}");
    // Into 64 equal bins: chi-square with 63 degrees of freedom passes 120 once in 60,000.
    let first = usize::from(*ports.iter().min().unwrap());
    assert!(first <= 32_800, "{first}");
    let mut bins = [0_f64; BINS];
    for port in &ports {
        bins[(usize::from(*port) - first) * BINS / (65_536 - first)] += 1.0;
    }
    let expected = (DRAWS / BINS) as f64;
    let chi_square: f64 = bins.iter().map(|bin| (bin - expected).powi(2) / expected).sum();
    assert!(chi_square < 120.0, "{chi_square}: {bins:?}");
    // Neither does one port tell of the next: |r| has a deviation of 0.007, and a port comes twice running once in 32,768.
    let correlation = correlation(&ports);
    assert!(correlation.abs() < 0.035, "{correlation}");
    assert!(ports.windows(2).filter(|pair| pair[0] == pair[1]).count() < 8);
}

#[test]
fn ports_do_not_tell_which_thread_drew_them() {
    // POI-01, POI-04 (CVE-2026-50252): eight workers, each with sockets of its own, draw from the same ports.
    const DRAWS: usize = 6000;
    const BINS: usize = 32;
    let datagrams = std::sync::Arc::new(Datagrams::new(Dice::seeded(50_252)));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let datagrams = std::sync::Arc::clone(&datagrams);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let (server, kind) = kind();
                    let port = || datagrams.open(kind, server).unwrap().socket().local_addr().unwrap().port();
                    (0..DRAWS).map(|_| port()).collect::<Vec<u16>>()
                })
            })
        })
        .collect();
    let ports: Vec<Vec<u16>> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
    let first = usize::from(*ports.iter().flatten().min().unwrap());
    let mut bins = [[0_f64; BINS]; 8];
    for (worker, ports) in ports.iter().enumerate() {
        ports.iter().for_each(|port| bins[worker][(usize::from(*port) - first) * BINS / (65_536 - first)] += 1.0);
    }
    // Each worker against the mean of all: 7 x 31 degrees of freedom, more than 318 once in 100,000 runs.
    let mean = |bin: usize| bins.iter().map(|worker| worker[bin]).sum::<f64>() / 8.0;
    let chi_square: f64 =
        bins.iter().flat_map(|worker| (0..BINS).map(|bin| (worker[bin] - mean(bin)).powi(2) / mean(bin))).sum();
    assert!(chi_square < 318.0, "{chi_square}");
    println!("POI-04 ports of 8 threads: chi-square between them {chi_square:.0} (allowed 318)");
}

/// Pearson's r of each with the next.
fn correlation(ports: &[u16]) -> f64 {
    let mean = ports.iter().map(|port| f64::from(*port)).sum::<f64>() / ports.len() as f64;
    let deviation = |port: &u16| f64::from(*port) - mean;
    let together: f64 = ports.windows(2).map(|pair| deviation(&pair[0]) * deviation(&pair[1])).sum();
    together / ports.iter().map(|port| deviation(port).powi(2)).sum::<f64>()
}

#[tokio::test]
async fn who_is_not_the_server_is_not_heard() {
    // POI-02: a reply of which the source address, the source port or the destination port alone is wrong. Everything that
    // arrives is a reply to whoever asks here: the kernel has to keep them apart.
    let (server, address) = udp_server().await;
    let datagrams = datagrams();
    for _ in 0..20 {
        let answering = async {
            let (_, client) = server.recv_from(&mut [0; 100]).await.unwrap();
            let other_address = loop {
                if let Ok(socket) = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 9), address.port())).await {
                    break socket;
                }
            };
            let other_port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            for stranger in [&other_address, &other_port] {
                // The first packet may be accepted by the kernel of whom it is for; the answer to it is seen by the second.
                let _ = stranger.send_to(b"forged", client).await;
            }
            let elsewhere = SocketAddr::new(client.ip(), client.port() ^ 1);
            let _ = server.send_to(b"forged", elsewhere).await;
            server.send_to(b"true", client).await.or_else(|_| server.try_send_to(b"true", client)).unwrap();
        };
        let (reply, ()) = tokio::join!(datagrams.exchange((address, ANY), b"query", &any), answering);
        assert_eq!(&reply.unwrap()[..], b"true");
    }
    println!("POI-02 source address, source port, destination port: 0 of 60 forged accepted (allowed 0)");
}

#[tokio::test]
async fn an_open_port_looks_closed_to_strangers() {
    // POI-07 (SAD DNS, CVE-2020-25705): each socket is connected, so probes from elsewhere get the same ICMP error from the
    // port of a query in progress as from one where nobody waits.
    let (_server, address) = udp_server().await;
    let datagrams = datagrams();
    let kind = (Handle::current().id(), true, ANY);
    let (mut open, mut lives) = (0, HashSet::new());
    for _ in 0..64 {
        let asking = datagrams.open(kind, address).unwrap();
        assert_eq!(asking.socket().peer_addr().unwrap(), address);
        lives.insert(asking.is_for_many());
        let port = asking.socket().local_addr().unwrap();
        let closed = loop {
            let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
            if free.port() != port.port() {
                break free;
            }
        };
        let mut news = Vec::new();
        for target in [port, closed] {
            let stranger = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 66), 0)).await.unwrap();
            stranger.connect(target).await.unwrap();
            stranger.send(b"probe").await.unwrap();
            news.push(stranger.recv(&mut [0; 10]).await.unwrap_err().kind());
        }
        assert_eq!(news, [io::ErrorKind::ConnectionRefused; 2]);
        open += 1;
    }
    assert_eq!(lives.len(), 2, "of both lives");
    println!("POI-07 {open} open ports: 0 told from closed ones by strangers (allowed 0)");
}

/// A server that need not be there, and the kind of sockets that ask it.
fn kind() -> (SocketAddr, Kind) {
    let id = tokio::runtime::Handle::current().id();
    ("127.0.0.1:9".parse().unwrap(), (id, true, IpAddr::from([0, 0, 0, 0])))
}

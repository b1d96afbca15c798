//! POI-06 (Herzberg and Shulman; CVE-2025-59024): a reply in two fragments, of which a forger's second one is there first.
//!
//! ID, port and case are all in the first fragment; the UDP checksum is met by changing a word of the second.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread;

use burdock::dns::{Message, NameServer};
use burdock::job::Limits;
use burdock::playground::{Authority, Kind, Zone};
use burdock::resolver::Ipv6;
use burdock::server::{self, Server};
use burdock::world::{Dice, Transport};
use socket2::Domain;

use super::authority::Root;
use super::support;

pub const TESTS: &[(&str, fn())] = &[
    ("poi_06_a_forged_second_fragment_of_a_small_reply", small),
    ("poi_06_a_forged_second_fragment_of_a_large_reply", large),
    ("poi_06_a_forged_second_fragment_over_ipv6", six),
];

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 77, 0, 6));
/// What the first fragment holds of the UDP datagram: what fits in an MTU of 552, which a forged ICMP message sets.
const FIRST: usize = 528;
/// Datagrams sent so far, each under a number of its own.
static DATAGRAMS: AtomicU16 = AtomicU16::new(1);

fn small() {
    // 60 addresses: 993 octets, less than what is announced.
    play(ADDRESS, 60);
}

fn six() {
    play(IpAddr::V6(Ipv6Addr::LOCALHOST), 60);
}

fn large() {
    // 110 addresses: 1793 octets, which should never have come over UDP.
    play(ADDRESS, 110);
}

fn play(server: IpAddr, addresses: u8) {
    let streams = Arc::new(AtomicUsize::new(0));
    let server = burdock(authority(server, addresses, &streams));
    let mut client = support::tcp(server.addresses()[0]);
    support::write(&mut client, &[support::query(1, "host. A")]);
    let reply = Message::parse(&support::read(&mut client)).unwrap();
    assert_eq!(reply.rcode().to_string(), "NOERROR", "{reply:?}");
    let forged = reply.answer.iter().filter(|record| record.rdata[..] == [6, 6, 6, 6]).count();
    let asked = streams.load(Ordering::Relaxed);
    assert_eq!((forged, asked), (0, 1), "{reply:?}");
    println!("POI-06 {addresses} addresses in two fragments: {forged} forged believed (allowed 0), {asked} TCP query");
}

/// The root, with `host.` in it: over UDP in fragments, over TCP whole. Its threads end with the process.
fn authority(address: IpAddr, addresses: u8, streams: &Arc<AtomicUsize>) -> SocketAddr {
    let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
    let mut text = format!("@ 86400 SOA ns h 1 7200 900 1209600 300\n@ 86400 NS ns\nns 86400 {rtype} {address}\n");
    for n in 0..addresses {
        text += &format!("host 3600 A 192.0.2.{n}\n");
    }
    let zone = Arc::new(Zone::read(&".".parse().unwrap(), &text).unwrap());
    let authority = Arc::new(Authority::new(address, [zone]));
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind((address, 0)).unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let (place, streams) = (udp.local_addr().unwrap(), Arc::clone(streams));
    let of_streams = Arc::clone(&authority);
    thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let mut length = [0; 2];
            while stream.read_exact(&mut length).is_ok() {
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut query).unwrap();
                let reply = reply(&of_streams, &query);
                streams.fetch_add(1, Ordering::Relaxed);
                stream.write_all(&[&u16::try_from(reply.len()).unwrap().to_be_bytes()[..], &reply].concat()).unwrap();
            }
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((octets, client)) = udp.recv_from(&mut buffer) {
            let reply = reply(&authority, &buffer[..octets]);
            if reply.len() + 8 > FIRST {
                send_in_fragments(&reply, place, client);
            } else {
                udp.send_to(&reply, client).unwrap();
            }
        }
    });
    place
}

/// What the server says when nothing limits it.
fn reply(authority: &Authority, query: &[u8]) -> Vec<u8> {
    let responses = authority.respond(query, Transport::Tcp, 0, &Dice::seeded(0));
    let Some(Kind::Packet(packet)) = responses.into_iter().next().map(|response| response.kind) else {
        panic!("an honest server replies")
    };
    packet
}

/// The forger's second fragment, then the server's first and second.
fn send_in_fragments(reply: &[u8], server: SocketAddr, client: SocketAddr) {
    let length = u16::try_from(reply.len() + 8).unwrap();
    let mut datagram = [server.port(), client.port(), length, 0].map(u16::to_be_bytes).concat();
    datagram.extend_from_slice(reply);
    let ends = [octets(server.ip()), octets(client.ip())].concat();
    let pseudo = [&ends[..], &[0, 17], &length.to_be_bytes()].concat();
    let checksum = !fold(sum(&pseudo) + sum(&datagram));
    datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    let (first, second) = datagram.split_at(FIRST);
    let forged = forge(second);
    assert_eq!(fold(sum(&forged)), fold(sum(second)), "the checksum holds");
    // What one datagram leaves over must not be put together with the next.
    let number = DATAGRAMS.fetch_add(1, Ordering::Relaxed);
    let domain = if client.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = super::raw(domain).unwrap();
    for (offset, more, fragment) in [(FIRST, 0, &forged[..]), (0, 1, first), (FIRST, 0, second)] {
        let packet = match domain {
            Domain::IPV4 => ip(&ends, (number, offset, more), fragment),
            _ => ip6(&ends, (number, offset, more), fragment),
        };
        socket.send_to(&packet, &SocketAddr::new(client.ip(), 0).into()).unwrap();
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    }
}

/// The octets with every address of 192.0.2.0/24 replaced, and the sum of all as it was: the TTL of the last makes up.
fn forge(second: &[u8]) -> Vec<u8> {
    let mut forged = second.to_vec();
    let mut last = None;
    for at in 0..forged.len() - 4 {
        if forged[at..at + 3] == [192, 0, 2] {
            forged[at..at + 4].fill(6);
            last = Some(at);
        }
    }
    // The octets before the address: two of length, four of TTL.
    let place = last.expect("an address in the second fragment") - 4;
    assert_eq!(place % 2, 0, "sums are of words");
    forged[place..place + 2].fill(0);
    let missing = fold(sum(second) + u32::from(!fold(sum(&forged))));
    forged[place..place + 2].copy_from_slice(&missing.to_be_bytes());
    forged
}

fn sum(octets: &[u8]) -> u32 {
    octets.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// An IPv4 packet with a fragment of the datagram of this number; the kernel fills in its length and checksum.
fn ip(ends: &[u8], (number, offset, more): (u16, usize, u16), fragment: &[u8]) -> Vec<u8> {
    let place = u16::try_from(offset / 8).unwrap() | more << 13;
    let mut packet = vec![0x45, 0, 0, 0];
    packet.extend(number.to_be_bytes());
    packet.extend(place.to_be_bytes());
    packet.extend([64, 17, 0, 0]);
    packet.extend(ends);
    packet.extend(fragment);
    packet
}

/// The same for IPv6 (RFC 8200 §4.5).
fn ip6(ends: &[u8], (number, offset, more): (u16, usize, u16), fragment: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(8 + fragment.len()).unwrap().to_be_bytes());
    packet.extend([44, 64]);
    packet.extend(ends);
    packet.extend([17, 0]);
    packet.extend((u16::try_from(offset).unwrap() | more).to_be_bytes());
    packet.extend(u32::from(number).to_be_bytes());
    packet.extend(fragment);
    packet
}

fn burdock(authority: SocketAddr) -> Server {
    let mut parts = support::parts(&Root::start(), &["127.0.0.1:0"], Limits::default());
    parts.resolver.root_hints = vec![NameServer { host: "ns.".parse().unwrap(), glue: vec![authority.ip()] }];
    parts.resolver.upstream_port = authority.port();
    (parts.resolver.ipv4, parts.resolver.ipv6) = (authority.is_ipv4(), Ipv6::On);
    server::start(parts).unwrap()
}

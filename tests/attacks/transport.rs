//! Questions that are none for a resolver: other classes, types that are no data, other opcodes, flags: TRN-12.

use std::net::SocketAddr;

use burdock::dns::{Class, Header, Message, QueryFlags, Question, RecordType, write_query};
use burdock::responder::{Client, ClientTransport};

use super::at_most;
use crate::support::{Lab, Tree, name, run};

fn client(transport: ClientTransport) -> Client {
    Client { address: SocketAddr::from(([192, 0, 2, 78], 40_000)), transport }
}

fn query(owner: &str, rtype: u16) -> Vec<u8> {
    let flags = QueryFlags { recursion_desired: true, edns: Some(1232), ..QueryFlags::default() };
    write_query(7, &Question::new(name(owner), RecordType(rtype)), flags).to_vec()
}

/// The class stands behind the name and the type, eleven octets of OPT before the end.
fn of_class(mut packet: Vec<u8>, class: Class) -> Vec<u8> {
    let at = packet.len() - 11 - 2;
    packet[at..at + 2].copy_from_slice(&class.0.to_be_bytes());
    packet
}

fn of_opcode(mut packet: Vec<u8>, opcode: u8) -> Vec<u8> {
    packet[2] = (packet[2] & 0x87) | (opcode << 3);
    packet
}

/// What is sent, and what has to come back.
fn table() -> Vec<(String, Vec<u8>, &'static [&'static str])> {
    const REFUSED: &[&str] = &["REFUSED"];
    const NOTIMP: &[&str] = &["NOTIMP"];
    const FORMERR: &[&str] = &["FORMERR"];
    let mut rows: Vec<(String, Vec<u8>, &[&str])> = Vec::new();
    for (owner, rtype) in [("version.bind", 16), ("id.server", 16), ("hostname.bind", 16), ("authors.bind", 255)] {
        rows.push((format!("CH {owner}"), of_class(query(owner, rtype), Class(3)), REFUSED));
    }
    for class in [0, 2, 4, 254, 255, 65_535] {
        rows.push((format!("class {class}"), of_class(query("www.d1.t1", 1), Class(class)), REFUSED));
    }
    // OPT, TKEY, TSIG; 0 and 65535 are reserved (RFC 6895 §3.1).
    for (rtype, codes) in [
        (41, FORMERR),
        (249, FORMERR),
        (250, FORMERR),
        (0, FORMERR),
        (65_535, FORMERR),
        (251, REFUSED),
        (252, REFUSED),
        (253, NOTIMP),
        (254, NOTIMP),
    ] {
        rows.push((format!("type {rtype}"), query("www.d1.t1", rtype), codes));
    }
    // RFC 8482: one small record.
    rows.push(("ANY".into(), query("www.d1.t1", 255), &["NOERROR"]));
    for opcode in 1..16 {
        rows.push((format!("opcode {opcode}"), of_opcode(query("d1.t1", 6), opcode), NOTIMP));
    }
    let mut version = query("www.d1.t1", 1);
    let at = version.len() - 5;
    version[at] = 1;
    // BADVERS is 16: its low bits are zero.
    rows.push(("EDNS version 1".into(), version, &["NOERROR"]));
    rows
}

/// Nothing is asked of anybody for them, and nothing that is known is forgotten or changed.
#[test]
fn trn_12_questions_for_somebody_else() {
    run(async {
        let lab = Lab::new(&Tree::with_tld().zone("d1.t1", &["198.18.2.1"], "www A 192.0.2.1\n").internet(), 1);
        assert_eq!(lab.ask("www.d1.t1", RecordType::A).await.a(), ["192.0.2.1"]);
        let before = lab.net.packets();
        let rows = table();
        for (what, packet, codes) in &rows {
            for transport in [ClientTransport::Udp, ClientTransport::Tcp] {
                let reply = lab.exchange(packet, &client(transport)).await.unwrap_or_else(|| panic!("{what}: silence"));
                let header = Header::parse(&reply).unwrap();
                assert!(codes.contains(&header.rcode().to_string().as_str()), "{what}: {}", header.rcode());
                assert!(header.has(Header::QR) && header.id == 7 && header.counts[1] <= 1, "{what}: {header:?}");
                assert_eq!(header.opcode().0, (packet[2] >> 3) & 0x0f, "{what}: the opcode is repeated");
                assert!(reply.len() <= 3 * packet.len(), "{what}: {} octets for {}", reply.len(), packet.len());
                if what.starts_with("EDNS") {
                    assert_eq!(burdock::dns::Message::parse(&reply).unwrap().rcode().0, 16, "BADVERS");
                }
            }
        }
        // AD, CD, Z and RA of a query: the question is answered (RFC 1035 §4.1.1, RFC 6840 §5.7), Z and RA are not repeated.
        for (what, flag, mirrored) in [("AD", 0x20, false), ("CD", 0x10, true), ("Z", 0x40, false), ("RA", 0x80, true)]
        {
            let mut packet = query("www.d1.t1", 1);
            packet[3] = flag;
            let reply = lab.exchange(&packet, &client(ClientTransport::Udp)).await.unwrap();
            let header = Header::parse(&reply).unwrap();
            assert_eq!((header.rcode().to_string().as_str(), header.counts[1]), ("NOERROR", 1), "{what}");
            assert_eq!(reply[3] & flag != 0, mirrored, "{what}: {:02x}", reply[3]);
        }
        assert_eq!(lab.ask("www.d1.t1", RecordType::A).await.a(), ["192.0.2.1"]);
        at_most(
            "TRN-12",
            &format!("packets to servers for {} questions", 2 * rows.len()),
            lab.net.packets() - before,
            0,
        );
    });
}

/// Two thousand octets for clients that say they take more: nobody gets a datagram that may have to be cut to pieces.
#[test]
fn trn_05_no_datagram_is_longer_than_1232_octets() {
    let texts: String = (0..10).map(|number| format!("medium TXT \"{number}{}\"\n", "x".repeat(200))).collect();
    let tree = Tree::with_tld().zone("d1.t1", &["198.18.2.1"], &texts);
    run(async {
        let lab = Lab::new(&tree.internet(), 1);
        let question = Question::new(name("medium.d1.t1"), RecordType(16));
        let ask = |edns, transport| {
            let flags = QueryFlags { recursion_desired: true, edns: Some(edns), ..QueryFlags::default() };
            let packet = write_query(7, &question, flags);
            let lab = &lab;
            async move { lab.exchange(&packet, &client(transport)).await.unwrap() }
        };
        // Late and at once.
        for size in [4096, 4096, 1233, 65_535] {
            let reply = ask(size, ClientTransport::Udp).await;
            assert!(Message::parse(&reply).unwrap().header.has(Header::TC), "{size}");
            at_most("TRN-05", &format!("octets for a client that takes {size}"), reply.len(), 1232);
        }
        assert!(ask(512, ClientTransport::Tcp).await.len() > 2000);
    });
}

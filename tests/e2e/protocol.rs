//! How a client gets it: sizes, EDNS, odd questions, broken packets, streams.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use burdock::dns::{Header, Message, QueryFlags, Question, Rcode, RecordType, write_query};

use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("the_question_comes_back_in_the_clients_case", the_question_comes_back_in_the_clients_case),
    ("too_large_for_the_client_is_truncated_to_nothing", too_large_for_the_client_is_truncated_to_nothing),
    ("udp_replies_are_never_over_1232_octets", udp_replies_are_never_over_1232_octets),
    ("no_edns_in_the_query_none_in_the_reply", no_edns_in_the_query_none_in_the_reply),
    ("another_edns_version_is_badvers", another_edns_version_is_badvers),
    ("dig_gets_a_cookie_and_finds_it_good", dig_gets_a_cookie_and_finds_it_good),
    ("cookies_of_a_wrong_length_are_format_errors", cookies_of_a_wrong_length_are_format_errors),
    ("any_gets_a_short_answer", any_gets_a_short_answer),
    ("without_rd_the_cache_and_nothing_else", without_rd_the_cache_and_nothing_else),
    ("chaos_and_other_classes_are_refused", chaos_and_other_classes_are_refused),
    ("other_opcodes_are_not_implemented", other_opcodes_are_not_implemented),
    ("special_names_are_answered_here", special_names_are_answered_here),
    ("broken_packets_get_formerr_or_silence", broken_packets_get_formerr_or_silence),
    ("queries_share_a_stream_and_do_not_wait_for_each_other", queries_share_a_stream_and_do_not_wait_for_each_other),
    ("a_hundred_clients_at_once", a_hundred_clients_at_once),
];

fn the_question_comes_back_in_the_clients_case(stage: &Stage) {
    for name in ["WwW.lEaF.NeT.", "www.leaf.net.", "WWW.LEAF.NET.", "mIxEd.leaf.net."] {
        let reply = stage.burdock.dig().ask(&format!("{name} A"));
        assert_eq!(reply.question, [format!("{name} IN A")]);
        assert_eq!(reply.answer[0].owner, name, "the owner of the answer is that of the question");
    }
}

fn too_large_for_the_client_is_truncated_to_nothing(stage: &Stage) {
    let dig = stage.burdock.dig();
    dig.ask("mid.leaf.net TXT");
    for options in ["+ignore +bufsize=512", "+ignore +noedns"] {
        let cut = dig.ask(&format!("mid.leaf.net TXT {options}"));
        assert!(cut.has("tc") && cut.answer.is_empty(), "RRsets are never split: {}", cut.text);
    }
    let whole = dig.ask("mid.leaf.net TXT +ignore +bufsize=1232");
    assert!(!whole.has("tc") && whole.data("TXT").len() == super::zones::MID, "{}", whole.text);
}

fn udp_replies_are_never_over_1232_octets(stage: &Stage) {
    let dig = stage.burdock.dig();
    let cut = dig.ask("big.leaf.net TXT +ignore +bufsize=4096");
    assert!(cut.has("tc") && cut.answer.is_empty(), "{}", cut.text);
}

fn no_edns_in_the_query_none_in_the_reply(stage: &Stage) {
    // RFC 6891 §7.
    let dig = stage.burdock.dig();
    assert!(!dig.ask("www.leaf.net A +noedns").text.contains("OPT PSEUDOSECTION"));
    let with = dig.ask("www.leaf.net A +edns=0");
    assert!(with.text.contains("EDNS: version: 0"), "{}", with.text);
}

fn another_edns_version_is_badvers(stage: &Stage) {
    // RFC 6891 §6.1.3.
    let reply = stage.burdock.dig().ask("www.leaf.net A +edns=1 +noednsneg");
    assert!(reply.expect("BADVERS").answer.is_empty() && reply.text.contains("EDNS: version: 0"), "{}", reply.text);
}

fn dig_gets_a_cookie_and_finds_it_good(stage: &Stage) {
    // RFC 7873, RFC 9018.
    let cookie = |options: &str| {
        let reply = stage.burdock.dig().ask(&format!("www.leaf.net A {options}"));
        assert_eq!(reply.expect("NOERROR").data("A"), ["192.0.2.1"]);
        let line = reply.text.lines().find_map(|line| line.split_once("; COOKIE: ")).unwrap().1.to_owned();
        line.strip_suffix(" (good)").unwrap_or_else(|| panic!("dig does not like it: {line}")).to_owned()
    };
    let first = cookie("+cookie=0123456789abcdef");
    assert!(first.starts_with("0123456789abcdef01000000") && first.len() == 48, "{first}");
    assert_eq!(cookie(&format!("+cookie={first}")), first, "a good one comes back as it was");
    assert_eq!(cookie(&format!("+tcp +cookie={first}")), first);
    let forged = format!("{}{}", &first[..47], if first.ends_with('0') { '1' } else { '0' });
    assert_ne!(cookie(&format!("+cookie={forged}")), forged);
    assert!(!stage.burdock.dig().ask("www.leaf.net A").text.contains("COOKIE"), "none without one");
}

fn cookies_of_a_wrong_length_are_format_errors(stage: &Stage) {
    for wrong in ["01", "0123456789abcdef01"] {
        stage.burdock.dig().ask(&format!("www.leaf.net A +cookie={wrong}")).expect("FORMERR");
    }
}

fn any_gets_a_short_answer(stage: &Stage) {
    // RFC 8482.
    let reply = stage.burdock.dig().ask("leaf.net ANY +notcp +ignore");
    assert!(!reply.expect("NOERROR").has("tc") && reply.answer.len() <= 1, "{}", reply.text);
}

fn without_rd_the_cache_and_nothing_else(stage: &Stage) {
    let dig = stage.burdock.dig();
    dig.ask("www.sibling.net A").expect("NOERROR");
    assert_eq!(dig.ask("www.sibling.net A +norec").expect("NOERROR").data("A"), ["192.0.2.52"]);
    let absent = dig.ask("never-asked-before.leaf.net A +norec");
    assert!(absent.expect("REFUSED").authority.is_empty(), "{}", absent.text);
    // It did not recurse in secret either.
    dig.ask("never-asked-before.leaf.net A +norec").expect("REFUSED");
}

fn chaos_and_other_classes_are_refused(stage: &Stage) {
    let dig = stage.burdock.dig();
    dig.ask("-c CH version.bind TXT").expect("REFUSED");
    dig.ask("-c CH id.server TXT").expect("REFUSED");
    dig.ask("-c HS www.leaf.net A").expect("REFUSED");
}

fn other_opcodes_are_not_implemented(stage: &Stage) {
    for opcode in ["+opcode=NOTIFY", "+opcode=UPDATE", "+opcode=15"] {
        stage.burdock.dig().ask(&format!("leaf.net SOA {opcode}")).expect("NOTIMP");
    }
}

fn special_names_are_answered_here(stage: &Stage) {
    // RFC 6761, RFC 6303, RFC 7686.
    let dig = stage.burdock.dig();
    assert_eq!(dig.ask("localhost A").data("A"), ["127.0.0.1"]);
    assert_eq!(dig.ask("x.localhost AAAA").data("AAAA"), ["::1"]);
    assert_eq!(dig.ask("-x 127.0.0.1").data("PTR"), ["localhost."]);
    for name in ["x.invalid", "x.onion", "1.0.168.192.in-addr.arpa"] {
        dig.ask(&format!("{name} A")).expect("NXDOMAIN");
    }
}

fn broken_packets_get_formerr_or_silence(stage: &Stage) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", stage.burdock.port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let good = query(7, "www.leaf.net");
    let mut response = good.clone();
    response[2] |= 0x80;
    // Silence cannot be waited for; the next packet's reply must be the first thing to arrive.
    for silent in [&[][..], &good[..3], &good[..11], &response] {
        socket.send(silent).unwrap();
    }
    let mut two_questions = query(0x4242, "www.leaf.net");
    two_questions[5] = 2;
    let mut looping = query(0x4343, "www.leaf.net");
    looping.splice(12.., [0xc0, 12, 0, 1, 0, 1]);
    let mut trailing = query(0x4444, "www.leaf.net");
    trailing.push(0);
    for broken in [&two_questions, &looping, &trailing, &good[..20].to_vec()] {
        socket.send(broken).unwrap();
        let mut buffer = [0; 1500];
        let length = socket.recv(&mut buffer).expect("a reply");
        let header = Header::parse(&buffer[..length]).unwrap();
        assert_eq!((header.id, header.rcode()), (u16::from_be_bytes([broken[0], broken[1]]), Rcode::FORMERR));
        assert!(header.has(Header::QR));
    }
}

fn queries_share_a_stream_and_do_not_wait_for_each_other(stage: &Stage) {
    // RFC 7766 §6.2.1.1: replies may overtake each other.
    let mut stream = TcpStream::connect(("127.0.0.1", stage.burdock.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut sent = Vec::new();
    for (id, name) in [(1, "stream.dead.net"), (2, "www.leaf.net"), (3, "target.knot.net")] {
        let query = query(id, name);
        sent.extend_from_slice(&u16::try_from(query.len()).unwrap().to_be_bytes());
        sent.extend_from_slice(&query);
    }
    stream.write_all(&sent).unwrap();
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(Message::parse(&read_reply(&mut stream)).unwrap().header.id);
    }
    assert_eq!(order[2], 1, "the dead zone's reply comes last: {order:?}");
}

fn a_hundred_clients_at_once(stage: &Stage) {
    let sockets: Vec<UdpSocket> = (0..100)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(("127.0.0.1", stage.burdock.port)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
            socket
        })
        .collect();
    for (id, socket) in (0u16..).zip(&sockets) {
        // Half ask the same new name, half a name of their own.
        let name = if id % 2 == 0 { "crowd.wild.leaf.net".to_owned() } else { format!("c{id}.wild.leaf.net") };
        socket.send(&query(id, &name)).unwrap();
    }
    for (id, socket) in (0u16..).zip(&sockets) {
        let mut buffer = [0; 1500];
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("client {id}: {error}"));
        let reply = Message::parse(&buffer[..length]).unwrap();
        assert_eq!((reply.header.id, reply.rcode(), reply.answer.len()), (id, Rcode::NOERROR, 1));
    }
}

/// One question on a connection of its own.
pub fn ask_over_tcp(port: u16, question: &Question) -> Message {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let flags = QueryFlags { recursion_desired: true, ..QueryFlags::default() };
    let query = write_query(1, question, flags);
    stream.write_all(&[&u16::try_from(query.len()).unwrap().to_be_bytes()[..], &query].concat()).unwrap();
    Message::parse(&read_reply(&mut stream)).unwrap()
}

fn read_reply(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).unwrap();
    reply
}

fn query(id: u16, name: &str) -> Vec<u8> {
    let question = Question::new(name.parse().unwrap(), RecordType::A);
    let flags = QueryFlags { recursion_desired: true, edns: Some(1232), ..QueryFlags::default() };
    write_query(id, &question, flags).to_vec()
}

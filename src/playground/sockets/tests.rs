//! The same Internet over real sockets of this machine.

use super::*;
use crate::dns::{Message, QueryFlags, Question, Rcode, RecordType, write_query};

fn query(owner: &str, rtype: RecordType) -> Vec<u8> {
    let question = Question::new(owner.parse().unwrap(), rtype);
    write_query(99, &question, QueryFlags { edns: Some(1232), ..QueryFlags::default() }).to_vec()
}

async fn over_udp(port: u16, server: &str, query: &[u8]) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect((server, port)).await.unwrap();
    socket.send(query).await.unwrap();
    let mut reply = vec![0; 2000];
    let length = timeout(Duration::from_secs(5), socket.recv(&mut reply)).await.unwrap().unwrap();
    Message::parse(&reply[..length]).unwrap()
}

async fn over_tcp(port: u16, server: &str, query: &[u8]) -> Message {
    let mut stream = TcpStream::connect((server, port)).await.unwrap();
    stream.write_u16(u16::try_from(query.len()).unwrap()).await.unwrap();
    stream.write_all(query).await.unwrap();
    let length = timeout(Duration::from_secs(5), stream.read_u16()).await.unwrap().unwrap();
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await.unwrap();
    Message::parse(&reply).unwrap()
}

#[tokio::test]
async fn the_lecture_answers_on_loopback() {
    let playground = start().await.unwrap();
    let port = playground.upstream_port();
    let IpAddr::V4(root) = playground.root_hints()[12].glue[0] else { panic!("IPv4") };
    let referral = over_udp(port, &root.to_string(), &query("gaia.cs.umass.edu", RecordType::A)).await;
    assert_eq!((referral.answer.len(), referral.authority.len(), referral.additional.len()), (0, 2, 2));
    let answer = over_udp(port, "127.53.2.3", &query("gaia.cs.umass.edu", RecordType::A)).await;
    assert_eq!(answer.answer[0].rdata.as_slice(), [192, 0, 2, 45]);
    let refused = over_udp(port, "127.53.4.61", &query("www.broken.org", RecordType::A)).await;
    assert_eq!(refused.rcode(), Rcode::REFUSED);
    assert!(!playground.examples().is_empty());
}

#[tokio::test]
async fn what_is_truncated_comes_whole_over_tcp() {
    let playground = start().await.unwrap();
    let port = playground.upstream_port();
    let packet = query("www.truncated.org", RecordType::A);
    let short = over_udp(port, "127.53.4.41", &packet).await;
    assert!(short.header.has(crate::dns::Header::TC) && short.answer.is_empty());
    let whole = over_tcp(port, "127.53.4.41", &packet).await;
    assert_eq!(whole.answer.len(), 1);
}

#[tokio::test]
async fn a_server_that_refuses_tcp_has_a_closed_port() {
    let mut internet = Internet::lecture().unwrap();
    internet.authorities[0].behaviours.push(Behaviour::Refuses(Transport::Tcp));
    let playground = start_with(internet, Dice::seeded(1)).await.unwrap();
    let refused = TcpStream::connect(("127.53.0.1", playground.upstream_port())).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

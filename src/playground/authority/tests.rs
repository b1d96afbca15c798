//! Servers, honest and not, and the bytes they send.

use super::*;
use crate::dns::{QueryFlags, Ttl, write_query};
use crate::playground::{Case, Opt};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone(apex: &str, data: &[(&str, RecordType, &[u8])]) -> Arc<Zone> {
    let mut zone = Zone::new(name(apex));
    for (owner, rtype, rdata) in data {
        zone.add(&name(owner), *rtype, Ttl::from_secs(60), rdata).unwrap();
    }
    Arc::new(zone)
}

fn server() -> Authority {
    let many: Vec<Vec<u8>> = (0..40u8).map(|i| [&[49u8][..], &[b'a' + i % 26; 48], &[i]].concat()).collect();
    let mut data: Vec<(&str, RecordType, &[u8])> = many.iter().map(|m| ("big.test", RecordType::TXT, &m[..])).collect();
    data.push(("www.test", RecordType::A, &[192, 0, 2, 1]));
    data.push(("a.b.test", RecordType::A, &[192, 0, 2, 2]));
    Authority::new([127, 53, 0, 1].into(), [zone("test", &data)])
}

fn query(owner: &str, rtype: RecordType, edns: Option<u16>) -> Vec<u8> {
    let flags = QueryFlags { edns, ..QueryFlags::default() };
    write_query(7, &Question::new(name(owner), rtype), flags).to_vec()
}

/// The one reply over UDP.
fn reply(server: &Authority, query: &[u8]) -> Option<Message> {
    exchange(server, query, Transport::Udp)
}

fn exchange(server: &Authority, query: &[u8], transport: Transport) -> Option<Message> {
    match server.respond(query, transport, 0, &Dice::seeded(1)).pop()?.kind {
        Kind::Packet(bytes) => Some(Message::parse(&bytes).unwrap()),
        _ => None,
    }
}

#[test]
fn an_honest_server_echoes_id_question_and_opt() {
    let message = reply(&server(), &query("wWw.TEST", RecordType::A, Some(1232))).unwrap();
    assert_eq!((message.header.id, message.rcode()), (7, Rcode::NOERROR));
    assert!(message.header.has(Header::AA) && message.edns.is_some());
    assert!(message.question.unwrap().0.name.same_case(&name("wWw.TEST")));
    assert_eq!(message.answer.len(), 1);
    assert!(reply(&server(), &query("www.test", RecordType::A, None)).unwrap().edns.is_none());
}

#[test]
fn what_it_does_not_serve_it_refuses_and_responses_it_does_not_answer() {
    assert_eq!(reply(&server(), &query("www.other", RecordType::A, None)).unwrap().rcode(), Rcode::REFUSED);
    let mut packet = query("www.test", RecordType::A, None);
    packet[2] |= 0x80;
    assert_eq!(reply(&server(), &packet), None);
    assert_eq!(reply(&server(), &packet[..5]), None);
}

#[test]
fn too_much_for_a_datagram_is_truncated_and_whole_over_tcp() {
    let packet = query("big.test", RecordType::TXT, Some(4096));
    let short = reply(&server(), &packet).unwrap();
    assert!(short.header.has(Header::TC) && short.answer.is_empty() && short.edns.is_some());
    let whole = exchange(&server(), &packet, Transport::Tcp).unwrap();
    assert_eq!((whole.header.has(Header::TC), whole.answer.len()), (false, 40));
}

#[test]
fn other_edns_versions_are_answered_with_badvers() {
    let mut packet = query("www.test", RecordType::A, Some(1232));
    let version = packet.len() - 5;
    packet[version] = 1;
    let message = reply(&server(), &packet).unwrap();
    assert_eq!((message.rcode(), message.answer.len()), (Rcode::BADVERS, 0));
}

#[test]
fn the_deepest_zone_answers_but_ds_is_the_parents() {
    let parent = zone("test", &[("c.test", RecordType::NS, name("ns.c.test").wire())]);
    let child = zone("c.test", &[("c.test", RecordType::A, &[192, 0, 2, 9])]);
    let both = Authority::new([127, 53, 0, 1].into(), [parent, child]);
    let apex = |rtype| both.zone_for(&Question::new(name("c.test"), rtype)).unwrap().apex().to_string();
    assert_eq!(apex(RecordType::A), "c.test.");
    assert_eq!(apex(RecordType::DS), "test.");
}

#[test]
fn behaviours_combine() {
    let with_opt = query("www.test", RecordType::A, Some(1232));
    let without = query("www.test", RecordType::A, None);
    let dropper = server().with(Behaviour::DropsEdns).with(Behaviour::Case(Case::Upper));
    assert_eq!(reply(&dropper, &with_opt), None);
    let message = reply(&dropper, &without).unwrap();
    assert!(message.question.unwrap().0.name.same_case(&name("WWW.TEST")));
    let rejecter = server().with(Behaviour::RejectsEdns(Rcode::FORMERR, Opt::Absent));
    let message = reply(&rejecter, &with_opt).unwrap();
    assert_eq!((message.rcode(), message.edns, message.answer.len()), (Rcode::FORMERR, None, 0));
    assert_eq!(reply(&rejecter, &without).unwrap().answer.len(), 1);
}

#[test]
fn silence_counts_queries() {
    let server = server().with(Behaviour::SilentUntil(2)).with(Behaviour::SilentFrom(3));
    let answered = |nth| {
        !server.respond(&query("www.test", RecordType::A, None), Transport::Udp, nth, &Dice::seeded(1)).is_empty()
    };
    assert_eq!((0..5).map(answered).collect::<Vec<_>>(), [false, false, true, false, false]);
}

#[test]
fn liars_about_existence() {
    let ent = query("b.test", RecordType::A, None);
    let gone = query("gone.test", RecordType::A, None);
    let liar = server().with(Behaviour::NxdomainForEmptyNonTerminals);
    assert_eq!(reply(&server(), &ent).unwrap().rcode(), Rcode::NOERROR);
    assert_eq!(reply(&liar, &ent).unwrap().rcode(), Rcode::NXDOMAIN);
    let other = server().with(Behaviour::NodataForNxdomain);
    assert_eq!(reply(&other, &gone).unwrap().rcode(), Rcode::NOERROR);
}

#[test]
fn what_is_cut_silently_cannot_be_read_to_its_end() {
    let server = server().with(Behaviour::CutsSilently(512));
    let packet = query("big.test", RecordType::TXT, Some(1232));
    let cut = server.respond(&packet, Transport::Udp, 0, &Dice::seeded(1)).pop().unwrap().kind;
    let Kind::Packet(bytes) = cut else { panic!("{cut:?}") };
    assert_eq!((bytes.len(), Message::parse(&bytes)), (512, Err(crate::dns::WireError::Short)));
    assert_eq!(exchange(&server, &packet, Transport::Tcp).unwrap().answer.len(), 40);
}

#[test]
fn forgeries_come_first_and_never_guess_the_id() {
    let server = server().with(Behaviour::Forged(50, [203, 0, 113, 66]));
    let packet = query("www.test", RecordType::A, Some(1232));
    let responses = server.respond(&packet, Transport::Udp, 0, &Dice::seeded(3));
    assert_eq!(responses.len(), 51);
    let ids = responses.iter().map(|response| match &response.kind {
        Kind::Packet(bytes) => Message::parse(bytes).unwrap().header.id,
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.filter(|id| *id == 7).count(), 1);
}

#[test]
fn an_edit_may_change_anything() {
    let server = server().with(Behaviour::edits(|query, draft| {
        draft.fate = if query.transport == Transport::Tcp { Fate::Reset } else { Fate::SentFromElsewhere };
    }));
    let packet = query("www.test", RecordType::A, None);
    let kinds = [Transport::Tcp, Transport::Udp].map(|t| server.respond(&packet, t, 0, &Dice::seeded(1)).pop());
    assert_eq!(kinds[0].as_ref().map(|r| &r.kind), Some(&Kind::Reset));
    assert!(matches!(kinds[1].as_ref().map(|r| &r.kind), Some(Kind::FromElsewhere(_))));
}

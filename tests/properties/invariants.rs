//! What must hold for every sequence of octets or characters. The fuzz targets assert the same.

use burdock::config::{Overrides, parse, read_hints};
use burdock::dns::{
    Class, Edns, Fit, Header, Message, MessageWriter, Name, Personal, Question, Rcode, Reader, Record, RecordType,
    Section, Ttl, Unanswerable, peek, personalise, rdata_from_text, rdata_to_text, read_zone,
};
use burdock::dnssec::{Anchors, Source};

/// A client's packet: it is seen whole or refused with a reason, and what is seen is what is there.
pub fn client_packet(packet: &[u8]) {
    let peeked = match peek(packet) {
        Ok(peeked) => peeked,
        Err(Unanswerable::Silence) => {
            assert!(packet.len() < Header::OCTETS || packet[2] & 0x80 != 0, "silence is for stumps and responses");
            return;
        }
        Err(Unanswerable::Reply(rcode)) => {
            assert!([Rcode::FORMERR, Rcode::NOTIMP].contains(&rcode));
            return;
        }
    };
    let question = peeked.question().expect("a checked name");
    assert_eq!(question.name.wire(), peeked.qname);
    assert!(peeked.question_end() <= packet.len());
    if let Ok(message) = Message::parse(packet) {
        assert_eq!(message.question, Some((question, peeked.qclass)));
        assert_eq!(message.edns.map(|edns| edns.udp_size.max(512)), peeked.edns.map(|edns| edns.udp_size));
    }
}

/// A whole message: what is read, written and read again is the same.
pub fn message(packet: &[u8]) {
    let Ok(first) = Message::parse(packet) else { return };
    let mut writer = MessageWriter::new(first.header.id, first.header.flags & !0x0f, first.header.rcode(), 65_535);
    if let Some((question, class)) = &first.question {
        writer.question(question, *class);
    }
    let sections = [
        (Section::Answer, &first.answer),
        (Section::Authority, &first.authority),
        (Section::Additional, &first.additional),
    ];
    for (section, records) in sections {
        for record in records {
            writer.record(section, record);
        }
    }
    let (bytes, ttl_offsets) = writer.finish();
    // Decompressed and written anew within the bound on compression, a message may outgrow what a stream can carry.
    if bytes.len() > 65_535 {
        return;
    }
    let again = Message::parse(&bytes).expect("our own message can be read");
    assert_eq!((again.header.id, again.header.flags), (first.header.id, first.header.flags));
    assert_eq!(again.question, first.question);
    assert_eq!(again.dropped, 0);
    for (old, new) in
        [(&first.answer, &again.answer), (&first.authority, &again.authority), (&first.additional, &again.additional)]
    {
        assert!(old.len() == new.len() && old.iter().zip(new).all(|(a, b)| same_record(a, b)), "{old:?}\n{new:?}");
    }
    let records: Vec<&Record> = again.answer.iter().chain(&again.authority).chain(&again.additional).collect();
    assert_eq!(ttl_offsets.len(), records.len());
    for (offset, record) in ttl_offsets.iter().zip(records) {
        let at = usize::from(*offset);
        assert_eq!(bytes[at..at + 4], record.ttl.as_secs().to_be_bytes());
    }
}

/// Names compressed against each other take the case of the first.
fn same_record(a: &Record, b: &Record) -> bool {
    let heads = |record: &Record| (record.owner.clone(), record.rtype, record.class, record.ttl);
    heads(a) == heads(b) && a.rdata.eq_ignore_ascii_case(&b.rdata)
}

/// A name at some place of a packet: at most 255 octets, and each way to write it reads back.
pub fn name(packet: &[u8], offset: usize) {
    let mut reader = Reader::new(packet, offset);
    let Ok(name) = reader.name() else { return };
    assert!(name.wire().len() <= Name::MAX_OCTETS && reader.position() <= packet.len());
    assert!(Name::from_wire(name.wire()).expect("well formed").same_case(&name));
    assert!(name.to_string().parse::<Name>().expect("printed by us").same_case(&name));
    assert_eq!(name.ancestors().count(), name.label_count() + 1);
    assert!(name.ancestors().all(|ancestor| name.is_in(&ancestor)));
}

/// EDNS options, by themselves and in a client's packet: as many are looked at as may be, and both readers see the same OPT.
pub fn options(class: u16, ttl: u32, rdata: &[u8]) {
    let read = Edns::from_parts(class, ttl, rdata);
    if let Ok(edns) = &read {
        assert!(edns.options.len() <= 32 && (edns.left_out == 0 || edns.options.len() == 32));
    }
    let Ok(length) = u16::try_from(rdata.len()) else { return };
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, b'a', 0, 0, 1, 0, 1, 0, 0, 41];
    packet.extend(class.to_be_bytes());
    packet.extend(ttl.to_be_bytes());
    packet.extend(length.to_be_bytes());
    packet.extend(rdata);
    client_packet(&packet);
    let Ok(peeked) = peek(&packet) else { return };
    let seen = peeked.edns.expect("there is an OPT");
    assert_eq!(u32::from(seen.version), ttl >> 16 & 0xff);
    // Of another version nothing is read, as its options may look different (RFC 6891 §6.1.3).
    assert!(seen.version == 0 || (seen.cookie.is_none() && !seen.has_more));
    if let Ok(edns) = &read
        && seen.version == 0
    {
        assert_eq!(edns.left_out > 0, seen.has_more);
    }
}

/// A stored reply made a client's own: never outside of the buffer, never over the limit unless it is cut.
pub fn stored_reply(reply: &[u8], query: &[u8], ttl_offsets: &[u16], age: u32, limit: usize) {
    let Ok(peeked) = peek(query) else { return };
    let opt: &[u8] = if peeked.edns.is_some() { &[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0] } else { &[] };
    let personal = Personal { id: 77, set: Header::RD, clear: Header::AD, qname: peeked.qname, age, limit, opt };
    let mut out = [0xee; 1300];
    let Some(fit) = personalise(reply, ttl_offsets, &personal, &mut out) else { return };
    let length = fit.octets();
    assert!(length <= out.len() && out[length..].iter().all(|byte| *byte == 0xee));
    let header = Header::parse(&out[..length]).expect("a header at least");
    assert_eq!(header.id, 77);
    if length > limit {
        assert_eq!(fit, Fit::Cut(length));
        assert!(header.has(Header::TC) && length <= peeked.question_end() + opt.len());
    }
}

/// The same for one run of octets: TTLs to age, as many as its first octet says, then age, limit, and a query as long as the
/// next two octets say; the rest is the reply.
pub fn stored_reply_of(octets: &[u8]) {
    let Some((&count, rest)) = octets.split_first() else { return };
    let Some((ttls, rest)) = rest.split_at_checked(2 * usize::from(count % 8)) else { return };
    // TTLs stand behind the header.
    let ttls: Vec<u16> = ttls.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]).max(12)).collect();
    let Some((&[a, b, c, d, e, f, g, h], rest)) = rest.split_first_chunk() else { return };
    let query = usize::from(u16::from_be_bytes([g, h])).min(rest.len());
    let (query, reply) = rest.split_at(query);
    stored_reply(reply, query, &ttls, u32::from_be_bytes([a, b, c, d]), usize::from(u16::from_be_bytes([e, f])));
}

/// Presentation format: what is printed reads back as the same octets.
pub fn rdata(rtype: u16, octets: &[u8]) {
    let rtype = RecordType(rtype);
    let Ok(rdata) = Reader::new(octets, 0).rdata(rtype, octets.len()) else { return };
    let text = rdata_to_text(rtype, &rdata);
    let again = rdata_from_text(rtype, &text, &Name::root());
    assert_eq!(again.as_deref(), Ok(&rdata[..]), "{rtype} {text}");
}

/// A configuration: refused with a place and a remedy, or in force as printed.
pub fn configuration(text: &str) {
    let Ok(loaded) = parse(text, None, &Overrides::default()) else { return };
    let printed = loaded.to_yaml();
    let again =
        parse(&printed, None, &Overrides::default()).unwrap_or_else(|problems| panic!("{printed}\n{problems:?}"));
    assert_eq!(again.config, loaded.config, "{printed}");
}

/// Zone text: read or refused with a place in it.
pub fn zone_text(text: &str) {
    let origin: Name = "example.net".parse().expect("a name");
    match read_zone(text, &origin, Ttl::from_secs(300)) {
        Ok(records) => assert!(records.len() <= text.len()),
        Err(error) => assert!(error.position.line as usize <= text.lines().count() + 1, "{error}"),
    }
}

/// Names in text.
pub fn name_text(text: &str) {
    if let Ok(name) = text.parse::<Name>() {
        assert!(name.to_string().parse::<Name>().expect("printed by us").same_case(&name), "{text}");
    }
    if let Ok(rtype) = text.parse::<RecordType>() {
        assert_eq!(rtype.to_string().parse(), Ok(rtype));
    }
}

/// The question of a reply that is to be: class IN, in the writer and out of the reader.
pub fn question(name: &Name, rtype: RecordType) {
    let mut writer = MessageWriter::new(1, 0, Rcode::NOERROR, 512);
    let question = Question::new(name.clone(), rtype);
    writer.question(&question, Class::IN);
    let message = Message::parse(&writer.finish().0).expect("our own message can be read");
    let (read, class) = message.question.expect("one question");
    assert!(read.name.same_case(name) && read.rtype == rtype && class == Class::IN);
}

/// Files of the operator: hints and trust anchors are read, or refused with a place that is in them.
pub fn operator_text(text: &str) {
    let lines = text.lines().count() + 1;
    if let Ok(hints) = read_hints(text) {
        assert!(!hints.is_empty() && hints.iter().any(|server| !server.glue.is_empty()));
    }
    match Anchors::read(text, &Source::Builtin) {
        Ok(anchors) => assert!(!anchors.is_empty() && anchors.records().count() <= text.len()),
        Err(error) => assert!((1..=lines).contains(&(error.line as usize)), "{error}"),
    }
}

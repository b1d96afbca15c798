//! Properties of everything that reads bytes from outside, over generated packets and texts.
//!
//! `PROPTEST_CASES` sets how many of each; the seed of a failure is kept in tests/proptest-regressions, for the fix.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
#![allow(unsafe_code, reason = "a counting allocator")]

mod filling;
mod hostile;
mod invariants;
mod memory;
mod packets;
mod seeds;
mod signed;

use burdock::dns::{Header, Message, Name};
use hickory_proto::op::Message as OtherMessage;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_octets_are_a_packet(octets in vec(any::<u8>(), 0..600), offset in 0usize..600) {
        invariants::client_packet(&octets);
        invariants::message(&octets);
        invariants::name(&octets, offset);
        memory::bounded(&octets);
    }

    #[test]
    fn a_message_written_is_the_message_read(packet in packets::packet()) {
        invariants::message(&packet);
        memory::bounded(&packet);
    }

    #[test]
    fn a_query_is_seen_as_it_is(packet in packets::query()) {
        invariants::client_packet(&packet);
        memory::bounded(&packet);
    }

    #[test]
    fn a_stored_reply_stays_in_its_buffer(
        reply in prop_oneof![packets::packet(), vec(any::<u8>(), 0..1400)],
        query in packets::query(),
        ttls in vec(12u16..1500, 0..6),
        age in any::<u32>(),
        limit in 0usize..1400,
    ) {
        invariants::stored_reply(&reply, &query, &ttls, age, limit);
    }

    #[test]
    fn options_are_counted(class in any::<u16>(), ttl in any::<u32>(), rdata in vec(any::<u8>(), 0..300)) {
        invariants::options(class, ttl, &rdata);
    }

    #[test]
    fn data_printed_reads_back(rtype in prop_oneof![0u16..70, 97u16..110, any::<u16>()], octets in vec(any::<u8>(), 0..80)) {
        invariants::rdata(rtype, &octets);
    }

    #[test]
    fn text_is_read_or_refused(text in r#"([a-z*@$.\\"();0-9 \t\n]|IN |TXT |A |NS |\$TTL |\$ORIGIN |\PC){0,60}"#) {
        invariants::zone_text(&text);
        invariants::name_text(&text);
    }

    #[test]
    fn names_are_in_canonical_order(labels in vec(vec(vec(any::<u8>(), 1..5), 0..4), 3)) {
        let names: Vec<Name> =
            labels.iter().map(|labels| Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap()).collect();
        let [a, b, c] = names.as_slice() else { unreachable!() };
        // A total order, blind to case, in which every name stands behind its ancestors.
        prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
        prop_assert_eq!(a == b, a.cmp(b).is_eq());
        prop_assert!(!(a <= b && b <= c) || a <= c);
        prop_assert_eq!(a, &a.to_lowercase());
        prop_assert!(!a.is_strictly_below(b) || a > b);
        invariants::question(a, burdock::dns::RecordType::A);
    }

    /// A second opinion: what both readers accept, both read alike.
    #[test]
    fn another_reader_sees_the_same(packet in packets::packet()) {
        let (Ok(ours), Ok(theirs)) = (Message::parse(&packet), OtherMessage::from_vec(&packet)) else { return Ok(()) };
        prop_assert_eq!(ours.header.id, theirs.metadata.id);
        prop_assert_eq!(ours.header.has(Header::TC), theirs.metadata.truncation);
        prop_assert_eq!(usize::from(ours.question.is_some()), theirs.queries.len());
        if ours.dropped > 0 {
            return Ok(());
        }
        for (ours, theirs) in [(&ours.answer, &theirs.answers), (&ours.authority, &theirs.authorities)] {
            prop_assert_eq!(ours.len(), theirs.len());
            for (our, their) in ours.iter().zip(theirs) {
                prop_assert_eq!(our.rtype.0, u16::from(their.record_type()));
                let labels: Vec<&[u8]> = their.name.iter().collect();
                prop_assert_eq!(our.owner.labels().collect::<Vec<_>>(), labels);
            }
        }
    }
}

/// The most expensive message: every octet of it a pointer to the longest name.
#[test]
fn the_worst_packet_is_bounded() {
    for rtype in [2u8, 6, 15, 16] {
        memory::bounded(&pointers_to_a_long_name(rtype, 65_535));
        memory::bounded(&pointers_to_a_long_name(rtype, 1_232));
    }
    // Counts that promise what is not there (DESIGN: twelve octets must not cost megabytes).
    for counts in 4..12 {
        let mut packet = [0; 12];
        packet[counts] = 0xff;
        memory::bounded(&packet);
    }
}

fn pointers_to_a_long_name(rtype: u8, size: usize) -> Vec<u8> {
    let mut packet = vec![0, 1, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for length in [63u8, 63, 63, 61] {
        packet.push(length);
        packet.extend(std::iter::repeat_n(b'a', usize::from(length)));
    }
    packet.extend([0, 0, 1, 0, 1]);
    let mut count = 0u16;
    loop {
        let rdata: &[u8] = match rtype {
            2 => &[0xc0, 12],
            6 => &[0xc0, 12, 0xc0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            15 => &[0, 0, 0xc0, 12],
            _ => &[0],
        };
        if packet.len() + 12 + rdata.len() > size {
            break;
        }
        packet.extend([0xc0, 12, 0, rtype, 0, 1, 0, 0, 0, 0, 0, rdata.len() as u8]);
        packet.extend(rdata);
        count += 1;
    }
    packet[6..8].copy_from_slice(&count.to_be_bytes());
    packet
}

/// The limit on memory is not there because nothing reaches for it.
#[test]
fn allocations_are_counted() {
    assert!(memory::peak(|| drop(vec![0u8; 5000])) >= 5000);
    let message = pointers_to_a_long_name(2, 1_232);
    assert!(memory::peak(|| drop(Message::parse(&message).unwrap())) > 10_000);
}

/// `MUTATIONS` sets how many. What counts as data is said in signed/truth.rs.
#[test]
#[allow(clippy::disallowed_methods, reason = "how long a test runs is set from outside")]
fn no_octet_of_a_signed_answer_can_be_changed() {
    let count = std::env::var("MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(3000);
    let tally = signed::play(count);
    println!("no_octet {tally}");
    assert_eq!((tally.changed, tally.insecure), (0, 0), "{tally}");
    // Most are noticed one way or the other, and none of these figures is what it is by accident.
    assert!(tally.refused > count / 20 && tally.unharmed > count / 20, "{tally}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn hostile_servers_are_believed_about_themselves_alone(script in vec(any::<u8>(), 0..1500)) {
        hostile::play(&script);
    }
}

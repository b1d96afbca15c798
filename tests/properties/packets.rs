//! Packets to play with: nearly right, so that the checks behind the first one are reached too.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Record types whose data has every kind of field.
const TYPES: [u16; 22] = [1, 2, 5, 6, 12, 13, 14, 15, 16, 17, 28, 33, 35, 39, 41, 43, 46, 47, 48, 50, 250, 65280];

fn labels() -> impl Strategy<Value = Vec<u8>> {
    let label = prop_oneof![9 => vec(select(b"abcXYZ-_".to_vec()), 1..8), 1 => vec(any::<u8>(), 1..64)];
    vec(label, 0..4).prop_map(|labels| {
        labels.iter().flat_map(|label| std::iter::once(label.len() as u8).chain(label.iter().copied())).collect()
    })
}

/// A name: labels, then the root, a pointer to the question or, seldom, one to anywhere.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let end = prop_oneof![
        20 => Just(vec![0]),
        40 => Just(vec![0xc0, 12]),
        1 => (0u16..0x4000).prop_map(|target| (0xc000 | target).to_be_bytes().to_vec()),
        2 => (12u16..80).prop_map(|target| (0xc000 | target).to_be_bytes().to_vec()),
    ];
    (labels(), end).prop_map(|(labels, end)| [labels, end].concat())
}

/// A type and data that fits it.
fn fitting() -> impl Strategy<Value = (u16, Vec<u8>)> {
    prop_oneof![
        vec(any::<u8>(), 4).prop_map(|address| (1, address)),
        vec(any::<u8>(), 16).prop_map(|address| (28, address)),
        (select(vec![2u16, 5, 12]), name()),
        (any::<u16>(), name()).prop_map(|(number, name)| (15, [number.to_be_bytes().to_vec(), name].concat())),
        (name(), name(), vec(any::<u8>(), 20)).prop_map(|(a, b, numbers)| (6, [a, b, numbers].concat())),
        (vec(any::<u8>(), 6), labels()).prop_map(|(numbers, name)| (33, [numbers, name, vec![0]].concat())),
        vec(any::<u8>(), 0..40).prop_map(|text| (16, [vec![text.len() as u8], text].concat())),
        vec(any::<u8>(), 1..40).prop_map(|octets| (65280, octets)),
        (vec(any::<u8>(), 4), vec(any::<u8>(), 20)).prop_map(|(head, hash)| (43, [head, hash].concat())),
    ]
}

/// A type and data that need not fit it.
fn misfit() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let data = prop_oneof![
        vec(any::<u8>(), 0..40),
        name(),
        (name(), name(), vec(any::<u8>(), 20)).prop_map(|(a, b, numbers)| [a, b, numbers].concat()),
    ];
    (select(TYPES.to_vec()), data)
}

fn record() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![60 => Just(None), 1 => any::<u16>().prop_map(Some)];
    let data = prop_oneof![9 => fitting(), 1 => misfit()];
    (name(), data, prop_oneof![9 => Just(1u16), 1 => any::<u16>()], any::<u32>(), length).prop_map(
        |(owner, (rtype, data), class, ttl, length)| {
            let length = length.unwrap_or(data.len() as u16);
            let parts: [&[u8]; 6] =
                [&owner, &rtype.to_be_bytes(), &class.to_be_bytes(), &ttl.to_be_bytes(), &length.to_be_bytes(), &data];
            parts.concat()
        },
    )
}

/// A message; sometimes its counts lie, sometimes some octets are others.
pub fn packet() -> impl Strategy<Value = Vec<u8>> {
    let flags = prop_oneof![Just(0x0100u16), Just(0x8180), Just(0x8580), any::<u16>()];
    let lie = prop_oneof![19 => Just(None), 1 => (0usize..4, any::<u16>()).prop_map(Some)];
    let sections = (vec(record(), 0..5), vec(record(), 0..3), vec(record(), 0..4));
    let damage = prop_oneof![9 => Just(Vec::new()), 1 => vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)];
    (any::<u16>(), flags, labels(), sections, lie, damage).prop_map(|(id, flags, qname, sections, lie, damage)| {
        let mut counts = [1, sections.0.len() as u16, sections.1.len() as u16, sections.2.len() as u16];
        if let Some((index, count)) = lie {
            counts[index] = count;
        }
        let mut packet = [id, flags].iter().chain(&counts).flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
        packet.extend([qname.as_slice(), &[0, 0, 1, 0, 1]].concat());
        for record in sections.0.iter().chain(&sections.1).chain(&sections.2) {
            packet.extend_from_slice(record);
        }
        for (index, octet) in damage {
            let at = index.index(packet.len());
            packet[at] = octet;
        }
        packet
    })
}

/// A client's query: mostly right.
pub fn query() -> impl Strategy<Value = Vec<u8>> {
    let qname = prop_oneof![8 => Just(b"\x03wWw\x07example\x03net\x00".to_vec()), 1 => name()];
    let edns = prop_oneof![Just(None), (any::<u16>(), any::<u32>(), vec(any::<u8>(), 0..24)).prop_map(Some)];
    (any::<u16>(), any::<u16>(), qname, any::<u16>(), edns).prop_map(|(id, flags, qname, qtype, edns)| {
        let flags = if id % 8 == 0 { flags } else { flags & 0x0170 };
        let mut packet = [id, flags, 1, 0, 0, u16::from(edns.is_some())].map(u16::to_be_bytes).concat();
        packet.extend([qname.as_slice(), &qtype.to_be_bytes(), &[0, 1]].concat());
        if let Some((size, ttl, options)) = edns {
            packet.extend([&[0, 0, 41], &size.to_be_bytes()[..], &ttl.to_be_bytes()].concat());
            packet.extend([&(options.len() as u16).to_be_bytes()[..], &options].concat());
        }
        packet
    })
}

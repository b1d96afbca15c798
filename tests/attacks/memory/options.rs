//! MEM-07: floods of EDNS options, the same option over and over, options that run over the end (CVE-2026-41292,
//! CVE-2026-42944), from clients and from servers.

use burdock::dns::{Edns, EdnsOption, Message, RecordType, peek, peek_within};
use burdock::job::LimitName;
use burdock::playground::Behaviour;

use super::{FIRST, SECOND, query, quickest, rcode, told, tree};
use crate::support::{Lab, run};

/// NSID, client subnet, COOKIE, keepalive, padding, extended error.
const CODES: [u16; 6] = [3, 8, 10, 11, 12, 15];

/// `count` options of this code and value.
fn options(count: usize, code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&code.to_be_bytes()[..], &length, value].concat().repeat(count)
}

/// The plain query with an OPT of this data.
fn with_opt(rdata: &[u8]) -> Vec<u8> {
    let mut packet = query();
    packet[11] = 1;
    packet.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0]);
    packet.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
    packet.extend(rdata);
    packet
}

#[test]
fn mem_07_options_of_clients() {
    run(async {
        let lab = Lab::new(&tree().internet(), 1);
        assert_eq!(lab.ask("www.d1.t1", RecordType::A).await.a(), ["192.0.2.1"]);
        // The first of equal options counts; whatever stands behind the thirty-second is not looked at.
        let flood = with_opt(&options(16_000, 65_001, &[]));
        assert_eq!(rcode(&told(&lab, &flood).await.unwrap()), "NOERROR");
        assert_eq!(lab.resolver.limits().times(LimitName::EdnsOptions), 1);
        let last = with_opt(&[options(32, 65_001, &[]), options(1, Edns::COOKIE, &[7; 8])].concat());
        assert!(peek(&last).unwrap().edns.is_some_and(|edns| edns.cookie.is_none() && edns.has_more));
        assert!(peek_within(|| 33, &last).unwrap().edns.is_some_and(|edns| edns.cookie.is_some() && !edns.has_more));
        for code in CODES {
            for count in [2, 3, 100] {
                let reply = told(&lab, &with_opt(&options(count, code, &[7; 8]))).await.unwrap();
                assert!(["NOERROR", "FORMERR"].contains(&rcode(&reply).as_str()), "{count} x {code}");
                let octets = Message::parse(&reply).unwrap().octets;
                assert!(octets <= 200, "{count} x {code}: {octets} octets");
            }
            let over = [&code.to_be_bytes()[..], &[0, 9, 1]].concat();
            assert_eq!(rcode(&told(&lab, &with_opt(&over)).await.unwrap()), "FORMERR", "{code} runs over the end");
        }
        // Two OPT records, and one with an owner (RFC 6891 §6.1.1, §6.1.2).
        let one = with_opt(&[]);
        let mut two = [&one[..], &one[query().len()..]].concat();
        two[11] = 2;
        let mut owned = query();
        owned[11] = 1;
        owned.extend([1, b'a', 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
        for packet in [&two, &owned] {
            assert_eq!(rcode(&told(&lab, packet).await.unwrap()), "FORMERR");
        }
        let plain = with_opt(&[]);
        let usual = quickest(|| (0..1000).for_each(|_| assert!(peek(&plain).is_ok())));
        let time = quickest(|| (0..1000).for_each(|_| _ = peek(&flood)));
        let times = time.as_secs_f64() / usual.as_secs_f64();
        assert!(times <= 200.0, "{times}");
        println!(
            "MEM-07 16,000 options from a client: {times:.1} x the time of none (allowed 200); {:?} each (0.2 ms)",
            time / 1000
        );
    });
}

/// Servers send them, too: at most 32 are kept, the texts of errors cut, and none of it reaches a client or the log.
#[test]
fn mem_07_options_of_servers() {
    run(async {
        let text = vec![b'x'; 60_000];
        let kinds: [(&str, Vec<u8>); 4] = [
            ("16,000 empty options", options(16_000, 65_001, &[])),
            ("100 cookies", options(100, Edns::COOKIE, &[7; 16])),
            ("100 cookies of odd length", options(100, Edns::COOKIE, &[7; 3])),
            ("60,000 octets of explanation", options(1, Edns::EDE, &[&[0, 6][..], &text].concat())),
        ];
        for (what, data) in kinds {
            let parsed = Edns::from_parts(1232, 0, &data).unwrap();
            assert!(parsed.options.len() <= 32, "{what}");
            let left_out = parsed.left_out > 0;
            for option in parsed.options {
                let EdnsOption::Ede(_, text) = option else { continue };
                assert!(text.len() <= 256, "{what}: {} octets of text kept (allowed 256)", text.len());
            }
            let sends = Behaviour::edits(move |_, draft| draft.options.clone_from(&data));
            let lab = Lab::new(&tree().behave(FIRST, sends.clone()).behave(SECOND, sends).internet(), 1);
            let reply = lab.ask("www.d1.t1", RecordType::A).await;
            println!(
                "MEM-07 {what} from each server: {} after {:?}, {} packets",
                reply.rcode(),
                reply.after,
                lab.net.packets()
            );
            let counted = lab.resolver.limits().times(LimitName::EdnsOptions);
            assert_eq!(counted > 0, left_out, "{what}: {counted}");
            assert!(reply.message.octets <= 512, "{what}: {} octets", reply.message.octets);
            assert!(lab.net.packets() <= 24, "{what}: {}", lab.net.story());
        }
        assert!(Edns::from_parts(1232, 0, &[0, 10, 0, 9, 1]).is_err());
    });
}

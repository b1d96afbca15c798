//! MEM-05: sets that are too large to keep, and too many types at one name (CVE-2024-1737, CVE-2024-25590).

use std::time::Duration;

use burdock::dns::{Rcode, RecordType, Ttl, read_zone};
use burdock::playground::Behaviour;

use super::FIRST;
use crate::support::{Lab, Tree, name, run};

/// Passed on whole to who asked, and asked for anew: a set over `records-per-rrset` or `entry-octets` takes no memory.
#[test]
fn mem_05_large_sets_are_passed_on_and_not_kept() {
    run(async {
        for records in [100_u32, 101, 1000, 4000] {
            let lines: String =
                (0..records).map(|i| format!("big.d1.t1. 60 A 10.0.{}.{}\n", i / 256, i % 256)).collect();
            let set = read_zone(&lines, &name("."), Ttl::from_secs(60)).unwrap();
            let sends = Behaviour::edits(move |query, draft| {
                if query.name() == name("big.d1.t1") {
                    draft.message.answer.clone_from(&set);
                }
            });
            let tree = Tree::with_tld().zone("d1.t1", &[FIRST], "big A 10.0.0.0\n").behave(FIRST, sends);
            let lab = Lab::new(&tree.internet(), 1);
            let reply = lab.ask("big.d1.t1", RecordType::A).await;
            assert_eq!(reply.a().len(), records as usize, "{} records", records);
            let before = lab.net.packets();
            lab.wait(Duration::from_secs(2)).await;
            assert_eq!(lab.ask("big.d1.t1", RecordType::A).await.a().len(), records as usize);
            let kept = lab.net.packets() == before;
            assert_eq!(kept, records <= 100, "{records} records\n{}", lab.net.story());
        }
        let strings = format!("\"{}\" ", "x".repeat(250)).repeat(240);
        let lab = Lab::new(&Tree::with_tld().zone("d1.t1", &[FIRST], &format!("big TXT {strings}\n")).internet(), 1);
        assert_eq!(lab.ask("big.d1.t1", RecordType::TXT).await.data(RecordType::TXT).len(), 1);
        let before = lab.net.packets();
        assert_eq!(lab.ask("big.d1.t1", RecordType::TXT).await.rcode(), Rcode::NOERROR);
        assert!(lab.net.packets() > before, "60,000 octets of text are not kept");
        println!(
            "MEM-05 sets of 101, 1,000 and 4,000 records and 60,000 octets of text: passed on, 0 kept (allowed 0)"
        );
    });
}

/// A set that grows at each refresh is kept as long as it is within bounds, and the smaller one does not stay in its place.
#[test]
fn mem_05_a_set_that_grows() {
    run(async {
        let data: String = (0..140_u32).map(|i| format!("grows 1 A 10.0.0.{i}\n")).collect();
        let grows = Behaviour::edits(|query, draft| {
            if query.name() == name("grows.d1.t1") {
                draft.message.answer.truncate(80 + 5 * usize::try_from(query.nth).unwrap());
            }
        });
        let tree = Tree::with_tld().zone("d1.t1", &[FIRST], &data).behave(FIRST, grows);
        let lab = Lab::new(&tree.internet(), 1);
        let mut sizes = Vec::new();
        for _ in 0..15 {
            sizes.push(lab.ask("grows.d1.t1", RecordType::A).await.a().len());
            lab.wait(Duration::from_secs(2)).await;
        }
        assert!(sizes.is_sorted() && sizes.last() > Some(&100), "{sizes:?}");
    });
}

/// Three hundred types at one name: each took a question of its own, each is found by itself, and those that matter stay.
#[test]
fn mem_05_many_types_at_one_name() {
    run(async {
        let types: String = (0..300).map(|i| format!("many TYPE{} \\# 4 0a0b0c0d\n", 65_280 - i)).collect();
        let data = format!("{types}many A 192.0.2.7\nmany AAAA 2001:db8::7\n");
        let lab = Lab::new(&Tree::with_tld().zone("d1.t1", &[FIRST], &data).internet(), 1);
        assert_eq!(lab.ask("many.d1.t1", RecordType::A).await.a(), ["192.0.2.7"]);
        for i in 0..300 {
            assert_eq!(lab.ask("many.d1.t1", RecordType(65_280 - i)).await.message.answer.len(), 1);
        }
        let before = lab.net.packets();
        assert_eq!(lab.ask("many.d1.t1", RecordType::A).await.a(), ["192.0.2.7"]);
        assert_eq!(lab.net.packets(), before, "A stays beside 300 other types");
        let octets = lab.resolver.held().octets;
        println!("MEM-05 all that the caches hold for 302 types of one name: {octets} octets (allowed 65,536)");
        assert!(octets <= 65_536, "{octets}");
        println!("MEM-05 300 types at one name: A asked for again 0 times (allowed 0)");
    });
}

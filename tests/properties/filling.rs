//! MEM-06: what a cache holds, overhead included, when strangers fill it: about its share of `cache.size`.
//!
//! Counted is what is allocated. What a whole process has resident is measured in tests/sockets/memory.rs.

use std::time::Duration;

use burdock::cache::{Rank, RrSets, Settings};
use burdock::dns::{Denial, Name, Rdatas, RecordType, RrSet, Ttl};
use burdock::world::Clock;

use super::memory;

/// With so much the arrays have just grown when they are full of addresses.
const SIZE: u64 = 20 << 20;

fn cache() -> (RrSets, u64) {
    let settings = Settings {
        size: SIZE,
        min_ttl: Ttl::ZERO,
        max_ttl: Ttl::from_secs(86_400),
        max_negative_ttl: Ttl::from_secs(3600),
        serve_stale: None,
    };
    // 47 in a hundred are for RRsets and denials.
    (RrSets::new(&settings, 7), settings.share(47))
}

fn set(owner: &Name, rtype: RecordType, octets: usize) -> RrSet {
    let data = vec![7; octets];
    RrSet::new(owner.clone(), rtype, Ttl::from_secs(3600), Rdatas::new([data.as_slice()]).unwrap())
}

/// Ten times what there is room for: small sets, denials with proofs of thousands of octets, sets as large as are kept.
#[test]
fn mem_06_a_cache_that_is_filled_holds_its_share() {
    let now = Clock::at(Duration::ZERO).now();
    let large = [("denials of 6,000 octets", 6000, 4000), ("sets of 8,000", 8000, 4000)];
    // Arrays have grown a moment ago for one of these sizes, and will in a moment for another.
    let small = (0..12).map(|index| ("addresses and what is a little larger", 4 + 12 * index, 120_000));
    for (what, octets, count) in small.chain(large) {
        let mut share = 0;
        let (held, _cache) = memory::held(|| {
            let (cache, of_size) = cache();
            share = of_size;
            for index in 0..count {
                let owner: Name = format!("n{index}.flood.test").parse().unwrap();
                if what.starts_with("denials") {
                    let proof = vec![set(&owner, RecordType::NSEC3, octets)];
                    let denial = Denial::new(Some(set(&owner, RecordType::SOA, 40)), proof, Ttl::from_secs(3600));
                    cache.insert_nonexistence(&owner, RecordType::A, denial, now);
                } else {
                    cache.insert(set(&owner, RecordType::A, octets), Rank::Authoritative, now);
                }
            }
            cache
        });
        let ratio = held as f64 / share as f64;
        println!("MEM-06 {count} {what} ({octets}): {ratio:.2} x the share of the cache held (allowed 1.1)");
        assert!(ratio <= 1.1, "{what}: {held} octets of {share}");
        assert!(ratio >= 0.5, "{what}: the share is there to be used: {held} octets of {share}");
    }
}

/// One name, again and again with a TTL of a second: nothing is left behind (CVE-2023-2828).
#[test]
fn mem_06_a_hot_name_leaves_nothing_behind() {
    let clock = Clock::at(Duration::ZERO).now();
    let owner: Name = "hot.flood.test".parse().unwrap();
    let (cache, _) = cache();
    let once = memory::peak(|| drop(cache.insert(set(&owner, RecordType::A, 4000), Rank::Authoritative, clock)));
    let often = memory::peak(|| {
        for index in 0..20_000 {
            let now = clock + Duration::from_millis(1100 * index);
            drop(cache.insert(set(&owner, RecordType::A, 4000).with_ttl(Ttl::from_secs(1)), Rank::Authoritative, now));
        }
    });
    println!("MEM-06 a name inserted 20,000 times: {often} octets held at most (once: {once}; allowed 16,384 more)");
    assert!(often <= once + 16_384, "{often} {once}");
}

use std::time::Duration;

use super::*;
use crate::dns::read_zone;
use crate::world::Clock;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The records of a zone file, verified.
fn sets(text: &str) -> Vec<RrSet> {
    let records = read_zone(text, &Name::root(), Ttl::from_secs(300)).unwrap();
    let set = |rdata: &[u8]| Rdatas::new([rdata]).unwrap();
    let sets = records.iter().map(|r| RrSet::new(r.owner.clone(), r.rtype, r.ttl, set(&r.rdata)));
    sets.map(|set| RrSet { security: Security::Secure, ..set }).collect()
}

fn soa() -> RrSet {
    sets("z. 300 SOA ns.z. h.z. 1 2 3 4 300\n").remove(0)
}

struct Cache {
    denials: Denials,
    clock: Clock,
}

impl Cache {
    fn new() -> Self {
        Self { denials: Denials::new(1 << 20, Ttl::from_secs(3600), &Arc::default()), clock: Clock::at(Duration::ZERO) }
    }

    fn learn(&self, text: &str, ttl: u32) {
        let (apex, sets, soa) = (name("z"), sets(text), soa());
        let proven = Proven { apex: &apex, sets: &sets, soa: Some(&soa), ttl: Ttl::from_secs(ttl) };
        self.denials.insert(&proven, self.clock.now());
    }

    /// The owner and the TTL of the record that may speak of a place.
    fn find(&self, place: &Place) -> Option<(String, u32)> {
        let zone = self.denials.zone(&name("x.z"), self.clock.now())?;
        let set = self.denials.at_or_before(&zone, place, self.clock.now())?;
        Some((set.owner.to_string(), set.ttl.as_secs()))
    }

    fn before(&self, text: &str) -> Option<String> {
        self.find(&Place::Name(name(text))).map(|(owner, _)| owner)
    }
}

#[tokio::test(start_paused = true)]
async fn the_nearest_record_that_still_holds_is_found() {
    let cache = Cache::new();
    cache.learn("z. NSEC c.z. SOA\n", 60);
    cache.learn("c.z. NSEC m.z. A\nm.z. NSEC z. A\n", 30);
    assert_eq!(cache.before("b.z").as_deref(), Some("z."));
    assert_eq!(cache.before("C.Z").as_deref(), Some("c.z."));
    assert_eq!(cache.before("x.y.z").as_deref(), Some("m.z."));
    assert_eq!(cache.find(&Place::Name(name("d.z"))), Some(("c.z.".to_owned(), 30)));
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(cache.find(&Place::Name(name("d.z"))), Some(("c.z.".to_owned(), 1)));
    // The SOA record is renewed by a later denial; without one nothing is told.
    cache.learn("z. NSEC c.z. SOA\n", 60);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(cache.before("d.z").as_deref(), Some("z."));
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(cache.before("d.z"), None);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_verified_and_stays_in_its_zone_comes_in() {
    // VAL-02: a next name outside of the zone. VAL-07: what nobody verified.
    let cache = Cache::new();
    cache.learn("a.z. NSEC b.victim. A\na.victim. NSEC z. A\nb.z. A 192.0.2.1\n", 60);
    let (apex, soa) = (name("z"), soa());
    let unchecked = sets("c.z. NSEC d.z. A\n").into_iter().map(|set| RrSet { security: Security::Unchecked, ..set });
    let proven = Proven { apex: &apex, sets: &unchecked.collect::<Vec<_>>(), soa: Some(&soa), ttl: Ttl::MAX };
    cache.denials.insert(&proven, cache.clock.now());
    assert!(cache.denials.is_empty() && cache.denials.octets() == 0);
}

const FIRST: &str = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
const SECOND: &str = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";

#[tokio::test(start_paused = true)]
async fn hashes_go_round_and_opt_out_is_left_out() {
    // RFC 5155 §3.1.7 and §6.
    let cache = Cache::new();
    cache.learn(&format!("{FIRST}.z. NSEC3 1 1 0 - {SECOND} A\n"), 60);
    assert!(cache.denials.is_empty());
    cache.learn(&format!("{FIRST}.z. NSEC3 1 0 0 - {SECOND} A\n{SECOND}.z. NSEC3 1 0 0 - {FIRST} A\n"), 60);
    let before = |octet| cache.find(&Place::Hash([octet; 20])).map(|(owner, _)| owner);
    assert_eq!([before(0), before(255)], [Some(format!("{SECOND}.z.")), Some(format!("{SECOND}.z."))]);
    assert_eq!(before(0x0a), Some(format!("{FIRST}.z.")));
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_denies_otherwise_begins_anew() {
    // C12: NSEC becomes NSEC3, and the salt changes, while the old is known.
    let cache = Cache::new();
    cache.learn("z. NSEC c.z. SOA\n", 60);
    let old = cache.denials.zone(&name("x.z"), cache.clock.now()).unwrap();
    cache.learn(&format!("{FIRST}.z. NSEC3 1 0 0 - {SECOND} A\n"), 60);
    assert_eq!(cache.denials.len(), 1);
    // Whoever looked before the change finds nothing of what came after it.
    assert_eq!(cache.denials.at_or_before(&old, &Place::Name(name("b.z")), cache.clock.now()), None);
    assert_eq!(cache.denials.at_or_before(&old, &Place::Hash([9; 20]), cache.clock.now()), None);
    cache.learn(&format!("{FIRST}.z. NSEC3 1 0 0 beef {SECOND} A\n"), 60);
    assert_eq!(cache.denials.len(), 1);
    cache.learn("z. NSEC c.z. SOA\n", 60);
    assert_eq!((cache.denials.len(), cache.before("b.z").as_deref()), (1, Some("z.")));
}

#[tokio::test(start_paused = true)]
async fn neither_one_large_zone_nor_many_small_ones_take_more_than_there_is() {
    let (clock, capacity) = (Clock::at(Duration::ZERO), 256 << 10);
    let denials = Denials::new(capacity as u64, Ttl::MAX, &Arc::default());
    let put = |apex: &str, text: &str| {
        let (apex, sets) = (name(apex), sets(text));
        let soa = RrSet { owner: apex.clone(), ..soa() };
        denials.insert(&Proven { apex: &apex, sets: &sets, soa: Some(&soa), ttl: Ttl::from_secs(60) }, clock.now());
    };
    put("kept", "a.kept. NSEC kept. A\n");
    for number in 0..5000 {
        put("large", &format!("n{number:05}.large. NSEC n{number:05}a.large. A\n"));
        assert!(denials.octets() <= capacity / PARTS + 2048);
    }
    assert!(denials.zone(&name("x.kept"), clock.now()).is_some());
    for number in 0..5000 {
        put(&format!("z{number}"), &format!("a.z{number}. NSEC z{number}. A\n"));
        assert!(denials.octets() <= capacity);
        // What is used stays.
        assert!(denials.zone(&name("x.kept"), clock.now()).is_some());
    }
    assert!(denials.zone(&name("x.large"), clock.now()).is_none() && denials.len() > 50);
}

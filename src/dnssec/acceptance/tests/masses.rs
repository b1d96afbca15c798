//! Keys and DS records in masses (KeyTrap, HashTrap), and how many of them are looked at.

use super::*;
use crate::dnssec::{Allowance, DigestType, Scope};

/// As many different keys with one tag as there are pairs of places: swapping two pairs of octets leaves the sum.
fn keys_alike(key: &[u8], count: usize) -> Vec<Vec<u8>> {
    let pairs = (key.len() - 4) / 2;
    let swaps = (0..pairs).flat_map(|a| (a + 1..pairs).map(move |b| (a, b)));
    let swapped = swaps.map(|(a, b)| {
        let mut key = key.to_vec();
        key.swap(4 + 2 * a, 4 + 2 * b);
        key.swap(5 + 2 * a, 5 + 2 * b);
        key
    });
    let keys: Vec<_> = swapped.filter(|other| other != key).take(count).collect();
    assert_eq!(keys.len(), count);
    keys
}

#[test]
fn keys_with_the_same_tag_cost_little() {
    // DOS-01, KeyTrap: 582 keys of one tag in a set that is signed well, times 340 signatures that are broken.
    for algorithm in [8, 13, 14, 15] {
        let ksk = Signer::new(ZONE, 1);
        let zsk = Signer::of_algorithm(ZONE, algorithm).with_flags(256);
        let real = zsk.dnskey();
        // The sixteen pairs of an Ed25519 key can be swapped in 120 ways.
        let mut keys = keys_alike(
            &real,
            match algorithm {
                8 => 230,
                15 => 119,
                _ => 400,
            },
        );
        keys.push(ksk.dnskey());
        let dnskeys = ksk.sign(&of(ZONE, RecordType::DNSKEY, &keys));
        let spent = work();
        let verdict = accept(&trusted(&[ksk.ds(2)]), &dnskeys, Paths::One, NOW, &spent).unwrap();
        let before = spent.verifications();
        assert!(before <= 3, "64 KiB of keys");
        let Verdict::Keys(zone) = verdict else { panic!("is supported") };
        assert_eq!(zone.alike(zsk.tag(), Algorithm(algorithm)).count(), 2);
        let www = rrset("www.zone.example", RecordType::A, &["192.0.2.1"]);
        let honest = zsk.rrsig(&www, &zsk.fields(&www));
        let broken: Vec<_> = (0..340_u32).map(|i| [&honest[..48], &i.to_be_bytes(), &honest[52..]].concat()).collect();
        let found = verify(&with_signatures(&www, &broken), &zone, NOW, &spent).unwrap_err().reason;
        assert_eq!(found, Reason::TooMuch(TooMuch::Failures));
        assert_eq!(spent.verifications(), before + 8, "algorithm {algorithm}");
    }
}

#[test]
fn many_ds_times_many_keys_cost_sixteen_digests() {
    // DOS-04, HashTrap: every DS names the tag of every key, and is of none.
    let ksk = Signer::new(ZONE, 1);
    let dnskeys = ksk.sign(&of(ZONE, RecordType::DNSKEY, &keys_alike(&ksk.dnskey(), 100)));
    let ds: Vec<_> = (0..=255).map(|octet| with(&ksk.ds(2), 10, octet)).filter(|ds| *ds != ksk.ds(2)).collect();
    let spent = work();
    assert_eq!(accept(&trusted(&ds), &dnskeys, Paths::One, NOW, &spent).unwrap_err().reason, Reason::KeyMissing);
    assert_eq!((spent.spend_digest(), spent.verifications()), (Err(TooMuch::Digests), 0));
}

#[test]
fn keys_that_are_none_are_paid_for() {
    // DOS-05: a point that is not on the curve. The parent vouches for it, and the signature names it.
    let signer = Signer::of_algorithm(ZONE, 13);
    let off_curve = with(&signer.dnskey(), 67, signer.dnskey()[67] ^ 1);
    let key = Dnskey::parse(&off_curve).unwrap();
    assert!(key.algorithm.prepare(key.public_key).is_none());
    let digest = DigestType(2).digest(&[&signer.apex.key(), &off_curve]).unwrap();
    let ds = [&key.tag().to_be_bytes()[..], &[13, 2], digest.as_ref()].concat();
    let set = of(ZONE, RecordType::DNSKEY, &[&off_curve]);
    let fields = Fields { tag: key.tag(), ..signer.fields(&set) };
    let set = with_signatures(&set, &[signer.rrsig(&set, &fields)]);
    let spent = Work::new(Allowance { verifications: 32, failures: 1, digests: 16, hash_blocks: 0 });
    assert_eq!(accept(&trusted(&[&ds]), &set, Paths::One, NOW, &spent).unwrap_err().reason, Reason::BadSignature);
    assert_eq!((spent.verifications(), spent.spend_verification()), (1, Err(TooMuch::Failures)));
}

/// As much work as a question may have; all else is as usual.
fn looking(change: fn(&mut Scope)) -> Work {
    let mut scope = Scope::DEFAULT;
    change(&mut scope);
    work().within(scope)
}

fn met(work: &Work) -> Vec<WorkBound> {
    work.met().collect()
}

/// The keys of [`ZONE`], or why there are none, and the bounds that were met on the way.
fn keys(ds: &[Vec<u8>], dnskeys: &RrSet, work: &Work) -> (Result<ZoneKeys, Reason>, Vec<WorkBound>) {
    let keys = match accept(&trusted(ds), dnskeys, Paths::One, NOW, work) {
        Ok(Verdict::Keys(keys)) => Ok(keys),
        Ok(Verdict::Unsupported { ede }) => panic!("{ede:?}"),
        Err(bogus) => Err(bogus.reason),
    };
    (keys, met(work))
}

#[test]
fn the_first_ds_records_are_looked_at() {
    let zone = Zone::new();
    let ds = [with(&zone.ds(), 10, !zone.ds()[10]), with(&zone.ds(), 11, !zone.ds()[11]), zone.ds()];
    let (found, met) = keys(&ds, &zone.dnskeys(), &looking(|scope| scope.ds = 2));
    assert_eq!((found.err(), met), (Some(Reason::KeyMissing), vec![WorkBound::Ds]));
    let (found, met) = keys(&ds, &zone.dnskeys(), &looking(|scope| scope.ds = 3));
    assert_eq!((found.err(), met), (None, vec![]));
    // Those of unknown algorithms take no room; and to look at none does not make a zone insecure.
    let unknown = [with(&zone.ds(), 2, 252), with(&zone.ds(), 3, 77), zone.ds()];
    let (found, met) = keys(&unknown, &zone.dnskeys(), &looking(|scope| scope.ds = 1));
    assert_eq!((found.err(), met), (None, vec![]));
    let (found, met) = keys(&unknown, &zone.dnskeys(), &looking(|scope| scope.ds = 0));
    assert_eq!((found.err(), met), (Some(Reason::KeyMissing), vec![WorkBound::Ds]));
}

#[test]
fn the_first_keys_alike_are_looked_at() {
    // The parent vouches for the third of three keys of one tag.
    let ksk = Signer::new(ZONE, 1);
    let all = [keys_alike(&ksk.dnskey(), 2), vec![ksk.dnskey()]].concat();
    let dnskeys = ksk.sign(&of(ZONE, RecordType::DNSKEY, &all));
    let (found, met) = keys(&[ksk.ds(2)], &dnskeys, &looking(|_| ()));
    assert_eq!((found.err(), met), (Some(Reason::KeyMissing), vec![WorkBound::KeysAlike]));
    let (found, met) = keys(&[ksk.ds(2)], &dnskeys, &looking(|scope| scope.keys_alike = 3));
    assert_eq!((found.err(), met), (None, vec![]));
}

#[test]
fn who_misses_a_key_that_was_left_out_is_told_so() {
    let zone = Zone::new();
    let www = zone.zsk.sign(&rrset("www.zone.example", RecordType::A, &["192.0.2.1"]));
    let judged = |others: &[Vec<u8>], scope: fn(&mut Scope)| {
        let all = [&[zone.ksk.dnskey()], others, &[zone.zsk.dnskey()]].concat();
        let dnskeys = zone.ksk.sign(&of(ZONE, RecordType::DNSKEY, &all));
        let (keys, accepted) = keys(&[zone.ds()], &dnskeys, &looking(scope));
        // Another question, for which the keys are remembered.
        let own = looking(scope);
        let found = verify(&www, &keys.unwrap(), NOW, &own).map(|_| ()).map_err(|bogus| bogus.reason);
        assert!(accepted.is_empty() || found.is_ok() || accepted == met(&own), "{accepted:?}");
        (found, accepted)
    };
    let another = [Signer::new(ZONE, 3).with_flags(256).dnskey()];
    let (keys, alike) = (vec![WorkBound::Keys], vec![WorkBound::KeysAlike]);
    assert_eq!(judged(&another, |scope| scope.keys = 2), (Err(Reason::KeyMissing), keys));
    assert_eq!(judged(&another, |scope| scope.keys = 3), (Ok(()), vec![]));
    let fakes = keys_alike(&zone.zsk.dnskey(), 1);
    assert_eq!(judged(&fakes, |scope| scope.keys_alike = 1), (Err(Reason::BadSignature), alike));
    assert_eq!(judged(&fakes, |scope| scope.keys_alike = 2), (Ok(()), vec![]));
}

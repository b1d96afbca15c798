//! Signatures that lie in one field, and what is made of many at once.

use super::*;
use crate::dnssec::signer::{ALLOWANCE, Fields, NOW, Signer, of, rrset, with_signatures, work};
use crate::dnssec::{Allowance, Scope, TooMuch};

const ZONE: &str = "zone.example";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn www() -> RrSet {
    rrset("www.zone.example", RecordType::A, &["192.0.2.1", "192.0.2.2"])
}

fn reason(set: &RrSet, keys: &ZoneKeys) -> Reason {
    let bogus = verify(set, keys, NOW, &work()).unwrap_err();
    assert_eq!((&bogus.name, bogus.rtype), (&set.owner, set.rtype));
    bogus.reason
}

/// What becomes of `set` when `lie` has changed what is signed, and the signature is true.
fn lying(set: &RrSet, lie: impl FnOnce(&mut Fields)) -> Result<Verified, Reason> {
    let signer = Signer::new(ZONE, 1);
    let mut fields = signer.fields(set);
    lie(&mut fields);
    let set = with_signatures(set, &[signer.rrsig(set, &fields)]);
    verify(&set, &signer.keys(), NOW, &work()).map_err(|bogus| bogus.reason)
}

fn verified(ttl: u32, wildcard: Option<&str>) -> Result<Verified, Reason> {
    Ok(Verified { ttl: Ttl::from_secs(ttl), wildcard: wildcard.map(name), signer: name(ZONE) })
}

#[test]
fn every_algorithm_verifies_what_it_signs() {
    for algorithm in [8, 10, 13, 14, 15] {
        let signer = Signer::of_algorithm(ZONE, algorithm);
        let set = signer.sign(&www());
        let work = work();
        assert_eq!(verify(&set, &signer.keys(), NOW, &work).map_err(|bogus| bogus.reason), verified(3600, None));
        assert_eq!(work.verifications(), 1, "algorithm {algorithm}");
        let other = RrSet { rdatas: rrset(".", RecordType::A, &["192.0.2.1"]).rdatas, ..set };
        assert_eq!(reason(&other, &signer.keys()), Reason::BadSignature, "algorithm {algorithm}");
    }
}

#[test]
fn labels_lie_between_those_of_the_signer_and_of_the_owner() {
    // VAL-01: true signatures all, but by whom has no right to sign `*.example.` or `*.`.
    for labels in [0, 1, 4, 255] {
        assert_eq!(lying(&www(), |fields| fields.labels = labels), Err(Reason::BadSignature), "{labels}");
    }
    assert_eq!(lying(&www(), |fields| fields.labels = 3), verified(3600, None));
    assert_eq!(lying(&www(), |fields| fields.labels = 2), verified(3600, Some(ZONE)));
}

#[test]
fn wildcards_are_restored() {
    // RFC 4035 §5.3.2, RFC 4592.
    let deep = rrset("A.b.*.C.zone.example", RecordType::A, &["192.0.2.1"]);
    assert_eq!(lying(&deep, |fields| fields.labels = 3), verified(3600, Some("c.zone.example")));
    assert_eq!(lying(&deep, |fields| fields.labels = 6), verified(3600, None));
    let wildcard = rrset("*.zone.example", RecordType::A, &["192.0.2.1"]);
    assert_eq!(lying(&wildcard, |_| ()), verified(3600, None));
    // A `*` counts when it is not in front, and not when it is.
    assert_eq!(lying(&wildcard, |fields| fields.labels = 3), Err(Reason::BadSignature));
    // An expanded name that itself starts with `*`.
    let below = rrset("*.b.zone.example", RecordType::A, &["192.0.2.1"]);
    let signer = Signer::new(ZONE, 1);
    let of_wildcard = signer.sign(&wildcard).signatures;
    let below = RrSet { signatures: of_wildcard, ..below };
    let found = verify(&below, &signer.keys(), NOW, &work()).map_err(|bogus| bogus.reason);
    assert_eq!(found, verified(3600, Some(ZONE)));
}

#[test]
fn only_the_zone_that_holds_the_owner_signs() {
    // VAL-13: the parent signs the child's data, the child its sibling's, or its own DS.
    let parent = Signer::new("example", 1);
    assert_eq!(reason(&parent.sign(&www()), &Signer::new(ZONE, 1).keys()), Reason::SignaturesMissing);
    let child = Signer::new(ZONE, 1);
    let sibling = rrset("www.other.example", RecordType::A, &["192.0.2.1"]);
    assert_eq!(reason(&child.sign(&sibling), &child.keys()), Reason::SignaturesMissing);
    // VAL-17: the same octets less their lengths.
    let alike = rrset("www.zon.eexample", RecordType::A, &["192.0.2.1"]);
    assert_eq!(reason(&child.sign(&alike), &child.keys()), Reason::SignaturesMissing);
    let ds = of(ZONE, RecordType::DS, &[child.ds(2)]);
    assert_eq!(reason(&child.sign(&ds), &child.keys()), Reason::SignaturesMissing);
    assert!(verify(&parent.sign(&ds), &parent.keys(), NOW, &work()).is_ok());
}

#[test]
fn what_no_signature_can_cover_is_not_looked_at() {
    // VAL-21.
    let signer = Signer::new(ZONE, 1);
    for rtype in [RecordType::ANY, RecordType::AXFR, RecordType::OPT, RecordType::TSIG, RecordType::RRSIG] {
        let set = of(ZONE, rtype, &[[1, 2, 3, 4]]);
        assert_eq!(reason(&signer.sign(&set), &signer.keys()), Reason::SignaturesMissing, "{rtype}");
    }
}

#[test]
fn case_does_not_matter() {
    let signer = Signer::new("ZONE.Example", 1);
    let set = RrSet { owner: name("wWw.zone.EXAMPLE"), ..signer.sign(&www()) };
    assert!(verify(&set, &signer.keys(), NOW, &work()).is_ok());
}

#[test]
fn time_is_a_circle() {
    // RFC 4034 §3.1.5: in 2106 the numbers start again.
    let late = u32::MAX - 100;
    let signer = Signer::new(ZONE, 1);
    let at = |inception: u32, expiration: u32, now: u32| {
        let fields = Fields { inception, expiration, ..signer.fields(&www()) };
        let set = with_signatures(&www(), &[signer.rrsig(&www(), &fields)]);
        verify(&set, &signer.keys(), now, &work()).map_err(|bogus| bogus.reason)
    };
    assert_eq!(at(late, 100, u32::MAX), verified(101, None));
    assert_eq!(at(late, 100, 99), verified(1, None));
    assert_eq!(at(late, 100, 161), Err(Reason::Expired));
    assert_eq!(at(late, 100, late - 61), Err(Reason::NotYetValid));
    assert_eq!(at(u32::MAX, 100, late), Err(Reason::NotYetValid));
    assert_eq!(at(100, late, 50), Err(Reason::NeverValid));
    // Clocks may differ by a minute; what lives on it is not kept.
    assert_eq!(at(1000, 2000, 940), verified(1060, None));
    assert_eq!(at(1000, 2000, 939), Err(Reason::NotYetValid));
    assert_eq!(at(1000, 2000, 2060), verified(0, None));
    assert_eq!(at(1000, 2000, 2061), Err(Reason::Expired));
}

#[test]
fn the_ttl_is_the_smallest_of_three() {
    // RFC 4035 §5.3.3; RFC 2181 §8 for the one with the top bit.
    assert_eq!(lying(&www().with_ttl(Ttl::from_secs(30)), |_| ()), verified(30, None));
    assert_eq!(lying(&www(), |fields| fields.original_ttl = 40), verified(40, None));
    assert_eq!(lying(&www(), |fields| fields.expiration = NOW + 50), verified(50, None));
    assert_eq!(lying(&www(), |fields| fields.original_ttl = u32::MAX), verified(0, None));
}

#[test]
fn one_good_signature_among_two_hundred() {
    // DOS-08: expired, unknown and broken ones do not crowd it out, and only what fits is verified.
    let signer = Signer::new(ZONE, 1);
    for place in [0, 7, 100, 199] {
        let rrsigs: Vec<_> = (0..200_u32)
            .map(|i| {
                let honest = signer.fields(&www());
                let fields = match i % 3 {
                    _ if i == place => honest,
                    0 => Fields { expiration: NOW - 100 - i, ..honest },
                    1 => Fields { tag: honest.tag ^ 1, original_ttl: i, ..honest },
                    _ => Fields { algorithm: 16, original_ttl: i, ..honest },
                };
                signer.rrsig(&www(), &fields)
            })
            .collect();
        let work = work();
        let set = with_signatures(&www(), &rrsigs);
        assert!(verify(&set, &signer.keys(), NOW, &work).is_ok());
        assert_eq!(work.verifications(), 1, "{place}");
    }
}

#[test]
fn bad_signatures_end_soon() {
    // DOS-02, SigJam: 340 signatures that fit until they are verified.
    let signer = Signer::new(ZONE, 1);
    let rrsig = signer.rrsig(&www(), &signer.fields(&www()));
    let broken: Vec<_> = (0..340_u16)
        .map(|i| {
            let mut rrsig = rrsig.clone();
            let end = rrsig.len();
            rrsig[end - 2..].copy_from_slice(&i.to_be_bytes());
            rrsig
        })
        .collect();
    let set = with_signatures(&www(), &broken);
    let work = work();
    let spent = Reason::TooMuch(TooMuch::Failures);
    assert_eq!(verify(&set, &signer.keys(), NOW, &work).unwrap_err().reason, spent);
    assert_eq!(work.verifications(), 8);
    // Eight have failed: that was all the question may have.
    let honest = signer.sign(&www());
    assert_eq!(verify(&honest, &signer.keys(), NOW, &work).unwrap_err().reason, spent);
    assert_eq!(work.verifications(), 8);
}

#[test]
fn so_many_signatures_are_tried_as_the_operator_wants() {
    let signer = Signer::new(ZONE, 1);
    let lasting = |number: u32| Fields { expiration: NOW + 90_000 + number, ..signer.fields(&www()) };
    let spoilt = |number| {
        let mut rrsig = signer.rrsig(&www(), &lasting(number));
        *rrsig.last_mut().unwrap() ^= 1;
        rrsig
    };
    // The good one ends first, so it is tried last.
    let crowd = |bad: u32| {
        let all: Vec<_> = (1..=bad).map(spoilt).chain([signer.rrsig(&www(), &lasting(0))]).collect();
        with_signatures(&www(), &all)
    };
    let judged = |set: &RrSet, signatures: u32, failures: u32| {
        let allowance = Allowance { failures, ..ALLOWANCE };
        let work = Work::new(allowance).within(Scope { signatures, ..Scope::DEFAULT });
        let found = verify(set, &signer.keys(), NOW, &work).map(|_| ()).map_err(|bogus| bogus.reason);
        (found, work.failures(), work.met().collect::<Vec<_>>())
    };
    let bad = Err(Reason::BadSignature);
    assert_eq!(judged(&crowd(4), 4, 8), (bad, 4, vec![WorkBound::Signatures]));
    assert_eq!(judged(&crowd(4), 5, 8), (Ok(()), 4, vec![]));
    // Where more may fail, it is no failure too many.
    assert_eq!(judged(&crowd(8), 8, 100), (bad, 8, vec![WorkBound::Signatures]));
    // One that is bad, and no other: nothing was left out.
    assert_eq!(judged(&with_signatures(&www(), &[spoilt(1)]), 1, 8), (bad, 1, vec![]));
}

#[test]
fn what_unfolds_to_a_megabyte_is_not_hashed() {
    // 4,096 addresses of a name of 255 octets: 64 KiB on the wire, over a mebibyte to hash.
    let label = "a".repeat(60);
    let owner = format!("{label}.{label}.{label}.{}.{ZONE}", &label[..57]);
    let many: Vec<_> = (0..4096_u32).map(u32::to_be_bytes).collect();
    let set = of(&owner, RecordType::A, &many);
    assert_eq!(set.owner.wire().len(), 255);
    let signer = Signer::new(ZONE, 1);
    assert_eq!(reason(&signer.sign(&set), &signer.keys()), Reason::TooMuch(TooMuch::Verifications));
    // Two thousand of a name as people have them are two verifications.
    let fair: Vec<_> = many.iter().take(2000).collect();
    let fair = signer.sign(&of("www.zone.example", RecordType::A, &fair));
    let spent = work();
    assert!(verify(&fair, &signer.keys(), NOW, &spent).is_ok());
    assert_eq!(spent.verifications(), 2);
}

#[test]
fn no_octets_make_it_panic() {
    // VAL-22: RRSIGs and data cut short at every place, and every octet changed.
    let signer = Signer::new(ZONE, 1);
    let set = signer.sign(&rrset(ZONE, RecordType::NAPTR, &["1 2 \"A\" \"B\" \"C\" D.Example."]));
    let (rdata, rrsig) = (set.rdatas.iter().next().unwrap(), set.signatures.iter().next().unwrap());
    let changed = |octets: &[u8], at: usize| {
        let mut octets = octets.to_vec();
        octets[at] ^= 0x55;
        octets
    };
    for (octets, is_data) in [(rdata, true), (rrsig, false)] {
        let cut = (0..octets.len()).map(|end| octets[..end].to_vec());
        for other in cut.chain((0..octets.len()).map(|at| changed(octets, at))) {
            let (data, signature) = if is_data { (&other[..], rrsig) } else { (rdata, &other[..]) };
            let set = with_signatures(&of(ZONE, RecordType::NAPTR, &[data]), &[signature]);
            let expected = if is_data { other.eq_ignore_ascii_case(rdata) } else { other.eq_ignore_ascii_case(rrsig) };
            assert_eq!(verify(&set, &signer.keys(), NOW, &work()).is_ok(), expected, "{other:?}");
        }
    }
}

#[test]
fn one_good_signature_is_found_wherever_it_stands() {
    // DOS-08: 199 that have expired, that begin tomorrow, that are by keys or algorithms which the zone does not have.
    let signer = Signer::new(ZONE, 1);
    let (set, keys) = (www(), signer.keys());
    let lies: [fn(&mut Fields, u16); 5] = [
        |fields, number| fields.expiration = NOW - 100 - u32::from(number),
        |fields, number| (fields.inception, fields.expiration) = (NOW + 100, NOW + 90_000 + u32::from(number)),
        |fields, number| (fields.tag, fields.expiration) = (fields.tag.wrapping_add(1 + number), NOW + 900_000),
        |fields, number| fields.algorithm = [1, 3, 5, 6, 7, 8, 10, 12, 13, 14][usize::from(number) % 10],
        |fields, number| fields.signer = if number % 2 == 0 { name("www.zone.example") } else { name("example") },
    ];
    let good = signer.rrsig(&set, &signer.fields(&set));
    for lie in lies {
        let others = (0..199u16).map(|number| {
            let mut fields = signer.fields(&set);
            lie(&mut fields, number);
            let mut rrsig = signer.rrsig(&set, &fields);
            // Those that differ in nothing else are different all the same.
            let [.., high, low] = &mut rrsig[..] else { unreachable!() };
            (*high, *low) = (*high ^ number as u8, *low ^ 1);
            rrsig
        });
        let others: Vec<Vec<u8>> = others.collect();
        for at in 0..200 {
            let mut all = others.clone();
            all.insert(at, good.clone());
            let (set, spent) = (with_signatures(&set, &all), work());
            let found = verify(&set, &keys, NOW, &spent).map_err(|bogus| bogus.reason);
            assert_eq!((&found, spent.verifications()), (&verified(3600, None), 1), "{at}");
            let kept = worth_keeping(&set, &keys, &found.unwrap(), NOW, &spent).unwrap();
            assert!(kept.len() <= 8 && kept.iter().any(|rdata| rdata == good), "{at}");
        }
    }
}

#[test]
fn a_set_keeps_the_signatures_that_say_something_of_it() {
    let signer = Signer::new(ZONE, 1);
    let set = signer.sign(&www());
    let kept = |set: &RrSet| {
        let found = verify(set, &signer.keys(), NOW, &work()).unwrap();
        worth_keeping(set, &signer.keys(), &found, NOW, &work())
    };
    assert_eq!(kept(&set), None);
    // By a key that is not known here, others may know it.
    assert_eq!(kept(&Signer::of_algorithm(ZONE, 13).sign(&set)), None);
    let foreign = Signer::new("example", 2).rrsig(&set, &Signer::new("example", 2).fields(&set));
    let mut wild = signer.fields(&set);
    wild.labels = 2;
    for other in [foreign, signer.rrsig(&set, &wild)] {
        let both: Vec<&[u8]> = set.signatures.iter().chain([&other[..]]).collect();
        assert_eq!(kept(&with_signatures(&set, &both)), Some(set.signatures.clone()));
    }
}

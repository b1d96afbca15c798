//! Keys and those who vouch for them, and every field that can be wrong.

mod masses;

use super::*;
use crate::dnssec::signer::{Fields, NOW, Signer, of, rrset, with_signatures, work};

const ZONE: &str = "zone.example";

/// A zone with a key for its keys and one for all else, both with their private halves.
struct Zone {
    ksk: Signer,
    zsk: Signer,
}

impl Zone {
    fn new() -> Self {
        Self { ksk: Signer::new(ZONE, 1), zsk: Signer::new(ZONE, 2).with_flags(256) }
    }

    fn ds(&self) -> Vec<u8> {
        self.ksk.ds(2)
    }

    fn dnskeys(&self) -> RrSet {
        self.ksk.sign(&of(ZONE, RecordType::DNSKEY, &[self.ksk.dnskey(), self.zsk.dnskey()]))
    }

    /// What becomes of the keys and of an address, by way of this DS and these keys.
    fn walk(&self, ds: &[u8], dnskeys: &RrSet) -> Result<Verified, Outcome> {
        let answer = self.zsk.sign(&rrset("www.zone.example", RecordType::A, &["192.0.2.1"]));
        let bogus = |bogus: Bogus| Outcome::Bogus(bogus.rtype, bogus.reason);
        match accept(&trusted(&[ds]), dnskeys, Paths::One, NOW, &work()).map_err(bogus)? {
            Verdict::Keys(keys) => verify(&answer, &keys, NOW, &work()).map_err(bogus),
            Verdict::Unsupported { ede } => Err(Outcome::Insecure(ede)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Bogus(RecordType, Reason),
    Insecure(EdeCode),
}

fn trusted(ds: &[impl AsRef<[u8]>]) -> Trusted {
    Trusted::by_parent(&of(ZONE, RecordType::DS, ds))
}

fn with(octets: &[u8], at: usize, value: u8) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[at] = value;
    octets
}

fn reason(trusted: &Trusted, dnskeys: &RrSet) -> Reason {
    accept(trusted, dnskeys, Paths::One, NOW, &work()).map(|_| ()).unwrap_err().reason
}

#[test]
fn a_key_vouched_for_speaks_for_the_set() {
    let zone = Zone::new();
    let verified = zone.walk(&zone.ds(), &zone.dnskeys()).unwrap();
    assert_eq!((verified.ttl, verified.signer), (Ttl::from_secs(3600), ZONE.parse().unwrap()));
    for digest_type in [1, 2, 4] {
        assert!(zone.walk(&zone.ksk.ds(digest_type), &zone.dnskeys()).is_ok());
    }
    // An anchor may be the key itself; but under its own name alone (VAL-15).
    let anchor = |apex: &str| Trusted {
        apex: apex.parse().unwrap(),
        ds: Rdatas::EMPTY,
        dnskeys: Rdatas::new([&zone.ksk.dnskey()[..]]).unwrap(),
    };
    assert!(matches!(accept(&anchor("Zone.Example"), &zone.dnskeys(), Paths::One, NOW, &work()), Ok(Verdict::Keys(_))));
    assert_eq!(reason(&anchor("example"), &zone.dnskeys()), Reason::KeyMissing);
}

#[test]
fn mutations_of_a_ds() {
    // VAL-25, VAL-26: each field by itself.
    let zone = Zone::new();
    let (ds, dnskeys) = (zone.ds(), zone.dnskeys());
    let missing = Outcome::Bogus(RecordType::DNSKEY, Reason::KeyMissing);
    for wrong in [
        with(&ds, 0, ds[0] ^ 1),
        with(&ds, 1, ds[1] ^ 1),
        with(&ds, 2, 13),
        with(&ds, 3, 4),
        with(&ds, 3, 1),
        with(&ds, 4, ds[4] ^ 1),
        ds[..35].to_vec(),
        ds[..4].to_vec(),
        [&ds[..], &[0]].concat(),
    ] {
        assert_eq!(zone.walk(&wrong, &dnskeys), Err(missing), "{wrong:?}");
    }
    let unsupported = |ede| Err(Outcome::Insecure(ede));
    for algorithm in [0, 1, 3, 6, 12, 16, 252] {
        let found = zone.walk(&with(&ds, 2, algorithm), &dnskeys);
        assert_eq!(found, unsupported(EdeCode::UNSUPPORTED_DNSKEY_ALGORITHM), "{algorithm}");
    }
    for digest_type in [0, 3, 5, 255] {
        let found = zone.walk(&with(&ds, 3, digest_type), &dnskeys);
        assert_eq!(found, unsupported(EdeCode::UNSUPPORTED_DS_DIGEST), "{digest_type}");
    }
}

#[test]
fn mutations_of_a_dnskey() {
    // VAL-25: the DS is of the key as it then is, and the key signs as it then is.
    let walk = |change: fn(&mut Zone)| {
        let mut zone = Zone::new();
        change(&mut zone);
        zone.walk(&zone.ds(), &zone.dnskeys()).map(|_| ())
    };
    let bogus = |reason| Err(Outcome::Bogus(RecordType::DNSKEY, reason));
    assert_eq!(walk(|_| ()), Ok(()));
    assert_eq!(walk(|zone| zone.ksk.flags = 256), Ok(()));
    assert_eq!(walk(|zone| zone.ksk.flags = 1), bogus(Reason::NoZoneKey));
    assert_eq!(walk(|zone| zone.ksk.flags = 257 | 0x80), bogus(Reason::KeyMissing));
    assert_eq!(walk(|zone| zone.ksk.protocol = 2), bogus(Reason::KeyMissing));
    // An Ed25519 key under the name of another algorithm is no key.
    assert_eq!(walk(|zone| zone.ksk.algorithm = 8), bogus(Reason::BadSignature));
    assert_eq!(walk(|zone| zone.ksk.algorithm = 13), bogus(Reason::BadSignature));
    let answer = |reason| Err(Outcome::Bogus(RecordType::A, reason));
    assert_eq!(walk(|zone| zone.zsk.flags = 0), answer(Reason::NoZoneKey));
    assert_eq!(walk(|zone| zone.zsk.flags = 256 | 0x80), answer(Reason::KeyMissing));
    assert_eq!(walk(|zone| zone.zsk.protocol = 4), answer(Reason::KeyMissing));
    assert_eq!(walk(|zone| zone.zsk.algorithm = 14), answer(Reason::BadSignature));
    assert_eq!(walk(|zone| zone.zsk.algorithm = 200), answer(Reason::KeyMissing));
    // One bit of the set, once it is signed.
    let zone = Zone::new();
    let changed = [with(&zone.ksk.dnskey(), 10, 0), zone.zsk.dnskey()];
    let changed = RrSet { rdatas: of(ZONE, RecordType::DNSKEY, &changed).rdatas, ..zone.dnskeys() };
    assert_eq!(zone.walk(&zone.ds(), &changed), Err(Outcome::Bogus(RecordType::DNSKEY, Reason::KeyMissing)));
    let changed = [zone.ksk.dnskey(), with(&zone.zsk.dnskey(), 10, 0)];
    let changed = RrSet { rdatas: of(ZONE, RecordType::DNSKEY, &changed).rdatas, ..zone.dnskeys() };
    assert_eq!(zone.walk(&zone.ds(), &changed), Err(Outcome::Bogus(RecordType::DNSKEY, Reason::BadSignature)));
    // A set in which nothing is a key of the zone, one without anything, and keys under another type.
    let none = zone.ksk.sign(&of(ZONE, RecordType::DNSKEY, &[with(&zone.zsk.dnskey(), 0, 0)]));
    assert_eq!(reason(&trusted(&[zone.ds()]), &none), Reason::NoZoneKey);
    assert_eq!(reason(&trusted(&[zone.ds()]), &of(ZONE, RecordType::DNSKEY, &[[]])), Reason::NoZoneKey);
    let other = RrSet { rtype: RecordType::CDNSKEY, ..zone.dnskeys() };
    assert_eq!(reason(&trusted(&[zone.ds()]), &other), Reason::KeyMissing);
}

#[test]
fn mutations_of_the_signature_over_the_keys() {
    // VAL-25 again, field by field; nothing is signed anew.
    let zone = Zone::new();
    let dnskeys = zone.dnskeys();
    let rrsig = dnskeys.signatures.iter().next().unwrap().to_vec();
    let found = |rrsig: &[u8]| reason(&trusted(&[zone.ds()]), &with_signatures(&dnskeys, &[rrsig]));
    let end = rrsig.len() - 1;
    let cases = [
        (with(&rrsig, 1, 1), Reason::SignaturesMissing),
        (with(&rrsig, 2, 13), Reason::SignaturesMissing),
        (with(&rrsig, 2, 252), Reason::SignaturesMissing),
        (with(&rrsig, 3, 3), Reason::BadSignature),
        (with(&rrsig, 3, 1), Reason::BadSignature),
        (with(&rrsig, 7, rrsig[7] ^ 1), Reason::BadSignature),
        (with(&rrsig, 11, rrsig[11] ^ 1), Reason::BadSignature),
        (with(&rrsig, 8, rrsig[8] - 1), Reason::NeverValid),
        (with(&rrsig, 9, rrsig[9] - 1), Reason::BadSignature),
        (with(&rrsig, 9, rrsig[9] - 2), Reason::NeverValid),
        (with(&rrsig, 12, rrsig[12] + 1), Reason::NeverValid),
        (with(&rrsig, 15, rrsig[15] ^ 1), Reason::BadSignature),
        (with(&rrsig, 17, rrsig[17] ^ 1), Reason::SignaturesMissing),
        (with(&rrsig, 20, b'a'), Reason::SignaturesMissing),
        (with(&rrsig, end, rrsig[end] ^ 1), Reason::BadSignature),
        (with(&rrsig, end - 40, rrsig[end - 40] ^ 1), Reason::BadSignature),
        (rrsig[..end].to_vec(), Reason::BadSignature),
        (rrsig[..32].to_vec(), Reason::BadSignature),
        (rrsig[..31].to_vec(), Reason::SignaturesMissing),
        (rrsig[..17].to_vec(), Reason::BadSignature),
        ([&rrsig[..], &[0]].concat(), Reason::BadSignature),
    ];
    for (rrsig, expected) in cases {
        assert_eq!(found(&rrsig), expected, "{rrsig:?}");
    }
    let signed_at = |inception, expiration| {
        let fields = Fields { inception, expiration, ..zone.ksk.fields(&dnskeys) };
        found(&zone.ksk.rrsig(&dnskeys, &fields))
    };
    assert_eq!(signed_at(NOW - 1000, NOW - 61), Reason::Expired);
    assert_eq!(signed_at(NOW + 61, NOW + 1000), Reason::NotYetValid);
    let unsigned = RrSet { signatures: Rdatas::EMPTY, ..dnskeys.clone() };
    assert_eq!(reason(&trusted(&[zone.ds()]), &unsigned), Reason::SignaturesMissing);
}

#[test]
fn a_good_key_does_not_vouch_for_the_others() {
    // VAL-14: the DS is of the first key; the set is signed by the second alone.
    let zone = Zone::new();
    let unsigned = of(ZONE, RecordType::DNSKEY, &[zone.ksk.dnskey(), zone.zsk.dnskey()]);
    assert_eq!(reason(&trusted(&[zone.ds()]), &zone.zsk.sign(&unsigned)), Reason::SignaturesMissing);
    assert!(zone.walk(&zone.zsk.ds(2), &zone.zsk.sign(&unsigned)).is_ok());
}

#[test]
fn any_way_that_is_valid_will_do_but_the_weak_counts_only_alone() {
    let zone = Zone::new();
    let (strong, weak) = (zone.ds(), zone.ksk.ds(1));
    let unknown = with(&strong, 2, 252);
    let broken = with(&strong, 20, !strong[20]);
    let keys = |ds: &[&Vec<u8>]| {
        accept(&trusted(ds), &zone.dnskeys(), Paths::One, NOW, &work()).map(|_| ()).map_err(|b| b.reason)
    };
    // RFC 6840 §5.11, VAL-26.
    assert_eq!(keys(&[&unknown, &broken, &strong]), Ok(()));
    // RFC 4509 §3.
    assert_eq!(keys(&[&weak, &broken]), Err(Reason::KeyMissing));
    assert_eq!(keys(&[&weak, &unknown]), Ok(()));
    // VAL-26: what could be judged is gone, what is left is another's. That is not insecure.
    let stripped = with_signatures(&zone.dnskeys(), &[with(&[7; 90], 2, 252)]);
    assert_eq!(reason(&trusted(&[strong, unknown]), &stripped), Reason::SignaturesMissing);
}

#[test]
fn a_path_for_each_algorithm_when_that_is_wanted() {
    // RFC 6840 §5.11.
    let (first, second) = (Signer::new(ZONE, 1), Signer::of_algorithm(ZONE, 13));
    let set = of(ZONE, RecordType::DNSKEY, &[first.dnskey(), second.dnskey()]);
    let (one, two) = (first.rrsig(&set, &first.fields(&set)), second.rrsig(&set, &second.fields(&set)));
    let expired = Fields { inception: NOW - 1000, expiration: NOW - 100, ..second.fields(&set) };
    let short = Fields { expiration: NOW + 60, ..second.fields(&set) };
    let (both, alone) = (with_signatures(&set, &[&one, &two]), with_signatures(&set, &[&one]));
    let judged = |trusted: &Trusted, set: &RrSet, paths, work: &Work| match accept(trusted, set, paths, NOW, work) {
        Ok(Verdict::Keys(keys)) => Ok(keys.ttl.as_secs()),
        Ok(Verdict::Unsupported { ede }) => panic!("{ede:?}"),
        Err(bogus) => Err(bogus.reason),
    };
    let every = |trusted: &Trusted, set: &RrSet| judged(trusted, set, Paths::OneOfEachAlgorithm, &work());
    let parent = trusted(&[first.ds(2), second.ds(2)]);
    let operator = Trusted { ds: Rdatas::EMPTY, dnskeys: both.rdatas.clone(), ..parent.clone() };
    for trusted in [&parent, &operator] {
        assert_eq!(every(trusted, &both), Ok(3600));
        assert_eq!(every(trusted, &with_signatures(&set, &[&one, &second.rrsig(&set, &short)])), Ok(60));
        let late = with_signatures(&set, &[&one, &second.rrsig(&set, &expired)]);
        for incomplete in [&alone, &with_signatures(&set, &[&one, &with(&two, 60, !two[60])]), &late] {
            assert_eq!(judged(trusted, incomplete, Paths::One, &work()), Ok(3600));
            assert_eq!(every(trusted, incomplete), Err(Reason::AlgorithmMissing(Algorithm(13))));
        }
        assert_eq!(every(trusted, &set), Err(Reason::SignaturesMissing));
    }
    // The parent names a key that is not there.
    let gone = with(&second.ds(2), 10, !second.ds(2)[10]);
    assert_eq!(every(&trusted(&[first.ds(2), gone]), &both), Err(Reason::AlgorithmMissing(Algorithm(13))));
    // Only what the parent names counts, and of that what can be judged and is strong (RFC 6840 §5.2, RFC 4509 §3).
    assert_eq!(every(&trusted(&[first.ds(2)]), &alone), Ok(3600));
    for passed_over in [with(&second.ds(2), 2, 252), with(&second.ds(2), 3, 77), second.ds(1)] {
        assert_eq!(every(&trusted(&[first.ds(2), passed_over]), &alone), Ok(3600));
    }
    // KeyTrap: what is looked at is paid for, and nothing is looked at twice when there is one algorithm.
    let spent = work();
    assert_eq!(judged(&trusted(&[first.ds(2), first.ds(4)]), &both, Paths::OneOfEachAlgorithm, &spent), Ok(3600));
    assert_eq!(spent.verifications(), 1);
    let few = Work::new(crate::dnssec::Allowance { verifications: 1, failures: 8, digests: 16, hash_blocks: 0 });
    let too_much = Reason::TooMuch(TooMuch::Verifications);
    assert_eq!(judged(&parent, &both, Paths::OneOfEachAlgorithm, &few), Err(too_much));
}

#[test]
fn revoked_keys_sign_for_nobody_but_themselves() {
    // RFC 5011 §2.1.
    let zone = Zone { ksk: Signer::new(ZONE, 1).with_flags(257 | 0x80), ..Zone::new() };
    let (revoked, other) = (zone.ksk.dnskey(), zone.zsk.dnskey());
    assert!(signed_by(&revoked, &zone.dnskeys(), NOW, &work()).is_ok());
    let found = |rdata: &[u8]| signed_by(rdata, &zone.dnskeys(), NOW, &work()).unwrap_err().reason;
    assert_eq!(found(&other), Reason::KeyMissing);
    assert_eq!(found(&with(&revoked, 2, 2)), Reason::KeyMissing);
    assert_eq!(found(&[]), Reason::KeyMissing);
}

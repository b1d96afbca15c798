//! The signed Internet as the resolver's own judges see it: every question to every zone, under every way of signing.

use super::*;
use crate::dns::{Question, Rcode};
use crate::dnssec::denial::{Delegation, Denied, NameError, Proofs};
use crate::dnssec::{Allowance, Bogus, Paths, Reason, Trusted, Verdict, Verified, Work, ZoneKeys, accept, verify};
use crate::playground::{Answer, Bait, DsField, Rewrite, Role, SigningKey, Trap, colliding_keys};

const WALL: Duration = Duration::from_secs(1_767_225_600);
const NOW: u32 = WALL.as_secs() as u32;

fn n(text: &str) -> Name {
    text.parse().unwrap()
}

fn work() -> Work {
    Work::new(Allowance { verifications: 64, failures: 16, digests: 16, hash_blocks: 100_000 })
}

/// A zone with one of everything below an apex.
const RICH: &str = "$TTL 3600\n@ SOA ns Host.Master 1 7200 900 1209600 300\n@ NS NS\nns A 192.0.2.1\n@ MX 10 MAIL.ns\n\
    @ TXT \"a\" \"b\"\n@ NAPTR 1 1 u x \"\" Ns\nwww A 192.0.2.3\nwww A 192.0.2.2\nwww AAAA 2001:db8::1\nAlias CNAME WWW\n\
    _x._tcp SRV 1 2 3 Ns\nodd TYPE65280 \\# 3 414243\n*.wild A 192.0.2.4\n*.wild TXT w\nx.wild A 192.0.2.5\n\
    *.wildalias CNAME www\na.b.empty A 192.0.2.6\nold DNAME b.empty\nunsigned NS ns.unsigned\nns.unsigned A 192.0.2.7\n\
    d.e NS ns.elsewhere.test.\nsafe NS ns.safe\nsafe DS 1 13 2 00\nns.safe A 192.0.2.8\n";

/// Names of every kind, below `example.`.
const NAMES: [&str; 22] = [
    "example",
    "ns.example",
    "www.example",
    "alias.example",
    "_x._tcp.example",
    "_tcp.example",
    "odd.example",
    "x.wild.example",
    "y.wild.example",
    "z.y.wild.example",
    "wild.example",
    "q.wildalias.example",
    "empty.example",
    "b.empty.example",
    "no.example",
    "a.no.example",
    "a.old.example",
    "no.old.example",
    "unsigned.example",
    "www.unsigned.example",
    "x.d.e.example",
    "www.safe.example",
];

fn denials() -> [Denials; 4] {
    let salted = Hashing { iterations: 3, salt: vec![1, 2, 3] };
    [Denials::Nsec, Denials::Nsec3(Hashing::default()), Denials::Nsec3(salted.clone()), Denials::Nsec3OptOut(salted)]
}

/// The keys of a zone, by way of the DS set that its signer hands out.
fn keys(zone: &Zone, ds: &RrSet, work: &Work) -> Result<Verdict, Bogus> {
    accept(&Trusted::by_parent(ds), zone.rrset(zone.apex(), RecordType::DNSKEY).unwrap(), Paths::One, NOW, work)
}

fn trusted(zone: &Zone, signer: &Signer) -> ZoneKeys {
    match keys(zone, &signer.ds(zone.apex()).unwrap(), &work()).unwrap() {
        Verdict::Keys(keys) => keys,
        verdict => panic!("{verdict:?}"),
    }
}

/// Verifies what an answer holds and judges what it denies; says what it was.
fn judge(question: &Question, answer: &Answer, keys: &ZoneKeys) -> String {
    let work = work();
    let check = |set: &RrSet| verify(set, keys, NOW, &work).unwrap_or_else(|bogus| panic!("{question}: {bogus}"));
    let dnames: Vec<&RrSet> = answer.answer.iter().filter(|set| set.rtype == RecordType::DNAME).collect();
    let made = |set: &RrSet| dnames.iter().any(|dname| set.owner.is_strictly_below(&dname.owner));
    let mut proofs = Proofs::new(&keys.apex, answer.proofs.iter().inspect(|set| drop(check(set))), &work);
    let mut expanded = None;
    for set in answer.answer.iter().filter(|set| !(set.rtype == RecordType::CNAME && made(set))) {
        if set.rtype == RecordType::RRSIG {
            continue;
        }
        let Verified { wildcard, .. } = check(set);
        if let Some(encloser) = wildcard {
            proofs.as_mut().unwrap().wildcard_expansion(&set.owner, &encloser).unwrap();
            expanded = Some("wildcard ");
        }
    }
    let last = answer.answer.iter().rev().find(|set| set.rtype == RecordType::CNAME).and_then(RrSet::target);
    let last = last.unwrap_or_else(|| question.name.clone());
    let servers = answer.authority.iter().find(|set| set.rtype == RecordType::NS);
    let end = match (servers, answer.rcode) {
        (Some(cut), _) if answer.authority.iter().any(|set| set.rtype == RecordType::DS) => {
            assert!(cut.signatures.is_empty());
            check(&answer.authority[1]);
            "secure referral".to_owned()
        }
        (Some(cut), _) => match proofs.unwrap().unsigned_delegation(&cut.owner).unwrap() {
            kind @ (Delegation::Unsigned | Delegation::OptOut) => format!("{kind:?} referral"),
            kind => panic!("{question}: {kind:?}"),
        },
        (None, Rcode::NXDOMAIN) => match proofs.unwrap().name_error(&last).unwrap() {
            NameError::Absent(denied) => format!("no name {denied:?}"),
            NameError::Empty => panic!("{question}: empty"),
        },
        (None, _) if answer.authority.is_empty() => "data".to_owned(),
        (None, _) => match proofs
            .unwrap()
            .no_data(&last, question.rtype)
            .unwrap_or_else(|reason| panic!("{question}: {reason} {answer:?}"))
        {
            Denied::Iterations => panic!("{question}: iterations"),
            denied => format!("no data {denied:?}"),
        },
    };
    answer.authority.iter().filter(|set| set.rtype == RecordType::SOA).for_each(|set| drop(check(set)));
    format!("{}{end}", expanded.unwrap_or_default())
}

#[test]
fn every_answer_of_every_kind_of_zone_is_judged_right() {
    let types = [1, 2, 5, 6, 15, 16, 28, 33, 35, 39, 43, 46, 48, 65_280].map(RecordType);
    for denials in denials() {
        let signer = Signer::for_zone(&n("example"), Window::around(WALL)).unwrap().denying(denials.clone());
        let zone = signer.sign(&Zone::read(&n("example"), RICH).unwrap()).unwrap();
        let keys = trusted(&zone, &signer);
        let mut seen = std::collections::BTreeMap::<String, usize>::new();
        for (name, rtype) in NAMES.iter().flat_map(|name| types.map(|rtype| (name, rtype))) {
            let question = Question::new(n(name), rtype);
            // A zone is not asked for its own DS set: that is the parent's.
            if rtype == RecordType::DS && *name == "example" {
                continue;
            }
            *seen.entry(judge(&question, &zone.answer(&question), &keys)).or_default() += 1;
        }
        let opt_out = matches!(denials, Denials::Nsec3OptOut(_));
        let wanted: &[&str] = match opt_out {
            true => {
                &["OptOut referral", "no name OptOut", "no data Proven", "no data OptOut", "secure referral", "data"]
            }
            false => &["Unsigned referral", "no name Proven", "no data Proven", "secure referral", "wildcard data"],
        };
        for kind in wanted {
            assert!(seen.contains_key(*kind), "{kind} under {denials:?}: {seen:?}");
        }
        assert_eq!(seen.values().sum::<usize>(), NAMES.len() * types.len() - 1, "{seen:?}");
    }
}

#[test]
fn every_algorithm_validates() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::new(algorithm, Window::around(WALL), 5).unwrap();
        let zone =
            signer.sign(&Zone::read(&n("example"), "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n").unwrap());
        let zone = zone.unwrap();
        let keys = trusted(&zone, &signer);
        for set in zone.rrsets() {
            verify(set, &keys, NOW, &work()).unwrap_or_else(|bogus| panic!("{algorithm:?}: {bogus}"));
        }
    }
}

#[test]
fn the_standard_chain_validates_as_its_names_say() {
    let zones = Chain::standard(Window::around(WALL)).unwrap().zones().unwrap();
    let (internet, anchor) = Internet::signed(WALL).unwrap();
    assert_eq!((internet.authorities.len(), anchor.rdatas.len()), (2 + ZONES.len(), 1));
    let Verdict::Keys(root) = keys(&zones[&Name::root()], &anchor, &work()).unwrap() else { panic!("root") };
    let ds = zones[&Name::root()].rrset(&n("test"), RecordType::DS).unwrap();
    verify(ds, &root, NOW, &work()).unwrap();
    let Verdict::Keys(test) = keys(&zones[&n("test")], ds, &work()).unwrap() else { panic!("test") };
    let end = |label: &str| {
        let apex = n(&format!("{label}.test"));
        let Some(ds) = zones[&n("test")].rrset(&apex, RecordType::DS) else { return "insecure".to_owned() };
        verify(ds, &test, NOW, &work()).unwrap();
        match keys(&zones[&apex], ds, &work()) {
            Ok(Verdict::Keys(keys)) => {
                let www = zones[&apex].rrset(&n(&format!("www.{label}.test")), RecordType::A).unwrap();
                verify(www, &keys, NOW, &work())
                    .map_or_else(|bogus| format!("{:?}", bogus.reason), |_| "secure".to_owned())
            }
            Ok(Verdict::Unsupported { .. }) => "unsupported".to_owned(),
            Err(bogus) => format!("{:?}", bogus.reason),
        }
    };
    let ends = ["secure", "nsec", "nsec3", "insecure", "bogus", "expired", "unknown"].map(end);
    assert_eq!(ends, ["secure", "secure", "secure", "insecure", "BadSignature", "Expired", "unsupported"]);
}

/// What becomes of `www.example A` under a flaw.
fn under(flaw: Flaw) -> Result<(), Reason> {
    let signer = Signer::for_zone(&n("example"), Window::around(WALL)).unwrap().wrong(flaw);
    let zone = signer.sign(&Zone::read(&n("example"), RICH).unwrap()).unwrap();
    let work = work();
    let verdict = keys(&zone, &signer.ds(&n("example")).unwrap(), &work).map_err(|bogus| bogus.reason)?;
    let Verdict::Keys(keys) = verdict else { return Err(Reason::NoZoneKey) };
    let www = zone.rrset(&n("www.example"), RecordType::A).unwrap();
    verify(www, &keys, NOW, &work).map(drop).map_err(|bogus| bogus.reason)
}

#[test]
fn each_flaw_is_noticed() {
    let www = || n("www.example");
    for field in Field::ALL {
        assert!(under(Flaw::Signature(www(), RecordType::A, field)).is_err(), "{field:?}");
        assert!(under(Flaw::Signature(n("example"), RecordType::DNSKEY, field)).is_err(), "DNSKEY {field:?}");
    }
    for field in [DsField::Tag, DsField::Algorithm, DsField::DigestType, DsField::Digest] {
        assert!(under(Flaw::Ds(field)).is_err(), "{field:?}");
    }
    // Flags, protocol, algorithm and octets of the key that the DS names.
    for octet in [0, 1, 2, 3, 4, 40, 67] {
        assert!(under(Flaw::Data(n("example"), RecordType::DNSKEY, octet)).is_err(), "octet {octet}");
    }
    let resigned = |rewrite| under(Flaw::Resigned(www(), RecordType::A, rewrite));
    assert_eq!(resigned(Rewrite::Window(Window::days(WALL, -9, -2))), Err(Reason::Expired));
    assert_eq!(resigned(Rewrite::Window(Window::days(WALL, 2, 9))), Err(Reason::NotYetValid));
    assert_eq!(resigned(Rewrite::OriginalTtl(5)), Ok(()));
    assert!(resigned(Rewrite::Signer(n("test"))).is_err());
    assert!(resigned(Rewrite::Labels(3)).is_err());
    assert!(resigned(Rewrite::Algorithm(15)).is_err());
    let stranger = SigningKey::new(Algorithm::EcdsaP256, Role::ZoneSigning, 42).unwrap();
    assert_eq!(under(Flaw::SignedBy(www(), RecordType::A, stranger.clone())), Err(Reason::KeyMissing));
    assert_eq!(under(Flaw::Unsigned(www(), RecordType::A)), Err(Reason::SignaturesMissing));
    assert_eq!(under(Flaw::Data(www(), RecordType::A, 0)), Err(Reason::BadSignature));
    assert_eq!(under(Flaw::IdleKeys(vec![stranger])), Ok(()));
    for (bait, role) in [(Bait::Data, Role::ZoneSigning), (Bait::Keys, Role::KeySigning)] {
        let keys = colliding_keys(Algorithm::EcdsaP256, role, 8).unwrap();
        assert!(under(Flaw::Trap(Trap { keys, signatures: 20, bait })).is_err(), "{bait:?}");
    }
}

#[test]
fn the_lecture_has_a_signed_root_and_the_examples_are_there() {
    let (internet, anchor) = Internet::lecture_signed(WALL).unwrap();
    let zone = |apex: &str| {
        let zones = internet.authorities.iter().flat_map(|authority| &authority.zones);
        let all: Vec<&Arc<Zone>> = zones.filter(|zone| *zone.apex() == n(apex)).collect();
        assert!(all.iter().all(|zone| zone == &all[0]), "{apex}: the same on every server");
        all[0]
    };
    let root = zone(".");
    let Verdict::Keys(keys) = keys(root, &anchor, &work()).unwrap() else { panic!("root") };
    for (question, end) in [("edu", "Unsigned referral"), ("test", "secure referral"), ("nothing", "no name Proven")] {
        let question = Question::new(n(question), RecordType::A);
        assert_eq!(judge(&question, &root.answer(&question), &keys), end, "{question}");
    }
    for example in SIGNED_EXAMPLES {
        let host = n(example.question);
        let answer = zone(&host.parent().unwrap().to_string()).answer(&Question::new(host, RecordType::A));
        assert_eq!(answer.answer.is_empty(), example.question.starts_with("nothing"), "{}", example.question);
    }
}

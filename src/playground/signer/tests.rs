//! Signed zones: what is signed and what is not, and what each flaw spoils.

use std::time::Duration;

use super::*;
use crate::dns::rdata_to_text;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

const NOW: Duration = Duration::from_secs(1_767_225_600);
const TEXT: &str = "@ 3600 SOA ns host 1 7200 900 1209600 300\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A 192.0.2.2\n\
    *.wild 60 TXT x\na.b 60 TXT x\nsub 60 NS ns.sub\nns.sub 60 A 192.0.2.3\nsafe 60 NS ns.sub\n\
    safe 60 DS 1 13 2 00\nmoved 60 DNAME www\nunder.moved 60 A 192.0.2.4\n";

fn zone() -> Zone {
    Zone::read(&name("example"), TEXT).unwrap()
}

fn signer() -> Signer {
    Signer::new(Algorithm::Ed25519, Window::around(NOW), 1).unwrap()
}

fn rrsig(zone: &Zone, owner: &str, rtype: RecordType) -> Rrsig {
    Rrsig::parse(zone.rrset(&name(owner), rtype).unwrap().signatures.iter().next().unwrap()).unwrap()
}

fn denials(zone: &Zone, rtype: RecordType) -> Vec<String> {
    let sets = zone.rrsets().filter(|set| set.rtype == rtype);
    sets.map(|set| format!("{} {}", set.owner, rdata_to_text(rtype, set.rdatas.iter().next().unwrap()))).collect()
}

#[test]
fn what_the_zone_has_authority_for_is_signed_and_nothing_else() {
    let signed = signer().sign(&zone()).unwrap();
    let unsigned: Vec<String> = signed
        .rrsets()
        .filter(|set| set.signatures.is_empty())
        .map(|set| format!("{} {}", set.owner, set.rtype))
        .collect();
    assert_eq!(unsigned, ["under.moved.example. A", "safe.example. NS", "sub.example. NS", "ns.sub.example. A"]);
    assert_eq!(rrsig(&signed, "*.wild.example", RecordType::TXT).labels, 2);
    let keys = signer().keys;
    assert_eq!(rrsig(&signed, "example", RecordType::DNSKEY).tag, keys[0].tag());
    assert_eq!(rrsig(&signed, "example", RecordType::SOA).tag, keys[1].tag());
    assert_eq!(signed, signer().sign(&signed).unwrap(), "signing anew replaces");
}

#[test]
fn names_are_chained_in_canonical_order() {
    // RFC 4034 §4.1, RFC 9077: the TTL is the lesser of the SOA's TTL and MINIMUM.
    let signed = signer().sign(&zone()).unwrap();
    assert_eq!(
        denials(&signed, RecordType::NSEC),
        [
            "example. a.b.example. NS SOA RRSIG NSEC DNSKEY",
            "a.b.example. moved.example. TXT RRSIG NSEC",
            "moved.example. ns.example. DNAME RRSIG NSEC",
            "ns.example. safe.example. A RRSIG NSEC",
            "safe.example. sub.example. NS DS RRSIG NSEC",
            "sub.example. *.wild.example. NS RRSIG NSEC",
            "*.wild.example. www.example. TXT RRSIG NSEC",
            "www.example. example. A RRSIG NSEC",
        ]
    );
    assert_eq!(signed.rrset(&name("example"), RecordType::NSEC).unwrap().ttl, Ttl::from_secs(300));
}

#[test]
fn hashes_leave_out_unsigned_delegations_with_opt_out_only() {
    let count = |denials: Denials| signer().denying(denials).sign(&zone()).unwrap();
    // Eight names with data or delegations, and the empty non-terminals b and wild.
    let (full, opt_out) = (count(Denials::Nsec3(Hashing::default())), count(Denials::Nsec3OptOut(Hashing::default())));
    assert_eq!(denials(&full, RecordType::NSEC3).len(), 10);
    assert_eq!(denials(&opt_out, RecordType::NSEC3).len(), 9);
    let sub = Hashing::default().owner(&name("sub.example"), &name("example")).unwrap();
    assert!(full.rrset(&sub, RecordType::NSEC3).is_some() && opt_out.rrset(&sub, RecordType::NSEC3).is_none());
    let empty = Hashing::default().owner(&name("b.example"), &name("example")).unwrap();
    let bitmap = full.rrset(&empty, RecordType::NSEC3).unwrap().rdatas.iter().next().unwrap().len();
    assert_eq!(bitmap, 26, "an empty non-terminal has no types");
}

#[test]
fn each_flaw_spoils_one_thing() {
    let www = || name("www.example");
    let spoiled = |flaw: Flaw| signer().wrong(flaw).sign(&zone()).unwrap();
    let honest = rrsig(&spoiled(Flaw::NoDs), "www.example", RecordType::A);
    for field in Field::ALL {
        let zone = spoiled(Flaw::Signature(www(), RecordType::A, field));
        let wrong = rrsig(&zone, "www.example", RecordType::A);
        assert_ne!(wrong, honest, "{field:?}");
        assert_eq!(wrong.signature == honest.signature, field != Field::Signature, "{field:?}");
        assert!(!rrsig(&zone, "example", RecordType::SOA).signature.is_empty());
    }
    let rewrite = Flaw::Resigned(www(), RecordType::A, Rewrite::OriginalTtl(7));
    let again = rrsig(&spoiled(rewrite), "www.example", RecordType::A);
    assert!(again.original_ttl == 7 && again.signature != honest.signature);
    let stranger = SigningKey::new(Algorithm::Ed25519, Role::ZoneSigning, 99).unwrap();
    let foreign = rrsig(&spoiled(Flaw::SignedBy(www(), RecordType::A, stranger.clone())), "www.example", RecordType::A);
    assert_eq!(foreign.tag, stranger.tag());
    assert!(spoiled(Flaw::Unsigned(www(), RecordType::A)).rrset(&www(), RecordType::A).unwrap().signatures.is_empty());
    assert!(spoiled(Flaw::Missing(www(), RecordType::NSEC)).rrset(&www(), RecordType::NSEC).is_none());
    let data = spoiled(Flaw::Data(www(), RecordType::A, 3));
    assert_eq!(data.rrset(&www(), RecordType::A).unwrap().rdatas.iter().next(), Some(&[192, 0, 2, 3][..]));
    let keys = spoiled(Flaw::IdleKeys(vec![stranger]));
    assert_eq!(keys.rrset(&name("example"), RecordType::DNSKEY).unwrap().rdatas.len(), 3);
}

#[test]
fn ds_sets_can_be_wrong_in_every_field() {
    let ds = |flaw: Option<Flaw>| {
        let signer = flaw.map_or_else(signer, |flaw| signer().wrong(flaw));
        let set = signer.ds(&name("example")).unwrap();
        set.rdatas.iter().next().map(<[u8]>::to_vec)
    };
    let honest = ds(None).unwrap();
    let fields = [DsField::Tag, DsField::Algorithm, DsField::DigestType, DsField::Digest];
    for (field, octet) in fields.into_iter().zip([1, 2, 3, 35]) {
        let wrong = ds(Some(Flaw::Ds(field))).unwrap();
        let differing: Vec<usize> = (0..36).filter(|at| honest[*at] != wrong[*at]).collect();
        assert_eq!(differing, [octet], "{field:?}");
    }
    assert_eq!(ds(Some(Flaw::NoDs)), None);
    let all = Signer { digests: vec![Digest::Sha1, Digest::Sha256, Digest::Sha384], ..signer() };
    let lengths: Vec<usize> = all.ds(&name("example")).unwrap().rdatas.iter().map(<[u8]>::len).collect();
    assert_eq!(lengths, [24, 36, 52]);
}

#[test]
fn keys_collide_and_a_trap_multiplies_them() {
    // CVE-2023-50387.
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
        let keys = colliding_keys(algorithm, Role::ZoneSigning, 5).unwrap();
        assert!(keys.iter().all(|key| key.tag() == keys[0].tag() && key.flags & 0x0181 == ZONE_KEY), "{algorithm:?}");
        let trap = Trap { keys, signatures: 6, bait: Bait::Data };
        let zone = signer().wrong(Flaw::Trap(trap)).sign(&zone()).unwrap();
        let rrset = |owner: &str, rtype| zone.rrset(&name(owner), rtype).unwrap();
        assert_eq!(rrset("example", RecordType::DNSKEY).rdatas.len(), 7);
        assert_eq!(rrset("example", RecordType::DNSKEY).signatures.len(), 1);
        assert_eq!(rrset("www.example", RecordType::A).signatures.len(), 6);
    }
    let keys = colliding_keys(Algorithm::Ed25519, Role::KeySigning, 3).unwrap();
    let signer = signer().wrong(Flaw::Trap(Trap { keys, signatures: 4, bait: Bait::Keys }));
    assert_eq!(signer.ds(&name("example")).unwrap().rdatas.len(), 4);
    let zone = signer.sign(&zone()).unwrap();
    assert_eq!(zone.rrset(&name("example"), RecordType::DNSKEY).unwrap().signatures.len(), 4);
}

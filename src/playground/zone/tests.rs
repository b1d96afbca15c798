//! A zone with one of everything, and what each question gets.

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn soa() -> Vec<u8> {
    let mut rdata = name("ns.example").wire().to_vec();
    rdata.extend_from_slice(name("admin.example").wire());
    for number in [1u32, 7200, 900, 86400, 60] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}

/// `example.` with one of everything.
fn example() -> Zone {
    let mut zone = Zone::new(name("example"));
    let mut add = |owner: &str, rtype: RecordType, rdata: &[u8]| {
        zone.add(&name(owner), rtype, Ttl::from_secs(300), rdata).unwrap();
    };
    add("example", RecordType::SOA, &soa());
    add("example", RecordType::NS, name("ns.example").wire());
    add("ns.example", RecordType::A, &[127, 53, 0, 1]);
    add("www.example", RecordType::A, &[192, 0, 2, 1]);
    add("www.example", RecordType::A, &[192, 0, 2, 2]);
    add("alias.example", RecordType::CNAME, name("www.example").wire());
    add("away.example", RecordType::CNAME, name("www.other.test").wire());
    add("round.example", RecordType::CNAME, name("trip.example").wire());
    add("trip.example", RecordType::CNAME, name("round.example").wire());
    add("dangling.example", RecordType::CNAME, name("none.example").wire());
    add("into.example", RecordType::CNAME, name("www.child.example").wire());
    add("a.b.empty.example", RecordType::A, &[192, 0, 2, 3]);
    add("*.wild.example", RecordType::A, &[192, 0, 2, 4]);
    add("here.wild.example", RecordType::TXT, b"\x01x");
    add("old.example", RecordType::DNAME, name("new.example").wire());
    add("x.new.example", RecordType::A, &[192, 0, 2, 5]);
    add("child.example", RecordType::NS, name("ns.child.example").wire());
    add("child.example", RecordType::NS, name("ns.other.test").wire());
    add("child.example", RecordType::DS, &[0, 1, 8, 2, 0xaa]);
    add("ns.child.example", RecordType::A, &[127, 53, 0, 2]);
    zone
}

fn ask(owner: &str, rtype: RecordType) -> Answer {
    example().answer(&Question::new(name(owner), rtype))
}

fn shown(sets: &[RrSet]) -> Vec<String> {
    sets.iter().map(|set| format!("{} {} {}", set.owner, set.rtype, set.rdatas.len())).collect()
}

#[test]
fn data_is_answered_with_authority() {
    let reply = ask("WWW.example", RecordType::A);
    assert_eq!((reply.rcode, reply.authoritative), (Rcode::NOERROR, true));
    assert_eq!(shown(&reply.answer), ["WWW.example. A 2"]);
    assert!(reply.authority.is_empty());
}

#[test]
fn the_apex_has_its_own_ns_set_and_addresses_come_along() {
    let reply = ask("example", RecordType::NS);
    assert!(reply.authoritative);
    assert_eq!(shown(&reply.answer), ["example. NS 1"]);
    assert_eq!(shown(&reply.additional), ["ns.example. A 1"]);
}

#[test]
fn no_such_type_and_no_such_name_bring_the_soa() {
    let nodata = ask("www.example", RecordType::AAAA);
    assert_eq!((nodata.rcode, shown(&nodata.authority)), (Rcode::NOERROR, vec!["example. SOA 1".to_owned()]));
    // RFC 2308 §3: the SOA's TTL in a denial is the smaller of its own and MINIMUM.
    assert_eq!(nodata.authority[0].ttl, Ttl::from_secs(60));
    let nxdomain = ask("nowhere.example", RecordType::A);
    assert_eq!((nxdomain.rcode, shown(&nxdomain.authority)), (Rcode::NXDOMAIN, vec!["example. SOA 1".to_owned()]));
}

#[test]
fn an_empty_non_terminal_exists() {
    // RFC 8020.
    for owner in ["b.empty.example", "empty.example", "new.example"] {
        let reply = ask(owner, RecordType::A);
        assert_eq!((reply.rcode, reply.answer.len(), reply.authority.len()), (Rcode::NOERROR, 0, 1), "{owner}");
        assert!(example().is_empty_non_terminal(&name(owner)), "{owner}");
    }
    assert_eq!(ask("x.empty.example", RecordType::A).rcode, Rcode::NXDOMAIN);
}

#[test]
fn aliases_are_chased_inside_the_zone_only() {
    assert_eq!(shown(&ask("alias.example", RecordType::A).answer), ["alias.example. CNAME 1", "www.example. A 2"]);
    assert_eq!(shown(&ask("away.example", RecordType::A).answer), ["away.example. CNAME 1"]);
    assert_eq!(shown(&ask("alias.example", RecordType::CNAME).answer), ["alias.example. CNAME 1"]);
    let dangling = ask("dangling.example", RecordType::A);
    assert_eq!((dangling.rcode, dangling.answer.len(), dangling.authority.len()), (Rcode::NXDOMAIN, 1, 1));
}

#[test]
fn an_alias_loop_ends() {
    assert_eq!(shown(&ask("round.example", RecordType::A).answer), ["round.example. CNAME 1", "trip.example. CNAME 1"]);
}

#[test]
fn below_a_cut_there_is_only_a_referral() {
    for owner in ["child.example", "www.child.example", "ns.child.example"] {
        let reply = ask(owner, RecordType::A);
        assert!(!reply.authoritative && reply.answer.is_empty(), "{owner}");
        assert_eq!(shown(&reply.authority), ["child.example. NS 2", "child.example. DS 1"]);
        assert_eq!(shown(&reply.additional), ["ns.child.example. A 1"]);
    }
    let through = ask("into.example", RecordType::A);
    assert!(through.authoritative);
    assert_eq!((shown(&through.answer).len(), through.authority.len()), (1, 2));
}

#[test]
fn ds_is_the_parents() {
    // RFC 4035 §3.1.4.1.
    let reply = ask("child.example", RecordType::DS);
    assert!(reply.authoritative);
    assert_eq!(shown(&reply.answer), ["child.example. DS 1"]);
    assert!(!ask("deeper.child.example", RecordType::DS).authoritative);
}

#[test]
fn a_wildcard_covers_what_does_not_exist() {
    // RFC 4592 §2.2.1.
    assert_eq!(shown(&ask("any.wild.example", RecordType::A).answer), ["any.wild.example. A 1"]);
    assert_eq!(shown(&ask("very.any.wild.example", RecordType::A).answer), ["very.any.wild.example. A 1"]);
    assert!(ask("here.wild.example", RecordType::A).answer.is_empty());
    assert_eq!(ask("x.here.wild.example", RecordType::A).rcode, Rcode::NXDOMAIN);
    assert_eq!(ask("any.wild.example", RecordType::MX).rcode, Rcode::NOERROR);
}

#[test]
fn dname_moves_the_names_below_it() {
    // RFC 6672 §3.1.
    let reply = ask("x.old.example", RecordType::A);
    let expected = ["old.example. DNAME 1", "x.old.example. CNAME 1", "x.new.example. A 1"];
    assert_eq!(shown(&reply.answer), expected);
    assert_eq!(reply.answer[1].target(), Some(name("x.new.example")));
    // The owner of the DNAME itself does not move.
    assert!(ask("old.example", RecordType::A).answer.is_empty());
    assert_eq!(shown(&ask("old.example", RecordType::DNAME).answer), ["old.example. DNAME 1"]);
}

#[test]
fn a_dname_that_makes_the_name_too_long_says_so() {
    // RFC 6672 §2.2.
    let mut zone = Zone::new(name("e"));
    let long = Name::from_labels([&[b'a'; 63][..], &[b'b'; 63], &[b'c'; 63], &[b'd'; 60]]).unwrap();
    zone.add(&name("o.e"), RecordType::DNAME, Ttl::ZERO, long.wire()).unwrap();
    let reply = zone.answer(&Question::new(name("abcdefgh.o.e"), RecordType::A));
    assert_eq!((reply.rcode, reply.answer.len()), (Rcode::YXDOMAIN, 1));
}

#[test]
fn what_is_not_in_the_zone_cannot_be_put_there() {
    let mut zone = example();
    assert_eq!(zone.add(&name("www.test"), RecordType::A, Ttl::ZERO, &[0; 4]), Err(WireError::BadName));
    assert!(zone.remove(&name("www.example"), RecordType::A).is_some());
    assert!(zone.rrset(&name("www.example"), RecordType::A).is_none());
}

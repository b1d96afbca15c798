//! Proofs by NSEC: the examples of RFC 4035 appendix B, and lies.

use super::*;

const A: RecordType = RecordType::A;
const DS: RecordType = RecordType::DS;
const MX: RecordType = RecordType::MX;

/// RFC 4035 appendix A.
fn example(owners: &[&str]) -> Zone {
    let text = "example. NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY\n\
        a.example. NSEC ai.example. NS DS RRSIG NSEC\n\
        ai.example. NSEC b.example. A HINFO AAAA RRSIG NSEC\n\
        b.example. NSEC ns1.example. NS RRSIG NSEC\n\
        ns1.example. NSEC ns2.example. A RRSIG NSEC\n\
        ns2.example. NSEC *.w.example. A RRSIG NSEC\n\
        *.w.example. NSEC x.w.example. MX RRSIG NSEC\n\
        x.w.example. NSEC x.y.w.example. MX RRSIG NSEC\n\
        x.y.w.example. NSEC xx.example. MX RRSIG NSEC\n\
        xx.example. NSEC example. A HINFO AAAA RRSIG NSEC\n";
    Zone::new("example", text).only(owners)
}

#[test]
fn the_examples_of_the_standard() {
    // RFC 4035 §B.2: neither the name nor a wildcard.
    assert_eq!(example(&["b.", "example."]).name_error("ml.example"), NX);
    assert_eq!(example(&["b."]).name_error("ml.example"), Err(MISSING));
    assert_eq!(example(&["example."]).name_error("ml.example"), Err(MISSING));
    // §B.3.
    assert_eq!(example(&["ns1."]).no_data("ns1.example", MX), Ok(Denied::Proven));
    assert_eq!(example(&["ns1."]).no_data("ns1.example", A), Err(MISSING));
    // §B.4–B.5.
    assert_eq!(example(&["a."]).delegation("a.example"), Err(MISSING));
    assert_eq!(example(&["b."]).delegation("b.example"), Ok(Delegation::Unsigned));
    assert_eq!(example(&["b."]).no_data("b.example", DS), Ok(Denied::Proven));
    // §B.6.
    let wildcard = example(&["x.y."]);
    assert_eq!(wildcard.expansion("a.z.w.example", "w.example"), Ok(Denied::Proven));
    // §B.7.
    let both = example(&["x.y.", "*.w."]);
    assert_eq!(both.no_data("a.z.w.example", RecordType::AAAA), Ok(Denied::Proven));
    assert_eq!(both.no_data("a.z.w.example", MX), Err(MISSING));
    assert_eq!(both.name_error("a.z.w.example"), Err(MISSING));
    assert_eq!(wildcard.no_data("a.z.w.example", RecordType::AAAA), Err(MISSING));
    // §B.8: the child's own record says nothing of the parent's DS.
    assert_eq!(example(&["example."]).no_data("example", DS), Err(MISSING));
    assert_eq!(example(&["example."]).delegation("example"), Err(MISSING));
}

#[test]
fn the_case_of_letters_does_not_matter() {
    assert_eq!(example(&["b.", "example."]).name_error("ML.eXample"), NX);
    let zone = Zone::new("EXAMPLE", "B.example. NSEC NS1.ExamplE. NS\nEXample. NSEC A.example. SOA");
    assert_eq!(zone.name_error("ml.example"), NX);
}

#[test]
fn the_next_name_is_in_the_zone() {
    // VAL-02.
    let lie = "evil.test. NSEC b.victim.test. SOA NS NSEC";
    assert_eq!(Zone::new("evil.test", lie).proofs().err(), Some(MISSING));
    assert_eq!(Zone::new("evil.test", "a.evil.test. NSEC evil.test.evil. A").proofs().err(), Some(MISSING));
    // Names of other zones are none of this zone's business, whatever the records cover.
    let last = Zone::new("evil.test", "evil.test. NSEC evil.test. SOA NS NSEC");
    for victim in ["victim.test", "a.victim.test", "test", "zz", "."] {
        assert_eq!(last.name_error(victim), Err(MISSING));
        assert_eq!(last.no_data(victim, A), Err(MISSING));
        assert_eq!(last.expansion(victim, "test"), Err(MISSING));
        assert_eq!(last.delegation(victim), Err(MISSING));
        assert!(!Nsec::read(&last.sets[0], &last.apex).unwrap().covers(&name(victim)));
    }
}

#[test]
fn a_cut_or_a_dname_denies_nothing_below_itself() {
    // VAL-04, RFC 6840 §4.1.
    for types in ["NS RRSIG NSEC", "NS DS RRSIG NSEC", "DNAME RRSIG NSEC", "DNAME NS SOA RRSIG NSEC"] {
        let text = format!("sub.p. NSEC z.p. {types}\np. NSEC sub.p. NS SOA");
        let zone = Zone::new("p", &text);
        assert_eq!(zone.name_error("www.sub.p"), Err(MISSING), "{types}");
        assert_eq!(zone.no_data("www.sub.p", A), Err(MISSING));
        assert_eq!(zone.no_data("www.sub.p", DS), Err(MISSING));
        assert_eq!(zone.delegation("www.sub.p"), Err(MISSING));
        assert_eq!(zone.expansion("www.sub.p", "p"), Err(MISSING));
        // Names beside it are denied by it as by any other.
        assert_eq!(zone.name_error("sub2.p"), NX);
    }
    // All other types at the cut are the child's.
    let cut = Zone::new("p", "sub.p. NSEC z.p. NS RRSIG NSEC");
    assert_eq!(cut.no_data("sub.p", A), Err(MISSING));
    assert_eq!(cut.no_data("sub.p", DS), Ok(Denied::Proven));
}

#[test]
fn only_the_parent_denies_ds() {
    // VAL-05, RFC 6840 §4.4: the child's record at its apex.
    let child = Zone::new("p", "c.p. NSEC a.c.p. NS SOA RRSIG NSEC DNSKEY");
    assert_eq!(child.delegation("c.p"), Err(MISSING));
    assert_eq!(child.no_data("c.p", DS), Err(MISSING));
    let itself = Zone::new("c.p", "c.p. NSEC a.c.p. NS RRSIG NSEC DNSKEY");
    assert_eq!(itself.delegation("c.p"), Err(MISSING));
    assert_eq!(itself.no_data("c.p", DS), Err(MISSING));
    // There is nobody above the root.
    let root = Zone::new(".", ". NSEC aaa. NS SOA RRSIG NSEC DNSKEY");
    assert_eq!(root.no_data(".", DS), Ok(Denied::Proven));
    // Without NS it is no cut.
    let plain = Zone::new("p", "c.p. NSEC d.p. A RRSIG NSEC");
    assert_eq!(plain.delegation("c.p"), Ok(Delegation::NotACut));
    assert_eq!(plain.delegation("c2.p"), Ok(Delegation::NotACut));
    // VAL-06: the grandparent's record, where the zone in between is the one to ask.
    let grand = Zone::new("c.p", "d.p. NSEC grand.c.p. NS RRSIG NSEC");
    assert_eq!(grand.delegation("grand.c.p"), Err(MISSING));
    let above = Zone::new("p", "c.p. NSEC z.p. NS DS RRSIG NSEC");
    assert_eq!(above.delegation("grand.c.p"), Err(MISSING));
    // VAL-27: no proof at all.
    assert_eq!(Zone::new("p", "").proofs().err(), Some(MISSING));
    assert_eq!(Zone::new("p", "a.p. NSEC b.p. A NSEC").delegation("c.p"), Err(MISSING));
}

#[test]
fn the_end_of_the_zone_is_where_the_signer_says() {
    // VAL-08: a record that points backwards, but not to the apex.
    assert_eq!(Zone::new("p", "m.p. NSEC c.p. A NSEC").proofs().err(), Some(MISSING));
    assert_eq!(Zone::new("p", "m.p. NSEC m.p. A NSEC").proofs().err(), Some(MISSING));
    let last = Zone::new("p", "m.p. NSEC p. A NSEC\np. NSEC m.p. NS SOA NSEC");
    assert_eq!(last.name_error("z.p"), NX);
    assert_eq!(last.name_error("a.p"), NX);
    assert_eq!(last.only(&["m."]).name_error("z.p"), Err(MISSING));
    assert_eq!(last.only(&["m."]).name_error("a.p"), Err(MISSING));
}

#[test]
fn a_zone_of_one_name() {
    for apex in ["p.", "."] {
        let zone = Zone::new(apex, &format!("{apex} NSEC {apex} NS SOA RRSIG NSEC DNSKEY"));
        assert_eq!(zone.name_error("a.p"), NX);
        assert_eq!(zone.name_error(r"\255.p"), NX);
        assert_eq!(zone.no_data("a.p", A), Err(MISSING));
        assert_eq!(zone.name_error(apex), Err(MISSING));
        assert_eq!(zone.no_data(apex, A), Ok(Denied::Proven));
        assert_eq!(zone.no_data(apex, RecordType::SOA), Err(MISSING));
        assert_eq!(zone.expansion("a.p", apex), Ok(Denied::Proven));
    }
}

#[test]
fn empty_non_terminals_exist() {
    // VAL-09, RFC 4592 §2.2.2.
    let zone = Zone::new("p", "p. NSEC x.q.p. NS SOA NSEC\nx.q.p. NSEC p. A NSEC");
    assert_eq!(zone.name_error("q.p"), Ok(NameError::Empty));
    for rtype in [A, DS, RecordType::CNAME, RecordType::ANY] {
        assert_eq!(zone.no_data("q.p", rtype), Ok(Denied::Proven));
    }
    assert_eq!(zone.delegation("q.p"), Ok(Delegation::NotACut));
    assert_eq!(zone.expansion("q.p", "p"), Err(MISSING));
    // One that is a wildcard stands for names, and has nothing to give them.
    let zone = Zone::new("p", "p. NSEC a.*.p. NS SOA NSEC\na.*.p. NSEC p. A NSEC");
    assert_eq!(zone.name_error("q.p"), Err(MISSING));
    assert_eq!(zone.no_data("q.p", A), Ok(Denied::Proven));
}

#[test]
fn wildcards_stand_in_for_what_is_not_there_only() {
    // VAL-12: the record made from `*.z` is replayed for a name that exists, and below one that does.
    let zone = Zone::new("z", "z. NSEC *.z. NS SOA NSEC\n*.z. NSEC a.z. A NSEC\na.z. NSEC z. MX NSEC");
    assert_eq!(zone.expansion("a.z", "z"), Err(MISSING));
    assert_eq!(zone.expansion("b.a.z", "z"), Err(MISSING));
    assert_eq!(zone.expansion("b.a.z", "a.z"), Ok(Denied::Proven));
    assert_eq!(zone.expansion("b.z", "z"), Ok(Denied::Proven));
    assert_eq!(zone.expansion("*.z", "z"), Err(MISSING));
    assert_eq!(zone.expansion("b.z", "b.z"), Err(MISSING));
    assert_eq!(zone.expansion("b.z", "."), Err(MISSING));
    assert_eq!(zone.no_data("b.z", A), Err(MISSING));
    assert_eq!(zone.no_data("b.z", MX), Ok(Denied::Proven));
    // An alias is an answer to every question.
    let alias = Zone::new("z", "*.z. NSEC a.z. CNAME NSEC\na.z. NSEC z. CNAME NSEC");
    assert_eq!(alias.no_data("b.z", A), Err(MISSING));
    assert_eq!(alias.no_data("a.z", A), Err(MISSING));
    assert_eq!(alias.no_data("a.z", DS), Err(MISSING));
    // That no zone begins there is true all the same: it does not answer a question for DS records.
    assert_eq!(alias.delegation("a.z"), Ok(Delegation::NotACut));
    // NS at a wildcard means nothing (RFC 4592 §4.2).
    let cut = Zone::new("z", "*.z. NSEC a.z. NS NSEC\na.z. NSEC z. A NSEC");
    assert_eq!((cut.no_data("b.z", A), cut.no_data("b.z", DS)), (Err(MISSING), Err(MISSING)));
    assert_eq!(cut.delegation("b.z"), Ok(Delegation::NotACut));
}

#[test]
fn a_record_made_from_a_wildcard_speaks_of_no_name() {
    // The signature over `*.z NSEC` verifies for `www.z NSEC` too: its count of labels gives it away.
    let mut zone = Zone::new("z", "www.z. NSEC zz.z. TXT NSEC");
    let signed = |labels| Rdatas::new([&[0, 47, 13, labels, 0, 0, 0, 0][..]]).unwrap();
    zone.sets[0].signatures = signed(1);
    assert_eq!(zone.no_data("www.z", A), Err(MISSING));
    zone.sets[0].signatures = signed(2);
    assert_eq!(zone.no_data("www.z", A), Ok(Denied::Proven));
    let mut wildcard = Zone::new("z", "*.z. NSEC zz.z. TXT NSEC");
    wildcard.sets[0].signatures = signed(1);
    assert_eq!(wildcard.no_data("*.z", A), Ok(Denied::Proven));
}

#[test]
fn odd_octets_are_octets() {
    let zone = Zone::new("z", "\\000.z. NSEC a\\.b.z. A NSEC\na\\.b.z. NSEC \\200.z. A NSEC\nz. NSEC \\000.z. SOA NS");
    assert_eq!(zone.name_error("a.z"), NX);
    assert_eq!(zone.name_error(r"\000\000.z"), NX);
    assert_eq!(zone.name_error(r"\199.z"), NX);
    assert_eq!(zone.name_error(r"\201.z"), Err(MISSING));
    assert_eq!(zone.name_error("a.b.z"), NX);
    assert_eq!(zone.no_data(r"a\.b.z", MX), Ok(Denied::Proven));
    // The longest name has no wildcard below it, and none above that is too long.
    let label = "a".repeat(63);
    let long = format!("{label}.{label}.{label}.{}.z", &label[..59]);
    assert_eq!(zone.name_error(&long), NX);
    assert_eq!(wildcard(&name(&long)), Err(MISSING));
}

#[test]
fn what_is_no_type_is_denied_by_nothing_but_emptiness() {
    let zone = example(&["ns1."]);
    for rtype in [RecordType::ANY, RecordType::AXFR, RecordType::MAILB, RecordType(0), RecordType(128)] {
        assert_eq!(zone.no_data("ns1.example", rtype), Err(MISSING));
    }
}

#[test]
fn malformed_records_prove_nothing() {
    let good = [1, b'b', 1, b'z', 0, 0, 1, 0x40];
    let owner = name("a.z");
    let zone = |sets| Zone { apex: name("z"), sets, work: work() };
    assert_eq!(zone(vec![set(&owner, RecordType::NSEC, &good)]).no_data("a.z", MX), Ok(Denied::Proven));
    for end in 0..good.len() {
        // A name without a list of types is well-formed, and denies every type.
        let cut = zone(vec![set(&owner, RecordType::NSEC, &good[..end])]).proofs().is_ok();
        assert_eq!(cut, end == 5, "{end}");
    }
    for wrong in [&[0xc0, 0, 0, 1, 0x40][..], &[64, 0, 0], &[1, b'b', 1, b'z', 0, 0, 0]] {
        assert_eq!(zone(vec![set(&owner, RecordType::NSEC, wrong)]).proofs().err(), Some(MISSING));
    }
    let mut two = set(&owner, RecordType::NSEC, &good);
    two.rdatas = Rdatas::new([&good[..], &[1, b'c', 1, b'z', 0, 0, 1, 0x40]]).unwrap();
    assert_eq!(zone(vec![two]).proofs().err(), Some(MISSING));
    assert_eq!(zone(vec![set(&owner, A, &good)]).proofs().err(), Some(MISSING));
}

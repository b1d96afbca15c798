//! What a client gets: data of every kind, aliases, denials, TTLs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use burdock::dns::{Name, Question, Rcode, RecordType, Ttl, rdata_to_text, read_zone};

use super::process::within;
use super::zones::{BIG, HUGE, MID, ZONES};
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("an_address_over_every_transport_and_family", an_address_over_every_transport_and_family),
    ("flags_are_those_of_a_recursive_server", flags_are_those_of_a_recursive_server),
    ("records_of_many_types", records_of_many_types),
    ("a_type_nobody_knows_passes_through", a_type_nobody_knows_passes_through),
    ("a_reverse_name", a_reverse_name),
    ("an_rrset_is_whole", an_rrset_is_whole),
    ("aliases_within_and_across_zones", aliases_within_and_across_zones),
    ("an_alias_to_nothing_is_nxdomain", an_alias_to_nothing_is_nxdomain),
    ("an_alias_to_another_type_is_nodata", an_alias_to_another_type_is_nodata),
    ("a_dname_and_its_synthesized_cname", a_dname_and_its_synthesized_cname),
    ("a_wildcard_and_the_name_beside_it", a_wildcard_and_the_name_beside_it),
    ("an_empty_non_terminal_is_nodata", an_empty_non_terminal_is_nodata),
    ("a_name_that_does_not_exist", a_name_that_does_not_exist),
    ("a_child_zone_on_the_parents_server", a_child_zone_on_the_parents_server),
    ("a_signed_zone_resolves", a_signed_zone_resolves),
    (
        "signatures_come_with_do_and_nobody_claims_to_have_checked",
        signatures_come_with_do_and_nobody_claims_to_have_checked,
    ),
    ("a_ttl_of_zero", a_ttl_of_zero),
    ("odd_names", odd_names),
    ("every_record_of_every_leaf_zone", every_record_of_every_leaf_zone),
    ("ttls_count_down", ttls_count_down),
    ("negative_ttls_count_down", negative_ttls_count_down),
    ("large_sets_come_whole_over_tcp", large_sets_come_whole_over_tcp),
];

fn an_address_over_every_transport_and_family(stage: &Stage) {
    let port = stage.burdock.port;
    for address in ["127.0.0.1", "::1"] {
        for option in ["+notcp", "+tcp"] {
            let dig = super::ask::Asker::dig(address, port).with(option);
            assert_eq!(dig.ask("www.leaf.net A").data("A"), ["192.0.2.1"]);
            let kdig = super::ask::Asker::kdig(address, port).with(option);
            assert_eq!(kdig.ask("www.leaf.net AAAA").data("AAAA"), ["2001:db8::1"]);
        }
    }
}

fn flags_are_those_of_a_recursive_server(stage: &Stage) {
    let reply = stage.burdock.dig().ask("www.leaf.net A");
    assert_eq!(reply.flags, ["qr", "rd", "ra"], "{}", reply.text);
}

fn records_of_many_types(stage: &Stage) {
    let dig = stage.burdock.dig();
    assert_eq!(dig.ask("leaf.net MX").data("MX"), ["10 mail.leaf.net.", "20 mail.knot.net."]);
    assert_eq!(dig.ask("leaf.net TXT").data("TXT"), ["\"v=spf1 mx -all\" \"second; string\""]);
    assert_eq!(dig.ask("leaf.net CAA").data("CAA"), ["0 issue \"ca.example.net\""]);
    assert_eq!(dig.ask("leaf.net NS").data("NS"), ["ns1.leaf.net.", "ns2.leaf.net."]);
    assert_eq!(dig.ask("_imaps._tcp.leaf.net SRV").data("SRV"), ["0 1 993 mail.leaf.net."]);
    assert_eq!(dig.ask("www.leaf.net HTTPS").data("HTTPS").len(), 1);
    let soa = dig.ask("leaf.net SOA");
    assert_eq!(soa.data("SOA"), ["ns1.leaf.net. hostmaster.leaf.net. 7 1800 900 604800 60"]);
}

fn a_type_nobody_knows_passes_through(stage: &Stage) {
    // RFC 3597.
    assert_eq!(stage.burdock.dig().ask("odd.leaf.net TYPE65280").data("TYPE65280"), ["\\# 4 DEADBEEF"]);
}

fn a_reverse_name(stage: &Stage) {
    assert_eq!(stage.burdock.dig().ask("-x 9.9.9.9").data("PTR"), ["nine.leaf.net."]);
}

fn an_rrset_is_whole(stage: &Stage) {
    let reply = stage.burdock.dig().ask("many.leaf.net A");
    assert_eq!(reply.data("A"), ["192.0.2.11", "192.0.2.12", "192.0.2.13"]);
}

fn aliases_within_and_across_zones(stage: &Stage) {
    let dig = stage.burdock.dig();
    assert_eq!(
        dig.ask("alias.leaf.net A").lines(),
        ["alias.leaf.net. CNAME www.leaf.net.", "www.leaf.net. A 192.0.2.1"]
    );
    assert_eq!(
        dig.ask("far.leaf.net A").lines(),
        ["far.leaf.net. CNAME target.knot.net.", "target.knot.net. A 192.0.2.31"]
    );
    assert_eq!(
        dig.ask("chain1.leaf.net A").lines(),
        [
            "chain1.leaf.net. CNAME chain2.knot.net.",
            "chain2.knot.net. CNAME chain3.leaf.net.",
            "chain3.leaf.net. CNAME chain4.hosts.org.",
            "chain4.hosts.org. A 192.0.2.41",
        ]
    );
    // Asked for the alias itself, it is the answer.
    assert_eq!(dig.ask("far.leaf.net CNAME").lines(), ["far.leaf.net. CNAME target.knot.net."]);
}

fn an_alias_to_nothing_is_nxdomain(stage: &Stage) {
    // RFC 6604 §2: the RCODE is that of the last name.
    let reply = stage.burdock.dig().ask("dangling.leaf.net A");
    assert_eq!(reply.expect("NXDOMAIN").lines(), ["dangling.leaf.net. CNAME nothing.knot.net."]);
    assert_eq!(reply.soa().map(|soa| soa.owner.as_str()), Some("knot.net."), "{}", reply.text);
}

fn an_alias_to_another_type_is_nodata(stage: &Stage) {
    let reply = stage.burdock.dig().ask("empty-end.leaf.net A");
    assert_eq!(reply.expect("NOERROR").lines(), ["empty-end.leaf.net. CNAME www.knot.net."]);
    assert_eq!(reply.soa().map(|soa| soa.owner.as_str()), Some("knot.net."), "{}", reply.text);
}

fn a_dname_and_its_synthesized_cname(stage: &Stage) {
    // RFC 6672 §3.1.
    let reply = stage.burdock.dig().ask("a.old.leaf.net A");
    assert_eq!(
        reply.expect("NOERROR").lines(),
        ["old.leaf.net. DNAME new.knot.net.", "a.old.leaf.net. CNAME a.new.knot.net.", "a.new.knot.net. A 192.0.2.32",]
    );
    stage.burdock.dig().ask("b.old.leaf.net A").expect("NXDOMAIN");
    assert_eq!(stage.burdock.dig().ask("old.leaf.net DNAME").lines(), ["old.leaf.net. DNAME new.knot.net."]);
}

fn a_wildcard_and_the_name_beside_it(stage: &Stage) {
    // RFC 4592.
    let dig = stage.burdock.dig();
    assert_eq!(dig.ask("any.wild.leaf.net A").lines(), ["any.wild.leaf.net. A 192.0.2.77"]);
    assert_eq!(dig.ask("a.b.wild.leaf.net A").lines(), ["a.b.wild.leaf.net. A 192.0.2.77"]);
    let beside = dig.ask("named.wild.leaf.net A");
    assert!(beside.expect("NOERROR").answer.is_empty() && beside.soa().is_some(), "{}", beside.text);
}

fn an_empty_non_terminal_is_nodata(stage: &Stage) {
    // RFC 8020 the other way round: it has children, so it exists.
    let dig = stage.burdock.dig();
    for name in ["ent.leaf.net", "y.ent.leaf.net"] {
        let reply = dig.ask(&format!("{name} A"));
        assert!(reply.expect("NOERROR").answer.is_empty() && reply.soa().is_some(), "{}", reply.text);
    }
    assert_eq!(dig.ask("x.y.ent.leaf.net A").data("A"), ["192.0.2.88"]);
}

fn a_name_that_does_not_exist(stage: &Stage) {
    let dig = stage.burdock.dig();
    for (name, zone) in [("nothing.leaf.net", "leaf.net."), ("nothing.net", "net."), ("nothing", ".")] {
        let reply = dig.ask(&format!("{name} A"));
        assert!(reply.expect("NXDOMAIN").answer.is_empty());
        let soa = reply.soa().unwrap_or_else(|| panic!("no SOA: {}", reply.text));
        assert_eq!(soa.owner, zone);
        assert!(soa.ttl <= 60, "RFC 2308 §5: the smaller of TTL and MINIMUM; {}", reply.text);
    }
    let nodata = dig.ask("www.leaf.net MX");
    assert!(nodata.expect("NOERROR").answer.is_empty() && nodata.soa().is_some(), "{}", nodata.text);
}

fn a_child_zone_on_the_parents_server(stage: &Stage) {
    let dig = stage.burdock.dig();
    assert_eq!(dig.ask("www.sub.leaf.net A").data("A"), ["192.0.2.101"]);
    assert_eq!(dig.ask("a.b.c.d.sub.leaf.net A").data("A"), ["192.0.2.102"]);
    dig.ask("b.c.d.sub.leaf.net A").expect("NOERROR");
    assert_eq!(dig.ask("nothing.sub.leaf.net A").soa().map(|soa| soa.owner.as_str()), Some("sub.leaf.net."));
}

fn a_signed_zone_resolves(stage: &Stage) {
    assert_eq!(stage.burdock.dig().ask("www.signed.net A").data("A"), ["192.0.2.61"]);
    stage.burdock.dig().ask("nothing.signed.net A").expect("NXDOMAIN");
}

fn signatures_come_with_do_and_nobody_claims_to_have_checked(stage: &Stage) {
    // RFC 4035 §3.1: DO brings RRSIGs; AD is for those who validate.
    let dig = stage.burdock.dig();
    let signed = dig.ask("www.signed.net A +dnssec +adflag");
    assert!(signed.expect("NOERROR").data("RRSIG").len() == 1 && !signed.has("ad"), "{}", signed.text);
    let denied = dig.ask("nothing.signed.net A +dnssec");
    let proofs = denied.expect("NXDOMAIN").authority.iter().filter(|record| record.rtype == "NSEC3").count();
    assert!(proofs > 0, "RFC 4035 §3.1.3: the proof comes with the denial: {}", denied.text);
    let plain = dig.ask("www.signed.net A");
    assert!(plain.data("RRSIG").is_empty() && plain.data("A") == ["192.0.2.61"], "{}", plain.text);
    assert_eq!(dig.ask("signed.net DNSKEY").data("DNSKEY").len(), 2);
    // Unsigned: the proof that there is no DS is the parent's to give.
    let ds = dig.ask("signed.net DS");
    assert_eq!(ds.expect("NOERROR").soa().map(|soa| soa.owner.as_str()), Some("net."), "{}", ds.text);
}

fn a_ttl_of_zero(stage: &Stage) {
    for _ in 0..3 {
        let reply = stage.burdock.dig().ask("zero.leaf.net A");
        assert_eq!(reply.expect("NOERROR").answer[0].ttl, 0);
        assert_eq!(reply.data("A"), ["192.0.2.110"]);
    }
}

fn odd_names(stage: &Stage) {
    let dig = stage.burdock.dig();
    assert_eq!(dig.ask("a\\.b.leaf.net A").lines(), ["a\\.b.leaf.net. A 192.0.2.111"]);
    assert_eq!(dig.ask("\\000\\255.leaf.net A").lines(), ["\\000\\255.leaf.net. A 192.0.2.112"]);
    let longest = format!("{0}.{0}.{0}.{1}.leaf.net", "a".repeat(63), "b".repeat(51));
    dig.ask(&format!("{longest} A")).expect("NXDOMAIN");
    let most = format!("{}leaf.net", "a.".repeat(122));
    dig.ask(&format!("{most} A")).expect("NXDOMAIN");
}

fn every_record_of_every_leaf_zone(stage: &Stage) {
    // The servers of six.net have IPv6 alone; glue below a cut is the child's to give.
    let leaves = ZONES.iter().filter(|zone| zone.apex.contains('.') && zone.apex != "six.net");
    let mut asked = 0;
    for zone in leaves {
        let apex: Name = zone.apex.parse().unwrap();
        let records = read_zone(&zone.file(), &apex, Ttl::ZERO).unwrap();
        let mut truth: BTreeMap<(Name, RecordType), BTreeSet<String>> = BTreeMap::new();
        for record in records {
            let data = rdata_to_text(record.rtype, &record.rdata).to_lowercase();
            truth.entry((record.owner, record.rtype)).or_default().insert(data);
        }
        // The signer adds to the SOA's serial.
        truth.retain(|(_, rtype), _| *rtype != RecordType::SOA);
        for ((owner, rtype), data) in truth {
            let reply = super::protocol::ask_over_tcp(stage.burdock.port, &Question::new(owner.clone(), rtype));
            let got: BTreeSet<String> =
                reply.answer.iter().map(|record| rdata_to_text(record.rtype, &record.rdata).to_lowercase()).collect();
            assert_eq!((reply.rcode(), got), (Rcode::NOERROR, data), "{owner} {rtype}");
            asked += 1;
        }
    }
    assert!(asked > 50, "{asked} questions");
}

fn ttls_count_down(stage: &Stage) {
    let dig = stage.burdock.dig();
    let first = dig.ask("mail.leaf.net A").answer[0].ttl;
    assert!(first <= 300);
    let mut last = first;
    let aged = within(Duration::from_secs(10), || {
        let ttl = dig.ask("mail.leaf.net A").answer[0].ttl;
        assert!(ttl <= last, "a TTL grew from {last} to {ttl}");
        last = ttl;
        (ttl + 2 <= first).then_some(())
    });
    assert!(aged.is_some(), "the TTL stayed at {first}");
}

fn negative_ttls_count_down(stage: &Stage) {
    let dig = stage.burdock.dig();
    let ttl = || dig.ask("absent.leaf.net A").soa().expect("an SOA record").ttl;
    let first = ttl();
    assert!(within(Duration::from_secs(10), || (ttl() < first).then_some(())).is_some(), "it stayed at {first}");
}

fn large_sets_come_whole_over_tcp(stage: &Stage) {
    let dig = stage.burdock.dig();
    for (name, size) in [("mid", MID), ("big", BIG), ("huge", HUGE)] {
        // dig goes on to TCP by itself when it sees TC.
        let reply = dig.ask(&format!("{name}.leaf.net TXT +bufsize=1232"));
        assert_eq!(reply.expect("NOERROR").data("TXT").len(), size, "{name}");
        assert_eq!(stage.burdock.kdig().ask(&format!("{name}.leaf.net TXT +tcp")).data("TXT").len(), size);
    }
}

use proptest::prelude::*;

use super::super::layout::layout;
use super::super::{Class, Record};
use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn parse(rtype: RecordType, text: &str) -> Result<RdataBuf, TextError> {
    rdata_from_text(rtype, text, &name("example."))
}

/// Every type code the layout table knows.
fn tabled() -> Vec<RecordType> {
    (0..=u16::MAX).map(RecordType).filter(|rtype| layout(*rtype).is_some()).collect()
}

#[test]
fn each_kind_of_field_prints_as_dig_does() {
    for (rtype, text) in [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("NS", "ns.example."),
        ("SOA", "ns.example. host.example. 1 3600 600 86400 300"),
        ("MX", "10 mail.example."),
        ("TXT", r#""one" "t\"w\\o" "" "\000\255""#),
        ("SRV", "0 5 5060 sip.example."),
        ("NAPTR", r#"100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.example."#),
        ("DS", "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"),
        ("DNSKEY", "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="),
        ("RRSIG", "A 15 2 3600 20300101000000 20200101000000 1234 example. AAEC"),
        ("NSEC", "host.example. A MX RRSIG NSEC TYPE1234"),
        ("NSEC3", "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR MX DNSKEY NS SOA NSEC3PARAM RRSIG"),
        ("NSEC3PARAM", "1 0 0 -"),
        ("TLSA", "3 1 1 0C"),
        ("CAA", r#"0 issue "ca.example""#),
        ("URI", r#"10 1 "https://example/""#),
        ("TYPE731", r"\# 6 ABCDEF012345"),
        ("TYPE65280", r"\# 0"),
    ] {
        let rtype: RecordType = rtype.parse().unwrap();
        let rdata = parse(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        let sorted = text.replace("MX DNSKEY NS SOA NSEC3PARAM RRSIG", "NS SOA MX RRSIG DNSKEY NSEC3PARAM");
        assert_eq!(rdata_to_text(rtype, &rdata), sorted);
    }
}

#[test]
fn service_bindings_survive_a_round_trip() {
    for text in ["1 . alpn=\"h2,h3\" port=\"8443\"", "0 pool.example.", "16 foo.example. ipv4hint=192.0.2.1"] {
        let rdata = parse(RecordType::SVCB, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let again = parse(RecordType::SVCB, &rdata_to_text(RecordType::SVCB, &rdata)).unwrap();
        assert_eq!(again, rdata, "{text}");
    }
}

#[test]
fn several_ways_to_write_the_same() {
    let same = |rtype, one, two| assert_eq!(parse(rtype, one).unwrap(), parse(rtype, two).unwrap(), "{one} = {two}");
    same(RecordType::NS, "ns", "ns.example.");
    same(RecordType::NS, "@", "example.");
    same(RecordType::A, r"\# 4 C0000201", "192.0.2.1");
    same(RecordType::A, r"\# 4 C000 0201", "192.0.2.1");
    same(RecordType::TXT, "plain", "\"plain\"");
    same(RecordType::TXT, r"\097", "a");
    same(RecordType::SOA, "ns. host. ( 1 ; serial\n 1h 10m 1d 5m )", "ns. host. 1 3600 600 86400 300");
    same(RecordType::DS, "1 RSASHA256 2 ab cd", "1 8 2 ABCD");
    same(
        RecordType::RRSIG,
        "A 15 2 3600 1048354263 0 1 example. AAEC",
        "A 15 2 3600 20030322173103 19700101000000 1 example. AAEC",
    );
}

#[test]
fn malformed_data_is_shown_as_octets_and_never_in_words() {
    assert_eq!(rdata_to_text(RecordType::A, &[1, 2, 3]), r"\# 3 010203");
    assert_eq!(rdata_to_text(RecordType::NS, &[3, b'a']), r"\# 2 0361");
    // A digest of no octets and a bit map with a superfluous zero could not be read back as they were.
    assert_eq!(rdata_to_text(RecordType::DS, &[0, 1, 8, 2]), r"\# 4 00010802");
    assert_eq!(rdata_to_text(RecordType::NSEC, &[0, 0, 2, 0x40, 0]), r"\# 5 0000024000");
}

#[test]
fn every_error_says_what_and_where() {
    let problem = |rtype, text| parse(rtype, text).unwrap_err();
    let at = |line, column| Position { line, column };
    assert_eq!(problem(RecordType::A, "1.2.3"), TextProblem::Malformed(Field::Ipv4).at(at(1, 1)));
    assert_eq!(problem(RecordType::MX, "10"), TextProblem::Missing(Field::CompressibleName).at(at(1, 1)));
    assert_eq!(problem(RecordType::MX, "70000 a."), TextProblem::Malformed(Field::U16).at(at(1, 1)));
    assert_eq!(problem(RecordType::A, "192.0.2.1 x"), TextProblem::Surplus.at(at(1, 11)));
    assert_eq!(problem(RecordType::A, "192.0.2.1\nx"), TextProblem::Surplus.at(at(2, 1)));
    assert_eq!(problem(RecordType::TXT, "\"open"), TextProblem::OpenQuote.at(at(1, 1)));
    assert_eq!(problem(RecordType::TXT, r"\25"), TextProblem::BadEscape.at(at(1, 1)));
    assert_eq!(problem(RecordType::TXT, "( a"), TextProblem::OpenParenthesis.at(at(1, 1)));
    assert_eq!(problem(RecordType::TXT, "a )"), TextProblem::StrayParenthesis.at(at(1, 3)));
    assert_eq!(problem(RecordType::A, r"\# 3 010203"), TextProblem::BadGeneric.at(at(1, 1)));
    assert_eq!(problem(RecordType::A, r"\# 4 0102"), TextProblem::BadGeneric.at(at(1, 1)));
    // A compression pointer has no place in text.
    assert_eq!(problem(RecordType::NS, r"\# 5 0161 C000 00"), TextProblem::BadGeneric.at(at(1, 1)));
    assert_eq!(problem(RecordType::NSEC, "a. A NOSUCH"), TextProblem::UnknownType.at(at(1, 6)));
    assert_eq!(problem(RecordType::LOC, "52 22 23.000 N"), TextProblem::BadData(RecordType::LOC).at(at(1, 1)));
    assert_eq!(problem(RecordType::A, "x").to_string(), "line 1, column 1: this is not an IPv4 address");
}

#[test]
fn a_master_file_leans_on_its_earlier_lines() {
    let text = "
$ORIGIN example.com.
$TTL 1h
@   IN  SOA ns hostmaster (
            2024010101 ; serial
            3600 600 86400 300 )
    IN  NS  ns            ; the owner is the one above
ns  60  A   192.0.2.53
    IN 2m AAAA 2001:db8::53
$ORIGIN sub
www CLASS1 TYPE1 \\# 4 C0000201
a\\.b.test. TXT \"semi;colon (not) special\"
";
    let records = read_zone(text, &Name::root(), Ttl::from_secs(5)).unwrap();
    let lines: Vec<String> = records.iter().map(record_to_text).collect();
    assert_eq!(
        lines,
        [
            "example.com.\t3600\tIN\tSOA\tns.example.com. hostmaster.example.com. 2024010101 3600 600 86400 300",
            "example.com.\t3600\tIN\tNS\tns.example.com.",
            "ns.example.com.\t60\tIN\tA\t192.0.2.53",
            "ns.example.com.\t120\tIN\tAAAA\t2001:db8::53",
            "www.sub.example.com.\t3600\tIN\tA\t192.0.2.1",
            "a\\.b.test.\t3600\tIN\tTXT\t\"semi;colon (not) special\"",
        ]
    );
}

#[test]
fn what_a_master_file_must_not_be() {
    for (text, problem, line, column) in [
        ("  IN A 192.0.2.1", TextProblem::NoOwner, 1, 6 - 3),
        ("a. IN", TextProblem::NoType, 1, 4),
        ("a. 300 IN WHAT 1", TextProblem::UnknownType, 1, 11),
        ("\n$INCLUDE other", TextProblem::UnknownDirective, 2, 1),
        ("$TTL forever", TextProblem::BadTtl, 1, 6),
        ("$ORIGIN a..b", TextProblem::BadOwner, 1, 9),
        ("$TTL 1 2", TextProblem::Surplus, 1, 8),
        ("a..b. A 192.0.2.1", TextProblem::BadOwner, 1, 1),
        ("a. 2147483648 A 192.0.2.1", TextProblem::BadTtl, 1, 4),
        ("a. A (\n192.0.2.1", TextProblem::OpenParenthesis, 1, 6),
    ] {
        let error = read_zone(text, &Name::root(), Ttl::ZERO).unwrap_err();
        assert_eq!(error, problem.at(Position { line, column }), "{text}");
    }
}

#[test]
fn a_ttl_falls_back_on_the_directive_then_the_last_one_then_the_default() {
    let ttls = |text: &str| -> Vec<u32> {
        read_zone(text, &Name::root(), Ttl::from_secs(7)).unwrap().iter().map(|record| record.ttl.as_secs()).collect()
    };
    assert_eq!(ttls("a. A 192.0.2.1\nb. 9 A 192.0.2.1\nc. A 192.0.2.1"), [7, 9, 9]);
    assert_eq!(ttls("$TTL 1w2d3h4m5s\na. A 192.0.2.1\nb. 9 A 192.0.2.1\nc. A 192.0.2.1"), [788_645, 9, 788_645]);
    for bad in ["", "h", "1x", "1hh", "-1", "99999999999", "4000w"] {
        assert_eq!(parse_ttl(bad), None, "{bad}");
    }
}

#[test]
fn a_set_prints_its_signatures_last() {
    let mut set = RrSet::new(
        name("a.example"),
        RecordType::A,
        Ttl::from_secs(9),
        super::super::Rdatas::new([&[192, 0, 2, 1][..]]).unwrap(),
    );
    let signature = parse(RecordType::RRSIG, "A 15 2 9 20300101000000 20200101000000 1 example. AAEC").unwrap();
    set.signatures = super::super::Rdatas::new([signature.as_slice()]).unwrap();
    assert_eq!(
        rrset_to_text(&set),
        [
            "a.example.\t9\tIN\tA\t192.0.2.1",
            "a.example.\t9\tIN\tRRSIG\tA 15 2 9 20300101000000 20200101000000 1 example. AAEC",
        ]
    );
}

fn any_name() -> impl Strategy<Value = Name> {
    let label = prop::collection::vec(any::<u8>(), 1..9);
    prop::collection::vec(label, 0..5).prop_map(|labels| Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap())
}

/// Octets that fit `field`, in the one form that text stands for.
fn any_field(field: Field) -> BoxedStrategy<Vec<u8>> {
    let octets = |range| prop::collection::vec(any::<u8>(), range);
    let counted = |octets: Vec<u8>| [&[octets.len() as u8][..], &octets].concat();
    match field {
        Field::CompressibleName | Field::Name => any_name().prop_map(|name| name.wire().to_vec()).boxed(),
        Field::U8 => octets(1..2).boxed(),
        Field::U16 | Field::Type => octets(2..3).boxed(),
        Field::U32 | Field::Time | Field::Ipv4 => octets(4..5).boxed(),
        Field::Ipv6 => octets(16..17).boxed(),
        Field::Text | Field::HexCounted | Field::Base32Counted => octets(0..40).prop_map(counted).boxed(),
        Field::Texts => {
            let texts = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..4);
            texts.prop_map(move |texts| texts.into_iter().flat_map(counted).collect()).boxed()
        }
        Field::Hex | Field::Base64 => octets(1..60).boxed(),
        Field::Bitmap => prop::collection::btree_map(any::<u8>(), (octets(0..31), 1..=255u8), 0..4)
            .prop_map(|windows| {
                let window = |(number, (octets, last)): (u8, (Vec<u8>, u8))| {
                    [&[number, octets.len() as u8 + 1][..], &octets, &[last]].concat()
                };
                windows.into_iter().flat_map(window).collect()
            })
            .boxed(),
    }
}

fn any_rdata() -> impl Strategy<Value = (RecordType, Vec<u8>)> {
    prop::sample::select(tabled()).prop_flat_map(|rtype| {
        let fields: Vec<_> = layout(rtype).unwrap().iter().map(|field| any_field(*field)).collect();
        (Just(rtype), fields.prop_map(|fields| fields.concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn well_formed_data_prints_in_words_and_reads_back((rtype, rdata) in any_rdata()) {
        let text = rdata_to_text(rtype, &rdata);
        prop_assert!(!text.starts_with("\\#"), "{} {}", rtype, text);
        prop_assert_eq!(parse(rtype, &text).unwrap().to_vec(), rdata, "{} {}", rtype, text);
    }

    #[test]
    fn any_octets_print_and_read_back(rtype in 0u16..300, rdata in prop::collection::vec(any::<u8>(), 0..80)) {
        let rtype = RecordType(rtype);
        let text = rdata_to_text(rtype, &rdata);
        if let Ok(read) = parse(rtype, &text) {
            prop_assert_eq!(read.to_vec(), rdata, "{} {}", rtype, text);
        } else {
            // Only malformed data of a known type cannot be read back: it was printed as octets.
            prop_assert!(text.starts_with("\\#"), "{} {}", rtype, text);
        }
    }

    #[test]
    fn a_zone_of_records_reads_back(parts in prop::collection::vec((any_name(), 0u32..=0x7fff_ffff, any_rdata()), 0..6)) {
        let records: Vec<Record> = parts.into_iter().map(|(owner, ttl, (rtype, rdata))| Record {
            owner, rtype, class: Class::IN, ttl: Ttl::from_secs(ttl), rdata: RdataBuf::from_vec(rdata),
        }).collect();
        let text: String = records.iter().map(|record| record_to_text(record) + "\n").collect();
        prop_assert_eq!(read_zone(&text, &name("other."), Ttl::ZERO).unwrap(), records);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*", rtype in 0u16..300) {
        let _ = read_zone(&text, &Name::root(), Ttl::ZERO);
        let _ = parse(RecordType(rtype), &text);
    }

    #[test]
    fn arbitrary_words_never_panic(text in r#"(@|\$ORIGIN|\$TTL|[ \t\n();"\\#]|IN|A|TXT|NSEC3|SVCB|CAA|CERT|CSYNC|URI|TYPE9|CLASS2|alpn=|key[0-9]+=|port|h2,h3|[0-9]{1,5}|[a-z.]{1,9}|-|=|é){0,40}"#) {
        let _ = read_zone(&text, &Name::root(), Ttl::ZERO);
        for rtype in [RecordType::SVCB, RecordType::HTTPS, RecordType::CAA, RecordType::CERT, RecordType::CSYNC] {
            let _ = parse(rtype, &text);
        }
    }
}

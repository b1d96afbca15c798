//! Trust anchors good and bad, and the root's own keys against the digests that are compiled in.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXUPPER;

use super::*;

/// The root's DNSKEY records of KSK-2017 and KSK-2024.
const ROOT_KEYS: &str = "
. 172800 IN DNSKEY 257 3 8 ( ; KSK-2017
    AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5
    xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUD
    K/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM
    8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU= )
. IN 172800 DNSKEY 257 3 8 (AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBo
    sZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/
    wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXk
    PIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=) ; KSK-2024
";

fn file() -> Source {
    Source::File(PathBuf::from("root.key"))
}

fn read(text: &str) -> Anchors {
    Anchors::read(text, &file()).unwrap()
}

fn tags(anchors: &Anchors) -> Vec<(String, u16, u8)> {
    anchors.records().map(|(apex, record)| (apex.to_string(), record.tag(), record.algorithm().0)).collect()
}

#[test]
fn the_compiled_in_digests_are_those_of_the_roots_keys() {
    let builtin = Anchors::builtin();
    assert_eq!(tags(&builtin), [(".".to_owned(), 20_326, 8), (".".to_owned(), 38_696, 8)]);
    let keys = read(ROOT_KEYS);
    assert_eq!(tags(&keys), tags(&builtin));
    for ((apex, key), (_, ds)) in keys.records().zip(builtin.records()) {
        // RFC 4034 §5.1.4: the owner, then the key's data.
        let hashed = digest(&SHA256, &[apex.wire(), &key.rdata].concat());
        let octets = [&key.tag().to_be_bytes()[..], &[8, 2], hashed.as_ref()].concat();
        assert_eq!(HEXUPPER.encode(&octets), HEXUPPER.encode(&ds.rdata));
        assert_eq!((key.rtype, ds.rtype), (RecordType::DNSKEY, RecordType::DS));
        assert_eq!((&key.source, &ds.source), (&file(), &Source::Builtin));
    }
}

#[test]
fn ds_records_are_read_however_they_are_laid_out() {
    let digest = "E06D44B80B8F1D39A95C0B0D7C65D084 58E880409BBC683457104237C7F8EC8D";
    let line = |before: &str| read(&format!("{before} DS 20326 RSASHA256 2 {digest}\n"));
    let plain = read(&format!("example.com. DS 20326 8 2 ({digest}) ; why\n"));
    for before in
        ["example.com", "example.com. 3600", "EXAMPLE.com. IN 3600", "example.com. 1h IN", "$TTL 5\nexample.com"]
    {
        assert_eq!(
            tags(&line(before)),
            [("example.com.".to_owned(), 20_326, 8)]
                .map(|(a, b, c)| { (if before.starts_with('E') { "EXAMPLE.com.".to_owned() } else { a }, b, c) })
        );
        assert_eq!(
            line(before).at(&"example.com".parse().unwrap()).unwrap().records,
            plain.records().map(|(_, record)| record.clone()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_closest_is_found_by_its_whole_name_and_never_by_its_keys() {
    // VAL-15, VAL-16: two zones with the same key are two anchors.
    let key = "DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=";
    let anchors = read(&format!("example. {key}\nisland.test. {key}\nisland.test. {key}\n"));
    let closest = |name: &str| anchors.closest(&name.parse().unwrap()).map(|anchor| anchor.apex.to_string());
    assert_eq!(closest("www.example.").as_deref(), Some("example."));
    assert_eq!(closest("a.ISLAND.test").as_deref(), Some("island.test."));
    assert_eq!((closest("test"), closest("xisland.test"), closest("example.test")), (None, None, None));
    assert_eq!(anchors.records().count(), 2, "a record that is written twice counts once");
}

#[test]
fn files_add_up_and_zones_can_be_replaced() {
    let mut anchors = Anchors::builtin();
    anchors.merge(&read("corp.test. DS 7 13 1 0011223344556677889900112233445566778899\n"));
    anchors.merge(&Anchors::builtin());
    assert_eq!(tags(&anchors).len(), 3);
    let record = AnchorRecord { source: Source::Rollover, ..read(ROOT_KEYS).records().nth(1).unwrap().1.clone() };
    anchors.replace(&Name::root(), vec![record]);
    assert_eq!(tags(&anchors), [(".".to_owned(), 38_696, 8), ("corp.test.".to_owned(), 7, 13)]);
    anchors.replace(&Name::root(), Vec::new());
    assert!(anchors.closest(&"example.".parse().unwrap()).is_none() && !anchors.is_empty());
}

#[test]
fn what_unbound_does_not_trust_is_not_trusted_here() {
    let key = |number: u8| format!(". 172800 IN DNSKEY 257 3 15 {}", data_encoding::BASE64.encode(&[number; 32]));
    let states = ["0 [ START ]", "1 [ ADDPEND ]", "2 [  VALID  ]", "3 [ MISSING ]", "4 [ REVOKED ]", "5 [ REMOVED ]"];
    let mut text = "; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 1700000000 ;;Tue\n".to_owned();
    for (number, state) in (0u8..).zip(states) {
        text += &format!("{} ;{{id = 1 (ksk)}} ;;state={state} ;;count=0 ;;lastchange=1700000000\n", key(number));
    }
    let anchors = read(&text);
    let trusted: Vec<u8> = anchors.records().map(|(_, record)| record.rdata[4]).collect();
    assert_eq!(trusted, [2, 3]);
    let pending = text.replace("state=2", "state=1").replace("state=3", "state=0");
    assert_eq!(Anchors::read(&pending, &file()).unwrap_err().problem, AnchorProblem::Empty);
}

#[test]
fn bad_files_name_the_line_and_what_to_do() {
    let says = |text: &str| {
        let error = Anchors::read(text, &file()).unwrap_err();
        (error.to_string(), error.problem.remedy())
    };
    let again = "copy the record again, whole, from whoever runs the zone";
    let line = "write `example.com. DS 12345 13 2 …` or `example.com. DNSKEY 257 3 13 …`";
    for (text, problem, remedy) in [
        (
            "",
            "line 1: there is no DS and no DNSKEY record up to here",
            "write the records, or `builtin` in place of the file",
        ),
        (
            "; nothing\n\n",
            "line 2: there is no DS and no DNSKEY record up to here",
            "write the records, or `builtin` in place of the file",
        ),
        ("\n. DS 20326 8 2 E06D44\n", "line 2: this digest has 3 octets, and one of type 2 has 32", again),
        (". DS 20326 8 2 E06D4\n", "line 1, column 16: this is not hexadecimal", line),
        (". DS 20326 8 300 E06D\n", "line 1, column 14: this is not a number up to 255", line),
        (". DS 20326 8 2\n", "line 1, column 14: hexadecimal is missing here", line),
        (". DNSKEY 257 3 8 AwEA=\n", "line 1, column 18: this is not base64", line),
        (". DNSKEY 257 3 8 (AwEAAQ==\n; never closed\n", "line 1, column 18: the parenthesis is not closed", line),
        (". NS a.root-servers.net.\n", "line 1: a NS record is no trust anchor", "keep DS and DNSKEY records only"),
        (". CH DS 1 8 9 00\n", "line 1: a record of class CH is no trust anchor", "write class IN, or no class"),
        (
            ". DNSKEY 0 3 8 AwEAAQ==\n",
            "line 1: this key has the flags 0, and that is no zone key",
            "write a key of the zone: `DNSKEY 257 3 …`",
        ),
        (
            ". DNSKEY 257 2 8 AwEAAQ==\n",
            "line 1: this key is of protocol 2, and DNSSEC's is 3",
            "write a key of the zone: `DNSKEY 257 3 …`",
        ),
        (
            ". DNSKEY 385 3 8 AwEAAQ==\n",
            "line 1: this key has the flags 385: it is revoked",
            "remove the line, and ask whoever runs the zone for the key that took over",
        ),
        (". DNSKEY \\# 4 01010308\n", "line 1: this record is too short to hold a key or a digest", again),
        (
            "<?xml version=\"1.0\"?>\n",
            "line 1, column 7: this is not a record type; any type can be written as TYPE and its number",
            line,
        ),
    ] {
        assert_eq!(says(text), (problem.to_owned(), remedy), "{text}");
    }
    let many: String = (0..=MAX_RECORDS).map(|i| format!("a{i}. DS 1 13 99 00\n")).collect();
    assert_eq!(says(&many).0, "line 1001: there are more than 1000 trust anchors");
}

//! Tests of the runner itself; `tests/scenarios.rs` runs them, because a binary without the standard harness has no `#[test]`.

use std::time::Duration;

use burdock::dns::{Header, Message, Rcode, Rdatas, Record, RrSet};
use burdock::dnssec::{Allowance, Dnskey, Ds, Work, signed_by};
use burdock::resolver::{Minimisation, Service};
use proptest::prelude::{Strategy as _, prop};
use proptest::test_runner::{Config, TestRunner};

use super::autotrust::Variables;
use super::matching::{Kind, Packet, compare};
use super::model::{Action, Entry, Over, Scenario};
use super::network::{reply, write};
use super::parse::parse;
use super::pending::rows;
use super::play::play;
use super::stand_in::{cast, gather};
use super::words::{Setup, Verdict, WORDS, judge};

/// Every check by its name.
pub const ALL: &[(&str, fn())] = &[
    ("a_file_is_read", a_file_is_read),
    ("every_error_names_its_line", every_error_names_its_line),
    ("what_is_not_played_is_said", what_is_not_played_is_said),
    ("heads_set_what_they_say", heads_set_what_they_say),
    ("every_word_has_a_reason", every_word_has_a_reason),
    ("an_unknown_word_is_an_error", an_unknown_word_is_an_error),
    ("questions_match", questions_match),
    ("answers_match_whatever_the_order", answers_match_whatever_the_order),
    ("minimal_answers_match", minimal_answers_match),
    ("ttls_match_when_asked_for", ttls_match_when_asked_for),
    ("flags_and_rcodes_match", flags_and_rcodes_match),
    ("edns_matches", edns_matches),
    ("replies_copy_what_they_are_told", replies_copy_what_they_are_told),
    ("rows_of_the_pending_list", rows_of_the_pending_list),
    ("anchors_are_read", anchors_are_read),
    ("signatures_stand_with_what_they_cover", signatures_stand_with_what_they_cover),
    ("stand_ins_sign_what_withdrawn_keys_signed", stand_ins_sign_what_withdrawn_keys_signed),
    ("arbitrary_text_never_panics", arbitrary_text_never_panics),
    ("a_play_repeats_itself", a_play_repeats_itself),
];

const FILE: &str = "
server:
\tquery-minimization: off # a comment
\tval-override-date: \"20200101000000\"
stub-zone:
\tname: \".\"
\tstub-addr: 192.0.2.1
stub-zone: name: \"stub.example\" stub-addr: 192.0.2.2
CONFIG_END
; a comment
SCENARIO_BEGIN what it is
RANGE_BEGIN 0 10
  ADDRESS 192.0.2.1
ENTRY_BEGIN
MATCH opcode qtype
MATCH qname
ADJUST copy_id copy_query sleep=2
REPLY QR AA NXDOMAIN
SECTION QUESTION
www.example. IN A
SECTION AUTHORITY
example. 60 IN SOA a. b. 1 2 3 4 5 ; why
ENTRY_END
RANGE_END
STEP 1 QUERY ADDRESS 192.0.2.77
ENTRY_BEGIN
REPLY RD DO
SECTION QUESTION
www.example. A
ENTRY_END
STEP 2 TIME_PASSES ELAPSE 1.5
STEP 3 TIME_PASSES EVAL ${10 + 5}
STEP 4 CHECK_ANSWER
ENTRY_BEGIN
HEX_ANSWER_BEGIN
00 01 ; the ID
8003
HEX_ANSWER_END
ENTRY_END
SCENARIO_END
";

fn file(config: &str, body: &str) -> Scenario {
    parse(&format!("{config}\nCONFIG_END\nSCENARIO_BEGIN t\n{body}\nSCENARIO_END")).unwrap()
}

/// The one entry of a check step.
fn entry(text: &str) -> Entry {
    let scenario = file("", &format!("STEP 1 CHECK_ANSWER\nENTRY_BEGIN\n{text}\nENTRY_END"));
    let Action::CheckAnswer(entry) = &scenario.steps[0].action else { panic!("a check") };
    entry.as_ref().clone()
}

/// The packet that an entry describes.
fn packet(text: &str) -> Packet {
    let entry = entry(text);
    Packet::new(&write(&entry.message, 7, entry.message.question.clone()), Over::Udp).unwrap()
}

fn matches(expected: &str, got: &str, kind: Kind) -> bool {
    compare(&entry(expected), &packet(got), kind).is_ok()
}

fn setup(config: &str) -> Box<Setup> {
    match judge(&file(config, "")).unwrap() {
        Verdict::Play(setup) => setup,
        Verdict::Pending(missing) => panic!("{missing:?}"),
    }
}

fn a_file_is_read() {
    let scenario = parse(FILE).unwrap();
    assert_eq!(scenario.title, "what it is");
    assert!(scenario.unsupported.is_empty());
    let range = &scenario.ranges[0];
    assert_eq!((range.first, range.last, range.addresses.len(), range.entries.len()), (0, 10, 1, 1));
    let entry = &range.entries[0];
    assert!(entry.matching.opcode && entry.matching.qtype && entry.matching.qname && !entry.matching.all);
    assert!(entry.adjust.copy_query && entry.adjust.sleep == Duration::from_secs(2));
    assert_eq!((entry.message.rcode, entry.message.flags), (Rcode::NXDOMAIN, Header::QR | Header::AA));
    assert_eq!(entry.message.authority[0].ttl.as_secs(), 60);
    let numbers: Vec<u32> = scenario.steps.iter().map(|step| step.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert!(matches!(&scenario.steps[0].action, Action::Query(Some(_), entry) if entry.message.dnssec_ok));
    assert!(matches!(&scenario.steps[1].action, Action::TimePasses(time) if time == "1.5"));
    let Action::TimePasses(time) = &scenario.steps[2].action else { panic!("time passes") };
    assert_eq!(Variables::default().evaluate(time, Duration::ZERO, Duration::ZERO), Ok(15.0));
    assert!(matches!(&scenario.steps[3].action, Action::CheckAnswer(e) if e.raw == Some(vec![0, 1, 0x80, 3])));
}

fn every_error_names_its_line() {
    for (text, line) in [
        ("server:", 1),
        ("value without key\nCONFIG_END", 1),
        ("CONFIG_END\nRANGE_BEGIN x 1", 2),
        ("CONFIG_END\nRANGE_BEGIN 0 1\nSTEP 1 QUERY", 3),
        ("CONFIG_END\nSTEP 1 DANCE\n", 2),
        ("CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nMATCH moon", 4),
        ("CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nSECTION ANSWER\na. IN A 1.2.3", 5),
        ("CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nSECTION QUESTION\na. IN", 5),
        ("CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\n", 3),
        ("CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nRAW\n123\nENTRY_END", 4),
    ] {
        assert_eq!(parse(text).map(|_| ()).map_err(|error| error.line), Err(line), "{text}");
    }
}

fn what_is_not_played_is_said() {
    let features = |body: &str| -> Vec<(usize, &str)> {
        file("", body).unsupported.iter().map(|missing| (missing.line, missing.feature)).collect()
    };
    assert_eq!(features("STEP 1 CHECK_TEMPFILE example\nFILE_BEGIN\nx\nFILE_END"), [(4, "auth-zone")]);
    let Verdict::Pending(missing) = judge(&file("server: do-nat64: yes\nrpz:\n name: x", "")).unwrap() else {
        panic!("pending")
    };
    let features: Vec<&str> = missing.iter().map(|missing| missing.feature).collect();
    assert_eq!(features, ["nat64", "rpz"]);
}

fn heads_set_what_they_say() {
    let set = setup(
        "server:\n qname-minimisation: \"no\"\n cache-max-ttl: 10\n do-ip4: no\n val-override-date: '20200101000000'\n\
         stub-zone:\n name: .\n stub-addr: 192.0.2.1\n stub-addr: 192.0.2.2@53\nstub-zone: name: a.example stub-addr: ::1\n\
         forward-zone:\n name: .\n forward-addr: 192.0.2.3\n forward-addr: 192.0.2.4@5353",
    );
    assert_eq!(set.resolver.qname_minimisation, Minimisation::Off);
    assert_eq!((set.cache.max_ttl.as_secs(), set.resolver.ipv4), (10, false));
    assert_eq!(set.wall.as_secs(), 1_577_836_800);
    assert_eq!(set.resolver.root_hints.len(), 2);
    let [stub, forward] = &set.resolver.forwards[..] else { panic!("two zones") };
    assert_eq!((stub.zone.to_string().as_str(), stub.service), ("a.example.", Service::Authoritative));
    assert_eq!(stub.to, ["[::1]:53".parse().unwrap()]);
    assert_eq!((forward.zone.to_string().as_str(), forward.service), (".", Service::Recursive));
    assert_eq!(forward.to, ["192.0.2.3:53".parse().unwrap(), "192.0.2.4:5353".parse().unwrap()]);
    // Deckard's heads have no sections; the default is to minimise.
    let deckard = setup("do-ip6: no\nstub-addr: 192.0.2.1 # K.ROOT");
    assert_eq!(deckard.resolver.root_hints.len(), 1);
    assert_eq!(deckard.resolver.qname_minimisation, Minimisation::Relaxed);
}

fn every_word_has_a_reason() {
    for (section, key, effect) in WORDS {
        assert!(!effect.reason().is_empty(), "{section}: {key}");
    }
    let mut words: Vec<_> = WORDS.iter().map(|(section, key, _)| (section, key)).collect();
    words.sort_unstable();
    let count = words.len();
    words.dedup();
    assert_eq!(words.len(), count, "a word stands twice in the table");
}

fn an_unknown_word_is_an_error() {
    assert_eq!(judge(&file("server:\n moon: full", "")).unwrap_err(), "line 2: unknown word: server: moon");
}

fn questions_match() {
    let query = "SECTION QUESTION\nwww.Example. IN A";
    let yes = |matching: &str| matches(matching, query, Kind::Query);
    assert!(yes("MATCH opcode qtype qname\nSECTION QUESTION\nWWW.example. IN A"));
    assert!(!yes("MATCH qtype qname\nSECTION QUESTION\nwww.example. IN AAAA"));
    assert!(yes("MATCH qname\nSECTION QUESTION\nwww.example. IN AAAA"));
    assert!(yes("MATCH subdomain\nSECTION QUESTION\nexample. IN NS"));
    assert!(!yes("MATCH subdomain\nSECTION QUESTION\nother. IN NS"));
    assert!(!yes("MATCH opcode\nREPLY NOTIFY\nSECTION QUESTION\nwww.example. IN A"));
    assert!(yes("MATCH UDP") && !yes("MATCH TCP"));
    // An entry that matches nothing in particular matches everything.
    assert!(yes("REPLY QR"));
}

fn answers_match_whatever_the_order() {
    let got = "SECTION QUESTION\na. IN MX\nSECTION ANSWER\na. IN MX 1 x.a.\na. IN MX 2 y.a.";
    let yes = |answer: &str| {
        matches(&format!("MATCH all\nSECTION QUESTION\na. IN MX\nSECTION ANSWER\n{answer}"), got, Kind::Answer)
    };
    assert!(yes("a. IN MX 2 Y.a.\nA. IN MX 1 x.a."));
    assert!(!yes("a. IN MX 2 y.a."));
    assert!(!yes("a. IN MX 2 y.a.\na. IN MX 1 x.a.\na. IN MX 3 z.a."));
    assert!(!yes("a. IN MX 2 y.a.\na. IN MX 2 y.a."));
    // Case counts where there are no names.
    assert!(!matches("MATCH answer\nSECTION ANSWER\na. TXT x", "SECTION ANSWER\na. TXT X", Kind::Answer));
}

fn minimal_answers_match() {
    let positive = "MATCH all\nSECTION QUESTION\na. IN A\nSECTION ANSWER\na. IN A 192.0.2.1\n\
                    SECTION AUTHORITY\na. IN NS ns.a.\nSECTION ADDITIONAL\nns.a. IN A 192.0.2.2";
    let got = "SECTION QUESTION\na. IN A\nSECTION ANSWER\na. IN A 192.0.2.1";
    assert!(matches(positive, got, Kind::Answer));
    assert!(!matches(positive, got, Kind::Query));
    let whole = positive.replace("all", "all authority");
    assert!(matches(&whole, got, Kind::Answer) && matches(&whole, &positive.replace("MATCH all\n", ""), Kind::Answer));
    assert!(!matches(&whole, &format!("{got}\nSECTION AUTHORITY\na. IN NS ns.b."), Kind::Answer));
    let negative = "MATCH all\nSECTION QUESTION\na. IN A\nSECTION AUTHORITY\na. IN SOA a. b. 1 2 3 4 5";
    assert!(!matches(negative, "SECTION QUESTION\na. IN A", Kind::Answer));
    assert!(matches(negative, negative, Kind::Answer));
    assert!(!matches(negative, &negative.replace("1 2 3", "9 2 3"), Kind::Answer));
    let proven = format!("{negative}\na. IN NSEC b. TXT\na. IN RRSIG NSEC 8 1 60 2 1 7 a. AAAA");
    assert!(matches(&proven, &proven, Kind::Answer) && !matches(&proven, negative, Kind::Answer));
    assert!(!matches(&proven, &proven.replace("AAAA", "AAAB"), Kind::Answer));
}

fn ttls_match_when_asked_for() {
    let expected = "MATCH answer\nSECTION ANSWER\na. 60 IN A 192.0.2.1";
    let got = "SECTION ANSWER\na. 59 IN A 192.0.2.1";
    assert!(matches(expected, got, Kind::Answer));
    assert!(!matches(&expected.replace("answer", "answer ttl"), got, Kind::Answer));
    // Without a TTL a record has an hour.
    assert!(matches(
        "MATCH answer ttl\nSECTION ANSWER\na. IN A 192.0.2.1",
        "SECTION ANSWER\na. 3600 A 192.0.2.1",
        Kind::Answer
    ));
}

fn flags_and_rcodes_match() {
    let got = "REPLY QR RD RA SERVFAIL";
    assert!(matches("MATCH flags rcode\nREPLY QR RD RA SERVFAIL", got, Kind::Answer));
    assert!(!matches("MATCH flags\nREPLY QR RD RA AD SERVFAIL", got, Kind::Answer));
    assert!(matches("MATCH flags\nREPLY QR RD RA NXDOMAIN", got, Kind::Answer));
    assert!(!matches("MATCH all\nREPLY QR RD RA NXDOMAIN", got, Kind::Answer));
}

fn edns_matches() {
    let data = "SECTION ADDITIONAL\nHEX_EDNSDATA_BEGIN\n00 0f ; EDE\n00 02 00 16\nHEX_EDNSDATA_END";
    assert!(matches("MATCH ede=22", data, Kind::Answer) && matches("MATCH ede=any", data, Kind::Answer));
    assert!(!matches("MATCH ede=23", data, Kind::Answer) && !matches("MATCH ede=any", "REPLY DO", Kind::Answer));
    let specific = data.replace("00 16", "00 0c");
    assert!(matches("MATCH ede=6", &specific, Kind::Answer) && !matches("MATCH ede=6", data, Kind::Answer));
    assert!(matches(&format!("MATCH ednsdata\n{data}"), data, Kind::Query));
    assert!(!matches(&format!("MATCH ednsdata\n{data}"), "REPLY DO", Kind::Query));
    assert!(matches("MATCH DO", "REPLY DO", Kind::Query) && !matches("MATCH DO", "REPLY QR", Kind::Query));
    assert!(matches("MATCH noedns", "REPLY QR", Kind::Query) && !matches("MATCH noedns", "REPLY DO", Kind::Query));
}

fn replies_copy_what_they_are_told() {
    let query = packet("SECTION QUESTION\nwww.eXample. IN AAAA").message;
    let answer = |text: &str| Message::parse(&reply(&entry(text), &query)).unwrap();
    let copied = answer("ADJUST copy_id copy_query\nREPLY QR AA NXDOMAIN\nSECTION QUESTION\nexample. IN A");
    assert_eq!(copied.header.id, 7);
    assert_eq!(copied.question, query.question);
    assert_eq!((copied.rcode(), copied.header.flags), (Rcode::NXDOMAIN, Header::QR | Header::AA | 3));
    let own = answer("ADJUST copy_id\nREPLY QR\nSECTION QUESTION\nexample. IN A");
    assert_eq!(own.question.unwrap().0.to_string(), "example. A");
    assert_eq!(reply(&entry("RAW\n0000 8000"), &query), [0, 7, 0x80, 0]);
}

fn rows_of_the_pending_list() {
    let text = "words\n| file | feature | reason |\n|---|---|---|\n| a/b | walk | why not |\n";
    let read = rows(text).unwrap();
    assert_eq!((read.len(), read[0].file.as_str(), read[0].reason.as_str()), (1, "a/b", "why not"));
    assert!(rows("| a | b |").is_err() && rows("| a | b | |").is_err());
}

fn anchors_are_read() {
    let set = setup(
        "server: trust-anchor: \"a. 60 IN DS 1 8 1 0000000000000000000000000000000000000000\"\n domain-insecure: \"b.a\"\n trust-anchor: 'a. DS 2 8 1 0000000000000000000000000000000000000000'",
    );
    let dnssec = &set.resolver.dnssec;
    assert!(dnssec.validate && dnssec.anchors.records().count() == 2);
    let insecure: Vec<String> = dnssec.negative.iter().map(|anchor| anchor.domain.to_string()).collect();
    assert_eq!(insecure, ["b.a."]);
    assert!(!setup("server: val-override-date: -1").resolver.dnssec.validate);
    assert!(setup("server: val-override-date: -1").any_time);
}

/// One entry that a server sends, and an anchor for `a.`.
fn signed(text: &str) -> (Scenario, Box<Setup>) {
    let head = "server: trust-anchor: 'a. DS 1 3 1 0000000000000000000000000000000000000000'";
    let body = format!("RANGE_BEGIN 0 1\nENTRY_BEGIN\n{text}\nENTRY_END\nRANGE_END");
    (file(head, &body), setup(head))
}

fn signatures_stand_with_what_they_cover() {
    let text = "SECTION ANSWER\nx.a. A 192.0.2.1\nSECTION ADDITIONAL\nx.a. RRSIG A 8 2 60 2 1 7 a. AAAA\n\
                y.a. RRSIG A 8 2 60 2 1 7 a. AAAA";
    let (mut scenario, _) = signed(text);
    gather(&mut scenario);
    let message = &scenario.ranges[0].entries[0].message;
    assert_eq!((message.answer.len(), message.additional.len()), (2, 1));
}

fn stand_ins_sign_what_withdrawn_keys_signed() {
    let text = "SECTION ANSWER\na. DNSKEY 257 3 3 AAAA\na. RRSIG DNSKEY 3 1 60 20200101000000 20190101000000 1028 a. AAAA\n\
                SECTION AUTHORITY\na. DS 1028 3 1 00";
    let (mut scenario, mut setup) = signed(text);
    let original = scenario.ranges[0].entries[0].message.answer[0].rdata.clone();
    assert_eq!(Dnskey::parse(&original).unwrap().tag(), 1028);
    cast(&mut scenario, &mut setup);
    let message = &scenario.ranges[0].entries[0].message;
    let [key, rrsig] = message.answer.as_slice() else { panic!("a key and its signature") };
    assert_eq!(Dnskey::parse(&key.rdata).unwrap().algorithm.0, 15);
    let of = |record: &Record| Rdatas::new([record.rdata.as_slice()]).unwrap();
    let set = RrSet { signatures: of(rrsig), ..RrSet::new(key.owner.clone(), key.rtype, key.ttl, of(key)) };
    let work = Work::new(Allowance { verifications: 1, failures: 1, digests: 1, hash_blocks: 1 });
    assert!(signed_by(&key.rdata, &set, 1_560_000_000, &work).is_ok());
    // A digest that was wrong is wrong still, of whichever key.
    let ds = Ds::parse(&message.authority[0].rdata).unwrap();
    assert!(
        ds.tag == Dnskey::parse(&key.rdata).unwrap().tag()
            && !ds.is_of(&key.owner, &Dnskey::parse(&key.rdata).unwrap())
    );
    let anchor = setup.resolver.dnssec.anchors.records().next().unwrap().1.clone();
    assert_eq!(anchor.algorithm().0, 15);
}

const WORDS_OF_FILES: &str = "SCENARIO_BEGIN SCENARIO_END RANGE_BEGIN RANGE_END ENTRY_BEGIN ENTRY_END CONFIG_END STEP QUERY REPLY \
    CHECK_ANSWER TIME_PASSES ELAPSE EVAL ${ } ${1+2} MATCH ADJUST SECTION ANSWER QUESTION ADDRESS HEX_ANSWER_BEGIN \
    HEX_ANSWER_END RAW 00 0 1 10 name: server: stub-zone: \\# RRSIG IN A a. . ; \" ' TEMPFILE_NAME AUTOTRUST_FILE é";

fn arbitrary_text_never_panics() {
    let word = prop::sample::select(WORDS_OF_FILES.split(' ').collect::<Vec<_>>());
    let lines = prop::collection::vec((word, " |\n"), 0..60);
    let text = lines.prop_map(|words| words.iter().flat_map(|(word, gap)| [*word, gap.as_str()]).collect::<String>());
    // A runner counts its cases over all runs: one for each.
    let runner = || TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(2000) });
    let never_panics = |text: String| {
        if let Ok(scenario) = parse(&text) {
            let _ = judge(&scenario);
        }
        let _ = parse(&format!("CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nSECTION ANSWER\n{text}"));
        Ok(())
    };
    runner().run(&"\\PC*", never_panics).unwrap();
    runner().run(&text, never_panics).unwrap();
}

fn a_play_repeats_itself() {
    // Eight servers, one that answers: which are asked before it is a matter of the dice, and the dice are seeded.
    let glue: String = (1..9).map(|i| format!("ns{i}.a.example. IN A 192.0.2.{i}\n")).collect();
    let names: String = (1..9).map(|i| format!("a.example. IN NS ns{i}.a.example.\n")).collect();
    let body = format!(
        "RANGE_BEGIN 0 9\nADDRESS 198.51.100.1\nENTRY_BEGIN\nMATCH qname\nREPLY QR AA\nSECTION QUESTION\n. IN NS\n\
         ENTRY_END\nENTRY_BEGIN\nMATCH subdomain\nADJUST copy_query\nREPLY QR\n\
         SECTION QUESTION\nexample. IN A\nSECTION AUTHORITY\n{names}SECTION ADDITIONAL\n{glue}ENTRY_END\nRANGE_END\n\
         RANGE_BEGIN 0 9\nADDRESS 192.0.2.8\nENTRY_BEGIN\nMATCH qname\nREPLY QR AA\nSECTION QUESTION\na.example. IN A\n\
         SECTION ANSWER\na.example. IN A 192.0.2.99\nENTRY_END\nRANGE_END\n\
         STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\na.example. IN A\nENTRY_END\n\
         STEP 2 CHECK_ANSWER\nENTRY_BEGIN\nMATCH all\nREPLY QR RD RA\nSECTION QUESTION\na.example. IN A\nENTRY_END"
    );
    let scenario = file("stub-zone: name: . stub-addr: 198.51.100.1", &body);
    let Verdict::Play(setup) = judge(&scenario).unwrap() else { panic!("it can be played") };
    // The check fails, because the answer has an address: the failure tells everything that was sent.
    let told = play(&scenario, &setup).unwrap_err();
    assert!(told.contains("192.0.2.99") && told.contains("no answer in its range"), "{told}");
    assert_eq!(play(&scenario, &setup).unwrap_err(), told);
}

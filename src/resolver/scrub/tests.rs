//! What may be believed of a reply, and what may not: the poisoning attempts of twenty years, one by one.

use std::time::Duration;

use super::*;
use crate::dns::{Header, read_zone};
use crate::world::Clock;

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn question(text: &str) -> Question {
    let (owner, rtype) = text.split_once(' ').unwrap();
    Question::new(name(owner), rtype.parse().unwrap())
}

fn records(text: &str) -> Vec<Record> {
    read_zone(text, &Name::root(), Ttl::from_secs(3600)).unwrap()
}

/// A reply with these sections in master-file format.
pub fn reply(flags: u16, rcode: Rcode, sections: [&str; 3]) -> Message {
    let header = Header { id: 0, flags: Header::QR | flags | u16::from(rcode.low()), counts: [0; 4] };
    let [answer, authority, additional] = sections.map(records);
    Message { answer, authority, additional, ..Message::bare(header, 0) }
}

fn scrubbed(asked: &str, zone: &str, sections: [&str; 3]) -> Scrubbed {
    scrub(&reply(Header::AA, Rcode::NOERROR, sections), &question(asked), &name(zone), &Limits::default())
}

#[test]
fn an_answer_brings_nothing_but_itself() {
    // POI-10 (CVE-2025-11411): NS of the zone itself beside a positive answer; POI-14: MX and its address.
    let got = scrubbed(
        "trigger.victim. TXT",
        "victim.",
        [
            "trigger.victim. TXT hello\nwww.victim. A 6.6.6.6",
            "victim. NS ns.attacker.\nvictim. MX 1 mail.victim.\nsub.victim. NS ns.attacker.",
            "ns.attacker. A 6.6.6.6\nmail.victim. A 6.6.6.6",
        ],
    );
    assert_eq!(got.data.unwrap().rtype, RecordType::TXT);
    assert_eq!((got.delegation, got.soa, got.alias), (None, None, vec![]));
}

#[test]
fn a_denial_brings_no_delegation() {
    // POI-11, POI-12: NS beside SOA in NODATA and NXDOMAIN.
    let soa = "victim. SOA ns.victim. x.victim. 1 2 3 4 5\ntrigger.victim. NS ns.attacker.";
    let got = scrubbed("trigger.victim. TXT", "victim.", ["", soa, "ns.attacker. A 6.6.6.6"]);
    assert!(got.soa.is_some() && got.delegation.is_none());
}

#[test]
fn a_delegation_lies_on_the_way_to_the_question() {
    // POI-15 (RUSTSEC-2026-0106): a sibling zone, from the parent's own server.
    let got = scrubbed("trigger.poc. TXT", "poc.", ["", "victim.poc. NS evil.poc.", "evil.poc. A 6.6.6.6"]);
    assert_eq!((got.delegation, got.upward), (None, Upward::Away));
    let up = scrubbed("a.b.poc. A", "b.poc.", ["", "poc. NS ns.evil.", ""]);
    assert!(up.upward == Upward::Away && up.delegation.is_none());
}

#[test]
fn glue_belongs_to_the_servers_of_this_delegation_inside_this_zone() {
    let got = scrubbed(
        "www.example.com. A",
        "com.",
        [
            "",
            "example.com. 7200 NS ns.example.com.\nexample.com. 60 NS ns.sibling.com.\nexample.com. 60 NS ns.other.net.",
            "ns.example.com. A 192.0.2.1\nns.example.com. AAAA 2001:db8::1\nns.sibling.com. A 192.0.2.2\n\
             ns.other.net. A 192.0.2.3\nwww.bank.com. A 6.6.6.6",
        ],
    );
    let delegation = got.delegation.unwrap();
    assert_eq!((delegation.zone, delegation.ttl), (name("example.com"), Ttl::from_secs(60)));
    let glue: Vec<Vec<String>> =
        delegation.servers.iter().map(|s| s.glue.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(glue, [vec!["192.0.2.1", "2001:db8::1"], vec!["192.0.2.2"], vec![]]);
}

#[test]
fn an_alias_is_believed_and_what_is_said_of_its_target_is_not() {
    // POI-18 (CVE-2026-0398): the tail of a chain, whether in another zone or in this one.
    for target in ["www.victim.", "r.attacker."] {
        let answer = format!("q.attacker. CNAME {target}\n{target} A 6.6.6.6");
        let got = scrubbed("q.attacker. A", "attacker.", [&answer, "", ""]);
        assert_eq!((got.alias.len(), got.alias[0].target(), got.data), (1, Some(name(target)), None));
    }
}

#[test]
fn off_chain_aliases_are_nobodys_business() {
    // AMP-14 (CVE-2026-123585): CNAMEs that do not start at the question.
    let got = scrubbed("q.z. A", "z.", ["x.z. CNAME y.victim.\nq.z. A 192.0.2.1", "q.z. CNAME v.victim.", ""]);
    assert!(got.alias.is_empty() && got.data.is_some());
}

#[test]
fn two_cnames_contradict_each_other() {
    let got = scrubbed("q.z. A", "z.", ["q.z. CNAME a.z.\nq.z. CNAME b.z.", "", ""]);
    assert!(got.contradicts);
}

#[test]
fn a_dname_is_synthesized_here_and_only_from_inside_the_zone() {
    // POI-17; RFC 6672 §3.1: the CNAME beside it is not needed and not believed.
    let got = scrubbed(
        "a.old.z. A",
        "z.",
        ["old.z. 300 DNAME new.z.\na.old.z. CNAME evil.attacker.\na.new.z. A 192.0.2.1", "", ""],
    );
    assert_eq!((got.alias[1].target(), got.data), (Some(name("a.new.z")), None));
    let outside = scrubbed("a.b.z. A", "b.z.", ["z. DNAME attacker.", "", ""]);
    assert!(outside.alias.is_empty());
}

#[test]
fn a_dname_that_makes_the_name_too_long_is_told() {
    let label = "x".repeat(63);
    let long = format!("{label}.{label}.{label}.old.z. A");
    let got = scrubbed(&long, "z.", [&format!("old.z. DNAME {label}.new.z."), "", ""]);
    assert!(got.too_long.is_some() && got.alias.is_empty());
}

#[test]
fn only_the_zones_own_soa_denies() {
    // INT-16: the SOA of a zone above, or of one that does not hold the name.
    for owner in [".", "other.z.", "com."] {
        let soa = format!("{owner} SOA a. b. 1 2 3 4 5");
        let zone = if owner == "com." { "z." } else { "a.z." };
        assert_eq!(scrubbed("q.a.z. A", zone, ["", &soa, ""]).soa, None, "{owner}");
    }
}

#[test]
fn foreign_classes_are_not_read() {
    // INT-27.
    let got = scrubbed("q.z. A", "z.", ["q.z. CH A 192.0.2.1", "s.z. CH NS ns.z.", ""]);
    assert!(got.data.is_none() && got.delegation.is_none());
}

#[test]
fn the_smallest_ttl_of_a_set_counts_and_repetitions_do_not() {
    let got = scrubbed("q.z. A", "z.", ["q.z. 300 A 192.0.2.1\nq.z. 20 A 192.0.2.2\nq.z. 300 A 192.0.2.1", "", ""]);
    let data = got.data.unwrap();
    assert_eq!((data.ttl, data.rdatas.len()), (Ttl::from_secs(20), 2));
}

/// The least time of a few that it takes to read so many records of `class` in one section.
fn time_to_read(asked: &str, record: &str, class: Class) -> Duration {
    let mut message = reply(Header::AA, Rcode::NOERROR, [record, record, ""]);
    for section in [&mut message.answer, &mut message.authority] {
        *section = vec![Record { class, ..section[0].clone() }; 2048];
    }
    let clock = Clock::system();
    let times = (0..5).map(|_| {
        let began = clock.now();
        let got = scrub(&message, &question(asked), &name("z."), &Limits::default());
        assert_eq!(got.proof.is_empty() && got.every.is_empty(), class != Class::IN);
        clock.now() - began
    });
    times.min().unwrap()
}

#[test]
fn records_of_another_class_do_not_cost_the_square_of_their_number() {
    // CPU-bound: thousands of records that are of no set, each of which is looked up among all of them.
    for (asked, record) in [("x.z. A", "x.z. NSEC z. A"), ("x.z. ANY", "x.z. NSEC z. A")] {
        let times = [Class::IN, Class(3)].map(|class| time_to_read(asked, record, class));
        assert!(times[1] < 4 * times[0], "{asked}: {times:?}");
    }
}

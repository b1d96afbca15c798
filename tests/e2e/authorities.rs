//! The hierarchy itself, asked directly: what Burdock walks is what we think it is.

use super::ask::Asker;
use super::zones::{BIG, HUGE};
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("the_root_refers_to_its_children_with_glue", the_root_refers_to_its_children_with_glue),
    ("a_tld_refers_without_glue_to_a_server_elsewhere", a_tld_refers_without_glue_to_a_server_elsewhere),
    ("both_kinds_of_server_give_the_same_zone", both_kinds_of_server_give_the_same_zone),
    ("large_sets_are_truncated_and_whole_over_tcp", large_sets_are_truncated_and_whole_over_tcp),
    ("the_lame_one_refuses_and_the_silent_one_is_silent", the_lame_one_refuses_and_the_silent_one_is_silent),
    ("six_is_served_over_ipv6", six_is_served_over_ipv6),
    ("the_signed_zone_is_signed", the_signed_zone_is_signed),
];

fn the_root_refers_to_its_children_with_glue(stage: &Stage) {
    let lab = &stage.lab;
    for address in ["127.54.0.1", "127.54.0.2"] {
        let reply = Asker::dig(address, lab.port).ask("www.leaf.net A +norec");
        reply.expect("NOERROR");
        assert!(reply.answer.is_empty() && !reply.has("aa"), "{}", reply.text);
        let servers: Vec<&str> = reply.authority.iter().map(|record| record.data.as_str()).collect();
        assert_eq!(servers.len(), 2, "{servers:?}");
        assert_eq!(reply.additional.iter().filter(|record| record.rtype == "A").count(), 2, "{}", reply.text);
    }
}

fn a_tld_refers_without_glue_to_a_server_elsewhere(stage: &Stage) {
    let lab = &stage.lab;
    let reply = Asker::kdig("127.54.1.1", lab.port).ask("www.glueless.net A +norec");
    assert_eq!(reply.authority.iter().map(|r| r.data.as_str()).collect::<Vec<_>>(), ["ns1.hosts.org."]);
    assert!(reply.additional.is_empty(), "{}", reply.text);
    let sibling = Asker::kdig("127.54.1.2", lab.port).ask("www.sibling.net A +norec");
    assert_eq!(sibling.authority.iter().map(|r| r.data.as_str()).collect::<Vec<_>>(), ["ns1.leaf.net."]);
}

fn both_kinds_of_server_give_the_same_zone(stage: &Stage) {
    let lab = &stage.lab;
    for address in ["127.54.2.1", "127.54.3.1"] {
        let dig = Asker::dig(address, lab.port).with("+norec");
        assert_eq!(dig.ask("www.leaf.net AAAA").data("AAAA"), ["2001:db8::1"]);
        assert_eq!(dig.ask("odd.leaf.net TYPE65280").data("TYPE65280"), ["\\# 4 DEADBEEF"]);
        assert_eq!(dig.ask("any.wild.leaf.net A").data("A"), ["192.0.2.77"]);
        let empty = dig.ask("ent.leaf.net A");
        assert!(empty.expect("NOERROR").answer.is_empty() && empty.soa().is_some(), "{}", empty.text);
        dig.ask("nothing.leaf.net A").expect("NXDOMAIN");
    }
}

fn large_sets_are_truncated_and_whole_over_tcp(stage: &Stage) {
    let lab = &stage.lab;
    for address in ["127.54.2.1", "127.54.3.1"] {
        let dig = Asker::dig(address, lab.port).with("+norec");
        let cut = dig.ask("big.leaf.net TXT +ignore +bufsize=1232");
        assert!(cut.has("tc"), "{}", cut.text);
        assert_eq!(dig.ask("big.leaf.net TXT +tcp").data("TXT").len(), BIG);
        assert_eq!(dig.ask("huge.leaf.net TXT +tcp").data("TXT").len(), HUGE);
    }
}

fn the_lame_one_refuses_and_the_silent_one_is_silent(stage: &Stage) {
    let lab = &stage.lab;
    Asker::dig("127.54.3.1", lab.port).ask("www.halflame.net A +norec").expect("REFUSED");
    let silent = Asker::dig("127.54.9.1", lab.port).with("+time=1").try_ask("www.dead.net A +norec");
    assert!(silent.is_err_and(|text| text.contains("timed out")));
}

fn six_is_served_over_ipv6(stage: &Stage) {
    let lab = &stage.lab;
    let reply = Asker::dig("::1", lab.port).ask("www.six.net A +norec");
    assert_eq!(reply.data("A"), ["192.0.2.66"]);
}

fn the_signed_zone_is_signed(stage: &Stage) {
    let lab = &stage.lab;
    let reply = Asker::dig("127.54.3.1", lab.port).ask("www.signed.net A +norec +dnssec");
    assert_eq!(reply.data("A"), ["192.0.2.61"]);
    assert_eq!(reply.data("RRSIG").len(), 1, "{}", reply.text);
    assert_eq!(Asker::dig("127.54.3.1", lab.port).ask("signed.net DNSKEY +norec +tcp").data("DNSKEY").len(), 2);
}

//! When the Internet is broken: partly, and an answer is owed; wholly, and a reason is.

use std::time::{Duration, Instant};

use super::lab::Lab;
use super::process::within;
use super::program::{Burdock, Wish};
use super::zones::Host;
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("a_zone_without_glue", a_zone_without_glue),
    ("a_zone_with_sibling_glue", a_zone_with_sibling_glue),
    ("one_lame_server_of_two", one_lame_server_of_two),
    ("one_dead_server_of_two", one_dead_server_of_two),
    ("a_server_with_ipv6_alone", a_server_with_ipv6_alone),
    ("a_dead_zone_is_servfail_with_a_reason", a_dead_zone_is_servfail_with_a_reason),
    ("a_lame_zone_is_servfail_with_a_reason", a_lame_zone_is_servfail_with_a_reason),
    ("a_circle_of_delegations_ends", a_circle_of_delegations_ends),
    ("a_server_that_does_not_exist", a_server_that_does_not_exist),
    ("a_loop_of_aliases_ends", a_loop_of_aliases_ends),
    ("an_alias_into_a_dead_zone_is_servfail", an_alias_into_a_dead_zone_is_servfail),
    ("servers_that_die_and_come_back", servers_that_die_and_come_back),
    ("strangers_are_refused", strangers_are_refused),
    ("sigterm_ends_it_in_order", sigterm_ends_it_in_order),
];

/// RFC 8914 §4.23.
const NO_REACHABLE_AUTHORITY: &str = "22 (No Reachable Authority)";

fn a_zone_without_glue(stage: &Stage) {
    assert_eq!(stage.burdock.dig().ask("www.glueless.net A").data("A"), ["192.0.2.51"]);
}

fn a_zone_with_sibling_glue(stage: &Stage) {
    assert_eq!(stage.burdock.dig().ask("www.sibling.net A").data("A"), ["192.0.2.52"]);
}

fn one_lame_server_of_two(stage: &Stage) {
    // Many names, so that the lame one is tried first for some.
    for i in 0..8 {
        let reply = stage.burdock.dig().ask(&format!("n{i}.halflame.net A"));
        reply.expect("NXDOMAIN");
    }
    assert_eq!(stage.burdock.dig().ask("www.halflame.net A").data("A"), ["192.0.2.53"]);
}

fn one_dead_server_of_two(stage: &Stage) {
    for i in 0..8 {
        stage.burdock.dig().ask(&format!("n{i}.halfdead.net A")).expect("NXDOMAIN");
    }
    assert_eq!(stage.burdock.dig().ask("www.halfdead.net A").data("A"), ["192.0.2.54"]);
}

fn a_server_with_ipv6_alone(stage: &Stage) {
    assert_eq!(stage.six.dig().ask("www.six.net A").data("A"), ["192.0.2.66"]);
    // Without IPv6 there is no way to it.
    stage.burdock.dig().ask("www.six.net A").expect("SERVFAIL");
}

fn a_dead_zone_is_servfail_with_a_reason(stage: &Stage) {
    let start = Instant::now();
    let reply = stage.burdock.dig().ask("www.dead.net A");
    let took = start.elapsed();
    reply.expect("SERVFAIL");
    assert_reason(&reply.ede, NO_REACHABLE_AUTHORITY);
    assert!(took < Duration::from_secs(12), "it took {took:?}");
    // RFC 9520: a failure is remembered, the next client does not wait for it.
    let start = Instant::now();
    stage.burdock.dig().ask("www.dead.net A").expect("SERVFAIL");
    assert!(start.elapsed() < Duration::from_secs(2), "the second time it took {:?}", start.elapsed());
}

fn a_lame_zone_is_servfail_with_a_reason(stage: &Stage) {
    let reply = stage.burdock.dig().ask("www.lame.net A");
    reply.expect("SERVFAIL");
    // None is of use, and the last said so itself: RFC 8914 §4.23, §4.24.
    let [reason, more] = reply.ede.as_slice() else { panic!("{:?}", reply.ede) };
    assert_reason(std::slice::from_ref(reason), NO_REACHABLE_AUTHORITY);
    assert!(more.contains("23 (Network Error)") && more.contains("REFUSED"), "{more}");
}

fn a_circle_of_delegations_ends(stage: &Stage) {
    for zone in ["circle-a.org", "circle-b.org"] {
        let start = Instant::now();
        let reply = stage.burdock.dig().ask(&format!("www.{zone} A"));
        reply.expect("SERVFAIL");
        assert_reason(&reply.ede, "");
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    }
}

fn a_server_that_does_not_exist(stage: &Stage) {
    let reply = stage.burdock.dig().ask("www.nowhere.net A");
    reply.expect("SERVFAIL");
    assert_reason(&reply.ede, "");
}

fn a_loop_of_aliases_ends(stage: &Stage) {
    for name in ["loop1.leaf.net", "self.leaf.net"] {
        let reply = stage.burdock.dig().ask(&format!("{name} A"));
        reply.expect("SERVFAIL");
        assert_reason(&reply.ede, "");
    }
}

fn an_alias_into_a_dead_zone_is_servfail(stage: &Stage) {
    stage.burdock.dig().ask("gone.leaf.net A").expect("SERVFAIL");
}

fn servers_that_die_and_come_back(_stage: &Stage) {
    // A hierarchy of its own, since others use the shared one.
    let mut lab = Lab::start();
    let burdock = Burdock::start(&lab, &Wish { name: "burdock", listen: &["127.0.0.1"], ipv6: false, more: "" });
    let dig = burdock.dig();
    dig.ask("a.wild.leaf.net A").expect("NOERROR");
    dig.ask("target.knot.net A").expect("NOERROR");
    lab.stop(Host::KnotLeaf);
    // One of leaf.net's two servers is gone: nobody notices.
    for i in 0..20 {
        assert_eq!(dig.ask(&format!("n{i}.wild.leaf.net A")).expect("NOERROR").data("A"), ["192.0.2.77"]);
    }
    // The only server of knot.net is gone: what is known is still given, the rest fails.
    assert_eq!(dig.ask("target.knot.net A").expect("NOERROR").data("A"), ["192.0.2.31"]);
    dig.ask("mail.knot.net A").expect("SERVFAIL");
    lab.restart(Host::KnotLeaf);
    // It is tried again when its pause and that of the failure are over.
    let back = within(Duration::from_secs(30), || (dig.ask("mail.knot.net A").status == "NOERROR").then_some(()));
    assert!(back.is_some(), "knot.net stays dead: {}", dig.ask("mail.knot.net A").text);
}

fn strangers_are_refused(stage: &Stage) {
    let wish =
        Wish { name: "closed", listen: &["127.0.0.1"], ipv6: false, more: "access: { allow: [192.0.2.0/24] }\n" };
    let closed = Burdock::start(&stage.lab, &wish);
    for option in ["+notcp", "+tcp"] {
        closed.dig().ask(&format!("www.leaf.net A {option}")).expect("REFUSED");
    }
}

fn sigterm_ends_it_in_order(stage: &Stage) {
    let wish = Wish { name: "ending", listen: &["127.0.0.1"], ipv6: false, more: "" };
    let mut ending = Burdock::start(&stage.lab, &wish);
    ending.dig().ask("www.leaf.net A").expect("NOERROR");
    let status = ending.end_with("TERM").unwrap_or_else(|| panic!("it does not end: {}", ending.log()));
    assert_eq!(status.code(), Some(0), "{status:?}: {}", ending.log());
}

/// One extended error of this kind, its text ending in the tag of the place that wrote it.
#[track_caller]
fn assert_reason(ede: &[String], kind: &str) {
    let [one] = ede else { panic!("one extended error, not {ede:?}") };
    assert!(one.starts_with(kind), "{one} is not {kind}");
    let tag = one.rsplit_once('[').and_then(|(_, tag)| tag.split_once(']')).map(|(tag, _)| tag);
    let is_tag = tag.is_some_and(|tag| tag.len() == 4 && tag.bytes().all(|byte| byte.is_ascii_uppercase()));
    assert!(is_tag, "{one} does not end in a tag");
}

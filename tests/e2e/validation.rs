//! Validation, judged by those who know: what Burdock says of a chain of trust that others' programs signed and serve
//! must be what `delv` finds out through it, and what `dig` and `drill` are shown.

use std::process::Command;

use super::ask::Reply;
use super::chain::Chain;
use super::chain_zones::{Verdict, ZONES};
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("dig_drill_and_delv_agree_on_every_zone", dig_drill_and_delv_agree_on_every_zone),
    (
        "what_may_hide_an_unsigned_delegation_is_not_called_authentic",
        what_may_hide_an_unsigned_delegation_is_not_called_authentic,
    ),
    ("who_checks_for_himself_is_given_what_is_bogus", who_checks_for_himself_is_given_what_is_bogus),
];

fn dig_drill_and_delv_agree_on_every_zone(stage: &Stage) {
    let chain = stage.chain();
    let mut wrong = Vec::new();
    for (zone, name, verdict) in questions() {
        let reply = chain.burdock.dig().with("+dnssec").ask(&format!("{name} A"));
        let said = [("dig", dig(&reply)), ("drill", drill(chain, &name)), ("delv", delv(chain, &name))];
        for (tool, said) in said.into_iter().filter(|(_, said)| *said != Ok(verdict)) {
            wrong.push(format!("{zone} {name}: {tool} says {said:?}, not {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), chain.burdock.log());
}

/// A name of each zone that exists, and in zones without flaws one that does not.
fn questions() -> Vec<(&'static str, String, Verdict)> {
    let mut questions = Vec::new();
    for zone in ZONES.iter().filter(|zone| zone.has_www()) {
        questions.push((zone.apex, format!("www.{}", zone.apex), zone.verdict));
        if zone.edits.is_empty() && !APART.contains(&zone.apex) {
            // What exists needs no hash; what does not needs more of them than is good (RFC 9276 §3.2).
            let verdict = if zone.apex == "iterations.test." { Verdict::Insecure } else { zone.verdict };
            questions.push((zone.apex, format!("missing.{}", zone.apex), verdict));
        }
    }
    questions
}

/// Zones in which validators differ on what does not exist: docs/validation-differences.md.
const APART: [&str; 2] = [OPT_OUT, "hundred.test."];
/// A leaf zone with opt-out.
const OPT_OUT: &str = "p384.test.";

fn what_may_hide_an_unsigned_delegation_is_not_called_authentic(stage: &Stage) {
    // RFC 5155 §9.2: no AD where the next closer name is covered by a record with opt-out. `delv` does not know AD: for
    // it the records are right.
    let (chain, name) = (stage.chain(), format!("missing.{OPT_OUT}"));
    let reply = chain.burdock.dig().with("+dnssec").ask(&format!("{name} A"));
    assert_eq!((reply.expect("NXDOMAIN").has("ad"), delv(chain, &name)), (false, Ok(Verdict::Secure)));
    // What is matched is what it is.
    let reply = chain.burdock.dig().with("+dnssec").ask(&format!("www.{OPT_OUT} TXT"));
    assert_eq!((reply.expect("NOERROR").has("ad"), reply.answer.len()), (true, 0));
}

fn dig(reply: &Reply) -> Result<Verdict, String> {
    match (reply.status.as_str(), reply.has("ad")) {
        ("NOERROR" | "NXDOMAIN", true) => Ok(Verdict::Secure),
        ("NOERROR" | "NXDOMAIN", false) => Ok(Verdict::Insecure),
        ("SERVFAIL", false) => Ok(Verdict::Bogus),
        _ => Err(reply.text.clone()),
    }
}

fn drill(chain: &Chain, name: &str) -> Result<Verdict, String> {
    let said = output(&["drill", "-D", "-b", "1232", "-p", &chain.burdock.port.to_string(), name, "@127.0.0.1", "A"]);
    let flags = said.lines().find_map(|line| line.strip_prefix(";; flags: ")).unwrap_or_default();
    let flags = flags.split(';').next().unwrap_or_default();
    let authentic = flags.split_whitespace().any(|flag| flag == "ad");
    match (said.contains("rcode: SERVFAIL"), said.contains("rcode: NO"), said.contains("rcode: NX")) {
        (true, _, _) => Ok(Verdict::Bogus),
        (_, true, _) | (_, _, true) => Ok(if authentic { Verdict::Secure } else { Verdict::Insecure }),
        _ => Err(said),
    }
}

/// `delv` asks for every step of the chain, and judges by the same anchor.
fn delv(chain: &Chain, name: &str) -> Result<Verdict, String> {
    let anchors = chain.bind_anchors.to_str().expect("a plain path");
    let said =
        output(&["delv", "@127.0.0.1", "-p", &chain.burdock.port.to_string(), "-a", anchors, "+root=.", name, "A"]);
    if said.contains("; fully validated") || said.contains("; negative response, fully validated") {
        Ok(Verdict::Secure)
    } else if said.contains("; unsigned answer") || said.contains("; negative response, unsigned answer") {
        Ok(Verdict::Insecure)
    } else if said.contains(";; resolution failed") {
        Ok(Verdict::Bogus)
    } else {
        Err(said)
    }
}

fn who_checks_for_himself_is_given_what_is_bogus(stage: &Stage) {
    // RFC 4035 §3.2.2: with CD the data comes as it is, with AD clear.
    let chain = stage.chain();
    for zone in ZONES.iter().filter(|zone| zone.verdict == Verdict::Bogus) {
        let question = format!("www.{} A", zone.apex);
        let reply = chain.burdock.dig().with("+dnssec").with("+cd").ask(&question);
        let address = if zone.apex.starts_with("broken") { "192.0.2.99" } else { "192.0.2.1" };
        assert_eq!((reply.expect("NOERROR").data("A"), reply.has("ad")), (vec![address], false), "{}", reply.text);
        let reply = chain.burdock.dig().ask(&question);
        assert_eq!((reply.expect("SERVFAIL").has("ad"), reply.ede.len()), (false, 1), "{}", reply.text);
    }
}

/// All a program says.
fn output(command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).output().expect("it starts");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

//! The commands that need no server: the same walk inside their own process.

use std::process::Command;

use super::program::PROGRAM;
use super::{Stage, Test};

/// Every test of this file.
pub const TESTS: &[Test] = &[
    ("query_walks_by_itself", query_walks_by_itself),
    ("query_asks_a_server", query_asks_a_server),
    ("query_fails_with_a_reason", query_fails_with_a_reason),
    ("trace_shows_every_zone_on_the_way", trace_shows_every_zone_on_the_way),
    ("the_playground_walks_the_lectures_example", the_playground_walks_the_lectures_example),
    ("check_knows_right_from_wrong", check_knows_right_from_wrong),
];

/// Runs a command of the program to its end: exit status and what it printed.
fn run(arguments: &str) -> (Option<i32>, String) {
    let output = Command::new(PROGRAM).args(arguments.split(' ')).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

#[track_caller]
fn expect(arguments: &str, status: i32, words: &[&str]) {
    let (code, text) = run(arguments);
    assert_eq!(code, Some(status), "burdock {arguments}\n{text}");
    for word in words {
        assert!(text.contains(word), "burdock {arguments}: no {word} in\n{text}");
    }
}

fn query_walks_by_itself(stage: &Stage) {
    let configuration = stage.burdock.configuration.display();
    expect(&format!("query --config {configuration} www.leaf.net"), 0, &["192.0.2.1"]);
    expect(&format!("query --config {configuration} chain1.leaf.net A"), 0, &["chain4.hosts.org.", "192.0.2.41"]);
    expect(&format!("query --config {configuration} nothing.leaf.net"), 0, &["NXDOMAIN", "leaf.net."]);
    expect(&format!("query --config {configuration} huge.leaf.net TXT"), 0, &["\"199xxx"]);
}

fn query_asks_a_server(stage: &Stage) {
    let server = format!("@127.0.0.1:{}", stage.burdock.port);
    expect(&format!("query {server} leaf.net MX"), 0, &["mail.knot.net."]);
    expect(&format!("query {server} leaf.net MX +tcp"), 0, &["mail.knot.net."]);
    // An authoritative server is as good.
    expect(&format!("query @127.54.2.1:{} odd.leaf.net TYPE65280", stage.lab.port), 0, &["DEADBEEF"]);
}

fn query_fails_with_a_reason(stage: &Stage) {
    let configuration = stage.burdock.configuration.display();
    expect(&format!("query --config {configuration} www.lame.net"), 1, &["SERVFAIL", "lame.net."]);
}

fn trace_shows_every_zone_on_the_way(stage: &Stage) {
    let configuration = stage.burdock.configuration.display();
    let zones = ["zone .", "zone net.", "zone glueless.net.", "zone hosts.org.", "127.54.3.1", "192.0.2.51"];
    expect(&format!("trace --config {configuration} www.glueless.net"), 0, &zones);
    expect(&format!("trace --config {configuration} big.leaf.net TXT"), 0, &["TCP"]);
}

fn the_playground_walks_the_lectures_example(_stage: &Stage) {
    expect("playground --once", 0, &["zone cs.umass.edu.", "192.0.2.45"]);
}

fn check_knows_right_from_wrong(stage: &Stage) {
    let right = &stage.burdock.configuration;
    expect(&format!("check --config {}", right.display()), 0, &[]);
    let wrong = right.with_file_name("wrong.yaml");
    std::fs::write(&wrong, "listen: 7\nresolver: { root-hint: x }\n").expect("a file");
    // Both problems, and the key that was meant.
    expect(&format!("check --config {}", wrong.display()), 2, &["wrong.yaml:1:", "wrong.yaml:2:", "root-hints"]);
}

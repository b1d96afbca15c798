//! The documents: what they say of the code is checked against the code.

use std::collections::BTreeSet;
use std::path::Path;

use burdock::config::{Form, settings};

use super::source::{Complaint, Source};

/// What the README opens with: how to see it run, how to test it.
const COMMANDS: [&str; 2] = ["cargo run --release -- playground", "tests/run"];
const COVERAGE: &str = "docs/rfc-coverage.md";
const SETTINGS: &str = "docs/settings.md";

pub fn check_readme(tree: &[Source]) -> Vec<Complaint> {
    let Some(readme) = tree.iter().find(|source| source.path == "README.md") else { return Vec::new() };
    let mut opening = readme.text.lines().take(12);
    let missing = COMMANDS.iter().find(|command| !opening.any(|line| line.trim_start().starts_with(*command)));
    let what = |command| format!("the README opens with `{command}` on a line of its own");
    missing.map(|command| readme.complain(1, what(command))).into_iter().collect()
}

/// Every relative link leads to a file.
pub fn check_links(tree: &[Source]) -> Vec<Complaint> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.path.ends_with(".md")) {
        let folder = Path::new(&source.path).parent().unwrap();
        for (index, line) in source.text.lines().enumerate() {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
            for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
                if !root.join(folder).join(target).exists() {
                    complaints.push(source.complain(index + 1, format!("the link leads nowhere: {target}")));
                }
            }
        }
    }
    complaints
}

/// Every RFC that the source names is in the table of what is covered.
pub fn check_coverage(tree: &[Source]) -> Vec<Complaint> {
    let Some(table) = tree.iter().find(|source| source.path == COVERAGE) else { return Vec::new() };
    let covered: BTreeSet<u32> = rfcs(&table.text).collect();
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.in_src().is_some()) {
        for (index, line) in source.text.lines().enumerate() {
            for number in rfcs(line).filter(|number| !covered.contains(number)) {
                let what = format!("RFC {number} is not in {COVERAGE}: say there what is done of it");
                complaints.push(source.complain(index + 1, what));
            }
        }
    }
    complaints
}

fn rfcs(text: &str) -> impl Iterator<Item = u32> {
    text.split("RFC ").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
}

/// The table of settings is that of the program.
pub fn check_settings(tree: &[Source]) -> Vec<Complaint> {
    let Some(page) = tree.iter().find(|source| source.path == SETTINGS) else { return Vec::new() };
    let right = with_table(&page.text);
    let line = page.text.lines().zip(right.lines()).position(|(is, should)| is != should);
    let what = "not what the program says; write it anew: WRITE_DOCS=1 cargo test --test tidy";
    (page.text != right).then(|| page.complain(line.unwrap_or(0) + 1, what)).into_iter().collect()
}

/// Writes the table into the page, when `WRITE_DOCS=1` asks for it.
pub fn write_settings() {
    if std::env::var("WRITE_DOCS").is_ok_and(|wanted| wanted == "1") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SETTINGS);
        let page = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, with_table(&page)).unwrap();
    }
}

fn with_table(page: &str) -> String {
    let (head, rest) = page.split_once("<!-- made -->\n").unwrap();
    let (_, tail) = rest.split_once("<!-- end -->\n").unwrap();
    format!("{head}<!-- made -->\n{}<!-- end -->\n{tail}", made_table())
}

fn made_table() -> String {
    let mut text = String::from("| key | default | what it is for |\n|---|---|---|\n");
    for setting in settings() {
        let unbuilt = if matches!(setting.form, Form::Unbuilt(_)) { "*(not built yet)* " } else { "" };
        text += &format!("| `{}` | `{}` | {unbuilt}{} |\n", setting.key, setting.default, setting.help);
    }
    text
}

//! Words: tags that must be unique, marks of unfinished work, names that say nothing.

use std::collections::BTreeMap;

use super::source::{Complaint, Source, words};

/// The file whose error texts all end in a tag.
const TAGGED: &str = "src/responder/failure.rs";

/// File and folder names that say nothing about what is inside.
const VAGUE: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "handler", "misc", "base", "pool"];

/// Marks of unfinished or private business. Written in two halves so that this file does not hold them.
const LEFTOVERS: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it, or describe the limit in the module's head"),
    (concat!("FIX", "ME"), "fix it, or describe the bug in the module's head"),
    (concat!("XX", "X"), "say it in words"),
    (concat!("iss", "ue #"), "say the reason itself, not where it was discussed"),
    (concat!("#[ign", "ore"), "a test runs or does not exist"),
    (concat!("to", "do!("), "finish it, or leave it out"),
    (concat!("unimple", "mented!("), "finish it, or leave it out"),
];

pub fn check_tags(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for source in tree.iter().filter(|source| source.in_src().is_some()) {
        let text = &source.text[..source.code_without_tests().len()];
        for (index, line) in text.lines().enumerate() {
            let tags = tags(line, source.path == TAGGED);
            if tags.is_empty() && line.contains("Ede::new(") && line.contains('"') {
                complaints.push(source.complain(index + 1, "end the text in a tag of its own: ` [ABCD]`"));
            }
            for tag in tags {
                let here = format!("{}:{}", source.path, index + 1);
                if let Some(there) = seen.insert(tag.to_owned(), here) {
                    complaints.push(
                        source.complain(index + 1, format!("the tag [{tag}] is taken by {there}; choose another")),
                    );
                }
            }
        }
    }
    let failures = tree.iter().find(|source| source.path == TAGGED);
    if let Some(source) = failures.filter(|source| source.text.lines().all(|line| tags(line, true).is_empty())) {
        complaints.push(source.complain(1, "no tag found: every failure has one of four capitals"));
    }
    complaints
}

/// Four capitals in brackets at the end of a string literal; in the table of failures a literal of four capitals.
fn tags(line: &str, table: bool) -> Vec<&str> {
    let before = |end: usize, open: &'static str| {
        line.get(end.checked_sub(4 + open.len())?..end).and_then(|word| word.strip_prefix(open))
    };
    let bracketed = line.match_indices("]\"").filter_map(|(end, _)| before(end, " ["));
    let bare = line.match_indices('"').filter(|_| table).filter_map(|(end, _)| before(end, "\""));
    bracketed.chain(bare).filter(|tag| tag.bytes().all(|byte| byte.is_ascii_uppercase())).collect()
}

pub fn check_leftovers(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.path != "Cargo.lock" && !source.path.starts_with("LICENSE")) {
        for (word, remedy) in LEFTOVERS {
            let found = if word.bytes().all(|b| b.is_ascii_alphabetic()) {
                words(&source.text, word)
            } else {
                source.text.match_indices(word).map(|(at, _)| at).collect()
            };
            for at in found {
                let line = source.text[..at].matches('\n').count() + 1;
                complaints.push(source.complain(line, format!("`{word}`: {remedy}")));
            }
        }
    }
    complaints
}

pub fn check_names(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.is_rust()) {
        let vague = source.path.split(['/', '.']).find(|part| VAGUE.contains(part));
        if let Some(part) = vague {
            complaints.push(source.complain(1, format!("`{part}` says nothing; name the file after what it holds")));
        }
        for at in words(&source.code, concat!("baili", "wick")) {
            let line = source.line_at(at);
            complaints.push(source.complain(line, "RFC 9499 says in-domain and sibling-domain"));
        }
    }
    complaints
}

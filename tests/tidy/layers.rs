//! Imports go strictly down; neighbours on one level do not know each other.

use super::source::{Complaint, Source, words};

/// Every module of the library and its level. A module may name modules of lower levels only.
const LEVELS: &[(&str, u8)] = &[
    ("dns", 0),
    ("world", 0),
    ("inflight", 0),
    ("dnssec", 1),
    ("telemetry", 1),
    ("job", 2),
    ("cache", 3),
    // What is remembered of servers is kept in a store of the cache's kind.
    ("upstream", 4),
    ("resolver", 5),
    ("policy", 6),
    ("responder", 7),
    ("net", 8),
    ("control", 8),
    ("config", 9),
    ("server", 10),
    ("command", 11),
];

/// Modules that only these others may name, whatever the level.
const KNOWN_TO: &[(&str, &[&str])] = &[
    ("net", &["config", "server", "command"]),
    ("control", &["config", "server", "command"]),
    ("playground", &["command"]),
];

/// A miniature Internet knows the vocabulary and the world, and nothing of the resolver that it tests.
const PLAYGROUND_KNOWS: &[&str] = &["dns", "world"];

pub fn check(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree {
        let Some(path) = source.in_src().filter(|path| !["lib.rs", "main.rs"].contains(path)) else { continue };
        let module = path.split(['/', '.']).next().unwrap();
        if level(module).is_none() && module != "playground" {
            complaints.push(source.complain(1, format!("give `{module}` a level in tests/tidy/layers.rs")));
            continue;
        }
        for (offset, named) in named_modules(source.code_without_tests()) {
            if let Some(what) = objection(module, &named) {
                complaints.push(source.complain(source.line_at(offset), what));
            }
        }
    }
    complaints
}

fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

fn objection(module: &str, named: &str) -> Option<String> {
    if module == named {
        return None;
    }
    if let Some((_, knowing)) = KNOWN_TO.iter().find(|(known, _)| *known == named)
        && !knowing.contains(&module)
    {
        return Some(format!("only {} may name `{named}`; pass in what `{module}` needs", knowing.join(", ")));
    }
    if module == "playground" {
        let known = PLAYGROUND_KNOWS.contains(&named);
        return (!known).then(|| format!("the playground may name dns and world only, not `{named}`"));
    }
    if named == "playground" {
        return None;
    }
    let (Some(mine), Some(theirs)) = (level(module), level(named)) else {
        return Some(format!("`{named}` is no module with a level in tests/tidy/layers.rs"));
    };
    (theirs >= mine).then(|| {
        format!("`{module}` (level {mine}) may not name `{named}` (level {theirs}): move the shared type down, or pass data in")
    })
}

/// The modules that `crate::…` paths lead to, groups in braces included, and where.
fn named_modules(code: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for at in words(code, "crate") {
        let Some(rest) = code[at..].strip_prefix("crate::") else { continue };
        let Some(group) = rest.strip_prefix('{') else {
            named.push((at, first_word(rest)));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (i, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    named.push((at, first_word(&group[start..i])));
                    start = i + 1;
                    if character == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    named.retain(|(_, name)| !name.is_empty());
    named
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

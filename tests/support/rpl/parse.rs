//! Reads scenario files. What is not played is kept as `Unsupported`, with its line; what is not understood is an error.

use std::fmt;
use std::net::IpAddr;

use burdock::dns::{Name, Ttl, read_zone};

use super::model::{Action, KeptKeys, Range, Scenario, Setting, Step, Unsupported};
use super::records;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub line: usize,
    pub problem: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// Reads a whole file.
pub fn parse(text: &str) -> Result<Scenario, ParseError> {
    let mut lines = Lines::new(text);
    let mut scenario = Scenario::default();
    config(&mut lines, &mut scenario)?;
    while let Some((line, text)) = lines.next() {
        let words = words(text);
        match words.first().copied().unwrap_or_default() {
            "SCENARIO_BEGIN" => scenario.title = text.trim_start_matches("SCENARIO_BEGIN").trim().to_owned(),
            "SCENARIO_END" => return Ok(scenario),
            "RANGE_BEGIN" => {
                let range = range(line, &words, &mut lines, &mut scenario)?;
                scenario.ranges.push(range);
            }
            // Some files close a range twice.
            "RANGE_END" => {}
            "STEP" => step(line, &words, &mut lines, &mut scenario)?,
            _ => return Err(error(line, format!("unknown line: {text}"))),
        }
    }
    Err(error(lines.number, "SCENARIO_END is missing"))
}

pub fn error(line: usize, problem: impl Into<String>) -> ParseError {
    ParseError { line, problem: problem.into() }
}

/// The words before any comment.
pub fn words(text: &str) -> Vec<&str> {
    let end = text.find(';').unwrap_or(text.len());
    text[..end].split_whitespace().collect()
}

/// Lines that say something, with their numbers, blanks around them removed.
pub struct Lines<'a> {
    rest: std::str::Lines<'a>,
    pub number: usize,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.lines(), number: 0 }
    }

    pub fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let line = self.rest.next()?.trim();
            self.number += 1;
            if !line.is_empty() && !line.starts_with(';') && !line.starts_with('#') {
                return Some((self.number, line));
            }
        }
    }

    /// Passes over the lines up to one that starts with `end`.
    pub fn skip_to(&mut self, end: &str) -> Result<(), ParseError> {
        let start = self.number;
        while let Some((_, text)) = self.next() {
            if text.starts_with(end) {
                return Ok(());
            }
        }
        Err(error(start, format!("{end} is missing")))
    }
}

fn config(lines: &mut Lines<'_>, scenario: &mut Scenario) -> Result<(), ParseError> {
    let (mut section, mut block) = ("server".to_owned(), 0);
    while let Some((line, text)) = lines.next() {
        let first = text.split_whitespace().next().unwrap_or_default();
        match first {
            "CONFIG_END" => return Ok(()),
            // The contents are for the features that read files; `words` knows which setting names them.
            "TEMPFILE_NAME" => {}
            "TEMPFILE_CONTENTS" => lines.skip_to("TEMPFILE_END")?,
            "AUTOTRUST_FILE" => scenario.anchor_file = kept_keys(lines, "AUTOTRUST_END")?,
            _ => {
                let mut key: Option<(String, Vec<String>)> = None;
                let mut push = |found: Option<(String, Vec<String>)>| match found {
                    Some((name, values)) if values.is_empty() => {
                        section = name;
                        block += 1;
                    }
                    Some((key, values)) => scenario.settings.push(Setting {
                        line,
                        section: section.clone(),
                        block,
                        key,
                        value: values.join(" "),
                    }),
                    None => {}
                };
                for (word, quoted) in config_words(text) {
                    let is_key = !quoted && word.ends_with(':') && word.starts_with(|c: char| c.is_ascii_alphabetic());
                    match (&mut key, is_key) {
                        (_, true) => push(key.replace((word.trim_end_matches(':').to_owned(), Vec::new()))),
                        (Some((_, values)), false) => values.push(word),
                        (None, false) => return Err(error(line, format!("a key is due before {word}"))),
                    }
                }
                push(key);
            }
        }
    }
    Err(error(lines.number, "CONFIG_END is missing"))
}

/// The words of a line in the head, quotes taken off, up to a comment.
fn config_words(text: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next().filter(|c| !matches!(c, '#' | ';')) {
        let (word, after) = match first {
            '"' | '\'' => rest[1..].split_once(first).unwrap_or((&rest[1..], "")),
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push((word.to_owned(), matches!(first, '"' | '\'')));
        rest = after.trim_start();
    }
    words
}

pub fn unsupported(scenario: &mut Scenario, line: usize, feature: &'static str, reason: &str) {
    scenario.unsupported.push(Unsupported { line, feature, reason: reason.to_owned() });
}

fn number(line: usize, word: Option<&&str>) -> Result<u32, ParseError> {
    word.and_then(|word| word.parse().ok()).ok_or_else(|| error(line, "a number is due"))
}

fn address(line: usize, word: Option<&&str>) -> Result<IpAddr, ParseError> {
    // `address@port`: the port plays no part here.
    let text = word.map(|word| word.split('@').next().unwrap_or_default());
    text.and_then(|text| text.parse().ok()).ok_or_else(|| error(line, "an address is due"))
}

fn range(line: usize, head: &[&str], lines: &mut Lines<'_>, scenario: &mut Scenario) -> Result<Range, ParseError> {
    let (first, last) = (number(line, head.get(1))?, number(line, head.get(2))?);
    let mut range = Range { first, last, addresses: Vec::new(), entries: Vec::new() };
    while let Some((line, text)) = lines.next() {
        let words = words(text);
        match words.first().copied().unwrap_or_default() {
            "RANGE_END" => return Ok(range),
            "ADDRESS" => range.addresses.push(address(line, words.get(1))?),
            "ENTRY_BEGIN" => range.entries.push(records::entry(line, lines, scenario)?),
            _ => return Err(error(line, format!("not part of a range: {text}"))),
        }
    }
    Err(error(line, "RANGE_END is missing"))
}

fn step(line: usize, head: &[&str], lines: &mut Lines<'_>, scenario: &mut Scenario) -> Result<(), ParseError> {
    let number = number(line, head.get(1))?;
    let from = match head.get(3) {
        Some(&"ADDRESS") => Some(address(line, head.get(4))?),
        _ => None,
    };
    let action = match head.get(2).copied().unwrap_or_default() {
        "QUERY" => Action::Query(from, Box::new(next_entry(lines, scenario)?)),
        "CHECK_ANSWER" => Action::CheckAnswer(Box::new(next_entry(lines, scenario)?)),
        "CHECK_OUT_QUERY" => Action::CheckOutQuery(Box::new(next_entry(lines, scenario)?)),
        "REPLY" => Action::Reply(from, Box::new(next_entry(lines, scenario)?)),
        "TIMEOUT" => Action::Timeout,
        "ERROR" => Action::Error,
        "NOTHING" | "TRAFFIC" => Action::Nothing,
        "TIME_PASSES" if matches!(head.get(3), Some(&"ELAPSE" | &"EVAL")) => Action::TimePasses(head[4..].join(" ")),
        "ASSIGN" => Action::Assign(head[3..].join(" ")),
        "CHECK_AUTOTRUST" => Action::CheckAnchors(kept_keys(lines, "FILE_END")?),
        "CHECK_TEMPFILE" => {
            lines.skip_to("FILE_END")?;
            unsupported(scenario, line, "auth-zone", "CHECK_TEMPFILE: a zone file written by the resolver");
            Action::Nothing
        }
        other => return Err(error(line, format!("unknown step: {other}"))),
    };
    scenario.steps.push(Step { line, number, action });
    Ok(())
}

fn next_entry(lines: &mut Lines<'_>, scenario: &mut Scenario) -> Result<super::model::Entry, ParseError> {
    match lines.next() {
        Some((line, "ENTRY_BEGIN")) => records::entry(line, lines, scenario),
        Some((line, text)) => Err(error(line, format!("ENTRY_BEGIN is due before {text}"))),
        None => Err(error(lines.number, "ENTRY_BEGIN is missing")),
    }
}

/// The records of a trust anchor file, each with its state behind it.
fn kept_keys(lines: &mut Lines<'_>, end: &str) -> Result<KeptKeys, ParseError> {
    let mut keys = KeptKeys::default();
    while let Some((line, text)) = lines.next() {
        if text.starts_with(end) {
            return Ok(keys);
        }
        if text == "FILE_BEGIN" {
            continue;
        }
        let records =
            read_zone(text, &Name::root(), Ttl::ZERO).map_err(|problem| error(line, problem.problem.to_string()))?;
        let state = text.split_once(";;state=").and_then(|(_, state)| state.chars().next()?.to_digit(10));
        keys.states.extend(records.iter().map(|_| state.and_then(|state| u8::try_from(state).ok()).unwrap_or(2)));
        keys.records.extend(records);
    }
    Err(error(lines.number, format!("{end} is missing")))
}

//! The files of the tree, with comments and literals blanked out so that rules see code alone.

use std::fmt;
use std::fs;
use std::path::Path;

/// One text file.
pub struct Source {
    /// Its path from the root of the repository, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// The same, with comments, strings and characters replaced by spaces; line by line as long as `text`.
    pub code: String,
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Complaint {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blank(text) } else { text.to_owned() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The path below `src/`, for the library's own modules.
    pub fn in_src(&self) -> Option<&str> {
        self.path.strip_prefix("src/").filter(|_| self.is_rust())
    }

    /// The number of the line at which this offset stands.
    pub fn line_at(&self, offset: usize) -> usize {
        self.code.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
    }

    /// Whether the whole file is tests.
    pub fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Where the tests that stand beside the code begin, as an offset.
    pub fn tests_start(&self) -> Option<usize> {
        const MARK: &str = "#[cfg(test)]\nmod ";
        let inline = |at: &usize| self.code[at + MARK.len()..].lines().next().is_some_and(|line| line.ends_with('{'));
        self.code.match_indices(MARK).map(|(at, _)| at).find(inline)
    }

    /// The code before the tests that stand beside it; nothing for a file that is all tests.
    pub fn code_without_tests(&self) -> &str {
        if self.is_tests() { "" } else { &self.code[..self.tests_start().unwrap_or(self.code.len())] }
    }

    pub fn complain(&self, line: usize, what: impl Into<String>) -> Complaint {
        Complaint { path: self.path.clone(), line, what: what.into() }
    }
}

/// Every text file of the project, in a fixed order.
pub fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz", "docs", "packaging", ".ci"] {
        walk(root, &root.join(folder), &mut sources);
    }
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            read(root, &entry.path(), &mut sources);
        }
    }
    sources.sort_by(|a: &Source, b| a.path.cmp(&b.path));
    sources
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    // A folder that the project does not have yet.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !["target", "corpus", "artifacts", "coverage"].iter().any(|built| name == *built) {
            walk(root, &entry.path(), sources);
        } else if kind.is_file() {
            read(root, &entry.path(), sources);
        }
    }
}

fn read(root: &Path, path: &Path, sources: &mut Vec<Source>) {
    // Anything that is not text has no words to check.
    if let Ok(text) = fs::read_to_string(path) {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        sources.push(Source::new(&name, &text));
    }
}

/// Replaces comments and literals by spaces, byte for byte; line ends stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let length = literal_or_comment(bytes, at);
        for &byte in &bytes[at..at + length.max(1)] {
            out.push(if length == 0 || byte == b'\n' { byte } else { b' ' });
        }
        at += length.max(1);
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// How long the comment or literal is that starts here; 0 when none does.
fn literal_or_comment(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let starts_word = at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |end| end + 2),
        [b'"', ..] => quoted(rest),
        [b'r', b'"' | b'#', ..] if starts_word => raw(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if starts_word => raw(rest, 2),
        [b'\'', b'\\', ..] => 2 + rest[3..].iter().position(|&byte| byte == b'\'').map_or(0, |end| end + 2),
        [b'\'', _, b'\'', ..] => 3,
        // A character of several octets; anything else after a quote is a lifetime.
        [b'\'', 0x80..=0xff, ..] => rest[1..].iter().position(|&byte| byte == b'\'').map_or(1, |end| end + 2),
        _ => 0,
    }
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw(rest: &[u8], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        // A raw identifier, not a string.
        return 0;
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = prefix + hashes + 1;
    find(&rest[body..], &end).map_or(rest.len(), |at| body + at + end.len())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Where `word` stands in `code` as a whole word (a path like `tokio::net` counts as one).
pub fn words(code: &str, word: &str) -> Vec<usize> {
    let joins = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|&at| !joins(bytes.get(at + word.len())) && (at == 0 || !joins(bytes.get(at - 1))))
        .collect()
}

//! Sizes: files, functions, the head of each module.

use super::source::{Complaint, Source};

const MAX_FILE: usize = 400;
const MAX_FUNCTION: usize = 70;
const MAX_TESTS_BESIDE: usize = 150;
const MAX_HEAD: usize = 8;

pub fn check(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.is_rust()) {
        let lines: Vec<&str> = source.code.lines().collect();
        if lines.len() > MAX_FILE {
            let what = format!("{} lines; split the file by what it does, at most {MAX_FILE}", lines.len());
            complaints.push(source.complain(MAX_FILE + 1, what));
        }
        let start = source.tests_start().map(|offset| source.line_at(offset));
        if let Some(start) = start.filter(|start| source.in_src().is_some() && lines.len() - start >= MAX_TESTS_BESIDE)
        {
            let what = format!("more than {MAX_TESTS_BESIDE} lines of tests beside the code; move them to tests.rs");
            complaints.push(source.complain(start, what));
        }
        complaints.extend(long_functions(source, &lines));
    }
    complaints
}

/// Lines of code only, as clippy counts them.
fn long_functions(source: &Source, lines: &[&str]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
        let indent = line.len() - line.trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        let body = lines[start + 1..].iter().take_while(|line| !line.starts_with(&close));
        let length = body.filter(|line| !line.trim().is_empty()).count();
        let has_body = !line.trim_end().ends_with(';') && !line.trim_end().ends_with('}');
        if has_body && length > MAX_FUNCTION {
            let what = format!("a function of {length} lines; give its parts names, at most {MAX_FUNCTION}");
            complaints.push(source.complain(start + 1, what));
        }
    }
    complaints
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("const ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.starts_with("fn ")
}

pub fn check_module_docs(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.is_rust()) {
        let head = source.text.lines().take_while(|line| line.starts_with("//!")).count();
        // A tests.rs tests the file it is named under; there is no more to say.
        if head == 0 && !source.path.ends_with("/tests.rs") {
            complaints.push(source.complain(1, "start with `//!`: what this is, what it is not, the RFCs"));
        }
        // The library's head is the map of the whole.
        if head > MAX_HEAD && source.path != "src/lib.rs" {
            complaints.push(source.complain(MAX_HEAD + 1, format!("a head of {head} lines; at most {MAX_HEAD}")));
        }
    }
    complaints
}

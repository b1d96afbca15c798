//! The switches of tests/attacks/switches: each still finds what it switches, names tests that exist, and stands in the
//! threat model. That those tests fail with it is for tests/attacks/switches to find out.

use std::fmt::Write;
use std::path::Path;

use super::source::{Complaint, Source};

const LIST: &str = "tests/attacks/switches.txt";
const PAGE: &str = "docs/threat-model.md";

/// A line of the list: what is switched off, in which files, and the tests that must fail.
struct Switch<'a> {
    mechanism: &'a str,
    files: Vec<&'a str>,
    tests: Vec<&'a str>,
}

pub fn check(tree: &[Source]) -> Vec<Complaint> {
    let Some(list) = tree.iter().find(|source| source.path == LIST) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (index, line) in lines(&list.text) {
        let fields: Vec<&str> = line.split(" | ").collect();
        let ([_, file, text, _] | [_, file, text, _, _]) = fields.as_slice() else {
            complaints.push(list.complain(index + 1, "write `mechanism | file | text | what to put there | tests`"));
            continue;
        };
        let times =
            tree.iter().find(|source| source.path == *file).map_or(0, |source| source.text.matches(text).count());
        if times != 1 {
            let what =
                format!("its text stands in {file} {times} times, not once: say what switches the mechanism off");
            complaints.push(list.complain(index + 1, what));
        }
        for test in fields.get(4).iter().flat_map(|tests| tests.split(' ')) {
            let name = test.rsplit("::").next().unwrap_or(test);
            // A function, or a row of a table of tests.
            let forms = [format!("fn {name}("), format!("\"{name}\"")];
            let has = |source: &Source| source.is_rust() && forms.iter().any(|form| source.text.contains(form));
            if !tree.iter().any(has) {
                complaints.push(list.complain(index + 1, format!("there is no test {test}")));
            }
        }
    }
    let page = tree.iter().find(|source| source.path == PAGE);
    if let Some(page) = page.filter(|page| page.text != with_table(&page.text, &list.text)) {
        let what =
            "the table of switches is not that of tests/attacks/switches.txt: WRITE_DOCS=1 cargo test --test tidy";
        complaints.push(page.complain(1, what));
    }
    complaints
}

/// Writes the table into the page, when `WRITE_DOCS=1` asks for it.
pub fn write() {
    if std::env::var("WRITE_DOCS").is_ok_and(|wanted| wanted == "1") {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let [page, list] = [PAGE, LIST].map(|path| std::fs::read_to_string(root.join(path)).unwrap());
        std::fs::write(root.join(PAGE), with_table(&page, &list)).unwrap();
    }
}

fn lines(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn switches(list: &str) -> Vec<Switch<'_>> {
    let mut switches: Vec<Switch<'_>> = Vec::new();
    for (_, line) in lines(list) {
        let mut fields = line.split(" | ");
        let (mechanism, file) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        match switches.last_mut().filter(|_| mechanism == "+") {
            Some(last) => last.files.push(file),
            None => {
                let tests = fields.nth(2).unwrap_or_default().split(' ').collect();
                switches.push(Switch { mechanism, files: vec![file], tests });
            }
        }
    }
    switches
}

fn with_table(page: &str, list: &str) -> String {
    let (head, rest) = page.split_once("<!-- switches -->\n").unwrap();
    let (_, tail) = rest.split_once("<!-- end -->\n").unwrap();
    let switches = switches(list);
    let mut table = format!("{} switches.\n\n| switched off | in | what fails then |\n|---|---|---|\n", switches.len());
    for Switch { mechanism, files, tests } in switches {
        let (files, tests) = (files.join(", ").replace("src/", ""), tests.join(", "));
        writeln!(table, "| {mechanism} | {files} | {tests} |").unwrap();
    }
    format!("{head}<!-- switches -->\n{table}<!-- end -->\n{tail}")
}

//! The house rules that no compiler checks, checked: layers, crates, sizes, words, tags.
//!
//! Each rule is a function from the tree to complaints; `samples.rs` proves that each one can fail.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

mod crates;
mod documents;
mod layers;
mod samples;
mod sizes;
mod source;
mod switches;
mod words;

use std::process::Command;

use source::{Complaint, Source, tree};

/// Fails with every complaint on a line of its own: where, and what to do.
fn assert_clean(rule: fn(&[Source]) -> Vec<Complaint>) {
    let complaints = rule(&tree());
    let text: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), text.join("\n"));
}

#[test]
fn the_tree_is_read() {
    let tree = tree();
    for path in
        ["src/lib.rs", "src/dns/name.rs", "tests/tidy/main.rs", "Cargo.toml", "Cargo.lock", "justfile", "README.md"]
    {
        assert!(tree.iter().any(|source| source.path == path), "{path} was not read: the rules would check nothing");
    }
}

#[test]
fn imports_go_strictly_down() {
    assert_clean(layers::check);
}

#[test]
fn crates_are_named_where_they_belong() {
    assert_clean(crates::check);
}

#[test]
fn unsafe_code_stays_in_two_files() {
    assert_clean(crates::check_unsafe);
}

#[test]
fn there_are_no_cargo_features() {
    assert_clean(crates::check_manifest);
}

#[test]
fn one_crypto_library_is_built() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["tree", "--offline", "--prefix", "none", "--edges", "normal,build"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && list.contains("hickory-proto v"), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(crates::check_built(&list), []);
}

#[test]
fn files_and_functions_fit_on_a_few_screens() {
    assert_clean(sizes::check);
}

#[test]
fn every_module_says_what_it_is() {
    assert_clean(sizes::check_module_docs);
}

#[test]
fn every_error_tag_leads_to_one_line() {
    assert_clean(words::check_tags);
}

#[test]
fn nothing_is_left_for_later() {
    assert_clean(words::check_leftovers);
}

#[test]
fn names_say_what_things_are() {
    assert_clean(words::check_names);
}

#[test]
fn the_readme_opens_with_two_commands() {
    assert_clean(documents::check_readme);
}

#[test]
fn links_lead_somewhere() {
    assert_clean(documents::check_links);
}

#[test]
fn every_rfc_named_is_accounted_for() {
    assert_clean(documents::check_coverage);
}

#[test]
fn every_setting_is_described_as_it_is() {
    documents::write_settings();
    assert_clean(documents::check_settings);
}

#[test]
fn every_switch_finds_its_mechanism_and_its_test() {
    switches::write();
    assert_clean(switches::check);
}

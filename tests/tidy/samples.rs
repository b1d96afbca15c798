//! Bad samples: a rule that cannot fail checks nothing.

use super::source::{Complaint, Source};
use super::{crates, documents, layers, sizes, switches, words};

fn complaints(rule: fn(&[Source]) -> Vec<Complaint>, path: &str, text: &str) -> Vec<String> {
    rule(&[Source::new(path, text)]).iter().map(ToString::to_string).collect()
}

fn lines(rule: fn(&[Source]) -> Vec<Complaint>, path: &str, text: &str) -> Vec<usize> {
    rule(&[Source::new(path, text)]).iter().map(|complaint| complaint.line).collect()
}

#[test]
fn an_import_upwards_is_seen() {
    let found = complaints(layers::check, "src/cache/mod.rs", "//! x\nuse crate::resolver::Resolver;\n");
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(one.starts_with("src/cache/mod.rs:2: `cache` (level 3) may not name `resolver` (level 5)"), "{one}");
}

#[test]
fn neighbours_groups_and_inline_paths_are_seen() {
    assert_eq!(lines(layers::check, "src/cache/store.rs", "use crate::upstream::Ask;"), [1]);
    let group = "use crate::{\n    dns::{Name, Ttl},\n    server::Server,\n};\nfn f(x: crate::config::Config) {}";
    assert_eq!(lines(layers::check, "src/job/mod.rs", group), [1, 5]);
    assert_eq!(lines(layers::check, "src/nowhere.rs", ""), [1]);
    assert_eq!(lines(layers::check, "src/dns/name.rs", "use crate::nowhere::X;"), [1]);
}

#[test]
fn the_outside_is_known_to_few() {
    assert_eq!(lines(layers::check, "src/server.rs", "use crate::net::Udp;"), [] as [usize; 0]);
    assert_eq!(lines(layers::check, "src/responder/mod.rs", "use crate::net::Udp;"), [1]);
    assert_eq!(lines(layers::check, "src/playground/mod.rs", "use crate::dns::Name;\nuse crate::resolver::X;"), [2]);
    assert_eq!(lines(layers::check, "src/server.rs", "use crate::playground::Zone;"), [1]);
}

#[test]
fn downwards_comments_strings_and_tests_are_fine() {
    let text = "//! x\nuse crate::dns::Name;\n// crate::server\nconst S: &str = \"crate::server\";\n\
                #[cfg(test)]\nmod tests {\n    use crate::server::X;\n}\n";
    assert_eq!(lines(layers::check, "src/cache/mod.rs", text), [] as [usize; 0]);
    let declared = "#[cfg(test)]\nmod tests;\nuse crate::server::X;\n";
    assert_eq!(lines(layers::check, "src/cache/mod.rs", declared), [3]);
    assert_eq!(lines(layers::check, "src/cache/tests.rs", "use crate::server::X;"), [] as [usize; 0]);
    assert_eq!(lines(layers::check, "src/cache/mod.rs", "const C: char = '\"';\nuse crate::server::X;"), [2]);
    assert_eq!(lines(layers::check, "src/cache/mod.rs", "const R: &str = r#\"a\"#;\nuse crate::server::X;"), [2]);
}

#[test]
fn crates_out_of_place_are_seen() {
    assert_eq!(lines(crates::check, "src/cache/answers.rs", "use quick_cache::sync::Cache;"), [1]);
    assert_eq!(lines(crates::check, "src/cache/store.rs", "use quick_cache::sync::Cache;"), [] as [usize; 0]);
    assert_eq!(lines(crates::check, "src/resolver/mod.rs", "\nlet s = tokio::net::UdpSocket::bind(a);"), [2]);
    assert_eq!(lines(crates::check, "src/net/worker.rs", "let n = libc::getpid();"), [1]);
    assert_eq!(lines(crates::check, "src/job/mod.rs", "use hickory_proto::rr::Name;"), [1]);
    assert_eq!(lines(crates::check_unsafe, "src/dns/name.rs", "unsafe { x() }"), [1]);
    assert_eq!(lines(crates::check_unsafe, "src/dns/name.rs", "#![allow(unsafe_code)]"), [1]);
}

#[test]
fn features_and_banned_crates_are_seen() {
    assert_eq!(lines(crates::check_manifest, "Cargo.toml", "[package]\n[features]\n"), [2]);
    assert_eq!(crates::check_built("burdock v0.1.0\nring v0.17.14\n").len(), 1);
    assert_eq!(crates::check_built("burdock v0.1.0\nring-buffer v1.0.0\n"), []);
}

#[test]
fn large_files_and_functions_are_seen() {
    assert_eq!(lines(sizes::check, "src/a.rs", &"//\n".repeat(401)), [401]);
    assert_eq!(lines(sizes::check, "src/a.rs", &"//\n".repeat(400)), [] as [usize; 0]);
    let long = format!("impl X {{\n    pub fn f() {{\n{}    }}\n}}\n", "        g();\n".repeat(71));
    assert_eq!(lines(sizes::check, "src/a.rs", &long), [2]);
    let fits = format!("fn f() {{\n{}}}\nfn g() {{\n    f();\n}}\n", "    g();\n    // why\n".repeat(70));
    assert_eq!(lines(sizes::check, "src/a.rs", &fits), [] as [usize; 0]);
    let tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    // x\n".repeat(150));
    assert_eq!(lines(sizes::check, "src/a.rs", &tests), [2]);
    let declared = format!("#[cfg(test)]\nmod tests;\n{}", "f!();\n".repeat(300));
    assert_eq!(lines(sizes::check, "src/a.rs", &declared), [] as [usize; 0]);
}

#[test]
fn missing_and_endless_heads_are_seen() {
    assert_eq!(lines(sizes::check_module_docs, "src/a.rs", "use x;\n"), [1]);
    assert_eq!(lines(sizes::check_module_docs, "src/a.rs", &"//! a\n".repeat(9)), [9]);
    assert_eq!(lines(sizes::check_module_docs, "src/a.rs", &"//! a\n".repeat(8)), [] as [usize; 0]);
}

#[test]
fn tags_used_twice_are_seen() {
    let [failure, elsewhere] = ["src/responder/failure.rs", "src/responder/mod.rs"];
    let table = "A => (CODE, \"ABCD\"),\nB => (CODE, \"EFGH\"),\nformat!(\"{x} [{tag}]\");\nC => (CODE, \"ABCD\"),\n";
    let found = complaints(words::check_tags, failure, table);
    assert_eq!(
        found,
        ["src/responder/failure.rs:4: the tag [ABCD] is taken by src/responder/failure.rs:1; choose another"]
    );
    let both = [Source::new(failure, table), Source::new(elsewhere, "f(\"no [EFGH]\");\ng(\"AAAA\");")];
    assert_eq!(words::check_tags(&both).len(), 2);
    assert_eq!(lines(words::check_tags, failure, "f(\"no tag\");"), [1]);
    assert_eq!(lines(words::check_tags, elsewhere, "\nx(Ede::new(EdeCode::OTHER, \"no tag\"))"), [2]);
}

#[test]
fn leftovers_and_vague_names_are_seen() {
    for word in [concat!("TO", "DO"), concat!("iss", "ue #7"), concat!("#[ign", "ore]"), concat!("to", "do!()")] {
        assert_eq!(lines(words::check_leftovers, "docs/a.md", &format!("a\n{word}: b\n")), [2], "{word}");
    }
    assert_eq!(lines(words::check_leftovers, "docs/a.md", concat!("AUTO", "DOC")), [] as [usize; 0]);
    assert_eq!(lines(words::check_names, "src/dns/util.rs", ""), [1]);
    assert_eq!(lines(words::check_names, "src/dns/name.rs", "fn f() {}\nfn bailiwick() {}"), [2]);
}

#[test]
fn documents_that_went_stale_are_seen() {
    assert_eq!(lines(documents::check_readme, "README.md", "# Burdock\n"), [1]);
    let opening = "# Burdock\n```\ncargo run --release -- playground   # run\ntests/run   # test\n```\n";
    assert_eq!(lines(documents::check_readme, "README.md", opening), [] as [usize; 0]);
    assert_eq!(lines(documents::check_links, "docs/a.md", "x\n[b](../README.md) [c](nowhere.md)"), [2]);
    let pair =
        [Source::new("docs/rfc-coverage.md", "| RFC 1035 |"), Source::new("src/a.rs", "// RFC 1035\n// RFC 9999 §1")];
    assert_eq!(documents::check_coverage(&pair).iter().map(|found| found.line).collect::<Vec<_>>(), [2]);
    let stale = "# Settings\n<!-- made -->\n| old |\n<!-- end -->\n";
    assert_eq!(lines(documents::check_settings, "docs/settings.md", stale), [3]);
}

#[test]
fn switches_that_switch_nothing_are_seen() {
    let list = "# a | b\nx | src/a.rs | if a { | if false { | a::tests::t\n+ | src/a.rs | b | c\n\
                y | src/a.rs | if | x | a::tests::u\nz | src/a.rs | a";
    let page = "<!-- switches -->\n<!-- end -->\n";
    let tree = [("src/a.rs", "fn t() { if a { b }; if c {} }"), ("tests/attacks/switches.txt", list)];
    let mut tree: Vec<Source> = tree.iter().map(|(path, text)| Source::new(path, text)).collect();
    let found: Vec<usize> = switches::check(&tree).iter().map(|complaint| complaint.line).collect();
    assert_eq!(found, [4, 4, 5], "not once, no such test, no such line");
    tree.push(Source::new("docs/threat-model.md", page));
    assert_eq!(switches::check(&tree).len(), 4);
}

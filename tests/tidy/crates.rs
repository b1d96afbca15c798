//! Which crate may be named where, so that each can be replaced by touching one place.

use super::source::{Complaint, Source, words};

/// A crate (or a path in one) and the files or folders of `src/` that may name it.
const NAMED_IN: &[(&str, &[&str])] = &[
    ("aws_lc_rs", &["dnssec/", "playground/"]),
    ("hickory_proto", &["dns/", "dnssec/"]),
    ("quick_cache", &["cache/store.rs"]),
    ("libc", &["net/batch.rs", "net/socket.rs", "net/socket/tests.rs"]),
    ("socket2", &["net/"]),
    ("tokio::net", &["net/", "control/", "playground/", "command/"]),
    // POI-04: IDs, ports, 0x20 and hash keys come from one cryptographic generator.
    ("rand", &["world.rs", "dnssec/signer.rs", "playground/"]),
    ("fastrand", &[]),
    ("SmallRng", &[]),
    ("StdRng", &[]),
    ("saphyr_parser", &["config/file.rs"]),
];

/// The only files with `unsafe`.
const UNSAFE_IN: &[&str] = &["net/batch.rs", "net/socket.rs", "net/socket/tests.rs"];

/// Crates that must not be built into the program, and why.
const BANNED: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one crypto library"),
    ("openssl-sys", "aws-lc-rs is the one crypto library"),
    ("serde_yml", "use yaml_serde, which is maintained"),
];

pub fn check(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree {
        let Some(path) = source.in_src() else { continue };
        for (name, places) in NAMED_IN {
            if places.iter().any(|place| path.starts_with(place)) {
                continue;
            }
            for at in words(source.code_without_tests(), name) {
                let what = format!("`{name}` may be named in {} only: call something there instead", places.join(", "));
                complaints.push(source.complain(source.line_at(at), what));
            }
        }
    }
    complaints
}

pub fn check_unsafe(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree {
        let Some(path) = source.in_src().filter(|path| !UNSAFE_IN.contains(path)) else { continue };
        for word in ["unsafe", "unsafe_code"] {
            for at in words(&source.code, word) {
                let what = format!("unsafe code belongs in src/{}", UNSAFE_IN.join(" or src/"));
                complaints.push(Complaint { path: format!("src/{path}"), line: source.line_at(at), what });
            }
        }
    }
    complaints
}

pub fn check_manifest(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.path == "Cargo.toml") {
        for (index, _) in source.text.lines().enumerate().filter(|(_, line)| line.trim() == "[features]") {
            complaints.push(source.complain(index + 1, "no cargo features: one program, one behaviour"));
        }
    }
    complaints
}

/// Looks at `cargo tree`'s list of what is built; the lock file also names what could be.
pub fn check_built(list: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, why) in BANNED {
        if list.lines().any(|line| line.split(' ').next() == Some(name)) {
            let what = format!("`{name}` is built: {why}; `cargo tree -i {name}` shows who pulls it in");
            complaints.push(Complaint { path: "Cargo.toml".to_owned(), line: 1, what });
        }
    }
    complaints
}

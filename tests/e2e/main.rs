//! The `burdock` binary against real authoritative servers, asked with real clients, all on loopback.
//!
//! Needs Debian's nsd, knot, knot-dnsutils, bind9-dnsutils, bind9-utils, ldnsutils and unbound; `tests/run` installs them. With `E2E=1` their absence
//! is a failure, otherwise it is said and nothing runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs)]

mod answers;
mod ask;
mod authorities;
mod chain;
mod chain_zones;
mod commands;
mod differential;

mod failures;
mod forwarding;
mod lab;
mod process;
mod program;
mod protocol;
mod signed;
mod validation;
mod zones;

use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use chain::Chain;
use lab::Lab;
use program::{Burdock, Wish};

/// A test: its name and what it does.
pub type Test = (&'static str, fn(&Stage));

/// All that the tests share; ended when the last of them has.
pub struct Stage {
    /// A chain of trust, started for the first test that needs it.
    chain: OnceLock<Chain>,
    /// The authoritative servers.
    lab: Lab,
    /// Burdock as a house would run it, without IPv6 to the outside.
    burdock: Burdock,
    /// Burdock with IPv6 to the outside. It listens on IPv4 alone: its own address is never asked.
    six: Burdock,
}

/// The commands that must be there.
const TOOLS: [&str; 16] = [
    "nsd",
    "knotd",
    "keymgr",
    "dig",
    "kdig",
    "drill",
    "delv",
    "setpriv",
    "ldns-keygen",
    "ldns-signzone",
    "ldns-verify-zone",
    "dnssec-keygen",
    "dnssec-signzone",
    "dnssec-dsfromkey",
    "dnssec-verify",
    "unbound",
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !exists(tool)).collect();
    if !missing.is_empty() && !arguments.list {
        eprintln!("skipped: {} not found; `tests/run` installs what is needed", missing.join(", "));
        return if std::env::var("E2E").is_ok_and(|wanted| wanted == "1") {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    }
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(&None)).exit_code();
    }
    let conclusion = libtest_mimic::run(&arguments, trials(&Some(Arc::new(Stage::start()))));
    conclusion.exit_code()
}

impl Stage {
    fn start() -> Self {
        let lab = Lab::start();
        let wish = Wish { name: "burdock", listen: &["127.0.0.1", "::1"], ipv6: false, more: "" };
        let burdock = Burdock::start(&lab, &wish);
        let six = Burdock::start(&lab, &Wish { name: "six", listen: &["127.0.0.1"], ipv6: true, more: "" });
        Self { chain: OnceLock::new(), lab, burdock, six }
    }

    fn chain(&self) -> &Chain {
        self.chain.get_or_init(|| {
            let folder = self.lab.folder.clone();
            let (give, take) = std::sync::mpsc::channel();
            // Servers end with the thread that started them (`PR_SET_PDEATHSIG`), and tests have threads of their own.
            std::thread::spawn(move || {
                let _ = give.send(Chain::start(&folder));
                loop {
                    std::thread::park();
                }
            });
            take.recv().expect("the chain starts")
        })
    }
}

/// Debian keeps servers in /usr/sbin, which is not in everybody's path.
fn exists(tool: &str) -> bool {
    Command::new("which").arg(tool).output().is_ok_and(|output| output.status.success())
}

/// Every test, by name. Without a stage they can be listed but not run.
fn trials(stage: &Option<Arc<Stage>>) -> Vec<Trial> {
    let files = [
        ("authorities", authorities::TESTS),
        ("answers", answers::TESTS),
        ("protocol", protocol::TESTS),
        ("failures", failures::TESTS),
        ("forwarding", forwarding::TESTS),
        ("commands", commands::TESTS),
        ("signed", signed::TESTS),
        ("validation", validation::TESTS),
        ("differential", differential::TESTS),
    ];
    files.iter().flat_map(|(file, tests)| tests.iter().map(move |test| trial(file, test, stage))).collect()
}

fn trial(file: &str, (name, test): &Test, stage: &Option<Arc<Stage>>) -> Trial {
    let (stage, test) = (stage.clone(), *test);
    Trial::test(format!("{file}::{name}"), move || {
        test(&stage.expect("tests run only on a stage"));
        Ok(())
    })
}

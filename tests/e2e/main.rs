//! The `burdock` binary against real authoritative servers, asked with real clients, all on loopback.
//!
//! Needs Debian's nsd, knot, knot-dnsutils and bind9-dnsutils; `tests/run` installs them. With `E2E=1` their absence
//! is a failure, otherwise it is said and nothing runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs, dead_code)]

mod ask;
mod authorities;
mod lab;
mod process;
mod zones;

use std::process::{Command, ExitCode};
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use lab::Lab;

/// The commands that must be there.
const TOOLS: [&str; 5] = ["nsd", "knotd", "dig", "kdig", "setpriv"];

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
    let lab = Some(Arc::new(Lab::start()));
    let conclusion = libtest_mimic::run(&arguments, trials(&lab));
    conclusion.exit_code()
}

/// Debian keeps servers in /usr/sbin, which is not in everybody's path.
fn exists(tool: &str) -> bool {
    Command::new("which").arg(tool).output().is_ok_and(|output| output.status.success())
}

/// Every test, by name. Without a lab they can be listed but not run.
fn trials(lab: &Option<Arc<Lab>>) -> Vec<Trial> {
    authorities::TESTS.iter().map(|(name, test)| trial(&format!("authorities::{name}"), lab, *test)).collect()
}

fn trial(name: &str, lab: &Option<Arc<Lab>>, test: fn(&Lab)) -> Trial {
    let lab = lab.clone();
    Trial::test(name, move || {
        test(&lab.expect("tests run only with a lab"));
        Ok(())
    })
}

//! Attacks that take raw sockets to play: a whole server on loopback, and somebody who writes IP packets by hand.
//!
//! Needs CAP_NET_RAW (root has it). With `E2E=1` its absence is a failure, otherwise it is said and nothing runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::manual_let_else, missing_docs, dead_code, reason = "shared with tests/sockets")]

#[path = "../sockets/authority.rs"]
mod authority;
mod fragments;
#[path = "../sockets/support.rs"]
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use socket2::{Domain, Protocol, Socket, Type};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list && raw(Domain::IPV4).is_err() {
        eprintln!("skipped: raw sockets are not to be had; run as root");
        let wanted = std::env::var("E2E").is_ok_and(|wanted| wanted == "1");
        return if wanted { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let trials = fragments::TESTS.iter().map(|(name, test)| {
        Trial::test(*name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// A socket that sends what it is given as an IP packet, header included.
fn raw(domain: Domain) -> std::io::Result<Socket> {
    const IPPROTO_RAW: i32 = 255;
    Socket::new(domain, Type::RAW, Some(Protocol::from(IPPROTO_RAW)))
}

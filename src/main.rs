//! The `burdock` binary: arguments in, exit status out.

use std::process::ExitCode;

use burdock::command;
use burdock::config::arguments::Arguments;
use clap::Parser;

/// A walk is a hundred small allocations, and a cache millions: this allocator makes both cheaper than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command::run(Arguments::parse())
}

//! The `burdock` binary: arguments in, exit status out.

use std::process::ExitCode;

use burdock::command;
use burdock::config::arguments::Arguments;
use clap::Parser;

fn main() -> ExitCode {
    command::run(Arguments::parse())
}

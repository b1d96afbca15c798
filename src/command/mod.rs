//! What the program does when it is not a server: one file per command, each a function from arguments to success or failure.
//!
//! Output goes to standard output, failures to standard error as what, why and what to do.

mod check;
mod failure;
mod pages;
mod playground;
mod query;
mod reply;
mod serve;
mod trace;
mod walk;
mod walker;
mod words;

use std::process::ExitCode;

use crate::config::arguments::{Arguments, Command};

pub use failure::Failure;

/// Does what the command line asks, and reports.
pub fn run(arguments: Arguments) -> ExitCode {
    let done = match arguments.command() {
        Command::Serve(serve) => serve::run(&serve),
        Command::Check(check) => check::run(&check),
        Command::Query(query) => query::run(&query),
        Command::Trace(trace) => trace::run(&trace),
        Command::Playground(playground) => playground::run(&playground),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { command } => pages::man(command.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure != Failure::Said {
                eprintln!("{failure}");
            }
            failure.status()
        }
    }
}

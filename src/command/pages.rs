//! `burdock completions` and `burdock man`: made from the description of the command line.

use clap_complete::Shell;

use crate::config::arguments::Arguments;

use super::failure::{Failure, print};

/// The completions of `shell`.
pub fn completions(shell: Shell) -> Result<(), Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::description(), "burdock", &mut out);
    print(&String::from_utf8_lossy(&out))
}

/// The manual page of `command`, or of the program.
pub fn man(command: Option<&str>) -> Result<(), Failure> {
    let mut program = Arguments::description();
    // Gives each command its full name, `burdock-query`.
    program.build();
    let page = match command {
        None => program,
        Some(name) => {
            let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
            let found = program.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                Failure::usage(format!("there is no command `{name}`"), format!("name one of {}", known.join(", ")))
            })?
        }
    };
    let mut out = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut out);
    rendered.map_err(|error| Failure::could_not("make the page", error, "this should not happen; please report it"))?;
    print(&String::from_utf8_lossy(&out))
}

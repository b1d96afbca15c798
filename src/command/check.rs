//! `burdock check`: every problem of the configuration, or what is in force.

use crate::config::arguments::Check;
use crate::config::{DEFAULT_FILE, Overrides, load, schema};

use super::failure::{Failure, print};

/// Checks, and prints what was asked for.
pub fn run(check: &Check) -> Result<(), Failure> {
    if check.schema {
        return print(&format!("{:#}\n", schema()));
    }
    let file = check.file.config.as_deref();
    let loaded = load(file, &Overrides::default())?;
    if check.print {
        return print(&loaded.to_yaml());
    }
    let absent = file.is_none() && !std::path::Path::new(DEFAULT_FILE).exists();
    match file {
        _ if absent => print(&format!("There is no {DEFAULT_FILE}; the defaults are in force.\n")),
        Some(file) => print(&format!("{}: the configuration is right.\n", file.display())),
        None => print(&format!("{DEFAULT_FILE}: the configuration is right.\n")),
    }
}

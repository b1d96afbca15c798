//! `burdock check`: every problem of the configuration, or what is in force.

use std::path::Path;

use crate::config::arguments::Check;
use crate::config::{DEFAULT_FILE, Overrides, load, schema};

use super::failure::{Failure, print};

/// Checks, and prints what was asked for.
pub fn run(check: &Check) -> Result<(), Failure> {
    if check.schema {
        return print(&format!("{:#}\n", schema()));
    }
    let file = check.file();
    let loaded = load(file, &Overrides::default())?;
    let warnings = loaded.warnings();
    for warning in &warnings {
        eprintln!("{warning}");
    }
    if check.print {
        return print(&loaded.to_yaml());
    }
    let absent = file.is_none() && !Path::new(DEFAULT_FILE).exists();
    let but = match warnings.len() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        count => format!(", with {count} warnings"),
    };
    if absent {
        return print(&format!("There is no {DEFAULT_FILE}; the defaults are in force{but}.\n"));
    }
    let file = file.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    print(&format!("{}: the configuration is right{but}.\n", file.display()))
}

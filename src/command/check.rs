//! `burdock check`: every problem of the configuration, or what is in force.

use std::path::Path;

use crate::config::arguments::Check;
use crate::config::{DEFAULT_FILE, Loaded, Overrides, load, schema};
use crate::dns::{Name, time_to_words};
use crate::dnssec::{AnchorRecord, NegativeAnchor};
use crate::world::Clock;

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
        return print(&format!("There is no {DEFAULT_FILE}; the defaults are in force{but}.\n{}", beginnings(&loaded)));
    }
    let file = file.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    print(&format!("{}: the configuration is right{but}.\n{}", file.display(), beginnings(&loaded)))
}

/// Where chains of signatures begin, and what is excepted.
fn beginnings(loaded: &Loaded) -> String {
    let settings = &loaded.config.resolver.dnssec;
    if !settings.validate {
        return "Signatures are not checked.\n".to_owned();
    }
    let now = Clock::system().wall();
    let anchor = |(apex, record): (&Name, &AnchorRecord)| {
        let unused = if record.is_supported() { "" } else { " (not supported: not used)" };
        let (tag, algorithm) = (record.tag(), record.algorithm().0);
        format!("trust anchor: {apex} {} {tag}, algorithm {algorithm}, from {}{unused}\n", record.rtype, record.source)
    };
    let exception = |negative: &NegativeAnchor| {
        let until = negative.until.and_then(|until| u32::try_from(until.as_secs()).ok());
        let until = until.map(|until| format!(" until {}", time_to_words(until))).unwrap_or_default();
        let why = if negative.reason.is_empty() { String::new() } else { format!(" (reason: {})", negative.reason) };
        format!("not validated: {}{until}{why}\n", negative.domain)
    };
    let exceptions = settings.negative.iter().filter(|negative| negative.holds(now)).map(exception);
    settings.anchors.records().map(anchor).chain(exceptions).collect()
}

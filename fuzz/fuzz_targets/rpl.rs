//! Scenarios in the replay format: read or refused with a line.
#![no_main]

/// Of the player only what reads.
#[path = "../../tests/support/rpl"]
#[allow(dead_code)]
mod rpl {
    pub mod model;
    pub mod parse;
    pub mod records;
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = rpl::parse::parse(text) {
        assert!(error.line <= text.lines().count() + 1);
    }
});

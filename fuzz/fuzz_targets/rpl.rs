//! Scenarios in the replay format: read or refused with a line.
#![no_main]

/// Of the player only what reads.
mod rpl {
    #[path = "../../../tests/support/rpl/model.rs"]
    #[allow(dead_code)]
    pub mod model;
    #[path = "../../../tests/support/rpl/parse.rs"]
    #[allow(dead_code)]
    pub mod parse;
    #[path = "../../../tests/support/rpl/records.rs"]
    #[allow(dead_code)]
    pub mod records;
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = rpl::parse::parse(text) {
        assert!(error.line <= text.lines().count() + 1);
    }
});

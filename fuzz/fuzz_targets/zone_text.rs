//! Zone files, root hints, names and types in text.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    invariants::zone_text(text);
    invariants::name_text(text);
});

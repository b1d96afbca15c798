//! The configuration: YAML from the operator, refused with a place and a remedy or in force as printed.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| invariants::configuration(text));

//! Files of the operator: root hints and trust anchors.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| invariants::operator_text(text));

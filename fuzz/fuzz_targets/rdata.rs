//! Data of every type: wire to text and back.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| invariants::rdata(input.0, input.1));

//! What a client sends: `dns::peek`.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| invariants::client_packet(packet));

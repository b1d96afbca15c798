//! What a server sends: `dns::Message::parse`, written and read again.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| invariants::message(packet));

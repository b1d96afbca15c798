//! A stored reply made a client's own: `dns::personalise`.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| invariants::stored_reply_of(octets));

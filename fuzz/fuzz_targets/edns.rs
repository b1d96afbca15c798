//! EDNS: options in any number and order, by themselves and in the OPT record of a client's packet.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, u32, &[u8])| {
    let (class, ttl, rdata) = input;
    invariants::options(class, ttl, rdata);
});

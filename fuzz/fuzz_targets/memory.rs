//! No packet makes its reader hold more than 1 MiB; a client's packet none at all.
#![no_main]

#[path = "../../tests/properties/memory.rs"]
#[allow(dead_code)]
mod memory;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| memory::bounded(packet));

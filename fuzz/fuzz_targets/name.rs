//! Names anywhere in a packet, and EDNS options.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let [high, low, ..] = packet else { return };
    let number = u16::from_be_bytes([*high, *low]);
    invariants::name(packet, usize::from(number) % packet.len());
    invariants::options(number, u32::from(number) << 16, packet);
});

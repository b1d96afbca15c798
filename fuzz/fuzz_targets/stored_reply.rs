//! A stored reply made a client's own: `dns::personalise`.
#![no_main]

#[path = "../../tests/properties/invariants.rs"]
#[allow(dead_code)]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8], Vec<u16>, u32, u16)| {
    let (reply, query, ttls, age, limit) = input;
    // TTLs stand behind the header.
    let ttls: Vec<u16> = ttls.into_iter().map(|offset| offset.max(12)).collect();
    invariants::stored_reply(reply, query, &ttls, age, usize::from(limit));
});

//! What a hostile zone's servers say, from wire to client: scrub, classify, walk, caches, reply.
#![no_main]

#[path = "../../tests/properties/hostile.rs"]
mod hostile;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| hostile::play(script));

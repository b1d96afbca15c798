//! What the fuzzers begin with, as it is and changed a thousandfold by seeded dice: every target, without any tool.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use burdock::world::Dice;

use crate::{hostile, invariants, memory};

/// Of the player of scenarios only what reads.
#[path = "../support/rpl"]
#[allow(dead_code)]
mod rpl {
    pub mod model;
    pub mod parse;
    pub mod records;
}

/// One input to the fuzz target of this name; `false` when there is none.
fn play(target: &str, octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let head = |many: usize| octets.get(..many).map(|head| head.iter().rev().fold(0u64, |n, o| n << 8 | u64::from(*o)));
    match target {
        "client_packet" => invariants::client_packet(octets),
        "configuration" => invariants::configuration(&text),
        // Options of a class and TTL, as `arbitrary` takes them off the front.
        "edns" => {
            if let (Some(class), Some(both)) = (head(2), head(6)) {
                invariants::options(class as u16, (both >> 16) as u32, &octets[6..]);
            }
        }
        "hints_and_anchors" => invariants::operator_text(&text),
        "hostile" => hostile::play(octets),
        "memory" => memory::bounded(octets),
        "message" => invariants::message(octets),
        "name" => {
            if let Some(number) = head(2) {
                invariants::name(octets, usize::from((number as u16).swap_bytes()) % octets.len());
            }
        }
        "rdata" => {
            if let Some(rtype) = head(2) {
                invariants::rdata(rtype as u16, &octets[2..]);
            }
        }
        "rpl" => {
            if let Err(error) = rpl::parse::parse(&text) {
                assert!(error.line <= text.lines().count() + 1);
            }
        }
        "stored_reply" => invariants::stored_reply_of(octets),
        "zone_text" => {
            invariants::zone_text(&text);
            invariants::name_text(&text);
        }
        _ => return false,
    }
    true
}

/// How often each seed of a target is changed: some inputs are whole walks or whole configurations.
fn times(target: &str) -> usize {
    match target {
        "hostile" => 200,
        "configuration" => 500,
        _ => 2000,
    }
}

/// Changes `octets` in one to six places; `other` is something to take pieces from.
fn mutated(octets: &[u8], other: &[u8], dice: &Dice) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for _ in 0..=dice.below(6) {
        let at = dice.below(octets.len() + 1);
        let end = (at + 1 + dice.below(8)).min(octets.len());
        match (dice.below(7), octets.get_mut(at)) {
            (0, Some(octet)) => *octet ^= 1 << dice.below(8),
            (1, Some(octet)) => *octet = ODD[dice.below(ODD.len())],
            (2, Some(octet)) => *octet = dice.bits() as u8,
            (3, Some(_)) => drop(octets.drain(at..end)),
            (4, Some(_)) => {
                let again = octets[at..end].to_vec();
                octets.splice(at..at, again);
            }
            (5, _) if !other.is_empty() => {
                let from = dice.below(other.len());
                let to = (from + 1 + dice.below(32)).min(other.len());
                octets.splice(at..end.max(at), other[from..to].iter().copied());
            }
            (6, _) if dice.below(8) == 0 => octets.truncate(at),
            _ => octets.insert(at, ODD[dice.below(ODD.len())]),
        }
    }
    octets
}

/// Octets that mean something somewhere: lengths, pointers, types, what separates words.
const ODD: [u8; 20] = [0, 1, 2, 3, 6, 41, 46, 47, 50, 63, 64, 0x80, 0xc0, 0xff, b' ', b'\n', b'"', b'\\', b':', b';'];

#[test]
fn the_seeds_of_all_fuzz_targets_hold_and_so_do_thousands_like_them() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().map(|entry| entry.unwrap().path());
    let targets: Vec<String> = names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(targets.len() >= 12, "{targets:?}");
    for target in &targets {
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            (path.clone(), std::fs::read(path).unwrap())
        };
        let seeds: BTreeMap<_, _> = std::fs::read_dir(fuzz.join("seeds").join(target)).unwrap().map(read).collect();
        assert!(!seeds.is_empty(), "{target} begins with nothing");
        let all: Vec<&Vec<u8>> = seeds.values().collect();
        let dice = Dice::seeded(0x0066_757a_7a00);
        let mut played = 0;
        for (path, seed) in &seeds {
            let begun = std::iter::once(seed.clone());
            let changed = (0..times(target)).map(|_| mutated(seed, all[dice.below(all.len())], &dice));
            for (number, input) in begun.chain(changed).enumerate() {
                let held = catch_unwind(AssertUnwindSafe(|| play(target, &input)));
                match held {
                    Ok(known) => assert!(known, "{target} is not played here"),
                    Err(panic) => {
                        eprintln!("{target}, {}, change {number}: {}", path.display(), input.escape_ascii());
                        resume_unwind(panic);
                    }
                }
                played += 1;
            }
        }
        println!("{target}: {} seeds, {played} inputs", seeds.len());
    }
}

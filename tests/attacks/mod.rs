//! Attacks, one file for each family: what each may cost at most, measured and asserted.
//!
//! Every test prints one line, `ID what measured (allowed N)`; see it with `--nocapture`. What each ID plays, and which
//! mechanism answers it, stands in docs/threat-model.md.

mod amplification;
mod clients;
mod limits;
mod memory;
mod poisoning;
mod policy;
mod stale;
mod transport;

/// Prints what was measured beside what is allowed, and fails when it is more.
pub fn at_most<N: PartialOrd + std::fmt::Display>(id: &str, what: &str, measured: N, allowed: N) {
    println!("{id} {what}: {measured} (allowed {allowed})");
    assert!(measured <= allowed, "{id} {what}: {measured}, allowed {allowed}");
}

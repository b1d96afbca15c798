//! How many signatures are kept of what a walk found. Pure.
//!
//! A reply may bring hundreds: what was checked keeps those that came into question (`dnssec::worth_keeping`), and of what
//! nobody checks a few are chosen here, before they are remembered or passed on.

use super::Kind;
use crate::dns::{Denial, Outcome, Rdatas, RrSet};
use crate::dnssec::select;

/// The same with `most` signatures for each RRset.
pub(super) fn trimmed(kind: Kind, most: usize) -> Kind {
    let denial = |denial: Denial| Denial {
        soa: denial.soa.map(|soa| trimmed_set(soa, most)),
        proof: if is_fine(&denial.proof, most) { denial.proof } else { all(denial.proof.to_vec(), most).into() },
        ..denial
    };
    match kind {
        Kind::Alias(alias) => Kind::Alias(all(alias, most)),
        Kind::Every(sets) => Kind::Every(all(sets, most)),
        Kind::TooLong(dname) => Kind::TooLong(trimmed_set(dname, most)),
        Kind::End(Outcome::Found(set)) => Kind::End(Outcome::Found(trimmed_set(set, most))),
        Kind::End(Outcome::NoData(found)) => Kind::End(Outcome::NoData(denial(found))),
        Kind::End(Outcome::NxDomain(found)) => Kind::End(Outcome::NxDomain(denial(found))),
        kind => kind,
    }
}

/// The same for RRsets by themselves.
pub(super) fn all(sets: Vec<RrSet>, most: usize) -> Vec<RrSet> {
    sets.into_iter().map(|set| trimmed_set(set, most)).collect()
}

fn trimmed_set(mut set: RrSet, most: usize) -> RrSet {
    if set.signatures.iter().nth(most).is_some() {
        // They were packed before: none is too long.
        set.signatures = Rdatas::new(select(set.signatures.iter().collect(), most)).unwrap_or(Rdatas::EMPTY);
    }
    let closer = set.closer.take();
    set.closer = closer.map(|sets| if is_fine(&sets, most) { sets } else { all(sets.to_vec(), most).into() });
    set
}

fn is_fine(sets: &[RrSet], most: usize) -> bool {
    sets.iter().all(|set| set.signatures.iter().nth(most).is_none())
}

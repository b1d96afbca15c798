//! How many signatures are kept of what a walk found. Pure.
//!
//! A reply may bring hundreds: what was checked keeps those that came into question (`dnssec::worth_keeping`), and of what
//! nobody checks a few are chosen here, before they are remembered or passed on.

use super::Kind;
use crate::dns::{Denial, Outcome, Rdatas, RrSet};
use crate::dnssec::select;
use crate::job::{LimitName, Limits, count};

/// The same with `signatures_per_rrset` signatures for each RRset.
pub(super) fn trimmed(kind: Kind, limits: &Limits) -> Kind {
    let denial = |denial: Denial| Denial {
        soa: denial.soa.map(|soa| trimmed_set(soa, limits)),
        proof: if is_fine(&denial.proof, limits) { denial.proof } else { all(denial.proof.to_vec(), limits).into() },
        ..denial
    };
    match kind {
        Kind::Alias(alias) => Kind::Alias(all(alias, limits)),
        Kind::Every(sets) => Kind::Every(all(sets, limits)),
        Kind::TooLong(dname) => Kind::TooLong(trimmed_set(dname, limits)),
        Kind::End(Outcome::Found(set)) => Kind::End(Outcome::Found(trimmed_set(set, limits))),
        Kind::End(Outcome::NoData(found)) => Kind::End(Outcome::NoData(denial(found))),
        Kind::End(Outcome::NxDomain(found)) => Kind::End(Outcome::NxDomain(denial(found))),
        kind => kind,
    }
}

/// The same for RRsets by themselves.
pub(super) fn all(sets: Vec<RrSet>, limits: &Limits) -> Vec<RrSet> {
    sets.into_iter().map(|set| trimmed_set(set, limits)).collect()
}

fn trimmed_set(mut set: RrSet, limits: &Limits) -> RrSet {
    let most = most_of(limits);
    if set.signatures.iter().nth(most).is_some() {
        limits.count(LimitName::SignaturesPerRrset);
        // They were packed before: none is too long.
        set.signatures = Rdatas::new(select(set.signatures.iter().collect(), most)).unwrap_or(Rdatas::EMPTY);
    }
    let closer = set.closer.take();
    set.closer = closer.map(|sets| if is_fine(&sets, limits) { sets } else { all(sets.to_vec(), limits).into() });
    set
}

fn most_of(limits: &Limits) -> usize {
    count(limits.signatures_per_rrset)
}

fn is_fine(sets: &[RrSet], limits: &Limits) -> bool {
    let most = most_of(limits);
    sets.iter().all(|set| set.signatures.iter().nth(most).is_none())
}

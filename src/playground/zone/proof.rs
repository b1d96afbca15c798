//! Which denials prove what (RFC 4035 §3.1.3, RFC 5155 §7.2), picked from a signed zone; none from an unsigned one.

use super::Zone;
use crate::dns::{Name, RecordType, RrSet};
use crate::playground::signer::Hashing;

impl Zone {
    /// That `name` is there and has not the type asked for; also that a delegation has no DS.
    pub(super) fn prove_no_data(&self, name: &Name, proofs: &mut Vec<RrSet>) {
        let Some(hashing) = self.hashing() else {
            // An empty non-terminal has no NSEC; the one before it says what follows.
            return push(proofs, self.nsec(name).or_else(|| self.nsec_before(name)));
        };
        match self.nsec3(&hashing, name) {
            Some(set) => push(proofs, Some(set)),
            // Left out by opt-out (RFC 5155 §7.2.4): the closest name that is not, and the span that holds the rest.
            None => self.prove_closest(&hashing, name, proofs),
        }
    }

    /// That neither `name` nor a wildcard that could stand for it is there, below `encloser`.
    pub(super) fn prove_no_name(&self, name: &Name, encloser: &Name, proofs: &mut Vec<RrSet>) {
        let wildcard = encloser.prepend(b"*").unwrap_or_else(|_| encloser.clone());
        let Some(hashing) = self.hashing() else {
            push(proofs, self.nsec_before(name));
            return push(proofs, self.nsec_before(&wildcard));
        };
        self.prove_closest(&hashing, name, proofs);
        push(proofs, self.nsec3_before(&hashing, &wildcard));
    }

    /// That no name closer than the wildcard below `encloser` stands for `name`.
    pub(super) fn prove_expansion(&self, name: &Name, encloser: &Name, proofs: &mut Vec<RrSet>) {
        let Some(hashing) = self.hashing() else { return push(proofs, self.nsec_before(name)) };
        let closer = encloser.child_towards(name);
        push(proofs, closer.and_then(|closer| self.nsec3_before(&hashing, &closer)));
    }

    /// That the wildcard below `encloser` stands for `name` and has not the type asked for.
    pub(super) fn prove_no_wildcard_data(&self, name: &Name, encloser: &Name, proofs: &mut Vec<RrSet>) {
        let wildcard = encloser.prepend(b"*").unwrap_or_else(|_| encloser.clone());
        let Some(hashing) = self.hashing() else {
            push(proofs, self.nsec(&wildcard));
            return push(proofs, self.nsec_before(name));
        };
        self.prove_closest(&hashing, name, proofs);
        push(proofs, self.nsec3(&hashing, &wildcard));
    }

    /// The closest encloser proof (RFC 5155 §7.2.1) of the closest name that has an NSEC3 record.
    fn prove_closest(&self, hashing: &Hashing, name: &Name, proofs: &mut Vec<RrSet>) {
        let above = name.ancestors().skip(1).take_while(|above| above.is_in(self.apex()));
        let found = above.filter_map(|above| Some((self.nsec3(hashing, &above)?, above))).next();
        let Some((set, encloser)) = found else { return };
        push(proofs, Some(set));
        push(proofs, encloser.child_towards(name).and_then(|closer| self.nsec3_before(hashing, &closer)));
    }

    /// How the zone hashes names; `None` when it does not.
    fn hashing(&self) -> Option<Hashing> {
        Hashing::of(self.rrset(self.apex(), RecordType::NSEC3PARAM)?)
    }

    fn nsec(&self, name: &Name) -> Option<&RrSet> {
        self.rrset(name, RecordType::NSEC)
    }

    /// The NSEC whose span holds `name`.
    fn nsec_before(&self, name: &Name) -> Option<&RrSet> {
        self.nodes.range(..name).rev().find_map(|(_, node)| node.get(&RecordType::NSEC))
    }

    fn nsec3(&self, hashing: &Hashing, name: &Name) -> Option<&RrSet> {
        self.rrset(&hashing.owner(name, self.apex()).ok()?, RecordType::NSEC3)
    }

    /// The NSEC3 whose span holds the hash of `name`; before the first one that is the last one.
    fn nsec3_before(&self, hashing: &Hashing, name: &Name) -> Option<&RrSet> {
        let owner = hashing.owner(name, self.apex()).ok()?;
        let before = self.hashed.range(..owner).next_back().or_else(|| self.hashed.last_key_value());
        before.and_then(|(_, node)| node.get(&RecordType::NSEC3))
    }
}

/// Adds a proof that is not there yet.
fn push(proofs: &mut Vec<RrSet>, set: Option<&RrSet>) {
    if let Some(set) = set.filter(|set| !proofs.contains(set)) {
        proofs.push(set.clone());
    }
}

#[cfg(test)]
mod tests;

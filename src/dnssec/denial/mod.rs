//! What NSEC and NSEC3 records prove (RFC 4035 §5.4, RFC 5155 §8, RFC 6840 §4).
//!
//! It judges records of one zone that the caller has verified one by one, with that zone's keys. It verifies no signatures
//! itself, and believes nothing about where a zone begins but what the caller says: the signer's name, never a SOA record.

mod nsec;
mod nsec3;
#[cfg(test)]
mod tests;
mod types;

use super::{Reason, Work, WorkBound};
use crate::dns::{Name, RecordType, RrSet, Security};

pub use nsec::Nsec;
pub use nsec3::{Hash, Nsec3, Parameters, is_beyond_validation};
pub use types::Types;

/// What a denial is worth, once it is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is true.
    Proven,
    /// It is true of everything that is signed: there may be an unsigned delegation. AD stays clear (RFC 5155 §9.2).
    OptOut,
    /// Nothing was checked, because the zone hashes its names more often than is validated; it counts as unsigned
    /// (RFC 9276 §3.2, EDE 27).
    Iterations,
}

impl Denied {
    const fn unless(opt_out: bool) -> Self {
        if opt_out { Self::OptOut } else { Self::Proven }
    }

    /// What a reply with this denial may claim.
    pub const fn security(self) -> Security {
        match self {
            Self::Proven => Security::Secure,
            Self::OptOut | Self::Iterations => Security::Insecure,
        }
    }
}

/// What became of the claim that a name does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It does not, nor is there a wildcard in its place.
    Absent(Denied),
    /// It does, as an empty non-terminal: the proof is one of NODATA for every type (RFC 4592 §2.2.2).
    Empty,
}

/// What a zone proves about a name at which another zone may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// Another zone begins there, and has no DS records.
    Unsigned,
    /// Another zone may begin there; if so, it has no DS records (RFC 5155 §8.9).
    OptOut,
    /// No zone begins there.
    NotACut,
    /// Nothing was checked, as in [`Denied::Iterations`].
    Iterations,
}

impl Delegation {
    /// What a reply that denies the DS records may claim.
    pub const fn security(self) -> Security {
        match self {
            Self::Unsigned | Self::NotACut => Security::Secure,
            Self::OptOut | Self::Iterations => Security::Insecure,
        }
    }
}

/// The denials of one zone in one reply.
#[derive(Debug)]
pub struct Proofs<'a> {
    apex: &'a Name,
    records: Records<'a>,
}

#[derive(Debug)]
enum Records<'a> {
    Nsec(Vec<Nsec<'a>>),
    Nsec3(nsec3::Chain<'a>),
}

/// What the records say of one name.
#[derive(Debug)]
enum Seen<'a> {
    /// It exists, and has these types; none when it is an empty non-terminal.
    Has(Types<'a>),
    /// It does not exist.
    Absent {
        /// The longest name above it that does.
        encloser: Name,
        /// Whether it may be an unsigned delegation all the same.
        opt_out: bool,
    },
    /// Nobody looked.
    Unhashed,
}

impl<'a> Proofs<'a> {
    /// Takes the NSEC and NSEC3 RRsets among `sets`, all of which must have been verified with the keys of the zone
    /// `apex`, none of them as the expansion of a wildcard. Records that are malformed, of another zone, or of an unknown
    /// hash or flag prove nothing and are left out. Where there are both kinds, NSEC counts.
    ///
    /// # Errors
    /// [`Reason::DenialMissing`] when nothing is left or the NSEC3 records do not hash alike,
    /// [`Reason::TooManyDenials`] for more than are looked at, [`Reason::Iterations`] beyond what is tolerated.
    pub fn new(apex: &'a Name, sets: impl Iterator<Item = &'a RrSet>, work: &'a Work) -> Result<Self, Reason> {
        let mut plain = Vec::new();
        let mut hashed = Vec::new();
        let denials = sets.filter(|set| set.rtype == RecordType::NSEC || set.rtype == RecordType::NSEC3);
        for (index, set) in denials.enumerate() {
            if index == work.scope().proofs as usize {
                work.meet(WorkBound::Proofs);
                return Err(Reason::TooManyDenials);
            }
            if is_expanded(set) {
                continue;
            }
            plain.extend(Nsec::read(set, apex));
            hashed.extend(Nsec3::read(set, apex));
        }
        let records =
            if plain.is_empty() { Records::Nsec3(nsec3::Chain::new(&hashed, work)?) } else { Records::Nsec(plain) };
        Ok(Self { apex, records })
    }

    /// The same with hashes that are already paid for, made with the parameters of these very records.
    #[must_use]
    pub fn knowing(mut self, hashes: Vec<(Name, Hash)>) -> Self {
        if let Records::Nsec3(chain) = &mut self.records {
            chain.know(hashes);
        }
        self
    }

    /// That `name` exists, or a wildcard does in its place, and has no records of `rtype` and no alias.
    ///
    /// # Errors
    /// [`Reason::DenialMissing`] when that is not proven, [`Reason::TooMuch`] when it would take too many hashes.
    pub fn no_data(&mut self, name: &Name, rtype: RecordType) -> Result<Denied, Reason> {
        let (encloser, opt_out) = match self.look(name)? {
            Seen::Unhashed => return Ok(Denied::Iterations),
            Seen::Has(types) if self.denies(name, types, rtype) => return Ok(Denied::Proven),
            Seen::Has(_) => return Err(Reason::DenialMissing),
            Seen::Absent { encloser, opt_out } => (encloser, opt_out),
        };
        if opt_out && rtype.is_parent_side() {
            return Ok(Denied::OptOut);
        }
        match self.look(&wildcard(&encloser)?) {
            // A wildcard is no delegation (RFC 4592 §4.2).
            Ok(Seen::Has(types)) if !types.is_delegation() && self.denies(name, types, rtype) => {
                Ok(Denied::unless(opt_out))
            }
            // It may be an empty non-terminal above unsigned delegations alone, of which no record speaks.
            Ok(Seen::Absent { .. }) | Err(Reason::DenialMissing) if opt_out => Ok(Denied::OptOut),
            Err(reason) => Err(reason),
            Ok(_) => Err(Reason::DenialMissing),
        }
    }

    /// That neither `name` exists nor a wildcard in its place.
    ///
    /// # Errors
    /// As for [`Proofs::no_data`].
    pub fn name_error(&mut self, name: &Name) -> Result<NameError, Reason> {
        let (encloser, opt_out) = match self.look(name)? {
            Seen::Unhashed => return Ok(NameError::Absent(Denied::Iterations)),
            Seen::Has(types) if types.is_empty() => return Ok(NameError::Empty),
            Seen::Has(_) => return Err(Reason::DenialMissing),
            Seen::Absent { encloser, opt_out } => (encloser, opt_out),
        };
        match self.look(&wildcard(&encloser)?)? {
            // Only the gap of the next closer name counts: an unsigned delegation below the wildcard would be another name
            // (RFC 5155 §9.2).
            Seen::Absent { .. } => Ok(NameError::Absent(Denied::unless(opt_out))),
            Seen::Has(_) | Seen::Unhashed => Err(Reason::DenialMissing),
        }
    }

    /// That nothing is closer to `name` than the wildcard below `encloser`, from which its records were made (RFC 4035
    /// §5.3.4, RFC 5155 §8.8). The encloser is what a verified signature's count of labels says.
    ///
    /// # Errors
    /// As for [`Proofs::no_data`].
    pub fn wildcard_expansion(&mut self, name: &Name, encloser: &Name) -> Result<Denied, Reason> {
        let next_closer = encloser.child_towards(name).filter(|_| encloser.is_in(self.apex));
        let next_closer = next_closer.ok_or(Reason::DenialMissing)?;
        match &mut self.records {
            Records::Nsec3(chain) if chain.is_beyond_validation() => Ok(Denied::Iterations),
            Records::Nsec3(chain) => Ok(Denied::unless(chain.look_between(&next_closer)?.opt_out)),
            Records::Nsec(records) => match nsec::look(records, name)? {
                Seen::Absent { encloser: found, .. } if found == *encloser => Ok(Denied::Proven),
                _ => Err(Reason::DenialMissing),
            },
        }
    }

    /// Whether a zone without DS records begins at `zone`, which must be below this one. It is for the caller to ask this
    /// of the closest secure zone above: any other knows nothing about it.
    ///
    /// This is no proof of NODATA for DS: where no zone begins there may be an alias, or no name at all.
    ///
    /// # Errors
    /// As for [`Proofs::no_data`]; also when there is a DS record, or the records are of the lower zone (RFC 6840 §4.4).
    pub fn unsigned_delegation(&mut self, zone: &Name) -> Result<Delegation, Reason> {
        if !zone.is_strictly_below(self.apex) {
            return Err(Reason::DenialMissing);
        }
        match self.look(zone)? {
            Seen::Unhashed => Ok(Delegation::Iterations),
            Seen::Has(types) if types.has(RecordType::DS) || types.has(RecordType::SOA) => Err(Reason::DenialMissing),
            Seen::Has(types) if types.has(RecordType::NS) => Ok(Delegation::Unsigned),
            Seen::Absent { opt_out: true, .. } => Ok(Delegation::OptOut),
            Seen::Has(_) | Seen::Absent { .. } => Ok(Delegation::NotACut),
        }
    }

    fn look(&mut self, name: &Name) -> Result<Seen<'a>, Reason> {
        if !name.is_in(self.apex) {
            return Err(Reason::DenialMissing);
        }
        match &mut self.records {
            Records::Nsec(records) => nsec::look(records, name),
            Records::Nsec3(chain) => chain.look(name, self.apex),
        }
    }

    /// Whether a name, of which this zone says that it has these types, has none of `rtype`.
    fn denies(&self, name: &Name, types: Types<'_>, rtype: RecordType) -> bool {
        if rtype.is_meta() {
            // No list can hold such a type; that a name has nothing at all is another thing.
            return types.is_empty();
        }
        if types.has(rtype) || types.has(RecordType::CNAME) {
            return false;
        }
        if rtype.is_parent_side() {
            // Only the zone above knows (RFC 6840 §4.4), and there is none above the root.
            return name.is_root() || (name != self.apex && !types.has(RecordType::SOA));
        }
        !types.is_delegation()
    }
}

/// Whether the set was made from a wildcard: then it tells nothing about its owner (RFC 4034 §3.1.3).
fn is_expanded(set: &RrSet) -> bool {
    let labels = set.owner.label_count() - usize::from(set.owner.is_wildcard());
    set.signatures.iter().any(|rrsig| rrsig.get(3).is_none_or(|&count| usize::from(count) != labels))
}

/// The wildcard below a name; one that would be too long does not exist, and nothing says so.
fn wildcard(encloser: &Name) -> Result<Name, Reason> {
    encloser.prepend(b"*").map_err(|_| Reason::DenialMissing)
}

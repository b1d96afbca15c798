//! NSEC: which names a zone has, in order, and what each of them has (RFC 4034 §4, RFC 4035 §5.4).

use super::{Seen, Types};
use crate::dns::{Name, RecordType, RrSet};
use crate::dnssec::Reason;

/// One NSEC record of a zone: its owner exists, its next name exists, nothing exists between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nsec<'a> {
    /// A name that exists.
    pub owner: &'a Name,
    /// The name that follows it in canonical order; behind the last one comes the zone's apex.
    pub next: Name,
    /// What the owner has.
    pub types: Types<'a>,
}

impl<'a> Nsec<'a> {
    /// Reads the NSEC record of the zone `apex`; `None` when it is malformed or says anything about names outside the
    /// zone. Whether it is signed is the caller's business.
    pub fn read(set: &'a RrSet, apex: &Name) -> Option<Self> {
        let mut rdatas = set.rdatas.iter();
        // One owner has one NSEC record (RFC 4035 §2.3).
        let (rdata, None) = (rdatas.next()?, rdatas.next()) else { return None };
        let (next, types) = split_name(rdata)?;
        let nsec = Self { owner: &set.owner, next, types: Types::read(types)? };
        let inside = nsec.owner.is_in(apex) && nsec.next.is_in(apex);
        // Only the last record points backwards, and only to the apex.
        let forward = *nsec.owner < nsec.next || nsec.next == *apex;
        (set.rtype == RecordType::NSEC && inside && forward).then_some(nsec)
    }

    /// Whether it speaks of exactly this name.
    pub fn matches(&self, name: &Name) -> bool {
        self.owner == name
    }

    /// Whether it proves that the zone has no records at `name`. The name may still be an empty non-terminal
    /// ([`Nsec::shows_descendants`]).
    ///
    /// A record at a zone cut or a DNAME covers nothing below its owner (RFC 6840 §4.1).
    pub fn covers(&self, name: &Name) -> bool {
        if self.owner >= name || (self.types.hides_what_is_below() && name.is_in(self.owner)) {
            return false;
        }
        // Behind the last name of a zone is nothing of that zone, but other zones may be there.
        if self.next <= *self.owner { name.is_in(&self.next) } else { *name < self.next }
    }

    /// Whether it shows that there are names below `name`, which therefore exists itself (RFC 4592 §2.2.2).
    pub fn shows_descendants(&self, name: &Name) -> bool {
        self.next.is_strictly_below(name)
    }

    /// The closest encloser of a name that it covers: the longest name above it that exists because the owner or the
    /// next name does (RFC 4592 §3.3.1).
    pub fn closest_encloser(&self, name: &Name) -> Name {
        name.suffix(name.common_labels(self.owner).max(name.common_labels(&self.next)))
    }
}

/// What these records of one zone say of a name in it.
pub(super) fn look<'a>(records: &[Nsec<'a>], name: &Name) -> Result<Seen<'a>, Reason> {
    if let Some(nsec) = records.iter().find(|nsec| nsec.matches(name)) {
        return Ok(Seen::Has(nsec.types));
    }
    let nsec = records.iter().find(|nsec| nsec.covers(name)).ok_or(Reason::DenialMissing)?;
    if nsec.shows_descendants(name) {
        return Ok(Seen::Has(Types::NONE));
    }
    Ok(Seen::Absent { encloser: nsec.closest_encloser(name), opt_out: false })
}

/// The name at the start of an RDATA, and what follows it. Names in NSEC records are not compressed (RFC 4034 §4.1.1).
fn split_name(rdata: &[u8]) -> Option<(Name, &[u8])> {
    let mut end = 0usize;
    loop {
        let length = usize::from(*rdata.get(end)?);
        end += 1 + length;
        if length == 0 {
            let (name, rest) = rdata.split_at_checked(end)?;
            return Some((Name::from_wire(name).ok()?, rest));
        }
    }
}

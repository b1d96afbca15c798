//! How a question ends: with data, without, or with a name that does not exist. Negatives are values, not errors.

use std::sync::Arc;

use super::{Reader, RrSet, Security, Ttl};

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data asked for.
    Found(RrSet),
    /// The name exists, but has no data of this type.
    NoData(Denial),
    /// The name does not exist.
    NxDomain(Denial),
}

/// Why something does not exist: the zone's SOA, when it was given, and for how long that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The SOA record of the zone that denies.
    pub soa: Option<RrSet>,
    /// NSEC or NSEC3 records that came with the denial.
    pub proof: Arc<[RrSet]>,
    /// For how long the denial holds (RFC 2308 §5).
    pub ttl: Ttl,
    /// How authentic it is known to be.
    pub security: Security,
}

impl Outcome {
    /// How authentic it is known to be.
    pub const fn security(&self) -> Security {
        match self {
            Self::Found(set) => set.security,
            Self::NoData(denial) | Self::NxDomain(denial) => denial.security,
        }
    }
}

impl Denial {
    /// The same with its TTL, and those of its records, changed.
    #[must_use]
    pub fn with_ttls(self, change: impl Fn(Ttl) -> Ttl) -> Self {
        Self {
            soa: self.soa.map(|soa| RrSet { ttl: change(soa.ttl), ..soa }),
            proof: self.proof.iter().map(|set| set.with_ttl(change(set.ttl))).collect(),
            ttl: change(self.ttl),
            security: self.security,
        }
    }

    /// A denial by the zone whose SOA is `soa`: it holds for the smaller of the record's TTL and its MINIMUM field.
    /// Without SOA it holds for `bare`.
    pub fn new(soa: Option<RrSet>, proof: Vec<RrSet>, bare: Ttl) -> Self {
        let ttl = soa.as_ref().map_or(bare, |soa| soa.ttl.min(minimum(soa)));
        Self { soa, proof: proof.into(), ttl, security: Security::Unchecked }
    }

    /// The octets the denial takes in memory, beyond its fixed size.
    pub fn octets(&self) -> usize {
        let sets = self.soa.iter().chain(self.proof.iter());
        sets.map(|set| size_of::<RrSet>() + set.octets()).sum()
    }
}

/// The MINIMUM field: the last four octets of SOA RDATA (RFC 2308 §4).
fn minimum(soa: &RrSet) -> Ttl {
    let rdata = soa.rdatas.iter().next().unwrap_or_default();
    Reader::new(rdata, rdata.len().saturating_sub(4)).u32().map_or(Ttl::ZERO, Ttl::from_wire)
}

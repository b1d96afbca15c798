mod limits;
mod nsec;
mod nsec3;
mod truth;

use super::*;
use crate::dns::{Rdatas, Ttl, read_zone};
use crate::dnssec::Allowance;

/// What one client question may hash.
const BLOCKS: u32 = 600;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn work() -> Work {
    Work::new(Allowance { verifications: 0, failures: 0, digests: 0, hash_blocks: BLOCKS })
}

/// The records of a zone file, each a set of its own.
fn sets(text: &str) -> Vec<RrSet> {
    let records = read_zone(text, &Name::root(), Ttl::from_secs(3600)).unwrap();
    records.iter().map(|record| set(&record.owner, record.rtype, &record.rdata)).collect()
}

fn set(owner: &Name, rtype: RecordType, rdata: &[u8]) -> RrSet {
    RrSet::new(owner.clone(), rtype, Ttl::from_secs(3600), Rdatas::new([rdata]).unwrap())
}

/// A zone's denials, and how much may be spent on them.
struct Zone {
    apex: Name,
    sets: Vec<RrSet>,
    work: Work,
}

impl Zone {
    fn new(apex: &str, text: &str) -> Self {
        Self { apex: name(apex), sets: sets(text), work: work() }
    }

    /// The same zone, of whose records the reply has only those whose owners start so.
    fn only(&self, owners: &[&str]) -> Self {
        let wanted = |set: &&RrSet| owners.iter().any(|owner| set.owner.to_string().starts_with(owner));
        let sets: Vec<RrSet> = self.sets.iter().filter(wanted).cloned().collect();
        assert_eq!(sets.len(), owners.len());
        Self { apex: self.apex.clone(), sets, work: work() }
    }

    fn proofs(&self) -> Result<Proofs<'_>, Reason> {
        Proofs::new(&self.apex, self.sets.iter(), &self.work)
    }

    fn no_data(&self, owner: &str, rtype: RecordType) -> Result<Denied, Reason> {
        self.proofs()?.no_data(&name(owner), rtype)
    }

    fn name_error(&self, owner: &str) -> Result<NameError, Reason> {
        self.proofs()?.name_error(&name(owner))
    }

    fn expansion(&self, owner: &str, encloser: &str) -> Result<Denied, Reason> {
        self.proofs()?.wildcard_expansion(&name(owner), &name(encloser))
    }

    fn delegation(&self, zone: &str) -> Result<Delegation, Reason> {
        self.proofs()?.unsigned_delegation(&name(zone))
    }

    /// How many blocks were hashed so far; nothing more can be hashed afterwards.
    fn spent(&self) -> u32 {
        BLOCKS - (0..).take_while(|_| self.work.spend_hash_blocks(1).is_ok()).count() as u32
    }
}

const MISSING: Reason = Reason::DenialMissing;
const NX: Result<NameError, Reason> = Ok(NameError::Absent(Denied::Proven));
const NX_OPT_OUT: Result<NameError, Reason> = Ok(NameError::Absent(Denied::OptOut));

//! What the signatures of one zone, whose keys are known, make of data and denials (RFC 4035 §5.3, §5.4).
//!
//! Nothing is waited for. Whose keys they are is `validate`'s affair, and the judges are `dnssec`'s.

use std::sync::Arc;

use super::chain::bogus;
use super::{Denial, Outcome, ResolveError, Resolver};
use crate::cache::Proven;
use crate::dns::{Question, RrSet, Security, Ttl};
use crate::dnssec::denial::{Denied, MOST_SETS, NameError, Proofs};
use crate::dnssec::{Bogus, Reason, Verified, ZoneKeys, verify, worth_keeping};
use crate::job::Job;

/// What is denied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Data of the type.
    NoData,
    /// The name.
    NxDomain,
}

impl Claim {
    pub(super) const fn outcome(self, denial: Denial) -> Outcome {
        match self {
            Self::NoData => Outcome::NoData(denial),
            Self::NxDomain => Outcome::NxDomain(denial),
        }
    }
}

impl Resolver {
    /// An RRset that the zone has signed.
    pub(super) fn check_signed(&self, set: RrSet, keys: &ZoneKeys, job: &Job) -> Result<RrSet, ResolveError> {
        let (now, work) = (self.wall(), job.budget().work());
        let verified = verify(&set, keys, now, work).map_err(believed_not)?;
        let ttl = set.ttl.min(verified.ttl);
        let set = with_its_own(set, keys, &verified, now);
        let Some(encloser) = verified.wildcard else {
            return Ok(self.with_target(RrSet { security: Security::Secure, ttl, ..set }, keys, job));
        };
        // RFC 4035 §5.3.4: a wildcard applies only where there is nothing closer.
        let closer = set.closer.as_deref().unwrap_or_default();
        let (proof, proof_ttl, _) = self.verified(closer, keys, job);
        let denied = Proofs::new(&keys.apex, proof.iter(), work)
            .and_then(|mut proofs| proofs.wildcard_expansion(&set.owner, &encloser))
            .map_err(|reason| bogus(reason, &set.owner, set.rtype))?;
        self.learn(&Proven { apex: &keys.apex, sets: &proof, soa: None, ttl: proof_ttl }, job);
        if denied == Denied::Proven {
            self.learn_wildcard(&set, &encloser, ttl, job);
        }
        Ok(RrSet { security: denied.security(), ttl: ttl.min(proof_ttl), closer: Some(proof.into()), ..set })
    }

    /// A denial that the zone has signed.
    pub(super) fn check_proof(
        &self,
        question: &Question,
        mut denial: Denial,
        claim: Claim,
        (keys, job): (&ZoneKeys, &Job),
    ) -> Result<Outcome, ResolveError> {
        let Question { name, rtype } = question;
        let (now, work) = (self.wall(), job.budget().work());
        let (proof, mut ttl, wrong) = self.verified(&denial.proof, keys, job);
        if let Some(soa) = denial.soa.take() {
            let verified = verify(&soa, keys, now, work).map_err(believed_not)?;
            ttl = ttl.min(verified.ttl);
            denial.soa = Some(with_its_own(soa, keys, &verified, now));
        }
        let judged = Proofs::new(&keys.apex, proof.iter(), work).and_then(|mut proofs| match claim {
            Claim::NoData => proofs.no_data(name, *rtype).map(|denied| (claim, denied.security())),
            Claim::NxDomain => proofs.name_error(name).map(|error| match error {
                NameError::Absent(denied) => (claim, Denied::security(denied)),
                // RFC 8020 and RFC 4592 §2.2.2: an empty non-terminal exists, whatever the RCODE says.
                NameError::Empty => (Claim::NoData, Security::Secure),
            }),
        });
        let (claim, security) = judged.map_err(|reason| match wrong {
            // What is missing may be what is not signed well.
            Some(wrong) if reason == Reason::DenialMissing => believed_not(wrong),
            _ => bogus(reason, name, *rtype),
        })?;
        // A denial is only as durable as the SOA record says (RFC 9077 §3).
        let proven = ttl.min(denial.soa.as_ref().map_or(ttl, |_| denial.ttl));
        self.learn(&Proven { apex: &keys.apex, sets: &proof, soa: denial.soa.as_ref(), ttl: proven }, job);
        Ok(claim.outcome(Denial { ttl: denial.ttl.min(ttl), proof: proof.into(), soa: denial.soa, security }))
    }

    /// Those of `sets` that the zone signed, for how long they hold, and what is wrong with the first that it did not.
    pub(super) fn verified(&self, sets: &[RrSet], keys: &ZoneKeys, job: &Job) -> (Vec<RrSet>, Ttl, Option<Bogus>) {
        let (now, work) = (self.wall(), job.budget().work());
        let (mut good, mut ttl, mut wrong) = (Vec::new(), Ttl::MAX, None);
        for set in sets.iter().take(MOST_SETS) {
            match verify(set, keys, now, work) {
                // A proof made from a wildcard proves nothing.
                Ok(verified) if verified.wildcard.is_none() => {
                    ttl = ttl.min(verified.ttl);
                    let longest = set.ttl.min(verified.ttl);
                    let set = with_its_own(set.clone(), keys, &verified, now);
                    good.push(RrSet { security: Security::Secure, ttl: longest, ..set });
                }
                Ok(_) => {}
                Err(found) => wrong = wrong.or(Some(found)),
            }
        }
        (good, ttl, wrong)
    }
}

/// The set without the signatures that say nothing of it.
fn with_its_own(mut set: RrSet, keys: &ZoneKeys, verified: &Verified, now: u32) -> RrSet {
    if let Some(signatures) = worth_keeping(&set, keys, verified, now) {
        set.signatures = signatures;
    }
    set
}

fn believed_not(found: Bogus) -> ResolveError {
    ResolveError::Bogus { bogus: Arc::new(found) }
}

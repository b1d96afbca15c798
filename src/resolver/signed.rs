//! What the signatures of one zone, whose keys are known, make of data and denials (RFC 4035 §5.3, §5.4).
//!
//! Nothing is waited for but a turn. Whose keys they are is `validate`'s affair, and the judges are `dnssec`'s.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::chain::bogus;
use super::turn::in_turn;
use super::{Denial, Outcome, ResolveError, Resolver};
use crate::cache::Proven;
use crate::dns::{Question, RrSet, Security, Ttl};
use crate::dnssec::denial::{Denied, NameError, Proofs};
use crate::dnssec::{Acceptance, Bogus, Reason, Trusted, Verification, Verified, ZoneKeys, worth_keeping};
use crate::job::{Job, count};

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

/// The zone whose keys are tried, and the question that pays for it.
pub(super) struct Signer<'a> {
    pub(super) keys: &'a ZoneKeys,
    pub(super) job: &'a Job,
    /// The calendar's present, as signatures have it.
    now: u32,
    /// Signatures that did not verify.
    failures: AtomicU32,
}

impl<'a> Signer<'a> {
    pub(super) const fn new(keys: &'a ZoneKeys, now: u32, job: &'a Job) -> Self {
        Self { keys, job, now, failures: AtomicU32::new(0) }
    }

    /// How many signatures did not verify.
    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Checks that the zone has signed `set`, a signature at a time.
    async fn verify(&self, set: &RrSet) -> Result<Verified, Bogus> {
        let work = self.job.budget().work();
        let mut verification = Verification::begin(set, self.keys, self.now, work)?;
        loop {
            let step = || {
                let before = work.failures();
                let step = verification.step(work);
                self.failures.fetch_add(work.failures() - before, Ordering::Relaxed);
                step
            };
            if let ControlFlow::Break(result) = in_turn(step).await {
                return result;
            }
        }
    }

    /// The set without the signatures that say nothing of it.
    fn with_its_own(&self, mut set: RrSet, verified: &Verified) -> RrSet {
        if let Some(signatures) = worth_keeping(&set, self.keys, verified, self.now, self.job.budget().work()) {
            set.signatures = signatures;
        }
        set
    }
}

impl Resolver {
    /// The keys of the zone that `trusted` is about, if these are they.
    pub(super) async fn accept_keys(&self, trusted: &Trusted, dnskeys: &RrSet, job: &Job) -> Result<ZoneKeys, Bogus> {
        let (paths, work) = (self.settings.dnssec.paths, job.budget().work());
        let acceptance = in_turn(|| Acceptance::begin(trusted, dnskeys, paths, work)).await?;
        let mut ttl = dnskeys.ttl;
        for path in acceptance.paths() {
            let verified = Signer::new(&path.keys, self.wall(), job).verify(dnskeys).await;
            ttl = ttl.min(verified.map_err(|found| path.missing(found))?.ttl);
        }
        Ok(in_turn(|| acceptance.end(ttl, work)).await)
    }

    /// An RRset that the zone has signed.
    pub(super) async fn check_signed(&self, set: RrSet, signer: &Signer<'_>) -> Result<RrSet, ResolveError> {
        let Signer { keys, job, .. } = *signer;
        let verified = signer.verify(&set).await.map_err(believed_not)?;
        let ttl = set.ttl.min(verified.ttl);
        let set = signer.with_its_own(set, &verified);
        let Some(encloser) = verified.wildcard else {
            return Ok(self.with_target(RrSet { security: Security::Secure, ttl, ..set }, signer).await);
        };
        // RFC 4035 §5.3.4: a wildcard applies only where there is nothing closer.
        let closer = set.closer.as_deref().unwrap_or_default();
        let (proof, proof_ttl, _) = self.verified(closer, signer).await;
        let denied = Proofs::new(&keys.apex, proof.iter(), job.budget().work())
            .and_then(|mut proofs| proofs.wildcard_expansion(&set.owner, &encloser))
            .map_err(|reason| bogus(reason, &set.owner, set.rtype))?;
        self.learn(&Proven { apex: &keys.apex, sets: &proof, soa: None, ttl: proof_ttl }, job);
        if denied == Denied::Proven {
            self.learn_wildcard(&set, &encloser, ttl, job);
        }
        Ok(RrSet { security: denied.security(), ttl: ttl.min(proof_ttl), closer: Some(proof.into()), ..set })
    }

    /// A denial that the zone has signed.
    pub(super) async fn check_proof(
        &self,
        question: &Question,
        mut denial: Denial,
        claim: Claim,
        signer: &Signer<'_>,
    ) -> Result<Outcome, ResolveError> {
        let Question { name, rtype } = question;
        let Signer { keys, job, .. } = *signer;
        let (proof, mut ttl, wrong) = self.verified(&denial.proof, signer).await;
        if let Some(soa) = denial.soa.take() {
            let verified = signer.verify(&soa).await.map_err(believed_not)?;
            ttl = ttl.min(verified.ttl);
            denial.soa = Some(signer.with_its_own(soa, &verified));
        }
        let judged = Proofs::new(&keys.apex, proof.iter(), job.budget().work()).and_then(|mut proofs| match claim {
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
    pub(super) async fn verified(&self, sets: &[RrSet], signer: &Signer<'_>) -> (Vec<RrSet>, Ttl, Option<Bogus>) {
        let (mut good, mut ttl, mut wrong) = (Vec::new(), Ttl::MAX, None);
        for set in sets.iter().take(count(signer.job.limits().proofs_per_denial)) {
            match signer.verify(set).await {
                // A proof made from a wildcard proves nothing.
                Ok(verified) if verified.wildcard.is_none() => {
                    ttl = ttl.min(verified.ttl);
                    let longest = set.ttl.min(verified.ttl);
                    let set = signer.with_its_own(set.clone(), &verified);
                    good.push(RrSet { security: Security::Secure, ttl: longest, ..set });
                }
                Ok(_) => {}
                Err(found) => wrong = wrong.or(Some(found)),
            }
        }
        (good, ttl, wrong)
    }
}

/// The error for data that is not signed as it should be.
pub(super) fn believed_not(found: Bogus) -> ResolveError {
    ResolveError::Bogus { bogus: Arc::new(found) }
}

//! Whether what a walk ended with may be believed: the chain is fetched (`chain`), the judges are `dnssec`'s.
//!
//! Data of a zone whose keys are known must be signed with them, and what it denies must be proven (RFC 4035 §5). Data
//! without signatures is believed only when a proof says that its zone is not signed.

use std::sync::Arc;

use super::chain::{COSTLY, bogus};
use super::{Denial, Outcome, ResolveError, Resolver};
use crate::cache::{Proven, Standing};
use crate::dns::{EdeCode, Name, Question, RecordType, RrSet, Security, Ttl};
use crate::dnssec::denial::{Denied, MOST_SETS, NameError, Proofs};
use crate::dnssec::{Beginning, Bogus, Reason, ZoneKeys, verify};
use crate::job::Job;
use crate::telemetry::Step;

/// Labels below a signed zone that are searched for an unsigned one (a server of both does not refer from one to the other).
const HIDDEN_CUTS: usize = 20;

/// Signatures of one RRset or denial that do not verify: more than an honest zone ever has.
const MANY_FAILURES: u32 = 4;

/// How long data is kept that counts as unsigned by the operator's exception.
const EXCEPTED: Ttl = Ttl::from_secs(60);

/// How authentic something is, and for how long at most.
type Checked = (Security, Ttl);

impl Resolver {
    /// The calendar's present as signatures count it: seconds since 1970, modulo 2^32 (RFC 4034 §3.1.5).
    pub(super) fn wall(&self) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "serial arithmetic is meant to wrap")]
        let seconds = self.world.clock.wall().as_secs() as u32;
        seconds
    }

    /// The outcome of `question`, as told by the servers of `zone`, with what is known of its authenticity.
    ///
    /// # Errors
    /// [`ResolveError::Bogus`] when it must not be believed, others when that could not be found out.
    pub(super) async fn check(
        &self,
        zone: &Name,
        question: &Question,
        outcome: Outcome,
        job: &Job,
    ) -> Result<Outcome, ResolveError> {
        let checked = match outcome {
            // Nobody signs signatures (RFC 4035 §2.2): they are passed on as they are.
            Outcome::Found(set) if set.rtype == RecordType::RRSIG => {
                Outcome::Found(RrSet { security: Security::Insecure, ..set })
            }
            Outcome::Found(set) => Outcome::Found(self.check_set(zone, (set, question.rtype), job).await?),
            Outcome::NoData(denial) => self.check_denial(zone, question, (denial, Claim::NoData), job).await?,
            Outcome::NxDomain(denial) => self.check_denial(zone, question, (denial, Claim::NxDomain), job).await?,
        };
        job.tell(|| Step::Checked { question: question.clone(), security: checked.security() });
        // Hits and other questions come first: what was just done may have taken a while.
        tokio::task::yield_now().await;
        Ok(checked)
    }

    /// An alias: a CNAME, or a DNAME and the CNAME it stands for, which nobody signs (RFC 6672 §5.3.1).
    ///
    /// One that comes in place of DS records is judged as they would be: by the parent's side of the name. Whether a zone
    /// begins there is just what is being asked.
    pub(super) async fn check_alias(
        &self,
        zone: &Name,
        question: &Question,
        alias: Vec<RrSet>,
        job: &Job,
    ) -> Result<Vec<RrSet>, ResolveError> {
        let mut sets = alias.into_iter();
        let Some(first) = sets.next() else { return Ok(Vec::new()) };
        // What is said in place of a DS RRset is the parent's, too. The keys of a zone of that name may be what the question
        // is asked for: they must not be needed for the answer.
        let in_place = question.rtype.is_parent_side() && first.owner == question.name;
        let rtype = if in_place { question.rtype } else { first.rtype };
        let first = self.check_set(zone, (first, rtype), job).await?;
        let (security, ttl) = (first.security, first.ttl);
        let question = Question::new(first.owner.clone(), first.rtype);
        job.tell(|| Step::Checked { question, security });
        let rest = sets.map(|set| RrSet { security, ttl: set.ttl.min(ttl), ..set });
        Ok(std::iter::once(first.clone()).chain(rest).collect())
    }

    /// An RRset that belongs to the zone which has this type of its owner.
    async fn check_set(
        &self,
        zone: &Name,
        (set, rtype): (RrSet, RecordType),
        job: &Job,
    ) -> Result<RrSet, ResolveError> {
        let base = self.base(zone, (&set.owner, rtype), job);
        let signer = signer_of(std::iter::once(&set), (&set.owner, rtype), &base);
        let (security, ttl) = match signer {
            None => self.check_unsigned(&base, (&set.owner, rtype), Reason::SignaturesMissing, job).await?,
            Some(signer) => match self.standing(&signer, job).await? {
                Standing::Insecure(why) => (Security::Insecure, longest(why)),
                Standing::Bogus(bogus) => return Err(ResolveError::Bogus { bogus }),
                Standing::Secure(keys) if keys.apex == signer => {
                    return self.at_expense_of(&keys, job, || self.check_signed(set, &keys, job));
                }
                // The signer is no zone.
                Standing::Secure(_) => return Err(bogus(Reason::KeyMissing, &set.owner, set.rtype)),
            },
        };
        Ok(RrSet { security, ttl: set.ttl.min(ttl), ..set })
    }

    /// The zone to start from: what the walk says, or an anchor or a zone known to be secure between that and the name,
    /// whose parents have no say in it. DS records are their owner's parent's.
    pub(super) fn base(&self, zone: &Name, (name, rtype): (&Name, RecordType), job: &Job) -> Name {
        let (anchored, now) = (self.anchored(), self.world.clock.wall());
        let is_zone = |above: &Name| match self.standings.find(above, job.now()) {
            Some(Standing::Secure(keys)) => keys.apex == *above,
            _ => matches!(anchored.beginning(above, now), Beginning::Anchor(anchor) if anchor.apex == *above),
        };
        let from = usize::from(rtype.is_parent_side() && !name.is_root());
        let mut between = name.ancestors().skip(from).take_while(|above| above.is_strictly_below(zone));
        between.find(is_zone).unwrap_or_else(|| zone.clone())
    }

    /// Does what may fail for want of work left. A zone that takes much of it for one RRset is left alone for a while,
    /// whatever is asked about it (KeyTrap); whoever came last in a chain of such zones is not blamed.
    fn at_expense_of<T>(
        &self,
        keys: &ZoneKeys,
        job: &Job,
        check: impl FnOnce() -> Result<T, ResolveError>,
    ) -> Result<T, ResolveError> {
        let work = job.budget().work();
        let before = work.failures();
        let result = check();
        if let Err(ResolveError::Bogus { bogus }) = &result
            && work.failures().saturating_sub(before) >= MANY_FAILURES
        {
            self.standings.insert(&keys.apex, Standing::Bogus(Arc::clone(bogus)), COSTLY, job.now());
        }
        result
    }

    fn check_signed(&self, set: RrSet, keys: &ZoneKeys, job: &Job) -> Result<RrSet, ResolveError> {
        let (now, work) = (self.wall(), job.budget().work());
        let verified = verify(&set, keys, now, work).map_err(believed_not)?;
        let ttl = set.ttl.min(verified.ttl);
        let Some(encloser) = verified.wildcard else {
            return Ok(RrSet { security: Security::Secure, ttl, closer: None, ..set });
        };
        // RFC 4035 §5.3.4: a wildcard applies only where there is nothing closer.
        let closer = set.closer.as_deref().unwrap_or_default();
        let (proof, proof_ttl, _) = self.verified(closer, keys, job);
        let denied = Proofs::new(&keys.apex, proof.iter(), work)
            .and_then(|mut proofs| proofs.wildcard_expansion(&set.owner, &encloser))
            .map_err(|reason| bogus(reason, &set.owner, set.rtype))?;
        self.learn(&Proven { apex: &keys.apex, sets: &proof, soa: None, ttl: proof_ttl }, job);
        Ok(RrSet { security: denied.security(), ttl: ttl.min(proof_ttl), closer: Some(proof.into()), ..set })
    }

    /// Those of `sets` that the zone signed, for how long they hold, and what is wrong with the first that it did not.
    fn verified(&self, sets: &[RrSet], keys: &ZoneKeys, job: &Job) -> (Vec<RrSet>, Ttl, Option<Bogus>) {
        let (now, work) = (self.wall(), job.budget().work());
        let (mut good, mut ttl, mut wrong) = (Vec::new(), Ttl::MAX, None);
        for set in sets.iter().take(MOST_SETS) {
            match verify(set, keys, now, work) {
                // A proof made from a wildcard proves nothing.
                Ok(verified) if verified.wildcard.is_none() => {
                    ttl = ttl.min(verified.ttl);
                    let longest = set.ttl.min(verified.ttl);
                    good.push(RrSet { security: Security::Secure, ttl: longest, ..set.clone() });
                }
                Ok(_) => {}
                Err(found) => wrong = wrong.or(Some(found)),
            }
        }
        (good, ttl, wrong)
    }

    /// Data without a signature of use: fine if its zone is not signed, and that is proven.
    async fn check_unsigned(
        &self,
        base: &Name,
        (owner, rtype): (&Name, RecordType),
        reason: Reason,
        job: &Job,
    ) -> Result<Checked, ResolveError> {
        let mut at = base.clone();
        for _ in 0..=HIDDEN_CUTS {
            match self.standing(&at, job).await? {
                Standing::Insecure(why) => return Ok((Security::Insecure, longest(why))),
                Standing::Bogus(bogus) => return Err(ResolveError::Bogus { bogus }),
                Standing::Secure(_) => {}
            }
            // The parent's side of a cut is never in the zone below.
            let Some(next) = at.child_towards(owner).filter(|next| !(rtype.is_parent_side() && next == owner)) else {
                break;
            };
            at = next;
        }
        Err(bogus(reason, owner, rtype))
    }

    async fn check_denial(
        &self,
        zone: &Name,
        question: &Question,
        (denial, claim): (Denial, Claim),
        job: &Job,
    ) -> Result<Outcome, ResolveError> {
        let Question { name, rtype } = question;
        let base = self.base(zone, (name, *rtype), job);
        let sets = denial.proof.iter().chain(&denial.soa);
        let Some(signer) = signer_of(sets, (name, *rtype), &base) else {
            let (security, ttl) = self.check_unsigned(&base, (name, *rtype), Reason::DenialMissing, job).await?;
            return Ok(claim.outcome(Denial { security, ttl: denial.ttl.min(ttl), ..denial }));
        };
        match self.standing(&signer, job).await? {
            Standing::Insecure(why) => {
                let (security, ttl) = (Security::Insecure, denial.ttl.min(longest(why)));
                Ok(claim.outcome(Denial { security, ttl, ..denial }))
            }
            Standing::Bogus(bogus) => Err(ResolveError::Bogus { bogus }),
            Standing::Secure(keys) if keys.apex == signer => {
                self.at_expense_of(&keys, job, || self.check_proof(question, denial, claim, (&keys, job)))
            }
            Standing::Secure(_) => Err(bogus(Reason::KeyMissing, name, *rtype)),
        }
    }

    fn check_proof(
        &self,
        question: &Question,
        denial: Denial,
        claim: Claim,
        (keys, job): (&ZoneKeys, &Job),
    ) -> Result<Outcome, ResolveError> {
        let Question { name, rtype } = question;
        let (now, work) = (self.wall(), job.budget().work());
        let (proof, mut ttl, wrong) = self.verified(&denial.proof, keys, job);
        if let Some(soa) = &denial.soa {
            ttl = ttl.min(verify(soa, keys, now, work).map_err(believed_not)?.ttl);
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
}

/// Who signed any of `sets` and can speak of that name and type; what a zone above `base` says of names in it is hearsay.
fn signer_of<'a>(
    sets: impl Iterator<Item = &'a RrSet>,
    (name, rtype): (&Name, RecordType),
    base: &Name,
) -> Option<Name> {
    let is_parents = |signer: &Name| rtype.is_parent_side() && signer == name && !name.is_root();
    sets.flat_map(RrSet::signers).find(|signer| name.is_in(signer) && signer.is_in(base) && !is_parents(signer))
}

/// How long something counts as unsigned: what the operator excepts, hardly longer than the exception (RFC 7646 §2).
fn longest(why: Option<EdeCode>) -> Ttl {
    if why == Some(EdeCode::NEGATIVE_TRUST_ANCHOR) { EXCEPTED } else { Ttl::MAX }
}

/// What is denied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    NoData,
    NxDomain,
}

impl Claim {
    const fn outcome(self, denial: Denial) -> Outcome {
        match self {
            Self::NoData => Outcome::NoData(denial),
            Self::NxDomain => Outcome::NxDomain(denial),
        }
    }
}

fn believed_not(found: Bogus) -> ResolveError {
    ResolveError::Bogus { bogus: Arc::new(found) }
}

//! The chain of trust: from an anchor, by DS and DNSKEY, down to the keys of one zone (RFC 4035 §5).

use std::sync::Arc;

use super::descend::Proof;
use super::remember::Reached;
use super::{Denial, Outcome, ResolveError, Resolver};
use crate::cache::{Rank, Standing};
use crate::dns::{EdeCode, Name, Question, RecordType, RrSet, Security, Ttl};
use crate::dnssec::denial::{Delegation, Proofs, is_beyond_validation};
use crate::dnssec::{Beginning, Bogus, Reason, Settings, Trusted, unsupported};
use crate::job::{Job, LimitName};
use crate::telemetry::Step;
use crate::upstream::Opt;
use crate::world::BoxFuture;

/// What a zone's parent says of the zone's keys.
enum Vouched {
    /// These are they.
    By(Trusted, Ttl),
    /// It has none that matter.
    Unsigned(Option<EdeCode>, Ttl),
    /// There is no such zone, for so long: the name belongs to its parent's.
    Not(Name, Ttl),
}

/// A standing, and how long it holds.
type Held = (Standing, Ttl);

/// How long a zone that takes too much work to validate is left alone (KeyTrap).
pub(super) const COSTLY: Ttl = Ttl::from_secs(1);
/// How long an exception by the operator is taken for granted.
const EXCEPTED: Ttl = Ttl::from_secs(10);
/// How long a zone stands as the one above it, at most.
const INHERITED: Ttl = Ttl::from_secs(300);
/// How long what no anchor and no parent speaks of stands.
const ALONE: Ttl = Ttl::from_secs(3600);

impl Resolver {
    /// How `zone` stands: whether there are keys to check its data with.
    ///
    /// # Errors
    /// [`ResolveError`] when that could not be found out; a zone known to be bogus is no error.
    pub(super) fn standing<'a>(
        &'a self,
        zone: &'a Name,
        job: &'a Job,
    ) -> BoxFuture<'a, Result<Standing, ResolveError>> {
        // Each call inside is for a zone above, so there are no more of them than labels.
        Box::pin(async move {
            if let Some(known) = self.standings.find(zone, job.now()) {
                return Ok(known);
            }
            let before = job.budget().work().done();
            let anchored = self.anchored();
            let (standing, ttl) = match self.establish(zone, &anchored, job).await {
                Ok(held) => held,
                // Whoever had most of the work done before is to blame, not the zone at which it ran out.
                Err(error @ ResolveError::Bogus { .. })
                    if error.is_costly() && !job.budget().work().is_mostly_since(before) =>
                {
                    return Err(error);
                }
                Err(ResolveError::Bogus { bogus }) => {
                    self.suspect_clock(&bogus, zone);
                    // What keeps a zone above busy is that one's fault, and mostly over in a moment.
                    let of_above = matches!(bogus.reason, Reason::TooMuch(_)) && !bogus.name.is_in(zone);
                    let ttl = match bogus.reason {
                        Reason::Estranged if bogus.name == *zone => self.estranged(&bogus),
                        _ if of_above => COSTLY,
                        _ => self.broken(job),
                    };
                    (Standing::Bogus(bogus), ttl)
                }
                Err(error) => return Err(error),
            };
            job.tell(|| Step::Chain { zone: zone.clone(), standing: describe(&standing) });
            self.keep_standing((zone, standing.clone(), ttl), &anchored, job.now());
            Ok(standing)
        })
    }

    /// How long it is remembered that a zone's keys could not be established.
    fn broken(&self, job: &Job) -> Ttl {
        job.budget().reach(LimitName::BogusTtl);
        Ttl::from_secs(u32::try_from(self.limits.longest_bogus().as_secs()).unwrap_or(u32::MAX))
    }

    async fn establish(&self, zone: &Name, anchored: &Settings, job: &Job) -> Result<Held, ResolveError> {
        match anchored.beginning(zone, self.world.clock.wall()) {
            Beginning::Anchor(anchor) if anchor.apex == *zone => return self.keys(&anchor.trusted(), ALONE, job).await,
            Beginning::Anchor(_) => {}
            Beginning::Excepted(_) => return Ok((Standing::Insecure(Some(EdeCode::NEGATIVE_TRUST_ANCHOR)), EXCEPTED)),
            Beginning::Nowhere => return Ok((Standing::Insecure(None), ALONE)),
        }
        match self.vouched(zone, job).await? {
            Vouched::By(trusted, ttl) => self.keys(&trusted, ttl, job).await,
            Vouched::Unsigned(why, ttl) => Ok((Standing::Insecure(why), ttl)),
            // One may be made there, and signed, any time.
            Vouched::Not(parent, ttl) => {
                let standing = self.standing(&parent, job).await?;
                Ok((standing, ttl.min(self.inherited(&parent, job))))
            }
        }
    }

    /// The keys of the zone that `trusted` is about, as its servers give them.
    async fn keys(&self, trusted: &Trusted, ttl: Ttl, job: &Job) -> Result<Held, ResolveError> {
        if let Some(why) = unsupported(trusted) {
            return Ok((Standing::Insecure(Some(why)), ttl));
        }
        let question = Question::new(trusted.apex.clone(), RecordType::DNSKEY);
        let mut accepted = None;
        let proof = Proof::Keys { trusted, accepted: &mut accepted };
        self.descend(&question, proof, job).await.map_err(ResolveError::of_keys)?;
        let Some(keys) = accepted else { return Err(bogus(Reason::KeyMissing, &question.name, question.rtype)) };
        if keys.apex.is_root() {
            self.estrangement.end();
        }
        let ttl = keys.ttl.min(ttl);
        Ok((Standing::Secure(keys), ttl))
    }

    /// Whether the servers of `zone` may be asked without OPT: not as long as signatures are expected of them.
    pub(super) fn opt(&self, zone: &Name, job: &Job) -> Opt {
        if !self.settings.dnssec.validate {
            return Opt::Dispensable;
        }
        let is_signed = match self.standings.find(zone, job.now()) {
            Some(Standing::Insecure(_)) => false,
            Some(Standing::Secure(_) | Standing::Bogus(_)) => true,
            None => match self.anchored().beginning(zone, self.world.clock.wall()) {
                Beginning::Anchor(anchor) => {
                    anchor.apex == *zone || self.rrsets.set(zone, RecordType::DS, job.now()).is_some()
                }
                Beginning::Excepted(_) | Beginning::Nowhere => false,
            },
        };
        if is_signed { Opt::Needed } else { Opt::Dispensable }
    }

    /// What the parent of `zone` says of the keys of `zone`, checked.
    async fn vouched(&self, zone: &Name, job: &Job) -> Result<Vouched, ResolveError> {
        let question = Question::new(zone.clone(), RecordType::DS);
        let parent = self.closest(&question, job).await;
        let base = self.base(&parent.apex, (zone, RecordType::DS), job);
        // Below what is not signed nothing is, and nobody needs to be asked.
        match self.standing(&base, job).await? {
            Standing::Insecure(why) => return Ok(Vouched::Unsigned(why, self.inherited(&base, job))),
            Standing::Bogus(bogus) => return Err(ResolveError::Bogus { bogus }),
            Standing::Secure(_) => {}
        }
        let known = self.rrsets.find(zone, RecordType::DS, job.now());
        // What came with the referral will mostly do.
        let checked = match known {
            // What counted as unsigned when it came may have counted so for a reason that is gone.
            Some(outcome) if outcome.security() != Security::Secure => {
                let checked = self.check(&parent.apex, &question, outcome, job).await.ok();
                checked.map(|checked| self.remember(&question, checked, Rank::Authoritative, job))
            }
            known => known,
        };
        let outcome = match checked {
            Some(outcome) => outcome,
            None => match self.descend(&question, Proof::WantedOfKnown, job).await.map_err(ResolveError::of_keys)? {
                Reached::End(outcome) => outcome,
                Reached::Alias(alias) => return read_alias(zone, &alias),
                // Nobody asked for that.
                Reached::Every(_) => return Err(bogus(Reason::DenialMissing, zone, RecordType::DS)),
            },
        };
        self.read_vouched(zone, outcome, job)
    }

    /// How long what holds for `zone` holds for what is below it: a zone that is signed from now on takes along all of it.
    fn inherited(&self, zone: &Name, job: &Job) -> Ttl {
        self.standings.left(zone, job.now()).min(INHERITED)
    }

    fn read_vouched(&self, zone: &Name, outcome: Outcome, job: &Job) -> Result<Vouched, ResolveError> {
        // Whoever can deny that a zone begins there has the name.
        let parent = match &outcome {
            Outcome::NoData(denial) | Outcome::NxDomain(denial) => signer(denial.proof.iter(), zone),
            Outcome::Found(_) => Name::root(),
        };
        Ok(match outcome {
            Outcome::Found(ds) if ds.security == Security::Secure => Vouched::By(Trusted::by_parent(&ds), ds.ttl),
            Outcome::Found(ds) => Vouched::Unsigned(None, ds.ttl),
            Outcome::NxDomain(denial) if denial.security == Security::Secure => Vouched::Not(parent, denial.ttl),
            Outcome::NoData(denial) if denial.security == Security::Secure => match self
                .delegation(zone, &denial, job)?
            {
                Delegation::Unsigned | Delegation::OptOut => Vouched::Unsigned(None, denial.ttl),
                Delegation::Iterations => Vouched::Unsigned(Some(EdeCode::UNSUPPORTED_NSEC3_ITERATIONS), denial.ttl),
                Delegation::NotACut => Vouched::Not(parent, denial.ttl),
            },
            Outcome::NoData(denial) | Outcome::NxDomain(denial) => {
                let beyond = is_beyond_validation(denial.proof.iter(), self.limits.nsec3_iterations);
                Vouched::Unsigned(beyond.then_some(EdeCode::UNSUPPORTED_NSEC3_ITERATIONS), denial.ttl)
            }
        })
    }

    /// What a checked denial of DS records says of the zone.
    fn delegation(&self, zone: &Name, denial: &Denial, job: &Job) -> Result<Delegation, ResolveError> {
        let signer = signer(denial.proof.iter(), zone);
        let proofs = Proofs::new(&signer, denial.proof.iter(), job.budget().work());
        proofs
            .and_then(|mut proofs| proofs.unsigned_delegation(zone))
            .map_err(|reason| bogus(reason, zone, RecordType::DS))
    }
}

/// The zone that signed `sets`, which have been checked: they keep no signatures of others. It is above `zone`.
fn signer<'a>(mut sets: impl Iterator<Item = &'a RrSet>, zone: &Name) -> Name {
    let signer = sets.find_map(|set| set.signers().next()).filter(|signer| zone.is_strictly_below(signer));
    signer.or_else(|| zone.parent()).unwrap_or_else(Name::root)
}

/// An alias instead of DS records: at a zone cut there is none (RFC 1034 §3.6.2, RFC 6672 §2.3).
fn read_alias(zone: &Name, alias: &[RrSet]) -> Result<Vouched, ResolveError> {
    match alias.first() {
        Some(set) if set.security == Security::Secure => Ok(Vouched::Not(signer(std::iter::once(set), zone), set.ttl)),
        Some(set) if set.security == Security::Insecure => Ok(Vouched::Unsigned(None, set.ttl)),
        _ => Err(bogus(Reason::DenialMissing, zone, RecordType::DS)),
    }
}

/// The error for data that must not be believed.
pub(super) fn bogus(reason: Reason, name: &Name, rtype: RecordType) -> ResolveError {
    ResolveError::Bogus { bogus: Arc::new(Bogus { reason, name: name.clone(), rtype }) }
}

fn describe(standing: &Standing) -> String {
    match standing {
        Standing::Secure(_) => "secure".to_owned(),
        Standing::Insecure(None) => "insecure: it has no DS records, or stands below no trust anchor".to_owned(),
        Standing::Insecure(Some(why)) => format!("insecure: EDE {}", why.0),
        Standing::Bogus(bogus) => format!("bogus: {bogus}"),
    }
}

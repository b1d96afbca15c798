//! Whether what a walk ended with may be believed: the chain is fetched (`chain`), its keys are put to use (`signed`).
//!
//! Data of a zone whose keys are known must be signed with them, and what it denies must be proven (RFC 4035 §5). Data
//! without signatures is believed only when a proof says that its zone is not signed.

use smallvec::SmallVec;

use super::blame::{Blame, is_crowded};
use super::chain::bogus;
use super::signed::{Claim, Signer};
use super::target::without_hearsay;
use super::{Denial, Outcome, ResolveError, Resolver};
use crate::cache::Standing;
use crate::dns::{EdeCode, Name, Question, RecordType, RrSet, Security, Ttl, serial_time};
use crate::dnssec::{Beginning, Reason, Settings};
use crate::job::{Job, LimitName, count};
use crate::telemetry::Step;

/// How long is kept what counts only because of the operator's exception, or of an anchor that leads nowhere.
const EXCEPTED: Ttl = Ttl::from_secs(60);

/// How authentic something is, and for how long at most.
pub(super) type Checked = (Security, Ttl);

/// What the servers of a zone said, and what is to be known of it to find out whether it may be believed.
struct Said<'a, S> {
    /// The zone whose servers said it.
    zone: &'a Name,
    /// What it is about.
    of: (&'a Name, RecordType),
    /// What signatures may come with.
    sets: S,
    /// What is wrong when none do.
    missing: Reason,
}

/// What the keys of a zone can check.
trait Data {
    /// What is known afterwards.
    type Checked;

    /// Checks it with the keys of `signer`.
    fn check(
        &self,
        resolver: &Resolver,
        signer: &Signer<'_>,
    ) -> impl Future<Output = Result<Self::Checked, ResolveError>> + Send;
}

impl Data for RrSet {
    type Checked = Self;

    async fn check(&self, resolver: &Resolver, signer: &Signer<'_>) -> Result<Self, ResolveError> {
        resolver.check_signed(self.clone(), signer).await
    }
}

/// A denial of the question.
struct Denied<'a> {
    question: &'a Question,
    denial: &'a Denial,
    claim: Claim,
}

impl Data for Denied<'_> {
    type Checked = Outcome;

    async fn check(&self, resolver: &Resolver, signer: &Signer<'_>) -> Result<Outcome, ResolveError> {
        resolver.check_proof(self.question, self.denial.clone(), self.claim, signer).await
    }
}

/// How it was judged.
enum Judged<T> {
    /// A zone has signed it; this is what its keys make of it.
    Signed(T),
    /// It need not be signed.
    Otherwise(Checked),
}

impl Resolver {
    /// The calendar's present as signatures have it.
    pub(super) fn wall(&self) -> u32 {
        serial_time(self.world.clock.wall())
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
        let first = without_hearsay(self.check_set(zone, (first, rtype), job).await?);
        // What one that a wildcard was made into says of names below is not defined (RFC 4592 §4.4, RFC 6672 §3.3).
        if first.rtype == RecordType::DNAME && first.closer.is_some() {
            return Err(bogus(Reason::Expanded, &first.owner, first.rtype));
        }
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
        let (sets, missing) = (std::iter::once(&set), Reason::SignaturesMissing);
        let said = Said { zone, of: (&set.owner, rtype), sets, missing };
        Ok(match self.judge(said, &set, job).await? {
            Judged::Signed(set) => set,
            Judged::Otherwise((security, ttl)) => RrSet { security, ttl: set.ttl.min(ttl), ..set },
        })
    }

    /// A denial by whoever can speak of the name.
    async fn check_denial(
        &self,
        zone: &Name,
        question: &Question,
        (denial, claim): (Denial, Claim),
        job: &Job,
    ) -> Result<Outcome, ResolveError> {
        let (sets, missing) = (denial.proof.iter().chain(&denial.soa), Reason::DenialMissing);
        let said = Said { zone, of: (&question.name, question.rtype), sets, missing };
        match self.judge(said, &Denied { question, denial: &denial, claim }, job).await {
            Ok(Judged::Signed(outcome)) => Ok(outcome),
            Ok(Judged::Otherwise((security, ttl))) => {
                Ok(claim.outcome(Denial { security, ttl: denial.ttl.min(ttl), ..denial }))
            }
            Err(error) if claim == Claim::NxDomain && error.is_bogus() => {
                let above = self.denied_above(zone, question, &denial, job).await;
                above.map_or(Err(error), |denial| Ok(Outcome::NxDomain(denial)))
            }
            Err(error) => Err(error),
        }
    }

    /// What a secure zone proves not to exist although there is a trust anchor for it, below, which fits no keys. What there is
    /// in a zone with an anchor, no zone above it can say; that there is no such zone, it can (RFC 6840 §5.10, C.2).
    async fn denied_above(&self, zone: &Name, question: &Question, denial: &Denial, job: &Job) -> Option<Denial> {
        let of = (&question.name, question.rtype);
        let base = self.base(zone, of, job);
        let leads_nowhere = || matches!(self.standings.find(&base, job.now()), Some(Standing::Bogus(_)));
        if self.anchored().anchors.at(&base).is_none() || !leads_nowhere() {
            return None;
        }
        let signers = signers_of(denial.proof.iter(), of, zone, job).into_iter();
        for signer in signers.filter(|signer| base.is_strictly_below(signer)) {
            let Ok(Standing::Secure(keys)) = self.standing(&signer, job).await else { continue };
            let signed = Signer::new(&keys, self.wall(), job);
            let checked = self.check_proof(question, denial.clone(), Claim::NxDomain, &signed).await;
            if let (true, Ok(Outcome::NxDomain(denial))) = (keys.apex == signer, checked)
                && denial.security == Security::Secure
            {
                // The anchor may be mended any moment.
                return Some(Denial { ttl: denial.ttl.min(EXCEPTED), ..denial });
            }
        }
        None
    }

    /// Tries the zones that seem to have signed what was said, one after the other: `data` is checked with the keys of each.
    /// When none has, it is fine only if there need not be signatures.
    async fn judge<'a, D: Data>(
        &self,
        said: Said<'a, impl Iterator<Item = &'a RrSet> + Clone>,
        data: &D,
        job: &Job,
    ) -> Result<Judged<D::Checked>, ResolveError> {
        let Said { zone, of, sets, missing } = said;
        let anchored = self.anchored();
        if self.is_excepted(&anchored, of) {
            return Ok(Judged::Otherwise((Security::Insecure, EXCEPTED)));
        }
        let base = self.base(zone, of, job);
        let mut attempts = Attempts::default();
        for signer in signers_of(sets.clone(), of, &base, job) {
            match self.standing(&signer, job).await {
                Ok(Standing::Insecure(why)) => return Ok(Judged::Otherwise((Security::Insecure, longest(why)))),
                Ok(Standing::Secure(keys)) if keys.apex == signer => {
                    let crowded = is_crowded(sets.clone(), &keys, self.wall(), job.budget().work());
                    if crowded && let Some(checked) = self.hidden(&base, of, job).await? {
                        return Ok(Judged::Otherwise(checked));
                    }
                    let blame = Blame { zone, crowded, anchored: &anchored };
                    let signer = Signer::new(&keys, self.wall(), job);
                    match data.check(self, &signer).await {
                        Ok(signed) => return Ok(Judged::Signed(signed)),
                        Err(error) => {
                            self.blame(&signer, blame, &error);
                            attempts.add(error)?;
                        }
                    }
                }
                // The signer is no zone.
                Ok(Standing::Secure(_)) => attempts.reason = Some(Reason::KeyMissing),
                Ok(Standing::Bogus(bogus)) => attempts.add(ResolveError::Bogus { bogus })?,
                Err(error) => attempts.add(error)?,
            }
        }
        let reason = attempts.end(missing)?;
        self.check_unsigned(&base, of, reason, job).await.map(Judged::Otherwise)
    }

    /// Whether the operator has excepted the name, wherever zones begin (RFC 7646 §2). DS records are their owner's
    /// parent's.
    fn is_excepted(&self, anchored: &Settings, (name, rtype): (&Name, RecordType)) -> bool {
        if anchored.negative.is_empty() {
            return false;
        }
        let parent = rtype.is_parent_side().then(|| name.parent()).flatten();
        let beginning = anchored.beginning(parent.as_ref().unwrap_or(name), self.world.clock.wall());
        matches!(beginning, Beginning::Excepted(_))
    }

    /// The zone to start from: what the walk says, or an anchor or a zone known to be secure or unsigned between that and
    /// the name, whose parents have no say in it. DS records are their owner's parent's.
    pub(super) fn base(&self, zone: &Name, (name, rtype): (&Name, RecordType), job: &Job) -> Name {
        let (anchored, now) = (self.anchored(), self.world.clock.wall());
        let is_zone = |above: &Name| match self.standings.find(above, job.now()) {
            Some(Standing::Secure(keys)) => keys.apex == *above,
            Some(Standing::Insecure(_)) => true,
            _ => matches!(anchored.beginning(above, now), Beginning::Anchor(anchor) if anchor.apex == *above),
        };
        let from = usize::from(rtype.is_parent_side() && !name.is_root());
        let mut between = name.ancestors().skip(from).take_while(|above| above.is_strictly_below(zone));
        between.find(is_zone).unwrap_or_else(|| zone.clone())
    }

    /// Data without a signature of use: fine if its zone is not signed, and that is proven.
    ///
    /// Where that zone begins is not known when one server has it and the signed one above: it does not refer from the one
    /// to the other. What is signed above that cut is not below it, so the cut is found by halves: a name with as many
    /// labels as a name can have takes seven questions.
    pub(super) async fn check_unsigned(
        &self,
        base: &Name,
        (owner, rtype): (&Name, RecordType),
        reason: Reason,
        job: &Job,
    ) -> Result<Checked, ResolveError> {
        match self.standing(base, job).await? {
            Standing::Insecure(why) => return Ok((Security::Insecure, longest(why))),
            Standing::Bogus(bogus) => return Err(ResolveError::Bogus { bogus }),
            Standing::Secure(_) => {}
        }
        // The parent's side of a cut is never in the zone below.
        let (mut above, mut most) = (base.label_count(), owner.label_count() - usize::from(rtype.is_parent_side()));
        let mut attempts = Attempts::default();
        while above < most {
            let middle = above + (most - above).div_ceil(2);
            match self.standing(&owner.suffix(middle), job).await {
                Ok(Standing::Insecure(why)) => return Ok((Security::Insecure, longest(why))),
                Ok(Standing::Secure(_)) => {
                    above = middle;
                    continue;
                }
                // The unsigned zone may begin above, with a server that knows nothing of DS records.
                Ok(Standing::Bogus(bogus)) => attempts.add(ResolveError::Bogus { bogus })?,
                Err(error) => attempts.add(error)?,
            }
            most = middle - 1;
        }
        attempts.end(reason).and_then(|reason| Err(bogus(reason, owner, rtype)))
    }
}

/// Who may have signed `sets` and can speak of that name and type, the zone that is known to have it first: a signature
/// that somebody added must not take the place of another. What a zone above `base` says of names in it is hearsay. Mostly
/// it is one zone; in a change of hands, two.
fn signers_of<'a>(
    sets: impl Iterator<Item = &'a RrSet>,
    (name, rtype): (&Name, RecordType),
    base: &Name,
    job: &Job,
) -> SmallVec<[Name; 3]> {
    let most = count(job.limits().signers_tried);
    let is_parents = |signer: &Name| rtype.is_parent_side() && signer == name && !name.is_root();
    let may_be = |signer: &Name| name.is_in(signer) && signer.is_in(base) && !is_parents(signer);
    let (mut signers, mut left_out) = (SmallVec::new(), false);
    for signer in sets.flat_map(RrSet::signers).filter(may_be) {
        if signers.contains(&signer) {
            continue;
        }
        if signer == *base {
            signers.insert(0, signer);
        } else if signers.len() < most {
            signers.push(signer);
        } else {
            left_out = true;
        }
    }
    if left_out || signers.len() > most {
        job.budget().reach(LimitName::SignersTried);
    }
    signers.truncate(most);
    signers
}

/// What came of trying one thing after the other.
#[derive(Default)]
struct Attempts {
    first: Option<ResolveError>,
    /// What is wrong when nothing else is.
    reason: Option<Reason>,
}

impl Attempts {
    /// Another one failed.
    ///
    /// # Errors
    /// The same error, when there is no use in trying more.
    fn add(&mut self, error: ResolveError) -> Result<(), ResolveError> {
        if error.is_final() {
            return Err(error);
        }
        self.first.get_or_insert(error);
        Ok(())
    }

    /// The first failure; else what is wrong if nothing is found to excuse it.
    fn end(self, reason: Reason) -> Result<Reason, ResolveError> {
        self.first.map_or(Ok(self.reason.unwrap_or(reason)), Err)
    }
}

/// How long something counts as unsigned: what the operator excepts, hardly longer than the exception (RFC 7646 §2).
fn longest(why: Option<EdeCode>) -> Ttl {
    if why == Some(EdeCode::NEGATIVE_TRUST_ANCHOR) { EXCEPTED } else { Ttl::MAX }
}

//! When the servers of a zone fail, or say what must not be believed, its place in the tree is in doubt: the parent is
//! asked again. Bounded: once in a walk, and for each zone once a minute or, for what is bogus, once a second.

use std::sync::Arc;
use std::time::Duration;

use super::descend::{Visit, Walk};
use super::minimise::Revealed;
use super::{ResolveError, Resolver};
use crate::dns::{Name, Question, ZoneCut};
use crate::job::{Job, LimitName, count};
use crate::upstream::Campaign;

/// A cut younger than this is not suspected of having moved.
const MOVED_AFTER: Duration = Duration::from_secs(60);
/// How long it may take to ask for another place of a zone that is bogus: two packets, one of which may be lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// A zone whose servers failed.
pub(super) struct Failed {
    pub(super) cut: Arc<ZoneCut>,
    pub(super) campaign: Campaign,
    pub(super) error: ResolveError,
}

impl Failed {
    pub(super) fn new(cut: &Arc<ZoneCut>, campaign: Campaign, error: ResolveError) -> Self {
        Self { cut: Arc::clone(cut), campaign, error }
    }

    /// Whether `cut` is the same zone's and names nobody who was not named before.
    pub(super) fn knows_all_of(&self, cut: &ZoneCut) -> bool {
        self.cut.apex == cut.apex
            && cut.servers.iter().all(|server| {
                let known = self.cut.servers.iter().find(|known| known.host == server.host);
                known.is_some_and(|known| server.glue.iter().all(|a| known.glue.contains(a) || self.campaign.has(*a)))
            })
    }
}

impl Walk<'_> {
    pub(super) fn may_try_others(&self, job: &Job) -> bool {
        let may = self.liars.len() < count(job.limits().bogus_retries);
        if !may {
            job.reach(LimitName::BogusRetries);
        }
        may
    }

    pub(super) fn first_lie(&self) -> ResolveError {
        let lie = self.liars.first().map(|(_, error)| error.clone());
        lie.unwrap_or(ResolveError::NoAddress { zone: Name::root() })
    }

    /// Another zone's place in the tree is in doubt.
    pub(super) fn doubt(&mut self, failed: Failed, job: &Job) {
        // What is bogus is known; to ask again is only an attempt to know better.
        self.until = failed.error.is_bogus().then(|| job.now() + PATIENCE);
        self.failed.push(failed);
    }

    /// A zone that was believed to be bogus, because it was asked at the wrong place, has another chance.
    pub(super) fn forgive(&mut self, cut: &ZoneCut, resolver: &Resolver) {
        if self.failed.iter().any(|failed| failed.cut.apex == cut.apex && failed.error.is_bogus()) {
            resolver.standings.forgive(&cut.apex);
            self.until = None;
        }
    }
}

impl Resolver {
    /// Asks above a cut whose servers failed where the zone is now.
    pub(super) async fn start_anew(
        &self,
        cut: &ZoneCut,
        failed: Box<Failed>,
        walk: &mut Walk<'_>,
        (question, job): (&Question, &Job),
    ) -> Result<Arc<ZoneCut>, ResolveError> {
        if !self.is_replaced(cut, job) {
            self.cuts.remove(&cut.apex);
        }
        let cut = self.closest(question, job).await;
        walk.revealed = Revealed::new(self.settings.qname_minimisation);
        walk.liars.clear();
        if failed.knows_all_of(&cut) {
            return Err(failed.error);
        }
        walk.doubt(*failed, job);
        walk.forgive(&cut, self);
        Ok(cut)
    }

    /// What is to be done when the data of a zone must not be believed: its servers may be another's, put into a forged
    /// referral, which would else stand for its TTL. Its parent is asked again, once in a walk and by all of them once a
    /// second.
    pub(super) fn doubt(&self, failed: Failed, walk: &Walk<'_>, job: &Job) -> Result<Visit, ResolveError> {
        let cut = &failed.cut;
        let is_its_own = matches!(&failed.error, ResolveError::Bogus { bogus } if bogus.name.is_in(&cut.apex));
        let was_asked = walk.failed.iter().any(|other| other.cut.apex == cut.apex);
        let may_be_wrong = is_its_own && !failed.error.is_costly() && is_by_parent(cut) && !was_asked;
        if may_be_wrong && (self.is_replaced(cut, job) || self.standings.may_doubt(&cut.apex, job.now())) {
            return Ok(Visit::Moved(Box::new(failed)));
        }
        Err(failed.error)
    }

    /// What to say of a walk that ended with `error`: if that was only in the attempt to find another place for a zone that
    /// is bogus, that it is bogus; and it stays where it was.
    pub(super) fn first_failure(&self, error: ResolveError, walk: &Walk<'_>, job: &Job) -> ResolveError {
        let Some(failed) = walk.failed.last().filter(|_| walk.until.is_some()) else { return error };
        if self.cuts.at(&failed.cut.apex, job.now()).is_none() {
            self.cuts.insert(&failed.cut);
        }
        failed.error.clone()
    }

    /// The parent says the same of a zone that must not be believed: the next question finds out whether the parent itself
    /// is who it should be.
    pub(super) fn doubt_above(&self, failed: &Failed, above: &ZoneCut, job: &Job) {
        if failed.error.is_bogus()
            && self.may_have_moved(above, job)
            && self.standings.may_doubt(&above.apex, job.now())
        {
            self.cuts.remove(&failed.cut.apex);
            self.cuts.remove(&above.apex);
        }
    }

    /// Whether other servers than those of `cut` are known for its zone by now.
    pub(super) fn is_replaced(&self, cut: &ZoneCut, job: &Job) -> bool {
        self.cuts.at(&cut.apex, job.now()).is_some_and(|known| known.servers != cut.servers)
    }

    /// Whether a cut whose servers fail may simply be out of date (a domain was moved): once a minute, the parent is asked.
    pub(super) fn may_have_moved(&self, cut: &ZoneCut, job: &Job) -> bool {
        is_by_parent(cut) && job.now() >= cut.since + MOVED_AFTER
    }
}

/// Nothing else was found in time.
pub(super) fn too_late(cut: &ZoneCut) -> ResolveError {
    // Never told: what was known before is (`first_failure`).
    ResolveError::Deadline { zone: cut.apex.clone() }
}

/// Whether a referral led there: not the operator, and not the hints.
fn is_by_parent(cut: &ZoneCut) -> bool {
    cut.expires.is_some() && !cut.apex.is_root()
}

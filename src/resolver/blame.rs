//! Whose fault it is that signatures take much work and come to nothing (KeyTrap, SigJam).
//!
//! Whoever sends signatures may write anybody's name on them. A zone is left alone for those of its own servers alone, and
//! only when no unsigned zone is hidden below it, on the same servers: else its owner would silence the zone above.

use std::sync::Arc;

use super::chain::COSTLY;
use super::signed::Signer;
use super::validate::Checked;
use super::{ResolveError, Resolver};
use crate::cache::Standing;
use crate::dns::{Name, RecordType, RrSet};
use crate::dnssec::{Reason, Settings, Work, ZoneKeys, fitting_signatures};
use crate::job::Job;

/// Signatures of one RRset or denial that do not verify: more than an honest zone ever has.
const MANY_FAILURES: u32 = 4;

/// What is to be known of some data to tell whose fault it is.
#[derive(Clone, Copy)]
pub(super) struct Blame<'a> {
    /// The zone whose servers sent it.
    pub(super) zone: &'a Name,
    /// Whether it has more signatures than it needs, so that [`Resolver::hidden`] was asked.
    pub(super) crowded: bool,
    /// The anchors in force.
    pub(super) anchored: &'a Arc<Settings>,
}

/// Whether so many signatures seem to be the zone's that somebody may want to see them fail: an honest zone has two for each
/// RRset, and seldom three.
pub(super) fn is_crowded<'a>(sets: impl Iterator<Item = &'a RrSet>, keys: &ZoneKeys, now: u32, work: &Work) -> bool {
    let fitting = |set| fitting_signatures(set, keys, now, work);
    let (sets, signatures) = sets.fold((0, 0), |(sets, all), set| (sets + 1, all + fitting(set)));
    signatures >= MANY_FAILURES && signatures > 2 * sets
}

impl Resolver {
    /// An unsigned zone below `base` that has the name, if there is one: then no signature needs to be looked at.
    ///
    /// # Errors
    /// [`ResolveError`] when there is no use in trying more.
    pub(super) async fn hidden(
        &self,
        base: &Name,
        of: (&Name, RecordType),
        job: &Job,
    ) -> Result<Option<Checked>, ResolveError> {
        match self.check_unsigned(base, of, Reason::SignaturesMissing, job).await {
            Ok(checked) => Ok(Some(checked)),
            Err(error) if error.is_final() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// What is to be done when `error` is what came of it. A zone whose servers take much work for one RRset is left alone for
    /// a while, whatever is asked about it; whoever came last in a chain of such zones is not blamed, nor is anybody for what
    /// others sent, forwarders above all.
    pub(super) fn blame(&self, signer: &Signer<'_>, blame: Blame<'_>, error: &ResolveError) {
        if let ResolveError::Bogus { bogus } = error
            && signer.failures() >= MANY_FAILURES
            && blame.crowded
            && signer.keys.apex == *blame.zone
            && !self.is_forwarded(blame.zone)
        {
            let standing = Standing::Bogus(Arc::clone(bogus));
            self.keep_standing((&signer.keys.apex, standing, COSTLY), blame.anchored, signer.job.now());
        }
    }

    /// Whether data of `zone` comes from forwarders, which pass on what anybody says.
    fn is_forwarded(&self, zone: &Name) -> bool {
        self.forwards.closest(zone).is_some_and(super::forward::Forwarded::recurses)
    }
}

//! What a reply with an alias proves of its target: that an unsigned zone begins on the way to it.
//!
//! A server of a signed zone and of an unsigned one below it says so when an alias leads from the one into the other, as it
//! would in a referral (RFC 4035 §3.1.4.1). There is no referral then, and DS records cannot always be asked for.
//! Data of the target is not read here: whoever is responsible for it is asked.

use super::Resolver;
use super::signed::Signer;
use crate::cache::{Proven, Standing};
use crate::dns::{Name, RecordType, RrSet, Security, Ttl};
use crate::dnssec::denial::{Delegation, Nsec, Nsec3, Proofs};
use crate::dnssec::{Beginning, Reason, Work};
use crate::job::Job;
use crate::telemetry::Step;

impl Resolver {
    /// The set, which the zone of `signer` has signed. An alias keeps the denials that came with it, if they prove that its
    /// target is in an unsigned zone: a client that validates needs to see them, and here they are remembered.
    pub(super) async fn with_target(&self, set: RrSet, signer: &Signer<'_>) -> RrSet {
        let Signer { keys, job, .. } = *signer;
        let mut alone = set;
        let beside = alone.closer.take().filter(|_| alone.rtype == RecordType::CNAME);
        let (Some(sets), Some(target)) = (beside, alone.target()) else { return alone };
        // Most of what comes along says something else: signatures are not looked at for that.
        if !target.is_strictly_below(&keys.apex) || !sets.iter().any(|set| tells_of_cuts(set, &keys.apex)) {
            return alone;
        }
        let (proof, ttl, _) = self.verified(&sets, signer).await;
        let Some(cut) = unsigned_cut(&target, (&keys.apex, &proof), job.budget().work()) else { return alone };
        let ttl = proof.iter().map(|set| set.ttl).fold(ttl, Ttl::min);
        self.learn(&Proven { apex: &keys.apex, sets: &proof, soa: None, ttl }, job);
        self.take_for_unsigned(&cut, &keys.apex, ttl, job);
        RrSet { ttl: alone.ttl.min(ttl), closer: Some(proof.into()), ..alone }
    }

    /// Remembers that the secure zone `above` has proven the zone `cut` to be unsigned, unless more is known of it.
    fn take_for_unsigned(&self, cut: &Name, above: &Name, ttl: Ttl, job: &Job) {
        let (anchored, now) = (self.anchored(), job.now());
        let by_anchor = matches!(
            anchored.beginning(cut, self.world.clock.wall()),
            Beginning::Anchor(anchor) if above.is_in(&anchor.apex)
        );
        // What has changed since the proof was looked at counts for more.
        let still = matches!(self.standings.find(above, now), Some(Standing::Secure(keys)) if keys.apex == *above);
        let between = self.base(above, (cut, RecordType::DS), job) != *above;
        if by_anchor && still && !between && self.standings.find(cut, now).is_none() {
            let standing = "insecure: it has no DS records, as came with an alias".to_owned();
            job.tell(|| Step::Chain { zone: cut.clone(), standing });
            self.keep_standing((cut, Standing::Insecure(None), ttl), &anchored, now);
        }
    }
}

/// The alias without what came beside it, unless that was looked at, or says how it was made.
pub(super) fn without_hearsay(alias: RrSet) -> RrSet {
    let keeps = alias.security == Security::Secure || alias.is_expanded();
    RrSet { closer: alias.closer.filter(|_| keeps), ..alias }
}

/// Whether a denial tells of a zone cut, or leaves some out.
fn tells_of_cuts(set: &RrSet, apex: &Name) -> bool {
    let hashed = || Nsec3::read(set, apex).is_some_and(|(nsec3, _)| nsec3.opt_out || nsec3.types.is_delegation());
    Nsec::read(set, apex).is_some_and(|nsec| nsec.types.is_delegation()) || hashed()
}

/// The first name below `apex` on the way to `target` at which `proof`, all of it verified, says that an unsigned zone begins.
fn unsigned_cut(target: &Name, (apex, proof): (&Name, &[RrSet]), work: &Work) -> Option<Name> {
    let mut proofs = Proofs::new(apex, proof.iter(), work).ok()?;
    let on_the_way = (apex.label_count() + 1..=target.label_count()).map(|labels| target.suffix(labels));
    for name in on_the_way {
        match proofs.unsigned_delegation(&name) {
            Ok(Delegation::Unsigned | Delegation::OptOut) => return Some(name),
            Ok(Delegation::Iterations) => return None,
            // Of the names above it nothing need be said.
            Ok(Delegation::NotACut) | Err(Reason::DenialMissing) => {}
            Err(_) => return None,
        }
    }
    None
}

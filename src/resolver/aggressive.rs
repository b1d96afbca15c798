//! Denials for names nobody asked about yet, from what their zone has proven before (RFC 8198).
//!
//! The records that may speak of a name are gathered here, from `cache::denials`; `dnssec::denial` judges them as if they
//! had come in a reply. Whatever it does not find proven is walked for.

use super::remember::Reached;
use super::{Outcome, Resolver};
use crate::cache::{Order, Place, Proven, ProvenZone, Standing};
use crate::dns::{Denial, Name, Question, RrSet, Security, Ttl};
use crate::dnssec::Beginning;
use crate::dnssec::denial::{Denied, Hash, NameError, Nsec, Nsec3, Parameters, Proofs};
use crate::job::{Checking, Job};
use crate::telemetry::{FromCache, Step};

/// Of the hashing that is left to a job, this part may be spent here. The walk that follows when it was in vain hashes
/// the same names, and perhaps those of another zone.
const PART: u32 = 3;

/// What may speak of a name: records, and the hashes that were made to find them.
type Gathered = (Vec<RrSet>, Vec<(Name, Hash)>);

impl Resolver {
    /// Keeps what was proven for other names.
    pub(super) fn learn(&self, proven: &Proven<'_>, job: &Job) {
        if self.settings.dnssec.aggressive_denial {
            self.denials.insert(proven, job.now());
        }
    }

    /// What the zone of `question` has proven of it, though it was asked about something else.
    pub(super) fn deduce(&self, question: &Question, job: &Job) -> Option<Reached> {
        if !self.settings.dnssec.aggressive_denial || job.checking() == Checking::Disabled {
            return None;
        }
        let zone = self.proven_zone(question, job)?;
        let (sets, hashes) = match &zone.order {
            Order::Names => self.gather(&zone, &question.name, job)?,
            Order::Hashes { iterations, salt } => {
                let parameters = Parameters { iterations: *iterations, salt };
                self.gather_hashed(&zone, &question.name, parameters, job)?
            }
        };
        let proofs = Proofs::new(&zone.apex, sets.iter(), job.budget().work()).ok()?;
        let judge = judge(proofs.knowing(hashes), question)?;
        let denial = Denial::new(Some(zone.soa), Vec::new(), Ttl::ZERO);
        let ttl = sets.iter().map(|set| set.ttl).fold(denial.ttl, Ttl::min);
        let denial = Denial { proof: sets.into(), ttl, security: Security::Secure, ..denial };
        if ttl == Ttl::ZERO {
            return None;
        }
        job.tell(|| Step::Cached { question: question.clone(), what: FromCache::Proof });
        Some(Reached::End(judge(self.rrsets.bounded_denial(denial))))
    }

    /// The zone that `question` is to be asked of, if it is a secure one that has proven something.
    fn proven_zone(&self, question: &Question, job: &Job) -> Option<ProvenZone> {
        let (name, now) = (&question.name, job.now());
        let parent = question.rtype.is_parent_side().then(|| name.parent()).flatten();
        let name = parent.as_ref().unwrap_or(name);
        let zone = self.denials.zone(name, now)?;
        let apex = &zone.apex;
        // What the operator excepts, or anchors elsewhere, is not for zones above it to deny.
        let anchored = self.anchored();
        let Beginning::Anchor(anchor) = anchored.beginning(name, self.world.clock.wall()) else { return None };
        // Nor is what is asked of other servers, by the operator's word or because there is a zone of its own.
        let below = |cut: &Name| cut.is_strictly_below(apex);
        let elsewhere = self.forwards.closest(name).is_some_and(|forwarded| below(forwarded.zone()))
            || self.cuts.closest(name, now).is_some_and(|cut| below(&cut.apex));
        let secure = matches!(self.standings.find(apex, now), Some(Standing::Secure(keys)) if keys.apex == *apex);
        (apex.is_in(&anchor.apex) && !elsewhere && secure).then_some(zone)
    }

    /// The NSEC records at or before the name and the wildcard in its place.
    fn gather(&self, zone: &ProvenZone, name: &Name, job: &Job) -> Option<Gathered> {
        let find = |name: &Name| self.denials.at_or_before(zone, &Place::Name(name.clone()), job.now());
        let first = find(name)?;
        let nsec = Nsec::read(&first, &zone.apex)?;
        if nsec.matches(name) {
            return Some((vec![first.clone()], Vec::new()));
        }
        if !nsec.covers(name) {
            return None;
        }
        let wildcard = nsec.closest_encloser(name).prepend(b"*").ok()?;
        let second = find(&wildcard)?;
        let mut sets = vec![first];
        add(&mut sets, second);
        Some((sets, Vec::new()))
    }

    /// The NSEC3 records that match the name; or its closest encloser, and are before the next closer name and the
    /// wildcard (RFC 5155 §8.4). No lock is held while names are hashed.
    fn gather_hashed(&self, zone: &ProvenZone, name: &Name, parameters: Parameters<'_>, job: &Job) -> Option<Gathered> {
        let work = job.budget().work();
        let above = || name.ancestors().take_while(|above| above.is_in(&zone.apex));
        let wildcard_blocks = parameters.blocks(name);
        let blocks = above().map(|name| parameters.blocks(&name)).fold(wildcard_blocks, u32::saturating_add);
        if blocks > work.hash_blocks_left() / PART {
            return None;
        }
        let find = |hash: &Hash| self.denials.at_or_before(zone, &Place::Hash(*hash), job.now());
        let (mut sets, mut hashes): Gathered = (Vec::new(), Vec::new());
        let mut next_closer = None;
        for name in above() {
            let hash = parameters.hash(&name, work).ok()?;
            hashes.push((name.clone(), hash));
            let found = find(&hash)?;
            if !Nsec3::read(&found, &zone.apex)?.0.matches(&hash) {
                next_closer = Some(found);
                continue;
            }
            add(&mut sets, found);
            let Some(covering) = next_closer else { return Some((sets, hashes)) };
            add(&mut sets, covering);
            let wildcard = name.prepend(b"*").ok()?;
            let hash = parameters.hash(&wildcard, work).ok()?;
            hashes.push((wildcard, hash));
            add(&mut sets, find(&hash)?);
            return Some((sets, hashes));
        }
        None
    }
}

/// What is proven of the question, without any doubt that opt-out leaves (RFC 5155 §9.2).
fn judge(mut proofs: Proofs<'_>, question: &Question) -> Option<fn(Denial) -> Outcome> {
    let Question { name, rtype } = question;
    if proofs.no_data(name, *rtype) == Ok(Denied::Proven) {
        return Some(Outcome::NoData);
    }
    match proofs.name_error(name) {
        Ok(NameError::Absent(Denied::Proven)) => Some(Outcome::NxDomain),
        _ => None,
    }
}

fn add(sets: &mut Vec<RrSet>, set: RrSet) {
    if sets.iter().all(|other| other.owner != set.owner) {
        sets.push(set);
    }
}

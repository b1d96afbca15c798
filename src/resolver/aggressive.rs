//! Answers for names nobody asked about yet, from what their zone has proven before (RFC 8198): denials, and what a
//! wildcard has for a name that does not exist.
//!
//! The records that may speak of a name are gathered here, from `cache::denials`; `dnssec::denial` judges them as if they
//! had come in a reply. Whatever it does not find proven is walked for.

use super::remember::Reached;
use super::{Outcome, Resolver};
use crate::cache::{Order, Place, Proven, ProvenZone, Rank, Standing};
use crate::dns::{Denial, Name, Question, RecordType, RrSet, Security, Ttl};
use crate::dnssec::Beginning;
use crate::dnssec::denial::{Denied, Hash, NameError, Nsec, Nsec3, Parameters, Proofs, is_beyond_validation};
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
        let beyond = is_beyond_validation(proven.sets.iter(), self.limits.nsec3_iterations);
        if self.settings.dnssec.aggressive_denial && !beyond {
            self.denials.insert(proven, job.now());
        }
    }

    /// What the zone of `question` has proven of it, though it was asked about something else.
    pub(super) fn deduce(&self, question: &Question, job: &Job) -> Option<Reached> {
        if !self.settings.dnssec.aggressive_denial || job.checking() == Checking::Disabled {
            return None;
        }
        let zone = self.proven_zone(question, job)?;
        let reached = self.deny(&zone, question, job).or_else(|| self.expand(&zone, question, job))?;
        job.tell(|| Step::Cached { question: question.clone(), what: FromCache::Proof });
        Some(reached)
    }

    /// Keeps the RRset of the wildcard below `encloser`, from which `set` was made, for other names.
    pub(super) fn learn_wildcard(&self, set: &RrSet, encloser: &Name, ttl: Ttl, job: &Job) {
        if let Some(owner) = encloser.prepend(b"*").ok().filter(|_| self.settings.dnssec.aggressive_denial) {
            let set = RrSet { owner, ttl, closer: None, security: Security::Secure, ..set.clone() };
            self.keep(set, Rank::Authoritative, job);
        }
    }

    /// That there is no such name, or no such data.
    fn deny(&self, zone: &ProvenZone, question: &Question, job: &Job) -> Option<Reached> {
        let soa = zone.soa.clone()?;
        let (sets, hashes) = match &zone.order {
            Order::Names => self.gather(zone, &question.name, job)?,
            Order::Hashes { iterations, salt } => {
                let parameters = Parameters { iterations: *iterations, salt };
                self.gather_hashed(zone, &question.name, parameters, job)?
            }
        };
        let proofs = Proofs::new(&zone.apex, sets.iter(), job.budget().work()).ok()?;
        let judge = judge(proofs.knowing(hashes), question)?;
        let denial = Denial::new(Some(soa), Vec::new(), Ttl::ZERO);
        let ttl = sets.iter().map(|set| set.ttl).fold(denial.ttl, Ttl::min);
        let denial = Denial { proof: sets.into(), ttl, security: Security::Secure, ..denial };
        if ttl == Ttl::ZERO {
            return None;
        }
        Some(Reached::End(judge(self.rrsets.bounded_denial(denial))))
    }

    /// What the deepest wildcard that is known has for a name which the zone does not have (RFC 8198 §5.3).
    fn expand(&self, zone: &ProvenZone, question: &Question, job: &Job) -> Option<Reached> {
        let Question { name, rtype } = question;
        if rtype.is_parent_side() {
            return None;
        }
        let mut enclosers = name.ancestors().skip(1).take_while(|above| above.is_in(&zone.apex));
        let (encloser, set) =
            enclosers.find_map(|above| Some((above.clone(), self.wildcard(zone, &above, *rtype, job)?)))?;
        let (proof, hashes) = self.between(zone, name, &encloser, job)?;
        let proofs = Proofs::new(&zone.apex, std::iter::once(&proof), job.budget().work()).ok()?;
        let ttl = set.ttl.min(proof.ttl);
        if proofs.knowing(hashes).wildcard_expansion(name, &encloser) != Ok(Denied::Proven) || ttl == Ttl::ZERO {
            return None;
        }
        let set = RrSet { owner: name.clone(), ttl, closer: Some([proof].into()), ..set };
        Some(if set.rtype == *rtype { Reached::End(Outcome::Found(set)) } else { Reached::Alias(vec![set]) })
    }

    /// What the wildcard of `zone` below `encloser` is known to have: the data asked for, or an alias. What a zone below has
    /// signed is not meant: only its own proof can say that there is nothing closer (RFC 5155 §8.8, RFC 8198 §5.3).
    fn wildcard(&self, zone: &ProvenZone, encloser: &Name, rtype: RecordType, job: &Job) -> Option<RrSet> {
        let wildcard = encloser.prepend(b"*").ok()?;
        let types = [rtype, RecordType::CNAME];
        let mut found = types.into_iter().filter_map(|rtype| self.rrsets.set(&wildcard, rtype, job.now()));
        let is_its_own = |set: &RrSet| !set.signatures.is_empty() && set.signers().all(|signer| signer == zone.apex);
        found.find(|set| set.security == Security::Secure && is_its_own(set))
    }

    /// The record before the name or, by its hash, the one next closer to it than `encloser`.
    fn between(
        &self,
        zone: &ProvenZone,
        name: &Name,
        encloser: &Name,
        job: &Job,
    ) -> Option<(RrSet, Vec<(Name, Hash)>)> {
        let Order::Hashes { iterations, salt } = &zone.order else {
            let found = self.denials.at_or_before(zone, &Place::Name(name.clone()), job.now())?;
            return Some((found, Vec::new()));
        };
        let (parameters, work) = (Parameters { iterations: *iterations, salt }, job.budget().work());
        let next_closer = encloser.child_towards(name)?;
        if parameters.blocks(&next_closer) > work.hash_blocks_left() / PART {
            return None;
        }
        let hash = parameters.hash(&next_closer, work).ok()?;
        let found = self.denials.at_or_before(zone, &Place::Hash(hash), job.now())?;
        Some((found, vec![(next_closer, hash)]))
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

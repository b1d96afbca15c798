//! Trust anchors that roll over (RFC 5011): a zone's new keys are trusted once they have been vouched for long enough.
//!
//! A state machine: it is told what was seen and when, and says what to do. It asks nobody, and keeps no file: `state`
//! only says what would stand in it. Whoever drives it asks for the DNSKEY RRset at [`Rollover::next`].

mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::acceptance::{Paths, Verdict, accept, signed_by};
use super::algorithm::Support;
use super::anchor::{Anchor, AnchorRecord, Source};
use super::keys::{Dnskey, Ds};
use super::{Bogus, Reason, Work};
use crate::dns::{Name, RecordType, RrSet, serial_time};

pub use state::{StateError, StateProblem};

/// How long a new key must have been there before it is trusted (§2.4.1).
pub const ADD_HOLD_DOWN: Duration = Duration::from_secs(30 * 86_400);
/// How long a revoked key is remembered as such (§2.4.2); from then on as a removed one.
pub const REMOVE_HOLD_DOWN: Duration = Duration::from_secs(30 * 86_400);
/// How soon at most the keys are asked for again, after a failure as well (§2.3).
const SHORTEST_REFRESH: Duration = Duration::from_secs(3600);
/// How late at most (§2.3).
const LONGEST_REFRESH: Duration = Duration::from_secs(15 * 86_400);
/// Keys that are waited for or trusted; the root has two. As many trust anchors are looked at for one zone.
const MAX_FOLLOWED: usize = 8;
/// Removed keys that are remembered.
const MAX_REMOVED: usize = 16;
/// Keys of one RRset that are looked at, and revoked ones of them whose signature is verified.
const MAX_KEYS: usize = 32;
/// Octets of a key; one of RSA with 4096 bits has 520.
const MAX_RDATA: usize = 1024;
const MAX_REVOKED: usize = 4;

/// The keys of one zone over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollover {
    apex: Name,
    /// What the operator, or the build, begins with. Trusted until a key that it means is revoked.
    configured: Vec<AnchorRecord>,
    keys: Vec<TrackedKey>,
    next: Duration,
}

/// One key that was seen. A key that was never seen, or went away before it was trusted, is in the state Start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedKey {
    /// The RDATA of its DNSKEY, without the flag REVOKE.
    pub rdata: Vec<u8>,
    /// Where it stands.
    pub state: KeyState,
    /// Since when, since 1970.
    pub since: Duration,
    /// How often it was seen while it was pending.
    pub sightings: u32,
}

/// Where a key stands (§4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Seen, and not trusted yet.
    AddPend,
    /// Trusted.
    Valid,
    /// Trusted, and not there.
    Missing,
    /// Taken back by its owner. Never trusted again.
    Revoked,
    /// Taken back long ago. Never trusted again.
    Removed,
}

/// What happened when the zone's keys were asked for.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// This DNSKEY RRset came, with its signatures; nobody has validated it yet.
    Seen(&'a RrSet),
    /// Nothing of use came.
    Failed,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell the operator that a key changed its state.
    Tell(Change),
    /// Tell the operator that no trusted key speaks for these keys.
    Refuse(Bogus),
    /// From now on the zone's trust anchor is this. Never empty.
    Trust(Vec<AnchorRecord>),
    /// From now on the zone has none, as if none was ever configured: every key was revoked (§5). Tell the operator.
    Delete,
    /// Keep the state.
    Save,
}

/// A key that changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The tag of the key.
    pub tag: u16,
    /// Where it stood; `None` is Start.
    pub from: Option<KeyState>,
    /// Where it stands; `None` is Start.
    pub to: Option<KeyState>,
}

impl Rollover {
    /// Begins with what is configured; the first query is due at once.
    pub fn new(anchor: &Anchor) -> Self {
        Self { apex: anchor.apex.clone(), configured: anchor.records.clone(), keys: Vec::new(), next: Duration::ZERO }
    }

    /// The zone.
    pub const fn apex(&self) -> &Name {
        &self.apex
    }

    /// When its keys are to be asked for, since 1970; `None` when that makes no sense any more.
    pub fn next(&self) -> Option<Duration> {
        (!self.is_deleted()).then_some(self.next)
    }

    /// Whether every key was revoked, by itself: the zone then is as if it had never had a trust anchor (§5). A key that is
    /// configured later, and was not revoked, ends that.
    pub fn is_deleted(&self) -> bool {
        self.anchors().is_empty()
    }

    /// Every key that was seen.
    pub fn keys(&self) -> &[TrackedKey] {
        &self.keys
    }

    /// The zone's trust anchor as it now is. Empty when every key was revoked, and then only: one that is configured and
    /// was never seen counts, for a zone must not become insecure because its keys are lost.
    pub fn anchors(&self) -> Vec<AnchorRecord> {
        let trusted = self.keys.iter().filter(|key| key.is_trusted());
        let seen = trusted.map(|key| AnchorRecord {
            rtype: RecordType::DNSKEY,
            rdata: key.rdata.clone(),
            source: self.configured_as(&key.rdata).map_or(Source::Rollover, |record| record.source.clone()),
        });
        let pending = |record: &AnchorRecord| {
            !self.keys.iter().any(|key| key.state != KeyState::AddPend && self.means(record, &key.rdata))
        };
        let unseen = self.configured.iter().filter(|record| pending(record)).cloned();
        seen.chain(unseen).collect()
    }

    /// Takes in what happened at `now` (since 1970), and says what to do.
    pub fn take(&mut self, event: Event<'_>, now: Duration, work: &Work) -> Vec<Action> {
        let before = self.anchors();
        let mut actions = Vec::new();
        if before.is_empty() {
            return actions;
        }
        let found = match event {
            Event::Failed => Vec::new(),
            Event::Seen(set) => {
                // A revoked key says so itself; nobody else needs to (§2.1).
                let mut found = self.revoke(set, now, work);
                if self.is_deleted() {
                    return self.delete(found);
                }
                match self.judge(set, now, work) {
                    Ok(()) => found.extend(self.follow(set, now)),
                    Err(bogus) => actions.push(Action::Refuse(bogus)),
                }
                found
            }
        };
        let is_failure = matches!(event, Event::Failed) || !actions.is_empty();
        self.next = now.saturating_add(match event {
            Event::Seen(set) if !is_failure => refresh(set, now),
            _ => SHORTEST_REFRESH,
        });
        actions.extend(found.into_iter().chain(self.age(now)).map(Action::Tell));
        let after = self.anchors();
        if after != before {
            actions.push(Action::Trust(after));
        }
        actions.push(Action::Save);
        actions
    }

    /// Ends it, after the last keys were revoked (§5).
    fn delete(&mut self, revoked: Vec<Change>) -> Vec<Action> {
        // Nobody vouches for those that wait; and should it begin again, that is at once.
        self.keys.retain(|key| key.state != KeyState::AddPend);
        self.next = Duration::ZERO;
        revoked.into_iter().map(Action::Tell).chain([Action::Delete, Action::Save]).collect()
    }

    /// Whether a key that is trusted has signed the set.
    fn judge(&self, set: &RrSet, now: Duration, work: &Work) -> Result<(), Bogus> {
        let anchor = Anchor { apex: self.apex.clone(), records: self.anchors() };
        match accept(&anchor.trusted(), set, Paths::One, serial_time(now), work)? {
            Verdict::Keys(_) => Ok(()),
            Verdict::Unsupported { .. } => {
                Err(Bogus { reason: Reason::KeyMissing, name: set.owner.clone(), rtype: set.rtype })
            }
        }
    }

    /// Never trusts again the keys that are here with the flag REVOKE, and signed the set (§2.1).
    fn revoke(&mut self, set: &RrSet, now: Duration, work: &Work) -> Vec<Change> {
        let mut changes = Vec::new();
        if set.owner != self.apex {
            return changes;
        }
        for key in candidates(set).filter(Dnskey::is_revoked).take(MAX_REVOKED) {
            let rdata = without_revoke(key.rdata);
            let known = self.keys.iter().find(|known| known.rdata == rdata).map(|known| known.state);
            let is_trusted = match known {
                Some(state) => matches!(state, KeyState::Valid | KeyState::Missing),
                None => self.configured_as(&rdata).is_some(),
            };
            if is_trusted && signed_by(key.rdata, set, serial_time(now), work).is_ok() {
                changes.push(Change { tag: tag(&rdata), from: known, to: Some(KeyState::Revoked) });
                let key = TrackedKey { rdata, state: KeyState::Revoked, since: now, sightings: 0 };
                match self.keys.iter_mut().find(|known| known.rdata == key.rdata) {
                    Some(known) => *known = key,
                    None => self.keys.push(key),
                }
            }
        }
        changes
    }

    /// Follows the keys of a set that is believed (§4.2).
    fn follow(&mut self, set: &RrSet, now: Duration) -> Vec<Change> {
        let mut here: Vec<&[u8]> = candidates(set).filter(|key| !key.is_revoked()).map(|key| key.rdata).collect();
        let hold_down = ADD_HOLD_DOWN.max(original_ttl(set));
        let mut changes = Vec::new();
        let keys = std::mem::take(&mut self.keys);
        for mut key in keys {
            let is_here = here.contains(&key.rdata.as_slice());
            here.retain(|rdata| *rdata != key.rdata);
            let from = key.state;
            let to = match (from, is_here) {
                (KeyState::AddPend, false) => None,
                (KeyState::AddPend, true) => {
                    key.sightings = key.sightings.saturating_add(1);
                    // It was seen at least once before, when it was taken on: that makes two (§2.4.1).
                    let is_due = now.saturating_sub(key.since) >= hold_down;
                    let is_believed = is_due || self.configured_as(&key.rdata).is_some();
                    Some(if is_believed { KeyState::Valid } else { from })
                }
                (KeyState::Valid, false) => Some(KeyState::Missing),
                (KeyState::Missing, true) => Some(KeyState::Valid),
                _ => Some(from),
            };
            if to != Some(from) {
                changes.push(Change { tag: tag(&key.rdata), from: Some(from), to });
                key.since = now;
            }
            if let Some(state) = to {
                self.keys.push(TrackedKey { state, ..key });
            }
        }
        changes.extend(self.welcome(&here, now));
        changes
    }

    /// Begins to follow keys that were not here before.
    fn welcome(&mut self, new: &[&[u8]], now: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        for rdata in new {
            let is_configured = self.configured_as(rdata).is_some();
            let is_followed = |key: &&TrackedKey| key.is_trusted() || key.state == KeyState::AddPend;
            if !is_configured && self.keys.iter().filter(is_followed).count() >= MAX_FOLLOWED {
                continue;
            }
            let state = if is_configured { KeyState::Valid } else { KeyState::AddPend };
            self.keys.push(TrackedKey { rdata: rdata.to_vec(), state, since: now, sightings: 1 });
            changes.push(Change { tag: tag(rdata), from: None, to: Some(state) });
        }
        changes
    }

    /// Lets revoked keys end, and forgets the oldest of those that have.
    fn age(&mut self, now: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        for key in self.keys.iter_mut().filter(|key| key.state == KeyState::Revoked) {
            if now.saturating_sub(key.since) >= REMOVE_HOLD_DOWN {
                changes.push(Change { tag: tag(&key.rdata), from: Some(key.state), to: Some(KeyState::Removed) });
                (key.state, key.since) = (KeyState::Removed, now);
            }
        }
        // One that is configured would be trusted again if it were forgotten.
        let is_forgettable =
            |key: &&TrackedKey| key.state == KeyState::Removed && self.configured_as(&key.rdata).is_none();
        let removed: Vec<&TrackedKey> = self.keys.iter().filter(is_forgettable).collect();
        if removed.len() > MAX_REMOVED
            && let Some(oldest) = removed.iter().min_by_key(|key| key.since).map(|key| key.rdata.clone())
        {
            self.keys.retain(|key| key.rdata != oldest);
        }
        changes
    }

    /// The configured record that means the key, if there is one.
    fn configured_as(&self, rdata: &[u8]) -> Option<&AnchorRecord> {
        self.configured.iter().find(|record| self.means(record, rdata))
    }

    fn means(&self, record: &AnchorRecord, rdata: &[u8]) -> bool {
        let (Some(key), Some(ds)) = (Dnskey::parse(rdata), Ds::parse(&record.rdata)) else { return false };
        match record.rtype {
            RecordType::DS => ds.tag == key.tag() && ds.algorithm == key.algorithm && ds.is_of(&self.apex, &key),
            _ => record.rdata == rdata,
        }
    }
}

impl TrackedKey {
    /// Whether it speaks for the zone.
    pub const fn is_trusted(&self) -> bool {
        matches!(self.state, KeyState::Valid | KeyState::Missing)
    }
}

/// The keys of the set that may become trust anchors (§3): zone keys, meant to be trusted from outside.
fn candidates(set: &RrSet) -> impl Iterator<Item = Dnskey<'_>> {
    let is_one = |key: &Dnskey<'_>| {
        let is_usable = key.protocol == 3 && key.algorithm.support() == Support::Validate;
        key.is_zone_key() && key.is_secure_entry_point() && is_usable && key.rdata.len() <= MAX_RDATA
    };
    set.rdatas.iter().filter_map(Dnskey::parse).filter(is_one).take(MAX_KEYS)
}

/// When to ask again: half the TTL, half of what the signatures have left, within bounds (§2.3).
fn refresh(set: &RrSet, now: Duration) -> Duration {
    let expirations = set.signatures.iter().filter_map(|rrsig| word(rrsig, 8));
    // RFC 1982: the nearest of the times that the number can mean.
    let left = expirations.map(|end| u64::from(end.wrapping_sub(serial_time(now)).cast_signed().max(0).unsigned_abs()));
    let left = left.min().map_or(Duration::ZERO, Duration::from_secs);
    (left.min(original_ttl(set)) / 2).clamp(SHORTEST_REFRESH, LONGEST_REFRESH)
}

/// The TTL that the set has at its source.
fn original_ttl(set: &RrSet) -> Duration {
    let ttls = set.signatures.iter().filter_map(|rrsig| word(rrsig, 4));
    Duration::from_secs(ttls.min().unwrap_or(0).into())
}

/// Four octets of an RRSIG (RFC 4034 §3.1): 4 is the original TTL, 8 the expiration.
fn word(rrsig: &[u8], at: usize) -> Option<u32> {
    rrsig.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
}

fn tag(rdata: &[u8]) -> u16 {
    Dnskey::parse(rdata).map_or(0, |key| key.tag())
}

/// The key before its owner took it back.
fn without_revoke(rdata: &[u8]) -> Vec<u8> {
    let mut rdata = rdata.to_vec();
    if let Some(flags) = rdata.get_mut(1) {
        *flags &= !0x80;
    }
    rdata
}

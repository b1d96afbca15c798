//! Trust anchors of a resolver that runs: asked for, replaced, and no standing kept that rests on the old ones.
//!
//! Which anchors to trust is not decided here: that is `dnssec::rollover`'s (RFC 5011).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::chain::bogus;
use super::descend::Proof;
use super::estranged::Others;
use super::{ResolveError, Resolver};
use crate::cache::Standing;
use crate::dns::{Name, Question, RecordType, RrSet, Ttl};
use crate::dnssec::{Anchor, AnchorRecord, Beginning, Bogus, Reason, Settings};
use crate::job::{Checking, Job};

/// How often the operator is told that the clock may be wrong, at most.
const BETWEEN_HINTS: Duration = Duration::from_secs(3600);

impl Resolver {
    /// What is validated, and from where, now.
    pub fn anchored(&self) -> Arc<Settings> {
        Arc::clone(&self.anchored.read())
    }

    /// Lets `records` alone speak for `apex` from now on. Answers that were checked before stay for their TTLs; how zones
    /// stand, and what failed because of it, is forgotten: each standing rests on those above it.
    pub fn replace_anchors(&self, apex: &Name, records: Vec<AnchorRecord>) {
        let mut anchored = self.anchored.write();
        let mut settings = Settings::clone(&anchored);
        settings.anchors.replace(apex, records);
        if settings == **anchored {
            return;
        }
        *anchored = Arc::new(settings);
        // Before anybody can read the new ones: see `keep_standing`.
        self.standings.clear();
        self.failures.clear();
    }

    /// Tells the root's servers which of its keys are trusted here, by asking them for a name that says so (RFC 8145 §5.1).
    /// What they answer does not matter.
    pub async fn signal_anchors(&self) {
        let anchored = self.anchored();
        let wanted = anchored.validate && anchored.anchor_signals;
        let root = anchored.anchors.at(&Name::root()).filter(|_| wanted);
        if let Some(name) = root.and_then(signal) {
            // No proof that there is no such name may keep the question from them.
            let job = self.job().with(Checking::Disabled);
            let _ = self.resolve(&Question::new(name, RecordType::NULL), &job).await;
        }
    }

    /// The DNSKEY RRset of `apex` with its signatures, as the zone's servers give it now. Nobody has validated it.
    ///
    /// # Errors
    /// [`ResolveError`] when no server gave one.
    pub async fn fetch_keys(&self, apex: &Name) -> Result<RrSet, ResolveError> {
        let job = Job::new(&self.limits, &self.world.clock).with(Checking::Disabled);
        let mut found: Option<RrSet> = None;
        let question = Question::new(apex.clone(), RecordType::DNSKEY);
        self.descend(&question, Proof::Raw(&mut found), &job).await?;
        let found = found.filter(|set| set.rtype == RecordType::DNSKEY && set.owner == *apex);
        found.ok_or_else(|| bogus(Reason::KeyMissing, apex, RecordType::DNSKEY))
    }

    /// What to make of `keys`, which no anchor speaks for as `bogus` says: of the root's, when somebody else gave the same ones,
    /// that it has others now, and whoever is asked next will say the same. Other zones are mended by those who ask.
    pub(super) fn estrange(&self, keys: &RrSet, bogus: Bogus, others: Others) -> Bogus {
        let is_strange = bogus.reason == Reason::KeyMissing && keys.owner.is_root() && bogus.name.is_root();
        let now = self.world.clock.now();
        if is_strange && self.estrangement.is_confirmed_by(&keys.rdatas, others, now) {
            return Bogus { reason: Reason::Estranged, ..bogus };
        }
        bogus
    }

    /// For how long the root is not asked for other keys than those no anchor speaks for. The operator is told.
    pub(super) fn estranged(&self, bogus: &Bogus) -> Ttl {
        let pause = self.estrangement.pause(self.world.clock.now());
        tracing::warn!(
            "{bogus}: no signed name can be resolved. Its keys are asked for again in {:?}. Update burdock, or \
             dnssec.trust-anchors, and restart",
            pause.duration()
        );
        pause
    }

    /// Keys that a trust anchor speaks for, signed for another time: mostly it is this machine's clock that is wrong, and then
    /// nothing validates. The operator is told, once an hour.
    pub(super) fn suspect_clock(&self, bogus: &Bogus, zone: &Name) {
        let (wall, now) = (self.world.clock.wall(), self.world.clock.now());
        let anchored = self.anchored();
        let is_anchored =
            matches!(anchored.beginning(zone, wall), Beginning::Anchor(anchor) if anchor.apex == bogus.name);
        if !is_anchored || !matches!(bogus.reason, Reason::Expired | Reason::NotYetValid) {
            return;
        }
        let mut told = self.clock_suspected.lock();
        if told.is_none_or(|told| now.saturating_duration_since(told) >= BETWEEN_HINTS) {
            *told = Some(now);
            let seconds = wall.as_secs();
            tracing::warn!(
                "{bogus}: as long as that is so nothing below validates. See whether this machine's clock is right; it shows \
                 {seconds} s since 1970"
            );
        }
    }

    /// The keys that `apex` has now, which came by [`Self::fetch_keys`], and what is wrong with them: nobody else needs to ask
    /// for them in the next hour if the root's are not those the anchors speak for.
    pub fn refuse_keys(&self, keys: &RrSet, bogus: &Bogus) {
        let (anchored, now) = (self.anchored(), self.world.clock.now());
        // They are one server's word: it makes longer what others have found out.
        let bogus = self.estrange(keys, bogus.clone(), Others::Left);
        if bogus.reason == Reason::Estranged {
            let standing = Standing::Bogus(Arc::new(bogus));
            self.keep_standing((&keys.owner, standing, self.estrangement.pause(now)), &anchored, now);
        }
    }

    /// Remembers how a zone stands by `anchored`, unless other anchors have come into force in the meantime. Nothing else
    /// writes standings.
    pub(super) fn keep_standing(&self, held: (&Name, Standing, Ttl), anchored: &Arc<Settings>, now: Instant) {
        let in_force = self.anchored.read();
        if Arc::ptr_eq(&in_force, anchored) {
            let (zone, standing, ttl) = held;
            self.standings.insert(zone, standing, ttl, now);
        }
    }
}

/// The name that tells of an anchor: `_ta-`, and the tags of its keys in hex, in order (RFC 8145 §5.1).
fn signal(anchor: &Anchor) -> Option<Name> {
    let tags: BTreeSet<u16> = anchor.records.iter().map(AnchorRecord::tag).collect();
    // More do not go into one label.
    let tags: Vec<String> = tags.into_iter().take(12).map(|tag| format!("{tag:04x}")).collect();
    anchor.apex.prepend(format!("_ta-{}", tags.join("-")).as_bytes()).ok().filter(|_| !tags.is_empty())
}

//! Keeps trust anchors up to date while the server runs (RFC 5011): asks for the keys when that is due, keeps the state,
//! and tells the resolver and the operator what changed.
//!
//! What is to be trusted is `dnssec::rollover`'s to say. Nothing that fails here ends anything: the anchors that are in
//! force stay so.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Rollover as Setting, service_folder};
use crate::dns::Name;
use crate::dnssec::{Action, Anchor, Change, Event, KeyState, Rollover, Source};
use crate::job::Budget;
use crate::resolver::Resolver;

use super::state::{load, save, set_aside};

/// Keeps the trust anchors of a resolver up to date.
pub struct Keeper {
    resolver: Arc<Resolver>,
    zones: Vec<Followed>,
}

/// One zone whose keys are followed, and where that is kept.
struct Followed {
    rollover: Rollover,
    path: PathBuf,
}

impl Keeper {
    /// Lets what was learnt in earlier runs count from now on; `None` when no trust anchor is to be followed.
    pub fn begin(resolver: &Arc<Resolver>, setting: &Setting) -> Option<Self> {
        let anchored = resolver.anchored();
        if !anchored.validate {
            return None;
        }
        let folder = folder(setting)?;
        let is_meant = |anchor: &&Anchor| match setting {
            // Whoever writes a file means these keys; those that are compiled in get old with the program.
            Setting::Auto => anchor.records.iter().any(|record| record.source == Source::Builtin),
            Setting::Off | Setting::Folder(_) => true,
        };
        let now = resolver.world().clock.wall();
        let zones = anchored.anchors.iter().filter(is_meant).map(|anchor| Followed::begin(anchor, &folder, now));
        let zones: Vec<Followed> = zones.collect();
        for zone in &zones {
            resolver.replace_anchors(zone.rollover.apex(), zone.rollover.anchors());
        }
        (!zones.is_empty()).then(|| Self { resolver: Arc::clone(resolver), zones })
    }

    /// Asks for keys whenever that is due, for ever.
    pub async fn run(mut self) -> Infallible {
        loop {
            let mut wait = LOOK_AT_THE_CALENDAR;
            for zone in &mut self.zones {
                if zone.left(self.resolver.world().clock.wall()) == Some(Duration::ZERO) {
                    zone.ask(&self.resolver).await;
                }
                if let Some(left) = zone.left(self.resolver.world().clock.wall()) {
                    wait = wait.min(left.max(SHORTEST_WAIT));
                }
            }
            // The calendar may be set, and timers stand still while the machine is asleep.
            tokio::time::sleep(wait).await;
        }
    }
}

impl Followed {
    fn begin(anchor: &Anchor, folder: &Path, now: Duration) -> Self {
        let path = folder.join(file_name(&anchor.apex));
        let (rollover, unusable) = load(&path, anchor, now);
        if let Some(unusable) = unusable {
            let kept = match set_aside(&path) {
                Ok(aside) => format!("it is now {}", aside.display()),
                Err(error) => format!("it cannot be put aside, either: {error}"),
            };
            tracing::warn!(
                "the trust anchors of {} are those of the configuration, for what was kept of them cannot be used: \
                 {unusable}; {kept}. If its keys have rolled over since, restore that file from a backup, or update the \
                 configured trust anchors, and restart",
                anchor.apex
            );
        }
        if rollover.is_deleted() {
            tell_of_deletion(&anchor.apex);
        }
        let zone = Self { rollover, path };
        // Now, when somebody looks, and not in a day.
        zone.save();
        zone
    }

    /// How long it is until the keys are to be asked for; `None` when they are not any more.
    fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.rollover.next()?.saturating_sub(now);
        // The calendar was set back: what it said before means nothing.
        Some(if left > LONGEST_WAIT { Duration::ZERO } else { left })
    }

    /// Asks for the zone's keys, and does what follows from them.
    async fn ask(&mut self, resolver: &Resolver) {
        let apex = self.rollover.apex().clone();
        let fetched = resolver.fetch_keys(&apex).await;
        let event = match &fetched {
            Ok(set) => Event::Seen(set),
            Err(error) => {
                tracing::warn!("the keys of {apex} could not be had: {error}. They are asked for again in an hour");
                Event::Failed
            }
        };
        let budget = Budget::new(Arc::clone(resolver.limits()));
        for action in self.rollover.take(event, resolver.world().clock.wall(), budget.work()) {
            match action {
                Action::Tell(change) => tell(&apex, &change),
                Action::Refuse(bogus) => {
                    fetched.iter().for_each(|keys| resolver.refuse_keys(keys, &bogus));
                    tracing::warn!(
                        "no trust anchor of {apex} speaks for the keys that it has now: {bogus}. They are asked for again \
                         in an hour; if this stays so, see whether the clock is right, and update the trust anchors"
                    );
                }
                Action::Trust(records) => resolver.replace_anchors(&apex, records),
                Action::Delete => {
                    resolver.replace_anchors(&apex, Vec::new());
                    tell_of_deletion(&apex);
                }
                Action::Save => self.save(),
            }
        }
    }

    fn save(&self) {
        if let Err(error) = save(&self.path, &self.rollover) {
            tracing::warn!(
                "what is known of the trust anchors of {} cannot be kept in {}: {error}. Validation goes on, but after a \
                 restart it begins with the configured ones: make that folder and let burdock write to it (systemd: \
                 StateDirectory=burdock), or set dnssec.trust-anchor-rollover to another one, or to off",
                self.rollover.apex(),
                self.path.display()
            );
        }
    }
}

fn tell_of_deletion(apex: &Name) {
    tracing::warn!(
        "every key of {apex} that was a trust anchor was revoked by its owner: {apex} has no trust anchor any more (RFC 5011 \
         section 5), and unless one for a zone above it holds, its answers are NOT VALIDATED. To validate again, add a key \
         of {apex} that was not revoked to dnssec.trust-anchors, and restart"
    );
}

fn tell(apex: &Name, change: &Change) {
    let Change { tag, to, .. } = change;
    match to {
        Some(KeyState::AddPend) => {
            tracing::info!("{apex} has a new key, {tag}: it will be trusted when it has been there for 30 days");
        }
        Some(KeyState::Valid) => tracing::info!("the key {tag} of {apex} is a trust anchor"),
        Some(KeyState::Missing) => {
            tracing::warn!("the key {tag} of {apex} is a trust anchor, and is not there any more")
        }
        Some(KeyState::Revoked) => {
            tracing::warn!("the key {tag} of {apex} was revoked, and is no trust anchor any more")
        }
        Some(KeyState::Removed) => tracing::info!("the key {tag} of {apex} was revoked 30 days ago"),
        None => tracing::warn!("the new key {tag} of {apex} went away before it was trusted"),
    }
}

/// The folder in which states are kept, if that is wanted and can be.
fn folder(setting: &Setting) -> Option<PathBuf> {
    let folder = match setting {
        Setting::Off => return None,
        Setting::Folder(path) => return Some(path.clone()),
        Setting::Auto => service_folder(),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    tracing::info!(
        "trust anchors do not roll over by themselves, for {} is not there: make it and let burdock write to it, or name \
         another folder in dnssec.trust-anchor-rollover",
        folder.display()
    );
    None
}

/// The name of a zone's file: `root.state`, `zone-corp.example.state`; what no file may be called by is written in hex.
fn file_name(apex: &Name) -> String {
    if apex.is_root() {
        return "root.state".to_owned();
    }
    let plain = |octet: char| octet.is_ascii_alphanumeric() || "-_.".contains(octet);
    let text = apex.to_lowercase().to_string();
    let octets =
        text.chars().map(|octet| if plain(octet) { octet.to_string() } else { format!("%{:02x}", octet as u32) });
    format!("zone-{}state", octets.collect::<String>())
}

/// How often the calendar is looked at while nothing is due.
const LOOK_AT_THE_CALENDAR: Duration = Duration::from_secs(3600);
/// How long at least nothing is asked, whatever happens.
const SHORTEST_WAIT: Duration = Duration::from_secs(60);
/// No wait is longer (RFC 5011 §2.3).
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_has_a_file_of_its_own() {
        let named = |text: &str| file_name(&text.parse().unwrap());
        assert_eq!(named("."), "root.state");
        assert_eq!(named("Corp.Example"), "zone-corp.example.state");
        // A label is no path, and `root.` is not the root.
        assert_eq!(named("a/b.example"), "zone-a%2fb.example.state");
        assert_ne!(named("root"), named("."));
    }
}

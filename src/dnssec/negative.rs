//! Negative trust anchors (RFC 7646): subtrees that are not validated, because whoever runs them has broken them.
//!
//! Each says why, and most say until when: an exception that nobody remembers is a hole.

use std::time::Duration;

use crate::dns::{Name, Subtrees};

/// Every negative trust anchor there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegativeAnchors {
    domains: Subtrees<NegativeAnchor>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegativeAnchor {
    /// The name: it and all below it count as insecure (RFC 7646 §2).
    pub domain: Name,
    /// Why, in the operator's words; may be empty.
    pub reason: String,
    /// When it ends, since 1970; `None`: with the configuration that it stands in.
    pub until: Option<Duration>,
}

impl NegativeAnchors {
    /// None at all.
    pub const fn none() -> Self {
        Self { domains: Subtrees::new() }
    }

    /// Adds one as the operator wrote it into the configuration, in place of one of the same name.
    pub fn insert(&mut self, anchor: NegativeAnchor) {
        let domain = anchor.domain.clone();
        self.domains.insert(&domain, anchor);
    }

    /// Adds one while running, for `lifetime` from `now` on, though for no longer than [`LONGEST_LIFETIME`]
    /// (RFC 7646 §2: a week). Returns when it ends.
    pub fn add(&mut self, domain: Name, reason: String, lifetime: Duration, now: Duration) -> Duration {
        let until = now.saturating_add(lifetime.min(LONGEST_LIFETIME));
        self.insert(NegativeAnchor { domain, reason, until: Some(until) });
        until
    }

    /// Takes the one of exactly `domain` away.
    pub fn remove(&mut self, domain: &Name) -> Option<NegativeAnchor> {
        self.domains.remove(domain)
    }

    /// Takes away those that have ended `now`, for whoever logs it.
    pub fn expire(&mut self, now: Duration) -> Vec<NegativeAnchor> {
        self.domains.take_unless(|anchor| anchor.holds(now))
    }

    /// The deepest at or above `name` that has not ended `now`.
    pub fn covering(&self, name: &Name, now: Duration) -> Option<&NegativeAnchor> {
        self.domains.closest(name, |anchor| anchor.holds(now))
    }

    /// All of them, parents before what is below them.
    pub fn iter(&self) -> impl Iterator<Item = &NegativeAnchor> {
        self.domains.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }
}

impl NegativeAnchor {
    /// Whether it has not ended `now`.
    pub fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// How long one that is added while running can last.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn they_cover_their_subtree_and_end() {
        // OPS-03.
        let mut negative = NegativeAnchors::none();
        negative.insert(NegativeAnchor { domain: name("broken.test"), reason: "expired".into(), until: None });
        assert_eq!(negative.add(name("a.broken.test"), String::new(), DAY, NOW), NOW + DAY);
        assert_eq!(negative.add(name("other.test"), String::new(), 30 * DAY, NOW), NOW + 7 * DAY);
        let covering = |negative: &NegativeAnchors, text: &str, now| {
            negative.covering(&name(text), now).map(|anchor| anchor.domain.to_string())
        };
        assert_eq!(covering(&negative, "x.a.broken.test", NOW).as_deref(), Some("a.broken.test."));
        assert_eq!(covering(&negative, "x.a.broken.test", NOW + DAY).as_deref(), Some("broken.test."));
        assert_eq!(
            covering(&negative, "other.test", NOW + 7 * DAY - Duration::from_secs(1)).as_deref(),
            Some("other.test.")
        );
        assert_eq!(covering(&negative, "other.test", NOW + 7 * DAY), None);
        assert_eq!(covering(&negative, "test", NOW), None);
        assert_eq!(covering(&negative, "unbroken.test", NOW), None);

        let ended: Vec<String> = negative.expire(NOW + DAY).iter().map(|anchor| anchor.domain.to_string()).collect();
        assert_eq!(ended, ["a.broken.test."]);
        assert_eq!(negative.iter().count(), 2);
        assert!(negative.remove(&name("BROKEN.test")).is_some() && negative.remove(&name("broken.test")).is_none());
    }
}

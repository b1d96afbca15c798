//! What is validated, and from where.

use std::time::Duration;

use super::acceptance::Paths;
use super::anchor::{Anchor, Anchors};
use super::negative::{NegativeAnchor, NegativeAnchors};
use crate::dns::Name;

/// What is validated, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether anything is.
    pub validate: bool,
    /// Where chains begin.
    pub anchors: Anchors,
    /// Where they do not matter.
    pub negative: NegativeAnchors,
    /// How many of the paths to a zone's keys must be valid.
    pub paths: Paths,
    /// Whether proofs of one denial are used for other names that they deny, too (RFC 8198).
    pub aggressive_denial: bool,
    /// Whether names that ask for the root's keys by their tags are answered in the way that tells (RFC 8509).
    pub root_key_sentinel: bool,
    /// Whether the root's servers are told which keys are trusted (RFC 8145 §5).
    pub anchor_signals: bool,
}

/// Where the chain of a name begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning<'a> {
    /// Here.
    Anchor(&'a Anchor),
    /// Nowhere: the operator has excepted the name, and clients are told (EDE 33).
    Excepted(&'a NegativeAnchor),
    /// Nowhere: there is no trust anchor at or above the name, or nothing is validated.
    Nowhere,
}

impl Settings {
    /// Nothing is validated.
    pub const fn off() -> Self {
        Self {
            validate: false,
            anchors: Anchors::none(),
            negative: NegativeAnchors::none(),
            paths: Paths::One,
            aggressive_denial: true,
            root_key_sentinel: true,
            anchor_signals: true,
        }
    }

    /// Where the chain of `name` begins `now` (the calendar's present since 1970).
    ///
    /// The deeper of the two kinds wins; at the same name the negative one does (RFC 7646 §2).
    pub fn beginning(&self, name: &Name, now: Duration) -> Beginning<'_> {
        if !self.validate {
            return Beginning::Nowhere;
        }
        match (self.anchors.closest(name), self.negative.covering(name, now)) {
            (Some(anchor), Some(negative)) if anchor.apex.is_strictly_below(&negative.domain) => {
                Beginning::Anchor(anchor)
            }
            (_, Some(negative)) => Beginning::Excepted(negative),
            (Some(anchor), None) => Beginning::Anchor(anchor),
            (None, None) => Beginning::Nowhere,
        }
    }
}

impl Default for Settings {
    /// Everything is validated from the root's keys on.
    fn default() -> Self {
        Self { validate: true, anchors: Anchors::builtin(), ..Self::off() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnssec::Source;

    #[test]
    fn the_deeper_anchor_wins_and_at_one_name_the_negative_one() {
        // RFC 7646 §2, OPS-03.
        let name = |text: &str| text.parse::<Name>().unwrap();
        let island = "b.a.test. DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n\
                      c.test. DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n";
        let mut settings = Settings::default();
        settings.anchors.merge(&Anchors::read(island, &Source::Builtin).unwrap());
        for domain in ["a.test", "c.test"] {
            let negative = NegativeAnchor { domain: name(domain), reason: String::new(), until: None };
            settings.negative.insert(negative);
        }
        let begins = |text: &str| match settings.beginning(&name(text), Duration::ZERO) {
            Beginning::Anchor(anchor) => anchor.apex.to_string(),
            Beginning::Excepted(negative) => format!("not {}", negative.domain),
            Beginning::Nowhere => "nowhere".to_owned(),
        };
        assert_eq!(begins("x.a.test"), "not a.test.");
        assert_eq!(begins("x.b.a.test"), "b.a.test.");
        assert_eq!((begins("c.test").as_str(), begins("test").as_str()), ("not c.test.", "."));
        settings.anchors.replace(&Name::root(), Vec::new());
        let settings = Settings { validate: true, ..settings };
        assert_eq!(settings.beginning(&name("x.test"), Duration::ZERO), Beginning::Nowhere);
        assert_eq!(Settings::off().beginning(&name("b.a.test"), Duration::ZERO), Beginning::Nowhere);
    }
}

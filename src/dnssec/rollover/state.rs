//! What is kept of a rollover while burdock does not run: a text that people can read, and that says when it is torn.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::{KeyState, LONGEST_REFRESH, Rollover, TrackedKey};
use crate::dns::{RecordType, rdata_from_text, rdata_to_text, time_from_text, time_to_text};
use crate::dnssec::{Anchor, Dnskey};

/// Why a state cannot be used. Go on with the configured anchors then: they are safe, and what was pending waits again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct StateError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: StateProblem,
}

/// What can be wrong with a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateProblem {
    /// It is too long, or some line of it.
    #[error("this is longer than burdock writes")]
    TooLong,
    /// It does not begin as ours do.
    #[error("this is no state of trust anchors, or one of another version")]
    Foreign,
    /// The last line is missing, or half of it.
    #[error("the text ends before its end: it was not written whole")]
    Torn,
    /// The last line does not fit the others.
    #[error("the text is not as it was written: its checksum is another")]
    Changed,
    /// Another zone, or anchors configured in another place.
    #[error("this state began with other trust anchors")]
    OtherAnchors,
    /// A line that says nothing.
    #[error("this line means nothing here")]
    Malformed,
}

impl StateProblem {
    const fn at(self, line: usize) -> StateError {
        StateError { line, problem: self }
    }
}

impl Rollover {
    /// The state as text.
    pub fn to_text(&self) -> String {
        let warning = if self.is_deleted() { DELETED } else { "" };
        let mut text = format!("{FIRST}\n{COMMENT}{warning}{}", self.beginning());
        if let Some(next) = self.next() {
            text += &format!("next {}\n", stamp(next));
        }
        for key in &self.keys {
            let state = NAMES.iter().find(|(state, _)| *state == key.state).map_or("", |(_, name)| name);
            let (since, rdata) = (stamp(key.since), rdata_to_text(RecordType::DNSKEY, &key.rdata));
            text += &format!("key {state} {since} {} {rdata}\n", key.sightings);
        }
        let sum = checksum(&text);
        text + &format!("end {} {sum}\n", self.keys.len())
    }

    /// Goes on where `text` ends, when it began with the same trust anchors.
    ///
    /// # Errors
    /// Why it cannot; nothing of the text is to be trusted then.
    pub fn resume(anchor: &Anchor, text: &str, now: Duration) -> Result<Self, StateError> {
        let lines = text.lines().count();
        let overlong = text.lines().take(MAX_LINES + 1).position(|line| line.len() > MAX_LINE);
        if let Some(line) = overlong.or((lines > MAX_LINES).then_some(MAX_LINES)) {
            return Err(StateProblem::TooLong.at(line + 1));
        }
        if text.lines().next() != Some(FIRST) {
            return Err(StateProblem::Foreign.at(1));
        }
        let body = whole(text).map_err(|problem| problem.at(lines))?;
        let mut rollover = Self::new(anchor);
        let beginning = rollover.beginning();
        let mut expected = beginning.lines();
        for (index, line) in body.lines().enumerate().skip(1).filter(|(_, line)| !line.starts_with(';')) {
            let number = index + 1;
            if let Some(expected) = expected.next() {
                (line == expected).then_some(()).ok_or_else(|| StateProblem::OtherAnchors.at(number))?;
                continue;
            }
            rollover.line(line, now).ok_or_else(|| StateProblem::Malformed.at(number))?;
        }
        if expected.next().is_some() {
            return Err(StateProblem::OtherAnchors.at(lines));
        }
        Ok(rollover)
    }

    /// What the state belongs to.
    fn beginning(&self) -> String {
        let mut sources: Vec<String> = self.configured.iter().map(|record| record.source.to_string()).collect();
        sources.sort();
        sources.dedup();
        format!("zone {}\nanchors {}\n", self.apex, sources.join(", ").escape_debug())
    }

    fn line(&mut self, line: &str, now: Duration) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            // Whatever the clock was when it was written, the wait from now on is not longer than any.
            "next" => self.next = moment(rest)?.min(now.saturating_add(LONGEST_REFRESH)),
            "key" => self.keys.push(key(rest)?),
            _ => return None,
        }
        Some(())
    }
}

fn key(text: &str) -> Option<TrackedKey> {
    let mut words = text.splitn(4, ' ');
    let (state, since, sightings, rdata) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let state = NAMES.iter().find(|(_, name)| *name == state).map(|(state, _)| *state)?;
    let rdata = rdata_from_text(RecordType::DNSKEY, rdata, &crate::dns::Name::root()).ok()?.to_vec();
    Dnskey::parse(&rdata).filter(|key| key.may_sign() && key.is_secure_entry_point())?;
    Some(TrackedKey { rdata, state, since: moment(since)?, sightings: sightings.parse().ok()? })
}

/// The text without its last line, when that says that the rest is whole.
fn whole(text: &str) -> Result<&str, StateProblem> {
    let lines = text.strip_suffix('\n').ok_or(StateProblem::Torn)?;
    let at = lines.rfind('\n').map_or(0, |at| at + 1);
    let (body, last) = text.split_at_checked(at).ok_or(StateProblem::Torn)?;
    let (count, sum) =
        last.trim_end().strip_prefix("end ").and_then(|rest| rest.split_once(' ')).ok_or(StateProblem::Torn)?;
    let keys = body.lines().filter(|line| line.starts_with("key ")).count();
    if count != keys.to_string() || sum != checksum(body) { Err(StateProblem::Changed) } else { Ok(body) }
}

/// Against accidents: whoever may write the file may write this, too.
fn checksum(body: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, body.as_bytes()).as_ref().get(..8).unwrap_or_default())
}

fn stamp(time: Duration) -> String {
    time_to_text(u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
}

fn moment(text: &str) -> Option<Duration> {
    let seconds = Some(text).filter(|text| text.len() == 14).and_then(time_from_text)?;
    Some(Duration::from_secs(seconds.into()))
}

const FIRST: &str = "burdock trust anchors, version 1";
const COMMENT: &str = "\
; Written by burdock (RFC 5011). A key: its state, since when (UTC), how often it was seen while pending, its DNSKEY.
; To begin again with the configured trust anchors: stop burdock, remove this file, start it again.
";
const DELETED: &str = "\
; EVERY KEY OF THIS ZONE WAS REVOKED BY ITS OWNER (RFC 5011 section 5): there is no trust anchor for it any more. Unless one
; for a zone above it holds, its answers are not validated. To validate again: configure a key that was not revoked.
";
const NAMES: [(KeyState, &str); 5] = [
    (KeyState::AddPend, "pending"),
    (KeyState::Valid, "valid"),
    (KeyState::Missing, "missing"),
    (KeyState::Revoked, "revoked"),
    (KeyState::Removed, "removed"),
];
/// The longest key is one of 4096 bits.
const MAX_LINE: usize = 4096;
const MAX_LINES: usize = 128;

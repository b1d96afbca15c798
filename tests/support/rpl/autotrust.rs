//! Trust anchors that roll over (RFC 5011) in a scenario: the file it begins with, when keys are asked for, what is known
//! of them then, and the arithmetic in which scripts speak of time.
//!
//! Scripts show the file that Unbound would write. Of it the keys and their states are compared; its times and counters are
//! its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Name, Record, RecordType};
use burdock::dnssec::{Action, AnchorRecord, Anchors, Event, KeyState, Rollover, Source};
use burdock::job::Budget;
use burdock::resolver::Resolver;

use super::model::{KeptKeys, Scenario, Step};
use super::words::Setup;

/// A first step in time that is longer than this sets the calendar.
const SETS_THE_CALENDAR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Lets the anchor file of the script count.
pub fn begin(scenario: &mut Scenario, setup: &mut Setup) {
    // Keys that are not meant to be trusted from outside count when there are no others (RFC 5011 §3).
    let file = &scenario.anchor_file.records;
    let any = file.iter().any(is_entry_point);
    for record in file.iter().filter(|record| !any || is_entry_point(record)) {
        let found = AnchorRecord { rtype: record.rtype, rdata: record.rdata.to_vec(), source: Source::Builtin };
        let known = setup.resolver.dnssec.anchors.at(&record.owner).map(|anchor| anchor.records.clone());
        let all = known.unwrap_or_default().into_iter().chain([found]).collect();
        setup.resolver.dnssec.anchors.replace(&record.owner, all);
    }
    if !scenario.anchor_file.records.is_empty() {
        setup.resolver.dnssec.validate = true;
        setup.wall = scenario.steps.iter_mut().find_map(calendar).unwrap_or(setup.wall);
    }
}

fn is_entry_point(record: &Record) -> bool {
    record.rtype == RecordType::DS || record.rdata.get(1).is_some_and(|flags| flags & 1 == 1)
}

/// The time that the first step in time goes to from the year 1970: nothing waits through all of it.
fn calendar(step: &mut Step) -> Option<Duration> {
    let super::model::Action::TimePasses(text) = &mut step.action else { return None };
    let time = Variables::default().evaluate(text, Duration::ZERO, Duration::ZERO).ok()?;
    let time = Duration::from_secs_f64(time);
    (time > SETS_THE_CALENDAR).then(|| {
        *text = "0".to_owned();
        time
    })
}

/// Those whose keys are followed.
pub struct Followed {
    zones: Vec<Rollover>,
}

impl Followed {
    pub fn new(scenario: &Scenario, anchors: &Anchors) -> Self {
        let is_followed = |apex: &Name| scenario.anchor_file.records.iter().any(|record| record.owner == *apex);
        Self { zones: anchors.iter().filter(|anchor| is_followed(&anchor.apex)).map(Rollover::new).collect() }
    }

    /// How long it is until the next keys are asked for; nothing when none are.
    pub fn left(&self, now: Duration) -> Duration {
        self.zones.iter().filter_map(|zone| Some(zone.next()?.saturating_sub(now))).min().unwrap_or_default()
    }

    /// Asks for the keys that are due, and does what follows, as `server::anchors` does.
    pub async fn ask(&mut self, resolver: &Resolver) {
        for zone in &mut self.zones {
            if zone.next().is_none_or(|next| next > resolver.world().clock.wall()) {
                continue;
            }
            let fetched = resolver.fetch_keys(zone.apex()).await;
            let event = fetched.as_ref().map_or(Event::Failed, Event::Seen);
            let budget = Budget::new(Arc::clone(resolver.limits()));
            for action in zone.take(event, resolver.world().clock.wall(), budget.work()) {
                match action {
                    Action::Trust(records) => resolver.replace_anchors(zone.apex(), records),
                    Action::Delete => resolver.replace_anchors(zone.apex(), Vec::new()),
                    _ => {}
                }
            }
        }
    }

    /// Whether just these keys are known, in these states.
    pub fn check(&self, expected: &KeptKeys) -> Result<(), String> {
        let mut got: Vec<String> = self.zones.iter().flat_map(known).collect();
        let any = expected.records.iter().any(is_entry_point);
        let states = expected.records.iter().zip(&expected.states).filter(|(record, _)| !any || is_entry_point(record));
        let mut expected: Vec<String> = states.map(|(record, state)| line(record, *state)).collect();
        got.sort();
        expected.sort();
        if got == expected { Ok(()) } else { Err(format!("trust anchors: expected {expected:#?}, got {got:#?}")) }
    }
}

/// What is known of a zone's keys. Those that were removed are not in the scripts' files; nor are keys that are not meant
/// to be trusted from outside.
fn known(zone: &Rollover) -> Vec<String> {
    let state = |state: KeyState| match state {
        KeyState::AddPend => Some(1),
        KeyState::Valid => Some(2),
        KeyState::Missing => Some(3),
        KeyState::Revoked => Some(4),
        KeyState::Removed => None,
    };
    let seen = zone.keys().iter().filter_map(|key| Some(describe(RecordType::DNSKEY, &key.rdata, state(key.state)?)));
    let unseen = zone.anchors().into_iter().filter(|record| {
        let is_entry_point = record.rtype == RecordType::DS || record.rdata.get(1).is_some_and(|flags| flags & 1 == 1);
        is_entry_point && !zone.keys().iter().any(|key| key.rdata == record.rdata)
    });
    seen.chain(unseen.map(|record| describe(record.rtype, &record.rdata, 2))).collect()
}

fn line(record: &Record, state: u8) -> String {
    let mut rdata = record.rdata.to_vec();
    if record.rtype == RecordType::DNSKEY {
        rdata[1] &= !0x80;
    }
    describe(record.rtype, &rdata, state)
}

fn describe(rtype: RecordType, rdata: &[u8], state: u8) -> String {
    let tag = AnchorRecord { rtype, rdata: rdata.to_vec(), source: Source::Builtin }.tag();
    format!("{rtype} {tag} in state {state}, {} octets, the last {:?}", rdata.len(), rdata.last())
}

/// What a script has given names to.
#[derive(Default)]
pub struct Variables(BTreeMap<String, f64>);

impl Variables {
    /// `name = ${…}`.
    pub fn assign(&mut self, text: &str, now: Duration, timeout: Duration) -> Result<(), String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("not an assignment: {text}"))?;
        let value = self.evaluate(value, now, timeout)?;
        self.0.insert(name.trim().to_owned(), value);
        Ok(())
    }

    /// Sums of products; `$name` is what has that name, `${time}` the present, `${timeout}` how long nothing happens,
    /// `${range 1 X 3}` is X, and has to be in between.
    pub fn evaluate(&self, text: &str, now: Duration, timeout: Duration) -> Result<f64, String> {
        let mut text = text.trim().to_owned();
        while let Some(start) = text.rfind("${") {
            let end = start + text[start..].find('}').ok_or_else(|| format!("a brace is open: {text}"))?;
            let value = self.inner(text[start + 2..end].trim(), now, timeout)?;
            text.replace_range(start..=end, &value.to_string());
        }
        self.sum(&text)
    }

    fn inner(&self, text: &str, now: Duration, timeout: Duration) -> Result<f64, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["time"] => Ok(now.as_secs_f64().floor()),
            ["timeout"] => Ok(timeout.as_secs_f64()),
            ["range", least, value, most] => {
                let (least, value, most) = (self.sum(least)?, self.sum(value)?, self.sum(most)?);
                let inside = (least..=most).contains(&value);
                if inside { Ok(value) } else { Err(format!("{value} is not between {least} and {most}")) }
            }
            _ => self.sum(text),
        }
    }

    fn sum(&self, text: &str) -> Result<f64, String> {
        text.split('+')
            .map(|term| term.split('*').map(|factor| self.value(factor.trim())).product::<Result<f64, _>>())
            .sum()
    }

    fn value(&self, text: &str) -> Result<f64, String> {
        let unknown = || format!("nothing is known of {text}");
        match text.strip_prefix('$') {
            Some(name) => self.0.get(name).copied().ok_or_else(unknown),
            None => text.parse().map_err(|_| unknown()),
        }
    }
}

//! The keys below `cache.serve-stale`: answers that have ended, as a last resort (RFC 8767).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::cache::ServeStale;
use crate::dns::Ttl;

use super::given::Given;
use super::problem::Complaint;
use super::{Config, value};

/// Reads the keys; the inner `None` when it is off, though mistakes in the others are found all the same.
pub fn read(given: &mut Given) -> Option<Option<ServeStale>> {
    let enabled = given.one("cache.serve-stale.enabled", value::flag);
    let max_age = given.one("cache.serve-stale.max-age", |text| {
        let age = value::ttl(text, LONGEST_AGE)?;
        let objection = || Complaint::new("nothing would ever be old enough", "to have none of it: `enabled: false`");
        if age == Ttl::ZERO { Err(objection()) } else { Ok(age.duration()) }
    });
    let answer_ttl = given.one("cache.serve-stale.answer-ttl", |text| {
        let ttl = value::ttl(text, LONGEST_TTL)?;
        let objection = || Complaint::new("clients would ask again at once (RFC 8767 §4)", "write at least `1s`");
        if ttl == Ttl::ZERO { Err(objection()) } else { Ok(ttl) }
    });
    let client_wait = given.one("cache.serve-stale.client-wait", value::time);
    let retry = given.one("cache.serve-stale.retry", |text| {
        let time = value::time(text)?;
        let objection = || Complaint::new(format!("`{text}` is out of range"), "write a time from `1s` to `5m`");
        if RETRIES.contains(&time) { Ok(time) } else { Err(objection()) }
    });
    let serve = ServeStale { max_age: max_age?, answer_ttl: answer_ttl?, client_wait: client_wait?, retry: retry? };
    Some(enabled?.then_some(serve))
}

/// What to look at again.
pub fn warning(config: &Config) -> Option<Complaint> {
    let (serve, deadline) = (config.cache.serve_stale?, config.limits.answer_deadline);
    (serve.client_wait >= deadline).then(|| {
        let reason = format!(
            "({:?}) is no shorter than limits.answer-deadline ({deadline:?}): no client waits so long",
            serve.client_wait
        );
        Complaint::new(reason, "old answers come only when a question has failed: make it shorter than limits.answer-deadline, or that longer")
    })
}

/// A failure is remembered for so long at least, and at most (RFC 9520 §3.2).
const RETRIES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
/// What has ended longer ago is no better than nothing (RFC 8767 §5 has one to three days).
const LONGEST_AGE: Duration = Duration::from_secs(7 * 86_400);
/// Clients ask again only then.
const LONGEST_TTL: Duration = Duration::from_secs(3600);

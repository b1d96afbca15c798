//! Words about answers that have ended.

use std::time::Duration;

use burdock::cache;
use burdock::dns::Ttl;

use super::words::{Setup, flag, seconds};

pub fn serve_stale(setup: &mut Setup, value: &str) -> Option<()> {
    let serve = cache::ServeStale {
        max_age: Duration::from_secs(86_400),
        answer_ttl: Ttl::from_secs(30),
        client_wait: Duration::from_millis(1800),
        retry: Duration::from_secs(30),
    };
    setup.cache.serve_stale = flag(value)?.then_some(serve);
    Some(())
}

/// How stale answers are given is said after that they are.
fn change_stale(setup: &mut Setup, change: impl FnOnce(&mut cache::ServeStale)) -> Option<()> {
    setup.cache.serve_stale.as_mut().map(change)
}

pub fn max_age(setup: &mut Setup, value: &str) -> Option<()> {
    let age = Duration::from_secs(value.parse().ok()?);
    change_stale(setup, |serve| serve.max_age = age)
}

pub fn stale_ttl(setup: &mut Setup, value: &str) -> Option<()> {
    let ttl = seconds(value)?;
    change_stale(setup, |serve| serve.answer_ttl = ttl)
}

pub fn client_wait(setup: &mut Setup, value: &str) -> Option<()> {
    let wait = Duration::from_millis(value.parse().ok()?);
    change_stale(setup, |serve| serve.client_wait = wait)
}

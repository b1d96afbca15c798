//! Tells the root's servers once a day, by a question, which keys are trusted here (RFC 8145 §5): whoever rolls the keys
//! can see whether resolvers follow. No client waits for it, and nobody minds when it fails.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::resolver::Resolver;

/// How often.
const EVERY: Duration = Duration::from_secs(86_400);
/// Not at once, when there is more urgent work, and not everybody at the same time.
const EARLIEST: Duration = Duration::from_secs(60);
/// From then on at random within so many seconds.
const SPREAD: usize = 3600;

/// Tells them, for ever.
pub async fn run(resolver: Arc<Resolver>) -> Infallible {
    let later = resolver.world().dice.below(SPREAD);
    let mut wait = EARLIEST + Duration::from_secs(u64::try_from(later).unwrap_or(0));
    loop {
        tokio::time::sleep(wait).await;
        resolver.signal_anchors().await;
        wait = EVERY;
    }
}

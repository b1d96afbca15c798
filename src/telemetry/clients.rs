//! What became of questions that were not answered as asked, for the sake of other clients or of somebody far away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The counts, all workers together. They only grow.
#[derive(Debug, Default)]
pub struct ClientCounters {
    /// Replies without data (TC) to networks over their rate.
    pub rate_slipped: AtomicU64,
    /// BADCOOKIE replies to networks over their rate.
    pub rate_bad_cookie: AtomicU64,
    /// Questions of networks over their rate that got no reply.
    pub rate_silenced: AtomicU64,
    /// Questions that were not begun because too many of the client's, or its network's, waited.
    pub crowded_out: AtomicU64,
    /// Replies that came too late to be sent to an address that may be forged (`limits.reply-age`).
    pub outlived: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl ClientCounters {
    /// Counts one, and says so in the log, though not more often than once a minute.
    pub fn count(&self, counter: &AtomicU64, now: Instant) {
        counter.fetch_add(1, Ordering::Relaxed);
        // Somebody else is just telling it.
        let Some(mut told) = self.told.try_lock() else { return };
        if told.is_some_and(|told| now < told + PAUSE) {
            return;
        }
        *told = Some(now);
        let [slipped, bad_cookie, silenced, crowded_out, outlived] =
            [&self.rate_slipped, &self.rate_bad_cookie, &self.rate_silenced, &self.crowded_out, &self.outlived]
                .map(|counter| counter.load(Ordering::Relaxed));
        tracing::warn!(
            slipped,
            bad_cookie,
            silenced,
            crowded_out,
            outlived,
            "clients ask for more than access.rate-limit or limits allow; counts since the start"
        );
    }
}

/// Between two lines of the log.
const PAUSE: Duration = Duration::from_secs(60);

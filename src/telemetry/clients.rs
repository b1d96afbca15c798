//! What became of questions of clients that asked for more than `access.rate-limit` allows.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts, all workers together. They only grow.
#[derive(Debug, Default)]
pub struct ClientCounters {
    /// Replies without data (TC) to networks over their rate.
    pub rate_slipped: AtomicU64,
    /// BADCOOKIE replies to networks over their rate.
    pub rate_bad_cookie: AtomicU64,
    /// Questions of networks over their rate that got no reply.
    pub rate_silenced: AtomicU64,
}

impl ClientCounters {
    /// Each count with what the log calls it.
    pub fn told(&self) -> [(&'static str, u64); 3] {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("access.rate-limit (TC instead of data)", load(&self.rate_slipped)),
            ("access.rate-limit (BADCOOKIE)", load(&self.rate_bad_cookie)),
            ("access.rate-limit (no reply)", load(&self.rate_silenced)),
        ]
    }
}

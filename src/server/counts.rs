//! What is told in the log of bounds that were reached: once a minute at most while the server runs, and all at its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::job::{LimitName, Limits};
use crate::responder::Responder;
use crate::telemetry::Told;

/// The counts of one server.
#[derive(Clone)]
pub struct Counts {
    limits: Arc<Limits>,
    responder: Arc<Responder>,
}

impl Counts {
    /// What is counted there.
    pub const fn new(limits: Arc<Limits>, responder: Arc<Responder>) -> Self {
        Self { limits, responder }
    }

    /// Tells what is news, a moment after it happens and then once a minute at most. What happens every day waits for the end.
    pub async fn tell(self) -> Infallible {
        let mut told = Told::default();
        loop {
            sleep(GATHERING).await;
            if let Some(line) = told.news(&self.those(|name| !name.is_everyday())) {
                tracing::warn!("limits were reached, since they were last told: {line}");
                sleep(PAUSE).await;
            }
        }
    }

    /// Tells all that was counted since the start.
    pub fn tell_all(&self) {
        if let Some(line) = Told::default().news(&self.those(|_| true)) {
            tracing::info!("limits were reached, since the start: {line}");
        }
    }

    fn those(&self, which: impl Fn(LimitName) -> bool) -> Vec<(String, u64)> {
        let names = LimitName::ALL.iter().filter(|name| which(**name));
        let limits = names.map(|name| (name.to_string(), self.limits.times(*name)));
        let clients = self.responder.counters().told().into_iter().map(|(name, count)| (name.to_owned(), count));
        limits.chain(clients).collect()
    }
}

/// For so long it is counted before the first line.
const GATHERING: Duration = Duration::from_secs(1);
/// Between two lines.
const PAUSE: Duration = Duration::from_secs(59);

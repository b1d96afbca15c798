//! The tries of one `ask` that are on their way.
//!
//! One whose datagram stays without reply for `longest-timeout`, or its timer where that is longer, is late: its place at the server is free, nothing is put
//! off for it, and what it still brings is as good as any other reply (RFC 5452 §9.1 holds for each by itself: its own
//! port, ID, case and cookie). Decides nothing about servers.

use std::future::{Future, poll_fn};
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::Fault;
use super::campaign::Progress;
use super::exchange::Reply;
use crate::job::Place;
use crate::world::Transport;

/// What one try does.
pub(super) type Work<'a> = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send + 'a>>;

/// One try on its way.
pub(super) struct Trying<'a> {
    /// Its server's place in the campaign.
    pub index: usize,
    /// How many tries the server had before.
    pub number: u32,
    pub transport: Transport,
    pub start: Instant,
    /// What the server's tries have in common: this one says in it whether it is late.
    pub progress: Arc<Progress>,
    /// The place at the server, until the reply has been judged or the try is late.
    pub place: Option<Place<'a, IpAddr>>,
    pub work: Work<'a>,
    /// Whether it was late when it was last looked at.
    pub known_late: bool,
}

/// What became of a try.
pub(super) enum Event<'a> {
    /// It has ended.
    Done(Trying<'a>, Result<Reply, Fault>),
    /// It is late from now on.
    Late,
}

/// Tries on their way.
#[derive(Default)]
pub(super) struct Tries<'a>(Vec<Trying<'a>>);

impl<'a> Tries<'a> {
    /// Adds one. Of those that are late `most_late` are heard on, those that had longer; there may be more of them until
    /// another is added. How many are heard no more.
    pub(super) fn push(&mut self, trying: Trying<'a>, most_late: u32) -> usize {
        let (mut late, before) = (0, self.0.len());
        self.0.retain(|trying| {
            late += u32::from(trying.is_late());
            !trying.is_late() || late <= most_late
        });
        let left_out = before - self.0.len();
        self.0.push(trying);
        left_out
    }

    /// Whether there is one worth waiting for: none that is late.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.iter().any(|trying| !trying.is_late())
    }

    /// What happens next; never anything when there are none.
    pub(super) fn next(&mut self) -> impl Future<Output = Event<'a>> {
        poll_fn(|context| self.poll(context))
    }

    /// There are few, and mostly one: all are asked.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event<'a>> {
        for (at, trying) in self.0.iter_mut().enumerate() {
            if let Poll::Ready(result) = trying.work.as_mut().poll(context) {
                return Poll::Ready(Event::Done(self.0.remove(at), result));
            }
            let is_late = trying.is_late();
            let was_late = mem::replace(&mut trying.known_late, is_late);
            if is_late && !was_late {
                trying.place = None;
                return Poll::Ready(Event::Late);
            }
        }
        Poll::Pending
    }
}

impl Trying<'_> {
    fn is_late(&self) -> bool {
        self.progress.is_late(self.number)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::job::{Quota, Quotas};
    use crate::world::Clock;

    const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[tokio::test]
    async fn who_is_late_waits_on_without_a_place() {
        let (quotas, bounds) = (Quotas::new(), Quota { first: 4, most: 4 });
        let (progress, start) = (Arc::new(Progress::default()), Clock::system().now());
        let trying = |number, work| Trying {
            index: 0,
            number,
            transport: Transport::Udp,
            start,
            progress: Arc::clone(&progress),
            place: quotas.enter(SERVER, bounds),
            work,
            known_late: false,
        };
        let mut tries = Tries::default();
        for number in 0..2 {
            assert_eq!(tries.push(trying(number, Box::pin(pending())), 1), 0);
        }
        let late = progress.late(0);
        assert!(matches!(tries.next().await, Event::Late) && tries.is_awaited());
        let later = progress.late(1);
        assert!(matches!(tries.next().await, Event::Late) && !tries.is_awaited());
        assert_eq!(tries.push(trying(2, Box::pin(pending())), 1), 1);
        assert_eq!(
            tries.0.iter().map(|trying| trying.number).collect::<Vec<_>>(),
            [0, 2],
            "one may be late, the first"
        );
        let places: Vec<_> = std::iter::from_fn(|| quotas.enter(SERVER, bounds)).collect();
        assert_eq!(places.len(), 3);
        drop((places, later, tries.0.pop()));
        assert!(!tries.is_awaited());
        // What comes late leads on, to a stream perhaps: then it is as good as new.
        drop(late);
        assert!(tries.is_awaited());
        tries.push(trying(3, Box::pin(ready(Err(Fault::Empty)))), 1);
        assert!(matches!(tries.next().await, Event::Done(Trying { number: 3, .. }, Err(Fault::Empty))));
    }
}

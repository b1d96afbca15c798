//! The TCP connections of a worker's clients: who has how many, and who goes first when there are too many.
//!
//! A full house does not turn newcomers away while some connection sits idle: the oldest idle one goes (RFC 7766 §6.2.3).

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::job::{LimitName, Limits};
use crate::net::Counters;

/// The connections of one worker.
pub struct Connections {
    limits: Arc<Limits>,
    table: Mutex<Table>,
    ended: Notify,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Table {
    open: BTreeMap<u64, Open>,
    per_client: HashMap<IpAddr, u32>,
    begun: u64,
}

struct Open {
    client: IpAddr,
    busy: Arc<AtomicBool>,
    task: Option<AbortHandle>,
}

impl Connections {
    /// No connections yet.
    pub fn new(limits: Arc<Limits>, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default(), ended: Notify::new(), counters })
    }

    /// A seat for a connection of `client`; `None` when it is to be closed at once.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let client = prefix(client);
        let mut table = self.table.lock();
        let own = table.per_client.get(&client).copied().unwrap_or(0) >= self.limits.tcp_per_client;
        let all = !own && table.open.len() >= self.limits.tcp_clients as usize;
        if own || all {
            self.limits.count(if own { LimitName::TcpPerClient } else { LimitName::TcpClients });
        }
        if own || (all && !self.evict(&mut table)) {
            self.counters.tcp_refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        table.begun += 1;
        let number = table.begun;
        let busy = Arc::new(AtomicBool::new(false));
        *table.per_client.entry(client).or_default() += 1;
        table.open.insert(number, Open { client, busy: Arc::clone(&busy), task: None });
        Some(Seat { connections: Arc::clone(self), number, busy })
    }

    /// Runs `conversation`, which holds the seat, on the runtime of the caller.
    pub fn begin(&self, number: u64, conversation: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(conversation).abort_handle();
        if let Some(open) = self.table.lock().open.get_mut(&number) {
            open.task = Some(task);
        }
    }

    /// How long an idle connection may stay now, and the bound that says so: less when seats are rare.
    pub fn patience(&self) -> (Duration, LimitName) {
        let (open, seats) = (self.open() as u64, u64::from(self.limits.tcp_clients));
        let crowded = open * 5 > seats * 4;
        let usual = (self.limits.tcp_idle, LimitName::TcpIdle);
        let less = (self.limits.tcp_idle_crowded, LimitName::TcpIdleCrowded);
        if crowded && less.0 < usual.0 { less } else { usual }
    }

    /// Connections open.
    pub fn open(&self) -> usize {
        self.table.lock().open.len()
    }

    /// Waits until none is open.
    pub async fn idle(&self) {
        while self.open() > 0 {
            self.ended.notified().await;
        }
    }

    /// Ends the oldest connection without a question in progress. `false` when all are busy.
    fn evict(&self, table: &mut Table) -> bool {
        let idle = table.open.iter().find(|(_, open)| !open.busy.load(Ordering::Relaxed) && open.task.is_some());
        let Some(number) = idle.map(|(number, _)| *number) else { return false };
        if let Some(task) = table.remove(number) {
            task.abort();
        }
        self.counters.tcp_evicted.fetch_add(1, Ordering::Relaxed);
        true
    }
}

impl Table {
    fn remove(&mut self, number: u64) -> Option<AbortHandle> {
        let open = self.open.remove(&number)?;
        if let Some(count) = self.per_client.get_mut(&open.client) {
            *count -= 1;
            if *count == 0 {
                self.per_client.remove(&open.client);
            }
        }
        open.task
    }
}

/// A connection's place; free again when dropped.
pub struct Seat {
    connections: Arc<Connections>,
    number: u64,
    busy: Arc<AtomicBool>,
}

impl Seat {
    /// Which place it is.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Says whether questions are in progress.
    pub fn set_questions(&self, in_progress: usize) {
        self.busy.store(in_progress > 0, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.table.lock().remove(self.number);
        self.connections.ended.notify_one();
    }
}

/// What counts as one client: an IPv4 address, an IPv6 /64.
fn prefix(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn connections(tcp_clients: u32, tcp_per_client: u32) -> Arc<Connections> {
        let limits = Limits { tcp_clients, tcp_per_client, ..Limits::default() };
        Connections::new(Arc::new(limits), Arc::default())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_client_has_so_many_and_gets_a_place_back() {
        let connections = connections(10, 2);
        let first = connections.admit(ip("192.0.2.1")).unwrap();
        let _second = connections.admit(ip("192.0.2.1")).unwrap();
        assert!(connections.admit(ip("192.0.2.1")).is_none());
        assert!(connections.admit(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(connections.admit(ip("192.0.2.1")).is_some());
    }

    #[tokio::test]
    async fn an_ipv6_client_is_a_whole_64() {
        let connections = connections(10, 1);
        let _seat = connections.admit(ip("2001:db8::1")).unwrap();
        assert!(connections.admit(ip("2001:db8::ffff:1")).is_none());
        assert!(connections.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[tokio::test]
    async fn a_full_house_makes_room_by_its_oldest_idle_guest() {
        let connections = connections(3, 3);
        let seats: Vec<Seat> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
            .map(|client| connections.admit(ip(client)).unwrap())
            .into_iter()
            .collect();
        seats[0].set_questions(1);
        for seat in seats {
            let number = seat.number();
            connections.begin(number, async move {
                let _seat = seat;
                pending::<()>().await;
            });
        }
        assert!(connections.admit(ip("192.0.2.4")).is_some(), "the second goes: the first is busy");
        let left: Vec<u64> = connections.table.lock().open.keys().copied().collect();
        assert_eq!(left, [1, 3]);
        assert_eq!(connections.counters.tcp_evicted.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_house_full_of_busy_guests_is_full() {
        let connections = connections(1, 1);
        let seat = connections.admit(ip("192.0.2.1")).unwrap();
        seat.set_questions(1);
        connections.begin(seat.number(), async move {
            let _seat = seat;
            pending::<()>().await;
        });
        assert!(connections.admit(ip("192.0.2.2")).is_none());
        assert_eq!(connections.counters.tcp_refused.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn patience_is_short_in_a_crowd() {
        let connections = connections(5, 5);
        let seats: Vec<_> = (0..4).map(|_| connections.admit(ip("192.0.2.1"))).collect();
        assert_eq!(connections.patience(), (Duration::from_secs(10), LimitName::TcpIdle));
        let _fifth = connections.admit(ip("192.0.2.1"));
        assert_eq!(connections.patience(), (Duration::from_secs(1), LimitName::TcpIdleCrowded));
        drop(seats);
    }
}

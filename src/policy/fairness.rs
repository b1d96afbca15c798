//! How many questions of one client may wait at once, so that no client waits for another one's questions.
//!
//! A client is an IPv4 address or an IPv6 /64; its network, a /24 or /56, has a bound of its own. Only questions that
//! wait are in the table, so it is as bounded as they are. What a client may ask in a second is `rate`'s affair.

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::quality::FixedState;
use parking_lot::Mutex;
use std::collections::HashMap;

use super::Standing;
use crate::job::{LimitName, Limits};

/// The questions that wait.
pub struct Fairness {
    limits: Arc<Limits>,
    waiting: Mutex<HashMap<Prefix, u32, FixedState>>,
}

/// A network: its kind and its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Prefix {
    octets: u8,
    bits: u64,
}

impl Prefix {
    /// The client itself: a /32 or a /64.
    pub(super) fn client(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self { octets: 4, bits: u32::from(v4).into() },
            IpAddr::V6(v6) => Self { octets: 8, bits: (v6.to_bits() >> 64) as u64 },
        }
    }

    /// The network around it: a /24 or a /56.
    pub(super) fn network(address: IpAddr) -> Self {
        let Self { octets, bits } = Self::client(address);
        Self { octets: octets - 1, bits: bits >> 8 }
    }
}

/// A place for one question; free again when dropped.
pub struct Seat {
    fairness: Arc<Fairness>,
    client: Prefix,
    network: Prefix,
}

impl Fairness {
    /// No question waits. `seed` keeps it to ourselves which clients meet in the table.
    pub fn new(limits: Arc<Limits>, seed: u64) -> Arc<Self> {
        Arc::new(Self { limits, waiting: Mutex::new(HashMap::with_hasher(FixedState::with_seed(seed))) })
    }

    /// A place for a question of `client`.
    ///
    /// # Errors
    /// The bound that is reached when it, or its network, has too many.
    pub fn seat(self: &Arc<Self>, client: IpAddr, standing: Standing) -> Result<Seat, LimitName> {
        let (client, network) = (Prefix::client(client), Prefix::network(client));
        let limits = &self.limits;
        let ((most, own), (most_of_all, all)) = match standing {
            Standing::Unproven => (
                (limits.client_questions, LimitName::ClientQuestions),
                (limits.network_questions, LimitName::NetworkQuestions),
            ),
            Standing::Proven | Standing::Exempt => (
                (limits.proven_client_questions, LimitName::ProvenClientQuestions),
                (limits.proven_network_questions, LimitName::ProvenNetworkQuestions),
            ),
        };
        let mut waiting = self.waiting.lock();
        let count = |prefix: &Prefix| waiting.get(prefix).copied().unwrap_or(0);
        if count(&client) >= most {
            return Err(own);
        }
        if count(&network) >= most_of_all {
            return Err(all);
        }
        for prefix in [client, network] {
            *waiting.entry(prefix).or_default() += 1;
        }
        drop(waiting);
        Ok(Seat { fairness: Arc::clone(self), client, network })
    }

    /// Clients and networks with questions that wait.
    pub fn prefixes(&self) -> usize {
        self.waiting.lock().len()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiting = self.fairness.waiting.lock();
        for prefix in [self.client, self.network] {
            let left = waiting.get_mut(&prefix).map_or(0, |count| {
                *count -= 1;
                *count
            });
            if left == 0 {
                waiting.remove(&prefix);
            }
        }
        // After a crowd the table would stay as large as it was.
        if waiting.is_empty() && waiting.capacity() > LARGE {
            waiting.shrink_to(LARGE);
        }
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Entries for which an empty table keeps room.
const LARGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn fairness() -> Arc<Fairness> {
        let limits = Limits {
            client_questions: 2,
            network_questions: 5,
            proven_client_questions: 4,
            proven_network_questions: 7,
            ..Limits::default()
        };
        Fairness::new(Arc::new(limits), 7)
    }

    fn seats(fairness: &Arc<Fairness>, client: &str, standing: Standing) -> Vec<Seat> {
        let client = client.parse().unwrap();
        std::iter::from_fn(|| fairness.seat(client, standing).ok()).collect()
    }

    #[test]
    fn a_client_has_so_many_and_one_that_is_proven_more() {
        let fairness = fairness();
        let first = seats(&fairness, "192.0.2.1", Standing::Unproven);
        assert_eq!(first.len(), 2);
        // Somebody may have sent those under its address.
        let more = seats(&fairness, "192.0.2.1", Standing::Proven);
        assert_eq!(more.len(), 2);
        drop(first);
        assert_eq!(seats(&fairness, "192.0.2.1", Standing::Unproven).len(), 0, "two others wait");
        drop(more);
        assert_eq!(fairness.prefixes(), 0);
    }

    #[test]
    fn a_network_has_so_many() {
        let fairness = fairness();
        let held: Vec<Vec<Seat>> =
            (1..=4).map(|last| seats(&fairness, &format!("192.0.2.{last}"), Standing::Unproven)).collect();
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1, 0]);
        assert_eq!(seats(&fairness, "192.0.2.9", Standing::Proven).len(), 2);
        assert_eq!(seats(&fairness, "192.0.3.1", Standing::Unproven).len(), 2, "another network");
    }

    #[test]
    fn ipv6_counts_by_64_and_56() {
        let fairness = fairness();
        let held = seats(&fairness, "2001:db8::1", Standing::Unproven);
        assert_eq!(seats(&fairness, "2001:db8::2", Standing::Unproven).len(), 0);
        let beside = seats(&fairness, "2001:db8:0:1::1", Standing::Unproven);
        let third = seats(&fairness, "2001:db8:0:2::1", Standing::Unproven);
        assert_eq!((held.len(), beside.len(), third.len()), (2, 2, 1));
        assert_eq!(seats(&fairness, "2001:db8:0:100::1", Standing::Unproven).len(), 2);
        // An IPv4 network and an IPv6 one of the same bits are not the same.
        assert_eq!(seats(&fairness, "0.0.0.0", Standing::Unproven).len(), 2);
    }
}

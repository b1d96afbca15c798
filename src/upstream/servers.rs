//! What is remembered of an address: round trips, timeouts, EDNS, case, lameness. All of it fades.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::cookies::Presented;
use super::vain::InVain;
use crate::cache::{Entry, Store};
use crate::dns::cookie::ClientCookie;
use crate::dns::{Name, RecordType};
use crate::job::{LimitName, Limits, count};
use crate::world::Transport;

/// How long it is believed that a server speaks EDNS.
const SPEAKS_EDNS: Duration = Duration::from_secs(900);
/// How long a server counts as one that drops OPT when two packets may as well have been lost.
const GUESS: Duration = Duration::from_secs(60);
/// Consecutive timeouts after which a server is held back.
const TIMEOUTS_TO_HOLD: u32 = 3;
/// Consecutive timeouts after which no question sends a server more than one datagram.
const TIMEOUTS_TO_DESPAIR: u32 = 8;
/// The first pause of a server that is held back; doubled each time.
const FIRST_HOLD: Duration = Duration::from_secs(1);
/// How often it is doubled at most, whatever the operator allows.
const DOUBLINGS: u32 = 12;
/// How long IPv6 as a whole is stepped around.
const IPV6_PAUSE: Duration = Duration::from_secs(60);

/// How it was found that a server is to be asked without EDNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plainness {
    /// It complained of OPT, and of nothing without.
    Told,
    /// It answered when asked without, after silence.
    Guessed,
}

/// What is known of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Smoothed round trip (RFC 6298 §2), unknown at first.
    pub srtt: Option<Duration>,
    /// Its variation.
    pub rttvar: Duration,
    /// Timeouts since the last reply.
    pub timeouts: u32,
    /// Not to be asked before this.
    pub held_until: Option<Instant>,
    pub(super) edns_until: Option<Instant>,
    pub(super) plain_until: Option<Instant>,
    pub(super) mangles_until: Option<Instant>,
    pub(super) cookieless_until: Option<Instant>,
    /// The cookie it handed out.
    cookie: Option<Presented>,
    pub(super) lame: Vec<(Name, Instant)>,
    /// What it is asked in vain.
    pub(super) in_vain: InVain,
}

impl Memory {
    /// Whether a reply with OPT came lately: then a complaint is not about OPT.
    pub(super) fn speaks_edns(&self, now: Instant) -> bool {
        self.edns_until.is_some_and(|until| now < until)
    }

    /// Whether queries should go without EDNS for now.
    pub(super) fn is_plain(&self, now: Instant) -> bool {
        self.plain_until.is_some_and(|until| now < until)
    }

    /// Whether the server changes the case of questions.
    pub(super) fn mangles_case(&self, now: Instant) -> bool {
        self.mangles_until.is_some_and(|until| now < until)
    }

    /// Whether to show it a cookie or a trail. A datagram that is sent again goes without, unless the server is known for its
    /// cookies: it may be one that drops queries with options it does not know.
    pub(super) fn takes_options(&self, now: Instant, number: u32) -> bool {
        (number == 0 || self.cookie.is_some()) && self.cookieless_until.is_none_or(|until| until <= now)
    }

    /// The cookie to present, with our part for this hour; `None` when the server cannot cope with cookies.
    pub(super) fn cookie(&self, ours: ClientCookie, now: Instant) -> Option<Presented> {
        if self.cookieless_until.is_some_and(|until| now < until) {
            return None;
        }
        // What was handed out for another part of ours is void.
        Some(self.cookie.filter(|cookie| cookie.client == ours).unwrap_or(Presented::first(ours)))
    }

    /// Whether the server does not serve `zone`.
    pub(super) fn is_lame_for(&self, zone: &Name, now: Instant) -> bool {
        self.lame.iter().any(|(lame, until)| lame == zone && now < *until)
    }

    /// Whether it did not reply the last few times: one packet will show whether it does now. Less is spent on the servers
    /// of servers, more borne with on a path that loses packets.
    pub(super) const fn is_silent(&self, depth: u32) -> bool {
        self.timeouts >= if depth > 0 { TIMEOUTS_TO_HOLD } else { TIMEOUTS_TO_DESPAIR }
    }

    /// Whether it leaves questions for `rtype` unanswered, and not for being asked with OPT or without.
    pub(super) fn ignores(&self, rtype: RecordType, now: Instant) -> bool {
        self.in_vain.is_type(rtype, now) && (self.speaks_edns(now) || self.is_plain(now))
    }

    /// Whether the server is held back at `now`.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// How long to wait for a reply to the `sends`-th send before sending again (RFC 6298 §2, §5.5).
    pub(super) fn timeout(&self, sends: u32, limits: &Limits) -> Duration {
        let base = self.srtt.map_or(limits.first_timeout, |srtt| srtt + 4 * self.rttvar);
        let timer = base.max(limits.shortest_timeout) * 2u32.pow(sends.min(4));
        timer.min(limits.longest_timeout)
    }

    /// The bound that made the first timer what it was, if one did.
    pub(super) fn bound_of(&self, timer: Duration, limits: &Limits) -> Option<LimitName> {
        if timer == limits.shortest_timeout {
            return Some(LimitName::ShortestTimeout);
        }
        if self.srtt.is_none() && timer == limits.lone_timeout {
            return Some(LimitName::LoneTimeout);
        }
        self.srtt.is_none().then_some(LimitName::FirstTimeout)
    }

    fn heard(&mut self, rtt: Duration) {
        // RFC 6298 §2.2, §2.3.
        match self.srtt {
            None => (self.srtt, self.rttvar) = (Some(rtt), rtt / 2),
            Some(srtt) => {
                self.rttvar = (self.rttvar * 3 + srtt.abs_diff(rtt)) / 4;
                self.srtt = Some((srtt * 7 + rtt) / 8);
            }
        }
        self.timeouts = 0;
        self.held_until = None;
    }

    /// No reply came. After `longest` it is probed again, whatever happened before; whether it would else be later.
    fn missed(&mut self, longest: Duration, now: Instant) -> bool {
        self.timeouts = self.timeouts.saturating_add(1);
        let Some(beyond) = self.timeouts.checked_sub(TIMEOUTS_TO_HOLD) else { return false };
        let pause = FIRST_HOLD * 2u32.pow(beyond.min(DOUBLINGS));
        self.held_until = Some(now + pause.min(longest));
        pause > longest
    }
}

/// A server's memory, shared by all who talk to it.
struct Server {
    address: IpAddr,
    /// Zones remembered beside the memory; what is in the cache keeps its weight, so more of them make a new server.
    lame: u16,
    memory: Mutex<Memory>,
}

impl Server {
    fn new(address: IpAddr, memory: Memory) -> Arc<Self> {
        let lame = u16::try_from(memory.lame.len()).unwrap_or(u16::MAX);
        Arc::new(Self { address, lame, memory: Mutex::new(memory) })
    }
}

impl Entry for Arc<Server> {
    fn is_for(&self, address: &[u8]) -> bool {
        *key(self.address) == *address
    }

    fn octets(&self) -> usize {
        size_of::<Server>() + 16 + usize::from(self.lame) * size_of::<(Name, Instant)>()
    }
}

/// What is remembered of all servers.
pub struct Servers {
    store: Store<Arc<Server>>,
    ipv6: Mutex<Ipv6Health>,
    limits: Arc<Limits>,
}

#[derive(Debug, Default)]
struct Ipv6Health {
    misses: u32,
    paused_until: Option<Instant>,
    last_success: Option<Instant>,
}

impl Servers {
    /// Nothing known yet, and never more than `capacity` octets.
    pub fn new(capacity: u64, seed: u64, limits: Arc<Limits>) -> Self {
        Self { store: Store::new(capacity, seed), ipv6: Mutex::new(Ipv6Health::default()), limits }
    }

    /// What is known of `address`; nothing is a possible answer.
    pub(super) fn memory(&self, address: IpAddr) -> Memory {
        self.look_at(address, Memory::clone)
    }

    /// What `look` makes of what is known of `address`.
    pub(super) fn look_at<T>(&self, address: IpAddr, look: impl FnOnce(&Memory) -> T) -> T {
        match self.store.get(&key(address)) {
            Some(server) => look(&server.memory.lock()),
            None => look(&Memory::default()),
        }
    }

    /// Whether IPv6 as a whole is being stepped around.
    pub(super) fn is_ipv6_paused(&self, now: Instant) -> bool {
        self.ipv6.lock().paused_until.is_some_and(|until| now < until)
    }

    /// A reply to a question for `rtype` came so after `rtt`.
    pub(super) fn heard(
        &self,
        address: IpAddr,
        (rtype, transport): (RecordType, Transport),
        rtt: Duration,
        now: Instant,
    ) {
        self.change(address, |memory| {
            memory.heard(rtt);
            memory.in_vain.heard(rtype, transport, now);
        });
        if address.is_ipv6() {
            *self.ipv6.lock() = Ipv6Health { last_success: Some(now), ..Ipv6Health::default() };
        }
    }

    /// No reply came in time, or the network refused.
    pub(super) fn missed(&self, address: IpAddr, now: Instant) {
        if self.change(address, |memory| memory.missed(self.limits.server_hold_longest, now)) {
            self.limits.count(LimitName::ServerHoldLongest);
        }
        if address.is_ipv6() {
            let mut health = self.ipv6.lock();
            health.misses += 1;
            // One miss is enough where IPv6 never worked, three in a row where it did a minute ago.
            let worked = health.last_success.is_some_and(|success| now < success + IPV6_PAUSE);
            if !worked || health.misses >= 3 {
                health.paused_until = Some(now + IPV6_PAUSE);
            }
        }
    }

    /// A reply with OPT came.
    pub(super) fn spoke_edns(&self, address: IpAddr, now: Instant) {
        self.change(address, |memory| {
            memory.edns_until = Some(now + SPEAKS_EDNS);
            memory.plain_until = None;
        });
    }

    /// The server answers only without EDNS: it said so, or was silent until it was asked so.
    pub(super) fn is_plain(&self, address: IpAddr, found: Plainness, now: Instant) {
        let until = match found {
            Plainness::Told => self.until(now),
            Plainness::Guessed => now + GUESS.min(self.limits.server_peculiarity),
        };
        self.change(address, |memory| memory.plain_until = Some(until));
    }

    /// Whether the server answers only without EDNS is to be found out again.
    pub(super) fn may_know_edns(&self, address: IpAddr) {
        if self.look_at(address, |memory| memory.plain_until.is_some()) {
            self.change(address, |memory| memory.plain_until = None);
        }
    }

    /// The server changes the case of questions, seen over TCP where nobody can have forged it.
    pub(super) fn mangles_case(&self, address: IpAddr, now: Instant) {
        let until = self.until(now);
        self.change(address, |memory| memory.mangles_until = Some(until));
    }

    /// The server handed out a cookie.
    pub(super) fn gave_cookie(&self, address: IpAddr, cookie: Presented) {
        self.change(address, |memory| memory.cookie = Some(cookie));
    }

    /// The server has lost its cookie, as seen over TCP or for want of it, or stumbles over options.
    pub(super) fn cannot_do_options(&self, address: IpAddr, now: Instant) {
        let until = self.until(now);
        self.change(address, |memory| (memory.cookie, memory.cookieless_until) = (None, Some(until)));
    }

    /// The server does not serve `zone`.
    pub(super) fn mark_lame(&self, address: IpAddr, zone: &Name, now: Instant) {
        let mut memory = self.memory(address);
        memory.lame.retain(|(lame, until)| lame != zone && now < *until);
        let superfluous = memory.lame.len().saturating_sub(count(self.limits.lame_zones_per_server).saturating_sub(1));
        if superfluous > 0 {
            self.limits.count(LimitName::LameZonesPerServer);
            memory.lame.drain(..superfluous);
        }
        memory.lame.push((zone.clone(), self.until(now)));
        self.store.insert(&key(address), Server::new(address, memory));
    }

    /// Something was found that the server is asked in vain.
    pub(super) fn ask_in_vain(&self, address: IpAddr, found: impl FnOnce(&mut InVain)) {
        self.change(address, |memory| found(&mut memory.in_vain));
    }

    /// Until when what is found to be peculiar about a server at `now` is believed.
    fn until(&self, now: Instant) -> Instant {
        self.limits.count(LimitName::ServerPeculiarity);
        now + self.limits.server_peculiarity
    }

    fn change<T>(&self, address: IpAddr, change: impl FnOnce(&mut Memory) -> T) -> T {
        let key = key(address);
        let server = self.store.get(&key).unwrap_or_else(|| {
            let server = Server::new(address, Memory::default());
            self.store.insert(&key, Arc::clone(&server));
            server
        });
        change(&mut server.memory.lock())
    }
}

fn key(address: IpAddr) -> SmallVec<[u8; 16]> {
    match address {
        IpAddr::V4(v4) => SmallVec::from_slice(&v4.octets()),
        IpAddr::V6(v6) => SmallVec::from_slice(&v6.octets()),
    }
}

#[cfg(test)]
mod tests;

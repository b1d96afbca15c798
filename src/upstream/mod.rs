//! Asking — one zone's servers, one question.
//!
//! [`Upstream::ask`] chooses a server, sends, and adds another send whenever a timer fires; a slow reply to an earlier one
//! still counts while others are waited for (`tries`). Who is chosen is `selection`, what one send does is
//! `exchange`.

mod ask;
mod campaign;
mod cookies;
mod exchange;
mod fault;
mod ours;
mod outgoing;
mod selection;
mod servers;
mod tries;
mod vain;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::FixedState;
use ipnet::IpNet;

use crate::dns::{self, Name, Question, Trail};
use crate::inflight::{Abandoned, Bounds, Inflight};
use crate::job::{Limits, Quotas, count};
use crate::world::{Route, World};

use cookies::{Cookies, Showing};

pub use ask::{Asking, Opt, Unanswered, Useful};
pub use campaign::{Campaign, Target};
pub use fault::{Fault, Lameness};
pub use outgoing::Manner;
pub use servers::Servers;

/// How servers are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The port of authoritative servers.
    pub port: u16,
    /// Whether queries carry a random pattern of upper and lower case (0x20).
    pub case_randomisation: bool,
    /// Whether queries carry cookies (RFC 7873).
    pub cookies: bool,
    /// Whether IPv4 is used.
    pub ipv4: bool,
    /// Whether IPv6 is used at all.
    pub ipv6: bool,
    /// Whether IPv6 is stepped around while it does not work.
    pub ipv6_may_fail: bool,
    /// Networks in which no server is ever asked.
    pub never_ask: Vec<IpNet>,
    /// Addresses of our own, never asked either.
    pub own_addresses: Vec<IpAddr>,
}

/// What the exchanges tell, all together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Packets from the address of a server that was asked which are not its reply: somebody may be guessing (RFC 5452 §9.3).
    pub unexpected_replies: AtomicU64,
    /// Those of them that come so close that the question was taken to the stream.
    pub near_misses: AtomicU64,
}

/// The way to other servers, and what is remembered of them.
pub struct Upstream {
    settings: Settings,
    cookies: Cookies,
    world: World,
    servers: Arc<Servers>,
    counters: Arc<Counters>,
    exchanges: Arc<Inflight<ExchangeKey, wire::Came>>,
    /// Questions at each zone, by hash of its name.
    at_zones: Quotas<u64>,
    /// Questions that wait for each server.
    at_servers: Quotas<IpAddr>,
    hasher: FixedState,
}

/// How often something was not asked because too much was being asked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded {
    /// Questions that found no place at a zone.
    pub zones: u64,
    /// Servers passed over because too many waited for them.
    pub servers: u64,
}

/// One question to one server; only one may be in flight (RFC 5452 §5), those aside that are late.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ExchangeKey {
    route: Route,
    question: Question,
    manner: Manner,
    edns: bool,
    case: bool,
    cookie: Showing,
    trail: bool,
    try_number: u32,
}

impl Counters {
    fn note_unexpected(&self) {
        self.unexpected_replies.fetch_add(1, Ordering::Relaxed);
    }

    fn note_near_miss(&self) {
        self.note_unexpected();
        self.near_misses.fetch_add(1, Ordering::Relaxed);
    }
}

impl Upstream {
    /// Nothing known of any server yet; at most `memory` octets will be.
    pub fn new(settings: Settings, memory: u64, limits: &Arc<Limits>, world: World) -> Self {
        let seed = world.dice.bits();
        let servers = Arc::new(Servers::new(memory, seed, Arc::clone(limits)));
        let cookies = Cookies::new(&world);
        // A belt to the braces of each question's budget.
        let most = count(limits.exchanges);
        let exchanges = Inflight::new(Bounds { keys: most, waiters: most }, Abandoned::GoesOn);
        let (at_zones, at_servers, hasher) = (Quotas::new(), Quotas::new(), FixedState::with_seed(seed));
        Self { settings, cookies, world, servers, counters: Arc::default(), exchanges, at_zones, at_servers, hasher }
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How often something was not asked for the sake of others.
    pub fn crowded(&self) -> Crowded {
        Crowded { zones: self.at_zones.refused(), servers: self.at_servers.refused() }
    }

    /// What the task of one exchange takes with it.
    fn wire(&self, bounds: dns::Bounds) -> wire::Wire {
        wire::Wire {
            world: self.world.clone(),
            servers: Arc::clone(&self.servers),
            counters: Arc::clone(&self.counters),
            bounds,
        }
    }

    /// Whether `trail` says that a forwarder got this question from us.
    pub fn has_come_round(&self, question: &Question, trail: &Trail) -> bool {
        !trail.is_empty() && trail.holds(self.cookies.mark(question))
    }

    /// Whether a server at `address` may be asked at all: not ourselves, not special-purpose, family switched on.
    pub fn may_ask(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let family = if address.is_ipv4() { self.settings.ipv4 } else { self.settings.ipv6 };
        let impossible = address.is_unspecified() || address.is_multicast() || is_broadcast(address);
        let forbidden = self.settings.never_ask.iter().any(|network| network.contains(&address));
        family && !impossible && !forbidden && !self.settings.own_addresses.contains(&address)
    }

    /// Whether a server that the operator named may be asked: the networks in which nobody else is asked do not count.
    pub const fn may_ask_if_named(&self, address: IpAddr) -> bool {
        if address.to_canonical().is_ipv4() { self.settings.ipv4 } else { self.settings.ipv6 }
    }

    /// Whether the addresses of servers should be looked up in this family.
    pub const fn families(&self) -> (bool, bool) {
        (self.settings.ipv4, self.settings.ipv6)
    }

    /// What the server at `address` gave without being asked for signatures is not believed: it is asked with OPT again.
    pub fn ask_with_opt_again(&self, address: IpAddr) {
        self.servers.may_know_edns(address);
    }

    /// Marks the server at `address` as not serving `zone`, for `limits.server-peculiarity`.
    pub fn mark_lame(&self, address: IpAddr, zone: &Name) {
        self.servers.mark_lame(address, zone, self.world.clock.now());
    }
}

fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

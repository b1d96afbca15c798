//! Finding out — the recursion.

mod error;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::cache;
use crate::dns::{Name, NameServer, Question, Rcode, RrSet, Ttl};
use crate::job::{Job, Limits};
use crate::world::World;

pub use error::ResolveError;

/// How questions are walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The servers of the root zone: names and addresses (RFC 9609).
    pub root_hints: Vec<NameServer>,
    /// Whether servers are asked over IPv4.
    pub ipv4: bool,
    /// Whether servers are asked over IPv6.
    pub ipv6: Ipv6,
    /// How much of a name each zone gets to see (RFC 9156).
    pub qname_minimisation: Minimisation,
    /// Whether queries carry a random pattern of upper and lower case (0x20).
    pub case_randomisation: bool,
    /// The port of authoritative servers; 53 outside of tests.
    pub upstream_port: u16,
    /// Networks in which no server is ever asked.
    pub never_ask: Vec<IpNet>,
    /// Addresses of our own, never asked either.
    pub own_addresses: Vec<IpAddr>,
    /// Zones with servers set by the operator: asked there, whatever the tree says.
    pub stubs: Vec<Stub>,
}

/// A zone whose servers the operator has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// The apex.
    pub zone: Name,
    /// Its servers.
    pub servers: Vec<NameServer>,
}

/// Whether IPv6 is used to reach servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6 {
    /// Always.
    On,
    /// Never.
    Off,
    /// Until it is seen not to work; tried again once a minute.
    Auto,
}

/// QNAME minimisation (RFC 9156).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimisation {
    /// A zone that cannot cope gets the whole name.
    Relaxed,
    /// An answer to a shortened name is final, NXDOMAIN included.
    Strict,
    /// Every zone gets the whole name.
    Off,
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data asked for.
    Found(RrSet),
    /// The name exists, but has no data of this type.
    NoData(Denial),
    /// The name does not exist.
    NxDomain(Denial),
}

/// Why something does not exist: the zone's SOA, when it was given, and for how long that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The SOA record of the zone that denies.
    pub soa: Option<RrSet>,
    /// For how long (RFC 2308 §5).
    pub ttl: Ttl,
}

/// The end of a job: the aliases followed, and how the last name ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// CNAME (and DNAME) RRsets in the order they were followed; TTLs are what is left.
    pub aliases: Vec<RrSet>,
    /// The end of the chain; TTLs are what is left.
    pub outcome: Outcome,
}

impl Resolution {
    /// The response code a client gets.
    pub const fn rcode(&self) -> Rcode {
        match self.outcome {
            Outcome::NxDomain(_) => Rcode::NXDOMAIN,
            Outcome::Found(_) | Outcome::NoData(_) => Rcode::NOERROR,
        }
    }
}

/// Resolves questions, and remembers what it learnt.
pub struct Resolver {
    world: World,
    limits: Arc<Limits>,
}

impl Resolver {
    /// A resolver with empty caches.
    pub fn new(_settings: Settings, _cache: &cache::Settings, limits: Arc<Limits>, world: World) -> Self {
        Self { world, limits }
    }

    /// A job with a fresh budget.
    pub fn job(&self) -> Job {
        Job::new(&self.limits, &self.world.clock)
    }

    /// Resolves `question` from the cache or by walking the tree.
    ///
    /// # Errors
    /// [`ResolveError`] when no answer could be had; the client gets SERVFAIL.
    pub async fn resolve(&self, question: &Question, _job: &Job) -> Result<Resolution, ResolveError> {
        Err(ResolveError::Deadline { zone: question.name.clone() })
    }
}

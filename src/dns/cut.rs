//! Zone cuts: what a referral claims about a zone and its servers.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Name, RrSet, Ttl};

/// One authoritative server of a zone: its name, and the addresses that came with it as glue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// The server's host name (NSDNAME).
    pub host: Name,
    /// Glue: addresses the parent gave along with the delegation; empty when it gave none.
    pub glue: Vec<IpAddr>,
}

/// A referral's claim: this zone is served by these servers. Nothing of it has been tried yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The zone's apex.
    pub zone: Name,
    /// The parent's TTL of the NS set; the child cannot extend it.
    pub ttl: Ttl,
    /// At least one server.
    pub servers: Vec<NameServer>,
    /// What came along about the zone's keys: its DS RRset, or NSEC or NSEC3 records that deny it. Nobody checked it.
    pub keys: Vec<RrSet>,
}

/// A delegation that was entered: its claim was bounded and filtered, and it is known until when it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneCut {
    /// The zone's apex.
    pub apex: Name,
    /// Its servers, as the parent or the operator names them.
    pub servers: Arc<[NameServer]>,
    /// When it was learnt.
    pub since: Instant,
    /// When the parent must be asked again; `None` for what the operator has set.
    pub expires: Option<Instant>,
}

impl ZoneCut {
    /// Whether the cut may still be used at `now`.
    pub fn is_current(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

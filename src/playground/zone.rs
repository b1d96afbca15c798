//! One zone in memory, and what a server that is authoritative for it answers (RFC 1034 §4.3.2, RFC 4592, RFC 6672).
//!
//! Pure: a question in, sections out. It signs nothing and proves nothing (NSEC); signatures given with an RRset are kept.

use std::collections::BTreeMap;

use crate::dns::{Name, Question, Rcode, Rdatas, RecordType, RrSet, TextError, Ttl, WireError, read_zone};

/// Aliases chased inside one zone for one question; the rest is the resolver's.
const MAX_CHASE: usize = 16;

/// The TTL of records that state none.
const DEFAULT_TTL: Ttl = Ttl::from_secs(3600);

type Node = BTreeMap<RecordType, RrSet>;

/// A zone: the names from its apex down, delegations and their glue included.
#[derive(Clone, Debug)]
pub struct Zone {
    apex: Name,
    nodes: BTreeMap<Name, Node>,
}

/// What a server says to one question, before it is a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The response code.
    pub rcode: Rcode,
    /// Whether the server speaks with authority: not in referrals.
    pub authoritative: bool,
    /// Aliases and data.
    pub answer: Vec<RrSet>,
    /// SOA of a denial, or NS (and DS) of a referral.
    pub authority: Vec<RrSet>,
    /// Addresses of the servers and exchanges named.
    pub additional: Vec<RrSet>,
}

/// Why a text is not a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// It cannot be read.
    #[error("zone {apex}: {error}")]
    Text {
        /// Of which zone.
        apex: Name,
        /// Where and why.
        error: TextError,
    },
    /// A record does not belong to it.
    #[error("zone {apex}: {owner} is not in it")]
    Outside {
        /// The zone.
        apex: Name,
        /// The record's owner.
        owner: Name,
    },
}

/// One step of the algorithm: where the walk from the apex towards a name ends.
enum Found<'a> {
    /// At a zone cut: its NS set.
    Cut(&'a RrSet),
    /// Below a DNAME.
    Dname(&'a RrSet),
    /// At the name, or at the wildcard that covers it.
    Node(&'a Node),
    /// At a name that only has names below it.
    EmptyNonTerminal,
    /// Nowhere.
    Nothing,
}

impl Zone {
    /// An empty zone: not even a SOA.
    pub const fn new(apex: Name) -> Self {
        Self { apex, nodes: BTreeMap::new() }
    }

    /// The zone at `apex` from the text of a master file; its TTL is an hour where none is stated.
    ///
    /// # Errors
    /// [`ZoneError`] when the text cannot be read or a name is not in the zone.
    pub fn read(apex: &Name, text: &str) -> Result<Self, ZoneError> {
        let mut zone = Self::new(apex.clone());
        let records = read_zone(text, apex, DEFAULT_TTL);
        for record in records.map_err(|error| ZoneError::Text { apex: apex.clone(), error })? {
            let added = match record.rtype {
                RecordType::RRSIG => zone.sign(&record.owner, record.ttl, &record.rdata),
                _ => zone.add(&record.owner, record.rtype, record.ttl, &record.rdata),
            };
            added.map_err(|_| ZoneError::Outside { apex: apex.clone(), owner: record.owner })?;
        }
        Ok(zone)
    }

    /// The zone's own name.
    pub const fn apex(&self) -> &Name {
        &self.apex
    }

    /// Adds one record to its RRset; the TTL of the set becomes `ttl`.
    ///
    /// # Errors
    /// [`WireError::BadName`] when `owner` is not in the zone, [`WireError::BadRdata`] when the data is too long.
    pub fn add(&mut self, owner: &Name, rtype: RecordType, ttl: Ttl, rdata: &[u8]) -> Result<(), WireError> {
        let set = self.entry(owner, rtype, ttl)?;
        set.rdatas = Rdatas::new(set.rdatas.iter().chain([rdata]))?;
        set.ttl = ttl;
        Ok(())
    }

    /// Adds a signature to the set that it covers.
    fn sign(&mut self, owner: &Name, ttl: Ttl, rdata: &[u8]) -> Result<(), WireError> {
        let covered = rdata.first_chunk::<2>().ok_or(WireError::BadRdata)?;
        let set = self.entry(owner, RecordType(u16::from_be_bytes(*covered)), ttl)?;
        set.signatures = Rdatas::new(set.signatures.iter().chain([rdata]))?;
        Ok(())
    }

    fn entry(&mut self, owner: &Name, rtype: RecordType, ttl: Ttl) -> Result<&mut RrSet, WireError> {
        if !owner.is_in(&self.apex) {
            return Err(WireError::BadName);
        }
        let node = self.nodes.entry(owner.clone()).or_default();
        Ok(node.entry(rtype).or_insert_with(|| RrSet::new(owner.clone(), rtype, ttl, Rdatas::EMPTY)))
    }

    /// Puts `set` in the place of whatever the zone had of that owner and type; outside the zone it is ignored.
    pub fn insert(&mut self, set: RrSet) {
        if set.owner.is_in(&self.apex) {
            self.nodes.entry(set.owner.clone()).or_default().insert(set.rtype, set);
        }
    }

    /// Takes a set out of the zone.
    pub fn remove(&mut self, owner: &Name, rtype: RecordType) -> Option<RrSet> {
        let node = self.nodes.get_mut(owner)?;
        let set = node.remove(&rtype);
        if node.is_empty() {
            self.nodes.remove(owner);
        }
        set
    }

    /// The set of this owner and type, glue included.
    pub fn rrset(&self, owner: &Name, rtype: RecordType) -> Option<&RrSet> {
        self.nodes.get(owner)?.get(&rtype)
    }

    /// Every set of the zone in canonical order.
    pub fn rrsets(&self) -> impl Iterator<Item = &RrSet> {
        self.nodes.values().flat_map(BTreeMap::values)
    }

    /// Whether `name` has no data but names below it do (RFC 8020).
    pub fn is_empty_non_terminal(&self, name: &Name) -> bool {
        !self.nodes.contains_key(name) && self.exists(name)
    }

    /// What the zone says to `question`, whose name is in it.
    pub fn answer(&self, question: &Question) -> Answer {
        let mut reply = Answer {
            rcode: Rcode::NOERROR,
            authoritative: true,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        };
        let mut name = question.name.clone();
        for _ in 0..MAX_CHASE {
            let alias = match self.find(&name, question.rtype) {
                Found::Cut(servers) => {
                    self.refer(servers, &mut reply);
                    return reply;
                }
                Found::Dname(dname) => substitute(&name, dname, &mut reply),
                Found::Node(node) => self.read_node(&name, node, question.rtype, &mut reply),
                Found::EmptyNonTerminal => {
                    reply.authority.extend(self.denial());
                    None
                }
                Found::Nothing => {
                    reply.rcode = Rcode::NXDOMAIN;
                    reply.authority.extend(self.denial());
                    None
                }
            };
            match alias {
                Some(target) if target.is_in(&self.apex) && !reply.answer.iter().any(|set| set.owner == target) => {
                    name = target;
                }
                _ => return reply,
            }
        }
        reply
    }

    /// Walks from the apex towards `name`, at most to it.
    fn find(&self, name: &Name, rtype: RecordType) -> Found<'_> {
        let mut encloser = self.apex.clone();
        loop {
            if let Some(node) = self.nodes.get(&encloser) {
                let cut = node.get(&RecordType::NS).filter(|_| encloser != self.apex);
                // DS belongs to the parent: asked for at the cut itself, it is no referral (RFC 4035 §3.1.4.1).
                if let Some(servers) = cut.filter(|_| !(rtype.is_parent_side() && encloser == *name)) {
                    return Found::Cut(servers);
                }
                if let Some(dname) = node.get(&RecordType::DNAME).filter(|_| encloser != *name) {
                    return Found::Dname(dname);
                }
            }
            let Some(next) = encloser.child_towards(name) else { break };
            if !self.exists(&next) {
                let wildcard = encloser.prepend(b"*").ok().and_then(|wildcard| self.nodes.get(&wildcard));
                return wildcard.map_or(Found::Nothing, Found::Node);
            }
            encloser = next;
        }
        self.nodes.get(name).map_or(Found::EmptyNonTerminal, Found::Node)
    }

    /// Whether the name, or one below it, has data. Canonical order puts a subtree right behind its top.
    fn exists(&self, name: &Name) -> bool {
        self.nodes.range(name..).next().is_some_and(|(found, _)| found.is_in(name))
    }

    /// Answers from one node; the target when it is an alias.
    fn read_node(&self, name: &Name, node: &Node, rtype: RecordType, reply: &mut Answer) -> Option<Name> {
        let owned = |set: &RrSet| RrSet { owner: name.clone(), ..set.clone() };
        if rtype == RecordType::ANY {
            reply.answer.extend(node.values().map(owned));
            return None;
        }
        if let Some(set) = node.get(&rtype) {
            self.add_addresses(set, &mut reply.additional);
            reply.answer.push(owned(set));
            return None;
        }
        if let Some(alias) = node.get(&RecordType::CNAME) {
            reply.answer.push(owned(alias));
            return alias.target();
        }
        reply.authority.extend(self.denial());
        None
    }

    /// Delegation: NS, DS when there is one, and the addresses this zone happens to know (RFC 9471).
    fn refer(&self, servers: &RrSet, reply: &mut Answer) {
        // After an alias the first owner name was ours, so AA stays (RFC 1035 §4.1.1).
        reply.authoritative = !reply.answer.is_empty();
        reply.authority.push(servers.clone());
        reply.authority.extend(self.rrset(&servers.owner, RecordType::DS).cloned());
        self.add_addresses(servers, &mut reply.additional);
    }

    fn add_addresses(&self, set: &RrSet, additional: &mut Vec<RrSet>) {
        let skip = match set.rtype {
            RecordType::NS => 0,
            RecordType::MX => 2,
            RecordType::SRV => 6,
            _ => return,
        };
        for target in set.rdatas.iter().filter_map(|rdata| Name::from_wire(rdata.get(skip..)?).ok()) {
            for rtype in [RecordType::A, RecordType::AAAA] {
                additional.extend(self.rrset(&target, rtype).cloned());
            }
        }
    }

    /// The SOA as it goes with a denial: its TTL is at most its MINIMUM (RFC 2308 §3).
    fn denial(&self) -> Option<RrSet> {
        let soa = self.rrset(&self.apex, RecordType::SOA)?;
        let minimum = soa.rdatas.iter().next().and_then(<[u8]>::last_chunk::<4>).map(|m| u32::from_be_bytes(*m));
        Some(soa.with_ttl(soa.ttl.min(Ttl::from_secs(minimum.unwrap_or(0)))))
    }
}

/// DNAME and the CNAME made from it (RFC 6672 §3.1); YXDOMAIN when the new name is too long.
fn substitute(name: &Name, dname: &RrSet, reply: &mut Answer) -> Option<Name> {
    reply.answer.push(dname.clone());
    let target = dname.target().and_then(|target| name.replace_suffix(&dname.owner, &target).ok());
    let Some(target) = target else {
        reply.rcode = Rcode::YXDOMAIN;
        return None;
    };
    let rdatas = Rdatas::new([target.wire()]).unwrap_or(Rdatas::EMPTY);
    reply.answer.push(RrSet::new(name.clone(), RecordType::CNAME, dname.ttl, rdatas));
    Some(target)
}

#[cfg(test)]
mod tests;

//! One zone in memory, and what a server that is authoritative for it answers (RFC 1034 §4.3.2, RFC 4592, RFC 6672).
//!
//! Pure: a question in, sections out. It signs nothing ([`super::Signer`] does); of a signed zone it picks the proofs
//! that RFC 4035 §3.1 and RFC 5155 §7.2 ask for (in `proof`).

use std::collections::BTreeMap;

use crate::dns::{
    Name, Question, Rcode, Rdatas, RecordType, RrSet, TextError, Ttl, WireError, read_zone, rrset_to_text,
};

/// Aliases chased inside one zone for one question; the rest is the resolver's.
const MAX_CHASE: usize = 16;

/// The TTL of records that state none.
const DEFAULT_TTL: Ttl = Ttl::from_secs(3600);

type Node = BTreeMap<RecordType, RrSet>;

/// A zone: the names from its apex down, delegations and their glue included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    apex: Name,
    nodes: BTreeMap<Name, Node>,
    /// NSEC3 sets: their owners are no names of the zone (RFC 5155 §7.2.8).
    hashed: BTreeMap<Name, Node>,
}

/// What the zone is to a name in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its authority.
    Authoritative,
    /// The parent side of a delegation.
    Cut,
    /// It lies below a delegation, or below a DNAME: glue at best.
    Occluded,
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
    /// NSEC or NSEC3 for those who want DNSSEC records; they go to the authority section.
    pub proofs: Vec<RrSet>,
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
    /// At the name.
    Node(&'a Node),
    /// At the wildcard that covers it, below this closest encloser.
    Wildcard(&'a Node, Name),
    /// At a name that only has names below it.
    EmptyNonTerminal,
    /// Nowhere, below this closest encloser.
    Nothing(Name),
}

impl Zone {
    /// An empty zone: not even a SOA.
    pub const fn new(apex: Name) -> Self {
        Self { apex, nodes: BTreeMap::new(), hashed: BTreeMap::new() }
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
        let node = self.nodes_of(rtype).entry(owner.clone()).or_default();
        Ok(node.entry(rtype).or_insert_with(|| RrSet::new(owner.clone(), rtype, ttl, Rdatas::EMPTY)))
    }

    /// Puts `set` in the place of whatever the zone had of that owner and type; outside the zone it is ignored.
    pub fn insert(&mut self, set: RrSet) {
        if set.owner.is_in(&self.apex) {
            self.nodes_of(set.rtype).entry(set.owner.clone()).or_default().insert(set.rtype, set);
        }
    }

    const fn nodes_of(&mut self, rtype: RecordType) -> &mut BTreeMap<Name, Node> {
        match rtype {
            RecordType::NSEC3 => &mut self.hashed,
            _ => &mut self.nodes,
        }
    }

    /// Takes a set out of the zone.
    pub fn remove(&mut self, owner: &Name, rtype: RecordType) -> Option<RrSet> {
        let nodes = self.nodes_of(rtype);
        let node = nodes.get_mut(owner)?;
        let set = node.remove(&rtype);
        if node.is_empty() {
            nodes.remove(owner);
        }
        set
    }

    /// The set of this owner and type, glue included.
    pub fn rrset(&self, owner: &Name, rtype: RecordType) -> Option<&RrSet> {
        let nodes = if rtype == RecordType::NSEC3 { &self.hashed } else { &self.nodes };
        nodes.get(owner)?.get(&rtype)
    }

    /// Every set of the zone in canonical order, NSEC3 at the end.
    pub fn rrsets(&self) -> impl Iterator<Item = &RrSet> {
        self.nodes.values().chain(self.hashed.values()).flat_map(BTreeMap::values)
    }

    /// The zone as a master file, names absolute, signatures behind their sets.
    pub fn to_text(&self) -> String {
        self.rrsets().flat_map(rrset_to_text).map(|line| line + "\n").collect()
    }

    /// The types that `owner` has.
    pub fn types(&self, owner: &Name) -> impl Iterator<Item = RecordType> {
        self.nodes.get(owner).into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// What the zone is to `name`.
    pub fn standing(&self, name: &Name) -> Standing {
        let inside = |above: &Name| above.is_strictly_below(&self.apex);
        let cut = |above: &Name| inside(above) && self.rrset(above, RecordType::NS).is_some();
        let occludes = |above: Name| cut(&above) || self.rrset(&above, RecordType::DNAME).is_some();
        if name.ancestors().skip(1).take_while(|above| above.is_in(&self.apex)).any(occludes) {
            return Standing::Occluded;
        }
        if cut(name) { Standing::Cut } else { Standing::Authoritative }
    }

    /// The zone without anything that a signer adds; DS sets stay.
    #[must_use]
    pub fn bare(&self) -> Self {
        const MADE: [RecordType; 4] = [RecordType::DNSKEY, RecordType::NSEC, RecordType::NSEC3, RecordType::NSEC3PARAM];
        let mut bare = Self::new(self.apex.clone());
        for set in self.rrsets().filter(|set| !MADE.contains(&set.rtype) && !set.rdatas.is_empty()) {
            bare.insert(RrSet { signatures: Rdatas::EMPTY, ..set.clone() });
        }
        bare
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
            proofs: Vec::new(),
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
                Found::Wildcard(node, encloser) => {
                    let answered = reply.answer.len();
                    let alias = self.read_node(&name, node, question.rtype, &mut reply);
                    match reply.answer.len() > answered {
                        true => self.prove_expansion(&name, &encloser, &mut reply.proofs),
                        false => self.prove_no_wildcard_data(&name, &encloser, &mut reply.proofs),
                    }
                    alias
                }
                Found::EmptyNonTerminal => {
                    reply.authority.extend(self.denial());
                    self.prove_no_data(&name, &mut reply.proofs);
                    None
                }
                Found::Nothing(encloser) => {
                    reply.rcode = Rcode::NXDOMAIN;
                    reply.authority.extend(self.denial());
                    self.prove_no_name(&name, &encloser, &mut reply.proofs);
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
                return match wildcard {
                    Some(wildcard) => Found::Wildcard(wildcard, encloser),
                    None => Found::Nothing(encloser),
                };
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
        if rtype == RecordType::RRSIG {
            reply.answer.extend(signatures_at(name, node));
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
        if self.nodes.contains_key(name) {
            self.prove_no_data(name, &mut reply.proofs);
        }
        None
    }

    /// Delegation: NS, DS when there is one, and the addresses this zone happens to know (RFC 9471).
    fn refer(&self, servers: &RrSet, reply: &mut Answer) {
        // After an alias the first owner name was ours, so AA stays (RFC 1035 §4.1.1).
        reply.authoritative = !reply.answer.is_empty();
        reply.authority.push(servers.clone());
        match self.rrset(&servers.owner, RecordType::DS) {
            Some(ds) => reply.authority.push(ds.clone()),
            None => self.prove_no_data(&servers.owner, &mut reply.proofs),
        }
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
    pub(super) fn denial(&self) -> Option<RrSet> {
        let soa = self.rrset(&self.apex, RecordType::SOA)?;
        let minimum = soa.rdatas.iter().next().and_then(<[u8]>::last_chunk::<4>).map(|m| u32::from_be_bytes(*m));
        Some(soa.with_ttl(soa.ttl.min(Ttl::from_secs(minimum.unwrap_or(0)))))
    }
}

/// All signatures at a node as a set of their own, for those who ask for RRSIG.
fn signatures_at(name: &Name, node: &Node) -> Option<RrSet> {
    let all = Rdatas::new(node.values().flat_map(|set| set.signatures.iter())).ok()?;
    let ttl = node.values().map(|set| set.ttl).min()?;
    (!all.is_empty()).then(|| RrSet::new(name.clone(), RecordType::RRSIG, ttl, all))
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

mod proof;
#[cfg(test)]
mod tests;

//! What a server may not say is taken away before anything is believed or kept. Pure.
//!
//! Left over is only what the question needs: the data or one alias of QNAME, the SOA and proofs of a denial, one
//! delegation below the zone with the glue of its own servers. What an answer says of the alias's target is not read:
//! whoever is responsible for that name is asked. (RFC 2181 §5.4.1, RFC 5452 §6)

use std::sync::Arc;

use super::classify::BARE_DENIAL;
use crate::dns::{
    Class, Delegation, Header, Message, Name, NameServer, Question, Rcode, Rdatas, Reader, Record, RecordType, RrSet,
    Ttl,
};
use crate::job::{LimitName, Limits, count};

/// A reply of which only the sayable is left. Made by [`scrub`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// The response code.
    pub rcode: Rcode,
    /// Whether the server says it is authoritative.
    pub authoritative: bool,
    /// Whether the server says it recurses for us.
    pub recursive: bool,
    /// The CNAME of QNAME, or the DNAME above it followed by the CNAME it stands for.
    pub alias: Vec<RrSet>,
    /// The data asked for.
    pub data: Option<RrSet>,
    /// What there is at QNAME, when that was asked for (ANY).
    pub every: Vec<RrSet>,
    /// More than one CNAME at one name.
    pub contradicts: bool,
    /// A DNAME that leads to a name which is too long (RFC 6672 §2.2).
    pub too_long: Option<RrSet>,
    /// SOA of the zone that denies.
    pub soa: Option<RrSet>,
    /// NSEC and NSEC3 of the zone that denies.
    pub proof: Vec<RrSet>,
    /// A zone below, on the way to QNAME.
    pub delegation: Option<Delegation>,
    /// NS records that lead nowhere below the zone.
    pub upward: Upward,
    /// The bounds beyond which the reply was not read.
    pub bounded: Vec<LimitName>,
}

/// Where NS records lead that do not lead below the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upward {
    /// There are none.
    No,
    /// To the zone itself: from a server with authority, only a courtesy.
    Here,
    /// To a zone above or aside: from whom ever, a way of saying "not me".
    Away,
}

/// Reads `reply` as an answer to `question` by a server of `zone`, within `limits`.
pub fn scrub(reply: &Message, question: &Question, zone: &Name, limits: &Limits) -> Scrubbed {
    let mut scrubbed = Scrubbed {
        rcode: reply.rcode(),
        authoritative: reply.header.has(Header::AA),
        recursive: reply.header.has(Header::RA),
        alias: Vec::new(),
        data: None,
        every: Vec::new(),
        contradicts: false,
        too_long: None,
        soa: None,
        proof: Vec::new(),
        delegation: None,
        upward: Upward::No,
        bounded: Vec::new(),
    };
    scrubbed.read_answer(reply, question, zone, limits);
    let answers = scrubbed.data.is_some() || !scrubbed.alias.is_empty() || !scrubbed.every.is_empty();
    if !answers {
        scrubbed.read_denial(reply, question, zone, limits);
    }
    if !answers && scrubbed.soa.is_none() {
        scrubbed.read_delegation(reply, question, zone, limits);
    }
    scrubbed.read_closer(reply, zone, limits);
    if reply.dropped_answers > 0 {
        scrubbed.shorten();
    }
    scrubbed
}

impl Scrubbed {
    /// Lets nothing of the reply hold for longer than a denial without SOA.
    ///
    /// A record of the answer could not be read: what is left is not the whole RRset (RFC 2181 §5), and if nothing is left
    /// that is no denial. It is passed on all the same, since one bad record must not take the good ones away, and every
    /// server of the zone most likely sends it. Whose record it was does not matter: no server that errs deserves better.
    fn shorten(&mut self) {
        let answers = self.data.iter_mut().chain(&mut self.alias).chain(&mut self.every);
        let sets = answers.chain(&mut self.soa).chain(&mut self.proof);
        sets.for_each(|set| set.ttl = set.ttl.min(BARE_DENIAL));
    }

    /// A DNAME above the name comes first, whatever was asked for: below it there is nothing else, and a CNAME made of it,
    /// which nobody signs, is not data (RFC 6672 §2.4, §5.3.1).
    fn read_answer(&mut self, reply: &Message, question: &Question, zone: &Name, limits: &Limits) {
        let (answer, name) = (&reply.answer, &question.name);
        let above = |record: &&Record| {
            record.rtype == RecordType::DNAME && record.owner.is_in(zone) && name.is_strictly_below(&record.owner)
        };
        if let Some(dname) = answer.iter().find(above).and_then(|r| rrset(answer, &r.owner, RecordType::DNAME)) {
            match synthesize(&dname, name) {
                Some(cname) => self.alias.extend([dname, cname]),
                None => self.too_long = Some(dname),
            }
            return;
        }
        if question.rtype == RecordType::ANY {
            self.every = every(answer, (name, zone), limits, &mut self.bounded);
            return;
        }
        self.data = rrset(answer, name, question.rtype);
        if self.data.is_none() {
            let cname = rrset(answer, name, RecordType::CNAME);
            self.contradicts = cname.as_ref().is_some_and(|cname| cname.rdatas.len() > 1);
            self.alias.extend(cname);
        }
    }

    fn read_denial(&mut self, reply: &Message, question: &Question, zone: &Name, limits: &Limits) {
        let (authority, name) = (&reply.authority, &question.name);
        let soa =
            |record: &&Record| record.rtype == RecordType::SOA && record.owner.is_in(zone) && name.is_in(&record.owner);
        self.soa = authority.iter().find(soa).and_then(|record| rrset(authority, &record.owner, RecordType::SOA));
        self.proof = proofs(authority, zone, limits, &mut self.bounded);
    }

    /// A set made from a wildcard comes with the proof that nothing is closer (RFC 4035 §3.1.3.3), a signed alias perhaps with
    /// the proof that its target is in an unsigned zone below.
    fn read_closer(&mut self, reply: &Message, zone: &Name, limits: &Limits) {
        let sets = self.data.iter_mut().chain(&mut self.alias).chain(&mut self.every);
        for set in sets.filter(|set| set.is_expanded()) {
            set.closer = Some(proofs(&reply.authority, zone, limits, &mut self.bounded).into());
        }
        let leads_below = |set: &&mut RrSet| {
            let is_signed_alias = set.rtype == RecordType::CNAME && !set.signatures.is_empty() && set.closer.is_none();
            is_signed_alias && set.target().is_some_and(|target| target.is_strictly_below(zone))
        };
        for alias in self.alias.iter_mut().filter(leads_below) {
            let proofs = proofs(&reply.authority, zone, limits, &mut self.bounded);
            alias.closer = Some(proofs.into()).filter(|proofs: &Arc<[RrSet]>| !proofs.is_empty());
        }
    }

    fn read_delegation(&mut self, reply: &Message, question: &Question, zone: &Name, limits: &Limits) {
        let servers = || reply.authority.iter().filter(|r| r.rtype == RecordType::NS && r.class == Class::IN);
        let below = |record: &&Record| record.owner.is_strictly_below(zone) && question.name.is_in(&record.owner);
        self.upward = match () {
            () if servers().any(|record| record.owner != *zone && !below(&record)) => Upward::Away,
            () if servers().any(|record| record.owner == *zone) => Upward::Here,
            () => Upward::No,
        };
        let Some(first) = servers().find(below) else { return };
        let all = || servers().filter(|record| record.owner == first.owner);
        let set = all().take(count(limits.servers_read));
        if all().nth(count(limits.servers_read)).is_some() {
            self.bounded.push(LimitName::ServersRead);
        }
        let mut hosts: Vec<NameServer> = Vec::new();
        for host in set.clone().filter_map(|record| Name::from_wire(&record.rdata).ok()) {
            if !hosts.iter().any(|known| known.host == host) {
                hosts.push(NameServer { glue: glue(&reply.additional, &host, zone), host });
            }
        }
        let ttl = set.map(|record| record.ttl).min().unwrap_or(Ttl::ZERO);
        if !hosts.is_empty() {
            let keys = match rrset(&reply.authority, &first.owner, RecordType::DS) {
                Some(ds) => vec![ds],
                None => proofs(&reply.authority, zone, limits, &mut self.bounded),
            };
            self.delegation = Some(Delegation { zone: first.owner.clone(), ttl, servers: hosts, keys });
        }
    }
}

/// Addresses of `host` that the servers of `zone` may give: those of names inside the zone (RFC 9471 §2).
pub(super) fn glue(additional: &[Record], host: &Name, zone: &Name) -> Vec<std::net::IpAddr> {
    if !host.is_in(zone) {
        return Vec::new();
    }
    let families = [RecordType::A, RecordType::AAAA];
    let of = |record: &&Record| record.class == Class::IN && families.contains(&record.rtype) && record.owner == *host;
    additional.iter().filter(of).filter_map(|record| address(&record.rdata)).collect()
}

fn address(rdata: &[u8]) -> Option<std::net::IpAddr> {
    let four = <[u8; 4]>::try_from(rdata).ok().map(Into::into);
    four.or_else(|| <[u8; 16]>::try_from(rdata).ok().map(Into::into))
}

/// The CNAME that `dname` means for `name` (RFC 6672 §3.1); `None` when the new name is too long.
pub fn synthesize(dname: &RrSet, name: &Name) -> Option<RrSet> {
    let target = name.replace_suffix(&dname.owner, &dname.target()?).ok()?;
    let rdatas = Rdatas::new([target.wire()]).ok()?;
    Some(RrSet::new(name.clone(), RecordType::CNAME, dname.ttl, rdatas))
}

/// The NSEC and NSEC3 RRsets of `zone` in the authority section.
fn proofs(authority: &[Record], zone: &Name, limits: &Limits, bounded: &mut Vec<LimitName>) -> Vec<RrSet> {
    let mut proofs: Vec<RrSet> = Vec::new();
    for record in authority {
        // Of another class there is no set: the next record like it would be looked for in vain again, thousands of times.
        let is_denial = record.class == Class::IN && matches!(record.rtype, RecordType::NSEC | RecordType::NSEC3);
        let is_proof = is_denial && record.owner.is_in(zone);
        let known = proofs.iter().any(|set| set.owner == record.owner && set.rtype == record.rtype);
        if !is_proof || known {
            continue;
        }
        if proofs.len() >= count(limits.proofs_per_denial) {
            bounded.push(LimitName::ProofsPerDenial);
            break;
        }
        proofs.extend(rrset(authority, &record.owner, record.rtype));
    }
    proofs
}

/// The first RRsets of `name`, signatures with what they cover. DS records are not the zone's that begins there.
fn every(answer: &[Record], (name, zone): (&Name, &Name), limits: &Limits, bounded: &mut Vec<LimitName>) -> Vec<RrSet> {
    let mut sets: Vec<RrSet> = Vec::new();
    let is_data = |rtype: RecordType| rtype != RecordType::RRSIG && !rtype.is_meta();
    let is_the_zones = |rtype: RecordType| !rtype.is_parent_side() || name != zone;
    let may_count = |record: &&Record| {
        record.class == Class::IN && is_data(record.rtype) && is_the_zones(record.rtype) && record.owner == *name
    };
    for Record { rtype, .. } in answer.iter().filter(may_count) {
        if sets.iter().any(|set| set.rtype == *rtype) {
            continue;
        }
        if sets.len() >= count(limits.any_rrsets) {
            bounded.push(LimitName::AnyRrsets);
            break;
        }
        sets.extend(rrset(answer, name, *rtype));
    }
    sets
}

/// The RRset of this owner and type among `records`, with the signatures that cover it.
fn rrset(records: &[Record], owner: &Name, rtype: RecordType) -> Option<RrSet> {
    let of = |record: &&Record| record.class == Class::IN && record.rtype == rtype && record.owner == *owner;
    let first = records.iter().find(of)?;
    let rdatas = Rdatas::new(records.iter().filter(of).map(|record| record.rdata.as_slice())).ok()?;
    let covers = |record: &&Record| {
        record.rtype == RecordType::RRSIG
            && record.owner == *owner
            && Reader::new(&record.rdata, 0).u16().is_ok_and(|covered| covered == rtype.0)
    };
    let signatures = match rtype {
        RecordType::RRSIG => Rdatas::EMPTY,
        _ => {
            let covering: Vec<&[u8]> = records.iter().filter(covers).map(|record| record.rdata.as_slice()).collect();
            // All of them: which are of use is known only with the zone's keys (`super::trim`).
            Rdatas::new(covering).ok()?
        }
    };
    // RFC 2181 §5.2: differing TTLs are an error; the smallest one counts.
    let ttl = records.iter().filter(of).map(|record| record.ttl).min().unwrap_or(first.ttl);
    Some(RrSet { signatures, ..RrSet::new(first.owner.clone(), rtype, ttl, rdatas) })
}

#[cfg(test)]
pub(super) mod tests;

//! Answers made here: special-use names (RFC 6761) and locally served reverse zones (RFC 6303, RFC 7793).
//!
//! No question about them leaves the host. Zones the operator has set servers for win over this.

use std::collections::HashMap;

use crate::dns::{Name, Question, Rcode, Rdatas, RecordType, RrSet, Ttl};

use super::special::{Kind, TOP_LABELS, ZONES, rows};

/// An answer made here; with no `answer` it is a denial, and `authority` holds the SOA that says for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAnswer {
    /// NOERROR or NXDOMAIN.
    pub rcode: Rcode,
    /// The answer section.
    pub answer: Vec<RrSet>,
    /// The authority section.
    pub authority: Vec<RrSet>,
}

/// The zones served here.
#[derive(Debug)]
pub struct Local {
    zones: HashMap<Vec<u8>, Kind, foldhash::fast::RandomState>,
    elsewhere: Vec<Name>,
}

impl Local {
    /// All special-use names but those in a zone of `elsewhere` that is one of them or lies below one. A zone above them
    /// says nothing about them: who forwards everything does not mean `localhost`.
    pub fn new(mut elsewhere: Vec<Name>) -> Self {
        let fixed = ZONES.iter().filter_map(|(zone, kind)| Some((key(zone)?, *kind)));
        let zones: HashMap<Vec<u8>, Kind, foldhash::fast::RandomState> =
            fixed.chain(rows().filter_map(|zone| Some((key(&zone)?, Kind::Empty)))).collect();
        elsewhere.retain(|zone| zone.ancestors().any(|above| zones.contains_key(above.key().as_slice())));
        Self { zones, elsewhere }
    }

    /// Whether the last label of `qname`, in wire form, is one of those that matter. Allocates nothing.
    pub fn may_hold(qname: &[u8]) -> bool {
        let (mut rest, mut last) = (qname, None);
        while let Some((&length, tail)) = rest.split_first() {
            let Some((label, after)) = tail.split_at_checked(usize::from(length)).filter(|_| length > 0) else { break };
            (rest, last) = (after, Some(label));
        }
        last.is_some_and(|last| TOP_LABELS.iter().any(|top| top.eq_ignore_ascii_case(last)))
    }

    /// The answer to `question`, when its name is one of ours.
    pub fn answer(&self, question: &Question) -> Option<LocalAnswer> {
        if !Self::may_hold(question.name.wire()) || self.elsewhere.iter().any(|zone| question.name.is_in(zone)) {
            return None;
        }
        let known = |zone: Name| self.zones.get(zone.key().as_slice()).map(|kind| (zone.to_lowercase(), *kind));
        let (zone, kind) = question.name.ancestors().find_map(known)?;
        let asked = Asked { question, apex: question.name == zone, zone: &zone };
        match kind {
            Kind::Loopback => Some(asked.loopback()),
            Kind::Absent => Some(asked.nxdomain()),
            Kind::Empty => Some(self.empty(&asked)),
            Kind::EmptyUnsigned if asked.apex && question.rtype == RecordType::DS => None,
            Kind::EmptyUnsigned => Some(self.empty(&asked)),
            Kind::NoData => Some(asked.nodata()),
            Kind::Ipv4Only if asked.apex && question.rtype == RecordType::DS => None,
            Kind::Ipv4Only => Some(asked.ipv4_only()),
            Kind::Pointer(target) => Some(asked.pointer(target)),
        }
    }

    /// An empty zone, but for the names between its apex and a zone of ours below it (RFC 8020 needs them to exist).
    fn empty(&self, asked: &Asked<'_>) -> LocalAnswer {
        if asked.apex {
            return asked.apex_data().unwrap_or_else(|| asked.nodata());
        }
        let below = |zone: &[u8]| Name::from_wire(zone).is_ok_and(|zone| zone.is_in(&asked.question.name));
        let on_the_way = self.zones.keys().any(|zone| below(zone));
        if on_the_way { asked.nodata() } else { asked.nxdomain() }
    }
}

/// A question and the zone of ours that holds its name.
struct Asked<'a> {
    question: &'a Question,
    zone: &'a Name,
    apex: bool,
}

impl Asked<'_> {
    fn loopback(&self) -> LocalAnswer {
        match self.question.rtype {
            RecordType::A | RecordType::ANY => self.data(RecordType::A, &[&[127, 0, 0, 1]]),
            RecordType::AAAA => self.data(RecordType::AAAA, &[&std::net::Ipv6Addr::LOCALHOST.octets()]),
            _ => self.apex_data().unwrap_or_else(|| self.nodata()),
        }
    }

    fn ipv4_only(&self) -> LocalAnswer {
        match self.question.rtype {
            _ if !self.apex => self.nxdomain(),
            RecordType::A | RecordType::ANY => self.data(RecordType::A, &[&[192, 0, 0, 170], &[192, 0, 0, 171]]),
            _ => self.apex_data().unwrap_or_else(|| self.nodata()),
        }
    }

    fn pointer(&self, target: &str) -> LocalAnswer {
        match (self.question.rtype, target.parse::<Name>()) {
            _ if !self.apex => self.nxdomain(),
            (RecordType::PTR | RecordType::ANY, Ok(target)) => self.data(RecordType::PTR, &[target.wire()]),
            _ => self.apex_data().unwrap_or_else(|| self.nodata()),
        }
    }

    /// SOA and NS, which every zone has at its apex.
    fn apex_data(&self) -> Option<LocalAnswer> {
        match self.question.rtype {
            _ if !self.apex => None,
            RecordType::SOA | RecordType::ANY => Some(self.data(RecordType::SOA, &[&soa(self.zone)])),
            RecordType::NS => Some(self.data(RecordType::NS, &[self.zone.wire()])),
            _ => None,
        }
    }

    fn data(&self, rtype: RecordType, rdatas: &[&[u8]]) -> LocalAnswer {
        let rdatas = Rdatas::new(rdatas.iter().copied()).unwrap_or(Rdatas::EMPTY);
        let answer = vec![RrSet::new(self.question.name.clone(), rtype, TTL, rdatas)];
        LocalAnswer { rcode: Rcode::NOERROR, answer, authority: Vec::new() }
    }

    fn nodata(&self) -> LocalAnswer {
        self.denial(Rcode::NOERROR)
    }

    fn nxdomain(&self) -> LocalAnswer {
        self.denial(Rcode::NXDOMAIN)
    }

    fn denial(&self, rcode: Rcode) -> LocalAnswer {
        let rdatas = Rdatas::new([soa(self.zone).as_slice()]).unwrap_or(Rdatas::EMPTY);
        let authority = vec![RrSet::new(self.zone.clone(), RecordType::SOA, TTL, rdatas)];
        LocalAnswer { rcode, answer: Vec::new(), authority }
    }
}

/// The SOA that RFC 6303 §3 gives every such zone: `@ nobody.invalid. 1 3600 1200 604800 10800`.
fn soa(zone: &Name) -> Vec<u8> {
    let mut rdata = zone.wire().to_vec();
    rdata.extend_from_slice(b"\x06nobody\x07invalid\x00");
    for number in [1u32, 3600, 1200, 604_800, TTL.as_secs()] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}

/// The name in lower-case wire form.
fn key(zone: &str) -> Option<Vec<u8>> {
    zone.parse::<Name>().ok().map(|zone| zone.key().to_vec())
}

/// RFC 6303 §3.
const TTL: Ttl = Ttl::from_secs(10_800);

#[cfg(test)]
mod tests;

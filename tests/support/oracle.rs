//! The right answer, found by reading the zones themselves: no network, no cache, no servers.

use std::collections::BTreeMap;
use std::sync::Arc;

use burdock::dns::{Name, Question, Rcode, RecordType, RrSet};
use burdock::playground::{Answer, Zone};

/// Aliases the resolver follows at most; one more and the truth is a failure.
const MAX_ALIASES: usize = 11;

/// All zones that are delegated to.
#[derive(Clone, Debug)]
pub struct Oracle {
    zones: BTreeMap<Name, Arc<Zone>>,
}

/// What is true of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// How it ends: the code, the aliases and the data, and the zones that had a say in it.
    Ends { rcode: Rcode, chain: Vec<RrSet>, zones: Vec<Name> },
    /// It does not: aliases in circles, or too many.
    Endless { zones: Vec<Name> },
}

impl Oracle {
    pub fn new(zones: BTreeMap<Name, Arc<Zone>>) -> Self {
        Self { zones }
    }

    pub fn ask(&self, question: &Question) -> Truth {
        let mut chain: Vec<RrSet> = Vec::new();
        let mut zones = Vec::new();
        let mut name = question.name.clone();
        loop {
            let answer = self.walk(&Question::new(name.clone(), question.rtype), &mut zones);
            let wanted = |set: &RrSet| set.rtype == question.rtype;
            for set in &answer.answer {
                if chain.contains(set) && set.rtype != RecordType::DNAME {
                    return Truth::Endless { zones };
                }
                if set.rtype == RecordType::CNAME && !wanted(set) {
                    name = set.target().unwrap();
                }
                chain.push(set.clone());
            }
            let aliases = chain.iter().filter(|set| set.rtype == RecordType::CNAME && !wanted(set)).count();
            if aliases > MAX_ALIASES {
                return Truth::Endless { zones };
            }
            let found = answer.answer.last().is_some_and(wanted);
            let denied =
                answer.rcode != Rcode::NOERROR || answer.authority.iter().any(|set| set.rtype == RecordType::SOA);
            if found || denied {
                return Truth::Ends { rcode: answer.rcode, chain, zones };
            }
            // A circle inside one zone comes back without data and without denial.
            if chain.iter().any(|set| set.owner == name && set.rtype == RecordType::CNAME) {
                return Truth::Endless { zones };
            }
        }
    }

    /// From the root down to the zone that answers.
    fn walk(&self, question: &Question, zones: &mut Vec<Name>) -> Answer {
        let mut zone = &self.zones[&Name::root()];
        loop {
            zones.push(zone.apex().clone());
            let answer = zone.answer(question);
            let cut = answer.authority.iter().find(|set| set.rtype == RecordType::NS);
            match cut {
                Some(cut) if !answer.authoritative => zone = &self.zones[&cut.owner],
                _ => return answer,
            }
        }
    }
}

//! One change to one reply on its way: an octet, its length, or its records.

use std::net::IpAddr;

use burdock::dns::{Header, Message, MessageWriter, Question, Record, Section, Ttl};
use burdock::world::Dice;

/// How many kinds of mutation there are.
pub const KINDS: usize = 6;
/// Their names, in the order of [`Mutation::kind`].
pub const NAMES: [&str; KINDS] = ["octets", "cuts", "insertions", "losses", "records", "fields"];

/// A reply that a resolver gets on its way to an answer.
#[derive(Clone, Debug)]
pub struct Target {
    pub server: IpAddr,
    pub question: Question,
    pub octets: usize,
}

/// What is changed.
#[derive(Clone, Debug)]
pub struct Mutation {
    pub target: Target,
    /// Whether only the first such reply is changed, or each, whatever else is tried.
    pub once: bool,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    /// This octet becomes another one; perhaps a second one, too.
    Octets(Vec<(usize, u8)>),
    /// Nothing from this octet on.
    Cut(usize),
    /// These octets before that one.
    Insertion(usize, Vec<u8>),
    /// So many octets are missing from that one on.
    Loss(usize, usize),
    /// Whole records: seed of what is done to them.
    Records(u64),
    /// A field of one record, the rest of the message written anew around it.
    Fields(u64),
}

impl Mutation {
    /// Mutation `number` of the octet `at` of `target`.
    pub fn new(target: &Target, at: usize, number: usize, kind: usize) -> Self {
        let dice = Dice::seeded(number as u64);
        let octet = || dice.below(256) as u8;
        let change = match kind {
            0 => {
                let mut places = vec![(at, 1 + dice.below(255) as u8)];
                places.extend((dice.below(8) == 0).then(|| (dice.below(target.octets), 1 + dice.below(255) as u8)));
                Change::Octets(places)
            }
            1 => Change::Cut(at),
            2 => Change::Insertion(at, (0..=dice.below(12)).map(|_| octet()).collect()),
            3 => Change::Loss(at, 1 + dice.below(12)),
            4 => Change::Records(dice.bits()),
            _ => Change::Fields(dice.bits()),
        };
        Self { target: target.clone(), once: dice.below(2) == 0, change }
    }

    /// The reply, changed; `others` are records that exist elsewhere.
    pub fn apply(&self, mut packet: Vec<u8>, others: &[Record]) -> Vec<u8> {
        match &self.change {
            Change::Octets(places) => {
                for (at, difference) in places {
                    if let Some(octet) = packet.get_mut(*at) {
                        *octet ^= difference;
                    }
                }
            }
            Change::Cut(at) => packet.truncate(*at),
            Change::Insertion(at, octets) => {
                let at = (*at).min(packet.len());
                packet.splice(at..at, octets.iter().copied());
            }
            Change::Loss(at, count) => {
                let at = (*at).min(packet.len());
                let end = (at + count).min(packet.len());
                packet.drain(at..end);
            }
            Change::Records(seed) => return rewritten(&packet, |sections| exchange(sections, others, *seed)),
            Change::Fields(seed) => return rewritten(&packet, |sections| alter(sections, *seed)),
        }
        packet
    }
}

type Sections = [Vec<Record>; 3];

/// The message with other records.
fn rewritten(packet: &[u8], change: impl FnOnce(&mut Sections)) -> Vec<u8> {
    let message = Message::parse(packet).expect("an honest reply");
    let mut sections = [message.answer.clone(), message.authority.clone(), message.additional.clone()];
    change(&mut sections);
    let flags = message.header.flags & !0x0f;
    let mut writer = MessageWriter::new(message.header.id, flags | Header::QR, message.rcode(), 65_535);
    if let Some((question, class)) = &message.question {
        writer.question(question, *class);
    }
    for (section, records) in [Section::Answer, Section::Authority, Section::Additional].into_iter().zip(&sections) {
        records.iter().for_each(|record| writer.record(section, record));
    }
    if let Some(edns) = &message.edns {
        writer.opt(edns.udp_size, message.rcode(), edns.dnssec_ok, &[]);
    }
    writer.finish().0
}

/// Records lost, doubled, moved, replaced by others that exist, or with each other's data.
fn exchange(sections: &mut Sections, others: &[Record], seed: u64) {
    let dice = Dice::seeded(seed);
    for _ in 0..=dice.below(3) {
        let other = others[dice.below(others.len())].clone();
        let from = dice.below(3);
        if sections[from].is_empty() {
            sections[from].push(other);
            continue;
        }
        let at = dice.below(sections[from].len());
        let own = sections[from][at].clone();
        match dice.below(8) {
            0 => drop(sections[from].remove(at)),
            1 => sections[from].push(own),
            2 => {
                let moved = sections[from].remove(at);
                sections[dice.below(3)].push(moved);
            }
            3 => sections[from][at] = other,
            4 => sections[from].insert(at, other),
            5 => sections[from][at] = Record { owner: own.owner, ..other },
            6 => {
                let partner = dice.below(sections[from].len());
                let rdata = sections[from][partner].rdata.clone();
                sections[from][partner].rdata = own.rdata;
                sections[from][at].rdata = rdata;
            }
            _ => sections[from].reverse(),
        }
    }
}

/// Owner, TTL, type or data of one record.
fn alter(sections: &mut Sections, seed: u64) {
    let dice = Dice::seeded(seed);
    let filled: Vec<usize> = (0..3).filter(|index| !sections[*index].is_empty()).collect();
    let Some(section) = filled.get(dice.below(filled.len().max(1))) else { return };
    let at = dice.below(sections[*section].len());
    let partner = sections[*section][dice.below(sections[*section].len())].clone();
    let record = &mut sections[*section][at];
    let mut data = record.rdata.to_vec();
    match dice.below(6) {
        0 => record.ttl = Ttl::from_secs(dice.below(1 << 31) as u32),
        1 => record.owner = partner.owner,
        2 => record.owner = record.owner.prepend(b"x").unwrap_or_else(|_| record.owner.clone()),
        3 => record.owner = record.owner.parent().unwrap_or_else(|| record.owner.clone()),
        4 => record.rtype = partner.rtype,
        _ => {
            let octet = dice.below(data.len().max(1));
            if let Some(octet) = data.get_mut(octet) {
                *octet ^= 1 + dice.below(255) as u8;
            }
            record.rdata = data.as_slice().into();
        }
    }
}

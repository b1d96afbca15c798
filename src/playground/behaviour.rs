//! How servers of the real Internet differ from the honest one (RFC 4074, RFC 8906), one variant each, to be combined.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::authority::{Draft, Fate, Kind, Query, Response, Signed, records, set_rcode, write};
use super::signer::{Field, Rrsig};
use crate::dns::{Class, Edns, Header, Message, Name, Rcode, Rdatas, Record, RecordType, RrSet, Ttl};
use crate::world::Transport;

/// The TTL of records that a behaviour makes up.
const MADE_UP_TTL: Ttl = Ttl::from_secs(3600);

/// What only a signed zone has.
const ADDED: [RecordType; 4] = [RecordType::RRSIG, RecordType::NSEC, RecordType::NSEC3, RecordType::DS];

/// A change to what an honest server would send.
#[derive(Clone)]
pub enum Behaviour {
    /// Answers nothing at all.
    Silent,
    /// Answers nothing over this transport.
    SilentOver(Transport),
    /// Resets every connection or datagram over this transport: a closed port.
    Refuses(Transport),
    /// Answers only the n-th query and those after it.
    SilentUntil(u64),
    /// Answers the n-th query and those after it not at all.
    SilentFrom(u64),
    /// Takes this long.
    Slow(Duration),
    /// Always this code and no data, as a server that does not know the zone: REFUSED, SERVFAIL, …
    Always(Rcode),
    /// Says that it has no authority although it answers.
    NotAuthoritative,
    /// Refers everything to these servers of this zone: upward, sideways or to itself.
    Refers(Name, Vec<Name>),
    /// NOERROR with nothing in it.
    Empty,
    /// Sets TC over UDP and sends no data there.
    Truncates,
    /// Sends no more than so many octets over UDP, and does not say so.
    CutsSilently(usize),
    /// Drops queries with OPT.
    DropsEdns,
    /// Answers queries with OPT by this code, and puts OPT into that reply or not.
    RejectsEdns(Rcode, Opt),
    /// Answers queries with OPT as if OPT were not there.
    IgnoresEdns,
    /// Sends OPT to those who did not.
    AddsEdns,
    /// Changes the case of the question.
    Case(Case),
    /// Does not answer questions for these types.
    DropsTypes(Vec<RecordType>),
    /// Answers questions for these types by this code and nothing else.
    RejectsTypes(Vec<RecordType>, Rcode),
    /// NXDOMAIN for names that have no data but have names below them (RFC 8020 broken).
    NxdomainForEmptyNonTerminals,
    /// NODATA where there is no such name.
    NodataForNxdomain,
    /// Denies without SOA.
    WithoutSoa,
    /// Another ID than the query's.
    WrongId,
    /// The reply leaves from another port.
    WrongPort,
    /// Octets behind the message.
    Trails(usize),
    /// Somebody sends so many forged replies before the genuine one: this address for every A question, IDs guessed.
    Forged(usize, [u8; 4]),
    /// Knows nothing of DNSSEC: no signatures, no denials, no DS, whatever was asked (RFC 4035 §3).
    IgnoresDo,
    /// Leaves out the signatures over these types; over all when none is named.
    DropsSignatures(Vec<RecordType>),
    /// Spoils a field of the signatures over these types; over all when none is named.
    SpoilsSignatures(Vec<RecordType>, Field),
    /// Leaves out NSEC and NSEC3.
    DropsProofs,
    /// Anything else.
    Edits(Arc<Edit>),
}

/// Whether a reply carries OPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt {
    /// It does.
    Present,
    /// It does not.
    Absent,
}

/// What a server makes of upper and lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// All lower.
    Lower,
    /// All upper.
    Upper,
    /// Whatever.
    Random,
}

/// A change made by code.
pub type Edit = dyn Fn(&Query<'_>, &mut Draft) + Send + Sync;

impl Behaviour {
    /// A behaviour that is written out.
    pub fn edits(edit: impl Fn(&Query<'_>, &mut Draft) + Send + Sync + 'static) -> Self {
        Self::Edits(Arc::new(edit))
    }

    /// Changes `draft`, the reply to `query`.
    pub fn apply(&self, query: &Query<'_>, draft: &mut Draft) {
        match self {
            Self::Silent => draft.fate = Fate::Dropped,
            Self::SilentOver(transport) if query.transport == *transport => draft.fate = Fate::Dropped,
            Self::Refuses(transport) if query.transport == *transport => draft.fate = Fate::Reset,
            Self::SilentUntil(first) if query.nth < *first => draft.fate = Fate::Dropped,
            Self::SilentFrom(first) if query.nth >= *first => draft.fate = Fate::Dropped,
            Self::SilentOver(_) | Self::Refuses(_) | Self::SilentUntil(_) | Self::SilentFrom(_) => {}
            Self::Slow(time) => draft.delay += *time,
            Self::WrongPort => draft.fate = Fate::SentFromElsewhere,
            Self::Trails(octets) => draft.tail.resize(*octets, 0x5a),
            Self::CutsSilently(octets) if query.transport == Transport::Udp => {
                (draft.limit, draft.cut) = (u16::MAX, Some(*octets));
            }
            Self::Forged(count, address) => forge(*count, *address, query, draft),
            Self::Edits(edit) => edit(query, draft),
            Self::DropsEdns if query.message.edns.is_some() => draft.fate = Fate::Dropped,
            Self::DropsTypes(types) if query.rtype().is_some_and(|rtype| types.contains(&rtype)) => {
                draft.fate = Fate::Dropped;
            }
            Self::DropsEdns | Self::DropsTypes(_) | Self::CutsSilently(_) => {}
            _ => self.shape(query, &mut draft.message),
        }
    }

    /// The behaviours that show in the message alone.
    fn shape(&self, query: &Query<'_>, message: &mut Message) {
        match self {
            Self::Always(rcode) => reject(message, *rcode),
            Self::NotAuthoritative => message.header.flags &= !Header::AA,
            Self::Refers(zone, hosts) => refer(message, zone, hosts),
            Self::Empty => reject(message, Rcode::NOERROR),
            Self::Truncates if query.transport == Transport::Udp => {
                clear(message);
                message.header.flags |= Header::TC;
            }
            Self::RejectsEdns(rcode, opt) if query.message.edns.is_some() => {
                if *opt == Opt::Absent {
                    message.edns = None;
                }
                reject(message, *rcode);
            }
            Self::IgnoresEdns => message.edns = None,
            Self::AddsEdns => {
                message.edns.get_or_insert(Edns { udp_size: 1232, ..Edns::default() });
            }
            Self::Case(case) => recase(*case, query, message),
            Self::RejectsTypes(types, rcode) if query.rtype().is_some_and(|rtype| types.contains(&rtype)) => {
                reject(message, *rcode);
            }
            Self::NxdomainForEmptyNonTerminals
                if query.zone.is_some_and(|zone| zone.is_empty_non_terminal(&query.name())) =>
            {
                set_rcode(message, Rcode::NXDOMAIN);
            }
            Self::NodataForNxdomain if message.rcode() == Rcode::NXDOMAIN => set_rcode(message, Rcode::NOERROR),
            Self::WithoutSoa => message.authority.retain(|record| record.rtype != RecordType::SOA),
            Self::WrongId => message.header.id = message.header.id.wrapping_add(1),
            _ => self.weaken(query, message),
        }
    }

    /// The behaviours that show in DNSSEC records.
    fn weaken(&self, query: &Query<'_>, message: &mut Message) {
        match self {
            Self::IgnoresDo => {
                retain(message, |record| query.rtype() == Some(record.rtype) || !ADDED.contains(&record.rtype));
                if let Some(edns) = &mut message.edns {
                    edns.dnssec_ok = false;
                }
            }
            Self::DropsSignatures(types) => retain(message, |record| !is_over(record, types)),
            Self::DropsProofs => retain(message, |record| {
                let proves = |rtype: RecordType| rtype == RecordType::NSEC || rtype == RecordType::NSEC3;
                !proves(record.rtype) && !covered(record).is_some_and(proves)
            }),
            Self::SpoilsSignatures(types, field) => {
                let sections = [&mut message.answer, &mut message.authority, &mut message.additional];
                for record in sections.into_iter().flatten().filter(|record| is_over(record, types)) {
                    let Some(mut rrsig) = Rrsig::parse(&record.rdata) else { continue };
                    field.spoil(&mut rrsig);
                    record.rdata = rrsig.rdata()[..].into();
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "silent",
            Self::SilentOver(Transport::Udp) => "silent over UDP",
            Self::SilentOver(Transport::Tcp) => "silent over TCP",
            Self::Refuses(Transport::Udp) => "refuses UDP",
            Self::Refuses(Transport::Tcp) => "refuses TCP",
            Self::SilentUntil(n) => return write!(f, "silent until query {n}"),
            Self::SilentFrom(n) => return write!(f, "silent from query {n}"),
            Self::Slow(time) => return write!(f, "slow by {time:?}"),
            Self::Always(rcode) => return write!(f, "always {rcode}"),
            Self::NotAuthoritative => "not authoritative",
            Self::Refers(zone, _) => return write!(f, "refers to {zone}"),
            Self::Empty => "empty answers",
            Self::Truncates => "truncates",
            Self::CutsSilently(limit) => return write!(f, "cuts at {limit} without TC"),
            Self::DropsEdns => "drops EDNS",
            Self::RejectsEdns(rcode, opt) => return write!(f, "{rcode} for EDNS, OPT {opt:?}"),
            Self::IgnoresEdns => "ignores EDNS",
            Self::AddsEdns => "OPT unasked",
            Self::Case(case) => return write!(f, "{case:?} case"),
            Self::DropsTypes(types) => return write!(f, "drops {types:?}"),
            Self::RejectsTypes(types, rcode) => return write!(f, "{rcode} for {types:?}"),
            Self::NxdomainForEmptyNonTerminals => "NXDOMAIN for empty non-terminals",
            Self::NodataForNxdomain => "NODATA for NXDOMAIN",
            Self::WithoutSoa => "no SOA",
            Self::WrongId => "wrong ID",
            Self::WrongPort => "wrong port",
            Self::Trails(octets) => return write!(f, "{octets} octets too many"),
            Self::Forged(count, _) => return write!(f, "{count} forged replies"),
            Self::IgnoresDo => "ignores DO",
            Self::DropsSignatures(types) => return write!(f, "no signatures over {types:?}"),
            Self::SpoilsSignatures(types, field) => return write!(f, "wrong {field:?} in signatures over {types:?}"),
            Self::DropsProofs => "no NSEC, no NSEC3",
            Self::Edits(_) => "edited",
        })
    }
}

fn retain(message: &mut Message, keep: impl Fn(&Record) -> bool) {
    for section in [&mut message.answer, &mut message.authority, &mut message.additional] {
        section.retain(&keep);
    }
}

/// The type of the set that a signature covers.
fn covered(record: &Record) -> Option<RecordType> {
    Rrsig::parse(&record.rdata).filter(|_| record.rtype == RecordType::RRSIG).map(|rrsig| rrsig.covered)
}

/// Whether the record is a signature over one of `types`, or over anything when they are none.
fn is_over(record: &Record, types: &[RecordType]) -> bool {
    covered(record).is_some_and(|rtype| types.is_empty() || types.contains(&rtype))
}

fn clear(message: &mut Message) {
    message.answer.clear();
    message.authority.clear();
    message.additional.clear();
}

fn reject(message: &mut Message, rcode: Rcode) {
    clear(message);
    message.header.flags &= !Header::AA;
    set_rcode(message, rcode);
}

fn refer(message: &mut Message, zone: &Name, hosts: &[Name]) {
    reject(message, Rcode::NOERROR);
    let rdatas = Rdatas::new(hosts.iter().map(Name::wire)).unwrap_or(Rdatas::EMPTY);
    message.authority = records(&RrSet::new(zone.clone(), RecordType::NS, MADE_UP_TTL, rdatas), Signed::No);
}

fn recase(case: Case, query: &Query<'_>, message: &mut Message) {
    let Some((question, _)) = &mut message.question else { return };
    let lower = question.name.to_lowercase();
    question.name = match case {
        Case::Lower => lower,
        Case::Upper => lower.with_case(|| true),
        Case::Random => lower.with_case(|| query.dice.below(2) == 1),
    };
}

/// An attacker off the path: it knows the question, not the ID.
fn forge(count: usize, address: [u8; 4], query: &Query<'_>, draft: &mut Draft) {
    if query.rtype() != Some(RecordType::A) || query.transport == Transport::Tcp {
        return;
    }
    let mut message = draft.message.clone();
    clear(&mut message);
    set_rcode(&mut message, Rcode::NOERROR);
    message.header.flags |= Header::AA;
    message.answer.push(Record {
        owner: query.name(),
        rtype: RecordType::A,
        class: Class::IN,
        ttl: MADE_UP_TTL,
        rdata: (&address[..]).into(),
    });
    for _ in 0..count {
        // A right guess would make the outcome depend on the seed: one in 65,536 is left out.
        message.header.id = draft.message.header.id ^ query.dice.id().max(1);
        draft.others.push(Response { delay: Duration::ZERO, kind: Kind::Packet(write(&message, &[], usize::MAX)) });
    }
}

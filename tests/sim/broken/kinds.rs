//! Every way of INT-01 to INT-20 in which a zone can be badly served and its right answers still be had: from the only
//! server it has, or from the good one beside it.

use std::time::Duration;

use burdock::dns::{Class, Edns, EdnsOption, Header, Message, Rcode, Record, RecordType, Ttl};
use burdock::playground::{Behaviour, Case, Fate, Kind as Arriving, Opt, Response};
use burdock::world::Transport;

use super::record;
use super::servers::{recursive, refusals};
use crate::support::name;

/// One way.
pub struct Kind {
    /// The number of its INT.
    pub id: u8,
    pub company: Company,
    /// In what its server, or the bad one of two, differs from an honest one.
    pub faults: Vec<Behaviour>,
    pub shape: Shape,
    pub lost: Lost,
}

/// Who else serves the zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Company {
    Nobody,
    AGoodServer,
}

/// What is odd about the delegation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Usual,
    /// One of two servers has no glue.
    NoGlue,
    /// The zone's server is named in a zone whose server is named in this one.
    Circle,
    /// NS and glue have these TTLs.
    Expiring(u32, u32),
    /// The zone itself names servers that are not there.
    DeadChild,
    /// One server's name leads nowhere.
    OddHost(&'static str),
    /// On the server of the zone above.
    WithParent,
}

/// What nobody can know any more: asked all the same, and not counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    Nothing,
    /// What there is of this type.
    Type(RecordType),
    /// Which names there are.
    Names,
    /// What fits into no datagram.
    LargeSets,
}

impl Kind {
    fn with(id: u8, company: Company, fault: Behaviour) -> Self {
        Self { id, company, faults: vec![fault], shape: Shape::Usual, lost: Lost::Nothing }
    }

    fn and(mut self, fault: Behaviour) -> Self {
        self.faults.push(fault);
        self
    }

    fn losing(self, lost: Lost) -> Self {
        Self { lost, ..self }
    }
}

fn alone(id: u8, fault: Behaviour) -> Kind {
    Kind::with(id, Company::Nobody, fault)
}

fn beside(id: u8, fault: Behaviour) -> Kind {
    Kind::with(id, Company::AGoodServer, fault)
}

fn shaped(id: u8, shape: Shape) -> Kind {
    Kind { id, company: Company::Nobody, faults: Vec::new(), shape, lost: Lost::Nothing }
}

/// All of them, for a zone at `apex`.
pub fn kinds(apex: &str) -> Vec<Kind> {
    let mut kinds = of_options();
    kinds.extend(of_types_and_transport());
    kinds.extend(of_delegations());
    kinds.extend(of_replies(apex));
    kinds.extend(of_lameness(apex));
    kinds
}

/// INT-01 to INT-04.
fn of_options() -> Vec<Kind> {
    let unknown = [&[0xfd, 0xe9, 0, 0][..], &[0, 12, 0, 100], &[0; 100]].concat();
    let options = Behaviour::edits(move |_, draft| draft.options.clone_from(&unknown));
    let careless = Behaviour::edits(|_, draft| draft.limit = 4096);
    let no_tcp = || Behaviour::Refuses(Transport::Tcp);
    let mut kinds = vec![
        alone(1, Behaviour::DropsEdns),
        beside(1, Behaviour::DropsEdns),
        alone(2, stumps()),
        alone(2, stumps()).and(no_tcp()).losing(Lost::LargeSets),
        alone(3, Behaviour::RejectsEdns(Rcode::BADVERS, Opt::Present)),
        alone(3, Behaviour::IgnoresEdns),
        alone(3, Behaviour::AddsEdns).and(Behaviour::DropsEdns),
        alone(3, options),
        alone(3, repeats_cookies(1)),
        alone(3, repeats_cookies(2)),
        alone(4, Behaviour::CutsSilently(512)),
        beside(4, Behaviour::CutsSilently(512)).and(no_tcp()),
        alone(4, careless.clone()),
        beside(4, careless).and(Behaviour::SilentOver(Transport::Tcp)),
    ];
    for rcode in [Rcode::FORMERR, Rcode::NOTIMP, Rcode::SERVFAIL, Rcode::REFUSED] {
        kinds.push(alone(2, Behaviour::RejectsEdns(rcode, Opt::Absent)));
        kinds.push(beside(2, Behaviour::RejectsEdns(rcode, Opt::Present)));
    }
    kinds
}

/// INT-05 to INT-07.
fn of_types_and_transport() -> Vec<Kind> {
    let six = || vec![RecordType::AAAA];
    let without_six = |rcode| Behaviour::RejectsTypes(six(), rcode);
    let lost = Lost::Type(RecordType::AAAA);
    vec![
        beside(5, Behaviour::DropsTypes(vec![RecordType::AAAA, RecordType::MX])),
        alone(5, Behaviour::DropsTypes(six())).losing(lost),
        beside(5, without_six(Rcode::SERVFAIL)),
        beside(5, without_six(Rcode::REFUSED)),
        beside(5, without_six(Rcode::NOTIMP)),
        alone(5, without_six(Rcode::SERVFAIL)).losing(lost),
        alone(5, without_six(Rcode::NXDOMAIN)).losing(lost),
        alone(6, Behaviour::Case(Case::Lower)),
        alone(6, Behaviour::Case(Case::Upper)),
        alone(6, Behaviour::Case(Case::Random)),
        alone(6, Behaviour::Case(Case::Random)).and(Behaviour::Refuses(Transport::Tcp)).losing(Lost::LargeSets),
        alone(6, shouts()),
        beside(7, Behaviour::Truncates).and(Behaviour::Refuses(Transport::Tcp)),
        beside(7, Behaviour::Truncates).and(Behaviour::SilentOver(Transport::Tcp)),
        alone(7, Behaviour::SilentOver(Transport::Udp)),
        alone(7, Behaviour::Refuses(Transport::Udp)),
    ]
}

/// INT-09 to INT-13, and INT-20.
fn of_delegations() -> Vec<Kind> {
    let shapes = [
        (9, Shape::NoGlue),
        (10, Shape::Circle),
        (11, Shape::Expiring(3600, 5)),
        (11, Shape::Expiring(5, 3600)),
        (11, Shape::Expiring(61, 0)),
        (12, Shape::DeadChild),
        (13, Shape::OddHost("other.t1.")),
        (13, Shape::OddHost("nothing.t1.")),
        (13, Shape::OddHost("gone.t1.")),
        (13, Shape::OddHost("1.2.3.4.")),
        (20, Shape::WithParent),
    ];
    shapes.into_iter().map(|(id, shape)| shaped(id, shape)).collect()
}

/// INT-08, INT-14 to INT-16, and INT-19.
fn of_replies(apex: &str) -> Vec<Kind> {
    let every = |change: fn(&mut Message)| Behaviour::edits(move |_, draft| change(&mut draft.message));
    let (alias, stray) = (format!("alias.{apex}"), format!("h2.{apex}"));
    let company = move |change: fn(&mut Message, &str)| {
        let stray = stray.clone();
        super::about(&alias, move |message| change(message, &stray))
    };
    vec![
        alone(8, Behaviour::NxdomainForEmptyNonTerminals),
        alone(8, Behaviour::NodataForNxdomain).losing(Lost::Names),
        alone(14, every(|m| m.answer.iter_mut().for_each(|record| record.ttl = Ttl::ZERO))),
        alone(15, every(|m| m.answer.iter_mut().for_each(|record| record.ttl = Ttl::from_secs(0x8000_0001)))),
        alone(15, every(|m| (1..).zip(&mut m.answer).for_each(|(n, record)| record.ttl = Ttl::from_secs(1000 / n)))),
        alone(16, Behaviour::WithoutSoa),
        alone(16, every(|m| soas(m).for_each(|soa| soa.owner = name("t2")))),
        alone(16, every(|m| m.answer.extend(m.authority.extract_if(.., |r| r.rtype == RecordType::SOA)))),
        alone(19, company(|m, _| m.answer.push(Record { rtype: RecordType::TXT, ..m.answer[0].clone() }))),
        alone(19, company(|m, _| m.answer.reverse())),
        alone(19, company(|m, _| m.answer.extend(m.answer.first().cloned()))),
        alone(19, company(|m, stray| m.answer.push(record(stray, RecordType::A, 60, &[203, 0, 113, 1])))),
    ]
}

/// INT-17 and INT-18.
fn of_lameness(apex: &str) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = refusals(apex).into_iter().map(|lame| beside(17, lame)).collect();
    kinds.extend([
        beside(17, recursive()),
        alone(17, recursive()),
        alone(17, Behaviour::NotAuthoritative),
        beside(18, Behaviour::Empty),
        beside(18, Behaviour::Empty).and(Behaviour::edits(|_, draft| draft.message.header.flags |= Header::AA)),
    ]);
    kinds
}

fn soas(message: &mut Message) -> impl Iterator<Item = &mut Record> {
    message.authority.iter_mut().filter(|record| record.rtype == RecordType::SOA)
}

/// Our cookie comes back, so many times in one: as the server's own part, if twice.
pub fn repeats_cookies(times: usize) -> Behaviour {
    let ours = |edns: &Edns| {
        edns.options.iter().find_map(|option| match option {
            EdnsOption::Cookie(cookie) => cookie.get(..8).map(<[u8]>::to_vec),
            _ => None,
        })
    };
    Behaviour::edits(move |query, draft| {
        if let Some(ours) = query.message.edns.as_ref().and_then(ours) {
            draft.options = [&[0, 10, 0, 8 * times as u8], &*ours.repeat(times)].concat();
        }
    })
}

/// Complains of OPT in twelve octets, without repeating the question.
fn stumps() -> Behaviour {
    Behaviour::edits(|query, draft| {
        if query.message.edns.is_some() {
            let message = &mut draft.message;
            (message.question, message.edns) = (None, None);
            for section in [&mut message.answer, &mut message.authority, &mut message.additional] {
                section.clear();
            }
            message.header.flags = message.header.flags & !0xf & !Header::AA | 1;
        }
    })
}

/// Owners of the answer in capitals, each written in full.
pub fn shouts() -> Behaviour {
    Behaviour::edits(|_, draft| {
        let bytes = in_capitals(&draft.message);
        if !draft.message.answer.is_empty() && bytes.len() <= usize::from(draft.limit) {
            draft.others.push(Response { delay: Duration::ZERO, kind: Arriving::Packet(bytes) });
            draft.fate = Fate::Dropped;
        }
    })
}

/// Question, answer and OPT as it is in a reply; nothing is compressed.
fn in_capitals(message: &Message) -> Vec<u8> {
    let mut bytes = message.header.id.to_be_bytes().to_vec();
    bytes.extend(message.header.flags.to_be_bytes());
    let counts = [1, message.answer.len() as u16, 0, u16::from(message.edns.is_some())];
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    if let Some((question, _)) = &message.question {
        bytes.extend(question.name.wire());
        bytes.extend([question.rtype.0, Class::IN.0].iter().flat_map(|field| field.to_be_bytes()));
    }
    for record in &message.answer {
        bytes.extend(record.owner.to_lowercase().with_case(|| true).wire());
        bytes.extend([record.rtype.0, record.class.0].iter().flat_map(|field| field.to_be_bytes()));
        bytes.extend(record.ttl.as_secs().to_be_bytes());
        bytes.extend((record.rdata.len() as u16).to_be_bytes());
        bytes.extend(record.rdata.iter());
    }
    if let Some(edns) = &message.edns {
        let dnssec_ok = if edns.dnssec_ok { 0x80 } else { 0 };
        bytes.extend([0, 0, 41, 4, 208, 0, 0, dnssec_ok, 0, 0, 0]);
    }
    bytes
}

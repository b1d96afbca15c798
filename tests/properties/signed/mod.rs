//! Signed replies that are changed on the way: what is wrong then is never called authentic, nor does a signed zone ever
//! pass for an unsigned one. Each mutation is played to a resolver that knows nothing yet, from the root's keys down.

mod mutation;
mod truth;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Header, Message, Record, RecordType};
use burdock::dnssec::{AnchorRecord, Anchors, Settings, Source};
use burdock::playground::{Authority, Internet, Kind, Signed, records};
use burdock::world::{BoxFuture, Dice, IsOurs, Network, Route};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::hostile::{House, deliver};
use mutation::{KINDS, Mutation, NAMES, Target};
use truth::{Judgement, Truth};

const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// Data, aliases, wildcards, denials of every kind, and what chains are made of.
const QUESTIONS: [(&str, RecordType); 18] = [
    ("www.secure.test", RecordType::A),
    ("alias.secure.test", RecordType::A),
    ("x.wild.secure.test", RecordType::A),
    ("x.wildalias.secure.test", RecordType::AAAA),
    ("deep.moved.secure.test", RecordType::A),
    ("secure.test", RecordType::MX),
    ("secure.test", RecordType::DS),
    ("secure.test", RecordType::DNSKEY),
    ("nsec3.test", RecordType::DNSKEY),
    ("nothing.nsec.test", RecordType::A),
    ("www.nsec.test", RecordType::TXT),
    ("empty.nsec.test", RecordType::A),
    ("nothing.nsec3.test", RecordType::A),
    ("www.nsec3.test", RecordType::TXT),
    ("x.wild.nsec3.test", RecordType::A),
    ("x.wild.nsec3.test", RecordType::TXT),
    ("test", RecordType::NS),
    ("test", RecordType::TXT),
];

/// Of sixteen mutations so many are of octets; the other kinds share the rest.
const OCTETS_OF_16: usize = 11;

/// After so many mutations it is told how they stand.
const PROGRESS: usize = 100_000;

/// What became of the mutations, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there were.
    pub mutations: [usize; KINDS],
    /// Answered with AD, and the data was the zone's.
    pub unharmed: usize,
    /// SERVFAIL.
    pub refused: usize,
    /// Taken for data of an unsigned zone.
    pub insecure: usize,
    /// AD with other data.
    pub changed: usize,
    /// Octets of replies that were each changed at least once.
    pub octets: usize,
    /// Octets of replies that there are.
    pub of_octets: usize,
}

/// The servers, and what is changed of what they say.
struct Wire<'a> {
    stage: &'a Stage,
    mutation: Option<Mutation>,
    heard: Mutex<Vec<Target>>,
    done: Mutex<bool>,
}

/// A network that outlives the borrow of what it stands on.
struct Line(Arc<Wire<'static>>);

impl Wire<'_> {
    fn reply(&self, route: Route, query: &[u8]) -> Option<Vec<u8>> {
        let authority = self.stage.authorities.get(&route.server.ip())?;
        let response = authority.respond(query, route.transport, 0, &Dice::seeded(1)).pop()?;
        let Kind::Packet(packet) = response.kind else { return None };
        let (question, _) = Message::parse(query).ok()?.question?;
        let server = route.server.ip();
        let Some(mutation) = &self.mutation else {
            self.heard.lock().push(Target { server, question, octets: packet.len() });
            return Some(packet);
        };
        let aimed_at = mutation.target.server == server && mutation.target.question == question;
        let mut done = self.done.lock();
        if !aimed_at || (mutation.once && *done) {
            return Some(packet);
        }
        *done = true;
        Some(mutation.apply(packet, &self.stage.records))
    }
}

impl Network for Line {
    fn exchange<'a>(
        &'a self,
        route: Route,
        query: &'a [u8],
        is_ours: IsOurs<'a>,
    ) -> BoxFuture<'a, std::io::Result<Bytes>> {
        deliver(self.0.reply(route, query), is_ours)
    }
}

struct Stage {
    authorities: BTreeMap<IpAddr, Authority>,
    root: IpAddr,
    settings: Settings,
    /// Every record of every zone.
    records: Vec<Record>,
}

impl Stage {
    fn new() -> Self {
        let (internet, anchor) = Internet::signed(EPOCH).unwrap();
        let mut anchors = Anchors::none();
        let record =
            |rdata: &[u8]| AnchorRecord { rtype: anchor.rtype, rdata: rdata.to_vec(), source: Source::Builtin };
        anchors.replace(&anchor.owner, anchor.rdatas.iter().map(record).collect());
        let zones = internet.authorities.iter().flat_map(|authority| &authority.zones);
        let all = zones.flat_map(|zone| zone.rrsets()).flat_map(|set| records(set, Signed::Yes)).collect();
        Self {
            root: internet.root_hints[0].glue[0],
            authorities: internet.authorities.into_iter().map(|one| (one.address, one)).collect(),
            settings: Settings { validate: true, anchors, ..Settings::off() },
            records: all,
        }
    }

    /// The reply to a question in a fresh resolver, and what it heard on the way.
    fn ask(&'static self, question: (&str, RecordType), mutation: Option<Mutation>) -> (Message, Vec<Target>) {
        let wire = Arc::new(Wire { stage: self, mutation, heard: Mutex::default(), done: Mutex::new(false) });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let reply = runtime.block_on(async {
            let network = Arc::new(Line(Arc::clone(&wire)));
            House::new(network, self.root, self.settings.clone()).ask(question.0, question.1).await
        });
        let heard = wire.heard.lock().clone();
        (reply, heard)
    }
}

/// One octet of one reply on the way to one answer.
struct Place {
    question: usize,
    target: usize,
    octet: usize,
}

/// What is played: the questions, what is honestly said to each, and every octet of it.
struct Play {
    stage: &'static Stage,
    truth: Truth,
    honest: Vec<(Message, Vec<Target>)>,
    places: Vec<Place>,
}

impl Play {
    fn new() -> Self {
        // It lives as long as the test, and threads stand on it.
        let stage: &'static Stage = Box::leak(Box::new(Stage::new()));
        let honest: Vec<(Message, Vec<Target>)> = QUESTIONS.map(|question| stage.ask(question, None)).into();
        let mut places = Vec::new();
        for (question, (reply, targets)) in honest.iter().enumerate() {
            assert!(reply.header.has(Header::AD), "{:?}: {reply:?}", QUESTIONS[question]);
            for (target, heard) in targets.iter().enumerate() {
                places.extend((0..heard.octets).map(|octet| Place { question, target, octet }));
            }
        }
        Self { truth: Truth::new(&stage.records), stage, honest, places }
    }

    /// Mutation `number`: octets come in turn, so that all of them have been changed after as many as there are.
    fn one(&self, number: usize) -> (usize, usize, Judgement, String) {
        let (round, turn) = (number / 16, number % 16);
        let (kind, index) =
            if turn < OCTETS_OF_16 { (0, round * OCTETS_OF_16 + turn) } else { (turn - OCTETS_OF_16 + 1, number) };
        // A prime step, so that few mutations, too, meet every question.
        let index = index.wrapping_mul(1_000_003) % self.places.len();
        let place = &self.places[index];
        let (honest, targets) = &self.honest[place.question];
        let mutation = Mutation::new(&targets[place.target], place.octet, number, kind);
        let (reply, _) = self.stage.ask(QUESTIONS[place.question], Some(mutation.clone()));
        let judgement = self.truth.judge(honest, &reply);
        let story = match judgement {
            Judgement::Unharmed | Judgement::Refused => String::new(),
            _ => format!("{:?}, {mutation:?}\n{reply:?}", QUESTIONS[place.question]),
        };
        (kind, index, judgement, story)
    }
}

/// Plays so many mutations, on all cores.
pub fn play(count: usize) -> Tally {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let play = Play::new();
    let (sum, seen) = (Mutex::new(Tally::default()), Mutex::new(vec![false; play.places.len()]));
    std::thread::scope(|scope| {
        for core in 0..cores {
            let (play, sum, seen) = (&play, &sum, &seen);
            scope.spawn(move || {
                for number in (core..count).step_by(cores) {
                    let (kind, index, judgement, story) = play.one(number);
                    let tally = sum.lock().count(kind, judgement);
                    if tally.mutations.iter().sum::<usize>().is_multiple_of(PROGRESS) {
                        println!("so far {tally}");
                    }
                    if kind == 0 {
                        seen.lock()[index] = true;
                    }
                    if !story.is_empty() {
                        println!("mutation {number}: {judgement:?} {story}");
                    }
                }
            });
        }
    });
    let octets = seen.lock().iter().filter(|seen| **seen).count();
    let tally = *sum.lock();
    Tally { octets, of_octets: play.places.len(), ..tally }
}

impl Tally {
    fn count(&mut self, kind: usize, judgement: Judgement) -> Self {
        self.mutations[kind] += 1;
        match judgement {
            Judgement::Unharmed => self.unharmed += 1,
            Judgement::Refused => self.refused += 1,
            Judgement::Insecure => self.insecure += 1,
            Judgement::Changed(_) => self.changed += 1,
        }
        *self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.mutations.iter().sum();
        let kinds: Vec<String> =
            NAMES.iter().zip(self.mutations).map(|(name, count)| format!("{name} {count}")).collect();
        write!(f, "{all} mutations ({}), {} of {} octets", kinds.join(", "), self.octets, self.of_octets)?;
        write!(f, ": AD with unchanged data {}, SERVFAIL {}", self.unharmed, self.refused)?;
        write!(f, ", insecure {} (allowed 0), AD with changed data {} (allowed 0)", self.insecure, self.changed)
    }
}

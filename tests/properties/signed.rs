//! Signed replies of which an octet or two are changed on the way: what is wrong then is never called authentic, nor does a
//! signed zone ever pass for an unsigned one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burdock::dns::{Header, Message, Rcode, Record, RecordType};
use burdock::dnssec::{AnchorRecord, Anchors, NegativeAnchors, Settings, Source};
use burdock::playground::{Authority, Internet, Kind};
use burdock::world::{Arrival, BoxFuture, Dice, IsOurs, Network, Route};
use bytes::Bytes;

use crate::hostile::House;

const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// Data, aliases, wildcards, denials of every kind, and what chains are made of.
const QUESTIONS: [(&str, RecordType); 16] = [
    ("www.secure.test", RecordType::A),
    ("alias.secure.test", RecordType::A),
    ("x.wild.secure.test", RecordType::A),
    ("x.wildalias.secure.test", RecordType::AAAA),
    ("deep.moved.secure.test", RecordType::A),
    ("secure.test", RecordType::MX),
    ("secure.test", RecordType::DS),
    ("secure.test", RecordType::DNSKEY),
    ("nothing.nsec.test", RecordType::A),
    ("www.nsec.test", RecordType::TXT),
    ("empty.nsec.test", RecordType::A),
    ("nothing.nsec3.test", RecordType::A),
    ("www.nsec3.test", RecordType::TXT),
    ("x.wild.nsec3.test", RecordType::A),
    ("x.wild.nsec3.test", RecordType::TXT),
    ("test", RecordType::NS),
];

/// What became of the mutations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Nobody believed what was changed, and there was nobody else to ask.
    pub refused: usize,
    /// The reply was authentic all the same, and true.
    pub unharmed: usize,
}

/// The servers, and which reply is changed how.
struct Wire {
    authorities: Arc<BTreeMap<IpAddr, Authority>>,
    exchanges: AtomicUsize,
    /// The number of the exchange, and places (as parts of the whole) with what is added to the octet there.
    mutation: Option<(usize, Vec<(f64, u8)>)>,
}

impl Wire {
    fn reply(&self, route: Route, query: &[u8]) -> Option<Vec<u8>> {
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed);
        let authority = self.authorities.get(&route.server.ip())?;
        let response = authority.respond(query, route.transport, 0, &Dice::seeded(1)).pop()?;
        let Kind::Packet(mut packet) = response.kind else { return None };
        for (place, change) in
            self.mutation.iter().filter(|(which, _)| *which == number).flat_map(|(_, changes)| changes)
        {
            let at = (*place * packet.len() as f64) as usize;
            packet[at] ^= change;
        }
        Some(packet)
    }
}

impl Network for Wire {
    fn exchange<'a>(
        &'a self,
        route: Route,
        query: &'a [u8],
        is_ours: IsOurs<'a>,
    ) -> BoxFuture<'a, std::io::Result<Bytes>> {
        let arrival = self.reply(route, query).map(|packet| (is_ours(&packet), packet));
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            match arrival {
                Some((Arrival::Ours, packet)) => Ok(packet.into()),
                Some((Arrival::NearMiss, _)) => Err(std::io::ErrorKind::InvalidData.into()),
                Some((Arrival::NotOurs, _)) | None => std::future::pending().await,
            }
        })
    }
}

struct Stage {
    authorities: Arc<BTreeMap<IpAddr, Authority>>,
    root: IpAddr,
    settings: Settings,
}

impl Stage {
    fn new() -> Self {
        let (internet, anchor) = Internet::signed(EPOCH).unwrap();
        let mut anchors = Anchors::none();
        let record =
            |rdata: &[u8]| AnchorRecord { rtype: anchor.rtype, rdata: rdata.to_vec(), source: Source::Builtin };
        anchors.replace(&anchor.owner, anchor.rdatas.iter().map(record).collect());
        Self {
            authorities: Arc::new(internet.authorities.into_iter().map(|one| (one.address, one)).collect()),
            root: internet.root_hints[0].glue[0],
            settings: Settings { validate: true, anchors, negative: NegativeAnchors::none(), aggressive_denial: true },
        }
    }

    /// The reply to a question in a fresh resolver, and how many exchanges it took.
    fn ask(&self, (owner, rtype): (&str, RecordType), mutation: Option<(usize, Vec<(f64, u8)>)>) -> (Message, usize) {
        let wire =
            Arc::new(Wire { authorities: Arc::clone(&self.authorities), exchanges: AtomicUsize::new(0), mutation });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let reply = runtime.block_on(async {
            House::new(Arc::clone(&wire) as _, self.root, self.settings.clone()).ask(owner, rtype).await
        });
        (reply, wire.exchanges.load(Ordering::Relaxed))
    }
}

/// Owner, type and data of each record, blind to case, without signatures.
fn content(records: &[Record]) -> Vec<(String, RecordType, Vec<u8>)> {
    let own = records.iter().filter(|record| record.rtype != RecordType::RRSIG);
    let mut content: Vec<_> = own
        .map(|record| (record.owner.to_lowercase().to_string(), record.rtype, record.rdata.to_ascii_lowercase()))
        .collect();
    content.sort();
    content
}

/// Plays so many mutations, on all cores.
pub fn play(count: usize) -> Tally {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let stage = Stage::new();
    let truths: Vec<(Message, usize)> = QUESTIONS.iter().map(|question| stage.ask(*question, None)).collect();
    for ((truth, _), question) in truths.iter().zip(QUESTIONS) {
        assert!(truth.header.has(Header::AD), "{question:?}: {truth:?}");
    }
    let played = |core: usize| {
        let (dice, mut tally) = (Dice::seeded(core as u64), Tally::default());
        for number in (core..count).step_by(cores) {
            let question = number % QUESTIONS.len();
            let (truth, exchanges) = &truths[question];
            let place = || (dice.fraction(), 1 + (dice.below(255) as u8));
            let places = (0..=usize::from(dice.below(8) == 0)).map(|_| place()).collect();
            let mutation = (dice.below(*exchanges), places);
            let (reply, _) = stage.ask(QUESTIONS[question], Some(mutation.clone()));
            match judge(truth, &reply) {
                Ok(true) => tally.unharmed += 1,
                Ok(false) => tally.refused += 1,
                Err(what) => panic!("{:?}, {mutation:?}: {what}\n{reply:?}", QUESTIONS[question]),
            }
        }
        tally
    };
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..cores)
            .map(|core| {
                let played = &played;
                scope.spawn(move || played(core))
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    tallies.iter().fold(Tally::default(), |sum, one| Tally {
        refused: sum.refused + one.refused,
        unharmed: sum.unharmed + one.unharmed,
    })
}

/// Whether the reply is authentic; an error when it is and should not be, or is believed without being so.
fn judge(truth: &Message, reply: &Message) -> Result<bool, &'static str> {
    if !reply.header.has(Header::AD) {
        return if reply.rcode() == Rcode::SERVFAIL {
            Ok(false)
        } else {
            Err("a signed zone passes for an unsigned one")
        };
    }
    if reply.rcode() != truth.rcode() || content(&reply.answer) != content(&truth.answer) {
        return Err("authentic, and not true");
    }
    let said = content(&truth.authority);
    if content(&reply.authority).iter().any(|record| !said.contains(record)) {
        return Err("authentic, with more than what was signed");
    }
    let longest = |message: &Message| {
        let sections = [&message.answer, &message.authority];
        sections.into_iter().flatten().map(|record| record.ttl).max()
    };
    if longest(reply) > longest(truth) { Err("authentic for longer than was signed") } else { Ok(true) }
}

//! A zone whose servers say whatever a script of octets makes them say, beside a zone that tells the truth.
//!
//! Whatever the hostile ones answer: every client gets one well-formed reply in time, within the budget, and no word
//! about the honest zone or the root is ever anything but the truth (ATTACKS: poisoning by additional data, by sibling
//! delegation, by aliases, by denial).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burdock::cache;
use burdock::cache::Front;
use burdock::dns::{
    Class, Header, Message, MessageWriter, Name, NameServer, QueryFlags, Question, Rcode, Record, RecordType, Section,
    Ttl, write_query,
};
use burdock::job::Limits;
use burdock::playground::{Authority, Kind, Zone};
use burdock::policy::{self, AccessSettings, Policy};
use burdock::resolver::{Ipv6, Minimisation, Resolver, Settings};
use burdock::responder::{Client, ClientTransport, Immediate, Responder, Turn};
use burdock::world::{Arrival, BoxFuture, Clock, Dice, IsOurs, Network, Route, World};
use bytes::Bytes;

const ROOT: [u8; 4] = [10, 0, 0, 1];
const GOOD: [u8; 4] = [10, 0, 0, 2];
const EVIL: [u8; 4] = [10, 0, 0, 66];

const ROOT_ZONE: &str = "@ 86400 SOA a.root x.root 1 2 3 4 60\n@ 86400 NS a.root\na.root 86400 A 10.0.0.1\n\
    good 3600 NS ns.good\nns.good 3600 A 10.0.0.2\nevil 3600 NS ns.evil\nns.evil 3600 A 10.0.0.66\n";
const GOOD_ZONE: &str = "@ 300 SOA ns x 1 2 3 4 60\n@ 300 NS ns\nns 300 A 10.0.0.2\nwww 300 A 192.0.2.1\n\
    www 300 TXT \"the truth\"\nalias 300 CNAME www\ninto 300 CNAME www.evil.\n";

/// What is asked of the hostile zone, and then of the others.
const HOSTILE_QUESTIONS: [(&str, RecordType); 6] = [
    ("www.evil", RecordType::A),
    ("a.b.evil", RecordType::TXT),
    ("evil", RecordType::NS),
    ("www.evil", RecordType::CNAME),
    ("into.good", RecordType::A),
    ("x.www.evil", RecordType::AAAA),
];
const HONEST_QUESTIONS: [(&str, RecordType, &[&str]); 6] = [
    ("www.good", RecordType::A, &["192.0.2.1"]),
    ("www.good", RecordType::TXT, &["\"the truth\""]),
    ("alias.good", RecordType::A, &["www.good.", "192.0.2.1"]),
    ("ns.good", RecordType::A, &["10.0.0.2"]),
    ("good", RecordType::NS, &["ns.good."]),
    (".", RecordType::NS, &["a.root."]),
];

/// Octets that decide what hostile servers say; zeros when used up.
struct Script {
    octets: Vec<u8>,
    at: AtomicUsize,
}

impl Script {
    fn next(&self) -> u8 {
        self.octets.get(self.at.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(0)
    }

    fn pick<T: Clone>(&self, among: &[T]) -> T {
        among[usize::from(self.next()) % among.len()].clone()
    }

    fn name(&self, question: &Question) -> Name {
        let fixed = ["evil", ".", "good", "www.good", "ns.good", "other.evil", "ns.evil", "root", "www.evil", "a.root"];
        match self.next() % 16 {
            0..4 => question.name.clone(),
            4 => question.name.parent().unwrap_or_else(Name::root),
            5 => question.name.prepend(b"x").unwrap_or_else(|_| Name::root()),
            other => fixed[usize::from(other - 6)].parse().unwrap(),
        }
    }

    fn record(&self, question: &Question) -> Record {
        let owner = self.name(question);
        let rtype = self.pick(&[
            question.rtype,
            RecordType::A,
            RecordType::NS,
            RecordType::CNAME,
            RecordType::SOA,
            RecordType::DNAME,
            RecordType::TXT,
            RecordType::AAAA,
            RecordType::NSEC,
            RecordType::RRSIG,
        ]);
        let rdata = match rtype {
            RecordType::A => self.pick(&[EVIL, GOOD, ROOT, [6, 6, 6, 6], [127, 0, 0, 1]]).to_vec(),
            RecordType::AAAA => vec![0x66; 16],
            RecordType::SOA => {
                [self.name(question).wire(), self.name(question).wire(), &[0; 19], &[self.next()]].concat()
            }
            RecordType::TXT => b"\x03lie".to_vec(),
            RecordType::NSEC => [self.name(question).wire(), &[0, 1, 0x40]].concat(),
            RecordType::RRSIG => {
                [&[0, 1, 13, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1], question.name.wire()].concat()
            }
            _ => self.name(question).wire().to_vec(),
        };
        let ttl = self.pick(&[Ttl::from_secs(300), Ttl::ZERO, Ttl::from_secs(u32::MAX >> 1)]);
        Record { owner, rtype, class: Class::IN, ttl, rdata: rdata.into_iter().collect() }
    }

    /// A reply to `query`; `None` for silence.
    fn reply(&self, query: &[u8]) -> Option<Vec<u8>> {
        let message = Message::parse(query).expect("our own query");
        let (question, class) = message.question.expect("one question");
        let shape = self.next();
        if shape == 255 {
            return None;
        }
        let aa = if shape & 1 == 0 { Header::AA } else { 0 };
        let tc = if shape & 0x0e == 0x0e { Header::TC } else { 0 };
        let rcode = self.pick(&[
            Rcode::NOERROR,
            Rcode::NOERROR,
            Rcode::NOERROR,
            Rcode::NXDOMAIN,
            Rcode::SERVFAIL,
            Rcode::REFUSED,
            Rcode::FORMERR,
        ]);
        let mut writer = MessageWriter::new(message.header.id, Header::QR | aa | tc, rcode, 65_535);
        writer.question(&question, class);
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            for _ in 0..self.next() % 4 {
                writer.record(section, &self.record(&question));
            }
        }
        let mut bytes = writer.finish().0;
        if shape & 0x70 == 0x70 {
            let at = usize::from(self.next()) * usize::from(self.next()) % bytes.len();
            bytes[at] ^= self.next();
        }
        Some(bytes)
    }
}

/// Two honest servers; every other address is a hostile one.
struct Servers {
    honest: [Authority; 2],
    script: Script,
    exchanges: AtomicUsize,
}

impl Network for Servers {
    fn exchange<'a>(
        &'a self,
        route: Route,
        query: &'a [u8],
        is_ours: IsOurs<'a>,
    ) -> BoxFuture<'a, std::io::Result<Bytes>> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let honest = [ROOT, GOOD].iter().position(|address| route.server.ip() == IpAddr::from(*address));
        let reply = match honest {
            Some(index) => {
                let said = self.honest[index].respond(query, route.transport, 0, &Dice::seeded(1)).pop();
                said.map(|response| match response.kind {
                    Kind::Packet(packet) => packet,
                    other => panic!("an honest server sends packets, not {other:?}"),
                })
            }
            None => self.script.reply(query),
        };
        deliver(reply, is_ours)
    }
}

/// What comes of a query that gets this reply. A packet takes its time, so that nothing happens at once.
pub fn deliver<'a>(reply: Option<Vec<u8>>, is_ours: IsOurs<'a>) -> BoxFuture<'a, std::io::Result<Bytes>> {
    let arrival = reply.map(|packet| (is_ours(&packet), packet));
    Box::pin(async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        match arrival {
            Some((Arrival::Ours, packet)) => Ok(packet.into()),
            Some((Arrival::NearMiss, _)) => Err(std::io::ErrorKind::InvalidData.into()),
            Some((Arrival::NotOurs, _)) | None => std::future::pending().await,
        }
    })
}

/// A resolver in a world of the test's making.
pub struct House {
    responder: Arc<Responder>,
    clock: Clock,
}

impl House {
    pub fn new(network: Arc<dyn Network>, root: IpAddr, dnssec: burdock::dnssec::Settings) -> Self {
        let clock = Clock::at(Duration::from_secs(1_767_225_600));
        let world = World { network, clock: clock.clone(), dice: Dice::seeded(7) };
        let settings = Settings {
            root_hints: vec![NameServer { host: "a.root".parse().unwrap(), glue: vec![root] }],
            ipv4: true,
            ipv6: Ipv6::Off,
            qname_minimisation: Minimisation::Relaxed,
            case_randomisation: true,
            cookies: true,
            upstream_port: 53,
            never_ask: Vec::new(),
            own_addresses: Vec::new(),
            forwards: Vec::new(),
            dnssec,
        };
        let [min_ttl, max_ttl, max_negative_ttl] = [0, 86_400, 3600].map(Ttl::from_secs);
        let cache = cache::Settings { size: 4 << 20, min_ttl, max_ttl, max_negative_ttl, serve_stale: None };
        let resolver = Arc::new(Resolver::new(settings, &cache, Arc::new(Limits::default()), world));
        let access = AccessSettings::allowing(vec!["0.0.0.0/0".parse().unwrap()]);
        let policy = Policy::new(&policy::Settings::plain(access), resolver.world(), resolver.limits());
        Self { responder: Responder::new(resolver, policy, &cache), clock }
    }

    pub async fn ask(&self, name: &str, rtype: RecordType) -> Message {
        let question = Question::new(name.parse().unwrap(), rtype);
        let flags = QueryFlags { recursion_desired: true, edns: Some(1232), dnssec_ok: true, ..QueryFlags::default() };
        let packet = write_query(77, &question, flags);
        let client = Client { address: SocketAddr::from(([192, 0, 2, 77], 40_000)), transport: ClientTransport::Tcp };
        let begin = self.clock.now();
        let mut out = vec![0; 65_535];
        let bytes = match self.responder.answer_now(
            &packet,
            &client,
            &mut Turn { now: begin, front: &mut Front::none() },
            &mut out,
        ) {
            Immediate::Reply(length) => out[..length].to_vec(),
            Immediate::Silence => panic!("{question}: silence"),
            Immediate::Later(request) => {
                Arc::clone(&self.responder).answer_later(request).await.expect("a reply whatever happens").to_vec()
            }
        };
        assert!(self.clock.now() - begin <= Duration::from_millis(5100), "{question}: late");
        let reply = Message::parse(&bytes).expect("a well-formed reply");
        assert_eq!((reply.header.id, reply.question.as_ref()), (77, Some(&(question, Class::IN))));
        assert!(!reply.header.has(Header::AA) && !reply.header.has(Header::TC));
        reply
    }
}

/// Plays one script.
pub fn play(octets: &[u8]) {
    let zone = |apex: &str, text: &str| Arc::new(Zone::read(&apex.parse().unwrap(), text).unwrap());
    let (root, good) = (zone(".", ROOT_ZONE), zone("good", GOOD_ZONE));
    let honest = [Authority::new(ROOT.into(), [Arc::clone(&root)]), Authority::new(GOOD.into(), [Arc::clone(&good)])];
    let script = Script { octets: octets.to_vec(), at: AtomicUsize::new(0) };
    let network = Arc::new(Servers { honest, script, exchanges: AtomicUsize::new(0) });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let house = House::new(Arc::clone(&network) as _, ROOT.into(), burdock::dnssec::Settings::off());
        for (name, rtype) in HOSTILE_QUESTIONS {
            let reply = house.ask(name, rtype).await;
            assert!(!reply.header.has(Header::AD));
            for record in reply.answer.iter().chain(&reply.authority).chain(&reply.additional) {
                assert_true(&good, record, name, rtype);
            }
        }
        for (name, rtype, truth) in HONEST_QUESTIONS {
            let reply = house.ask(name, rtype).await;
            let data: Vec<String> =
                reply.answer.iter().map(|record| burdock::dns::rdata_to_text(record.rtype, &record.rdata)).collect();
            assert_eq!(
                (reply.rcode(), data),
                (Rcode::NOERROR, truth.iter().map(|t| (*t).to_owned()).collect()),
                "{name}"
            );
        }
        for (name, rtype) in [("nothing.good", RecordType::A), ("www.good", RecordType::MX), ("nothing", RecordType::A)]
        {
            let reply = house.ask(name, rtype).await;
            assert!(reply.answer.is_empty() && reply.rcode() != Rcode::SERVFAIL, "{name}: {reply:?}");
        }
        let exchanges = network.exchanges.load(Ordering::Relaxed);
        assert!(exchanges <= 96 * HOSTILE_QUESTIONS.len() + 60, "{exchanges} exchanges");
    });
}

/// A record about the honest zone, in whatever reply, is the zone's own.
fn assert_true(good: &Zone, record: &Record, name: &str, rtype: RecordType) {
    let owner: Name = "good".parse().unwrap();
    if !record.owner.is_in(&owner) || record.rtype == RecordType::RRSIG {
        return;
    }
    let own = good.rrset(&record.owner, record.rtype);
    let is_true = own.is_some_and(|set| set.rdatas.iter().any(|rdata| rdata.eq_ignore_ascii_case(&record.rdata)));
    assert!(is_true, "asked for {name} {rtype}, told {} {} {:?}", record.owner, record.rtype, record.rdata);
}

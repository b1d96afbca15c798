//! A resolver in a simulated Internet, and clients that ask it in bytes.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use burdock::cache;
use burdock::cache::{Front, ServeStale};
use burdock::dns::{Header, Message, Name, QueryFlags, Question, Rcode, Record, RecordType, Ttl, write_query};
use burdock::job::Limits;
use burdock::playground::Internet;
use burdock::policy::{self, AccessSettings, Policy};
use burdock::resolver::{Ipv6, Minimisation, Resolver, Settings};
use burdock::responder::{Client, ClientTransport, Immediate, Responder, Turn};
use burdock::world::{Clock, Dice, World};

use super::{SimNet, name};

/// The simulations' epoch: the first of January 2026.
pub const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// What RFC 8767 recommends.
pub const STALE: ServeStale = ServeStale {
    max_age: Duration::from_secs(86_400),
    answer_ttl: Ttl::from_secs(30),
    client_wait: Duration::from_millis(1800),
    retry: Duration::from_secs(30),
};

/// The octets of all caches, where a test does not want fewer.
const CACHE: u64 = 16 << 20;

/// A resolver with its world.
pub struct Lab {
    pub net: Arc<SimNet>,
    pub responder: Arc<Responder>,
    pub resolver: Arc<Resolver>,
    pub clock: Clock,
    dice: Dice,
}

/// What a client got.
#[derive(Clone, Debug)]
pub struct Reply {
    pub message: Message,
    /// Virtual time from question to reply.
    pub after: Duration,
}

/// Who may look into the cache: the client of [`Lab::ask`], and others of its network.
fn snoopers() -> Vec<ipnet::IpNet> {
    vec!["192.0.0.0/16".parse().unwrap()]
}

/// Runs `work` in virtual time that jumps to the next timer whenever nobody has anything to do.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

impl Lab {
    pub fn new(internet: &Internet, seed: u64) -> Self {
        Self::with(internet, seed, |_, _| {})
    }

    pub fn with(internet: &Internet, seed: u64, change: impl FnOnce(&mut Settings, &mut Limits)) -> Self {
        Self::at(EPOCH, internet, seed, change)
    }

    /// The same at another time than [`EPOCH`].
    pub fn at(wall: Duration, internet: &Internet, seed: u64, change: impl FnOnce(&mut Settings, &mut Limits)) -> Self {
        Self::build(wall, internet, seed, |settings, limits, _| change(settings, limits))
    }

    /// With a policy and bounds of its own.
    pub fn guarded(internet: &Internet, seed: u64, change: impl FnOnce(&mut policy::Settings, &mut Limits)) -> Self {
        Self::build(EPOCH, internet, seed, |_, limits, policy| change(policy, limits))
    }

    /// With everything of its own.
    pub fn build(
        wall: Duration,
        internet: &Internet,
        seed: u64,
        change: impl FnOnce(&mut Settings, &mut Limits, &mut policy::Settings),
    ) -> Self {
        let clock = Clock::at(wall);
        // The network's dice are not the resolver's: what one rolls must not depend on the other.
        let net =
            Arc::new(SimNet::new(&internet.authorities, clock.clone(), Dice::seeded(seed ^ 0x6e65_7477_6f72_6b00)));
        Self::on(net, internet, (seed, CACHE, None), change)
    }

    /// One with so many octets for its caches.
    pub fn small(internet: &Internet, seed: u64, cache: u64) -> Self {
        let dice = Dice::seeded(seed ^ 0x6e65_7477_6f72_6b00);
        let net = Arc::new(SimNet::new(&internet.authorities, Clock::at(EPOCH), dice));
        Self::on(net, internet, (seed, cache, None), |_, _, _| {})
    }

    /// One that answers from the past if it has to.
    pub fn stale(internet: &Internet, seed: u64, change: impl FnOnce(&mut Settings, &mut Limits)) -> Self {
        Self::stale_so(internet, seed, STALE, |settings, limits, _| change(settings, limits))
    }

    /// The same, but so.
    pub fn stale_so(
        internet: &Internet,
        seed: u64,
        serve: ServeStale,
        change: impl FnOnce(&mut Settings, &mut Limits, &mut policy::Settings),
    ) -> Self {
        let clock = Clock::at(EPOCH);
        let dice = Dice::seeded(seed ^ 0x6e65_7477_6f72_6b00);
        let net = Arc::new(SimNet::new(&internet.authorities, clock, dice));
        Self::on(net, internet, (seed, CACHE, Some(serve)), change)
    }

    /// One more resolver of the same Internet, with other settings.
    pub fn beside(&self, internet: &Internet, seed: u64, change: impl FnOnce(&mut Settings, &mut Limits)) -> Self {
        Self::on(Arc::clone(&self.net), internet, (seed, CACHE, None), |settings, limits, _| change(settings, limits))
    }

    fn on(
        net: Arc<SimNet>,
        internet: &Internet,
        (seed, size, serve_stale): (u64, u64, Option<ServeStale>),
        change: impl FnOnce(&mut Settings, &mut Limits, &mut policy::Settings),
    ) -> Self {
        let clock = net.clock();
        let world = World { network: net.clone(), clock: clock.clone(), dice: Dice::seeded(seed) };
        let mut settings = Settings {
            root_hints: internet.root_hints.clone(),
            ipv4: true,
            ipv6: Ipv6::On,
            qname_minimisation: Minimisation::Relaxed,
            case_randomisation: true,
            cookies: true,
            upstream_port: 53,
            never_ask: Vec::new(),
            own_addresses: Vec::new(),
            forwards: Vec::new(),
            dnssec: burdock::dnssec::Settings::off(),
        };
        let mut limits = Limits::default();
        let access =
            AccessSettings { snoop: snoopers(), ..AccessSettings::allowing(vec!["0.0.0.0/0".parse().unwrap()]) };
        let mut policy = policy::Settings::plain(access);
        change(&mut settings, &mut limits, &mut policy);
        let cache = cache::Settings {
            size,
            min_ttl: Ttl::ZERO,
            max_ttl: Ttl::from_secs(86_400),
            max_negative_ttl: Ttl::from_secs(3600),
            serve_stale,
        };
        let resolver = Arc::new(Resolver::new(settings, &cache, Arc::new(limits), world));
        let policy = Policy::new(&policy, resolver.world(), resolver.limits());
        let responder = Responder::new(Arc::clone(&resolver), policy, &cache);
        Self { net, responder, resolver, clock, dice: Dice::seeded(seed ^ 0x636c_6965_6e74_7300) }
    }

    /// Asks by name and type.
    pub async fn ask(&self, owner: &str, rtype: RecordType) -> Reply {
        self.ask_question(Question::new(name(owner), rtype)).await
    }

    pub async fn ask_question(&self, question: Question) -> Reply {
        self.ask_so(question, Self::FLAGS).await
    }

    /// What most clients' queries say.
    pub const FLAGS: QueryFlags =
        QueryFlags { recursion_desired: true, edns: Some(1232), checking_disabled: false, dnssec_ok: false };

    /// Asks by name and type, with flags of one's own.
    pub async fn ask_with(&self, owner: &str, rtype: RecordType, flags: QueryFlags) -> Reply {
        self.ask_so(Question::new(name(owner), rtype), flags).await
    }

    async fn ask_so(&self, question: Question, flags: QueryFlags) -> Reply {
        let id = self.dice.id();
        let client = Client { address: SocketAddr::from(([192, 0, 2, 77], 40_000)), transport: ClientTransport::Tcp };
        let asked = self.clock.now();
        let packet = write_query(id, &question, flags);
        let bytes = self.exchange(&packet, &client).await.expect("every question gets a reply");
        let message = Message::parse(&bytes).expect("a well-formed reply");
        assert_eq!(message.header.id, id);
        let echoed = &message.question.as_ref().expect("the question is echoed").0;
        assert!(echoed.name.same_case(&question.name) && echoed.rtype == question.rtype, "{echoed}");
        assert!(message.header.has(Header::QR) && message.header.has(Header::RA) && message.header.has(Header::RD));
        Reply { message, after: self.clock.now().duration_since(asked) }
    }

    /// One packet in, at most one out.
    pub async fn exchange(&self, packet: &[u8], client: &Client) -> Option<Vec<u8>> {
        let mut out = vec![0; 65_535];
        match self.responder.answer_now(
            packet,
            client,
            &mut Turn { now: self.clock.now(), front: &mut Front::none() },
            &mut out,
        ) {
            Immediate::Reply(length) => Some(out[..length].to_vec()),
            Immediate::Silence => None,
            Immediate::Later(request) => Arc::clone(&self.responder).answer_later(request).await.map(|b| b.to_vec()),
        }
    }

    /// Lets time pass.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Reply {
    pub fn rcode(&self) -> Rcode {
        self.message.rcode()
    }

    /// The data of one type in the answer, as text, in order of text.
    pub fn data(&self, rtype: RecordType) -> Vec<String> {
        let records = self.message.answer.iter().filter(|record| record.rtype == rtype);
        let mut data: Vec<String> =
            records.map(|record| burdock::dns::rdata_to_text(record.rtype, &record.rdata)).collect();
        data.sort();
        data
    }

    pub fn a(&self) -> Vec<String> {
        self.data(RecordType::A)
    }

    pub fn ttl(&self) -> Option<u32> {
        self.message.answer.first().map(|record| record.ttl.as_secs())
    }

    /// The codes and texts of extended errors.
    pub fn errors(&self) -> Vec<(u16, String)> {
        let options = self.message.edns.iter().flat_map(|edns| &edns.options);
        let ede = |option: &burdock::dns::EdnsOption| match option {
            burdock::dns::EdnsOption::Ede(code, text) => Some((code.0, text.clone())),
            _ => None,
        };
        options.filter_map(ede).collect()
    }

    /// Owner, type and data of every answer record but DNAME, which a reply may carry or not.
    pub fn records(&self) -> Vec<(Name, RecordType, Vec<u8>)> {
        sorted(self.message.answer.iter().filter(|record| record.rtype != RecordType::DNAME))
    }
}

fn sorted<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<(Name, RecordType, Vec<u8>)> {
    let mut list: Vec<_> = records.map(|r| (r.owner.clone(), r.rtype, r.rdata.to_vec())).collect();
    list.sort();
    list
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {:?}", self.rcode(), self.after)?;
        for record in &self.message.answer {
            write!(f, "\n    {}", burdock::dns::record_to_text(record))?;
        }
        for (code, text) in self.errors() {
            write!(f, "\n    EDE {code}: {text}")?;
        }
        Ok(())
    }
}

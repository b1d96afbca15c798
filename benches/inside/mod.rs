//! Burdock without sockets, before the synthetic Internet of the peers' comparison: a network that takes no time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use burdock::cache::{self, Front};
use burdock::dns::{Name, NameServer, QueryFlags, Question, Rdatas, RecordType, RrSet, Ttl, write_query};
use burdock::dnssec::{self, Anchors, Source};
use burdock::job::Limits;
use burdock::policy::{self, AccessSettings, Policy};
use burdock::resolver::{Ipv6, Minimisation, Resolver, Settings};
use burdock::responder::{Client, ClientTransport, Immediate, Responder, Turn};
use burdock::world::{Arrival, BoxFuture, Clock, Dice, IsOurs, Network, Route, World, in_steps};
use bytes::Bytes;
use ipnet::IpNet;
use parking_lot::Mutex;

use crate::names::Target;
use crate::signatures::Signatures;
use crate::zones::{self, Level, Manner, SERVERS, address};

/// When it is, in seconds since 1970.
const NOW: u64 = 1_767_225_600;

/// Every server of the synthetic Internet, at no distance.
struct Nearby {
    hot: AtomicU64,
    /// Who signs, when every zone is signed.
    signatures: Option<Arc<Mutex<Signatures>>>,
}

impl Network for Nearby {
    fn exchange<'a>(&'a self, route: Route, query: &'a [u8], is_ours: IsOurs<'a>) -> BoxFuture<'a, io::Result<Bytes>> {
        let third = match route.server.ip() {
            IpAddr::V4(ip) => ip.octets()[2],
            IpAddr::V6(_) => 0,
        };
        let level = match third {
            1 => Level::Root,
            2 => Level::Tld,
            _ => Level::Domain,
        };
        Box::pin(async move {
            let mut reply = Vec::with_capacity(512);
            let mut signatures = self.signatures.as_ref().map(|signatures| signatures.lock());
            let manner = Manner { hot: &self.hot, signatures: signatures.as_deref_mut() };
            let asked = zones::answer(level, query, manner, &mut reply);
            drop(signatures);
            assert!(asked && is_ours(&reply) == Arrival::Ours, "a query, and its reply");
            Ok(reply.into())
        })
    }
}

/// A resolver and its front desk.
pub struct Lab {
    #[allow(dead_code, reason = "each benchmark uses what it needs")]
    pub resolver: Arc<Resolver>,
    pub responder: Arc<Responder>,
    pub clock: Clock,
    pub client: Client,
    signatures: Option<Arc<Mutex<Signatures>>>,
}

impl Lab {
    /// With an empty cache; inside of a runtime.
    pub fn new() -> Self {
        Self::before(None)
    }

    /// The same, every zone signed and everything validated.
    #[allow(dead_code, reason = "each benchmark uses what it needs")]
    pub fn signed() -> Self {
        Self::before(Some(Signatures::around(Duration::from_secs(NOW))))
    }

    fn before(mut signatures: Option<Signatures>) -> Self {
        let clock = Clock::at(Duration::from_secs(NOW));
        let anchor = signatures.as_mut().map(|signatures| signatures.ds(&[0]));
        let signatures = signatures.map(|signatures| Arc::new(Mutex::new(signatures)));
        let network = Arc::new(Nearby { hot: AtomicU64::new(0), signatures: signatures.clone() });
        let world = World { network, clock: clock.clone(), dice: Dice::seeded(53) };
        let cache = cache::Settings {
            size: 4 << 30,
            min_ttl: Ttl::ZERO,
            max_ttl: Ttl::from_secs(86_400),
            max_negative_ttl: Ttl::from_secs(3600),
            serve_stale: None,
        };
        let limits = Arc::new(Limits::default());
        let resolver = Arc::new(Resolver::new(settings(anchor), &cache, limits, world));
        // As the defaults have it.
        let loopback: Vec<IpNet> = ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).to_vec();
        let access = AccessSettings { exempt: loopback.clone(), ..AccessSettings::allowing(loopback) };
        let settings = policy::Settings { special_use: true, ..policy::Settings::plain(access) };
        let policy = Policy::new(&settings, resolver.world(), resolver.limits());
        let responder = Responder::new(Arc::clone(&resolver), policy, &cache);
        let client = Client { address: SocketAddr::from(([127, 0, 0, 1], 4711)), transport: ClientTransport::Udp };
        Self { resolver, responder, clock, client, signatures }
    }

    /// Has all signed that a question for `target` needs: signing is not what is measured.
    #[allow(dead_code, reason = "each benchmark uses what it needs")]
    pub fn sign(&self, target: &Target) {
        if let Some(signatures) = &self.signatures {
            zones::sign(target, &mut signatures.lock(), &mut Vec::new());
        }
    }

    /// Answers one packet, whatever it takes.
    pub async fn answer(&self, packet: &[u8]) -> Bytes {
        let mut out = [0; Responder::MAX_UDP_REPLY];
        let mut turn = Turn { now: self.clock.now(), front: &mut Front::none() };
        match self.responder.answer_now(packet, &self.client, &mut turn, &mut out) {
            Immediate::Reply(octets) => Bytes::copy_from_slice(&out[..octets]),
            Immediate::Later(request) => {
                in_steps(Arc::clone(&self.responder).answer_later(request)).await.expect("every question gets a reply")
            }
            Immediate::Silence => panic!("every question gets a reply"),
        }
    }

    /// Answers the question for `target`, and proves the answer.
    pub async fn resolve(&self, target: &Target) {
        let reply = self.answer(&query(target)).await;
        assert_eq!(reply[3] & 15, 0, "NOERROR");
        assert!(reply.windows(4).any(|window| window == target.address()), "the right address");
    }
}

/// A client's query for the address of `target`, with EDNS.
pub fn query(target: &Target) -> Vec<u8> {
    let flags = QueryFlags { recursion_desired: true, edns: Some(1232), ..QueryFlags::default() };
    write_query(4711, &question(target), flags).to_vec()
}

/// The question for the address of `target`.
pub fn question(target: &Target) -> Question {
    let mut wire = Vec::new();
    target.write(&mut wire);
    Question::new(burdock::dns::Name::from_wire(&wire).expect("a name"), RecordType::A)
}

/// A runtime whose time stands still while there is work: no timer fires.
pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

fn settings(anchor: Option<Vec<u8>>) -> Settings {
    let servers = (0..u64::from(SERVERS[0].1)).map(|number| NameServer {
        host: format!("n{number}.").parse().expect("a name"),
        glue: vec![IpAddr::V4(address(Level::Root, number))],
    });
    Settings {
        root_hints: servers.collect(),
        ipv4: true,
        ipv6: Ipv6::Off,
        qname_minimisation: Minimisation::Relaxed,
        case_randomisation: true,
        cookies: true,
        upstream_port: 53,
        never_ask: Vec::new(),
        own_addresses: Vec::new(),
        forwards: Vec::new(),
        dnssec: anchor.map_or_else(dnssec::Settings::off, |ds| {
            let rdatas = Rdatas::new([ds.as_slice()]).expect("one record");
            let set = RrSet::new(Name::root(), RecordType::DS, Ttl::from_secs(3600), rdatas);
            let anchors = Anchors::of(&set, &Source::Builtin);
            dnssec::Settings { validate: true, anchors, ..dnssec::Settings::off() }
        }),
    }
}

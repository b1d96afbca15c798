//! Finding out — the recursion.

mod addresses;
mod aggressive;
mod alias;
mod anchors;
mod any;
mod barren;
mod blame;
mod chain;
mod classify;
mod descend;
mod doubt;
mod error;
mod estranged;
mod forward;
mod heard;
mod minimise;
mod prime;
mod remember;
mod scrub;
mod signed;
mod stale;
mod target;
mod trim;
mod turn;
mod validate;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ipnet::IpNet;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cache::{self, Cuts, Denials, Failed, Failures, Held, RrSets, ServeStale, Standing, Standings};
use crate::dns::{Ede, EdeCode, Name, NameServer, Question, Rcode, RrSet, Security, Ttl, ZoneCut};
use crate::dnssec::denial::is_beyond_validation;
use crate::dnssec::{self, Beginning};
use crate::job::{Checking, Effort, Job, Limits};
use crate::telemetry::{FromCache, Step};
use crate::upstream::{self, Crowded, Upstream};
use crate::world::World;
use barren::Barren;
use estranged::Estrangement;

use forward::Forwards;

pub use crate::dns::{Denial, Outcome};
pub use classify::{Kind, Trust, classify};
pub use error::ResolveError;
pub use forward::{Forward, Service};
pub use minimise::{Probe, Revealed};
pub use scrub::{Scrubbed, scrub};
pub use stale::LastKnown;

/// How questions are walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The servers of the root zone: names and addresses (RFC 9609).
    pub root_hints: Vec<NameServer>,
    /// Whether servers are asked over IPv4.
    pub ipv4: bool,
    /// Whether servers are asked over IPv6.
    pub ipv6: Ipv6,
    /// How much of a name each zone gets to see (RFC 9156).
    pub qname_minimisation: Minimisation,
    /// Whether queries carry a random pattern of upper and lower case (0x20).
    pub case_randomisation: bool,
    /// Whether queries carry cookies (RFC 7873). For one source address: several would be tied together by them.
    pub cookies: bool,
    /// The port of authoritative servers; 53 outside of tests.
    pub upstream_port: u16,
    /// Networks in which no server is ever asked.
    pub never_ask: Vec<IpNet>,
    /// Addresses of our own, never asked either.
    pub own_addresses: Vec<IpAddr>,
    /// Zones for which the operator has named whom to ask, whatever the tree says.
    pub forwards: Vec<Forward>,
    /// What is validated, and from where at first: [`Resolver::replace_anchors`].
    pub dnssec: dnssec::Settings,
}

/// Whether IPv6 is used to reach servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6 {
    /// Always.
    On,
    /// Never.
    Off,
    /// Until it is seen not to work; tried again once a minute.
    Auto,
}

/// QNAME minimisation (RFC 9156).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimisation {
    /// A zone that cannot cope gets the whole name.
    Relaxed,
    /// An answer to a shortened name is final, NXDOMAIN included.
    Strict,
    /// Every zone gets the whole name.
    Off,
}

/// The end of a job: the aliases followed, and how the last name ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// CNAME (and DNAME) RRsets in the order they were followed; for ANY the other RRsets of the name, too. TTLs are what is
    /// left.
    pub aliases: Vec<RrSet>,
    /// The end of the chain; TTLs are what is left.
    pub outcome: Outcome,
}

impl Resolution {
    /// How authentic all of it is: no more than the least authentic part.
    pub fn security(&self) -> Security {
        let sets = self.aliases.iter().map(|set| set.security);
        sets.fold(self.outcome.security(), Security::min)
    }

    /// The end of a question by itself.
    const fn of(outcome: Outcome) -> Self {
        Self { aliases: Vec::new(), outcome }
    }

    /// The denials that are part of it.
    fn proof(&self) -> impl Iterator<Item = &[RrSet]> {
        let (found, denied) = match &self.outcome {
            Outcome::Found(set) => (Some(set), None),
            Outcome::NoData(denial) | Outcome::NxDomain(denial) => (None, Some(&*denial.proof)),
        };
        let expanded = self.aliases.iter().chain(found).filter_map(|set| set.closer.as_deref());
        expanded.chain(denied)
    }

    /// The response code a client gets.
    pub const fn rcode(&self) -> Rcode {
        match self.outcome {
            Outcome::NxDomain(_) => Rcode::NXDOMAIN,
            Outcome::Found(_) | Outcome::NoData(_) => Rcode::NOERROR,
        }
    }
}

/// Resolves questions, and remembers what it learnt.
pub struct Resolver {
    settings: Settings,
    limits: Arc<Limits>,
    world: World,
    upstream: Upstream,
    rrsets: RrSets,
    cuts: Cuts,
    failures: Failures<ResolveError>,
    /// Failures of those who do without validation where there is one.
    unchecked: Failures<ResolveError>,
    barren: Barren,
    standings: Standings,
    /// `settings.dnssec` with the trust anchors that are now in force.
    anchored: RwLock<Arc<dnssec::Settings>>,
    estrangement: Estrangement,
    /// When the operator was last told that the clock may be wrong.
    clock_suspected: parking_lot::Mutex<Option<Instant>>,
    denials: Denials,
    /// Whether a DNAME was ever kept.
    knows_dnames: AtomicBool,
    root: Mutex<Option<Arc<ZoneCut>>>,
    forwards: Forwards,
    serve_stale: Option<ServeStale>,
    /// A delegation is kept no longer than this, whatever its TTL.
    longest_delegation: Ttl,
}

impl Resolver {
    /// A resolver with empty caches.
    pub fn new(settings: Settings, cache: &cache::Settings, limits: Arc<Limits>, world: World) -> Self {
        let upstream_settings = upstream::Settings {
            port: settings.upstream_port,
            case_randomisation: settings.case_randomisation,
            cookies: settings.cookies,
            ipv4: settings.ipv4,
            ipv6: settings.ipv6 != Ipv6::Off,
            ipv6_may_fail: settings.ipv6 == Ipv6::Auto,
            never_ask: settings.never_ask.clone(),
            own_addresses: settings.own_addresses.clone(),
        };
        let upstream = Upstream::new(upstream_settings, cache.share(3), &limits, world.clone());
        let rrsets = RrSets::new(cache, world.dice.bits());
        let cuts = Cuts::new(cache.share(11), world.dice.bits());
        let seed = world.dice.bits();
        Self {
            upstream,
            rrsets,
            cuts,
            failures: Failures::new(cache.share(1) / 4 * 3, seed, &limits),
            unchecked: Failures::new(cache.share(1) / 4, seed, &limits),
            barren: Barren::new(cache.share(1), seed, &limits),
            standings: Standings::new(cache.share(4), cache.max_ttl, world.dice.bits()),
            anchored: RwLock::new(Arc::new(settings.dnssec.clone())),
            estrangement: Estrangement::default(),
            clock_suspected: parking_lot::Mutex::default(),
            denials: Denials::new(cache.share(3), cache.max_negative_ttl, &limits),
            knows_dnames: AtomicBool::new(false),
            root: Mutex::new(None),
            forwards: Forwards::new(&settings.forwards, world.clock.now()),
            serve_stale: cache.serve_stale,
            longest_delegation: cache.max_ttl,
            settings,
            limits,
            world,
        }
    }

    /// A job with a fresh budget.
    pub fn job(&self) -> Job {
        let checking = if self.settings.dnssec.validate { Checking::Enabled } else { Checking::Disabled };
        Job::new(&self.limits, &self.world.clock).with(checking)
    }

    /// The world the resolver lives in.
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// The bounds in force.
    pub const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// What the exchanges with other servers tell.
    pub fn counters(&self) -> &upstream::Counters {
        self.upstream.counters()
    }

    /// Resolves `question` from the cache or by walking the tree.
    ///
    /// # Errors
    /// [`ResolveError`] when no answer could be had; the client gets SERVFAIL.
    pub async fn resolve(&self, question: &Question, job: &Job) -> Result<Resolution, ResolveError> {
        job.tell(|| Step::Started { question: question.clone() });
        let failures = self.failures(job);
        let careful = match self.lately(question, job) {
            Lately::Failed(failure) => {
                job.tell(|| Step::Cached { question: question.clone(), what: FromCache::Failure });
                return Box::pin(self.look_again(question, failure, job)).await;
            }
            Lately::Silence => Some(job.trying(Effort::Little)),
            Lately::Nothing => None,
        };
        let job = careful.as_ref().unwrap_or(job);
        let result = self.follow(question, job).await;
        let queries = job.budget().queries_spent();
        match &result {
            Ok(resolution) => {
                failures.remove(question);
                job.tell(|| Step::Answered { rcode: resolution.rcode(), queries });
            }
            Err(error) => {
                if error.is_lasting(job.depth()) {
                    self.note_failure(question, error, job);
                }
                if job.depth() == 0 && error.is_lasting(job.depth()) {
                    self.note_barren(question, error, job);
                }
                job.tell(|| Step::GaveUp { reason: error.to_string(), queries });
            }
        }
        result
    }

    fn note_failure(&self, question: &Question, error: &ResolveError, job: &Job) {
        let (failures, now) = (self.failures(job), job.now());
        let old = self.serve_stale.filter(|_| job.depth() == 0 && self.has_last_known(question, error, job));
        match old {
            Some(serve) => failures.insert_for(question, error.clone(), (now, serve.retry)),
            None => failures.insert(question, error.clone(), now),
        }
    }

    /// What became of the question when it was last asked, if it was nothing good.
    fn lately(&self, question: &Question, job: &Job) -> Lately {
        let Some(failed) = self.failures(job).recent(question, job.now()) else { return Lately::Nothing };
        match standing(&failed, job) {
            Some(failure) => Lately::Failed(failure),
            None if failed.reason.is_silence() => Lately::Silence,
            None => Lately::Nothing,
        }
    }

    /// What is remembered is told; but every few seconds somebody gets to see with a few packets whether servers that were
    /// silent still are, so that their return does not take as long to be noticed as their absence lasted.
    async fn look_again(
        &self,
        question: &Question,
        failure: ResolveError,
        job: &Job,
    ) -> Result<Resolution, ResolveError> {
        let failures = self.failures(job);
        let in_vain = job.depth() > 0 || !failure.root().is_silence();
        // Who has something to tell need not be in a hurry.
        if in_vain || self.has_last_known(question, &failure, job) || !failures.may_look(question, job.now()) {
            return Err(failure);
        }
        let found = Box::pin(self.follow(question, &job.trying(Effort::Once))).await;
        found.inspect(|_| failures.remove(question)).map_err(|_| failure)
    }

    /// How often something was not asked because too much was being asked already.
    pub fn crowded(&self) -> Crowded {
        self.upstream.crowded()
    }

    /// What is remembered of names and zones; what is remembered of servers' addresses, and finished replies, aside.
    pub fn held(&self) -> Held {
        let failures = [&self.failures, &self.unchecked].map(Failures::held).into_iter().sum();
        let of_zones = [self.cuts.held(), self.standings.held(), self.denials.held(), self.barren.held()];
        of_zones.into_iter().chain([self.rrsets.held(), failures]).sum()
    }

    /// Why `resolution`, which ends at `name`, counts as unsigned, if there is something to tell.
    pub fn remark(&self, name: &Name, resolution: &Resolution) -> Option<Ede> {
        let unsigned = |code| Ede::new(code, "the zone is taken for unsigned [UNSG]");
        if let Beginning::Excepted(negative) = self.anchored().beginning(name, self.world.clock.wall()) {
            let why = if negative.reason.is_empty() { String::new() } else { format!(": {}", negative.reason) };
            let text = format!("{} is not validated here{why} [EXCP]", negative.domain);
            return Some(Ede::new(EdeCode::NEGATIVE_TRUST_ANCHOR, text));
        }
        if resolution.proof().any(|sets| is_beyond_validation(sets.iter(), self.limits.nsec3_iterations)) {
            return Some(unsigned(EdeCode::UNSUPPORTED_NSEC3_ITERATIONS));
        }
        let standing = name.ancestors().find_map(|zone| self.standings.find(&zone, self.world.clock.now()))?;
        match standing {
            Standing::Insecure(why) => why.map(unsigned),
            Standing::Secure(_) | Standing::Bogus(_) => None,
        }
    }

    /// Why `question` could not be answered a moment ago, if that still stands (RFC 9520).
    pub fn known_failure(&self, question: &Question, job: &Job) -> Option<ResolveError> {
        self.failures(job).recent(question, job.now()).and_then(|failed| standing(&failed, job))
    }

    /// Where the failures of such a job are remembered. What unchecked data led to is no news for those who want it
    /// checked, nor is what checking led to for those who do without (RFC 4035 §3.2.2, RFC 6840 §5.9).
    fn failures(&self, job: &Job) -> &Failures<ResolveError> {
        let for_all = job.checking() == Checking::Enabled || !self.settings.dnssec.validate || job.depth() > 0;
        if for_all { &self.failures } else { &self.unchecked }
    }

    /// What the cache alone knows about `question`, or has the proof of (RFC 8198); nothing is sent.
    pub fn recollect(&self, question: &Question, job: &Job) -> Option<Resolution> {
        self.follow_known(question, job)
    }
}

/// What became of a question a moment ago.
enum Lately {
    /// It failed, and that still stands.
    Failed(ResolveError),
    /// Nobody replied, which is no longer believed.
    Silence,
    /// Nothing that is known.
    Nothing,
}

/// The failure, if it still stands for `job`.
fn standing(failed: &Failed<ResolveError>, job: &Job) -> Option<ResolveError> {
    let reason = failed.reason.root();
    // The addresses of servers are looked up unchecked; a client's question for one may have failed in being checked.
    let concerns = job.depth() == 0 || !reason.may_be_of_checking();
    // That a client can be told something old is of no use to who needs the address of a server.
    let until = if job.depth() > 0 { failed.until_below } else { failed.until };
    let stands = job.now() < until && concerns;
    stands.then(|| ResolveError::Remembered(Box::new(reason.clone())))
}

//! One try at one server: UDP, then TCP when truncated or doubtful, without EDNS when the server cannot.
//!
//! Each packet is paid for by the question it is sent for. Equal queries to the same server share one exchange.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::campaign::Progress;
use super::cookies::{Presented, Showing};
use super::outgoing::{Dress, Manner, build};
use super::servers::{Memory, Plainness};
use super::wire::Came;
use super::{ExchangeKey, Fault, Opt, Upstream};
use crate::dns::{Header, Message, Name, Question, Rcode, WireError};
use crate::job::{Job, Limit, LimitName};
use crate::telemetry::Step;
use crate::world::{Route, Transport};

/// A reply, and how it came in the end.
pub(super) type Reply = (Arc<Message>, Transport);

/// One try: whom, what, and for which time in this step.
pub(super) struct Try<'a> {
    pub zone: &'a Name,
    pub host: Option<Name>,
    pub address: IpAddr,
    pub port: u16,
    pub manner: Manner,
    pub opt: Opt,
    /// What was known of the server when it was chosen.
    pub memory: Memory,
    pub question: &'a Question,
    /// How many tries the server had in this step before this one.
    pub number: u32,
    pub transport: Transport,
    /// When to send again if nothing comes.
    pub timer: Duration,
    /// What this server's other tries for the question have done.
    pub progress: Arc<Progress>,
}

impl Try<'_> {
    /// Whether the server may be asked without OPT.
    fn may_be_plain(&self) -> bool {
        self.opt == Opt::Dispensable
    }
}

/// Says, as long as it lives, that a server is being asked over a stream.
struct OnStream<'a>(&'a AtomicBool);

impl<'a> OnStream<'a> {
    fn new(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for OnStream<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Upstream {
    /// Gets one readable reply from the server, whatever it says, or tells why not.
    pub(super) async fn attempt(&self, attempt: &Try<'_>, job: &Job) -> Result<Reply, Fault> {
        let now = self.world.clock.now();
        let memory = &attempt.memory;
        // The last datagram to a server that was never heard speaking EDNS goes without: it may be one that drops OPT.
        let last_resort = attempt.number + 1 >= job.limits().sends_per_server && !memory.speaks_edns(now);
        let plain =
            attempt.may_be_plain() && (memory.is_plain(now) || (last_resort && attempt.transport == Transport::Udp));
        let case = self.settings.case_randomisation && !memory.mangles_case(now);
        let options = !plain && memory.takes_options(now, attempt.number);
        let cookie = if self.settings.cookies && options { Showing::First } else { Showing::Nothing };
        let (manner, trail) = (attempt.manner, options && attempt.manner.wants_recursion());
        let dress = Dress { edns: !plain, case, cookie, trail, manner, transport: attempt.transport };
        let mut reply = self.over(attempt, dress, job).await?;
        if dress.has_options() && self.objects_to_options(attempt, dress, &reply, job) {
            reply = Box::pin(self.after_objection(attempt, dress, reply, job)).await?;
        }
        let (reply, transport) = reply;
        let refused_edns =
            reply.edns.is_none() && !memory.speaks_edns(now) && is_edns_complaint(reply.rcode(), attempt.manner);
        let bad_version = reply.rcode() == Rcode::BADVERS;
        let may_ask_again = dress.edns
            && attempt.may_be_plain()
            && attempt.progress.has_room(dress.transport, job.limits().sends_per_server);
        if !(refused_edns || bad_version) || !may_ask_again {
            self.learn(attempt, dress, &reply);
            return Ok((reply, transport));
        }
        // RFC 6891 §7: a server that does not know OPT says so in its way; the question deserves another try without.
        let plain = self.over(attempt, dress.without_opt(), job).await?;
        if !is_edns_complaint(plain.0.rcode(), attempt.manner) {
            self.servers.is_plain(attempt.address, Plainness::Told, self.world.clock.now());
        }
        Ok(plain)
    }

    /// Whether the reply is about the options: BADCOOKIE, or FORMERR from a server that knows OPT.
    fn objects_to_options(&self, attempt: &Try<'_>, dress: Dress, (reply, transport): &Reply, job: &Job) -> bool {
        match reply.rcode() {
            Rcode::BADCOOKIE if dress.cookie == Showing::Nothing => false,
            Rcode::BADCOOKIE => *transport == Transport::Udp,
            Rcode::FORMERR => {
                let knows_edns = reply.edns.is_some() || self.speaks_edns(attempt);
                knows_edns && attempt.progress.has_room(attempt.transport, job.limits().sends_per_server)
            }
            _ => false,
        }
    }

    /// A server that wants its cookie first gets it once, and is then asked over TCP (RFC 7873 §5.3): three packets in all.
    /// One that stumbles over options is asked without: those that it does not know are to be passed over (RFC 6891 §6.1.2).
    async fn after_objection(
        &self,
        attempt: &Try<'_>,
        dress: Dress,
        mut reply: Reply,
        job: &Job,
    ) -> Result<Reply, Fault> {
        if reply.0.rcode() == Rcode::FORMERR {
            self.servers.cannot_do_options(attempt.address, self.world.clock.now());
            return self.over(attempt, Dress { cookie: Showing::Nothing, trail: false, ..dress }, job).await;
        }
        let dress = Dress { cookie: Showing::Again, ..dress };
        if !self.presented(attempt, dress).is_some_and(|cookie| cookie.is_whole()) {
            // It wants one and hands out none: there is nothing to be had here.
            return Ok(reply);
        }
        reply = self.over(attempt, dress, job).await?;
        if self.objects_to_options(attempt, dress, &reply, job) {
            let _busy = OnStream::new(&attempt.progress.on_stream);
            reply = self.over(attempt, Dress { transport: Transport::Tcp, ..dress }, job).await?;
        }
        Ok(reply)
    }

    /// The cookie for a query in this dress.
    fn presented(&self, attempt: &Try<'_>, dress: Dress) -> Option<Presented> {
        if dress.cookie == Showing::Nothing {
            return None;
        }
        let now = self.world.clock.now();
        let ours = self.cookies.ours(attempt.address, now);
        match dress.cookie {
            Showing::Again => self.servers.look_at(attempt.address, |memory| memory.cookie(ours, now)),
            Showing::First | Showing::Nothing => attempt.memory.cookie(ours, now),
        }
    }

    /// The exchange in this dress; over TCP when UDP turns out not to do.
    async fn over(&self, attempt: &Try<'_>, dress: Dress, job: &Job) -> Result<Reply, Fault> {
        let doubt = match self.send(attempt, dress, job).await {
            Ok(reply) if self.is_mere_hint(attempt, dress, &reply) => Fault::Rcode(reply.rcode()),
            Ok(reply) if !reply.header.has(Header::TC) => return Ok((reply, dress.transport)),
            Ok(_) if dress.transport == Transport::Tcp => return Err(Fault::Truncated),
            // Cut off without TC (INT-04), too large, or almost matching: the stream settles it.
            Err(
                fault @ (Fault::NearMiss | Fault::OtherCase | Fault::WrongCookie | Fault::Malformed(WireError::Short)),
            ) if dress.transport == Transport::Udp => fault,
            Ok(_) => Fault::Truncated,
            Err(fault) => return Err(fault),
        };
        let busy = OnStream::new(&attempt.progress.on_stream);
        let over_tcp = self.send(attempt, Dress { transport: Transport::Tcp, ..dress }, job).await;
        drop(busy);
        match over_tcp {
            Ok(reply) if reply.header.has(Header::TC) => Err(Fault::Truncated),
            Ok(reply) => Ok((reply, Transport::Tcp)),
            Err(Fault::Limit(limit)) => Err(Fault::Limit(limit)),
            Err(_) if matches!(doubt, Fault::NearMiss | Fault::OtherCase) && dress.case => {
                self.without_case(attempt, dress, doubt, job).await
            }
            Err(_) if matches!(doubt, Fault::Rcode(_)) && attempt.may_be_plain() && !self.speaks_edns(attempt) => {
                // An old server may complain so, and have no stream to repeat it. Who said it is not known, though: it is
                // asked without OPT this once.
                self.once_more(attempt, dress.without_opt(), job).await
            }
            Err(_) if doubt == Fault::WrongCookie => {
                // There is no stream to ask: an honest server that lost its cookie must not be lost itself.
                self.servers.cannot_do_options(attempt.address, self.world.clock.now());
                self.once_more(attempt, Dress { cookie: Showing::Nothing, ..dress }, job).await
            }
            // The datagram was replied to: this is not the silence that the timers count.
            Err(Fault::Timeout) => Err(Fault::Unreachable(ErrorKind::TimedOut)),
            Err(fault) => Err(fault),
        }
    }

    /// Whether a complaint over UDP repeats no question, and the query had OPT to complain of, or the server has read queries
    /// like this one before: the ID is all that its sender had to guess, and it would silence the server or have it asked
    /// without OPT (POI-27).
    fn is_mere_hint(&self, attempt: &Try<'_>, dress: Dress, reply: &Message) -> bool {
        dress.transport == Transport::Udp
            && reply.question.is_none()
            && !reply.header.has(Header::TC)
            && (dress.edns || self.speaks_edns(attempt))
    }

    fn speaks_edns(&self, attempt: &Try<'_>) -> bool {
        attempt.memory.speaks_edns(self.world.clock.now())
    }

    /// The exchange with a server that changes case and has no TCP: without 0x20 nothing is near to a miss.
    async fn without_case(&self, attempt: &Try<'_>, dress: Dress, doubt: Fault, job: &Job) -> Result<Reply, Fault> {
        let reply = self.once_more(attempt, Dress { case: false, ..dress }, job).await?;
        if doubt == Fault::OtherCase {
            // The ID was right, and there is no stream to ask: to find it out each time anew would cost a timeout.
            self.servers.mangles_case(attempt.address, self.world.clock.now());
        }
        Ok(reply)
    }

    /// One more datagram, in another dress: there is no stream that could settle what the reply to the last one left open.
    async fn once_more(&self, attempt: &Try<'_>, dress: Dress, job: &Job) -> Result<Reply, Fault> {
        let reply = self.send(attempt, dress, job).await?;
        if reply.header.has(Header::TC) { Err(Fault::Truncated) } else { Ok((reply, Transport::Udp)) }
    }

    /// One packet out, one reply in.
    async fn send(&self, attempt: &Try<'_>, dress: Dress, job: &Job) -> Result<Arc<Message>, Fault> {
        if !attempt.progress.count(dress.transport, job.limits().sends_per_server) {
            job.reach(LimitName::SendsPerServer);
            return Err(Fault::Timeout);
        }
        if dress.transport == Transport::Tcp {
            job.budget().spend_tcp().map_err(Fault::Limit)?;
        }
        job.budget().spend_query().map_err(Fault::Limit)?;
        let server = SocketAddr::new(attempt.address, attempt.port);
        job.tell(|| Step::Sent {
            zone: attempt.zone.clone(),
            host: attempt.host.clone(),
            server,
            transport: dress.transport,
            question: attempt.question.clone(),
        });
        let reply = self.shared_exchange(attempt, dress, server, job).await;
        if !matches!(reply, Err(Fault::Timeout | Fault::Unreachable(_) | Fault::Limit(_))) {
            attempt.progress.excuse();
        }
        let reply = reply.inspect_err(|fault| match fault {
            Fault::Timeout if dress.transport == Transport::Tcp => job.reach(LimitName::TcpTimeout),
            Fault::Limit(Limit::TcpPerServer) => job.reach(LimitName::TcpPerServer),
            Fault::Limit(Limit::Exchanges) => job.reach(LimitName::Exchanges),
            Fault::TooMuch(bound) => job.reach(*bound),
            _ => {}
        })?;
        if reply.edns.as_ref().is_some_and(|edns| edns.left_out > 0) {
            job.reach(LimitName::EdnsOptions);
        }
        job.budget().spend_octets(reply.octets).map_err(Fault::Limit)?;
        if reply.octets > LONG_REPLY {
            tokio::task::yield_now().await;
        }
        Ok(reply)
    }

    async fn shared_exchange(
        &self,
        attempt: &Try<'_>,
        dress: Dress,
        server: SocketAddr,
        job: &Job,
    ) -> Result<Arc<Message>, Fault> {
        let route = Route { server, transport: dress.transport };
        let key = ExchangeKey {
            route,
            question: attempt.question.clone(),
            manner: dress.manner,
            edns: dress.edns,
            case: dress.case,
            cookie: dress.cookie,
            trail: dress.trail,
            // A stream loses nothing: asking the same again over another one would only double the wait.
            try_number: if dress.transport == Transport::Udp { attempt.number } else { 0 },
        };
        let patience = match dress.transport {
            Transport::Udp => job.limits().longest_timeout.max(attempt.timer),
            Transport::Tcp => job.limits().tcp_timeout,
        };
        let prepare = || {
            let cookie = self.presented(attempt, dress);
            let trail = self.trail(attempt.question, dress, job);
            let outgoing = build(attempt.question, dress, cookie, trail.as_deref(), &self.world.dice);
            let wire = self.wire(job.limits().reading());
            move || wire.wait(route, outgoing, patience)
        };
        let joined = self.exchanges.join_prepared(&key, prepare);
        // Nothing was sent: it says nothing of the server.
        let waiter = joined.map_err(|_| Fault::Limit(Limit::Exchanges))?;
        match waiter.wait().await {
            Some(Came::InTime(result)) => result,
            Some(Came::Late(reply)) => {
                job.reach(LimitName::LongestTimeout);
                let _late = attempt.progress.late(attempt.number);
                reply.await
            }
            None => Err(Fault::Timeout),
        }
    }

    fn learn(&self, attempt: &Try<'_>, dress: Dress, reply: &Message) {
        let (address, now) = (attempt.address, self.world.clock.now());
        // OPT in a reply to a query without it says nothing about queries with it.
        if dress.edns && reply.edns.is_some() {
            if !attempt.memory.speaks_edns(now) {
                self.servers.spoke_edns(address, now);
            }
        } else if !dress.edns
            && !attempt.memory.is_plain(now)
            && matches!(reply.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN)
        {
            // Queries with OPT got no reply. That one without did, as before, is no news.
            self.servers.is_plain(address, Plainness::Guessed, now);
        }
    }
}

/// Octets of a reply that it takes a while to read, and again to look through: clients come in between.
const LONG_REPLY: usize = 4096;

/// FORMERR and NOTIMP are the honest ways to say it, SERVFAIL and REFUSED the ones met as often (RFC 8906 §3.1). From one
/// that recurses, SERVFAIL and REFUSED mean what they say.
fn is_edns_complaint(rcode: Rcode, manner: Manner) -> bool {
    let doubtful = matches!(rcode, Rcode::SERVFAIL | Rcode::REFUSED) && !manner.wants_recursion();
    matches!(rcode, Rcode::FORMERR | Rcode::NOTIMP) || doubtful
}

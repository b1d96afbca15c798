//! Plays a scenario: one resolver, one front desk, a clock that stands still until everybody waits.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use burdock::cache::Front;
use burdock::dns::{Header, Question};
use burdock::policy::Policy;
use burdock::resolver::Resolver;
use burdock::responder::{Client, ClientTransport, Immediate, Responder, Turn};
use burdock::telemetry::Trace;
use burdock::world::{Clock, Dice, World};
use tokio::task::JoinSet;

use super::autotrust::{Followed, Variables};
use super::matching::{Kind, Packet, compare};
use super::model::{Action, Entry, Over, Scenario, Step};
use super::network::{Servers, write};
use super::words::Setup;

/// Longer than any question may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Turns of the scheduler without any sign of life after which everybody is taken to wait.
const QUIET_TURNS: u32 = 40;

/// Plays `scenario`; an error says in which step it left the script, and how.
pub fn play(scenario: &Scenario, setup: &Setup) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut player = Player::new(scenario, setup);
        for (index, step) in scenario.steps.iter().enumerate() {
            // What a step sets going happens in the time of the next one.
            let next = scenario.steps.get(index + 1).map_or(step.number, |next| next.number);
            player.servers.enter(step.number);
            player.settle().await;
            let done = player.act(step, next).await;
            if let Err(problem) = done {
                return Err(player.explain(step, &problem).await);
            }
        }
        Ok(())
    })
}

/// A resolver with empty caches in the scenario's world.
fn resolver(setup: &Setup, servers: &Arc<Servers>, clock: &Clock) -> Resolver {
    let world = World { network: servers.clone(), clock: clock.clone(), dice: Dice::seeded(1) };
    Resolver::new(setup.resolver.clone(), &setup.cache, Arc::new(setup.limits.clone()), world)
}

/// A reply, and what it replies to.
struct Heard {
    reply: Vec<u8>,
    over: Over,
    query: Vec<u8>,
    from: Option<IpAddr>,
}

struct Player {
    servers: Arc<Servers>,
    setup: Setup,
    resolver: Arc<Resolver>,
    responder: Arc<Responder>,
    followed: Followed,
    variables: Variables,
    clock: Clock,
    working: JoinSet<Option<Heard>>,
    answers: Vec<Packet>,
    /// Whether the script is about truncation. Clients always ask again over TCP; elsewhere nothing else counts.
    truncates: bool,
    ids: u16,
    /// The last question of a client.
    asked: Option<Question>,
}

impl Player {
    fn new(scenario: &Scenario, setup: &Setup) -> Self {
        let servers = Servers::new(scenario.ranges.clone());
        let clock = Clock::at(setup.wall);
        let resolver = Arc::new(resolver(setup, &servers, &clock));
        let policy = Policy::new(&setup.policy, resolver.world(), resolver.limits());
        let responder = Responder::new(Arc::clone(&resolver), policy, &setup.cache);
        Self {
            servers,
            setup: setup.clone(),
            followed: Followed::new(scenario, &setup.resolver.dnssec.anchors),
            variables: Variables::default(),
            resolver,
            responder,
            clock,
            working: JoinSet::new(),
            answers: Vec::new(),
            truncates: scenario.steps.iter().any(checks_truncation),
            ids: 0,
            asked: None,
        }
    }

    async fn act(&mut self, step: &Step, next: u32) -> Result<(), String> {
        match &step.action {
            Action::Query(from, entry) => {
                self.servers.enter_from(step.number, next);
                // Before the first question of a client, too, as the server does when it starts.
                self.followed.ask(&self.resolver).await;
                self.ask(*from, entry);
                self.settle().await;
                Ok(())
            }
            Action::CheckAnswer(entry) => self.check_answer(entry).await,
            Action::CheckOutQuery(entry) => self.check_out_query(entry),
            Action::Reply(from, entry) => {
                if !self.servers.reply(*from, entry) {
                    return Err("no query waits for this reply".to_owned());
                }
                self.servers.enter(next);
                self.settle().await;
                Ok(())
            }
            Action::Timeout | Action::Error => {
                let refused = matches!(step.action, Action::Error);
                self.servers.fail(if refused { io::ErrorKind::ConnectionRefused } else { io::ErrorKind::TimedOut });
                self.settle().await;
                Ok(())
            }
            Action::TimePasses(text) => {
                let time = self.variables.evaluate(text, self.clock.wall(), self.followed.left(self.clock.wall()))?;
                tokio::time::advance(Duration::from_secs_f64(time)).await;
                self.servers.enter(next);
                self.followed.ask(&self.resolver).await;
                self.settle().await;
                Ok(())
            }
            Action::Assign(text) => {
                self.variables.assign(text, self.clock.wall(), self.followed.left(self.clock.wall()))
            }
            Action::CheckAnchors(keys) => self.followed.check(keys),
            Action::Nothing => {
                self.followed.ask(&self.resolver).await;
                Ok(())
            }
        }
    }

    /// A client sends the entry's message.
    fn ask(&mut self, from: Option<IpAddr>, entry: &Entry) {
        self.ids = self.ids.wrapping_add(1);
        self.asked = entry.message.question.as_ref().map(|(question, _)| question.clone());
        let packet = match &entry.raw {
            Some(raw) => raw.clone(),
            None => write(&entry.message, self.ids, entry.message.question.clone()),
        };
        self.send(from, packet, entry.matching.transport.unwrap_or(Over::Udp));
    }

    /// A client sends a packet.
    fn send(&mut self, from: Option<IpAddr>, packet: Vec<u8>, over: Over) {
        let (transport, size) = match over {
            Over::Udp => (ClientTransport::Udp, Responder::MAX_UDP_REPLY),
            Over::Tcp => (ClientTransport::Tcp, usize::from(u16::MAX)),
        };
        let client = Client {
            address: SocketAddr::new(from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 10_000 + self.ids),
            transport,
        };
        let mut out = vec![0; size];
        match self.responder.answer_now(
            &packet,
            &client,
            &mut Turn { now: self.clock.now(), front: &mut Front::none() },
            &mut out,
        ) {
            Immediate::Reply(length) => {
                out.truncate(length);
                self.hear(Heard { reply: out, over, query: packet, from });
            }
            Immediate::Silence => {}
            Immediate::Later(request) => {
                let responder = self.responder.clone();
                self.working.spawn(async move {
                    let reply = responder.answer_later(request).await?;
                    Some(Heard { reply: reply.to_vec(), over, query: packet, from })
                });
            }
        }
    }

    /// A client gets a packet.
    fn hear(&mut self, heard: Heard) {
        let Some(answer) = Packet::new(&heard.reply, heard.over) else { return };
        let truncated = answer.message.header.has(Header::TC) && heard.over == Over::Udp;
        if !truncated || self.truncates {
            self.answers.push(answer);
        }
        if truncated {
            self.send(heard.from, heard.query, Over::Tcp);
        }
    }

    /// Lets everybody run until all wait, without letting time pass.
    async fn settle(&mut self) {
        let mut quiet = 0;
        let mut seen = self.servers.count();
        while quiet < QUIET_TURNS {
            tokio::task::yield_now().await;
            quiet += 1;
            let finished = self.working.try_join_next();
            if finished.is_some() || seen != self.servers.count() {
                (quiet, seen) = (0, self.servers.count());
            }
            if let Some(Ok(Some(heard))) = finished {
                self.hear(heard);
            }
        }
    }

    /// Some client has got, or gets before anything else happens, what the entry says.
    async fn check_answer(&mut self, entry: &Entry) -> Result<(), String> {
        loop {
            if let Some(index) = self.answers.iter().position(|answer| compare(entry, answer, Kind::Answer).is_ok()) {
                let id = self.answers.remove(index).message.header.id;
                self.answers.retain(|answer| answer.message.header.id != id);
                return Ok(());
            }
            match tokio::time::timeout(PATIENCE, self.working.join_next()).await {
                Err(_) => return Err("no answer after a minute".to_owned()),
                Ok(None) => return Err(self.why_none(entry)),
                Ok(Some(Err(panic))) => return Err(format!("a question ended in {panic}")),
                Ok(Some(Ok(None))) => {}
                Ok(Some(Ok(Some(heard)))) => self.hear(heard),
            }
        }
    }

    fn why_none(&self, entry: &Entry) -> String {
        let differences = self.answers.iter().map(|answer| {
            let difference = compare(entry, answer, Kind::Answer).err().unwrap_or_default();
            format!("\n{difference}\n  in {}", describe(answer))
        });
        if self.answers.is_empty() { "no answer".to_owned() } else { differences.collect() }
    }

    fn check_out_query(&self, entry: &Entry) -> Result<(), String> {
        let log = self.servers.log();
        let differences: Vec<String> =
            log.iter().rev().take(5).filter_map(|sent| compare(entry, &sent.query, Kind::Query).err()).collect();
        let found = log.iter().any(|sent| compare(entry, &sent.query, Kind::Query).is_ok());
        if found { Ok(()) } else { Err(format!("no such query was sent; the last ones: {}", differences.join("; "))) }
    }

    /// The problem, what was sent up to it, and the last question once more, by a resolver that
    /// remembers nothing, with every step told.
    async fn explain(&self, step: &Step, problem: &str) -> String {
        let mut text = format!("step {} (line {}): {problem}\nsent to servers:", step.number, step.line);
        for sent in self.servers.log().iter().rev().take(60).rev() {
            let question = sent.query.message.question.as_ref().map(|(question, _)| question.to_string());
            let silence = if sent.answered { "" } else { " (no answer in its range)" };
            let (server, transport) = (sent.route.server.ip(), sent.route.transport);
            text.push_str(&format!(
                "\n  {}: {server} {transport:?} {}{silence}",
                sent.step,
                question.unwrap_or_default()
            ));
        }
        if let Some(question) = &self.asked {
            let trace = Arc::new(Trace::new(self.clock.now()));
            let resolver = resolver(&self.setup, &self.servers, &self.clock);
            let job = resolver.job().traced(trace.clone());
            let again = tokio::time::timeout(PATIENCE, resolver.resolve(question, &job));
            let result = again.await.map(|result| result.map(|_| ()).map_err(|error| error.to_string()));
            text.push_str(&format!("\n{question} once more: {result:?}"));
            for entry in trace.entries() {
                text.push_str(&format!(
                    "\n  {:>6}ms {}{:?}",
                    entry.at.as_millis(),
                    "  ".repeat(entry.depth as usize),
                    entry.step
                ));
            }
        }
        text
    }
}

/// Whether the step expects TC, or a reply over UDP.
fn checks_truncation(step: &Step) -> bool {
    match &step.action {
        Action::CheckAnswer(entry) => entry.message.flags & Header::TC != 0 || entry.matching.transport.is_some(),
        _ => false,
    }
}

/// An answer in one paragraph.
fn describe(packet: &Packet) -> String {
    let message = &packet.message;
    let truncated = if message.header.has(Header::TC) { " (truncated)" } else { "" };
    let question = message.question.as_ref().map(|(question, _)| question.to_string()).unwrap_or_default();
    let mut text = format!("the answer to {question}: {}{truncated}", message.rcode());
    for record in message.answer.iter().chain(&message.authority) {
        text.push_str(&format!("\n    {}", burdock::dns::record_to_text(record)));
    }
    for option in message.edns.iter().flat_map(|edns| &edns.options) {
        text.push_str(&format!("\n    {option:?}"));
    }
    text
}

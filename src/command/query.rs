//! `burdock query`: one question, resolved in this process or asked of a server, shown as dig would show it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::cache::Front;
use crate::config::arguments::{Query, Walk};
use crate::config::{Config, load};
use crate::dns::{Header, Message, QueryFlags, Question, Rcode, write_query};
use crate::policy::{self, AccessSettings, Policy};
use crate::responder::{Client, ClientTransport, Immediate, Responder, Turn};
use crate::server;
use crate::world::{Arrival, Route, Transport, World};

use super::failure::{Failure, print};
use super::reply::Shown;
use super::walker::{Walker, block_on};
use super::words::Words;

/// Resolves or asks, and prints the reply.
pub fn run(query: &Query) -> Result<(), Failure> {
    let words = Words::read(&query.words)?;
    let loaded = load(query.walk.file.config.as_deref(), &query.walk.overrides())?;
    let reply = match words.server {
        Some(server) => block_on(ask(&words, server, loaded.config))?,
        None => block_on(resolve(&words, loaded.config))?,
    };
    show(&query.walk, &reply)
}

/// A reply, and how it was had.
struct Reply {
    bytes: Vec<u8>,
    message: Message,
    took: Duration,
    server: String,
    queries: Option<u32>,
}

fn show(walk: &Walk, reply: &Reply) -> Result<(), Failure> {
    let Reply { bytes, message, took, server, queries } = reply;
    let shown = Shown { message, octets: bytes.len(), took: *took, server, queries: *queries };
    match walk.json {
        true => print(&format!("{:#}\n", shown.to_json()))?,
        false => print(&shown.to_text())?,
    }
    match message.rcode() {
        Rcode::NOERROR | Rcode::NXDOMAIN => Ok(()),
        _ => Err(Failure::Said),
    }
}

/// Puts the question to a responder of our own, as a client would.
async fn resolve(words: &Words, config: Config) -> Result<Reply, Failure> {
    let walker = Walker::new(&config);
    let clock = walker.resolver.world().clock.clone();
    let started = clock.now();
    // Who asks sits at this keyboard; the lists are about others.
    let ourselves = vec![IpAddr::from(Ipv4Addr::LOCALHOST).into()];
    let access = AccessSettings { snoop: ourselves.clone(), ..AccessSettings::allowing(ourselves) };
    let settings = policy::Settings { access, ..config.policy };
    let policy = Policy::new(&settings, walker.resolver.world(), walker.resolver.limits());
    let responder = Responder::new(Arc::clone(&walker.resolver), policy, &config.cache);
    let client = Client { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), transport: ClientTransport::Tcp };
    let packet = write_query(walker.resolver.world().dice.id(), &words.question, flags(words));
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let bytes = match responder.answer_now(
        &packet,
        &client,
        &mut Turn { now: started, front: &mut Front::none() },
        &mut buffer,
    ) {
        Immediate::Reply(length) => buffer.get(..length).map(<[u8]>::to_vec),
        Immediate::Later(request) => Arc::clone(&responder).answer_later(request).await.map(|bytes| bytes.to_vec()),
        Immediate::Silence => None,
    };
    let bytes = bytes.ok_or_else(|| Failure::could_not("resolve", "the question was dropped", "ask again"))?;
    let took = clock.now().saturating_duration_since(started);
    let message = read(&bytes, "this process")?;
    Ok(Reply { bytes, message, took, server: "this process".to_owned(), queries: Some(walker.queries()) })
}

/// Asks `server`, as a stub does (RFC 1123 §6.1.3.2): UDP, and TCP when the reply is truncated.
async fn ask(words: &Words, server: SocketAddr, config: Config) -> Result<Reply, Failure> {
    let world = server::world(config.source, Arc::new(config.limits));
    let started = world.clock.now();
    let mut transport = if words.tcp { Transport::Tcp } else { Transport::Udp };
    let mut answered = exchange(&world, words, Route { server, transport }).await?;
    if answered.1.header.has(Header::TC) && transport == Transport::Udp {
        transport = Transport::Tcp;
        answered = exchange(&world, words, Route { server, transport }).await?;
    }
    let took = world.clock.now().saturating_duration_since(started);
    let (bytes, message) = answered;
    let over = match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    };
    Ok(Reply { bytes, message, took, server: format!("{server} ({over})"), queries: None })
}

async fn exchange(world: &World, words: &Words, route: Route) -> Result<(Vec<u8>, Message), Failure> {
    let (tries, patience) = match route.transport {
        Transport::Udp => (3, Duration::from_secs(2)),
        Transport::Tcp => (1, Duration::from_secs(5)),
    };
    let what = format!("ask {}", route.server);
    let mut last = format!("it did not answer within {} s, asked {tries} times", patience.as_secs());
    for _ in 0..tries {
        let id = world.dice.id();
        let query = write_query(id, &words.question, flags(words));
        let is_ours =
            |packet: &[u8]| if answers(packet, id, &words.question) { Arrival::Ours } else { Arrival::NotOurs };
        match timeout(patience, world.network.exchange(route, &query, &is_ours)).await {
            Ok(Ok(bytes)) => return Ok((bytes.to_vec(), read(&bytes, &route.server.to_string())?)),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => {}
        }
    }
    Err(Failure::could_not(what, last, "see whether a server runs at that address and port, and whether it serves you"))
}

/// Whether the packet is the reply to our question; one whose question cannot be read may be a FORMERR.
fn answers(packet: &[u8], id: u16, question: &Question) -> bool {
    let Ok(header) = Header::parse(packet) else { return false };
    let ours = header.id == id && header.has(Header::QR);
    ours && Message::parse(packet).map_or(true, |reply| reply.question.is_none_or(|(asked, _)| asked == *question))
}

fn read(bytes: &[u8], from: &str) -> Result<Message, Failure> {
    Message::parse(bytes).map_err(|error| {
        Failure::could_not(
            format!("read the reply of {from}"),
            error,
            "ask another server; this one sends malformed messages",
        )
    })
}

fn flags(words: &Words) -> QueryFlags {
    QueryFlags { recursion_desired: true, edns: Some(1232), dnssec_ok: words.dnssec, ..QueryFlags::default() }
}

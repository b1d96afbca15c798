//! `burdock playground`: the resolver in front of a miniature Internet, to be asked with dig or shown once.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::arguments::Playground as Arguments;
use crate::config::{Config, Overrides, Rollover, parse};
use crate::dns::{Name, Question};
use crate::dnssec;
use crate::playground::{Example, Playground, start};
use crate::server::{self, Parts};

use super::failure::{Failure, print};
use super::serve::start_log;
use super::trace::walk_once;
use super::walker::block_on;
use super::words::Words;

/// Starts the miniature Internet, and walks it once or serves it.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    block_on(async {
        let internet = start().await.map_err(|error| {
            let remedy = "the loopback interface must be up, and its addresses 127.53.0.0/16 free";
            Failure::could_not("start the miniature Internet", error, remedy)
        })?;
        match arguments.once {
            true => once(&internet, &arguments.words).await,
            false => serve(&internet, arguments.listen).await,
        }
    })
}

/// From the root to the answer: the lecture's example, or what `words` ask about.
async fn once(internet: &Playground, words: &[String]) -> Result<(), Failure> {
    let example = internet.examples().first().map_or("", |example| example.question);
    let lecture: Vec<String> = example.split(' ').map(str::to_owned).collect();
    let question = Words::read(if words.is_empty() { &lecture } else { words })?.walkable()?;
    let shows = internet
        .examples()
        .iter()
        .find(|example| asks(example, &question))
        .map_or("a name of your choice", |example| example.shows);
    let config = config(internet, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let walked = walk_once(&question, &config).await;
    print(&format!("{question}: {shows}\n\n{}", walked.to_text()))?;
    walked.result.map(drop).map_err(|_| Failure::Said)
}

/// Whether the example asks just this.
fn asks(example: &Example, question: &Question) -> bool {
    let words: Vec<String> = example.question.split(' ').map(str::to_owned).collect();
    Words::read(&words).is_ok_and(|words| words.question == *question)
}

async fn serve(internet: &Playground, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let system = |error| Failure::could_not("wait for signals", error, "see what this user may do (ulimit -a)");
    let mut terminate = signal(SignalKind::terminate()).map_err(system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    let config = config(internet, listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    // As when it serves: what is missing here will be missing there.
    start_log(config.log);
    let server = server::start(Parts::from(config))
        .map_err(|error| Failure::told(format!("cannot start the server: {error}")))?;
    for address in server.addresses() {
        print(&greeting(internet, *address))?;
    }
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Its workers are threads of their own; the authorities must live until they have ended.
    server.stop();
    Ok(())
}

fn greeting(internet: &Playground, address: SocketAddr) -> String {
    let examples = internet.examples();
    let width = examples.iter().map(|example| example.question.len()).max().unwrap_or(0);
    let dig = format!("dig @{} -p {}", address.ip(), address.port());
    let line = |example: &Example| format!("  {dig} {:<width$}  # {}\n", example.question, example.shows);
    format!(
        "A miniature Internet runs on 127.53.0.0/16, port {}; burdock walks it for whoever asks {address}.\n\n{}\n\
         `burdock playground --once` shows a walk step by step. Ctrl-C ends this.\n",
        internet.upstream_port(),
        examples.iter().map(line).collect::<String>(),
    )
}

/// The defaults, but with the roots, the port and the addresses of the miniature Internet.
fn config(internet: &Playground, listen: SocketAddr) -> Result<Config, Failure> {
    let overrides = Overrides { listen: vec![listen], workers: NonZeroUsize::new(2), root_hints: None };
    // Its servers are all on loopback, where nobody is asked by default.
    let mut config = parse("resolver: { never-ask: [] }\n", None, &overrides)?.config;
    config.resolver.root_hints = internet.root_hints().to_vec();
    config.resolver.upstream_port = internet.upstream_port();
    // Nor may what is known of the real keys be mixed with what this root says.
    config.rollover = Rollover::Off;
    // It has a `test.` of its own, where the signed zones are: nobody else is asked about that (RFC 6761 §6.2).
    config.policy.elsewhere.extend("test.".parse::<Name>());
    // Its root is not the one whose keys are compiled in.
    config.resolver.dnssec = internet.anchor().map_or_else(dnssec::Settings::off, |anchor| dnssec::Settings {
        anchors: dnssec::Anchors::of(anchor, &dnssec::Source::Builtin),
        ..dnssec::Settings::default()
    });
    Ok(config)
}

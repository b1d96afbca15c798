//! More questions than may be worked on.
#![allow(clippy::disallowed_methods, reason = "a flood goes by the system's clock")]

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use burdock::dns::{EdnsOption, Message, Name, NameServer, Rcode};
use burdock::job::{LimitName, Limits};
use burdock::playground::{Authority, Behaviour, Internet, Zone, start_with};
use burdock::server;
use burdock::world::Dice;

use super::authority::Root;
use super::support::{alone, ask, count, good, parts, query, receive, server as serve, udp};
use super::torture::{answered, load};

#[test]
fn at_the_cap_the_oldest_question_goes() {
    let root = Root::start();
    let limits = Limits { jobs: 2, jobs_sheltered: Duration::ZERO, ..Limits::default() };
    let server = serve(&root, &["127.0.0.1:0"], limits);
    let clients: Vec<_> = (0..3).map(|_| udp(server.addresses()[0])).collect();
    for (id, client) in (1..).zip(&clients) {
        client.send(&query(id, "held. A")).unwrap();
        // An answer at once says that the server has seen the question before it.
        let first = ask(client, &query(100, "localhost. A"));
        assert_eq!(good(&first).0, 100);
    }
    root.wait_for_held(1);
    root.release();
    assert_eq!(good(&receive(&clients[1])).0, 2);
    assert_eq!(good(&receive(&clients[2])).0, 3);
    assert_eq!(count(&server.counters().jobs_shed), 1);
    assert_eq!((server.limits().times(LimitName::Jobs), server.limits().times(LimitName::JobsSheltered)), (1, 0));
    // The first was given up: what it hears next is the answer to its next question.
    assert_eq!(good(&ask(&clients[0], &query(4, "www. A"))).0, 4);
}

#[test]
fn no_question_is_ended_before_it_had_its_time() {
    let root = Root::start();
    let limits = Limits { jobs: 2, jobs_sheltered: Duration::from_secs(60), ..Limits::default() };
    let server = serve(&root, &["127.0.0.1:0"], limits);
    let clients: Vec<_> = (0..2).map(|_| udp(server.addresses()[0])).collect();
    for (id, client) in (1..).zip(&clients) {
        client.send(&query(id, "held. A")).unwrap();
        assert_eq!(good(&ask(client, &query(100, "localhost. A"))).0, 100);
    }
    root.wait_for_held(1);
    // Whoever comes now is told why, at once.
    let late = udp(server.addresses()[0]);
    let refusal = Message::parse(&ask(&late, &query(3, "www. A"))).unwrap();
    assert_eq!((refusal.header.id, refusal.rcode()), (3, Rcode::SERVFAIL));
    let told = refusal.edns.iter().flat_map(|edns| &edns.options);
    let named = |option: &EdnsOption| matches!(option, EdnsOption::Ede(_, text) if text.contains("(limits.jobs)"));
    assert!(told.into_iter().any(named), "{refusal:?}");
    assert_eq!((count(&server.counters().jobs_refused), count(&server.counters().jobs_shed)), (1, 0));
    assert_eq!(server.limits().times(LimitName::JobsSheltered), 1);
    root.release();
    for (id, client) in (1..).zip(&clients) {
        assert_eq!(good(&receive(client)).0, id);
    }
    assert_eq!(good(&ask(&late, &query(4, "www. A"))).0, 4);
}

#[test]
fn questions_that_outlast_the_drain_are_counted() {
    let root = Root::start();
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let server = serve(&root, &["127.0.0.1:0"], limits);
    let client = udp(server.addresses()[0]);
    client.send(&query(1, "held. A")).unwrap();
    root.wait_for_held(1);
    let limits = Arc::clone(server.limits());
    server.stop();
    assert_eq!(limits.times(LimitName::Drain), 1);
}

/// Zones whose servers take nine seconds, and one whose server does not.
const SLOW: usize = 20;
/// Questions that may be worked on, and names that somebody asks for again each half second.
const PLACES: u32 = 400;
/// Questions a second for names that nobody asked for, by somebody else.
const OTHERS: u32 = 100;

fn slow_internet() -> Internet {
    let address = |last: usize| -> IpAddr { format!("127.78.4.{last}").parse().unwrap() };
    let head = "$TTL 3600\n@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\n";
    let mut root = format!("{head}ns A 127.78.4.200\ngood NS ns.good\nns.good A 127.78.4.100\n");
    let zone = |apex: &str, text: &str| Arc::new(Zone::read(&apex.parse::<Name>().unwrap(), text).unwrap());
    let mut authorities = Vec::new();
    for index in 0..SLOW {
        root += &format!("s{index} NS ns.s{index}\nns.s{index} A 127.78.4.{}\n", index + 1);
        let data = format!("{head}ns A 127.78.4.{}\n* A 192.0.2.9\n", index + 1);
        let slow = Authority::new(address(index + 1), [zone(&format!("s{index}"), &data)]);
        authorities.push(slow.with(Behaviour::Slow(Duration::from_secs(9))));
    }
    let good = format!("{head}ns A 127.78.4.100\n* A 192.0.2.1\n");
    authorities.push(Authority::new(address(100), [zone("good", &good)]));
    authorities.push(Authority::new(address(200), [zone(".", &root)]));
    let hint = NameServer { host: "ns.".parse().unwrap(), glue: vec![address(200)] };
    Internet { authorities, root_hints: vec![hint] }
}

/// Starts those servers until the sender that is returned is dropped: their port, and the sender.
fn begin() -> (u16, tokio::sync::oneshot::Sender<()>) {
    let (ready, started) = mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let playground = start_with(slow_internet(), Dice::system()).await.unwrap();
            ready.send(playground.upstream_port()).unwrap();
            let _ = ended.await;
        });
    });
    (started.recv().unwrap(), end)
}

/// As many names as there are places, over many slow zones, each asked for again each half second.
fn fill(to: SocketAddr, stop: &AtomicBool) {
    let socket = udp(to);
    socket.set_nonblocking(true).unwrap();
    while !stop.load(Ordering::Relaxed) {
        for number in 0..PLACES as usize {
            let _ = socket.send(&query(number as u16, &format!("n{number}.s{}. A", number % SLOW)));
            if number % 20 == 0 {
                thread::sleep(Duration::from_millis(25));
            }
        }
        while socket.recv(&mut [0; 1500]).is_ok() {}
    }
}

/// AMP-17: all places are taken by questions for slow servers, whose clients ask again and again. Others get theirs.
#[test]
fn amp_17_slow_servers_of_many_zones_do_not_take_all_places() {
    let _turn = alone();
    let (root, (port, _end)) = (Root::start(), begin());
    let mut parts = parts(&root, &["127.0.0.1:0"], Limits { jobs: PLACES, ..Limits::default() });
    parts.policy.access.exempt = vec!["127.0.0.0/8".parse().unwrap()];
    parts.resolver.upstream_port = port;
    parts.resolver.root_hints = slow_internet().root_hints;
    let server = server::start(parts).unwrap();
    let to = server.addresses()[0];
    let stop = AtomicBool::new(false);
    let times = thread::scope(|scope| {
        scope.spawn(|| fill(to, &stop));
        thread::sleep(Duration::from_secs(1));
        let times = load(to, OTHERS, Duration::from_secs(6), |number| format!("b{number}.good."));
        stop.store(true, Ordering::Relaxed);
        times
    });
    let (shed, refused) = (count(&server.counters().jobs_shed), count(&server.counters().jobs_refused));
    println!(
        "AMP-17 {PLACES} places and as many names of {SLOW} slow zones: {:.1} % of others answered (allowed 95); {shed} of the \
         oldest made room, {refused} found none",
        100.0 * answered(&times)
    );
    assert!(answered(&times) >= 0.95 && shed > 0, "{} {shed}", answered(&times));
}

//! More questions than may be worked on.

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{EdnsOption, Message, Rcode};
use burdock::job::{LimitName, Limits};

use super::authority::Root;
use super::support::{ask, count, good, query, receive, server, udp};

#[test]
fn at_the_cap_the_oldest_question_goes() {
    let root = Root::start();
    let limits = Limits { jobs: 2, jobs_sheltered: Duration::ZERO, ..Limits::default() };
    let server = server(&root, &["127.0.0.1:0"], limits);
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
    let server = server(&root, &["127.0.0.1:0"], limits);
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
    let server = server(&root, &["127.0.0.1:0"], limits);
    let client = udp(server.addresses()[0]);
    client.send(&query(1, "held. A")).unwrap();
    root.wait_for_held(1);
    let limits = Arc::clone(server.limits());
    server.stop();
    assert_eq!(limits.times(LimitName::Drain), 1);
}

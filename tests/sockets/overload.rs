//! More questions than may be worked on.

use burdock::job::Limits;

use super::authority::Root;
use super::support::{ask, count, good, query, receive, server, udp};

#[test]
fn at_the_cap_the_oldest_question_goes() {
    let root = Root::start();
    let server = server(&root, &["127.0.0.1:0"], Limits { jobs: 2, ..Limits::default() });
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
    // The first was given up: what it hears next is the answer to its next question.
    assert_eq!(good(&ask(&clients[0], &query(4, "www. A"))).0, 4);
}

//! AMP-16: a question that cannot be answered, asked again and again (RFC 9520).

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::Rcode;
use burdock::playground::Behaviour;

use super::*;
use crate::support::{Tree, run};

const DEAD: [&str; 4] = ["198.18.9.1", "198.18.9.2", "198.18.9.3", "198.18.9.4"];

fn tree(servers: usize) -> Tree {
    Tree::with_tld().zone("dead.t1", &DEAD[..servers], "www A 192.0.2.1\n").zone(
        "good.t1",
        &[VICTIM],
        "alias CNAME www.dead.t1.\nalias2 CNAME www.dead.t1.\n",
    )
}

fn silent(servers: usize) -> Tree {
    DEAD[..servers].iter().fold(tree(servers), |tree, server| tree.behave(server, Behaviour::Silent))
}

/// A dead zone, 500 clients that each ask for the same name once a second for a minute; then its servers come back.
#[test]
fn amp_16_a_storm_of_retries_for_a_dead_zone() {
    for servers in [1, 2, 4] {
        run(async {
            let lab = Arc::new(Lab::new(&silent(servers).internet(), 1));
            let mut clients = tokio::task::JoinSet::new();
            for client in 0..500u64 {
                let lab = Arc::clone(&lab);
                clients.spawn(async move {
                    lab.wait(Duration::from_millis(2 * client)).await;
                    for _ in 0..60 {
                        let asked = lab.clock.now();
                        assert_eq!(lab.ask("www.dead.t1", A).await.rcode(), Rcode::SERVFAIL);
                        tokio::time::sleep_until(asked + Duration::from_secs(1)).await;
                    }
                });
            }
            clients.join_all().await;
            let to_zone = || DEAD.iter().map(|server| lab.net.packets_to(server)).sum::<usize>();
            at_most("AMP-16", &format!("packets to {servers} dead servers in a minute"), to_zone(), 40);
            lab.net.rewire(|known| {
                known.extend(tree(servers).internet().authorities.into_iter().map(|server| (server.address, server)));
            });
            let back = lab.clock.now();
            while lab.ask("www.dead.t1", A).await.a().is_empty() {
                lab.wait(Duration::from_secs(1)).await;
                assert!(lab.clock.now() < back + Duration::from_secs(400));
            }
            let seconds = lab.clock.now().duration_since(back).as_secs_f64();
            at_most("AMP-16", &format!("seconds until {servers} servers that are back are found"), seconds, 10.0);
        });
    }
}

/// RFC 9520 §3.1: whatever happens, a server gets a question three times over one transport.
#[test]
fn amp_16_three_sends_for_each_server_and_transport() {
    run(async {
        for servers in [1, 2, 4] {
            let lab = Lab::new(&silent(servers).internet(), 2);
            let (reply, packets) = ask(&lab, "www.dead.t1").await;
            assert_failed(&reply, &[22], &lab);
            for server in &DEAD[..servers] {
                let sent = lab.net.exchanges();
                for transport in [burdock::world::Transport::Udp, burdock::world::Transport::Tcp] {
                    let to = sent.iter().filter(|e| e.server.ip().to_string() == *server && e.transport == transport);
                    at_most("AMP-16", &format!("sends to a server over {transport:?}"), to.count(), 3);
                }
            }
            let to_zone: usize = DEAD.iter().map(|server| lab.net.packets_to(server)).sum();
            at_most("AMP-16", &format!("packets to {servers} dead servers for one attempt"), to_zone, 12);
            at_most("AMP-16", "packets for one attempt", packets, 12);
            at_most("AMP-16", "seconds for one attempt", reply.after.as_secs_f64(), 5.01);
        }
    });
}

/// The failure of an alias is the alias's own: its target, and other aliases of it, have attempts of their own.
#[test]
fn amp_16_a_failure_belongs_to_the_question_that_was_asked() {
    run(async {
        let lab = Lab::new(&silent(1).internet(), 3);
        assert_failed(&ask(&lab, "alias.good.t1").await.0, &[22], &lab);
        // The client was told before the last packet was given up.
        lab.wait(Duration::from_secs(1)).await;
        let (reply, packets) = ask(&lab, "alias.good.t1").await;
        assert_failed(&reply, &[13], &lab);
        at_most("AMP-16", "packets for the same alias", packets, 0);
        lab.net.rewire(|known| {
            known.extend(tree(1).internet().authorities.into_iter().map(|server| (server.address, server)));
        });
        assert_eq!(ask(&lab, "www.dead.t1").await.0.a(), ["192.0.2.1"], "{}", lab.net.story());
        assert_eq!(ask(&lab, "alias2.good.t1").await.0.a(), ["192.0.2.1"]);
    });
}

/// What is known to be dead is not worth three datagrams a question.
#[test]
fn amp_16_a_server_known_to_be_silent_gets_one_datagram() {
    run(async {
        let lab = Lab::new(&silent(1).internet(), 3);
        for number in 0..6 {
            ask(&lab, &format!("w{number}.dead.t1")).await;
        }
        let before = lab.net.packets();
        for number in 6..16 {
            let (reply, _) = ask(&lab, &format!("w{number}.dead.t1")).await;
            assert_failed(&reply, &[22], &lab);
        }
        at_most("AMP-16", "packets for ten questions to a server known to be silent", lab.net.packets() - before, 10);
    });
}

//! How many packets a question costs when nothing goes wrong.

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::world::Transport;

use crate::support::{Lab, Tree, run};

fn tree() -> Tree {
    Tree::with_tld().zone("d1.t1", &["198.18.2.1"], "h1 A 192.0.2.1\nh2 A 192.0.2.2\nh2 AAAA 2001:db8::2\n").zone(
        "d2.t1",
        &["198.18.2.2"],
        "h1 A 192.0.2.3\n",
    )
}

#[test]
fn a_cold_question_costs_one_packet_per_zone_and_one_to_prime() {
    run(async {
        let lab = Lab::new(&tree().internet(), 1);
        let reply = lab.ask("h1.d1.t1", RecordType::A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}\n{}", lab.net.story());
        lab.wait(Duration::from_secs(1)).await;
        assert_eq!((lab.net.walked(), lab.net.packets()), (3, 4), "{}", lab.net.story());
        assert_eq!(lab.net.packets_over(Transport::Tcp), 0);
        // Four round trips of 20 ms, the first of them to prime.
        assert!(reply.after <= Duration::from_millis(84), "{reply}");
    });
}

#[test]
fn a_known_zone_costs_one_and_a_known_answer_nothing() {
    run(async {
        let lab = Lab::new(&tree().internet(), 2);
        lab.ask("h1.d1.t1", RecordType::A).await;
        lab.wait(Duration::from_secs(1)).await;
        let before = lab.net.packets();
        assert_eq!(lab.ask("h2.d1.t1", RecordType::A).await.a(), ["192.0.2.2"]);
        assert_eq!(lab.net.packets() - before, 1, "{}", lab.net.story());
        assert_eq!(lab.ask("h2.d1.t1", RecordType::AAAA).await.data(RecordType::AAAA), ["2001:db8::2"]);
        assert_eq!(lab.net.packets() - before, 2, "{}", lab.net.story());
        let again = lab.ask("H2.d1.T1", RecordType::A).await;
        assert_eq!((again.a(), again.after), (vec!["192.0.2.2".to_owned()], Duration::ZERO));
        assert_eq!(lab.net.packets() - before, 2, "{}", lab.net.story());
        // A neighbour below the same TLD: the TLD's server and its own.
        assert_eq!(lab.ask("h1.d2.t1", RecordType::A).await.a(), ["192.0.2.3"]);
        assert_eq!(lab.net.packets() - before, 4, "{}", lab.net.story());
    });
}

#[test]
fn denials_are_remembered() {
    run(async {
        let lab = Lab::new(&tree().internet(), 3);
        let reply = lab.ask("gone.d1.t1", RecordType::A).await;
        assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{reply}");
        lab.wait(Duration::from_secs(1)).await;
        let before = lab.net.packets();
        assert_eq!(lab.ask("gone.d1.t1", RecordType::MX).await.rcode(), Rcode::NXDOMAIN);
        assert_eq!(lab.net.packets(), before, "NXDOMAIN is about the name: {}", lab.net.story());
        assert_eq!(lab.ask("h1.d1.t1", RecordType::TXT).await.rcode(), Rcode::NOERROR);
        let after = lab.net.packets();
        assert_eq!(lab.ask("h1.d1.t1", RecordType::TXT).await.rcode(), Rcode::NOERROR);
        assert_eq!(lab.net.packets(), after, "{}", lab.net.story());
    });
}

#[test]
fn a_thousand_identical_questions_at_once_cost_what_one_costs() {
    run(async {
        let lab = Arc::new(Lab::new(&tree().internet(), 4));
        let clients: Vec<_> = (0..1000)
            .map(|_| {
                let lab = Arc::clone(&lab);
                tokio::spawn(async move { lab.ask("h1.d1.t1", RecordType::A).await.a() })
            })
            .collect();
        for client in clients {
            assert_eq!(client.await.unwrap(), ["192.0.2.1"]);
        }
        lab.wait(Duration::from_secs(1)).await;
        assert_eq!((lab.net.walked(), lab.net.packets()), (3, 4), "{}", lab.net.story());
    });
}

#[test]
fn a_ttl_counts_down_and_then_the_zone_is_asked_again() {
    run(async {
        let internet = tree().data("d1.t1", "short 5 A 192.0.2.9\n").internet();
        let lab = Lab::new(&internet, 5);
        assert_eq!(lab.ask("short.d1.t1", RecordType::A).await.ttl(), Some(5));
        lab.wait(Duration::from_secs(3)).await;
        assert_eq!(lab.ask("short.d1.t1", RecordType::A).await.ttl(), Some(2));
        let before = lab.net.packets();
        lab.wait(Duration::from_secs(3)).await;
        assert_eq!(lab.ask("short.d1.t1", RecordType::A).await.ttl(), Some(5));
        assert_eq!(lab.net.packets() - before, 1, "{}", lab.net.story());
    });
}

//! The playground keeps its promises: every example it suggests, asked of a resolver that walks it.

use std::time::Duration;

use burdock::dns::{Rcode, RecordType};
use burdock::playground::{EXAMPLES, Internet};
use burdock::world::Transport;

use crate::support::{Lab, run};

#[test]
fn every_example_ends_as_it_says() {
    run(async {
        let lab = Lab::new(&Internet::lecture().unwrap(), 1);
        for example in EXAMPLES {
            let (owner, rtype) = example.question.split_once(' ').unwrap_or((example.question, "A"));
            let reply = lab.ask(owner, rtype.parse().unwrap()).await;
            let expected = match owner.split_once('.').unwrap().1 {
                "loop.org" | "broken.org" => Rcode::SERVFAIL,
                _ if owner.starts_with("nowhere") => Rcode::NXDOMAIN,
                _ => Rcode::NOERROR,
            };
            assert_eq!(reply.rcode(), expected, "{owner} {reply}\n{}", lab.net.story());
            assert_eq!(reply.message.answer.is_empty(), expected != Rcode::NOERROR, "{reply}");
            assert_eq!(reply.errors().is_empty(), expected != Rcode::SERVFAIL, "{reply}");
        }
    });
}

#[test]
fn the_lectures_walk_takes_one_packet_per_zone() {
    run(async {
        let lab = Lab::new(&Internet::lecture().unwrap(), 2);
        assert_eq!(lab.ask("gaia.cs.umass.edu", RecordType::A).await.a(), ["192.0.2.45"]);
        assert_eq!((lab.net.walked(), lab.net.packets()), (4, 5), "{}", lab.net.story());
        let before = lab.net.packets();
        assert_eq!(lab.ask("engineering.pacific.edu", RecordType::A).await.a(), ["192.0.2.70"]);
        assert_eq!(lab.net.packets() - before, 2, "{}", lab.net.story());
    });
}

#[test]
fn what_is_broken_shows_in_the_packets() {
    run(async {
        let lab = Lab::new(&Internet::lecture().unwrap(), 3);
        lab.ask("www.truncated.org", RecordType::A).await;
        assert_eq!(lab.net.packets_over(Transport::Tcp), 1, "{}", lab.net.story());
        let slow = lab.ask("www.slow.org", RecordType::A).await;
        assert!(slow.after >= Duration::from_millis(600), "{slow}");
        assert_eq!(lab.ask("www.slow.org", RecordType::A).await.after, Duration::ZERO);
        let broken = lab.ask("www.broken.org", RecordType::A).await;
        assert!(broken.errors().iter().any(|(_, text)| text.contains("broken.org")), "{broken}");
    });
}

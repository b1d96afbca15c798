//! Addresses of servers that could not be found out: that is not to say that there are none.

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Rcode, RecordType};

use crate::support::{Lab, Link, Reply, Tree, run};

const A: RecordType = RecordType::A;
const TLD: &str = "198.18.1.1";
/// The server of `host.t1`, where the server of `d1.t1` has its name.
const HOST: &str = "198.18.2.1";

fn tree() -> Tree {
    Tree::with_tld()
        .zone("host.t1", &[HOST], "ns A 198.18.2.7\nns2 A 198.18.3.1\nx A 192.0.2.9\n")
        .delegate("d1.t1", "d1.t1. NS ns.host.t1.\n")
        .bare("d1.t1", &["198.18.2.7"], "@ NS ns.host.t1.\nwww A 192.0.2.1\nw2 A 192.0.2.2\n")
}

fn slow(latency: u64) -> Link {
    Link { latency: Duration::from_millis(latency), ..Link::PERFECT }
}

/// SERVFAIL with this tag.
fn assert_tagged(reply: &Reply, tag: &str, lab: &Lab) {
    assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
    assert!(reply.errors().iter().any(|(_, text)| text.ends_with(tag)), "{:?}", reply.errors());
}

/// Others had taken all places at the zone in which the server has its name: as soon as they are gone, all is well.
#[test]
fn a_crowd_at_the_zone_of_a_server_is_soon_over() {
    run(async {
        let lab = Arc::new(Lab::with(&tree().internet(), 1, |_, limits| limits.jobs_per_zone = 1));
        lab.net.set_link(HOST, slow(250));
        let other = tokio::spawn({
            let lab = Arc::clone(&lab);
            async move { lab.ask("x.host.t1", A).await }
        });
        lab.wait(Duration::from_millis(100)).await;
        let before = lab.net.packets_to(HOST);
        assert_tagged(&lab.ask("www.d1.t1", A).await, "[ZONJ]", &lab);
        assert_eq!(lab.net.packets_to(HOST), before, "no place, no packet");
        assert_eq!(other.await.unwrap().a(), ["192.0.2.9"]);
        for (owner, address) in [("w2.d1.t1", "192.0.2.2"), ("www.d1.t1", "192.0.2.1")] {
            let reply = lab.ask(owner, A).await;
            assert_eq!(reply.a(), [address], "{reply}\n{}", lab.net.story());
        }
    });
}

/// Time was up before the address was known: that is what is told, and remembered for seconds alone.
#[test]
fn a_look_up_that_took_too_long_is_tried_again_in_a_second() {
    run(async {
        let lab = Lab::with(&tree().internet(), 2, |_, limits| limits.work_deadline = Duration::from_millis(3500));
        lab.net.set_link(TLD, slow(700));
        lab.net.set_link(HOST, slow(700));
        assert_tagged(&lab.ask("www.d1.t1", A).await, "[ADUN]", &lab);
        let before = lab.net.packets();
        assert_tagged(&lab.ask("w1.d1.t1", A).await, "[ADUN]", &lab);
        assert_eq!(lab.net.packets(), before, "a moment later nobody tries again");
        lab.wait(Duration::from_millis(1100)).await;
        let reply = lab.ask("w2.d1.t1", A).await;
        assert_eq!(reply.a(), ["192.0.2.2"], "{reply}\n{}", lab.net.story());
    });
}

/// Whoever has an alias that takes all the time must not make the zone that it leads to unknown to others (RFC 9520 §3.2).
#[test]
fn an_alias_that_took_all_the_time_says_nothing_of_the_zone_it_leads_to() {
    run(async {
        let tree = tree().zone("d2.t1", &["198.18.3.1"], "slow CNAME www.d1.t1.\n");
        let lab = Lab::with(&tree.internet(), 3, |_, limits| limits.work_deadline = Duration::from_millis(2000));
        lab.net.set_link("198.18.3.1", slow(500));
        lab.net.set_link(HOST, slow(600));
        assert_tagged(&lab.ask("slow.d2.t1", A).await, "[ADUN]", &lab);
        let reply = lab.ask("www.d1.t1", A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}\n{}", lab.net.story());
    });
}

/// Nor must whoever spent the look-ups of a question before it led there: no address was looked up, so none is missing.
#[test]
fn an_alias_that_took_all_look_ups_says_nothing_of_the_zone_it_leads_to() {
    run(async {
        let tree = tree().delegate("d2.t1", "d2.t1. NS ns2.host.t1.\n").bare(
            "d2.t1",
            &["198.18.3.1"],
            "@ NS ns2.host.t1.\nmany CNAME www.d1.t1.\n",
        );
        let lab = Lab::with(&tree.internet(), 4, |_, limits| limits.address_lookups = 1);
        assert_tagged(&lab.ask("many.d2.t1", A).await, "[ADDR]", &lab);
        let reply = lab.ask("www.d1.t1", A).await;
        assert_eq!(reply.a(), ["192.0.2.1"], "{reply}\n{}", lab.net.story());
    });
}

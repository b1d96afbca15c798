//! Answers that have ended (POL-08, POI-21 f): given when nothing better can be had, or not in time; never in place of what
//! somebody said.
//!
//! A zone with TTLs of a minute below a top-level domain; its server falls silent, refuses, lies or is taken away.

mod interleaved;
mod servers;

use std::sync::Arc;
use std::time::Duration;

use burdock::dns::{Header, QueryFlags, Rcode, RecordType};
use burdock::dnssec::NegativeAnchor;
use burdock::playground::{Behaviour, Field, Internet, Zone};

use super::at_most;
use crate::support::{EPOCH, Lab, Reply, STALE, Tree, name, run};

const TLD: &str = "198.18.1.1";
const SERVER: &str = "198.18.2.1";
const OTHER: &str = "198.18.2.2";
const A: RecordType = RecordType::A;
const MINUTE: Duration = Duration::from_secs(61);
/// What a client that wants DNSSEC records says, and one that checks for itself.
const DO: QueryFlags = QueryFlags { dnssec_ok: true, ..Lab::FLAGS };
const CD: QueryFlags = QueryFlags { dnssec_ok: true, checking_disabled: true, ..Lab::FLAGS };

/// `d1.t1` and `d2.t1`, a minute each, their delegations included.
fn dress(tree: Tree) -> Tree {
    let zone = |tree: Tree, apex: &str, server: &str, data: &str| {
        let shared = format!("{apex}. 60 NS ns.{apex}.\nns.{apex}. 60 A {server}\n");
        tree.delegate(apex, &shared).bare(apex, &[server], &format!("{shared}{data}"))
    };
    let first =
        "w 60 A 192.0.2.1\nfar 60 CNAME w.d2.t1.\nnear 60 CNAME w\nlost 60 CNAME no.d2.t1.\nzero 0 A 192.0.2.3\n";
    zone(zone(tree, "d1.t1", SERVER, first), "d2.t1", OTHER, "w 60 A 192.0.2.2\n")
}

fn plain() -> Internet {
    dress(Tree::with_tld()).internet()
}

fn behave(lab: &Lab, server: &str, behaviour: Behaviour) {
    lab.net.rewire(|servers| servers.get_mut(&server.parse().unwrap()).unwrap().behaviours = vec![behaviour]);
}

fn honest() -> Behaviour {
    Behaviour::edits(|_, _| {})
}

/// Codes of extended errors.
fn codes(reply: &Reply) -> Vec<u16> {
    reply.errors().into_iter().map(|(code, _)| code).collect()
}

fn is_old(reply: &Reply, data: &[&str], lab: &Lab) {
    assert_eq!(
        (reply.rcode(), reply.a().as_slice()),
        (Rcode::NOERROR, &data.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>()[..]),
        "{reply}\n{}",
        lab.net.story()
    );
    assert_eq!((reply.ttl(), codes(reply)[0]), (Some(30), 3), "{reply}");
}

#[test]
fn pol_08_silence_is_waited_for_and_failures_are_not() {
    run(async {
        for (what, behaviour, least, most) in [
            ("silence", Behaviour::Silent, 1800, 1805),
            ("REFUSED", Behaviour::Always(Rcode::REFUSED), 1, 400),
            ("SERVFAIL", Behaviour::Always(Rcode::SERVFAIL), 1, 400),
        ] {
            let lab = Lab::stale(&plain(), 1, |_, _| {});
            let fresh = lab.ask("w.d1.t1", A).await;
            assert_eq!((fresh.ttl(), codes(&fresh)), (Some(60), vec![]), "{fresh}");
            lab.wait(MINUTE).await;
            behave(&lab, SERVER, behaviour);
            let reply = lab.ask("w.d1.t1", A).await;
            is_old(&reply, &["192.0.2.1"], &lab);
            assert!(reply.after >= Duration::from_millis(least), "{what}: {reply}");
            at_most("POL-08", &format!("{what}: ms until the old answer"), reply.after.as_millis(), most);
            // Without EDNS the same, but nothing is told of it.
            let bare = lab.ask_with("w.d1.t1", A, QueryFlags { edns: None, ..Lab::FLAGS }).await;
            assert_eq!((bare.a(), bare.ttl()), (vec!["192.0.2.1".to_owned()], Some(30)), "{what}: {bare}");
            // What was never known fails as it always did.
            let unknown = lab.ask("v.d1.t1", A).await;
            assert_eq!(unknown.rcode(), Rcode::SERVFAIL, "{what}: {unknown}");
        }
    });
}

#[test]
fn pol_08_one_attempt_in_thirty_seconds() {
    run(async {
        for behaviour in [Behaviour::Silent, Behaviour::Always(Rcode::REFUSED), Behaviour::Always(Rcode::SERVFAIL)] {
            let lab = Lab::stale(&plain(), 1, |_, _| {});
            lab.ask("w.d1.t1", A).await;
            lab.wait(MINUTE).await;
            behave(&lab, SERVER, behaviour.clone());
            let before = lab.net.packets();
            for _ in 0..600 {
                is_old(&lab.ask("w.d1.t1", A).await, &["192.0.2.1"], &lab);
                lab.wait(Duration::from_millis(500)).await;
            }
            let sent: Vec<Duration> = lab.net.exchanges()[before..].iter().map(|sent| sent.at).collect();
            let mut starts = vec![sent[0]];
            starts
                .extend(sent.windows(2).filter(|pair| pair[1] - pair[0] > Duration::from_secs(8)).map(|pair| pair[1]));
            let apart = starts.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
            assert!(apart >= Duration::from_secs(30), "{behaviour:?}: {apart:?}\n{}", lab.net.story());
            at_most("POL-08", &format!("{behaviour:?}: attempts in 300 s"), starts.len(), 10);
            // Its return is seen as soon as it is looked for.
            behave(&lab, SERVER, honest());
            lab.wait(Duration::from_secs(31)).await;
            let reply = lab.ask("w.d1.t1", A).await;
            assert_eq!((reply.ttl(), codes(&reply)), (Some(60), vec![]), "{behaviour:?}: {reply}");
        }
    });
}

#[test]
fn pol_08_whoever_is_slow_is_heard_by_the_next() {
    run(async {
        let lab = Lab::stale(&plain(), 1, |_, _| {});
        lab.ask("w.d1.t1", A).await;
        lab.wait(MINUTE).await;
        for server in [TLD, SERVER] {
            behave(&lab, server, Behaviour::Slow(Duration::from_millis(1000)));
        }
        let reply = lab.ask("w.d1.t1", A).await;
        is_old(&reply, &["192.0.2.1"], &lab);
        lab.wait(Duration::from_secs(6)).await;
        let reply = lab.ask("w.d1.t1", A).await;
        assert_eq!(
            (reply.ttl(), reply.after, codes(&reply)),
            (Some(55), Duration::ZERO, vec![]),
            "{reply}\n{}",
            lab.net.story()
        );
    });
}

#[test]
fn pol_08_nothing_is_told_beyond_the_longest_age() {
    run(async {
        let lab = Lab::stale(&plain(), 1, |_, _| {});
        lab.ask("w.d1.t1", A).await;
        lab.ask("zero.d1.t1", A).await;
        behave(&lab, SERVER, Behaviour::Always(Rcode::REFUSED));
        // A TTL of 0 is for one question.
        lab.wait(Duration::from_secs(5)).await;
        assert_eq!(lab.ask("zero.d1.t1", A).await.rcode(), Rcode::SERVFAIL);
        lab.wait(Duration::from_secs(54) + STALE.max_age).await;
        is_old(&lab.ask("w.d1.t1", A).await, &["192.0.2.1"], &lab);
        lab.wait(Duration::from_secs(2)).await;
        let reply = lab.ask("w.d1.t1", A).await;
        assert_eq!((reply.rcode(), codes(&reply)[0]), (Rcode::SERVFAIL, 13), "{reply}");
        println!("POL-08 old answers a second beyond max-age: 0 (allowed 0)");
    });
}

#[test]
fn pol_08_denials_and_signatures_grow_old_too() {
    run(async {
        let lab = Lab::stale(&plain(), 1, |_, _| {});
        let ask = |owner, rtype| lab.ask(owner, rtype);
        for rtype in [A, RecordType::MX, RecordType::RRSIG] {
            ask("no.d1.t1", rtype).await;
            ask("w.d1.t1", rtype).await;
        }
        lab.wait(Duration::from_secs(301)).await;
        behave(&lab, SERVER, Behaviour::Silent);
        behave(&lab, TLD, Behaviour::Silent);
        for (owner, rtype, rcode, code) in [
            ("no.d1.t1", A, Rcode::NXDOMAIN, 19),
            ("no.d1.t1", RecordType::RRSIG, Rcode::NXDOMAIN, 19),
            ("w.d1.t1", RecordType::MX, Rcode::NOERROR, 3),
            ("w.d1.t1", RecordType::RRSIG, Rcode::NOERROR, 3),
        ] {
            let reply = ask(owner, rtype).await;
            assert_eq!(
                (reply.rcode(), codes(&reply).first()),
                (rcode, Some(&code)),
                "{owner} {rtype}: {reply}\n{}",
                lab.net.story()
            );
            assert!(reply.message.authority.iter().all(|record| record.ttl.as_secs() == 30), "{owner} {rtype}");
        }
    });
}

/// Chains whose parts have ended or hold still: old as a whole, unless somebody denies the end of it now.
#[test]
fn pol_08_chains_of_old_and_new() {
    run(async {
        let lab = Lab::stale(&plain(), 1, |_, _| {});
        for owner in ["far.d1.t1", "near.d1.t1", "lost.d1.t1"] {
            lab.ask(owner, A).await;
        }
        lab.wait(MINUTE).await;
        // New at the end, old before it.
        lab.ask("w.d2.t1", A).await;
        behave(&lab, SERVER, Behaviour::Always(Rcode::REFUSED));
        for (owner, data) in [("far.d1.t1", "192.0.2.2"), ("near.d1.t1", "192.0.2.1")] {
            let reply = lab.ask(owner, A).await;
            is_old(&reply, &[data], &lab);
            assert_eq!((reply.message.answer.len(), reply.message.answer[1].ttl.as_secs()), (2, 30), "{reply}");
        }
        // The other way round: what is new there is that it fails.
        behave(&lab, SERVER, honest());
        behave(&lab, OTHER, Behaviour::Always(Rcode::REFUSED));
        lab.wait(MINUTE).await;
        is_old(&lab.ask("far.d1.t1", A).await, &["192.0.2.2"], &lab);
        // Who denies the end counts; it holds for five minutes.
        behave(&lab, OTHER, honest());
        lab.wait(MINUTE).await;
        assert_eq!(lab.ask("no.d2.t1", A).await.rcode(), Rcode::NXDOMAIN);
        behave(&lab, SERVER, Behaviour::Always(Rcode::REFUSED));
        let reply = lab.ask("lost.d1.t1", A).await;
        assert_eq!((reply.rcode(), codes(&reply).contains(&3)), (Rcode::SERVFAIL, false), "{reply}");
        lab.wait(Duration::from_secs(301)).await;
        behave(&lab, OTHER, Behaviour::Always(Rcode::REFUSED));
        let reply = lab.ask("lost.d1.t1", A).await;
        assert_eq!((reply.rcode(), codes(&reply)[0]), (Rcode::NXDOMAIN, 19), "{reply}");
    });
}

/// Takes the delegation of `d1.t1` away.
fn revoke(lab: &Lab) {
    let text = format!("$TTL 3600\n@ SOA ns1 h 2 7200 900 1209600 60\n@ NS ns1\nns1 A {TLD}\n");
    let zone = Arc::new(Zone::read(&name("t1"), &text).unwrap());
    lab.net.rewire(|servers| servers.get_mut(&TLD.parse().unwrap()).unwrap().zones = vec![zone]);
}

/// What was taken away is not given from the past, not even when those who took it away can be asked no more.
#[test]
fn poi_21_f_what_the_parent_denies_is_no_failure() {
    run(async {
        let lab = Lab::stale(&plain(), 1, |_, _| {});
        lab.ask("w.d1.t1", A).await;
        lab.ask("x.w.d1.t1", A).await;
        revoke(&lab);
        lab.wait(MINUTE).await;
        let (mut asked, mut gone) = (0, 0);
        for turn in 0..200 {
            let reply = lab.ask("w.d1.t1", A).await;
            asked += 1;
            gone += usize::from(reply.rcode() == Rcode::NXDOMAIN && reply.a().is_empty());
            assert!(turn == 0 || lab.net.packets_to(TLD) > 0);
            if turn == 100 {
                behave(&lab, TLD, Behaviour::Silent);
                behave(&lab, SERVER, Behaviour::Silent);
            }
            lab.wait(Duration::from_secs(7)).await;
        }
        println!("POI-21 f answers of a revoked domain with serve-stale on: {} of {asked} (allowed 0)", asked - gone);
        assert_eq!(gone, asked);
        // Nor is anything below a name that was denied since.
        assert_eq!(lab.ask("x.w.d1.t1", A).await.rcode(), Rcode::SERVFAIL);
    });
}

#[test]
fn pol_08_what_is_bogus_now_and_what_was_never_checked() {
    run(async {
        let tree = dress(Tree::signed().secure("t1", &[TLD], "")).sign("d1.t1");
        let internet = tree.internet();
        let lab =
            || Lab::stale(&internet, 1, |settings, _| settings.dnssec = crate::sim::validation::from(&tree.anchor()));
        let ad = |reply: &Reply| reply.message.header.has(Header::AD);
        let (silent, bogus) = (lab(), lab());
        for lab in [&silent, &bogus] {
            for owner in ["w.d1.t1", "w.d2.t1"] {
                assert_eq!(ad(&lab.ask_with(owner, A, DO).await), owner == "w.d1.t1");
            }
            // Nobody checked this one.
            lab.ask_with("near.d1.t1", A, CD).await;
            lab.wait(MINUTE).await;
        }
        behave(&silent, SERVER, Behaviour::Silent);
        behave(&bogus, SERVER, Behaviour::SpoilsSignatures(vec![A, RecordType::CNAME], Field::Expiration));
        for (lab, authentic) in [(&silent, true), (&bogus, false)] {
            let reply = lab.ask_with("w.d1.t1", A, DO).await;
            is_old(&reply, &["192.0.2.1"], lab);
            assert_eq!(ad(&reply), authentic, "{reply}");
            assert_eq!(reply.data(RecordType::RRSIG).len(), 1, "{reply}");
            assert!(!ad(&lab.ask_with("w.d1.t1", A, CD).await));
            let never = lab.ask_with("near.d1.t1", A, DO).await;
            assert_eq!((never.rcode(), never.a().len()), (Rcode::SERVFAIL, 0), "{never}");
        }
        behave(&silent, OTHER, Behaviour::Silent);
        let reply = silent.ask_with("w.d2.t1", A, DO).await;
        is_old(&reply, &["192.0.2.2"], &silent);
        assert!(!ad(&reply));
        // Those who check for themselves get what was not checked while it is fresh, and not from the past.
        behave(&silent, SERVER, Behaviour::Silent);
        let reply = silent.ask_with("near.d1.t1", A, CD).await;
        assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}");
    });
}

/// What was never checked because of the operator's exception is not told once that is over.
#[test]
fn pol_08_exceptions_that_are_over() {
    run(async {
        let tree = dress(Tree::signed().secure("t1", &[TLD], "")).sign("d1.t1");
        for (lasts, told) in [(300, false), (86_400, true)] {
            let lab = Lab::stale(&tree.internet(), 1, |settings, _| {
                settings.dnssec = crate::sim::validation::from(&tree.anchor());
                let until = Some(EPOCH + Duration::from_secs(lasts));
                let anchor = NegativeAnchor { domain: name("d1.t1"), reason: String::new(), until };
                settings.dnssec.negative.insert(anchor);
            });
            behave(&lab, SERVER, Behaviour::SpoilsSignatures(Vec::new(), Field::Expiration));
            assert_eq!(lab.ask("w.d1.t1", A).await.a(), ["192.0.2.1"]);
            lab.wait(Duration::from_secs(301)).await;
            behave(&lab, OTHER, Behaviour::Silent);
            if told {
                behave(&lab, SERVER, Behaviour::Silent);
            }
            let reply = lab.ask("w.d1.t1", A).await;
            assert_eq!(!reply.a().is_empty(), told, "{reply}");
        }
    });
}

/// AD is for signatures that are within their time.
#[test]
fn pol_08_signatures_run_out() {
    run(async {
        let tree = dress(Tree::signed().secure("t1", &[TLD], "")).sign("d1.t1");
        let lab = Lab::stale(&tree.internet(), 1, |settings, _| {
            settings.dnssec = crate::sim::validation::from(&tree.anchor())
        });
        // Signatures are good for three weeks.
        lab.wait(Duration::from_secs(21 * 86_400 - 3600)).await;
        assert!(lab.ask_with("w.d1.t1", A, DO).await.message.header.has(Header::AD));
        behave(&lab, SERVER, Behaviour::Silent);
        lab.wait(Duration::from_secs(1800)).await;
        let reply = lab.ask_with("w.d1.t1", A, DO).await;
        is_old(&reply, &["192.0.2.1"], &lab);
        assert!(reply.message.header.has(Header::AD), "{reply}");
        lab.wait(Duration::from_secs(2 * 3600)).await;
        let reply = lab.ask_with("w.d1.t1", A, DO).await;
        is_old(&reply, &["192.0.2.1"], &lab);
        assert!(!reply.message.header.has(Header::AD), "{reply}");
    });
}

/// Where there is no place for a question, what was known is told at once.
#[test]
fn pol_08_no_place_for_another_question() {
    run(async {
        let lab = Arc::new(Lab::stale(&plain(), 1, |_, limits| limits.jobs = 1));
        lab.ask("w.d1.t1", A).await;
        lab.wait(MINUTE).await;
        behave(&lab, SERVER, Behaviour::Silent);
        let busy = tokio::spawn({
            let lab = Arc::clone(&lab);
            async move { lab.ask("other.d1.t1", A).await }
        });
        lab.wait(Duration::from_millis(50)).await;
        let reply = lab.ask("w.d1.t1", A).await;
        is_old(&reply, &["192.0.2.1"], &lab);
        assert_eq!(reply.after, Duration::ZERO, "{reply}");
        assert_eq!(busy.await.unwrap().rcode(), Rcode::SERVFAIL);
    });
}

/// What the operator does not want told is not told from the past either.
#[test]
fn pol_01_private_addresses_of_the_past() {
    run(async {
        let lab = Lab::stale_so(&plain(), 1, STALE, |_, _, policy| {
            let networks = vec!["192.0.2.0/24".parse().unwrap()];
            policy.rebinding = Some(burdock::policy::RebindingSettings { networks, allow: Vec::new() });
        });
        lab.ask("w.d1.t1", A).await;
        lab.wait(MINUTE).await;
        for behaviour in [Behaviour::Silent, Behaviour::Always(Rcode::REFUSED)] {
            behave(&lab, SERVER, behaviour);
            let reply = lab.ask("w.d1.t1", A).await;
            assert_eq!((reply.rcode(), reply.a().len(), codes(&reply)), (Rcode::NOERROR, 0, vec![17]), "{reply}");
        }
    });
}

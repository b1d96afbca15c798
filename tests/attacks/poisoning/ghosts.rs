//! Delegations that are taken away and try to live on (ghost and phoenix domains): POI-21 to POI-24.
//!
//! Below a top-level domain there is a zone whose server never changes; then the top-level domain knows nothing of it.
//! What it sets against that: its own NS set in every reply, new names for it, zones below zones, and clients that ask
//! for the very records just before they expire, with answers from the past switched on.

use std::net::IpAddr;
use std::time::Duration;

use burdock::dns::{Header, Rcode, RecordType, Ttl};
use burdock::playground::{Behaviour, Zone};
use std::sync::Arc;

use super::{a, records};
use crate::support::{Lab, ROOT, Tree, name, run};

const TLD: &str = "198.18.1.1";
const CHILD: &str = "198.18.2.1";
const DAY: u32 = 86_400;

/// `mid.tld`, delegated for so long. Everything in it may be kept for a second.
fn tree(ttl: u32) -> Tree {
    let own = format!("mid.tld. {DAY} NS ns.mid.tld.\nns.mid.tld. {DAY} A {CHILD}\n* 1 A 192.0.2.66\n");
    Tree::new()
        .zone("tld", &[TLD], "")
        .delegate("mid.tld", &format!("mid.tld. {ttl} NS ns.mid.tld.\nns.mid.tld. {ttl} A {CHILD}\n"))
        .bare("mid.tld", &[CHILD], &own)
}

/// What a ghost does: how its server speaks, and what a client of its asks at the last moment.
struct Ghost {
    id: &'static str,
    speaks: Option<Behaviour>,
    last: Option<(&'static str, RecordType)>,
    /// What is asked of it, `#` being a number that is new each time.
    asked: String,
}

/// Every reply brings the NS set and its address, good for a day; `host` names the server for the n-th query.
fn renews(host: impl Fn(u64) -> String + Send + Sync + 'static) -> Behaviour {
    Behaviour::edits(move |query, draft| {
        let host = host(query.nth);
        draft.message.authority.extend(records(&format!("mid.tld. {DAY} NS {host}.\n")));
        draft.message.additional.extend(records(&format!("{host}. {DAY} A {CHILD}\n")));
    })
}

/// Whatever is asked is another zone, down to the name that begins with `w`.
fn delegates() -> Behaviour {
    Behaviour::edits(|query, draft| {
        let asked = query.name().to_lowercase();
        let message = &mut draft.message;
        message.additional.clear();
        if asked.labels().next().is_some_and(|label| label.starts_with(b"w")) {
            message.header.flags |= Header::AA;
            burdock::playground::set_rcode(message, Rcode::NOERROR);
            message.authority.clear();
            message.answer = records(&format!("{asked} 1 A 192.0.2.66"));
        } else if asked.is_strictly_below(&name("mid.tld")) {
            message.header.flags &= !Header::AA;
            burdock::playground::set_rcode(message, Rcode::NOERROR);
            message.answer.clear();
            message.authority = records(&format!("{asked} {DAY} NS ns.{asked}"));
            message.additional = records(&format!("ns.{asked} {DAY} A {CHILD}"));
        }
    })
}

fn ghosts() -> Vec<Ghost> {
    let plain = || "w#.mid.tld".to_owned();
    let deep: String = (0..20).rev().map(|n| format!("l{n}.")).collect();
    let ghost = |id, speaks, last, asked| Ghost { id, speaks, last, asked };
    vec![
        ghost("POI-21 (a) NS in every reply", Some(renews(|_| "ns.mid.tld".into())), None, plain()),
        ghost("POI-21 (b) new NS names", Some(renews(|n| format!("ns{n}.mid.tld"))), None, plain()),
        ghost("POI-22 (c) zones below zones", Some(delegates()), None, format!("w#.{deep}mid.tld")),
        ghost("POI-21 (f) the same name again", None, None, "w.mid.tld".to_owned()),
        ghost("POI-23 (d) NS asked for", None, Some(("mid.tld", RecordType::NS)), plain()),
        ghost("POI-24 (e) glue asked for", None, Some(("ns.mid.tld", RecordType::A)), plain()),
        ghost(
            "POI-21-24 all at once",
            Some(renews(|n| format!("ns{n}.mid.tld"))),
            Some(("mid.tld", RecordType::NS)),
            plain(),
        ),
    ]
}

/// Takes the delegation away.
fn revoke(lab: &Lab) {
    let text = format!("$TTL 3600\n@ SOA ns1 h 1 7200 900 1209600 2\n@ NS ns1\nns1 A {TLD}\n");
    let zone = Arc::new(Zone::read(&name("tld"), &text).unwrap());
    lab.net.rewire(|servers| servers.get_mut(&TLD.parse().unwrap()).unwrap().zones = vec![zone]);
}

#[test]
fn poi_21_to_24_what_the_parent_takes_away_is_gone_when_its_ttl_ends() {
    for ttl in [4, 3600] {
        for ghost in ghosts() {
            run(haunt(ghost, ttl));
        }
    }
}

/// Whatever its TTL, a delegation lives no longer than any other record: `cache.max-ttl`, a day.
#[test]
fn poi_21_the_longest_life_of_a_delegation() {
    run(async {
        let own = format!("@ {DAY} NS ns.ghost.\nns {DAY} A {CHILD}\n* 1 A 192.0.2.66\n");
        let delegation = format!("ghost. {} NS ns.ghost.\nns.ghost. {} A {CHILD}\n", 2 * DAY, 2 * DAY);
        let tree = Tree::new().delegate("ghost", &delegation).bare("ghost", &[CHILD], &own);
        let lab = Lab::new(&tree.internet(), 1);
        assert_eq!(a(&lab, "w1.ghost").await.a(), ["192.0.2.66"]);
        let without = Tree::new().internet();
        let root = without.authorities.into_iter().find(|server| server.address == ROOT.parse::<IpAddr>().unwrap());
        lab.net.rewire(|servers| drop(servers.insert(ROOT.parse().unwrap(), root.unwrap())));
        lab.wait(Duration::from_secs(u64::from(DAY) - 1)).await;
        assert_eq!(a(&lab, "w2.ghost").await.a(), ["192.0.2.66"], "until then it is the parent's word");
        lab.wait(Duration::from_secs(2)).await;
        assert_eq!(a(&lab, "w3.ghost").await.rcode(), Rcode::NXDOMAIN);
    });
}

/// Uses the zone, has it revoked, and goes on asking every half TTL.
async fn haunt(ghost: Ghost, ttl: u32) {
    let mut tree = tree(ttl);
    if let Some(speaks) = ghost.speaks {
        tree = tree.behave(CHILD, speaks);
    }
    // What is known of old names may be told of them, and of nothing else.
    let lab = Lab::stale(&tree.internet(), 1, |_, _| {});
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        ghost.asked.replace('#', &number.to_string())
    };
    let whole = Ttl::from_secs(ttl).duration();
    let first = a(&lab, &fresh()).await;
    assert_eq!(first.a(), ["192.0.2.66"], "{}: {first}\n{}", ghost.id, lab.net.story());
    let learnt = lab.clock.now();
    // From here on the zone is the ghost's alone.
    revoke(&lab);
    let before = lab.net.packets_to(TLD);
    for _ in 0..2 {
        lab.wait(whole / 2 - Duration::from_millis(500)).await;
        a(&lab, &fresh()).await;
    }
    if let Some((owner, rtype)) = ghost.last {
        assert_eq!(lab.ask(owner, rtype).await.rcode(), Rcode::NOERROR, "{}", ghost.id);
    }
    let mut last_seen = Duration::ZERO;
    let (mut asked, mut gone) = (0, 0);
    while lab.clock.now().duration_since(learnt) < whole * 4 {
        let reply = a(&lab, &fresh()).await;
        let age = lab.clock.now().duration_since(learnt);
        if reply.a().is_empty() {
            asked += u32::from(age > whole + Duration::from_secs(1));
            gone += u32::from(age > whole + Duration::from_secs(1) && reply.rcode() == Rcode::NXDOMAIN);
        } else {
            last_seen = age;
        }
        if age > whole + Duration::from_secs(1) {
            assert!(lab.net.packets_to(TLD) > before, "{}: nobody asked the parent", ghost.id);
            assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{} at {age:?}: {reply}\n{}", ghost.id, lab.net.story());
        }
        lab.wait((whole / 2).min(Duration::from_secs(ttl.into()) / 2)).await;
        // Right after the end, too.
        let left = (whole + Duration::from_millis(1100)).saturating_sub(lab.clock.now().duration_since(learnt));
        if left < whole / 2 {
            lab.wait(left).await;
        }
    }
    assert!(asked > 0 && asked == gone, "{}: {gone} of {asked}", ghost.id);
    assert!(last_seen <= whole, "{}: {last_seen:?}", ghost.id);
    println!(
        "{}, TTL {ttl}: last seen after {last_seen:?} (allowed {ttl} s), then NXDOMAIN {gone} of {asked}",
        ghost.id
    );
}

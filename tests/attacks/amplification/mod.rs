//! Being made to work for others: referrals, aliases and failures that ask for far more packets than the question is worth.

mod aliases;
mod cycles;
mod delegations;
mod failures;
mod flush;
mod mixtures;
mod overload;
mod transport;

use std::time::Duration;

use burdock::dns::{Class, Name, Rcode, Record, RecordType, Ttl};
use burdock::playground::{Behaviour, Draft};

pub use super::at_most;
use crate::support::{Lab, Reply, name};

/// The servers of the attacker's zone, `evil.t1`, and of the victim's, `victim.t1`.
const EVIL: &str = "198.18.66.1";
const VICTIM: &str = "198.18.2.1";
/// The server of `t1`.
const TLD: &str = "198.18.1.1";
const A: RecordType = RecordType::A;

/// A reply, and the packets it cost.
async fn ask(lab: &Lab, owner: &str) -> (Reply, usize) {
    let before = lab.net.packets();
    let reply = lab.ask(owner, A).await;
    (reply, lab.net.packets() - before)
}

/// SERVFAIL whose extended error is one of `codes`.
fn assert_failed(reply: &Reply, codes: &[u16], lab: &Lab) {
    assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
    assert!(reply.errors().iter().any(|(code, _)| codes.contains(code)), "{reply}\n{}", lab.net.story());
}

/// A record made up by an attacker.
fn record(owner: &Name, rtype: RecordType, rdata: &[u8]) -> Record {
    Record { owner: owner.clone(), rtype, class: Class::IN, ttl: Ttl::from_secs(3600), rdata: rdata.into() }
}

/// Turns `draft` into a referral of `zone` to `hosts`.
fn refer(draft: &mut Draft, zone: &Name, hosts: impl IntoIterator<Item = Name>, ttl: u32) {
    let message = &mut draft.message;
    message.header.flags &= !(burdock::dns::Header::AA | 0xf);
    message.answer.clear();
    message.additional.clear();
    message.authority = hosts
        .into_iter()
        .map(|host| Record { ttl: Ttl::from_secs(ttl), ..record(zone, RecordType::NS, host.wire()) })
        .collect();
}

/// A server that refers every name below `<label>.<apex>` to `count` servers, whose names `host` makes of the label and a
/// number; names directly at `apex` are left to the zone's data.
fn refers_each(
    apex: &'static str,
    count: usize,
    ttl: u32,
    host: impl Fn(&str, usize) -> String + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::edits(move |query, draft| {
        let (asked, apex) = (query.name().to_lowercase(), name(apex));
        if !asked.is_strictly_below(&apex) {
            return;
        }
        let zone = asked.suffix(apex.label_count() + 1);
        let label = zone.labels().next().map(|label| String::from_utf8_lossy(label).into_owned()).unwrap_or_default();
        if label.starts_with("ns") {
            return;
        }
        refer(draft, &zone, (0..count).map(|number| name(&host(&label, number))), ttl);
    })
}

/// Lets the packets that are still under way come to an end.
async fn settle(lab: &Lab) {
    lab.wait(Duration::from_secs(10)).await;
}

//! Servers as they are: each kind of failure met in the Internet, played alone, with the bounds of what it may cost.
//!
//! INT-01 to INT-30. Unless a test says otherwise a round trip takes 20 ms and nothing is lost.

mod delegation;
mod edns;
mod kinds;
mod network;
mod replies;
mod servers;
mod success;
mod transport;

use std::time::Duration;

use burdock::dns::{Class, Message, Rcode, Record, RecordType, Ttl};
use burdock::playground::Behaviour;

use crate::support::{Lab, Reply, Tree, name};

/// The servers of `d1.t1`.
const FIRST: &str = "198.18.2.1";
const SECOND: &str = "198.18.2.2";
/// What a zone's failure may cost at most, and take at most.
const HOPELESS: usize = 12;
const PATIENCE: Duration = Duration::from_millis(5002);

/// `d1.t1` and what is in it.
fn data() -> String {
    let mut data = String::from(
        "www A 192.0.2.1\nwww AAAA 2001:db8::1\nwww2 A 192.0.2.2\ndeep.empty A 192.0.2.3\nalias CNAME www\n\
         www3 A 192.0.2.4\nwww4 A 192.0.2.5\n",
    );
    for letter in 'a'..='j' {
        data.push_str(&format!("big TXT \"{}\"\n", letter.to_string().repeat(200)));
    }
    for letter in 'a'..='d' {
        data.push_str(&format!("medium TXT \"{}\"\n", letter.to_string().repeat(200)));
    }
    data
}

/// One server for `d1.t1`.
fn one() -> Tree {
    Tree::with_tld().zone("d1.t1", &[FIRST], &data())
}

/// Two.
fn two() -> Tree {
    Tree::with_tld().zone("d1.t1", &[FIRST, SECOND], &data())
}

fn record(owner: &str, rtype: RecordType, ttl: u32, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, class: Class::IN, ttl: Ttl::from_secs(ttl), rdata: rdata.into() }
}

/// A server that changes its honest reply about `owner`.
fn about(owner: &str, change: impl Fn(&mut Message) + Send + Sync + 'static) -> Behaviour {
    let owner = name(owner);
    Behaviour::edits(move |query, draft| {
        if query.name() == owner {
            change(&mut draft.message);
        }
    })
}

/// Asks for an A record and says what it cost.
async fn ask(lab: &Lab, owner: &str) -> (Reply, usize) {
    ask_for(lab, owner, RecordType::A).await
}

async fn ask_for(lab: &Lab, owner: &str, rtype: RecordType) -> (Reply, usize) {
    let before = lab.net.packets();
    let reply = lab.ask(owner, rtype).await;
    assert!(reply.after <= PATIENCE, "{reply}");
    (reply, lab.net.packets() - before)
}

/// The answer, and what it cost; fails with the whole story when there is none.
async fn get(lab: &Lab, owner: &str, expected: &str) -> (Reply, usize) {
    let (reply, cost) = ask(lab, owner).await;
    assert_eq!(reply.a(), [expected], "{reply}\n{}", lab.net.story());
    (reply, cost)
}

/// No answer can be had: SERVFAIL with one of the extended errors, in bounds.
async fn fail(lab: &Lab, owner: &str, codes: &[u16]) -> (Reply, usize) {
    let (reply, cost) = ask(lab, owner).await;
    assert_eq!(reply.rcode(), Rcode::SERVFAIL, "{reply}\n{}", lab.net.story());
    let known = reply.errors().iter().any(|(code, _)| codes.contains(code));
    assert!(known, "{reply}");
    (reply, cost)
}

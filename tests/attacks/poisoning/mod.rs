//! False answers: packets that are not the reply, records that are not the server's to give, delegations taken away.
//!
//! POI-01 to POI-31. Somebody's zone `victim` and somebody else's `attacker`, each on a server of its own below the root;
//! what can be seen of a success is that the attacker's server is asked, or that its address is in an answer.

mod carriers;
mod ghosts;
mod matching;
mod records;
mod states;

use std::time::Duration;

use burdock::dns::{Message, Name, Question, Record, RecordType, Ttl, read_zone};
use burdock::job::Job;
use burdock::playground::{Behaviour, Draft, Kind, Query, Response, write};
use burdock::world::Transport;

use crate::support::{Lab, Reply, Tree, name};

const VICTIM: &str = "198.18.1.1";
const ATTACKER: &str = "198.18.3.1";
/// What the attacker wants everybody to believe.
const FORGED: &str = "6.6.6.6";
/// The forger is nearer than the server.
const AHEAD: Duration = Duration::from_millis(5);

/// The victim's zone on one server.
fn victim() -> Tree {
    let data = "trigger TXT hello\ntrigger A 192.0.2.10\ncanary A 192.0.2.1\nprime A 192.0.2.2\nmail A 192.0.2.25\n\
                www A 192.0.2.80\n";
    Tree::new().zone("victim", &[VICTIM], data).zone("attacker", &[ATTACKER], "www A 6.6.6.6\n* A 6.6.6.6\n")
}

/// Records in the form of a zone file, names absolute.
fn records(text: &str) -> Vec<Record> {
    read_zone(text, &Name::root(), Ttl::from_secs(3600)).unwrap()
}

/// A server that changes what it says about `owner`, over whatever transport.
fn about(owner: &str, change: impl Fn(&mut Message) + Send + Sync + 'static) -> Behaviour {
    let owner = name(owner);
    Behaviour::edits(move |query, draft| {
        if query.name() == owner {
            change(&mut draft.message);
        }
    })
}

/// Somebody off the path gets in ahead of the server's reply about `owner` with packets of its own.
fn overtaken(owner: &str, packets: impl Fn(&Query<'_>, &Message) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Behaviour {
    let owner = name(owner);
    Behaviour::edits(move |query, draft: &mut Draft| {
        if query.name() == owner && query.transport == Transport::Udp {
            let forged = forged(&draft.message);
            let forged = packets(query, &forged).into_iter();
            draft.others.extend(forged.map(|packet| Response { delay: Duration::ZERO, kind: Kind::Packet(packet) }));
            draft.delay += AHEAD;
        }
    })
}

/// The reply with [`FORGED`] in place of its data.
fn forged(reply: &Message) -> Message {
    let mut forged = reply.clone();
    for record in forged.answer.iter_mut().filter(|record| record.rtype == RecordType::A) {
        record.rdata = (&[6, 6, 6, 6][..]).into();
    }
    forged
}

/// The message as it goes on the wire.
fn packet(message: &Message) -> Vec<u8> {
    write(message, &[], usize::MAX)
}

async fn a(lab: &Lab, owner: &str) -> Reply {
    lab.ask(owner, RecordType::A).await
}

/// The genuine answer.
async fn genuine(lab: &Lab, owner: &str, address: &str) -> Reply {
    let reply = a(lab, owner).await;
    assert_eq!(reply.a(), [address], "{owner}: {reply}\n{}", lab.net.story());
    reply
}

/// Whether the cache can say anything of this name and type without asking anybody.
fn is_cached(lab: &Lab, owner: &str, rtype: RecordType) -> bool {
    let unchecked: Job = lab.resolver.job().with(burdock::job::Checking::Disabled);
    lab.resolver.recollect(&Question::new(name(owner), rtype), &unchecked).is_some()
}

/// Nobody was led to the attacker, and the victim's zone is still the victim's.
async fn unharmed(lab: &Lab, id: &str) {
    let (asked, before) = (lab.net.packets_to(VICTIM), lab.net.packets_to(ATTACKER));
    let hijacked = a(lab, "only-if-hijacked.victim").await;
    assert_eq!(hijacked.rcode(), burdock::dns::Rcode::NXDOMAIN, "{id}: {hijacked}\n{}", lab.net.story());
    genuine(lab, "canary.victim", "192.0.2.1").await;
    let asked = lab.net.packets_to(VICTIM) - asked;
    assert!(asked >= 2, "{id}: {asked} packets to the victim's server");
    assert_eq!(lab.net.packets_to(ATTACKER), before, "{id}: {}", lab.net.story());
    assert!(!is_cached(lab, "hijacked.victim", RecordType::A));
}

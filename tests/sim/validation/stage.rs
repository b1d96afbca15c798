//! A resolver before servers that lie, and all the ways in which nobody must get to see what they say.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use burdock::dns::{Header, Message, QueryFlags, Question, Rcode, RecordType, write_query};
use burdock::dnssec::Settings;
use burdock::playground::{Behaviour, Internet};
use burdock::responder::{Client, ClientTransport};

use super::{A, CD, DO, ask, verdict};
use crate::support::{Lab, Reply, name};

/// A lab, and what it takes to build another one like it.
pub struct Stage {
    lab: Lab,
    internet: Internet,
    dnssec: Settings,
    seed: u64,
}

impl Deref for Stage {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Stage {
    pub fn new(internet: Internet, dnssec: Settings, seed: u64) -> Self {
        let lab = Lab::with(&internet, seed, |settings, _| settings.dnssec = dnssec.clone());
        Self { lab, internet, dnssec, seed }
    }

    /// Another lab, before the same servers, which do not lie until [`resume`].
    fn honest(&self) -> (Lab, BTreeMap<IpAddr, Vec<Behaviour>>) {
        let mut lies = BTreeMap::new();
        let lab = Lab::with(&self.internet, self.seed, |settings, _| settings.dnssec = self.dnssec.clone());
        lab.net.rewire(|servers| {
            lies = servers.iter_mut().map(|(at, server)| (*at, std::mem::take(&mut server.behaviours))).collect();
        });
        (lab, lies)
    }
}

fn resume(lab: &Lab, mut lies: BTreeMap<IpAddr, Vec<Behaviour>>) {
    lab.net.rewire(|servers| {
        servers.iter_mut().for_each(|(at, server)| server.behaviours = lies.remove(at).unwrap_or_default());
    });
}

thread_local! {
    /// Forgeries that this test has played, and of those the ones that were played to a cache full of proofs, too.
    static REFUSED: Cell<[u32; 2]> = const { Cell::new([0; 2]) };
}

/// Asks what has been forged: SERVFAIL and an extended error among `codes`, in a cold cache and in one that has proofs of
/// the zones; whoever sets CD gets what there is without AD, and nobody else gains by that.
pub async fn refused(stage: &Stage, owner: &str, rtype: RecordType, codes: &[u16]) {
    refusal(stage, owner, rtype, codes).await;
    let own = stage.ask_with(owner, rtype, CD).await;
    assert!(!own.message.header.has(Header::AD), "{owner} {rtype}: {own}");
    let known = known(stage, owner, rtype).await;
    assert!(known.answer.is_empty() && !known.header.has(Header::AD), "{owner} {rtype}: {known:?}");
    refusal(stage, owner, rtype, codes).await;
    let warm = warm(stage, owner, rtype, codes).await;
    let [cold, before] = REFUSED.get();
    REFUSED.set([cold + 1, before + u32::from(warm)]);
}

/// Tells what the test of that name has refused.
pub fn tell(id: &str) {
    let [cold, warm] = REFUSED.get();
    let forged = if cold == 0 {
        "held".to_owned()
    } else {
        format!("forgeries refused {cold} of {cold}, {warm} of them also beside proofs from before, else the truth")
    };
    println!("{id} {forged}; AD on a forgery 0 (allowed 0)");
}

/// The first part of [`refused`].
pub async fn refusal(lab: &Lab, owner: &str, rtype: RecordType, codes: &[u16]) {
    let reply = ask(lab, owner, rtype).await;
    assert_refusal(&reply, (owner, rtype), codes, lab);
}

fn assert_refusal(reply: &Reply, (owner, rtype): (&str, RecordType), codes: &[u16], lab: &Lab) {
    assert_eq!(verdict(reply), (Rcode::SERVFAIL, false), "{owner} {rtype}: {reply}\n{}", lab.net.story());
    assert!(reply.message.answer.is_empty(), "{owner} {rtype}: {reply}");
    let told = reply.errors().iter().any(|(code, _)| codes.contains(code));
    assert!(told, "{owner} {rtype}, not {codes:?}: {reply}\n{}", lab.net.story());
}

/// What is answered without recursion.
async fn known(lab: &Lab, owner: &str, rtype: RecordType) -> Message {
    let client = Client { address: SocketAddr::from(([192, 0, 2, 78], 40_000)), transport: ClientTransport::Tcp };
    let flags = QueryFlags { recursion_desired: false, ..DO };
    let query = write_query(1, &Question::new(name(owner), rtype), flags);
    Message::parse(&lab.exchange(&query, &client).await.unwrap()).unwrap()
}

/// The same in a resolver that has heard the truth about the zones above, and proofs with it: it may know the true answer,
/// else it refuses. True when it is the latter.
async fn warm(stage: &Stage, owner: &str, rtype: RecordType, codes: &[u16]) -> bool {
    let (lab, lies) = stage.honest();
    for above in name(owner).ancestors().skip(1) {
        let below = |label: &[u8]| above.prepend(label).map(|name| name.to_string());
        let zone = above.to_string();
        for (owner, rtype) in [
            (Ok(zone.clone()), RecordType::SOA),
            (Ok(zone), RecordType::TXT),
            (below(b"0"), A),
            (below(b"n-o"), A),
            (below(b"zzzz"), A),
        ] {
            if let Ok(owner) = owner {
                ask(&lab, &owner, rtype).await;
            }
        }
    }
    resume(&lab, lies);
    let reply = ask(&lab, owner, rtype).await;
    if verdict(&reply) == (Rcode::SERVFAIL, false) {
        assert_refusal(&reply, (owner, rtype), codes, &lab);
        return true;
    }
    let truth = ask(&stage.honest().0, owner, rtype).await;
    assert_eq!((verdict(&reply), reply.records()), (verdict(&truth), truth.records()), "{owner} {rtype}: {reply}");
    false
}

//! The Internet that is soaked: honest zones and broken ones below a signed `soak.`, on 127.81.0.0/16, and the truth of
//! each name. Every server loses replies while [`Weather`] says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use burdock::dns::{Message, Name, Question, Rcode, Record, RecordType, RrSet, rrset_to_text};
use burdock::playground::{Behaviour, Denials, Fate, Field, Hashing, Opt, Signer, Window, start_with};
use burdock::world::{Clock, Dice, Transport};

use crate::support::{Oracle, Tree, Truth, name};

/// Replies of every server that are lost, in thousandths; those of `lossy.soak.` five times as often.
pub type Weather = Arc<AtomicU32>;

/// A zone below `soak.` and what is particular about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    Honest,
    Signed,
    Bogus,
    /// Nobody answers.
    Dead,
    /// Everybody says that they do not know the zone.
    Lame,
}

/// Label, third octet of the servers' addresses, and nature.
const ZONES: &[(&str, u8, Nature)] = &[
    ("good", 10, Nature::Honest),
    ("lossy", 11, Nature::Honest),
    ("slow", 12, Nature::Honest),
    ("truncates", 13, Nature::Honest),
    ("halflame", 14, Nature::Honest),
    ("halfdead", 15, Nature::Honest),
    ("notcp", 16, Nature::Honest),
    ("noedns", 17, Nature::Honest),
    ("nsec", 18, Nature::Signed),
    ("nsec3", 19, Nature::Signed),
    ("bogus", 20, Nature::Bogus),
    ("dead", 21, Nature::Dead),
    ("lame", 22, Nature::Lame),
];

/// What every zone has. TTLs are short: most of it ends several times a minute.
const DATA: &str = "www 2 A 192.0.2.1\nwww 3 AAAA 2001:db8::1\n@ 2 MX 10 mail\nmail 2 A 192.0.2.2\nalias 2 CNAME www\n\
    away 3 CNAME www.good.soak.\nfour 1 A 192.0.2.3\nfour 1 A 192.0.2.4\nfour 1 A 192.0.2.5\nfour 1 A 192.0.2.6\n\
    *.wild 5 A 192.0.2.7\ndeep.empty 2 A 192.0.2.8\nmoved 3 DNAME empty\nhit0 900 A 192.0.2.9\nhit1 900 A 192.0.2.10\n";
/// Owners and types that repeat, and end.
pub const REPEATED: &[(&str, &str)] = &[
    ("www", "A"),
    ("www", "AAAA"),
    ("", "MX"),
    ("alias", "A"),
    ("away", "A"),
    ("four", "A"),
    ("deep.empty", "A"),
    ("empty", "A"),
    ("deep.moved", "A"),
    ("text", "TXT"),
    ("nothing", "A"),
];

/// What a right reply is.
#[derive(Clone, Debug)]
pub enum Expected {
    Failure,
    Answer { rcode: Rcode, chain: Vec<RrSet>, secure: bool },
}

/// Everything that a client must know to judge.
pub struct World {
    oracle: Oracle,
    pub upstream_port: u16,
    /// The root's DS records, as text.
    pub anchor: String,
    pub hints: String,
}

impl World {
    /// Starts the servers, on a thread of their own that ends with the process.
    pub fn start(weather: &Weather) -> Self {
        let tree = tree(weather);
        let (internet, oracle) = (tree.internet(), tree.oracle());
        let anchor: Vec<String> = rrset_to_text(&tree.anchor());
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let playground = start_with(internet, Dice::system()).await.unwrap();
                tell.send(playground.upstream_port()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        let upstream_port = told.recv().expect("every address of 127.81.0.0/16 can be bound");
        let hints = ". 3600 NS ns1.\n. 3600 NS ns2.\nns1. 3600 A 127.81.0.1\nns2. 3600 A 127.81.0.2\n".to_owned();
        Self { oracle, upstream_port, anchor: anchor.join("\n") + "\n", hints }
    }

    /// What is right when the client lets signatures be checked, or not.
    pub fn expected(&self, question: &Question, checking_disabled: bool) -> Expected {
        let (rcode, chain, zones) = match self.oracle.ask(question) {
            Truth::Ends { rcode, chain, zones } => (rcode, chain, zones),
            Truth::Endless { .. } => return Expected::Failure,
        };
        let mut secure = true;
        for zone in &zones {
            match nature(zone) {
                Nature::Dead | Nature::Lame => return Expected::Failure,
                Nature::Bogus if !checking_disabled => return Expected::Failure,
                Nature::Signed => {}
                Nature::Bogus | Nature::Honest => secure = false,
            }
        }
        Expected::Answer { rcode, chain, secure }
    }
}

impl Expected {
    /// What is wrong with a reply to `question`: `None` if nothing is. SERVFAIL instead of an answer is not wrong here.
    pub fn complaint(&self, reply: &Message, wants_ad: bool, cd: bool) -> Option<String> {
        let ad = reply.header.has(burdock::dns::Header::AD);
        let Self::Answer { rcode, chain, secure } = self else {
            return (reply.rcode() != Rcode::SERVFAIL || ad || !reply.answer.is_empty())
                .then(|| "SERVFAIL is right".to_owned());
        };
        if reply.rcode() != *rcode {
            return Some(format!("{rcode} is right"));
        }
        let mut right: Vec<_> = chain.iter().flat_map(sorted_set).collect();
        let mut said: Vec<_> = reply.answer.iter().filter(|record| is_data(record)).map(key).collect();
        right.sort();
        said.sort();
        if right != said {
            let right: Vec<String> = chain.iter().flat_map(rrset_to_text).collect();
            return Some(format!("right is {right:?}"));
        }
        let too_old = |record: &&Record| {
            let set = chain.iter().find(|set| set.owner == record.owner && set.rtype == record.rtype);
            set.is_some_and(|set| record.ttl > set.ttl)
        };
        if let Some(record) = reply.answer.iter().find(too_old) {
            return Some(format!("the TTL of {} is longer than the zone's", record.owner));
        }
        if ad != *secure && (ad || (wants_ad && !cd)) {
            return Some(format!("AD should be {secure}"));
        }
        None
    }
}

type Key = (Name, RecordType, Vec<u8>);

fn sorted_set(set: &RrSet) -> Vec<Key> {
    if set.rtype == RecordType::DNAME {
        return Vec::new();
    }
    set.rdatas.iter().map(|rdata| (set.owner.clone(), set.rtype, rdata.to_vec())).collect()
}

fn key(record: &Record) -> Key {
    (record.owner.clone(), record.rtype, record.rdata.to_vec())
}

/// DNAME may be there or not; signatures are the resolver's to check.
fn is_data(record: &Record) -> bool {
    record.rtype != RecordType::DNAME && record.rtype != RecordType::RRSIG
}

/// `www` in the n-th zone whose servers are honest in the end, or broken.
pub fn owner(label: &str, zone: usize) -> String {
    let (apex, ..) = ZONES[zone % ZONES.len()];
    if label.is_empty() { format!("{apex}.soak") } else { format!("{label}.{apex}.soak") }
}

/// Zones that answer, however badly.
pub const ANSWERING: usize = 11;
/// The zone of which everything is fetched over TCP.
pub const TRUNCATING: usize = 3;
/// The zone that nobody answers for.
pub const DEAD: usize = 11;
/// Of those that answer, the zones where nothing goes slowly or wrong: for the time that a question takes.
pub const QUICK: &[usize] = &[0, 8, 9];

fn nature(zone: &Name) -> Nature {
    let label = zone.to_lowercase().to_string();
    let label = label.trim_end_matches('.').trim_end_matches("soak").trim_end_matches('.');
    // The root and `soak.` itself are signed.
    ZONES.iter().find(|(apex, ..)| *apex == label).map_or(Nature::Signed, |(_, _, nature)| *nature)
}

fn tree(weather: &Weather) -> Tree {
    let window = Window::around(Clock::system().wall());
    let now = |signer: Signer| Signer { window, ..signer };
    let root = "@ NS ns1\n@ NS ns2\nns1 A 127.81.0.1\nns2 A 127.81.0.2\n";
    let mut tree = Tree::signed().bare(".", &["127.81.0.1", "127.81.0.2"], root).signer(".", now);
    tree = tree.zone("soak", &["127.81.1.1", "127.81.1.2"], "").sign("soak").signer("soak", now);
    for (label, octet, nature) in ZONES {
        let apex = format!("{label}.soak");
        let servers = [1, 2].map(|last| format!("127.81.{octet}.{last}"));
        let ns = format!(
            "{apex}. 20 NS ns1.{apex}.\n{apex}. 20 NS ns2.{apex}.\nns1.{apex}. 20 A {}\nns2.{apex}. 20 A {}\n",
            servers[0], servers[1]
        );
        let text = format!("text 2 TXT {}\n", format!("\"{}\" ", "x".repeat(200)).repeat(12));
        tree = tree.delegate(&apex, &ns).bare(&apex, &[&servers[0], &servers[1]], &format!("{ns}{DATA}{text}"));
        if matches!(nature, Nature::Signed | Nature::Bogus) {
            tree = tree.sign(&apex).signer(&apex, now);
        }
        for (index, server) in servers.iter().enumerate() {
            let loss = if *label == "lossy" { 5 } else { 1 };
            tree = misbehave(tree, label, index, server).behave(server, losing(weather, loss));
        }
    }
    tree = tree.signer("nsec3.soak", |signer| signer.denying(Denials::Nsec3(Hashing::default())));
    for server in ["127.81.0.1", "127.81.0.2", "127.81.1.1", "127.81.1.2"] {
        tree = tree.behave(server, losing(weather, 1));
    }
    tree
}

/// What is wrong with a server of the zone.
fn misbehave(tree: Tree, label: &str, index: usize, server: &str) -> Tree {
    let late = |query: &burdock::playground::Query<'_>, draft: &mut burdock::playground::Draft| {
        draft.delay += Duration::from_millis(query.dice.below(40) as u64);
    };
    let behaviour = match (label, index) {
        ("slow", _) => Behaviour::edits(late),
        ("truncates", _) => Behaviour::Truncates,
        ("halflame", 0) | ("lame", _) => Behaviour::Always(Rcode::REFUSED),
        ("halfdead", 0) | ("dead", _) => Behaviour::Silent,
        ("notcp", 0) => Behaviour::Refuses(Transport::Tcp),
        ("noedns", _) => Behaviour::RejectsEdns(Rcode::FORMERR, Opt::Absent),
        ("bogus", _) => Behaviour::SpoilsSignatures(Vec::new(), Field::Signature),
        _ => return tree,
    };
    tree.behave(server, behaviour)
}

fn losing(weather: &Weather, factor: u32) -> Behaviour {
    let weather = Arc::clone(weather);
    Behaviour::edits(move |query, draft| {
        let thousandths = weather.load(Ordering::Relaxed).saturating_mul(factor);
        if query.transport == Transport::Udp && query.dice.below(1000) < thousandths as usize {
            draft.fate = Fate::Dropped;
        }
    })
}

/// A question by its text.
pub fn question(owner: &str, rtype: &str) -> Question {
    Question::new(name(owner), rtype.parse().unwrap())
}

/// Where Burdock answers: an address of its own, so that nobody's socket takes the port while it is down.
pub fn burdock_address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 81, 255, 1], port))
}

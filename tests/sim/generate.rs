//! An Internet from a seed: zones two levels below a few top-level domains, well and badly served, full of aliases.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use burdock::dns::{Class, Name, Question, Rcode, Record, RecordType, Ttl};
use burdock::playground::{Behaviour, Case, Opt};
use burdock::world::{Dice, Transport};

use crate::support::{Link, Tree, name};

/// One Internet.
pub struct World {
    pub tree: Tree,
    /// What clients may ask.
    pub questions: Vec<Question>,
    /// Zones that have at least two working servers, as every zone should (RFC 1034 §4.1).
    pub working: BTreeSet<Name>,
    /// Addresses that are far away, and how far.
    pub links: Vec<(String, Link)>,
}

struct Generator {
    dice: Dice,
    world: World,
    next_address: u32,
    /// Zones whose servers have glue of their own: others may be served by hosts in these.
    hosts: Vec<String>,
    /// Names with an address, for aliases to point at.
    targets: Vec<String>,
}

pub fn generate(seed: u64) -> World {
    let world = World { tree: Tree::new(), questions: Vec::new(), working: BTreeSet::new(), links: Vec::new() };
    let mut generator =
        Generator { dice: Dice::seeded(seed), world, next_address: 10, hosts: Vec::new(), targets: Vec::new() };
    generator.root();
    let tlds = 2 + generator.dice.below(3);
    for tld in 0..tlds {
        generator.zone(&format!("t{tld}"), Health::Working);
    }
    for index in 0..4 + generator.dice.below(8) {
        let tld = generator.dice.below(tlds);
        let health = if generator.one_in(10) { Health::Broken } else { Health::Working };
        generator.zone(&format!("d{index}.t{tld}"), health);
        if generator.one_in(3) {
            generator.zone(&format!("s.d{index}.t{tld}"), Health::Working);
        }
    }
    generator.world
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Working,
    Broken,
}

impl Generator {
    fn one_in(&self, n: usize) -> bool {
        self.dice.below(n) == 0
    }

    fn change(&mut self, change: impl FnOnce(Tree) -> Tree) {
        let tree = std::mem::replace(&mut self.world.tree, Tree::new());
        self.world.tree = change(tree);
    }

    fn address(&mut self) -> String {
        self.next_address += 1;
        let address = format!("198.18.{}.{}", self.next_address / 200, self.next_address % 200 + 1);
        let latency = Duration::from_millis(2 + self.dice.below(80) as u64);
        let link = Link { latency, jitter: latency / 2, loss: 0.05, duplication: 0.03 };
        self.world.links.push((address.clone(), link));
        address
    }

    fn root(&mut self) {
        for index in 2..4 {
            let address = self.address();
            self.change(|tree| tree.root_server(index, &address));
        }
        self.world.working.insert(Name::root());
    }

    fn zone(&mut self, apex: &str, health: Health) {
        let count = 2 + self.dice.below(3);
        // A broken zone's servers are all broken; a working one's are but two of them at most.
        let mut good = if health == Health::Working { 2 } else { 0 };
        let mut delegation = String::new();
        let mut addresses = Vec::new();
        let style = if apex.contains('.') { self.dice.below(4) } else { 0 };
        for index in 1..=count {
            let address = self.address();
            let works = good > 0 || (health == Health::Working && self.one_in(2));
            good -= i32::from(works);
            self.behave(&address, works);
            let host = match self.pick(&self.hosts).filter(|_| style == 3) {
                Some(zone) => self.foreign_host(&zone, &address),
                None => {
                    let host = format!("ns{index}.{apex}.");
                    writeln!(delegation, "{host} 3600 A {address}").unwrap();
                    host
                }
            };
            writeln!(delegation, "{apex}. 3600 NS {host}").unwrap();
            addresses.push(address);
        }
        let data = self.data(apex);
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        self.change(|tree| tree.delegate(apex, &delegation).bare(apex, &addresses, &format!("{delegation}{data}")));
        if health == Health::Working && self.parent_works(apex) {
            self.world.working.insert(name(apex));
            if style != 3 {
                self.hosts.push(apex.to_owned());
            }
        }
    }

    fn parent_works(&self, apex: &str) -> bool {
        let above = name(apex).parent().unwrap();
        above.ancestors().all(|zone| self.world.working.contains(&zone) || !self.world.tree.has(&zone))
    }

    /// A host for another zone's sake in `zone`: glue from elsewhere, or none at all.
    fn foreign_host(&mut self, zone: &str, address: &str) -> String {
        let host = format!("dns{}.{zone}.", self.next_address);
        self.change(|tree| tree.data(zone, &format!("{host} 3600 A {address}\n")));
        host
    }

    fn pick(&self, list: &[String]) -> Option<String> {
        list.get(self.dice.below(list.len())).cloned()
    }

    fn behave(&mut self, address: &str, works: bool) {
        let behaviours = match (works, self.dice.below(if works { 16 } else { 9 })) {
            (true, 0) => vec![Behaviour::Slow(Duration::from_millis(50 + self.dice.below(200) as u64))],
            (true, 1) => vec![Behaviour::Truncates],
            (true, 2) => vec![Behaviour::DropsEdns],
            (true, 3) => vec![Behaviour::RejectsEdns(Rcode::FORMERR, Opt::Absent)],
            (true, 4) => vec![Behaviour::IgnoresEdns],
            (true, 5) => vec![Behaviour::RejectsEdns(Rcode::NOTIMP, Opt::Absent), Behaviour::IgnoresEdns],
            (true, 6) => vec![Behaviour::Forged(3, [203, 0, 113, 66])],
            (true, 7) => vec![Behaviour::Trails(4)],
            (true, 8) => vec![poisoner(&self.targets)],
            (true, _) => Vec::new(),
            (false, 0) => vec![Behaviour::Always(Rcode::REFUSED)],
            (false, 1) => vec![Behaviour::Always(Rcode::SERVFAIL)],
            (false, 2) => vec![Behaviour::Refers(Name::root(), vec![name("ns1")])],
            (false, 3) => vec![Behaviour::Refuses(Transport::Udp), Behaviour::Refuses(Transport::Tcp)],
            (false, 4) => vec![Behaviour::WrongId],
            (false, 5) => vec![Behaviour::WrongPort, Behaviour::SilentOver(Transport::Tcp)],
            (false, 6) => vec![Behaviour::Truncates, Behaviour::Refuses(Transport::Tcp)],
            (false, 7) => vec![Behaviour::Case(Case::Lower), Behaviour::Always(Rcode(16))],
            (false, _) => vec![Behaviour::Silent],
        };
        for behaviour in behaviours {
            self.change(|tree| tree.behave(address, behaviour));
        }
    }

    fn ttl(&self) -> usize {
        [0, 5, 30, 300, 3600, 86_400][self.dice.below(6)]
    }

    /// Hosts, aliases, a wildcard, a DNAME, an empty non-terminal, and the questions about them.
    fn data(&mut self, apex: &str) -> String {
        let mut text = String::new();
        let mut names = vec![apex.to_owned(), format!("gone.{apex}"), format!("x.gone.{apex}")];
        for index in 0..2 + self.dice.below(4) {
            let host = format!("h{index}.{apex}");
            let ttl = self.ttl();
            for turn in 0..=self.dice.below(3) {
                writeln!(text, "h{index} {ttl} A 192.0.2.{}", 1 + turn * 80 + self.dice.below(80)).unwrap();
            }
            if self.one_in(2) {
                writeln!(text, "h{index} {ttl} AAAA 2001:db8::{}", 1 + self.dice.below(999)).unwrap();
            }
            self.targets.push(host.clone());
            names.push(host);
        }
        let ttl = self.ttl();
        for (index, target) in ["h0", "alias0", "nothing"].iter().enumerate() {
            writeln!(text, "alias{index} {ttl} CNAME {target}").unwrap();
            names.push(format!("alias{index}.{apex}"));
        }
        if let Some(target) = self.pick(&self.targets) {
            writeln!(text, "far {ttl} CNAME {target}.").unwrap();
            names.push(format!("far.{apex}"));
        }
        if let Some(zone) = self.pick(&self.hosts).filter(|_| self.one_in(2)) {
            writeln!(text, "moved {ttl} DNAME {zone}.").unwrap();
            names.extend(["h0", "gone", "far"].map(|label| format!("{label}.moved.{apex}")));
        }
        if self.one_in(2) {
            writeln!(text, "*.wild {ttl} A 192.0.2.200\n*.wild {ttl} TXT \"any\"").unwrap();
            names.extend([format!("a.wild.{apex}"), format!("b.c.wild.{apex}"), format!("wild.{apex}")]);
        }
        if self.one_in(2) {
            writeln!(text, "deep.empty.inner {ttl} A 192.0.2.201").unwrap();
            names.extend(["deep.empty.inner", "empty.inner", "inner"].map(|label| format!("{label}.{apex}")));
        }
        if self.one_in(6) {
            writeln!(text, "loop1 CNAME loop2\nloop2 CNAME loop1").unwrap();
            names.push(format!("loop1.{apex}"));
        }
        if self.one_in(3) {
            writeln!(text, "@ {ttl} MX 10 h0\n@ {ttl} TXT \"{}\"", "x".repeat(200)).unwrap();
        }
        let types = [RecordType::A, RecordType::A, RecordType::AAAA, RecordType::TXT, RecordType::MX, RecordType::NS];
        let dice = self.dice.clone();
        self.world.questions.extend(names.iter().map(|host| Question::new(name(host), types[dice.below(types.len())])));
        text
    }
}

/// A server that slips into every reply what is none of its business: servers for the top-level domains, addresses of
/// hosts in other zones.
fn poisoner(targets: &[String]) -> Behaviour {
    let evil = |owner: &str, rtype, rdata: &[u8]| Record {
        owner: name(owner),
        rtype,
        class: Class::IN,
        ttl: Ttl::from_secs(86_400),
        rdata: rdata.into(),
    };
    let address = [203, 0, 113, 66];
    let hosts: Vec<Record> = targets.iter().rev().take(8).map(|host| evil(host, RecordType::A, &address)).collect();
    let servers = ["t0", "t1", "."].map(|zone| evil(zone, RecordType::NS, name("evil.t0").wire()));
    Behaviour::edits(move |_, draft| {
        let unrelated = |record: &&Record| !draft.message.answer.iter().any(|there| there.owner == record.owner);
        let answers: Vec<Record> = hosts.iter().filter(unrelated).cloned().collect();
        draft.message.additional.extend(answers.iter().cloned());
        draft.message.additional.push(evil("evil.t0", RecordType::A, &address));
        if !draft.message.answer.is_empty() {
            draft.message.answer.extend(answers);
            draft.message.authority.extend(servers.iter().cloned());
        }
    })
}

//! A tree of zones in a few lines: the least that a test must say about it, and nothing twice.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use burdock::dns::{Name, NameServer, RrSet};
use burdock::playground::{Authority, Behaviour, Chain, Flaw, Internet, Signer, Window, Zone};

use super::lab::EPOCH;
use super::{Oracle, name};

/// What every zone begins with.
const HEAD: &str = "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n";
/// The server of the root zone.
pub const ROOT: &str = "198.18.0.1";

/// Zones with their servers, and servers with their behaviours.
#[derive(Clone, Debug)]
pub struct Tree {
    zones: BTreeMap<Name, (String, Vec<IpAddr>)>,
    behaviours: BTreeMap<IpAddr, Vec<Behaviour>>,
    signers: BTreeMap<Name, Signer>,
    /// Servers that have a zone with signatures of another time.
    stale: Vec<(Name, IpAddr, Window)>,
}

impl Tree {
    /// The root alone, on one server.
    pub fn new() -> Self {
        let mut tree =
            Self { zones: BTreeMap::new(), behaviours: BTreeMap::new(), signers: BTreeMap::new(), stale: Vec::new() };
        tree.zones.insert(Name::root(), (format!("{HEAD}@ NS ns1\nns1 A {ROOT}\n"), vec![ROOT.parse().unwrap()]));
        tree
    }

    /// A root with a zone per top-level domain, `t1` on 198.18.1.1.
    pub fn with_tld() -> Self {
        Self::new().zone("t1", &["198.18.1.1"], "")
    }

    /// The root alone, signed.
    pub fn signed() -> Self {
        Self::new().sign(".")
    }

    /// A signed zone with a DS set in the zone above, if that is signed; else as [`Self::zone`].
    #[must_use]
    pub fn secure(self, apex: &str, servers: &[&str], data: &str) -> Self {
        self.zone(apex, servers, data).sign(apex)
    }

    /// Signs a zone as usual: two P-256 keys, NSEC, valid from a week before the simulation's start to three weeks after.
    #[must_use]
    pub fn sign(mut self, apex: &str) -> Self {
        let signer = Signer::for_zone(&name(apex), Window::around(EPOCH)).unwrap();
        self.signers.insert(name(apex), signer);
        self
    }

    /// Signs a zone that is signed otherwise.
    #[must_use]
    pub fn signer(mut self, apex: &str, change: impl FnOnce(Signer) -> Signer) -> Self {
        let signer = self.signers.remove(&name(apex)).unwrap();
        self.signers.insert(name(apex), change(signer));
        self
    }

    /// One thing more that is wrong with a signed zone.
    #[must_use]
    pub fn wrong(self, apex: &str, flaw: Flaw) -> Self {
        self.signer(apex, |signer| signer.wrong(flaw))
    }

    /// One of a zone's servers has signatures of another time.
    #[must_use]
    pub fn stale(mut self, apex: &str, server: &str, window: Window) -> Self {
        self.stale.push((name(apex), server.parse().unwrap(), window));
        self
    }

    /// The trust anchor: the root's DS set.
    pub fn anchor(&self) -> RrSet {
        self.chain().anchor().unwrap()
    }

    /// A zone below those that are there already, on servers `ns1.<apex>`, `ns2.<apex>`, … with glue, and its data.
    #[must_use]
    pub fn zone(self, apex: &str, servers: &[&str], data: &str) -> Self {
        let mut shared = String::new();
        for (index, server) in (1..).zip(servers) {
            let rtype = if server.contains(':') { "AAAA" } else { "A" };
            shared.push_str(&format!("{apex}. NS ns{index}.{apex}.\nns{index}.{apex}. {rtype} {server}\n"));
        }
        self.delegate(apex, &shared).bare(apex, servers, &format!("{shared}{data}"))
    }

    /// A zone that nothing leads to: its own text says all, delegations are written by [`Self::delegate`].
    #[must_use]
    pub fn bare(mut self, apex: &str, servers: &[&str], text: &str) -> Self {
        let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
        self.zones.insert(name(apex), (format!("{HEAD}{text}\n"), servers));
        self
    }

    /// One more server of the root zone, `ns2` and so on.
    #[must_use]
    pub fn root_server(mut self, index: usize, server: &str) -> Self {
        let (text, servers) = self.zones.get_mut(&Name::root()).unwrap();
        text.push_str(&format!("@ NS ns{index}\nns{index} A {server}\n"));
        servers.push(server.parse().unwrap());
        self
    }

    pub fn has(&self, apex: &Name) -> bool {
        self.zones.contains_key(apex)
    }

    /// Records for the zone above `apex`.
    #[must_use]
    pub fn delegate(mut self, apex: &str, text: &str) -> Self {
        let parent = name(apex).parent().unwrap();
        let parent = parent.ancestors().find(|above| self.zones.contains_key(above)).unwrap();
        self.zones.get_mut(&parent).unwrap().0.push_str(text);
        self
    }

    /// More data for a zone that is there.
    #[must_use]
    pub fn data(mut self, apex: &str, text: &str) -> Self {
        self.zones.get_mut(&name(apex)).unwrap().0.push_str(text);
        self
    }

    #[must_use]
    pub fn behave(mut self, server: &str, behaviour: Behaviour) -> Self {
        self.behaviours.entry(server.parse().unwrap()).or_default().push(behaviour);
        self
    }

    fn chain(&self) -> Chain {
        let read = |(apex, (text, servers)): (&Name, &(String, Vec<IpAddr>))| {
            (apex.clone(), (Zone::read(apex, text).unwrap(), servers.clone()))
        };
        Chain { zones: self.zones.iter().map(read).collect(), signers: self.signers.clone() }
    }

    /// The zones, signed anew each time; signatures by ECDSA are never the same twice.
    pub fn zones(&self) -> BTreeMap<Name, Arc<Zone>> {
        self.chain().zones().unwrap()
    }

    pub fn oracle(&self) -> Oracle {
        Oracle::new(self.zones())
    }

    pub fn internet(&self) -> Internet {
        let zones = self.zones();
        let mut authorities: BTreeMap<IpAddr, Authority> = BTreeMap::new();
        for (apex, (_, servers)) in &self.zones {
            for server in servers {
                let new = || Authority {
                    behaviours: self.behaviours.get(server).cloned().unwrap_or_default(),
                    ..Authority::new(*server, [])
                };
                authorities.entry(*server).or_insert_with(new).zones.push(Arc::clone(&zones[apex]));
            }
        }
        let glue = self.zones[&Name::root()].1.clone();
        let hints = (1..)
            .zip(&glue)
            .map(|(index, address)| NameServer { host: name(&format!("ns{index}")), glue: vec![*address] });
        let mut internet = Internet { root_hints: hints.collect(), authorities: authorities.into_values().collect() };
        for (apex, server, window) in &self.stale {
            let mut chain = self.chain();
            chain.signers.get_mut(apex).unwrap().window = *window;
            internet.replace(*server, &chain.zones().unwrap()[apex]);
        }
        internet
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (apex, (_, servers)) in &self.zones {
            for server in servers {
                let behaviours = self.behaviours.get(server).map(Vec::as_slice).unwrap_or_default();
                writeln!(f, "{apex} {server} {behaviours:?}")?;
            }
        }
        Ok(())
    }
}

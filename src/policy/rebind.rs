//! Private addresses in public answers: who owns a public name must not send browsers to inner doors (DNS rebinding).
//!
//! Judged is what a client would be told, by the name that it asked for: that is whose word a browser takes. Names of
//! domains that are let pass, and of zones with servers of the operator's own, may have any address. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::dns::{Ede, EdeCode, Name, Outcome, Question, RecordType, RrSet, Subtrees, Ttl, address_hints};
use crate::resolver::Resolution;

/// What the operator has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Networks whose addresses no public name may have, also where they stand within an IPv6 address.
    pub networks: Vec<IpNet>,
    /// Domains whose names may have them all the same.
    pub allow: Vec<Name>,
}

/// The networks and the names that are let pass.
#[derive(Debug)]
pub struct Rebinding {
    networks: Vec<IpNet>,
    passing: Subtrees<()>,
}

/// Why an answer is kept from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Whose record it is.
    pub owner: Name,
    /// The address in it.
    pub address: IpAddr,
    /// The network it lies in.
    pub network: IpNet,
    /// How long the answer would have lived.
    pub ttl: Ttl,
}

impl Rebinding {
    /// As `settings` say; names in the zones of `elsewhere` pass, too. The root is no such zone: who forwards everything does
    /// not thereby vouch for it.
    pub fn new(settings: &Settings, elsewhere: &[Name]) -> Self {
        let mut passing = Subtrees::new();
        for zone in settings.allow.iter().chain(elsewhere.iter().filter(|zone| !zone.is_root())) {
            passing.insert(zone, ());
        }
        Self { networks: settings.networks.clone(), passing }
    }

    /// What is wrong with telling `resolution` to who asked `question`, if anything is.
    pub fn objection(&self, question: &Question, resolution: &Resolution) -> Option<Objection> {
        let found = match &resolution.outcome {
            Outcome::Found(set) => Some(set),
            Outcome::NoData(_) | Outcome::NxDomain(_) => None,
        };
        let sets = || resolution.aliases.iter().chain(found);
        let (owner, address, network) = sets().find_map(|set| self.private(set))?;
        if self.passing.closest(&question.name, |()| true).is_some() {
            return None;
        }
        let ttl = sets().map(|set| set.ttl).min().unwrap_or(Ttl::ZERO);
        Some(Objection { owner: owner.clone(), address, network, ttl })
    }

    /// The first private address in `set`.
    fn private<'a>(&self, set: &'a RrSet) -> Option<(&'a Name, IpAddr, IpNet)> {
        let of = |address: IpAddr| Some((&set.owner, address, self.network(address)?));
        match set.rtype {
            RecordType::A | RecordType::AAAA => set.addresses().find_map(of),
            RecordType::SVCB | RecordType::HTTPS => set.rdatas.iter().flat_map(address_hints).find_map(of),
            _ => None,
        }
    }

    /// The network that `address`, or an IPv4 address inside it, lies in.
    fn network(&self, address: IpAddr) -> Option<IpNet> {
        let within = |address: IpAddr| self.networks.iter().find(|network| network.contains(&address)).copied();
        within(address).or_else(|| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => embedded(address).into_iter().flatten().find_map(|four| within(four.into())),
        })
    }
}

impl Objection {
    /// The extended error that a client gets.
    pub fn ede(&self) -> Ede {
        let Self { owner, address, network, .. } = self;
        let text = format!("{owner} has the private address {address} ({network}): see `rebinding` [REBI]");
        Ede::new(EdeCode::FILTERED, text)
    }
}

/// The IPv4 addresses that packets to `address` may end up at.
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let o = address.octets();
    let last = [o[12], o[13], o[14], o[15]];
    let only = |four: [u8; 4]| [Some(Ipv4Addr::from(four)), None, None, None];
    match address.segments() {
        // IPv4-mapped, and IPv4-compatible of old (RFC 4291 §2.5.5); NAT64 by its well-known prefix (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => only(last),
        // Local NAT64 (RFC 8215): how long its prefix is nobody but the network knows, so each place of RFC 6052 §2.2 is
        // looked at. Zeros stand in most of them by nature, and packets to 0.0.0.0/8 go nowhere.
        [0x64, 0xff9b, 1, ..] => {
            let places = [[o[6], o[7], o[9], o[10]], [o[7], o[9], o[10], o[11]], [o[9], o[10], o[11], o[12]], last];
            places.map(|four| Some(four).filter(|[first, ..]| *first != 0).map(Ipv4Addr::from))
        }
        // 6to4 (RFC 3056 §2).
        [0x2002, ..] => only([o[2], o[3], o[4], o[5]]),
        _ => [None; 4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Denial, Rdatas, rdata_from_text};

    const NETWORKS: [&str; 6] = ["0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "::1/128", "::/128", "fc00::/7"];

    fn rebinding(allow: &[&str], elsewhere: &[&str]) -> Rebinding {
        let names = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Name>>();
        let networks = NETWORKS.map(|text| text.parse().unwrap()).to_vec();
        Rebinding::new(&Settings { networks, allow: names(allow) }, &names(elsewhere))
    }

    fn set(owner: &str, rtype: RecordType, ttl: u32, texts: &[&str]) -> RrSet {
        let rdatas: Vec<_> = texts.iter().map(|text| rdata_from_text(rtype, text, &Name::root()).unwrap()).collect();
        let rdatas = Rdatas::new(rdatas.iter().map(AsRef::as_ref)).unwrap();
        RrSet::new(owner.parse().unwrap(), rtype, Ttl::from_secs(ttl), rdatas)
    }

    fn objection(rebinding: &Rebinding, aliases: Vec<RrSet>, found: RrSet) -> Option<String> {
        let first = aliases.first().unwrap_or(&found);
        let question = Question::new(first.owner.clone(), found.rtype);
        let resolution = Resolution { aliases, outcome: Outcome::Found(found) };
        rebinding
            .objection(&question, &resolution)
            .map(|objection| format!("{} {}", objection.ttl, objection.ede().text))
    }

    #[test]
    fn an_address_is_private_wherever_it_stands_in_an_ipv6_address() {
        let rebinding = rebinding(&[], &[]);
        let network = |text: &str| rebinding.network(text.parse().unwrap()).map(|network| network.to_string());
        for (address, wanted) in [
            ("10.1.2.3", "10.0.0.0/8"),
            ("0.0.0.0", "0.0.0.0/8"),
            ("::", "::/128"),
            ("::1", "::1/128"),
            ("fd00::1", "fc00::/7"),
            ("::ffff:10.0.0.1", "10.0.0.0/8"),
            ("::127.0.0.1", "127.0.0.0/8"),
            ("64:ff9b::10.0.0.1", "10.0.0.0/8"),
            ("2002:a00:1::1", "10.0.0.0/8"),
            // RFC 8215, RFC 6052 §2.2: /96 in several places, /64, /56, /48; octets behind it may be anything.
            ("64:ff9b:1::10.0.0.1", "10.0.0.0/8"),
            ("64:ff9b:1:1:2:3:10.0.0.1", "10.0.0.0/8"),
            ("64:ff9b:1:fffe:a:1:200:7", "10.0.0.0/8"),
            ("64:ff9b:1:c00a:1:203::7", "10.0.0.0/8"),
            ("64:ff9b:1:a01:2:300:5:6", "10.0.0.0/8"),
        ] {
            assert_eq!(network(address).as_deref(), Some(wanted), "{address}");
        }
        for public in [
            "11.0.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "2001:db8::a00:1",
            "::ffff:192.0.2.1",
            "64:ff9b::192.0.2.1",
            "64:ff9b:1::192.0.2.1",
            "64:ff9b:1:c000::192.0.2.1",
            "64:ff9b:1:c000:2:100::",
            "64:ff9b:1::c0:2:100:0",
            "2002:c000:201::10.0.0.1",
            "fe00::1",
        ] {
            assert_eq!(network(public), None, "{public}");
        }
    }

    #[test]
    fn one_private_address_is_enough_and_the_shortest_ttl_counts() {
        let rebinding = rebinding(&[], &[]);
        let alias = set("www.example.", RecordType::CNAME, 60, &["a.example."]);
        let found = set("a.example.", RecordType::A, 300, &["192.0.2.1", "10.0.0.1"]);
        let told = objection(&rebinding, vec![alias], found).unwrap();
        assert_eq!(told, "60 a.example. has the private address 10.0.0.1 (10.0.0.0/8): see `rebinding` [REBI]");
        let hint = set("a.example.", RecordType::HTTPS, 300, &["1 . alpn=h2", "2 . ipv6hint=2001:db8::1,fd00::1"]);
        assert!(objection(&rebinding, Vec::new(), hint).unwrap().contains("fd00::1 (fc00::/7)"));
        for (rtype, text) in [(RecordType::A, "192.0.2.1"), (RecordType::TXT, "10.0.0.1"), (RecordType::HTTPS, "1 .")] {
            assert_eq!(objection(&rebinding, Vec::new(), set("a.example.", rtype, 1, &[text])), None);
        }
        let denied = Outcome::NxDomain(Denial::new(None, Vec::new(), Ttl::ZERO));
        let resolution = Resolution { aliases: Vec::new(), outcome: denied };
        let question = Question::new("a.example.".parse().unwrap(), RecordType::A);
        assert_eq!(rebinding.objection(&question, &resolution), None);
    }

    #[test]
    fn the_name_that_was_asked_for_decides_who_passes() {
        let rebinding = rebinding(&["Plex.direct"], &[".", "corp.example"]);
        let found = |owner: &str| set(owner, RecordType::A, 300, &["10.0.0.1"]);
        for owner in ["plex.direct.", "a.b.PLEX.direct.", "corp.example.", "nas.corp.example."] {
            assert_eq!(objection(&rebinding, Vec::new(), found(owner)), None, "{owner}");
        }
        for owner in ["xplex.direct.", "direct.", "notcorp.example.", "example."] {
            assert!(objection(&rebinding, Vec::new(), found(owner)).is_some(), "{owner}");
        }
        let alias = |owner, target| vec![set(owner, RecordType::CNAME, 60, &[target])];
        assert_eq!(objection(&rebinding, alias("x.plex.direct.", "a.evil."), found("a.evil.")), None);
        assert!(objection(&rebinding, alias("www.evil.", "nas.corp.example."), found("nas.corp.example.")).is_some());
    }
}

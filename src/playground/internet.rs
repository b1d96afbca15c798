//! The playground's Internet: the names of the lecture that Burdock grew from, and beside them the Internet as it is.
//!
//! It answers with documentation addresses (RFC 5737, RFC 3849) and listens on 127.53.0.0/16 only. It signs nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::authority::Authority;
use super::behaviour::Behaviour;
use super::zone::{Zone, ZoneError};
use crate::dns::{Name, NameServer, Rcode};

/// What every zone begins with.
pub(super) const HEAD: &str = "$TTL 3600\n@ SOA dns hostmaster 2026010100 7200 900 1209600 300\n";

/// Servers and the hints that lead to them.
#[derive(Clone, Debug)]
pub struct Internet {
    /// Every server.
    pub authorities: Vec<Authority>,
    /// The servers of the root zone.
    pub root_hints: Vec<NameServer>,
}

/// A question worth asking the playground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Name and type, as `dig` takes them.
    pub question: &'static str,
    /// What it shows, in a sentence.
    pub shows: &'static str,
}

/// What is worth asking, in an order that teaches.
pub const EXAMPLES: &[Example] = &[
    Example { question: "gaia.cs.umass.edu", shows: "the lecture's walk: root, edu, umass.edu, cs.umass.edu" },
    Example { question: "engineering.pacific.edu", shows: "a second walk below edu: the root is not asked again" },
    Example { question: "www.ibm.com", shows: "an alias of servereast.backup2.ibm.com" },
    Example { question: "yahoo.com", shows: "a set of four addresses, all of them in the answer" },
    Example { question: "foo.com MX", shows: "three mail exchanges in order of preference" },
    Example { question: "foo.com TXT", shows: "who may send mail for foo.com (SPF)" },
    Example { question: "_imaps._tcp.foo.com SRV", shows: "where mail clients find the mailbox (RFC 6186)" },
    Example {
        question: "nowhere.poly.edu",
        shows: "a name that does not exist: NXDOMAIN, remembered for five minutes",
    },
    Example { question: "www.dead.org", shows: "one of two servers is dead: the other one answers" },
    Example { question: "www.lame.org", shows: "one of two servers does not know the zone it was given" },
    Example { question: "www.slow.org", shows: "a server that takes 600 ms; ask again and the cache answers at once" },
    Example {
        question: "www.truncated.org",
        shows: "nothing fits into this server's datagrams: the answer comes by TCP",
    },
    Example { question: "www.glueless.org", shows: "servers without glue: their addresses are questions of their own" },
    Example { question: "one.loop.org", shows: "an alias of an alias of itself: SERVFAIL, and the reason why" },
    Example { question: "www.broken.org", shows: "no server knows this zone: SERVFAIL, and who is to blame" },
];

/// A zone, its text without SOA, and the servers it runs on: last two octets of 127.53.x.y, and what is wrong with each.
type Row = (&'static str, &'static str, &'static [([u8; 2], Option<Behaviour>)]);

/// Top level and lecture.
const LECTURE: &[Row] = &[
    ("edu", EDU, &[([1, 1], None), ([1, 2], None)]),
    ("com", COM, &[([1, 11], None), ([1, 12], None)]),
    ("org", ORG, &[([1, 21], None), ([1, 22], None)]),
    (
        "umass.edu",
        "@ NS dns\n@ NS dns2\ndns A 127.53.2.1\ndns2 A 127.53.2.2\n\
         www A 192.0.2.20\n@ MX 10 mail\nmail A 192.0.2.21\n\
         cs NS dns.cs\ndns.cs A 127.53.2.3\n",
        &[([2, 1], None), ([2, 2], None)],
    ),
    (
        "cs.umass.edu",
        "@ NS dns\ndns A 127.53.2.3\ngaia A 192.0.2.45\ngaia AAAA 2001:db8:cafe::45\nwww CNAME gaia\n",
        &[([2, 3], None)],
    ),
    (
        "poly.edu",
        "@ NS dns\ndns A 127.53.2.11\ncis A 192.0.2.60\nwww A 192.0.2.61\n@ MX 10 mail\nmail A 192.0.2.62\n",
        &[([2, 11], None)],
    ),
    ("pacific.edu", "@ NS dns\ndns A 127.53.2.21\nengineering A 192.0.2.70\nwww A 192.0.2.71\n", &[([2, 21], None)]),
    (
        "amazon.com",
        "@ NS dns1\n@ NS dns2\ndns1 A 127.53.3.1\ndns2 A 127.53.3.2\n@ A 198.51.100.1\nwww A 198.51.100.1\n",
        &[([3, 1], None), ([3, 2], None)],
    ),
    (
        "yahoo.com",
        "@ NS dns\ndns A 127.53.3.11\n@ 60 A 198.51.100.11\n@ 60 A 198.51.100.12\n@ 60 A 198.51.100.13\n\
         @ 60 A 198.51.100.14\nwww CNAME @\n",
        &[([3, 11], None)],
    ),
    (
        "ibm.com",
        "@ NS dns\ndns A 127.53.3.21\nwww CNAME servereast.backup2\nservereast.backup2 A 198.51.100.21\n",
        &[([3, 21], None)],
    ),
    ("foo.com", FOO, &[([3, 31], None)]),
    ("pbs.org", "@ NS dns\ndns A 127.53.4.1\n@ A 203.0.113.1\nwww A 203.0.113.1\n", &[([4, 1], None)]),
];

/// What else there is.
const AS_IT_IS: &[Row] = &[
    (
        "dead.org",
        "@ NS dns1\n@ NS dns2\ndns1 A 127.53.4.11\ndns2 A 127.53.4.12\nwww A 203.0.113.11\n",
        &[([4, 11], Some(Behaviour::Silent)), ([4, 12], None)],
    ),
    (
        "lame.org",
        "@ NS dns1\n@ NS dns2\ndns1 A 127.53.4.21\ndns2 A 127.53.4.22\nwww A 203.0.113.21\n",
        &[([4, 21], Some(Behaviour::Always(Rcode::REFUSED))), ([4, 22], None)],
    ),
    (
        "slow.org",
        "@ NS dns\ndns A 127.53.4.31\nwww A 203.0.113.31\n",
        &[([4, 31], Some(Behaviour::Slow(Duration::from_millis(600))))],
    ),
    ("truncated.org", "@ NS dns\ndns A 127.53.4.41\nwww A 203.0.113.41\n", &[([4, 41], Some(Behaviour::Truncates))]),
    (
        "glueless.org",
        "@ NS dns.poly.edu.\n@ NS dns.pacific.edu.\nwww A 203.0.113.51\n",
        &[([2, 11], None), ([2, 21], None)],
    ),
    ("loop.org", "@ NS dns\ndns A 127.53.4.51\none CNAME two\ntwo CNAME one\nwww A 203.0.113.61\n", &[([4, 51], None)]),
    (
        "broken.org",
        "@ NS dns\ndns A 127.53.4.61\nwww A 203.0.113.71\n",
        &[([4, 61], Some(Behaviour::Always(Rcode::REFUSED)))],
    ),
];

const EDU: &str = "@ NS dns1.nic\n@ NS dns2.nic\ndns1.nic A 127.53.1.1\ndns2.nic A 127.53.1.2\n\
    umass NS dns.umass\numass NS dns2.umass\ndns.umass A 127.53.2.1\ndns2.umass A 127.53.2.2\n\
    poly NS dns.poly\ndns.poly A 127.53.2.11\n\
    pacific NS dns.pacific\ndns.pacific A 127.53.2.21\n";

const COM: &str = "@ NS dns1.nic\n@ NS dns2.nic\ndns1.nic A 127.53.1.11\ndns2.nic A 127.53.1.12\n\
    amazon NS dns1.amazon\namazon NS dns2.amazon\ndns1.amazon A 127.53.3.1\ndns2.amazon A 127.53.3.2\n\
    yahoo NS dns.yahoo\ndns.yahoo A 127.53.3.11\n\
    ibm NS dns.ibm\ndns.ibm A 127.53.3.21\n\
    foo NS dns.foo\ndns.foo A 127.53.3.31\n";

const ORG: &str = "@ NS dns1.nic\n@ NS dns2.nic\ndns1.nic A 127.53.1.21\ndns2.nic A 127.53.1.22\n\
    pbs NS dns.pbs\ndns.pbs A 127.53.4.1\n\
    dead NS dns1.dead\ndead NS dns2.dead\ndns1.dead A 127.53.4.11\ndns2.dead A 127.53.4.12\n\
    lame NS dns1.lame\nlame NS dns2.lame\ndns1.lame A 127.53.4.21\ndns2.lame A 127.53.4.22\n\
    slow NS dns.slow\ndns.slow A 127.53.4.31\n\
    truncated NS dns.truncated\ndns.truncated A 127.53.4.41\n\
    glueless NS dns.poly.edu.\nglueless NS dns.pacific.edu.\n\
    loop NS dns.loop\ndns.loop A 127.53.4.51\n\
    broken NS dns.broken\ndns.broken A 127.53.4.61\n";

const FOO: &str = "@ NS dns\ndns A 127.53.3.31\n@ A 198.51.100.31\nwww A 198.51.100.31\nwww AAAA 2001:db8:f00::31\n\
    @ MX 10 mail1\n@ MX 20 mail2\n@ MX 30 mail.backup\n\
    mail1 A 198.51.100.32\nmail2 A 198.51.100.33\nmail.backup A 198.51.100.34\n\
    @ TXT \"v=spf1 mx -all\"\n\
    _submission._tcp SRV 0 1 587 mail1\n_imaps._tcp SRV 0 1 993 mail2\n_pop3s._tcp SRV 10 1 995 mail2\n";

impl Internet {
    /// The lecture's names and the Internet as it is.
    ///
    /// # Errors
    /// [`ZoneError`] when a zone's text is wrong; a test reads them all.
    pub fn lecture() -> Result<Self, ZoneError> {
        let mut internet = Self { authorities: Vec::new(), root_hints: Vec::new() };
        let mut root = format!("{HEAD}dns A 192.0.2.1\n");
        for (index, letter) in (1u8..=13).zip('a'..='m') {
            root.push_str(&format!("@ NS {letter}.root-servers.net.\n{letter}.root-servers.net. A 127.53.0.{index}\n"));
            let host =
                Name::from_labels([&[letter as u8][..], b"root-servers", b"net"]).unwrap_or_else(|_| Name::root());
            internet.root_hints.push(NameServer { host, glue: vec![address([0, index])] });
        }
        for (zone, text, _) in LECTURE.iter().take(3) {
            root.push_str(&delegation(zone, text));
        }
        internet.serve(&Name::root(), &root, &(1..=13).map(|index| ([0, index], None)).collect::<Vec<_>>())?;
        for (zone, text, servers) in LECTURE.iter().chain(AS_IT_IS) {
            let apex = Name::from_labels(zone.split('.').map(str::as_bytes)).unwrap_or_else(|_| Name::root());
            internet.serve(&apex, &format!("{HEAD}{text}"), servers)?;
        }
        Ok(internet)
    }

    /// Lets the server at `address` serve `zone` instead of what it has for that apex: a secondary that fell behind.
    pub fn replace(&mut self, address: IpAddr, zone: &Arc<Zone>) {
        for authority in self.authorities.iter_mut().filter(|authority| authority.address == address) {
            for served in authority.zones.iter_mut().filter(|served| served.apex() == zone.apex()) {
                *served = Arc::clone(zone);
            }
        }
    }

    /// Puts a zone on its servers; a server that is there already gets one zone more.
    fn serve(&mut self, apex: &Name, text: &str, servers: &[([u8; 2], Option<Behaviour>)]) -> Result<(), ZoneError> {
        let zone = Arc::new(Zone::read(apex, text)?);
        for (octets, behaviour) in servers {
            let address = address(*octets);
            match self.authorities.iter_mut().find(|known| known.address == address) {
                Some(known) => known.zones.push(Arc::clone(&zone)),
                None => {
                    let mut authority = Authority::new(address, [Arc::clone(&zone)]);
                    authority.behaviours.extend(behaviour.clone());
                    self.authorities.push(authority);
                }
            }
        }
        Ok(())
    }
}

pub(super) const fn address([third, fourth]: [u8; 2]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 53, third, fourth))
}

/// What the root says of a top-level domain: the NS and address lines of its own zone's first four lines.
fn delegation(tld: &str, text: &str) -> String {
    let mut lines = format!("$ORIGIN {tld}.\n");
    for line in text.lines().take(4) {
        lines.push_str(line);
        lines.push('\n');
    }
    lines.push_str("$ORIGIN .\n");
    lines
}

#[cfg(test)]
mod tests;

//! Who may ask: the most specific prefix that holds the client's address decides; without one, the client may not.
//!
//! Prefixes are painted onto the line of addresses once, so a look-up is one binary search however long the lists are.

use std::net::IpAddr;

use ipnet::IpNet;

/// The two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Networks whose clients are answered.
    pub allow: Vec<IpNet>,
    /// Networks whose clients are refused; on the very same prefix this list wins.
    pub deny: Vec<IpNet>,
    /// Networks whose clients are told what the cache has, without recursion. What others have asked is nobody else's affair.
    pub snoop: Vec<IpNet>,
}

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its answer.
    Allowed,
    /// REFUSED.
    Refused,
}

/// The lists, ready to be asked.
#[derive(Debug)]
pub struct Access {
    v4: Line,
    v6: Line,
    /// Who may look into the cache; of those who may ask.
    snoopers: Vec<IpNet>,
}

impl Access {
    /// Prepares `settings`.
    pub fn new(settings: &Settings) -> Self {
        let allow = settings.allow.iter().map(|net| (net, Verdict::Allowed));
        let deny = settings.deny.iter().map(|net| (net, Verdict::Refused));
        let (v4, v6): (Vec<_>, Vec<_>) =
            allow.chain(deny).map(|(net, verdict)| Painted::new(net, verdict)).partition(|painted| painted.v4);
        Self { v4: Line::new(v4), v6: Line::new(v6), snoopers: settings.snoop.clone() }
    }

    /// Whether `client` may see what the cache has, without recursion.
    pub fn may_snoop(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.snoopers.iter().any(|network| network.contains(&client))
    }

    /// What `client` gets. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is an IPv4 address.
    pub fn of(&self, client: IpAddr) -> Verdict {
        match client.to_canonical() {
            IpAddr::V4(address) => self.v4.at(u32::from(address).into()),
            IpAddr::V6(address) => self.v6.at(address.into()),
        }
    }
}

/// A prefix as a range of addresses.
#[derive(Clone, Copy, Debug)]
struct Painted {
    v4: bool,
    first: u128,
    last: u128,
    verdict: Verdict,
}

impl Painted {
    fn new(net: &IpNet, verdict: Verdict) -> Self {
        let number = |address: IpAddr| match address {
            IpAddr::V4(four) => u32::from(four).into(),
            IpAddr::V6(six) => u128::from(six),
        };
        let v4 = matches!(net, IpNet::V4(_));
        Self { v4, first: number(net.network()), last: number(net.broadcast()), verdict }
    }
}

/// The addresses of one family, cut where the verdict may change: from this address on, that verdict.
#[derive(Debug)]
struct Line {
    cuts: Vec<(u128, Verdict)>,
}

impl Line {
    fn new(mut prefixes: Vec<Painted>) -> Self {
        // Wider before narrower, allow before deny: whatever comes later is painted over what came before.
        prefixes.sort_by_key(|p| (p.first, u128::MAX - (p.last - p.first), p.verdict == Verdict::Refused));
        let mut line = Self { cuts: vec![(0, Verdict::Refused)] };
        let mut open: Vec<Painted> = Vec::new();
        for prefix in prefixes {
            line.close(&mut open, prefix.first);
            line.cuts.push((prefix.first, prefix.verdict));
            open.push(prefix);
        }
        line.close(&mut open, u128::MAX);
        line
    }

    /// Ends every open prefix that does not reach `next`; below it, the one around it shows again.
    fn close(&mut self, open: &mut Vec<Painted>, next: u128) {
        while let Some(done) = open.pop_if(|prefix| prefix.last < next) {
            let around = open.last().map_or(Verdict::Refused, |prefix| prefix.verdict);
            self.cuts.push((done.last + 1, around));
        }
    }

    fn at(&self, address: u128) -> Verdict {
        let after = self.cuts.partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).and_then(|i| self.cuts.get(i)).map_or(Verdict::Refused, |(_, verdict)| *verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn access(allow: &[&str], deny: &[&str]) -> Access {
        Access::new(&Settings { allow: nets(allow), deny: nets(deny), snoop: Vec::new() })
    }

    fn allowed(access: &Access, client: &str) -> bool {
        access.of(client.parse().unwrap()) == Verdict::Allowed
    }

    #[test]
    fn the_most_specific_prefix_wins() {
        let access = access(
            &["192.0.2.0/24", "192.0.2.66/32", "2001:db8::/32"],
            &["192.0.2.64/26", "2001:db8:bad::/48", "2001:db8::1/128"],
        );
        for yes in
            ["192.0.2.0", "192.0.2.63", "192.0.2.66", "192.0.2.128", "192.0.2.255", "2001:db8::2", "2001:db8:ffff::"]
        {
            assert!(allowed(&access, yes), "{yes}");
        }
        for no in ["192.0.2.64", "192.0.2.65", "192.0.2.67", "192.0.2.127", "2001:db8::1", "2001:db8:bad::7"] {
            assert!(!allowed(&access, no), "{no}");
        }
        for outside in ["192.0.1.255", "192.0.3.0", "0.0.0.0", "255.255.255.255", "::", "2001:db9::"] {
            assert!(!allowed(&access, outside), "{outside}");
        }
    }

    #[test]
    fn without_any_prefix_nobody_may_ask() {
        let access = access(&[], &[]);
        assert!(!allowed(&access, "127.0.0.1") && !allowed(&access, "::1"));
    }

    #[test]
    fn families_do_not_mix() {
        let six = access(&["::/0"], &[]);
        assert!(allowed(&six, "::1") && allowed(&six, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
        assert!(!allowed(&six, "::ffff:192.0.2.1") && !allowed(&six, "192.0.2.1"));
        let four = access(&["0.0.0.0/0"], &["10.0.0.0/8"]);
        assert!(allowed(&four, "255.255.255.255") && allowed(&four, "::ffff:192.0.2.1"));
        assert!(!allowed(&four, "::ffff:10.1.2.3") && !allowed(&four, "::1"));
    }

    #[test]
    fn on_the_very_same_prefix_deny_wins() {
        assert!(!allowed(&access(&["192.0.2.0/24"], &["192.0.2.0/24"]), "192.0.2.1"));
    }

    #[test]
    fn painting_agrees_with_a_direct_search() {
        // Every subset of a small tree of prefixes, every address in it.
        let tree = [
            "0.0.0.0/0",
            "192.0.2.0/28",
            "192.0.2.0/30",
            "192.0.2.4/30",
            "192.0.2.4/31",
            "192.0.2.5/32",
            "192.0.2.15/32",
        ];
        for pattern in 0..3usize.pow(7) {
            let digit = |i: usize| pattern / 3usize.pow(u32::try_from(i).unwrap()) % 3;
            let pick =
                |want| tree.iter().enumerate().filter(|(i, _)| digit(*i) == want).map(|(_, t)| *t).collect::<Vec<_>>();
            let (allow, deny) = (pick(1), pick(2));
            let access = access(&allow, &deny);
            for last in 0..18u8 {
                let client = IpAddr::from([192, 0, 2, last]);
                let best =
                    |texts: &[&str]| nets(texts).iter().filter(|n| n.contains(&client)).map(IpNet::prefix_len).max();
                let expected = best(&allow).is_some() && best(&allow) > best(&deny);
                assert_eq!(access.of(client) == Verdict::Allowed, expected, "{allow:?} {deny:?} {client}");
            }
        }
    }
}

//! Who may ask, and how far an address is believed: the most specific prefix that holds it decides; without one, the
//! client may not ask, and is a stranger.
//!
//! Prefixes are painted onto the line of addresses once, so a look-up is one binary search however long the lists are.

use std::net::IpAddr;

use ipnet::IpNet;

/// The lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Networks whose clients are answered.
    pub allow: Vec<IpNet>,
    /// Networks whose clients are refused; on the very same prefix this list wins.
    pub deny: Vec<IpNet>,
    /// Networks whose clients are told what the cache has, without recursion. What others have asked is nobody else's affair.
    pub snoop: Vec<IpNet>,
    /// Networks from which nobody sends under a false address.
    pub believed: Vec<IpNet>,
    /// Networks whose clients have no bounds of their own; on the very same prefix this list wins over `believed`.
    pub exempt: Vec<IpNet>,
}

impl Settings {
    /// Only these may ask, all of them as strangers; none may look into the cache.
    pub const fn allowing(allow: Vec<IpNet>) -> Self {
        Self { allow, deny: Vec::new(), snoop: Vec::new(), believed: Vec::new(), exempt: Vec::new() }
    }
}

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its answer, and how far its address is believed.
    Allowed(Trust),
    /// REFUSED.
    Refused,
}

/// How far a network is trusted, whatever its clients show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// A packet may come from somewhere else than it says.
    Stranger,
    /// The address is the sender's.
    Believed,
    /// The same, and many clients stand behind it.
    Exempt,
}

/// The lists, ready to be asked.
#[derive(Debug)]
pub struct Access {
    v4: Line<Verdict>,
    v6: Line<Verdict>,
    /// Who may look into the cache; of those who may ask.
    snoopers: Vec<IpNet>,
}

impl Access {
    /// Prepares `settings`.
    pub fn new(settings: &Settings) -> Self {
        let entries = [(&settings.allow, Entry::Open), (&settings.deny, Entry::Closed)];
        let trusts = [(&settings.believed, Trust::Believed), (&settings.exempt, Trust::Exempt)];
        let [entries_v4, entries_v6] = paint(&entries, Entry::Closed);
        let [trusts_v4, trusts_v6] = paint(&trusts, Trust::Stranger);
        let (v4, v6) = (merge(&entries_v4, &trusts_v4), merge(&entries_v6, &trusts_v6));
        Self { v4, v6, snoopers: settings.snoop.clone() }
    }

    /// Whether `client` may see what the cache has, without recursion.
    pub fn may_snoop(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.snoopers.iter().any(|network| network.contains(&client))
    }

    /// What `client` gets. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is an IPv4 address.
    #[inline]
    pub fn of(&self, client: IpAddr) -> Verdict {
        match client.to_canonical() {
            IpAddr::V4(address) => self.v4.at(u32::from(address).into()),
            IpAddr::V6(address) => self.v6.at(address.into()),
        }
    }

    /// Whether there is any client whose address is not believed.
    pub fn knows_strangers(&self) -> bool {
        let lines = [&self.v4, &self.v6];
        lines.into_iter().flat_map(|line| &line.cuts).any(|(_, verdict)| *verdict == Verdict::Allowed(Trust::Stranger))
    }
}

/// Whether a network may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Open,
    Closed,
}

/// Both families with these lists painted on; `base` is what shows where there is none.
fn paint<T: Copy + Ord>(lists: &[(&Vec<IpNet>, T)], base: T) -> [Line<T>; 2] {
    let all = lists.iter().flat_map(|(nets, value)| nets.iter().map(|net| Painted::new(net, *value)));
    let (v4, v6): (Vec<_>, Vec<_>) = all.partition(|painted| painted.v4);
    [Line::new(v4, base), Line::new(v6, base)]
}

fn merge(entries: &Line<Entry>, trusts: &Line<Trust>) -> Line<Verdict> {
    let starts = entries.cuts.iter().map(|(start, _)| *start).chain(trusts.cuts.iter().map(|(start, _)| *start));
    let mut starts: Vec<u128> = starts.collect();
    starts.sort_unstable();
    starts.dedup();
    let verdict = |start| match entries.at(start) {
        Entry::Open => Verdict::Allowed(trusts.at(start)),
        Entry::Closed => Verdict::Refused,
    };
    let mut cuts: Vec<(u128, Verdict)> = starts.into_iter().map(|start| (start, verdict(start))).collect();
    // What does not change is no cut: a look-up is as short as it can be.
    cuts.dedup_by_key(|(_, verdict)| *verdict);
    Line { cuts, base: Verdict::Refused }
}

/// A prefix as a range of addresses.
#[derive(Clone, Copy, Debug)]
struct Painted<T> {
    v4: bool,
    first: u128,
    last: u128,
    value: T,
}

impl<T> Painted<T> {
    fn new(net: &IpNet, value: T) -> Self {
        let number = |address: IpAddr| match address {
            IpAddr::V4(four) => u32::from(four).into(),
            IpAddr::V6(six) => u128::from(six),
        };
        let v4 = matches!(net, IpNet::V4(_));
        Self { v4, first: number(net.network()), last: number(net.broadcast()), value }
    }
}

/// The addresses of one family, cut where the value may change: from this address on, that value.
#[derive(Debug)]
struct Line<T> {
    cuts: Vec<(u128, T)>,
    base: T,
}

impl<T: Copy> Line<T> {
    fn new(mut prefixes: Vec<Painted<T>>, base: T) -> Self
    where
        T: Ord,
    {
        // Wider before narrower, lesser before greater: whatever comes later is painted over what came before.
        prefixes.sort_by_key(|p| (p.first, u128::MAX - (p.last - p.first), p.value));
        let mut line = Self { cuts: vec![(0, base)], base };
        let mut open: Vec<Painted<T>> = Vec::new();
        for prefix in prefixes {
            line.close(&mut open, prefix.first);
            line.cuts.push((prefix.first, prefix.value));
            open.push(prefix);
        }
        line.close(&mut open, u128::MAX);
        line
    }

    /// Ends every open prefix that does not reach `next`; below it, the one around it shows again.
    fn close(&mut self, open: &mut Vec<Painted<T>>, next: u128) {
        while let Some(done) = open.pop_if(|prefix| prefix.last < next) {
            let around = open.last().map_or(self.base, |prefix| prefix.value);
            self.cuts.push((done.last + 1, around));
        }
    }

    fn at(&self, address: u128) -> T {
        let after = self.cuts.partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).and_then(|i| self.cuts.get(i)).map_or(self.base, |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn access(allow: &[&str], deny: &[&str]) -> Access {
        Access::new(&Settings { deny: nets(deny), ..Settings::allowing(nets(allow)) })
    }

    fn allowed(access: &Access, client: &str) -> bool {
        access.of(client.parse().unwrap()) != Verdict::Refused
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
    fn trust_is_painted_beside_access() {
        let settings = Settings {
            believed: nets(&["10.0.0.0/8", "fc00::/7", "10.7.7.0/24"]),
            exempt: nets(&["10.7.0.0/16", "127.0.0.0/8"]),
            ..Settings::allowing(nets(&["10.0.0.0/9", "198.51.100.0/24", "127.0.0.0/8"]))
        };
        let access = Access::new(&settings);
        let of = |client: &str| access.of(client.parse().unwrap());
        for (client, trust) in [
            ("10.0.0.1", Trust::Believed),
            ("10.7.0.1", Trust::Exempt),
            ("10.7.7.1", Trust::Believed),
            ("10.8.0.0", Trust::Believed),
            ("198.51.100.255", Trust::Stranger),
            ("::ffff:127.0.0.1", Trust::Exempt),
        ] {
            assert_eq!(of(client), Verdict::Allowed(trust), "{client}");
        }
        for client in ["10.128.0.0", "fc00::1", "198.51.101.0"] {
            assert_eq!(of(client), Verdict::Refused, "{client}");
        }
        assert!(access.knows_strangers());
        let familiar = Settings { allow: nets(&["10.0.0.0/8"]), ..settings };
        assert!(!Access::new(&familiar).knows_strangers());
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
                assert_eq!(access.of(client) != Verdict::Refused, expected, "{allow:?} {deny:?} {client}");
            }
        }
    }
}

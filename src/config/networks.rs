//! Networks in which no authoritative server of the public DNS can be (IANA's special-purpose address registries).
//!
//! An address inside comes from a mistake or from somebody who wants Burdock to knock at an inner door.

use ipnet::{IpNet, Ipv6Net};

/// The special-purpose networks, those reached through NAT64 (RFC 6052) included.
pub fn special_purpose() -> Vec<IpNet> {
    let v4 = parse(V4);
    let translated: Vec<IpNet> = v4.iter().filter_map(translate).collect();
    v4.into_iter().chain(translated).chain(parse(V6)).collect()
}

/// Where nobody is ever asked, whatever the operator says: there is no single host there.
pub fn nobody() -> Vec<IpNet> {
    parse(NOBODY)
}

/// Networks whose packets do not come from afar: a router that takes them from outside is broken (RFC 2827).
pub fn private() -> Vec<IpNet> {
    parse(PRIVATE)
}

/// Networks that no public name has addresses in: what stands behind a door of one's own.
pub fn inner() -> Vec<IpNet> {
    parse(PRIVATE).into_iter().chain(parse(NOWHERE)).collect()
}

fn parse(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The network behind `64:ff9b::/96` that NAT64 turns into `net`.
fn translate(net: &IpNet) -> Option<IpNet> {
    let IpNet::V4(four) = net else { return None };
    let address = NAT64 | u128::from(u32::from(four.network()));
    Ipv6Net::new(address.into(), 96 + four.prefix_len()).ok().map(IpNet::V6)
}

const NAT64: u128 = 0x0064_ff9b << 96;

const PRIVATE: &[&str] = &[
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// What most systems take for themselves; link-local addresses of old.
const NOWHERE: &[&str] = &["0.0.0.0/8", "::/128", "fec0::/10"];

const NOBODY: &[&str] = &["0.0.0.0/32", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8"];

const V4: &[&str] = &[
    "0.0.0.0/8",       // this network, RFC 791
    "10.0.0.0/8",      // private, RFC 1918
    "100.64.0.0/10",   // shared behind carriers, RFC 6598
    "127.0.0.0/8",     // loopback, RFC 1122
    "169.254.0.0/16",  // link-local, RFC 3927
    "172.16.0.0/12",   // private, RFC 1918
    "192.0.0.0/24",    // protocol assignments, RFC 6890
    "192.0.2.0/24",    // documentation, RFC 5737
    "192.88.99.0/24",  // 6to4 relays of old, RFC 7526
    "192.168.0.0/16",  // private, RFC 1918
    "198.18.0.0/15",   // benchmarks, RFC 2544
    "198.51.100.0/24", // documentation
    "203.0.113.0/24",  // documentation
    "224.0.0.0/4",     // multicast, RFC 5771
    "240.0.0.0/4",     // reserved, RFC 1112; broadcast
];

const V6: &[&str] = &[
    "::/96",          // unspecified, loopback, IPv4-compatible of old (RFC 4291)
    "::ffff:0:0/96",  // IPv4-mapped
    "64:ff9b:1::/48", // local NAT64, RFC 8215
    "100::/64",       // discard, RFC 6666
    "100:0:0:1::/64", // dummy prefix, RFC 9780
    "2001::/32",      // Teredo, RFC 4380
    "2001:2::/48",    // benchmarks, RFC 5180
    "2001:10::/28",   // ORCHID, RFC 4843
    "2001:20::/28",   // ORCHIDv2, RFC 7343
    "2001:30::/28",   // drone identities, RFC 9374
    "2001:db8::/32",  // documentation, RFC 3849
    "2002::/16",      // 6to4, RFC 3056
    "3fff::/20",      // documentation, RFC 9637
    "5f00::/16",      // SRv6 identifiers, RFC 9602
    "fc00::/7",       // unique local, RFC 4193
    "fe80::/10",      // link-local, RFC 4291
    "fec0::/10",      // site-local of old, RFC 3879
    "ff00::/8",       // multicast, RFC 4291
];

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn no_network_is_lost_in_reading() {
        assert_eq!(special_purpose().len(), 2 * V4.len() + V6.len());
        assert_eq!(nobody().len(), NOBODY.len());
        assert_eq!(private().len(), PRIVATE.len());
        assert_eq!(inner().len(), PRIVATE.len() + NOWHERE.len());
    }

    #[test]
    fn inner_doors_are_inside_and_the_roots_are_not() {
        // POL-07, AMP-13.
        let networks = special_purpose();
        let inside = |text: &str| networks.iter().any(|net| net.contains(&text.parse::<IpAddr>().unwrap()));
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.31.255.255",
            "100.127.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.251",
            "203.0.113.9",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fd00::1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:a00:1::",
            "2001:db8::1",
            "ff02::fb",
        ] {
            assert!(inside(text), "{text}");
        }
        for server in super::super::hints::builtin() {
            assert!(server.glue.iter().all(|address| !inside(&address.to_string())), "{}", server.host);
        }
        for text in [
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "64:ff9b::8.8.8.8",
            "2001:4860::8888",
            "192.175.48.1",
            "2620:4f:8000::1",
        ] {
            assert!(!inside(text), "{text}");
        }
    }
}

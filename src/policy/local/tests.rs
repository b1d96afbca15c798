//! POL-02 and POL-03: names that must never leave this host, table-driven.

use std::net::IpAddr;

use super::*;

fn ask(name: &str, rtype: RecordType) -> Option<LocalAnswer> {
    Local::new(Vec::new()).answer(&Question::new(name.parse().unwrap(), rtype))
}

fn addresses(name: &str, rtype: RecordType) -> Vec<IpAddr> {
    ask(name, rtype).unwrap().answer.iter().flat_map(|set| set.addresses().collect::<Vec<_>>()).collect()
}

/// Asserts a denial with the SOA of `zone`.
fn denied(name: &str, rtype: RecordType, rcode: Rcode, zone: &str) {
    let answer = ask(name, rtype).unwrap_or_else(|| panic!("{name} {rtype} would leak"));
    assert_eq!(answer.rcode, rcode, "{name} {rtype}");
    assert!(answer.answer.is_empty(), "{name} {rtype}");
    let [soa] = answer.authority.as_slice() else { panic!("{name}: no SOA") };
    assert_eq!((soa.rtype, soa.owner.to_string(), soa.ttl), (RecordType::SOA, zone.to_owned(), TTL), "{name} {rtype}");
}

#[test]
fn localhost_and_all_below_it_are_the_loopback_addresses() {
    // RFC 6761 §6.3.
    for name in ["localhost", "LocalHost.", "foo.localhost", "a.b.LOCALHOST"] {
        assert_eq!(addresses(name, RecordType::A), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(addresses(name, RecordType::AAAA), ["::1".parse::<IpAddr>().unwrap()]);
        denied(name, RecordType::MX, Rcode::NOERROR, "localhost.");
    }
    assert_eq!(ask("localhost", RecordType::SOA).unwrap().answer[0].rtype, RecordType::SOA);
    denied("foo.localhost", RecordType::SOA, Rcode::NOERROR, "localhost.");
}

#[test]
fn zones_of_the_operator_at_or_below_special_ones_are_asked_elsewhere() {
    let zones = ["10.in-addr.arpa", "lan.home.arpa", "corp.test", "in-addr.arpa", "arpa", "."];
    let local = Local::new(zones.iter().map(|zone| zone.parse().unwrap()).collect());
    let is_local = |name: &str| local.answer(&Question::new(name.parse().unwrap(), RecordType::PTR)).is_some();
    for name in ["10.in-addr.arpa", "1.0.0.10.in-addr.arpa", "nas.LAN.home.arpa", "corp.test", "www.corp.test"] {
        assert!(!is_local(name), "{name}");
    }
    // Those above say nothing about them, and neighbours nothing about each other.
    for name in ["1.0.168.192.in-addr.arpa", "127.in-addr.arpa", "localhost", "home.arpa", "test", "x.test"] {
        assert!(is_local(name), "{name}");
    }
}

#[test]
fn names_outside_the_dns_do_not_exist() {
    for top in ["invalid.", "test.", "onion.", "local.", "alt.", "eap.arpa.", "eap-noob.arpa.", "6tisch.arpa."] {
        for rtype in [RecordType::A, RecordType::AAAA, RecordType::DS, RecordType::SOA, RecordType::ANY] {
            denied(top, rtype, Rcode::NXDOMAIN, top);
            denied(&format!("www.EXAMPLE.{top}"), rtype, Rcode::NXDOMAIN, top);
        }
    }
}

#[test]
fn every_reverse_zone_of_rfc_6303_and_rfc_7793_is_answered_here() {
    let zones = [
        "10.in-addr.arpa.",
        "16.172.in-addr.arpa.",
        "24.172.in-addr.arpa.",
        "31.172.in-addr.arpa.",
        "168.192.in-addr.arpa.",
        "0.in-addr.arpa.",
        "127.in-addr.arpa.",
        "254.169.in-addr.arpa.",
        "2.0.192.in-addr.arpa.",
        "100.51.198.in-addr.arpa.",
        "113.0.203.in-addr.arpa.",
        "255.255.255.255.in-addr.arpa.",
        "d.f.ip6.arpa.",
        "8.e.f.ip6.arpa.",
        "b.e.f.ip6.arpa.",
        "8.b.d.0.1.0.0.2.ip6.arpa.",
        "64.100.in-addr.arpa.",
        "127.100.in-addr.arpa.",
    ];
    for zone in zones {
        for rtype in [RecordType::PTR, RecordType::DS, RecordType::NSEC] {
            denied(zone, rtype, Rcode::NOERROR, zone);
            denied(&format!("9.8.{zone}"), rtype, Rcode::NXDOMAIN, zone);
        }
        assert_eq!(ask(zone, RecordType::SOA).unwrap().answer.len(), 1, "{zone}");
        assert_eq!(ask(zone, RecordType::NS).unwrap().answer[0].target().unwrap().to_string(), zone);
    }
    let all_zeros = format!("{}ip6.arpa.", "0.".repeat(32));
    denied(&all_zeros, RecordType::PTR, Rcode::NOERROR, &all_zeros);
}

#[test]
fn neighbours_of_reverse_zones_are_public() {
    for public in [
        "15.172.in-addr.arpa.",
        "32.172.in-addr.arpa.",
        "172.in-addr.arpa.",
        "63.100.in-addr.arpa.",
        "128.100.in-addr.arpa.",
        "100.in-addr.arpa.",
        "192.in-addr.arpa.",
        "255.in-addr.arpa.",
        "c.e.f.ip6.arpa.",
        "f.ip6.arpa.",
        "ip6.arpa.",
        "arpa.",
        "1.0.0.0.ip6.arpa.",
        "8.8.8.8.in-addr.arpa.",
        "e164.arpa.",
        "notlocalhost.",
        "test.example.",
        "local.example.com.",
        "a\\.test.example.",
    ] {
        assert_eq!(ask(public, RecordType::PTR), None, "{public}");
    }
}

#[test]
fn the_loopback_addresses_are_called_localhost() {
    for name in ["1.0.0.127.in-addr.arpa.".to_owned(), format!("1.{}ip6.arpa.", "0.".repeat(31))] {
        let answer = ask(&name, RecordType::PTR).unwrap();
        assert_eq!(answer.answer[0].target().unwrap().to_string(), "localhost.");
        denied(&name, RecordType::A, Rcode::NOERROR, &name);
    }
    // The names between the zone and 127.0.0.1 exist (RFC 8020); their neighbours do not.
    denied("0.127.in-addr.arpa.", RecordType::PTR, Rcode::NOERROR, "127.in-addr.arpa.");
    denied("0.0.127.in-addr.arpa.", RecordType::PTR, Rcode::NOERROR, "127.in-addr.arpa.");
    denied("2.0.0.127.in-addr.arpa.", RecordType::PTR, Rcode::NXDOMAIN, "127.in-addr.arpa.");
    denied("7.1.0.0.127.in-addr.arpa.", RecordType::PTR, Rcode::NXDOMAIN, "1.0.0.127.in-addr.arpa.");
}

#[test]
fn home_and_service_are_empty_but_their_ds_is_in_the_parent() {
    // RFC 8375 §4, RFC 9665 §10: the signed absence of DS is what makes the rest believable.
    for zone in ["home.arpa.", "service.arpa."] {
        assert_eq!(ask(zone, RecordType::DS), None);
        denied(zone, RecordType::A, Rcode::NOERROR, zone);
        denied(&format!("printer.{zone}"), RecordType::A, Rcode::NXDOMAIN, zone);
        denied(&format!("printer.{zone}"), RecordType::DS, Rcode::NXDOMAIN, zone);
    }
}

#[test]
fn resolver_arpa_has_no_data_anywhere() {
    // RFC 9462 §6.4.
    denied("resolver.arpa.", RecordType::A, Rcode::NOERROR, "resolver.arpa.");
    denied("_dns.resolver.arpa.", RecordType::SVCB, Rcode::NOERROR, "resolver.arpa.");
}

#[test]
fn ipv4only_has_its_two_addresses_and_no_others() {
    // RFC 8880 §7.1.
    let two = ["192.0.0.170".parse::<IpAddr>().unwrap(), "192.0.0.171".parse().unwrap()];
    assert_eq!(addresses("ipv4only.arpa", RecordType::A), two);
    denied("ipv4only.arpa.", RecordType::AAAA, Rcode::NOERROR, "ipv4only.arpa.");
    denied("x.ipv4only.arpa.", RecordType::A, Rcode::NXDOMAIN, "ipv4only.arpa.");
    assert_eq!(
        ask("171.0.0.192.in-addr.arpa.", RecordType::PTR).unwrap().answer[0].target().unwrap().to_string(),
        "ipv4only.arpa."
    );
}

#[test]
fn zones_with_servers_of_their_own_win() {
    let local = Local::new(vec!["10.in-addr.arpa.".parse().unwrap(), "corp.test.".parse().unwrap()]);
    let ask = |name: &str| local.answer(&Question::new(name.parse().unwrap(), RecordType::PTR));
    assert_eq!(ask("1.2.3.10.in-addr.arpa."), None);
    assert_eq!(ask("www.corp.test."), None);
    assert!(ask("www.test.").is_some() && ask("168.192.in-addr.arpa.").is_some());
}

#[test]
fn the_glance_never_misses_a_name_of_ours() {
    let local = Local::new(Vec::new());
    assert!(local.zones.keys().all(|zone| Local::may_hold(zone)));
    assert_eq!(local.zones.len(), ZONES.len() + 16 + 64);
    for (name, may) in
        [("www.example.com.", false), (".", false), ("WWW.Test.", true), ("xtest.", false), ("1.ARPA.", true)]
    {
        assert_eq!(Local::may_hold(name.parse::<Name>().unwrap().wire()), may, "{name}");
    }
    assert!(!Local::may_hold(&[]) && !Local::may_hold(&[4, b't', b'e']));
}

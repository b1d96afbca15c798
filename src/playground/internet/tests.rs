//! The lecture's Internet, checked from the outside: every server is where its delegation says.

use super::*;
use crate::dns::{Question, RecordType};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Every zone once.
fn zones(internet: &Internet) -> Vec<Arc<Zone>> {
    let mut zones: Vec<Arc<Zone>> = internet.authorities.iter().flat_map(|a| a.zones.clone()).collect();
    zones.sort_by_key(|zone| zone.apex().clone());
    zones.dedup_by_key(|zone| zone.apex().clone());
    zones
}

/// The addresses of a host, as the whole Internet knows it.
fn addresses(internet: &Internet, host: &Name) -> Vec<IpAddr> {
    let of = |zone: &Arc<Zone>| zone.rrset(host, RecordType::A).map(|set| set.addresses().collect::<Vec<_>>());
    zones(internet).iter().rev().filter(|zone| host.is_in(zone.apex())).find_map(of).unwrap_or_default()
}

#[test]
fn every_zone_is_served_where_its_ns_set_says() {
    let internet = Internet::lecture().unwrap();
    assert_eq!(internet.root_hints.len(), 13);
    for zone in zones(&internet) {
        let servers = zone.rrset(zone.apex(), RecordType::NS).unwrap();
        let mut said: Vec<IpAddr> =
            servers.rdatas.iter().flat_map(|host| addresses(&internet, &Name::from_wire(host).unwrap())).collect();
        let serves = |authority: &&Authority| authority.zones.iter().any(|z| z.apex() == zone.apex());
        let mut there: Vec<IpAddr> = internet.authorities.iter().filter(serves).map(|a| a.address).collect();
        said.sort();
        there.sort();
        assert_eq!(said, there, "{}", zone.apex());
    }
}

#[test]
fn parent_and_child_agree_on_the_servers() {
    let internet = Internet::lecture().unwrap();
    for zone in zones(&internet).iter().filter(|zone| !zone.apex().is_root()) {
        let parents = zones(&internet).into_iter().filter(|p| zone.apex().is_strictly_below(p.apex()));
        let parent = parents.max_by_key(|p| p.apex().label_count()).unwrap();
        let referral = parent.answer(&Question::new(zone.apex().clone(), RecordType::A));
        assert!(!referral.authoritative, "{} is not delegated by {}", zone.apex(), parent.apex());
        let child = zone.rrset(zone.apex(), RecordType::NS).unwrap();
        assert_eq!(referral.authority[0].rdatas, child.rdatas, "{}", zone.apex());
    }
}

#[test]
fn hosts_that_are_no_servers_have_documentation_addresses() {
    let internet = Internet::lecture().unwrap();
    let servers: Vec<IpAddr> = internet.authorities.iter().map(|authority| authority.address).collect();
    for zone in zones(&internet) {
        for address in zone.rrsets().flat_map(|set| set.addresses().collect::<Vec<_>>()) {
            let documentation = match address {
                IpAddr::V4(v4) => v4.is_documentation(),
                IpAddr::V6(v6) => v6.segments()[..2] == [0x2001, 0xdb8],
            };
            assert!(documentation || servers.contains(&address), "{address} in {}", zone.apex());
        }
    }
}

#[test]
fn every_example_names_something_that_was_built() {
    let internet = Internet::lecture().unwrap();
    for example in EXAMPLES {
        let (host, rtype) = example.question.split_once(' ').unwrap_or((example.question, "A"));
        let question = Question::new(name(host), rtype.parse().unwrap());
        let authority = internet
            .authorities
            .iter()
            .rev()
            .find(|a| a.zone_for(&question).is_some_and(|zone| zone.apex().label_count() >= 2));
        let answer = authority.unwrap().zone_for(&question).unwrap().answer(&question);
        assert_eq!(answer.answer.is_empty(), host.starts_with("nowhere"), "{}", example.question);
    }
}

//! Zones for which a head names servers: forward zones, stub zones, and the root's hints.

use std::net::{IpAddr, SocketAddr};

use burdock::dns::{Name, NameServer};
use burdock::resolver::{Forward, Service};

use super::model::{Scenario, Setting};
use super::words::Setup;

/// Gathers `name` and addresses of every forward and stub zone; the stub zone named `.` holds the root hints.
pub fn zones(scenario: &Scenario, setup: &mut Setup) -> Result<(), String> {
    let of_zones = |setting: &&Setting| matches!(setting.section.as_str(), "stub-zone" | "forward-zone");
    let of_zones: Vec<&Setting> = scenario.settings.iter().filter(of_zones).collect();
    for block in of_zones.chunk_by(|a, b| a.block == b.block) {
        let recursive = block.first().is_some_and(|setting| setting.section == "forward-zone");
        let service = if recursive { Service::Recursive } else { Service::Authoritative };
        let (mut zone, mut to) = (Name::root(), Vec::new());
        for Setting { line, key, value, .. } in block {
            let bad = || format!("line {line}: not a value for {key}: {value}");
            match key.as_str() {
                "name" => zone = value.parse().map_err(|_| bad())?,
                "stub-addr" | "forward-addr" => to.push(endpoint(value).ok_or_else(bad)?),
                _ => {}
            }
        }
        if zone.is_root() && service == Service::Authoritative {
            let hints = &mut setup.resolver.root_hints;
            to.iter().for_each(|endpoint| hints.extend(hint(hints.len(), endpoint.ip())));
        } else {
            setup.policy.elsewhere.push(zone.clone());
            setup.resolver.forwards.push(Forward { zone, to, service });
        }
    }
    Ok(())
}

/// Deckard's heads have no sections: this is a server of the root.
pub fn root_hint(setup: &mut Setup, value: &str) -> Option<()> {
    let hints = &mut setup.resolver.root_hints;
    hints.push(hint(hints.len(), endpoint(value)?.ip())?);
    Some(())
}

/// Deckard's heads have no sections: everything is forwarded.
pub fn forward_all(setup: &mut Setup, value: &str) -> Option<()> {
    let forwards = &mut setup.resolver.forwards;
    match forwards.iter_mut().find(|forward| forward.zone.is_root()) {
        Some(forward) => forward.to.push(endpoint(value)?),
        None => {
            forwards.push(Forward { zone: Name::root(), to: vec![endpoint(value)?], service: Service::Recursive });
        }
    }
    Some(())
}

/// `ADDRESS` or `ADDRESS@PORT`.
fn endpoint(value: &str) -> Option<SocketAddr> {
    let (address, port) = value.split_once('@').unwrap_or((value, "53"));
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

/// A server of the root known by its address alone; its name is in its zone, so that nobody looks it up.
fn hint(index: usize, address: IpAddr) -> Option<NameServer> {
    Some(NameServer { host: Name::root().prepend(format!("stub-{index}").as_bytes()).ok()?, glue: vec![address] })
}

//! The key `forward`: zones whose servers the operator names.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::dns::Name;
use crate::resolver::{self, Forward, Ipv6, Service};

use super::file::{Entry, Node, Value};
use super::given::Given;
use super::problem::Complaint;
use super::section::Section;
use super::value;

/// What of the rest of the configuration counts here.
pub struct Surroundings<'a> {
    /// Where clients are listened to.
    pub listen: &'a [SocketAddr],
    /// Whether servers are asked over IPv4.
    pub ipv4: bool,
    /// Whether servers are asked over IPv6.
    pub ipv6: Ipv6,
}

/// Reads the key.
pub fn read(given: &mut Given) -> Option<Vec<Forward>> {
    let all = given.nodes(KEY, entry)?;
    for (index, Forward { zone, .. }) in all.iter().enumerate() {
        if all.iter().take(index).any(|other| other.zone == *zone) {
            let reason = format!("`{}` is already in the list", shown(zone));
            given.complain_item(KEY, index, Complaint::new(reason, "name all of its servers in one entry"));
        }
    }
    Some(all)
}

/// Refuses servers that cannot be asked: ourselves, and those of a family that is switched off.
pub fn check(given: &mut Given, all: &[Forward], around: &Surroundings<'_>) {
    for (index, forward) in all.iter().enumerate() {
        for endpoint in &forward.to {
            if let Some(complaint) = objection(&forward.zone, *endpoint, around) {
                given.complain_item(KEY, index, complaint);
            }
        }
    }
}

fn objection(zone: &Name, endpoint: SocketAddr, around: &Surroundings<'_>) -> Option<Complaint> {
    let address = show_endpoint(endpoint);
    let ours = |own: &&SocketAddr| {
        let everywhere = own.ip().is_unspecified() && endpoint.ip().is_loopback();
        own.port() == endpoint.port() && (own.ip() == endpoint.ip() || everywhere)
    };
    if let Some(own) = around.listen.iter().find(ours) {
        let reason = format!("burdock itself listens at `{own}`: questions about `{}` would go round", shown(zone));
        return Some(Complaint::new(reason, format!("name another server than `{address}`, or listen elsewhere")));
    }
    let (off, key) = match endpoint.ip() {
        IpAddr::V4(_) => (!around.ipv4, "resolver.ipv4"),
        IpAddr::V6(_) => (around.ipv6 == Ipv6::Off, "resolver.ipv6"),
    };
    off.then(|| {
        let reason = format!("`{address}` can never be asked: `{key}` is `false`");
        Complaint::new(reason, "name a server of the other family, or let this one be on")
    })
}

/// Zones that are bogus as far as one can tell from here: nothing says that they are unsigned, and the root, which is signed,
/// has no such name. In the order of the list.
pub fn warnings(resolver: &resolver::Settings) -> Vec<(usize, Complaint)> {
    let dnssec = &resolver.dnssec;
    if !dnssec.validate || dnssec.anchors.at(&Name::root()).is_none() {
        return Vec::new();
    }
    let excepted = |zone: &Name| dnssec.negative.iter().any(|negative| zone.is_in(&negative.domain));
    let anchored = |zone: &Name| zone.ancestors().any(|above| !above.is_root() && dnssec.anchors.at(&above).is_some());
    let private = |zone: &Name| !zone.is_root() && is_private(&zone.suffix(1));
    let all = resolver.forwards.iter().map(|forward| &forward.zone).enumerate();
    let doubtful = all.filter(|(_, zone)| private(zone) && !excepted(zone) && !anchored(zone));
    doubtful.map(|(index, zone)| (index, bogus(zone))).collect()
}

fn bogus(zone: &Name) -> Complaint {
    let zone = shown(zone);
    let reason =
        format!("has the zone `{zone}`, and the signed root says that there is no such name: all of it will be bogus");
    let remedy =
        format!("write `dnssec: {{ negative-trust-anchors: [{zone}] }}`, or give the zone a trust anchor of its own");
    Complaint::new(reason, remedy)
}

/// Top-level domains of inner networks, which the root does not have: RFC 6762 Appendix G, RFC 6761, `internal` by ICANN's word.
fn is_private(top: &Name) -> bool {
    PRIVATE_TOPS.iter().any(|private| top.labels().next().is_some_and(|label| label.eq_ignore_ascii_case(private)))
}

/// One zone and its servers.
fn entry(node: &Node) -> Result<Forward, Complaint> {
    let Value::Map(entries) = &node.value else {
        return Err(Complaint::new(format!("{} stands in the list", node.what()), EXAMPLE));
    };
    let section = Section { entries, keys: &KEYS, example: EXAMPLE };
    section.check()?;
    let Some(zone) = section.one("zone")? else { return Err(Complaint::new("there is no `zone` in it", EXAMPLE)) };
    let zone = apex(zone)?;
    let recursive = section.one("recursive")?.map(value::flag).transpose()?;
    let service = if recursive == Some(false) { Service::Authoritative } else { Service::Recursive };
    let to = entries.iter().find(|entry| entry.key == "to").map(servers).transpose()?.unwrap_or_default();
    if to.is_empty() {
        let reason = format!("there is nobody to ask about `{}`", shown(&zone));
        return Err(Complaint::new(reason, EXAMPLE));
    }
    Ok(Forward { zone, to, service })
}

/// The name of a zone. Networks could be read as one, and would match nothing.
fn apex(text: &str) -> Result<Name, Complaint> {
    if text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok() {
        let remedy = "write the name of its reverse zone, such as `10.in-addr.arpa`";
        return Err(Complaint::new(format!("`{text}` is a network, and the name of a zone is wanted"), remedy));
    }
    let zone = text.parse().map_err(|_| {
        Complaint::new(format!("`{text}` is no domain name"), "write a name, such as `corp.example`, or `.` for all")
    })?;
    value::without_wildcard(text, zone)
}

fn servers(entry: &Entry) -> Result<Vec<SocketAddr>, Complaint> {
    let items = match &entry.node.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(&entry.node),
    };
    let mut all: Vec<SocketAddr> = Vec::new();
    for item in items {
        let Value::Scalar(text) = &item.value else {
            return Err(Complaint::new(format!("{} stands among the servers", item.what()), EXAMPLE));
        };
        let endpoint = server(text)?;
        if all.contains(&endpoint) {
            return Err(Complaint::new(format!("`{text}` is already in the list"), "remove one of the two"));
        }
        all.push(endpoint);
    }
    if all.len() > MOST_SERVERS {
        let reason = format!("there are {} servers of one zone", all.len());
        return Err(Complaint::new(reason, format!("name at most {MOST_SERVERS}; no question gets further")));
    }
    Ok(all)
}

/// `ADDRESS` or `ADDRESS@PORT`.
fn server(text: &str) -> Result<SocketAddr, Complaint> {
    let (address, port) = match text.split_once('@') {
        Some((address, port)) => (address, value::port(port)?),
        None => (text, DNS_PORT),
    };
    let ip = address.parse::<IpAddr>().map_err(|_| {
        let reason = format!("`{text}` is no address of a server");
        Complaint::new(reason, "write `192.0.2.53`, `192.0.2.53@5353` or `\"2001:db8::53\"`; a name will not do")
    })?;
    let ip = ip.to_canonical();
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) {
        return Err(Complaint::new(format!("nobody can be asked at `{text}`"), "name the address of one server"));
    }
    Ok(SocketAddr::new(ip, port))
}

fn show_endpoint(endpoint: SocketAddr) -> String {
    match endpoint.port() {
        DNS_PORT => endpoint.ip().to_string(),
        port => format!("{}@{port}", endpoint.ip()),
    }
}

/// A zone as operators write it.
fn shown(zone: &Name) -> String {
    let text = zone.to_string();
    if zone.is_root() { text } else { text.trim_end_matches('.').to_owned() }
}

const KEY: &str = "forward";
const KEYS: [&str; 3] = ["zone", "to", "recursive"];
const EXAMPLE: &str = "write `{ zone: corp.example, to: [192.0.2.53, 192.0.2.54@5353], recursive: true }`";
const PRIVATE_TOPS: [&[u8]; 12] = [
    b"intranet",
    b"internal",
    b"private",
    b"corp",
    b"home",
    b"lan",
    b"local",
    b"localdomain",
    b"mail",
    b"test",
    b"invalid",
    b"alt",
];
const DNS_PORT: u16 = 53;
/// As many as are kept of a delegation.
const MOST_SERVERS: usize = 13;

//! Root hints (RFC 9609 §2): the servers of the root zone, in the format of InterNIC's named.root.

use crate::dns::{Name, NameServer, Record, RecordType, TextError, Ttl, read_zone};

/// The thirteen servers that are compiled in.
pub fn builtin() -> Vec<NameServer> {
    // A test reads the file; were it empty, every question would fail at once and say why.
    read(BUILTIN).unwrap_or_default()
}

/// Why a file holds no root hints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintsError {
    /// It cannot be read.
    #[error("{0}")]
    Text(TextError),
    /// The root has no NS record in it.
    #[error("there is no NS record of `.` in it")]
    NoServers,
    /// Servers, but not one address.
    #[error("none of its servers has an A or AAAA record")]
    NoAddresses,
    /// More servers than anybody should ask.
    #[error("it names more than {MAX_SERVERS} servers")]
    TooMany,
}

/// Reads the servers of the root and their addresses. Other records are passed over.
///
/// # Errors
/// [`HintsError`] when there is nothing to start from.
pub fn read(text: &str) -> Result<Vec<NameServer>, HintsError> {
    let records = read_zone(text, &Name::root(), Ttl::from_secs(3_600_000)).map_err(HintsError::Text)?;
    let is_server = |record: &&Record| record.rtype == RecordType::NS && record.owner.is_root();
    let mut servers: Vec<NameServer> = Vec::new();
    for host in records.iter().filter(is_server).filter_map(|record| Name::from_wire(&record.rdata).ok()) {
        if servers.iter().all(|server| server.host != host) {
            let glue = addresses(&records, &host);
            servers.push(NameServer { host, glue });
        }
    }
    match servers.len() {
        0 => Err(HintsError::NoServers),
        count if count > MAX_SERVERS => Err(HintsError::TooMany),
        _ if servers.iter().all(|server| server.glue.is_empty()) => Err(HintsError::NoAddresses),
        _ => Ok(servers),
    }
}

fn addresses(records: &[Record], host: &Name) -> Vec<std::net::IpAddr> {
    let address = |record: &Record| match record.rtype {
        RecordType::A => <[u8; 4]>::try_from(record.rdata.as_slice()).ok().map(Into::into),
        RecordType::AAAA => <[u8; 16]>::try_from(record.rdata.as_slice()).ok().map(Into::into),
        _ => None,
    };
    records.iter().filter(|record| record.owner == *host).filter_map(address).collect()
}

const BUILTIN: &str = include_str!("../../root.hints");
const MAX_SERVERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_servers_with_two_addresses_each_are_compiled_in() {
        let servers = builtin();
        let hosts: Vec<String> = servers.iter().map(|server| server.host.to_string()).collect();
        let expected: Vec<String> = ('a'..='m').map(|letter| format!("{letter}.root-servers.net.")).collect();
        assert_eq!(hosts, expected);
        assert!(servers.iter().all(|s| matches!(s.glue.as_slice(), [four, six] if four.is_ipv4() && six.is_ipv6())));
        assert_eq!(
            servers[1].glue,
            ["170.247.170.2".parse::<std::net::IpAddr>().unwrap(), "2801:1b8:10::b".parse().unwrap()]
        );
    }

    #[test]
    fn a_file_without_a_start_is_refused() {
        assert_eq!(read("; nothing\n"), Err(HintsError::NoServers));
        assert_eq!(read("com. 1 NS a.example.\na.example. 1 A 192.0.2.1\n"), Err(HintsError::NoServers));
        assert_eq!(read(". 1 NS a.example.\n"), Err(HintsError::NoAddresses));
        let HintsError::Text(error) = read(". 1 NS a.example.\na.example. 1 A 192.0.2\n").unwrap_err() else {
            panic!()
        };
        assert_eq!(error.position.line, 2);
        let many: String = (0..65).map(|i| format!(". NS s{i}.\ns{i}. A 192.0.2.1\n")).collect();
        assert_eq!(read(&many), Err(HintsError::TooMany));
    }
}

//! Why an address cannot be listened on, said so that the reader knows what to do next.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::holder::{self, Holder};

/// What runs over a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// Why an address cannot be listened on.
#[derive(Debug)]
pub enum BindError {
    /// Another program, or another address of ours, has the port.
    Taken {
        /// For this.
        transport: Transport,
        /// The address wanted.
        address: SocketAddr,
        /// Who has it, when this user may know.
        holder: Option<Holder>,
    },
    /// Ports this low need a privilege.
    Privileged {
        /// The address wanted.
        address: SocketAddr,
    },
    /// No interface of this machine has the address.
    NotOurs {
        /// The address wanted.
        address: SocketAddr,
    },
    /// Anything else.
    Other {
        /// For this.
        transport: Transport,
        /// The address wanted.
        address: SocketAddr,
        /// What the kernel said.
        error: io::Error,
    },
}

impl BindError {
    /// What `error` means for who wanted `address`.
    pub fn new(transport: Transport, address: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { transport, address, holder: holder::of(transport, address) },
            io::ErrorKind::PermissionDenied if address.port() < 1024 => Self::Privileged { address },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address },
            _ => Self::Other { transport, address, error },
        }
    }
}

impl std::error::Error for BindError {}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { transport, address, holder } => {
                write!(formatter, "cannot listen on {address}: the {transport} port is in use")?;
                explain_taken(formatter, *transport, *address, holder.as_ref())
            }
            Self::Privileged { address } => write!(
                formatter,
                "cannot listen on {address}: ports below 1024 need a privilege that this user does not have. \
                 Either under systemd set AmbientCapabilities=CAP_NET_BIND_SERVICE; or run \
                 `sudo setcap cap_net_bind_service=+ep` on the burdock binary; or run \
                 `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}`; or listen on a higher port, such as {other}",
                port = address.port(),
                other = SocketAddr::new(address.ip(), 5300 + address.port() % 100),
            ),
            Self::NotOurs { address } => write!(
                formatter,
                "cannot listen on {address}: no network interface has this address. `ip address` lists those there are; \
                 0.0.0.0 and [::] stand for all of them",
            ),
            Self::Other { transport, address, error } => {
                write!(formatter, "cannot listen on {address} ({transport}): {error}")
            }
        }
    }
}

fn explain_taken(
    formatter: &mut fmt::Formatter<'_>,
    transport: Transport,
    address: SocketAddr,
    holder: Option<&Holder>,
) -> fmt::Result {
    let Some(Holder { process, name }) = holder else {
        let flags = if transport == Transport::Udp { "-lunp" } else { "-ltnp" };
        let port = address.port();
        return write!(
            formatter,
            ". `sudo ss {flags} sport = :{port}` names the program; stop it, or listen elsewhere"
        );
    };
    write!(formatter, " by {name} (process {process}). ")?;
    if *process == std::process::id() {
        return formatter
            .write_str("That is this very program: is the address listed twice, or covered by a wildcard?");
    }
    if name.starts_with("systemd-resolve") {
        return formatter.write_str(
            "Set DNSStubListener=no in /etc/systemd/resolved.conf and run `sudo systemctl restart systemd-resolved`, \
             or listen on another address",
        );
    }
    formatter.write_str("Stop it, or listen on another address or port")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(process: u32, name: &str) -> String {
        let holder = Some(Holder { process, name: name.to_owned() });
        let address = "127.0.0.1:53".parse().unwrap();
        BindError::Taken { transport: Transport::Udp, address, holder }.to_string()
    }

    #[test]
    fn a_taken_port_names_who_has_it() {
        assert_eq!(
            taken(1, "dnsmasq"),
            "cannot listen on 127.0.0.1:53: the UDP port is in use by dnsmasq (process 1). \
             Stop it, or listen on another address or port"
        );
        assert!(taken(1, "systemd-resolve").contains("DNSStubListener=no"));
        assert!(taken(std::process::id(), "burdock").contains("listed twice"));
    }

    #[test]
    fn a_holder_out_of_sight_can_be_found_by_hand() {
        let address = "[::1]:53".parse().unwrap();
        let error = BindError::Taken { transport: Transport::Tcp, address, holder: None };
        assert!(error.to_string().contains("`sudo ss -ltnp sport = :53`"), "{error}");
    }

    #[test]
    fn a_missing_privilege_comes_with_four_ways_out() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let message = BindError::new(Transport::Udp, "127.0.0.1:53".parse().unwrap(), denied).to_string();
        for way in ["AmbientCapabilities", "setcap", "ip_unprivileged_port_start=53", "127.0.0.1:5353"] {
            assert!(message.contains(way), "{way} is missing in: {message}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_called_so() {
        let error = crate::net::socket::bind("192.0.2.1:0".parse().unwrap(), std::num::NonZeroUsize::MIN).unwrap_err();
        assert!(matches!(error, BindError::NotOurs { .. }));
        assert!(error.to_string().contains("no network interface has this address"));
    }
}

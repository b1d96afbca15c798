//! Which process holds a port: `/proc/net/*` tells the socket, `/proc/PID/fd` whose it is.
//!
//! Best effort, for a message to a person. Sockets of other users' processes show only to root.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::bind_error::Transport;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub process: u32,
    /// Its name, as `ps` shows it; the kernel keeps 15 octets of it.
    pub name: String,
}

/// The process whose socket keeps others from `address`.
pub fn of(transport: Transport, address: SocketAddr) -> Option<Holder> {
    let tables = match transport {
        Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        Transport::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
    };
    let tables = tables.iter().filter_map(|path| fs::read_to_string(path).ok());
    let inodes: Vec<u64> = tables.flat_map(|table| inodes(&table, transport, address)).collect();
    if inodes.is_empty() {
        return None;
    }
    let mut processes = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let process = processes.find(|process| has_one_of(*process, &inodes))?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some(Holder { process, name: name.trim_end().to_owned() })
}

/// The sockets in `table` that are in the way of a listener on `address`.
fn inodes(table: &str, transport: Transport, address: SocketAddr) -> Vec<u64> {
    let rows = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let (local, state) = (parse_address(columns.nth(1)?)?, columns.nth(1)?);
        let inode = columns.nth(5)?.parse().ok()?;
        let listens = transport == Transport::Udp || state == TCP_LISTEN;
        (listens && collide(local, address)).then_some(inode)
    });
    rows.collect()
}

fn collide(held: SocketAddr, wanted: SocketAddr) -> bool {
    let ip = held.ip();
    let overlap = ip == wanted.ip()
        || (ip.is_unspecified() && (ip.is_ipv6() || wanted.is_ipv4()))
        || (wanted.ip().is_unspecified() && ip.is_ipv4() == wanted.is_ipv4());
    held.port() == wanted.port() && overlap
}

/// `0100007F:0035`: each 32-bit word in the machine's own order, the port as people write it.
fn parse_address(column: &str) -> Option<SocketAddr> {
    let (address, port) = column.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let octets: [u8; 16] = words.as_flattened().try_into().ok()?;
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

fn has_one_of(process: u32, inodes: &[u64]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    files.flatten().any(|file| {
        let target = fs::read_link(file.path()).ok();
        let socket = target.as_ref().and_then(|target| target.to_str());
        let inode = socket.and_then(|socket| socket.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}

/// The state of a listening TCP socket in `/proc/net/tcp`.
const TCP_LISTEN: &str = "0A";

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_port_of_this_process_is_traced_to_it() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind("[::1]:0").unwrap();
        let udp = of(Transport::Udp, udp.local_addr().unwrap()).unwrap();
        let tcp = of(Transport::Tcp, tcp.local_addr().unwrap()).unwrap();
        assert_eq!((udp.process, tcp.process), (std::process::id(), std::process::id()));
        let name = fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(udp.name, name.trim_end());
    }

    #[test]
    fn a_wildcard_collides_with_every_address_of_its_family() {
        let addresses = ["127.0.0.53:53", "0.0.0.0:53", "[::1]:53", "[::]:53"];
        let collides = |held: &str, wanted: &str| collide(held.parse().unwrap(), wanted.parse().unwrap());
        assert_eq!(addresses.map(|wanted| collides("127.0.0.53:53", wanted)), [true, true, false, false]);
        assert_eq!(addresses.map(|wanted| collides("0.0.0.0:53", wanted)), [true, true, false, false]);
        // [::] may or may not take IPv4 along; the table does not tell.
        assert_eq!(addresses.map(|wanted| collides("[::]:53", wanted)), [true, true, true, true]);
        assert!(!collides("127.0.0.1:54", "127.0.0.1:53"));
    }

    #[test]
    fn the_kernels_notation_is_read() {
        let loopback = format!("{:08X}:0035", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(parse_address(&loopback), Some("127.0.0.1:53".parse().unwrap()));
        let last = format!("{:024}{:08X}:14E9", 0, u32::from_ne_bytes([0, 0, 0, 1]));
        assert_eq!(parse_address(&last), Some("[::1]:5353".parse().unwrap()));
        for broken in ["", ":", "0100007F", "0100007F:x", "01:0035", "0100007Z:0035"] {
            assert_eq!(parse_address(broken), None);
        }
    }
}

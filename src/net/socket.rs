//! Sockets as Burdock needs them: opened, bound and set up, nothing sent yet.
//!
//! Workers share each listening port by `SO_REUSEPORT`, but only with each other: the first bind is exclusive, so a
//! port some other program holds is an error and not a silent share. One of two files with `unsafe`; Linux only.
#![allow(unsafe_code)]

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::slice;

use libc::c_int;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::bind_error::{BindError, Transport};

/// The sockets of one listen address: one of each kind for every worker.
#[derive(Debug)]
pub struct Listening {
    /// The address; with the port the kernel chose, if it was asked to choose.
    pub address: SocketAddr,
    /// One for every worker.
    pub udp: Vec<UdpSocket>,
    /// One for every worker.
    pub tcp: Vec<TcpListener>,
}

/// Opens `address` for UDP and TCP, once for every worker. Port 0 finds a port that is free for both.
///
/// # Errors
/// [`BindError`]: why, and what to do.
pub fn bind(address: SocketAddr, workers: NonZeroUsize) -> Result<Listening, BindError> {
    let attempts = if address.port() == 0 { FREE_PORT_ATTEMPTS } else { 1 };
    let mut outcome = bind_once(address, workers);
    for _ in 1..attempts {
        if !matches!(outcome, Err(BindError::Taken { .. })) {
            break;
        }
        outcome = bind_once(address, workers);
    }
    outcome
}

fn bind_once(address: SocketAddr, workers: NonZeroUsize) -> Result<Listening, BindError> {
    let failed = |transport, address| move |error| BindError::new(transport, address, error);
    let first = udp_listener(address, Owner::First).map_err(failed(Transport::Udp, address))?;
    let address = first.local_addr().map_err(failed(Transport::Udp, address))?;
    let mut tcp = vec![tcp_listener(address, Owner::First).map_err(failed(Transport::Tcp, address))?];
    let mut udp = vec![first];
    for _ in 1..workers.get() {
        udp.push(udp_listener(address, Owner::Further).map_err(failed(Transport::Udp, address))?);
        tcp.push(tcp_listener(address, Owner::Further).map_err(failed(Transport::Tcp, address))?);
    }
    Ok(Listening { address, udp, tcp })
}

/// Which socket on an address this is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The first: nobody else may have the port.
    First,
    /// Another of ours, on the same port.
    Further,
}

fn udp_listener(address: SocketAddr, owner: Owner) -> io::Result<UdpSocket> {
    let socket = open(address, Type::DGRAM, Protocol::UDP)?;
    share_and_bind(&socket, address, owner)?;
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => set(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
            SocketAddr::V6(_) => set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
        }
    }
    never_fragment_by_hearsay(&socket, address)?;
    // As much as the system grants; what it does not grant only means earlier drops in a flood.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    Ok(socket.into())
}

fn tcp_listener(address: SocketAddr, owner: Owner) -> io::Result<TcpListener> {
    let socket = open(address, Type::STREAM, Protocol::TCP)?;
    // Only to pass connections of an earlier run that still linger; two listeners still exclude each other.
    socket.set_reuse_address(true)?;
    share_and_bind(&socket, address, owner)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds, the first of several exclusively. The kernel looks at the flag of both sides when a further one comes.
fn share_and_bind(socket: &Socket, address: SocketAddr, owner: Owner) -> io::Result<()> {
    if owner == Owner::Further {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)
}

/// A UDP socket that sends from `source` and that only `server` can send to.
///
/// # Errors
/// The kernel's; [`io::ErrorKind::AddrInUse`] when the port is taken.
pub fn udp_from(source: SocketAddr, server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(server, Type::DGRAM, Protocol::UDP)?;
    never_fragment_by_hearsay(&socket, server)?;
    socket.bind(&source.into())?;
    // Connected: packets of others, and the news whether this port is open, end in the kernel (SAD DNS).
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// A UDP socket for one query after the other: for each, [`connect`] makes the kernel draw a port (with its own
/// cryptographic generator), [`disconnect`] gives it back.
///
/// # Errors
/// The kernel's.
pub fn udp_for_many(server: SocketAddr, source: IpAddr) -> io::Result<UdpSocket> {
    let socket = open(server, Type::DGRAM, Protocol::UDP)?;
    never_fragment_by_hearsay(&socket, server)?;
    if !source.is_unspecified() {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket.into())
}

/// Connects `socket` to `server`, from a port that nobody can foresee.
///
/// # Errors
/// The kernel's.
pub fn connect(socket: BorrowedFd<'_>, server: SocketAddr) -> io::Result<()> {
    SockRef::from(&socket).connect(&server.into())
}

/// Disconnects `socket` and gives back its port: whatever arrives for it now ends in the kernel.
///
/// # Errors
/// The kernel's.
pub fn disconnect(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a plain C structure for which all zeros is a valid value; all zeros means AF_UNSPEC.
    let nobody: libc::sockaddr = unsafe { mem::zeroed() };
    let length = mem::size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the structure is alive and as long as is said.
    match unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A socket on which this thread's runtime waits for [`NEWS`].
pub type Watched = AsyncFd<UdpSocket>;

/// Datagrams and errors. That a datagram of ours has left is news to nobody, and would wake the runtime each time.
pub const NEWS: Interest = Interest::READABLE.add(Interest::ERROR);

/// Has the current runtime watch `socket`.
///
/// # Errors
/// The kernel's.
pub fn watched(socket: UdpSocket) -> io::Result<Watched> {
    // SAFETY: the socket owns its descriptor, always names the same one, and nobody but the `AsyncFd` owns the socket.
    Ok(unsafe { AsyncFd::register_with_interest(socket, NEWS) }?)
}

/// Receives a datagram, shows it to `judge` with where it came from, and returns what that says.
///
/// # Errors
/// The kernel's; [`io::ErrorKind::WouldBlock`] when there is none.
pub fn receive<T>(socket: BorrowedFd<'_>, judge: impl FnOnce(Option<SocketAddr>, &[u8]) -> T) -> io::Result<T> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); DATAGRAM_OCTETS];
    let (octets, from) = SockRef::from(&socket).recv_from(&mut buffer)?;
    let received = buffer.get(..octets).unwrap_or_default();
    // SAFETY: the kernel has written that many octets, which are the whole of the slice.
    let datagram = unsafe { slice::from_raw_parts(received.as_ptr().cast::<u8>(), received.len()) };
    Ok(judge(from.as_socket(), datagram))
}

/// A TCP socket, not yet connected, bound to `source` unless that is the wildcard address.
///
/// # Errors
/// The kernel's.
pub fn tcp_to(server: SocketAddr, source: IpAddr) -> io::Result<std::net::TcpStream> {
    let socket = open(server, Type::STREAM, Protocol::TCP)?;
    socket.set_tcp_nodelay(true)?;
    if !source.is_unspecified() {
        // The port is chosen when it is known for which server: so that it need be free only there.
        set(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket.into())
}

/// The wildcard address of `address`'s family.
pub const fn wildcard(address: SocketAddr) -> IpAddr {
    match address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Lets this process open as many files as the system grants it: each query to a server takes a socket.
/// Returns how many that are.
pub fn raise_file_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read or write the structure they are given, which is alive.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return None;
        }
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        let done = libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) == 0;
        Some(if done { raised.rlim_cur } else { limit.rlim_cur })
    }
}

/// Has the kernel give this process memory by small pages. Filling a huge page with zeros, when it is touched first, holds
/// up a worker and all its clients for a tenth of a millisecond, in a virtual machine for several.
pub fn refuse_huge_pages() {
    let (yes, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: takes numbers alone. Where the kernel knows no huge pages it fails, and nothing needs to be done.
    let _ = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, yes, none, none, none) };
}

fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind.nonblocking().cloexec(), Some(protocol))?;
    if address.is_ipv6() {
        // 0.0.0.0 is listed beside [::] by whoever wants both; one socket for two families has one source address too many.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Path MTUs are learnt from ICMP, which anybody can forge to make us send fragments, which anybody can complete:
/// so our packets (all of 1232 octets at most) ignore it.
fn never_fragment_by_hearsay(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        SocketAddr::V6(_) => set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT),
    }
}

/// Sets a socket option whose value is a C `int`.
fn set(socket: &Socket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the kernel reads one `int` from a pointer to one that is alive.
    let done = unsafe {
        let value = (&raw const value).cast();
        libc::setsockopt(socket.as_raw_fd(), level, option, value, mem::size_of::<c_int>() as _)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes `socket` send without checksums.
#[cfg(test)]
pub(super) fn without_checksums(socket: &UdpSocket) -> io::Result<()> {
    set(&SockRef::from(socket), libc::SOL_SOCKET, libc::SO_NO_CHECK, 1)
}

/// Ports tried before the error is believed, when any will do.
const FREE_PORT_ATTEMPTS: usize = 8;
/// Octets of a datagram that are looked at; we ask for 1232, some servers send more.
const DATAGRAM_OCTETS: usize = 4096;
const BACKLOG: c_int = 1024;
const RECEIVE_BUFFER: usize = 4 << 20;
const SEND_BUFFER: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::os::fd::AsFd;

    use super::*;

    fn one() -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    #[test]
    fn every_worker_gets_a_socket_on_the_same_port() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let listening = bind(address.parse().unwrap(), NonZeroUsize::new(3).unwrap()).unwrap();
            assert_ne!(listening.address.port(), 0);
            for udp in &listening.udp {
                assert_eq!(udp.local_addr().unwrap(), listening.address);
            }
            for tcp in &listening.tcp {
                assert_eq!(tcp.local_addr().unwrap(), listening.address);
            }
            assert_eq!((listening.udp.len(), listening.tcp.len()), (3, 3));
        }
    }

    #[test]
    fn a_port_is_not_shared_with_a_stranger_even_if_he_would() {
        // The stranger has SO_REUSEPORT set as well: sharing would succeed, and each would get half of the queries.
        let first = bind("127.0.0.1:0".parse().unwrap(), one()).unwrap();
        for address in [first.address, SocketAddr::from(([0, 0, 0, 0], first.address.port()))] {
            let error = bind(address, one()).unwrap_err();
            assert!(matches!(error, BindError::Taken { transport: Transport::Udp, .. }), "{error}");
        }
    }

    #[test]
    fn a_port_taken_for_tcp_only_is_taken() {
        let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = bind(stranger.local_addr().unwrap(), one()).unwrap_err();
        assert!(matches!(error, BindError::Taken { transport: Transport::Tcp, .. }), "{error}");
    }

    #[test]
    fn a_low_port_without_the_privilege_is_explained() {
        let first_free: u16 =
            std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap().trim().parse().unwrap();
        let outcome = std::thread::spawn(|| {
            // SAFETY: a system call without pointers; it takes root's rights from this thread alone, which ends here.
            unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
            bind("127.0.0.1:1023".parse().unwrap(), one()).map(drop)
        });
        let outcome = outcome.join().unwrap();
        // Some containers let everybody have every port.
        if first_free > 1023 {
            let error = outcome.unwrap_err();
            assert!(matches!(error, BindError::Privileged { .. }), "{error}");
            assert!(error.to_string().contains("ip_unprivileged_port_start=1023"));
            return;
        }
        outcome.unwrap();
    }

    const NOBODY: libc::uid_t = 65_534;

    #[test]
    fn both_families_can_have_the_same_port() {
        let v4 = bind("0.0.0.0:0".parse().unwrap(), one()).unwrap();
        bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, v4.address.port())), one()).unwrap();
    }

    #[test]
    fn path_mtu_news_are_ignored() {
        // FragDNS: see `never_fragment_by_hearsay`.
        let v4 = udp_for_many("127.0.0.1:9".parse().unwrap(), Ipv4Addr::UNSPECIFIED.into()).unwrap();
        assert_eq!(option(&v4, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER), libc::IP_PMTUDISC_OMIT);
        let v6 = udp_for_many("[::1]:9".parse().unwrap(), Ipv6Addr::UNSPECIFIED.into()).unwrap();
        assert_eq!(option(&v6, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER), libc::IPV6_PMTUDISC_OMIT);
        let listening = bind("127.0.0.1:0".parse().unwrap(), one()).unwrap();
        let set = option(&listening.udp[0], libc::IPPROTO_IP, libc::IP_MTU_DISCOVER);
        assert_eq!(set, libc::IP_PMTUDISC_OMIT);
    }

    #[test]
    fn a_socket_used_again_has_a_new_port_each_time() {
        let server = "127.0.0.1:9".parse().unwrap();
        let socket = udp_for_many(server, Ipv4Addr::UNSPECIFIED.into()).unwrap();
        let port = || {
            connect(socket.as_fd(), server).unwrap();
            assert_eq!(socket.peer_addr().unwrap(), server);
            let port = socket.local_addr().unwrap().port();
            disconnect(socket.as_fd()).unwrap();
            assert_eq!(socket.local_addr().unwrap().port(), 0, "nobody reaches a socket that is not in use");
            port
        };
        let ports: Vec<u16> = (0..200).map(|_| port()).collect();
        assert!(ports.iter().collect::<HashSet<_>>().len() > 190, "{ports:?}");
    }

    #[test]
    fn a_source_address_is_obeyed() {
        let source = IpAddr::from([127, 0, 0, 77]);
        let server = "127.0.0.1:9".parse().unwrap();
        let udp = udp_from(SocketAddr::new(source, 4711), server).unwrap();
        assert_eq!(udp.local_addr().unwrap().ip(), source);
        let tcp = tcp_to("127.0.0.1:9".parse().unwrap(), source).unwrap();
        assert_eq!(tcp.local_addr().unwrap().ip(), source);
    }

    fn option(socket: &UdpSocket, level: c_int, option: c_int) -> c_int {
        let (mut value, mut length): (c_int, libc::socklen_t) = (0, mem::size_of::<c_int>() as _);
        // SAFETY: both pointers are to live locals of the types the call wants.
        let done =
            unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, (&raw mut value).cast(), &raw mut length) };
        assert_eq!(done, 0);
        value
    }
}

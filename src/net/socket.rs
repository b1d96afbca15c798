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
use socket2::{Domain, MaybeUninitSlice, MsgHdrMut, Protocol, SockAddr, SockRef, Socket, Type};
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
    let socket = asking(server)?;
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
    let socket = asking(server)?;
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

/// A datagram that was received.
pub struct Received<'a> {
    /// Who sent it, as far as can be told.
    pub from: Option<SocketAddr>,
    /// Its octets.
    pub octets: &'a [u8],
    /// Whether it came in fragments.
    pub fragmented: bool,
}

/// Receives a datagram on a socket that asks, shows it to `judge`, and returns what that says.
///
/// # Errors
/// The kernel's; [`io::ErrorKind::WouldBlock`] when there is none.
pub fn receive<T>(socket: BorrowedFd<'_>, judge: impl FnOnce(Received<'_>) -> T) -> io::Result<T> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); DATAGRAM_OCTETS];
    let mut control = [MaybeUninit::<u8>::uninit(); CONTROL_OCTETS];
    // Large enough for both families; the kernel writes which it is.
    let mut from = SockAddr::from(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
    let (length, fragmented) = {
        let mut buffers = [MaybeUninitSlice::new(&mut buffer)];
        let message = MsgHdrMut::new().with_addr(&mut from).with_buffers(&mut buffers);
        let mut message = message.with_control(&mut control);
        let length = SockRef::from(&socket).recvmsg(&mut message, 0)?;
        // Nothing else was asked for in control data (see `asking`), and whole datagrams have none.
        (length, message.control_len() > 0)
    };
    let received = buffer.get(..length).unwrap_or_default();
    // SAFETY: the kernel has written that many octets, which are the whole of the slice.
    let octets = unsafe { slice::from_raw_parts(received.as_ptr().cast::<u8>(), received.len()) };
    Ok(judge(Received { from: from.as_socket(), octets, fragmented }))
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

/// A UDP socket that asks servers of `server`'s family. It is told of each datagram whether it came in fragments: of these
/// all but the first hold nothing that a forger would have to guess (RFC 9715 §3).
fn asking(server: SocketAddr) -> io::Result<Socket> {
    let socket = open(server, Type::DGRAM, Protocol::UDP)?;
    never_fragment_by_hearsay(&socket, server)?;
    match server {
        SocketAddr::V4(_) => set(&socket, libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE, 1)?,
        SocketAddr::V6(_) => set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE, 1)?,
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
/// Room for one control message that holds an `int`.
const CONTROL_OCTETS: usize = 32;
const BACKLOG: c_int = 1024;
const RECEIVE_BUFFER: usize = 4 << 20;
const SEND_BUFFER: usize = 1 << 20;

#[cfg(test)]
mod tests;

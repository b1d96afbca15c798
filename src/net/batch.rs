//! Datagrams by the batch: `recvmmsg` and `sendmmsg` over fixed slots, with the address each was sent to.
//!
//! A reply must leave from the address its query came to, also when we listen on the wildcard address, so each packet
//! carries its own `IP_PKTINFO` in and out (RFC 3542 §6). Replies to one client leave together where they can. This is one
//! of two files with `unsafe`; Linux only.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::slice;

use libc::{c_int, cmsghdr, in_pktinfo, in6_pktinfo, iovec, mmsghdr, msghdr};
use smallvec::SmallVec;

use crate::responder::Responder;
use together::Packet;

mod together;

/// Packets received or sent by one call to the kernel.
pub const BATCH: usize = 32;

/// Octets of a query that are looked at; a longer one is cut and earns FORMERR.
const QUERY_OCTETS: usize = 2048;

/// Who sent a packet, and to which of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The other end.
    pub client: SocketAddr,
    /// Our end, when the socket tells it (see [`super::socket`]); else the address the socket is bound to.
    pub local: Option<Local>,
}

/// One of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Local {
    /// The address.
    pub address: IpAddr,
    /// The index of its interface; of use for link-local addresses only.
    pub interface: u32,
}

/// Room for packets that arrive.
pub struct Inbox {
    slots: Box<[[u8; QUERY_OCTETS]; BATCH]>,
    names: [Name; BATCH],
    controls: [Control; BATCH],
    lengths: [usize; BATCH],
    locals: [Option<Local>; BATCH],
    count: usize,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            slots: Box::new([[0; QUERY_OCTETS]; BATCH]),
            names: [Name::EMPTY; BATCH],
            controls: [Control::EMPTY; BATCH],
            lengths: [0; BATCH],
            locals: [None; BATCH],
            count: 0,
        }
    }

    /// Takes what has arrived, up to [`BATCH`] packets, in place of what was here; never waits. Returns their number.
    ///
    /// # Errors
    /// The kernel's; [`io::ErrorKind::WouldBlock`] when nothing has arrived.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.count = 0;
        // SAFETY: both are plain C structures for which all zeros is a valid value.
        let (mut vectors, mut headers): ([iovec; BATCH], [mmsghdr; BATCH]) = unsafe { mem::zeroed() };
        let buffers = self.slots.iter_mut().zip(&mut self.names).zip(&mut self.controls);
        for ((header, vector), ((slot, name), control)) in headers.iter_mut().zip(&mut vectors).zip(buffers) {
            *vector = iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() };
            (header.msg_hdr.msg_iov, header.msg_hdr.msg_iovlen) = (vector, 1);
            header.msg_hdr.msg_name = name.0.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = mem::size_of::<Name>() as _;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.0.len() as _;
        }

        // SAFETY: every header points to buffers of `self` and of this frame that outlive the call, with their true lengths.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as _,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        self.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        for ((header, length), local) in headers.iter().zip(&mut self.lengths).zip(&mut self.locals).take(self.count) {
            *length = header.msg_len as usize;
            // SAFETY: the kernel has just filled this header; its control buffer is still there.
            *local = unsafe { local_of(&header.msg_hdr) };
        }
        Ok(self.count)
    }

    /// The packets of the last [`Self::receive`].
    pub fn packets(&self) -> impl Iterator<Item = (&[u8], Path)> {
        let found = self.slots.iter().zip(&self.lengths).zip(&self.names).zip(&self.locals).take(self.count);
        found.filter_map(|(((slot, length), name), local)| {
            Some((slot.get(..*length)?, Path { client: name.address()?, local: *local }))
        })
    }
}

/// Room for packets that are to leave.
pub struct Outbox {
    slots: Box<[[u8; Responder::MAX_UDP_REPLY]; BATCH]>,
    packets: SmallVec<[Packet; BATCH]>,
    sent: usize,
    refused: usize,
    /// Batches to send packet by packet, because the kernel would not take some together.
    apart: u32,
}

impl Outbox {
    /// An empty one.
    pub fn new() -> Self {
        let slots = Box::new([[0; Responder::MAX_UDP_REPLY]; BATCH]);
        Self { slots, packets: SmallVec::new(), sent: 0, refused: 0, apart: 0 }
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The next free slot, to write a packet into; empty when there is none.
    pub fn slot(&mut self) -> &mut [u8] {
        self.slots.get_mut(self.packets.len()).map_or(&mut [], |slot| slot.as_mut_slice())
    }

    /// Says that the first `octets` of [`Self::slot`] are a packet for the client of `path`.
    pub fn commit(&mut self, octets: usize, path: &Path) {
        let slot = self.packets.len();
        if slot < BATCH {
            self.packets.push(Packet { path: *path, octets: octets.min(Responder::MAX_UDP_REPLY), slot });
        }
    }

    /// Sends all packets, and is empty then. Returns how many the kernel refused (no route, forbidden by a filter…).
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when the socket is full: call again when it is writable; nothing is sent twice.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        if self.sent == 0 {
            together::arrange(&mut self.packets);
        }
        while let Some(rest) = self.packets.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let first = if self.apart > 0 { 1 } else { together::first_group(rest) };
            match post(socket, &mut self.slots[..], rest, self.apart == 0) {
                Ok(packets) => self.sent += packets.max(1),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The call fails for its first message alone: one packet cannot be sent…
                Err(_) if first == 1 => (self.sent, self.refused) = (self.sent + 1, self.refused + 1),
                // …or several not together.
                Err(error) => self.apart = batches_apart(&error),
            }
        }
        self.apart = self.apart.saturating_sub(1);
        Ok(self.clear())
    }

    /// Sends nothing more, and is empty then. Returns how many packets did not leave.
    pub fn give_up(&mut self) -> usize {
        let unsent = self.packets.len() - self.sent;
        unsent + self.clear()
    }

    /// Forgets its packets. Returns how many the kernel refused.
    fn clear(&mut self) -> usize {
        self.packets.clear();
        self.sent = 0;
        mem::take(&mut self.refused)
    }
}

/// For how many batches packets are sent one by one after `error` met several. Some paths take no segments (the network
/// card or a tunnel cannot cut them, they are longer than its packets), and which those are is not remembered.
fn batches_apart(error: &io::Error) -> u32 {
    match error.raw_os_error() {
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP) => 1000,
        _ => 1,
    }
}

/// Sends the first of `packets`, as many as the kernel takes, `grouped` where possible; returns how many those are.
fn post(
    socket: BorrowedFd<'_>,
    slots: &mut [[u8; Responder::MAX_UDP_REPLY]],
    packets: &[Packet],
    grouped: bool,
) -> io::Result<usize> {
    let mut vectors: SmallVec<[iovec; BATCH]> = SmallVec::new();
    for packet in packets {
        let slot = slots.get_mut(packet.slot).expect("a packet is in the slot it was written to");
        vectors.push(iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: packet.octets });
    }
    let (mut groups, mut rest) = (SmallVec::<[(usize, Envelope); BATCH]>::new(), packets);
    while let Some(first) = rest.first() {
        let group = if grouped { together::first_group(rest) } else { 1 };
        let segment = if group > 1 { u16::try_from(first.octets).ok() } else { None };
        groups.push((group, Envelope::new(&first.path, segment)));
        rest = rest.get(group..).unwrap_or_default();
    }
    let (mut headers, mut rest) = (SmallVec::<[mmsghdr; BATCH]>::new(), vectors.as_mut_slice());
    for (group, envelope) in &mut groups {
        let (vectors, later) = rest.split_at_mut(*group);
        headers.push(mmsghdr { msg_hdr: envelope.header(vectors), msg_len: 0 });
        rest = later;
    }

    let (first, length) = (headers.as_mut_ptr(), headers.len());
    // SAFETY: every header points to `slots` and to buffers of this frame that outlive the call, with their true lengths.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), first, length as _, libc::MSG_DONTWAIT as _) };
    let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
    Ok(groups.iter().take(sent).map(|(group, _)| group).sum())
}

/// Sends one packet along `path`.
///
/// # Errors
/// The kernel's; [`io::ErrorKind::WouldBlock`] when the socket is full.
pub fn send_one(socket: BorrowedFd<'_>, packet: &[u8], path: &Path) -> io::Result<()> {
    let mut vector = iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
    let mut envelope = Envelope::new(path, None);
    let header = envelope.header(slice::from_mut(&mut vector));
    // SAFETY: the header points to buffers of this frame and to `packet`, which `sendmsg` only reads.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What is written on a message: to whom, from where, and into what lengths it is to be cut.
struct Envelope {
    name: Name,
    control: Control,
    control_octets: usize,
}

impl Envelope {
    fn new(path: &Path, segment: Option<u16>) -> Self {
        let mut control = Control::EMPTY;
        let mut control_octets = control.set(path.local.as_ref());
        if let Some(octets) = segment {
            control_octets += control.write(control_octets, (libc::SOL_UDP, libc::UDP_SEGMENT), octets);
        }
        Self { name: Name::of(path.client), control, control_octets }
    }

    /// A header that points to this envelope and to `vectors`.
    fn header(&mut self, vectors: &mut [iovec]) -> msghdr {
        // SAFETY: a plain C structure for which all zeros is a valid value.
        let mut header: msghdr = unsafe { mem::zeroed() };
        (header.msg_iov, header.msg_iovlen) = (vectors.as_mut_ptr(), vectors.len() as _);
        (header.msg_name, header.msg_namelen) = (self.name.0.as_mut_ptr().cast(), self.name.octets());
        if self.control_octets > 0 {
            header.msg_control = self.control.0.as_mut_ptr().cast();
            header.msg_controllen = self.control_octets as _;
        }
        header
    }
}

/// A `sockaddr_in` or `sockaddr_in6` as the kernel lays it out.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
struct Name([u8; mem::size_of::<libc::sockaddr_in6>()]);

impl Name {
    const EMPTY: Self = Self([0; mem::size_of::<libc::sockaddr_in6>()]);

    fn of(address: SocketAddr) -> Self {
        let mut octets = [0; mem::size_of::<libc::sockaddr_in6>()];
        let [p, q] = address.port().to_be_bytes();
        match address {
            SocketAddr::V4(v4) => {
                let ([f, g], [a, b, c, d]) = ((libc::AF_INET as u16).to_ne_bytes(), v4.ip().octets());
                *octets.first_chunk_mut().expect("28 octets hold 8") = [f, g, p, q, a, b, c, d];
            }
            SocketAddr::V6(v6) => {
                let [f, g] = (libc::AF_INET6 as u16).to_ne_bytes();
                *octets.first_chunk_mut().expect("28 octets hold 8") = [f, g, p, q, 0, 0, 0, 0];
                *octets.last_chunk_mut::<4>().expect("28 octets hold 4") = v6.scope_id().to_ne_bytes();
                octets[8..24].copy_from_slice(&v6.ip().octets());
            }
        }
        Self(octets)
    }

    fn address(&self) -> Option<SocketAddr> {
        let family = c_int::from(u16::from_ne_bytes(*self.0.first_chunk()?));
        let (port, rest) = self.0.get(2..)?.split_first_chunk::<2>()?;
        let port = u16::from_be_bytes(*port);
        match family {
            libc::AF_INET => {
                let ip: [u8; 4] = *rest.first_chunk()?;
                Some(SocketAddrV4::new(Ipv4Addr::from(ip), port).into())
            }
            libc::AF_INET6 => {
                let (ip, rest) = rest.get(4..)?.split_first_chunk::<16>()?;
                let scope = u32::from_ne_bytes(*rest.first_chunk()?);
                Some(SocketAddrV6::new(Ipv6Addr::from(*ip), port, 0, scope).into())
            }
            _ => None,
        }
    }

    const fn octets(&self) -> libc::socklen_t {
        let [low, high, ..] = self.0;
        let short = u16::from_ne_bytes([low, high]) == libc::AF_INET as u16;
        (if short { mem::size_of::<libc::sockaddr_in>() } else { mem::size_of::<libc::sockaddr_in6>() }) as _
    }
}

/// Room for two control messages: packet information and the length of segments.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

impl Control {
    const EMPTY: Self = Self([0; 64]);

    /// Writes the address a packet is to leave from; returns the octets used.
    fn set(&mut self, local: Option<&Local>) -> usize {
        let Some(local) = local else { return 0 };
        match local.address {
            IpAddr::V4(ip) => {
                let source = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
                // Interface 0: the routing table decides, as for any other packet of ours.
                let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
                self.write(0, (libc::IPPROTO_IP, libc::IP_PKTINFO), info)
            }
            IpAddr::V6(ip) => {
                let interface = if ip.is_unicast_link_local() { local.interface } else { 0 };
                let info =
                    in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: interface as _ };
                self.write(0, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), info)
            }
        }
    }

    /// Writes a control message at `at`, behind the ones before it; returns the octets used.
    fn write<T: Copy>(&mut self, at: usize, (level, kind): (c_int, c_int), info: T) -> usize {
        // SAFETY: the buffer is aligned as a `cmsghdr`, as is `at`, the sum of CMSG_SPACEs; it is zeroed where it matters,
        // and longer than the message with its header (checked); CMSG_DATA points behind that header, and the write
        // makes no claim on alignment.
        unsafe {
            let space = libc::CMSG_SPACE(mem::size_of::<T>() as u32) as usize;
            let room = self.0.get_mut(at..at + space).expect("room for in6_pktinfo and a segment's length");
            let message = room.as_mut_ptr().cast::<cmsghdr>();
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = libc::CMSG_LEN(mem::size_of::<T>() as u32) as _;
            ptr::write_unaligned(libc::CMSG_DATA(message).cast(), info);
            space
        }
    }
}

/// The address a received packet was sent to.
///
/// # Safety
/// `header` must have been filled by `recvmsg` or `recvmmsg`, and its control buffer must be alive.
unsafe fn local_of(header: &msghdr) -> Option<Local> {
    // SAFETY: by the caller's promise CMSG_FIRSTHDR and CMSG_NXTHDR walk messages the kernel wrote whole;
    // each is read as the type its level and kind say.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = next.as_ref() {
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: in_pktinfo = ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    let address = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
                    return Some(Local { address: address.into(), interface: info.ipi_ifindex as _ });
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: in6_pktinfo = ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    return Some(Local { address: address.into(), interface: info.ipi6_ifindex as _ });
                }
                _ => next = libc::CMSG_NXTHDR(header, message),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;

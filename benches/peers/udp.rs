//! Datagrams by the batch, for everything here that is not a peer: the echo, the authorities and the load.
//!
//! Knows nothing of DNS. Every address is on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Datagrams received or sent by one call.
pub const BATCH: usize = 64;
const OCTETS: usize = 1500;
static BUFFER: libc::c_int = 8 << 20;

/// A socket on `address` with large buffers.
pub fn bind(address: SocketAddrV4) -> io::Result<UdpSocket> {
    assert!(address.ip().is_loopback(), "only 127.0.0.0/8 is used, not {address}");
    let socket = UdpSocket::bind(address)?;
    for option in [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE] {
        // SAFETY: the option's value is an int that lives through the call. Without the privilege it has no effect.
        unsafe {
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const BUFFER).cast(), 4);
        }
    }
    Ok(socket)
}

/// A socket on a port the system chooses, connected to `server`.
pub fn connect(server: SocketAddrV4) -> io::Result<UdpSocket> {
    assert!(server.ip().is_loopback(), "only 127.0.0.0/8 is asked, not {server}");
    let socket = bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

/// Waits until one of `sockets` can be read, at most for `patience`.
pub fn wait(sockets: &mut [libc::pollfd], patience: Duration) {
    let time = libc::timespec {
        tv_sec: patience.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(patience.subsec_nanos()),
    };
    // SAFETY: the list and the time live through the call.
    unsafe {
        libc::ppoll(sockets.as_mut_ptr(), sockets.len() as libc::nfds_t, &raw const time, std::ptr::null());
    }
}

/// What [`wait`] takes.
pub fn readable<'a>(sockets: impl IntoIterator<Item = &'a UdpSocket>) -> Vec<libc::pollfd> {
    let entry = |socket: &UdpSocket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    sockets.into_iter().map(entry).collect()
}

/// Whether the call of the kernel waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    None,
    /// Until one datagram is there.
    One,
}

/// Room for a batch: what was received can be changed in place and sent back.
pub struct Batch {
    slots: Vec<[u8; OCTETS]>,
    lengths: [usize; BATCH],
    names: [libc::sockaddr_in; BATCH],
    // What the kernel reads; filled anew before each call.
    vectors: [libc::iovec; BATCH],
    headers: [libc::mmsghdr; BATCH],
    /// One control message each: how long a segment is.
    segments: [[u64; 3]; BATCH],
}

// SAFETY: its pointers are only used within one call, which fills them anew first.
unsafe impl Send for Batch {}

impl Batch {
    pub fn new() -> Self {
        // SAFETY: plain C structures for which all zeros is a valid value.
        let (names, vectors, headers) = unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            slots: vec![[0; OCTETS]; BATCH],
            lengths: [0; BATCH],
            names,
            vectors,
            headers,
            segments: [[0; 3]; BATCH],
        }
    }

    /// Receives into the first slots; returns how many.
    pub fn receive(&mut self, socket: &UdpSocket, patience: Patience) -> usize {
        let flags = if patience == Patience::One { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        self.lengths = [OCTETS; BATCH];
        self.point(BATCH);
        let first = self.headers.as_mut_ptr();
        // SAFETY: every header points into `self`, with true lengths.
        let count =
            unsafe { libc::recvmmsg(socket.as_raw_fd(), first, BATCH as u32, flags as _, std::ptr::null_mut()) };
        let count = usize::try_from(count).unwrap_or(0);
        for (length, header) in self.lengths.iter_mut().zip(&self.headers).take(count) {
            *length = header.msg_len as usize;
        }
        count
    }

    /// The datagram in slot `at`.
    pub fn packet(&mut self, at: usize) -> &mut [u8] {
        &mut self.slots[at][..self.lengths[at]]
    }

    /// Puts a datagram into slot `at`.
    pub fn put(&mut self, at: usize, packet: &[u8]) {
        self.slots[at][..packet.len()].copy_from_slice(packet);
        self.lengths[at] = packet.len();
    }

    /// Says that slot `to` goes where slot `from` came from.
    pub fn readdress(&mut self, from: usize, to: usize) {
        self.names[to] = self.names[from];
    }

    /// Where slot `at` came from.
    pub fn name(&self, at: usize) -> libc::sockaddr_in {
        self.names[at]
    }

    /// Says where slot `at` goes.
    pub fn set_name(&mut self, at: usize, name: libc::sockaddr_in) {
        self.names[at] = name;
    }

    /// Sends the first `count` slots to where they came from.
    pub fn reply(&mut self, socket: &UdpSocket, count: usize) {
        self.point(count);
        self.hand_over(socket, count);
    }

    /// Sends the first `count` slots to where `socket` is connected to, in any order.
    ///
    /// Those of equal length leave as one message that the kernel takes apart (UDP_SEGMENT), so that asking costs less than
    /// answering and it is the peer that is measured. What arrives is the same.
    pub fn send_connected(&mut self, socket: &UdpSocket, count: usize) {
        let mut order: [usize; BATCH] = std::array::from_fn(|at| at);
        order[..count].sort_unstable_by_key(|at| self.lengths[*at]);
        for (vector, at) in self.vectors.iter_mut().zip(&order[..count]) {
            *vector = libc::iovec { iov_base: self.slots[*at].as_mut_ptr().cast(), iov_len: self.lengths[*at] };
        }
        let mut messages = 0;
        for alike in self.vectors[..count].chunk_by_mut(|one, next| one.iov_len == next.iov_len) {
            let segment = &mut self.segments[messages];
            // SAFETY: the buffer has room for one header and two octets, aligned as headers are.
            unsafe {
                let header = segment.as_mut_ptr().cast::<libc::cmsghdr>();
                (*header).cmsg_level = libc::SOL_UDP;
                (*header).cmsg_type = libc::UDP_SEGMENT;
                (*header).cmsg_len = libc::CMSG_LEN(2) as _;
                libc::CMSG_DATA(header).cast::<u16>().write_unaligned(alike[0].iov_len as u16);
            }
            let header = &mut self.headers[messages].msg_hdr;
            (header.msg_iov, header.msg_iovlen) = (alike.as_mut_ptr(), alike.len() as _);
            (header.msg_name, header.msg_namelen) = (std::ptr::null_mut(), 0);
            header.msg_control = segment.as_mut_ptr().cast();
            header.msg_controllen = size_of_val(segment) as _;
            messages += 1;
        }
        self.hand_over(socket, messages);
        for header in &mut self.headers[..messages] {
            (header.msg_hdr.msg_control, header.msg_hdr.msg_controllen) = (std::ptr::null_mut(), 0);
        }
    }

    fn hand_over(&mut self, socket: &UdpSocket, count: usize) {
        let mut done = 0;
        while done < count {
            let rest = &mut self.headers[done..count];
            // SAFETY: every header points into `self`, with true lengths.
            let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as u32, 0) };
            // The one it stopped at cannot be sent; it is lost, as on any network.
            done += usize::try_from(sent).unwrap_or(0).max(1);
        }
    }

    /// Points the first `count` headers at their slots.
    fn point(&mut self, count: usize) {
        let slots = self.slots.iter_mut().zip(&self.lengths).zip(&mut self.names);
        let headers = self.headers.iter_mut().zip(&mut self.vectors);
        for ((header, vector), ((slot, length), name)) in headers.zip(slots).take(count) {
            *vector = libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: *length };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        }
    }
}

/// The least a server on this machine can do: turn each query into a reply, by the batch. Never returns.
pub fn echo(address: SocketAddrV4) -> io::Result<()> {
    let socket = bind(address)?;
    let mut batch = Batch::new();
    loop {
        let count = batch.receive(&socket, Patience::One);
        for at in 0..count {
            if let Some(flags) = batch.packet(at).get_mut(2) {
                *flags |= 0x80;
            }
        }
        batch.reply(&socket, count);
    }
}

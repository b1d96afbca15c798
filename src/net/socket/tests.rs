//! Sockets as the kernel sees them.

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
    let done = unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, (&raw mut value).cast(), &raw mut length) };
    assert_eq!(done, 0);
    value
}

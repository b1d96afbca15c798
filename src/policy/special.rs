//! The names that are not for the public DNS, one table: what each is, and which document says so.
//!
//! Sources: IANA's registries of special-use domain names (RFC 6761) and of locally served zones (RFC 6303).

/// How the names of a zone are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name and all below it are this host's loopback addresses (RFC 6761 §6.3).
    Loopback,
    /// The name and all below it do not exist in the DNS.
    Absent,
    /// The zone exists and is empty: SOA and NS at its apex, nothing below (RFC 6303 §3).
    Empty,
    /// As `Empty`, but DS at the apex is asked in the parent: its signed denial lets validators believe us (RFC 8375 §4).
    EmptyUnsigned,
    /// Every name exists and has no data (RFC 9462 §6.4).
    NoData,
    /// `ipv4only.arpa`: the two well-known addresses (RFC 8880 §7.1).
    Ipv4Only,
    /// A single address that has a name: 127.0.0.1, ::1 and the two of `ipv4only.arpa`.
    Pointer(&'static str),
}

/// Zones with fixed names. The reverse zones that come in rows are made by [`rows`].
pub(super) const ZONES: [(&str, Kind); 33] = [
    ("localhost.", Kind::Loopback),
    ("invalid.", Kind::Absent),
    ("test.", Kind::Absent),
    // RFC 7686 §2: must not leak.
    ("onion.", Kind::Absent),
    // RFC 6762 §22.1: multicast DNS.
    ("local.", Kind::Absent),
    // RFC 9476 §3.
    ("alt.", Kind::Absent),
    // RFC 9965: realms of network access, never looked up; NXDOMAIN where they are all the same. RFC 9140 came before it.
    ("eap.arpa.", Kind::Absent),
    ("eap-noob.arpa.", Kind::Absent),
    // RFC 9031: a name in join messages, not in the DNS.
    ("6tisch.arpa.", Kind::Absent),
    ("home.arpa.", Kind::EmptyUnsigned),
    // RFC 9665 §10.
    ("service.arpa.", Kind::EmptyUnsigned),
    ("resolver.arpa.", Kind::NoData),
    ("ipv4only.arpa.", Kind::Ipv4Only),
    ("170.0.0.192.in-addr.arpa.", Kind::Pointer("ipv4only.arpa.")),
    ("171.0.0.192.in-addr.arpa.", Kind::Pointer("ipv4only.arpa.")),
    // RFC 6303 §4.1: RFC 1918 networks; 16.172 to 31.172 are in the rows.
    ("10.in-addr.arpa.", Kind::Empty),
    ("168.192.in-addr.arpa.", Kind::Empty),
    // RFC 6303 §4.2.
    ("0.in-addr.arpa.", Kind::Empty),
    ("127.in-addr.arpa.", Kind::Empty),
    ("1.0.0.127.in-addr.arpa.", Kind::Pointer("localhost.")),
    ("254.169.in-addr.arpa.", Kind::Empty),
    ("2.0.192.in-addr.arpa.", Kind::Empty),
    ("100.51.198.in-addr.arpa.", Kind::Empty),
    ("113.0.203.in-addr.arpa.", Kind::Empty),
    ("255.255.255.255.in-addr.arpa.", Kind::Empty),
    // RFC 6303 §4.3: :: and ::1.
    ("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", Kind::Empty),
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", Kind::Pointer("localhost.")),
    // RFC 6303 §4.4: fd00::/8; §4.5: fe80::/10; §4.6: 2001:db8::/32.
    ("d.f.ip6.arpa.", Kind::Empty),
    ("8.e.f.ip6.arpa.", Kind::Empty),
    ("9.e.f.ip6.arpa.", Kind::Empty),
    ("a.e.f.ip6.arpa.", Kind::Empty),
    ("b.e.f.ip6.arpa.", Kind::Empty),
    ("8.b.d.0.1.0.0.2.ip6.arpa.", Kind::Empty),
];

/// Reverse zones in rows: 172.16.0.0/12 (RFC 6303 §4.1) and 100.64.0.0/10 (RFC 7793 §2.2).
pub(super) fn rows() -> impl Iterator<Item = String> {
    let private = (16..32).map(|second| format!("{second}.172.in-addr.arpa."));
    let shared = (64..128).map(|second| format!("{second}.100.in-addr.arpa."));
    private.chain(shared)
}

/// The top-level labels under which all of the above lie.
pub(super) const TOP_LABELS: [&[u8]; 7] = [b"arpa", b"localhost", b"invalid", b"test", b"onion", b"local", b"alt"];

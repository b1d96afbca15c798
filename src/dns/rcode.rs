//! Response codes and opcodes (RFC 1035 §4.1.1, RFC 6895).

use std::fmt;

/// A response code, extended ones (RFC 6891 §6.1.3) included.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Self = Self(0);
    /// The server could not read the query.
    pub const FORMERR: Self = Self(1);
    /// The server failed.
    pub const SERVFAIL: Self = Self(2);
    /// The name does not exist.
    pub const NXDOMAIN: Self = Self(3);
    /// The server does not do that.
    pub const NOTIMP: Self = Self(4);
    /// The server will not do that for you.
    pub const REFUSED: Self = Self(5);
    /// A name that should not exist does; also DNAME overflow (RFC 6672 §2.2).
    pub const YXDOMAIN: Self = Self(6);
    /// Not authoritative.
    pub const NOTAUTH: Self = Self(9);
    /// EDNS version not supported (RFC 6891 §9).
    pub const BADVERS: Self = Self(16);
    /// Bad or missing server cookie (RFC 7873 §8).
    pub const BADCOOKIE: Self = Self(23);

    /// The low four bits, which go into the header.
    pub const fn low(self) -> u8 {
        (self.0 & 0x0f) as u8
    }

    /// The high eight bits, which go into OPT.
    pub const fn high(self) -> u8 {
        (self.0 >> 4) as u8
    }
}

const MNEMONICS: [(Rcode, &str); 14] = [
    (Rcode::NOERROR, "NOERROR"),
    (Rcode::FORMERR, "FORMERR"),
    (Rcode::SERVFAIL, "SERVFAIL"),
    (Rcode::NXDOMAIN, "NXDOMAIN"),
    (Rcode::NOTIMP, "NOTIMP"),
    (Rcode::REFUSED, "REFUSED"),
    (Rcode::YXDOMAIN, "YXDOMAIN"),
    (Rcode(7), "YXRRSET"),
    (Rcode(8), "NXRRSET"),
    (Rcode::NOTAUTH, "NOTAUTH"),
    (Rcode(10), "NOTZONE"),
    (Rcode(11), "DSOTYPENI"),
    (Rcode::BADVERS, "BADVERS"),
    (Rcode::BADCOOKIE, "BADCOOKIE"),
];

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MNEMONICS.iter().find(|(code, _)| code == self) {
            Some((_, text)) => f.write_str(text),
            None => write!(f, "RCODE{}", self.0),
        }
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Rcode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = MNEMONICS.iter().find(|(_, mnemonic)| mnemonic.eq_ignore_ascii_case(text));
        known.map(|(code, _)| *code).ok_or(())
    }
}

/// What kind of query a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A standard query.
    pub const QUERY: Self = Self(0);
    /// A zone change notification (RFC 1996).
    pub const NOTIFY: Self = Self(4);
    /// A dynamic update (RFC 2136).
    pub const UPDATE: Self = Self(5);
}

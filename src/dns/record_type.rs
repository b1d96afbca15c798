//! Record types (RFC 6895 §3.1); unknown ones are `TYPEnnn` (RFC 3597 §5).

use std::fmt;
use std::str::FromStr;

/// A record type code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

impl RecordType {
    /// IPv4 address.
    pub const A: Self = Self(1);
    /// Authoritative server.
    pub const NS: Self = Self(2);
    /// Alias.
    pub const CNAME: Self = Self(5);
    /// Start of a zone of authority.
    pub const SOA: Self = Self(6);
    /// Pointer.
    pub const PTR: Self = Self(12);
    /// Host information.
    pub const HINFO: Self = Self(13);
    /// Mail exchange.
    pub const MX: Self = Self(15);
    /// Text.
    pub const TXT: Self = Self(16);
    /// Responsible person.
    pub const RP: Self = Self(17);
    /// AFS database.
    pub const AFSDB: Self = Self(18);
    /// Old signature.
    pub const SIG: Self = Self(24);
    /// Old key.
    pub const KEY: Self = Self(25);
    /// IPv6 address.
    pub const AAAA: Self = Self(28);
    /// Location.
    pub const LOC: Self = Self(29);
    /// Old denial.
    pub const NXT: Self = Self(30);
    /// Service.
    pub const SRV: Self = Self(33);
    /// Naming authority pointer.
    pub const NAPTR: Self = Self(35);
    /// Key exchanger.
    pub const KX: Self = Self(36);
    /// Certificate.
    pub const CERT: Self = Self(37);
    /// Alias of a subtree.
    pub const DNAME: Self = Self(39);
    /// EDNS pseudo-record.
    pub const OPT: Self = Self(41);
    /// Address prefix list.
    pub const APL: Self = Self(42);
    /// Delegation signer.
    pub const DS: Self = Self(43);
    /// SSH key fingerprint.
    pub const SSHFP: Self = Self(44);
    /// IPsec key.
    pub const IPSECKEY: Self = Self(45);
    /// Signature.
    pub const RRSIG: Self = Self(46);
    /// Authenticated denial.
    pub const NSEC: Self = Self(47);
    /// Zone key.
    pub const DNSKEY: Self = Self(48);
    /// DHCP identifier.
    pub const DHCID: Self = Self(49);
    /// Hashed authenticated denial.
    pub const NSEC3: Self = Self(50);
    /// NSEC3 parameters.
    pub const NSEC3PARAM: Self = Self(51);
    /// TLS association.
    pub const TLSA: Self = Self(52);
    /// S/MIME association.
    pub const SMIMEA: Self = Self(53);
    /// Host identity.
    pub const HIP: Self = Self(55);
    /// Child DS.
    pub const CDS: Self = Self(59);
    /// Child DNSKEY.
    pub const CDNSKEY: Self = Self(60);
    /// OpenPGP key.
    pub const OPENPGPKEY: Self = Self(61);
    /// Child synchronisation.
    pub const CSYNC: Self = Self(62);
    /// Zone digest.
    pub const ZONEMD: Self = Self(63);
    /// Service binding.
    pub const SVCB: Self = Self(64);
    /// HTTPS binding.
    pub const HTTPS: Self = Self(65);
    /// Old sender policy.
    pub const SPF: Self = Self(99);
    /// 48-bit address.
    pub const EUI48: Self = Self(108);
    /// 64-bit address.
    pub const EUI64: Self = Self(109);
    /// Transaction key.
    pub const TKEY: Self = Self(249);
    /// Transaction signature.
    pub const TSIG: Self = Self(250);
    /// Incremental transfer.
    pub const IXFR: Self = Self(251);
    /// Full transfer.
    pub const AXFR: Self = Self(252);
    /// Mailbox records.
    pub const MAILB: Self = Self(253);
    /// Mail agents.
    pub const MAILA: Self = Self(254);
    /// All types.
    pub const ANY: Self = Self(255);
    /// URI.
    pub const URI: Self = Self(256);
    /// Certification authority authorization.
    pub const CAA: Self = Self(257);
    /// Mail destination.
    pub const MD: Self = Self(3);
    /// Mail forwarder.
    pub const MF: Self = Self(4);
    /// Mailbox.
    pub const MB: Self = Self(7);
    /// Mail group.
    pub const MG: Self = Self(8);
    /// Mail rename.
    pub const MR: Self = Self(9);
    /// Anything.
    pub const NULL: Self = Self(10);
    /// Well-known services.
    pub const WKS: Self = Self(11);
    /// Mailbox information.
    pub const MINFO: Self = Self(14);
    /// Route through.
    pub const RT: Self = Self(21);
    /// X.400 mapping.
    pub const PX: Self = Self(26);
    /// Node identifier.
    pub const NID: Self = Self(104);
    /// Locator pointer.
    pub const LP: Self = Self(107);
    /// Trust anchor.
    pub const TA: Self = Self(32768);
    /// DNSSEC look-aside.
    pub const DLV: Self = Self(32769);

    /// Whether the type exists in questions or transport only and can own no data (RFC 6895 §3.1).
    pub const fn is_meta(self) -> bool {
        matches!(self.0, 0 | 41 | 128..=255 | 65_535)
    }

    /// Whether the parent side of a zone cut is the authority for the type (RFC 4035 §3.1.4.1).
    pub const fn is_parent_side(self) -> bool {
        self.0 == Self::DS.0
    }
}

const MNEMONICS: [(RecordType, &str); 67] = [
    (RecordType::A, "A"),
    (RecordType::NS, "NS"),
    (RecordType::CNAME, "CNAME"),
    (RecordType::SOA, "SOA"),
    (RecordType::PTR, "PTR"),
    (RecordType::HINFO, "HINFO"),
    (RecordType::MX, "MX"),
    (RecordType::TXT, "TXT"),
    (RecordType::RP, "RP"),
    (RecordType::AFSDB, "AFSDB"),
    (RecordType::SIG, "SIG"),
    (RecordType::KEY, "KEY"),
    (RecordType::AAAA, "AAAA"),
    (RecordType::LOC, "LOC"),
    (RecordType::NXT, "NXT"),
    (RecordType::SRV, "SRV"),
    (RecordType::NAPTR, "NAPTR"),
    (RecordType::KX, "KX"),
    (RecordType::CERT, "CERT"),
    (RecordType::DNAME, "DNAME"),
    (RecordType::OPT, "OPT"),
    (RecordType::APL, "APL"),
    (RecordType::DS, "DS"),
    (RecordType::SSHFP, "SSHFP"),
    (RecordType::IPSECKEY, "IPSECKEY"),
    (RecordType::RRSIG, "RRSIG"),
    (RecordType::NSEC, "NSEC"),
    (RecordType::DNSKEY, "DNSKEY"),
    (RecordType::DHCID, "DHCID"),
    (RecordType::NSEC3, "NSEC3"),
    (RecordType::NSEC3PARAM, "NSEC3PARAM"),
    (RecordType::TLSA, "TLSA"),
    (RecordType::SMIMEA, "SMIMEA"),
    (RecordType::HIP, "HIP"),
    (RecordType::CDS, "CDS"),
    (RecordType::CDNSKEY, "CDNSKEY"),
    (RecordType::OPENPGPKEY, "OPENPGPKEY"),
    (RecordType::CSYNC, "CSYNC"),
    (RecordType::ZONEMD, "ZONEMD"),
    (RecordType::SVCB, "SVCB"),
    (RecordType::HTTPS, "HTTPS"),
    (RecordType::SPF, "SPF"),
    (RecordType::EUI48, "EUI48"),
    (RecordType::EUI64, "EUI64"),
    (RecordType::TKEY, "TKEY"),
    (RecordType::TSIG, "TSIG"),
    (RecordType::IXFR, "IXFR"),
    (RecordType::AXFR, "AXFR"),
    (RecordType::MAILB, "MAILB"),
    (RecordType::MAILA, "MAILA"),
    (RecordType::ANY, "ANY"),
    (RecordType::URI, "URI"),
    (RecordType::CAA, "CAA"),
    (RecordType::MD, "MD"),
    (RecordType::MF, "MF"),
    (RecordType::MB, "MB"),
    (RecordType::MG, "MG"),
    (RecordType::MR, "MR"),
    (RecordType::NULL, "NULL"),
    (RecordType::WKS, "WKS"),
    (RecordType::MINFO, "MINFO"),
    (RecordType::RT, "RT"),
    (RecordType::PX, "PX"),
    (RecordType::NID, "NID"),
    (RecordType::LP, "LP"),
    (RecordType::TA, "TA"),
    (RecordType::DLV, "DLV"),
];

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MNEMONICS.iter().find(|(code, _)| code == self) {
            Some((_, text)) => f.write_str(text),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text names no record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record type")]
pub struct UnknownType;

impl FromStr for RecordType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        if let Some((code, _)) = MNEMONICS.iter().find(|(_, mnemonic)| mnemonic.eq_ignore_ascii_case(text)) {
            return Ok(*code);
        }
        let digits = text.get(..4).filter(|p| p.eq_ignore_ascii_case("TYPE")).and_then(|_| text.get(4..));
        digits.and_then(|d| d.parse().ok()).map(Self).ok_or(UnknownType)
    }
}

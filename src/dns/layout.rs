//! The layout of RDATA, one table for everything that must look inside it.
//!
//! Reading uses it to find compressed names, writing to compress them, presentation to print and parse,
//! validation to put names into canonical form. A type that is not here is opaque (RFC 3597).

use super::RecordType;

/// One field of an RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A domain name that may be compressed on the wire when sent (RFC 1035 types only, RFC 3597 §4).
    CompressibleName,
    /// A domain name that is sent uncompressed but must be understood when it arrives compressed.
    Name,
    /// One octet.
    U8,
    /// Two octets.
    U16,
    /// Four octets.
    U32,
    /// Four octets of time, printed as `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
    Time,
    /// A record type.
    Type,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A `<character-string>`: a length octet and that many octets.
    Text,
    /// One or more `<character-string>`s up to the end.
    Texts,
    /// A length octet and that many octets, printed in hexadecimal, `-` when empty (NSEC3 salt).
    HexCounted,
    /// A length octet and that many octets, printed in base32hex (NSEC3 next hashed owner).
    Base32Counted,
    /// Octets up to the end, printed in hexadecimal.
    Hex,
    /// Octets up to the end, printed in base64.
    Base64,
    /// Type bit maps up to the end (RFC 4034 §4.1.2).
    Bitmap,
}

/// The fields of `rtype`'s RDATA, or `None` when it is opaque here.
pub const fn layout(rtype: RecordType) -> Option<&'static [Field]> {
    use Field::{
        Base32Counted, Base64, Bitmap, CompressibleName, Hex, HexCounted, Ipv4, Ipv6, Text, Texts, Time, Type, U8, U16,
        U32,
    };
    const PLAIN: Field = Field::Name;
    Some(match rtype {
        RecordType::A => &[Ipv4],
        RecordType::AAAA => &[Ipv6],
        RecordType::NS | RecordType::CNAME | RecordType::PTR => &[CompressibleName],
        RecordType::MD | RecordType::MF | RecordType::MB | RecordType::MG | RecordType::MR => &[CompressibleName],
        RecordType::MINFO => &[CompressibleName, CompressibleName],
        RecordType::SOA => &[CompressibleName, CompressibleName, U32, U32, U32, U32, U32],
        RecordType::MX => &[U16, CompressibleName],
        RecordType::TXT | RecordType::SPF => &[Texts],
        RecordType::HINFO => &[Text, Text],
        RecordType::DNAME => &[PLAIN],
        RecordType::RP => &[PLAIN, PLAIN],
        RecordType::AFSDB | RecordType::RT | RecordType::KX | RecordType::LP => &[U16, PLAIN],
        RecordType::PX => &[U16, PLAIN, PLAIN],
        RecordType::SRV => &[U16, U16, U16, PLAIN],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, PLAIN],
        RecordType::DS | RecordType::CDS | RecordType::DLV | RecordType::TA => &[U16, U8, U8, Hex],
        RecordType::DNSKEY | RecordType::CDNSKEY | RecordType::KEY => &[U16, U8, U8, Base64],
        RecordType::RRSIG | RecordType::SIG => &[Type, U8, U8, U32, Time, Time, U16, PLAIN, Base64],
        RecordType::NSEC => &[PLAIN, Bitmap],
        RecordType::NSEC3 => &[U8, U8, U16, HexCounted, Base32Counted, Bitmap],
        RecordType::NSEC3PARAM => &[U8, U8, U16, HexCounted],
        RecordType::TLSA | RecordType::SMIMEA => &[U8, U8, U8, Hex],
        RecordType::SSHFP => &[U8, U8, Hex],
        RecordType::ZONEMD => &[U32, U8, U8, Hex],
        RecordType::OPENPGPKEY | RecordType::DHCID => &[Base64],
        _ => return None,
    })
}

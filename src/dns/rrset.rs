//! RRsets: all records of one owner and type, with the signatures over them (RFC 2181 §5).

use std::fmt;
use std::sync::Arc;

use super::{Name, RecordType, Ttl, WireError};

/// A list of RDATAs in one allocation, names uncompressed: two octets of length before each.
#[derive(Clone, PartialEq, Eq)]
pub struct Rdatas {
    packed: Option<Arc<[u8]>>,
}

impl Rdatas {
    /// No data at all.
    pub const EMPTY: Self = Self { packed: None };

    /// Packs `rdatas`, dropping repetitions (RFC 2181 §5).
    ///
    /// # Errors
    /// [`WireError::BadRdata`] when one is longer than 65,535 octets.
    pub fn new<'a>(rdatas: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WireError> {
        let mut packed: Vec<u8> = Vec::with_capacity(64);
        for rdata in rdatas {
            if iter(&packed).any(|known| known == rdata) {
                continue;
            }
            let length = u16::try_from(rdata.len()).map_err(|_| WireError::BadRdata)?;
            packed.extend_from_slice(&length.to_be_bytes());
            packed.extend_from_slice(rdata);
        }
        Ok(Self { packed: (!packed.is_empty()).then(|| Arc::from(packed)) })
    }

    /// The RDATAs in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        iter(self.packed.as_deref().unwrap_or_default())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.packed.is_none()
    }

    /// The octets they take in memory, lengths included.
    pub fn octets(&self) -> usize {
        self.packed.as_ref().map_or(0, |packed| packed.len())
    }
}

#[derive(Clone)]
struct Packed<'a>(&'a [u8]);

impl<'a> Iterator for Packed<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some(rdata)
    }
}

const fn iter(packed: &[u8]) -> Packed<'_> {
    Packed(packed)
}

impl fmt::Debug for Rdatas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One RRset: non-empty, one owner, one type, one TTL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RrSet {
    /// The owner name, in the case it came with.
    pub owner: Name,
    /// The type of every record.
    pub rtype: RecordType,
    /// The smallest TTL any of them came with (RFC 2181 §5.2).
    pub ttl: Ttl,
    /// The data.
    pub rdatas: Rdatas,
    /// The RRSIG RDATAs that cover the set; empty when unsigned or not asked for.
    pub signatures: Rdatas,
}

impl RrSet {
    /// An unsigned RRset.
    pub const fn new(owner: Name, rtype: RecordType, ttl: Ttl, rdatas: Rdatas) -> Self {
        Self { owner, rtype, ttl, rdatas, signatures: Rdatas::EMPTY }
    }

    /// The same data with another TTL.
    #[must_use]
    pub fn with_ttl(&self, ttl: Ttl) -> Self {
        Self { ttl, ..self.clone() }
    }

    /// The name that fills, or ends, the first RDATA: the target of NS, CNAME, PTR, DNAME.
    pub fn target(&self) -> Option<Name> {
        self.rdatas.iter().next().and_then(|rdata| Name::from_wire(rdata).ok())
    }

    /// The IP addresses of an A or AAAA set.
    pub fn addresses(&self) -> impl Iterator<Item = std::net::IpAddr> + '_ {
        self.rdatas.iter().filter_map(|rdata| {
            let four = <[u8; 4]>::try_from(rdata).ok().filter(|_| self.rtype == RecordType::A).map(Into::into);
            four.or_else(|| <[u8; 16]>::try_from(rdata).ok().filter(|_| self.rtype == RecordType::AAAA).map(Into::into))
        })
    }

    /// The octets the set takes in memory, beyond its fixed size.
    pub fn octets(&self) -> usize {
        self.owner.wire().len() + self.rdatas.octets() + self.signatures.octets()
    }
}

//! RRsets: all records of one owner and type, with the signatures over them (RFC 2181 §5).

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Name, Reader, RecordType, Security, Ttl, WireError};

/// A list of RDATAs in one piece, names uncompressed: two octets of length before each.
///
/// The piece may be part of a larger one: what the cache holds is shared, not copied.
#[derive(Clone)]
pub struct Rdatas {
    octets: Option<Arc<[u8]>>,
    from: u32,
    to: u32,
}

impl Rdatas {
    /// No data at all.
    pub const EMPTY: Self = Self { octets: None, from: 0, to: 0 };

    /// Packs `rdatas`, dropping repetitions (RFC 2181 §5).
    ///
    /// # Errors
    /// [`WireError::BadRdata`] when one is longer than 65,535 octets.
    pub fn new<'a>(rdatas: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WireError> {
        let mut packed: SmallVec<[u8; 128]> = SmallVec::new();
        let mut first: Option<&[u8]> = None;
        // A tree, not a comparison of each with each: a reply can hold thousands, and its sender may mean harm. Most sets
        // have one record and need none.
        let mut known = BTreeSet::new();
        for rdata in rdatas {
            if let Some(first) = first {
                known.insert(first);
                if !known.insert(rdata) {
                    continue;
                }
            }
            first = first.or(Some(rdata));
            let length = u16::try_from(rdata.len()).map_err(|_| WireError::BadRdata)?;
            packed.extend_from_slice(&length.to_be_bytes());
            packed.extend_from_slice(rdata);
        }
        let all = 0..packed.len();
        Self::within(&Arc::from(packed.as_slice()), all).ok_or(WireError::BadRdata)
    }

    /// Those that lie packed at `range` of `octets`, which must have come from [`Rdatas::packed`].
    pub(crate) fn within(octets: &Arc<[u8]>, range: Range<usize>) -> Option<Self> {
        if octets.get(range.clone())?.is_empty() {
            return Some(Self::EMPTY);
        }
        let (from, to) = (u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?);
        Some(Self { octets: Some(Arc::clone(octets)), from, to })
    }

    /// All of them in one piece.
    pub(crate) fn packed(&self) -> &[u8] {
        self.octets.as_ref().and_then(|octets| octets.get(self.from as usize..self.to as usize)).unwrap_or_default()
    }

    /// The RDATAs in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        Packed(self.packed())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The octets they take in memory, lengths included.
    pub const fn octets(&self) -> usize {
        (self.to - self.from) as usize
    }
}

impl PartialEq for Rdatas {
    fn eq(&self, other: &Self) -> bool {
        self.packed() == other.packed()
    }
}

impl Eq for Rdatas {}

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

impl fmt::Debug for Rdatas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Where the signer's name stands in RRSIG RDATA (RFC 4034 §3.1).
const SIGNER: usize = 18;

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
    /// What a client that validates needs to see beside the set. For one made from a wildcard, the zone's proof that there is
    /// nothing closer (RFC 4035 §3.1.3.3); for an alias, that its target is in an unsigned zone (§3.1.4.1).
    pub closer: Option<Arc<[Self]>>,
    /// How authentic it is known to be.
    pub security: Security,
}

impl RrSet {
    /// An unsigned RRset.
    pub const fn new(owner: Name, rtype: RecordType, ttl: Ttl, rdatas: Rdatas) -> Self {
        Self { owner, rtype, ttl, rdatas, signatures: Rdatas::EMPTY, closer: None, security: Security::Unchecked }
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
        let closer = self.closer.iter().flat_map(|sets| sets.iter()).map(|set| size_of::<Self>() + set.octets());
        self.owner.wire().len() + self.rdatas.octets() + self.signatures.octets() + closer.sum::<usize>()
    }

    /// Whether a signature says that the set was made from a wildcard: it counts fewer labels (RFC 4034 §3.1.3).
    pub fn is_expanded(&self) -> bool {
        let labels = self.owner.label_count() - usize::from(self.owner.is_wildcard());
        self.signatures.iter().any(|rdata| rdata.get(3).is_some_and(|counted| usize::from(*counted) < labels))
    }

    /// The zones that signed the set, by their own account (RFC 4034 §3.1.7).
    pub fn signers(&self) -> impl Iterator<Item = Name> + '_ {
        self.signatures.iter().filter_map(|rdata| Reader::new(rdata, SIGNER).name().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_dropped_and_the_order_of_arrival_is_kept() {
        let wanted: [&[u8]; 4] = [b"c", b"a", b"", b"b"];
        let rdatas =
            Rdatas::new([wanted[0], wanted[1], wanted[0], wanted[2], wanted[3], wanted[2], wanted[1]]).unwrap();
        assert_eq!(rdatas.iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_large_set_costs_little_more_than_its_size() {
        // Compared each with each these would keep the test busy for minutes.
        let all: Vec<[u8; 4]> = (0..200_000u32).rev().map(u32::to_be_bytes).collect();
        let rdatas = Rdatas::new(all.iter().chain(&all).map(<[u8; 4]>::as_slice)).unwrap();
        assert!(rdatas.iter().eq(&all));
    }
}

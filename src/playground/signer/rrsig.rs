//! RRSIG: its fields, and the octets that are signed (RFC 4034 §3.1, §6).
//!
//! Written for signing alone and on purpose apart from the code that verifies: one mistake must not hide the other.

use super::key::{SigningError, SigningKey};
use crate::dns::{Field, Name, Reader, RecordType, RrSet, layout};

/// The fields of an RRSIG record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrsig {
    /// The type of the set it covers.
    pub covered: RecordType,
    /// The algorithm.
    pub algorithm: u8,
    /// The labels of the owner, without root and `*`.
    pub labels: u8,
    /// The TTL the set is signed with.
    pub original_ttl: u32,
    /// The last second it is valid, since 1970 (RFC 1982 arithmetic).
    pub expiration: u32,
    /// The first one.
    pub inception: u32,
    /// The tag of the key.
    pub tag: u16,
    /// The zone whose key it is.
    pub signer: Name,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Rrsig {
    /// The fields of an RDATA; `None` when it is none of an RRSIG.
    pub fn parse(rdata: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(rdata, 0);
        Some(Self {
            covered: RecordType(reader.u16().ok()?),
            algorithm: reader.u8().ok()?,
            labels: reader.u8().ok()?,
            original_ttl: reader.u32().ok()?,
            expiration: reader.u32().ok()?,
            inception: reader.u32().ok()?,
            tag: reader.u16().ok()?,
            signer: reader.name().ok()?,
            signature: reader.bytes(reader.remaining()).ok()?.to_vec(),
        })
    }

    /// The RDATA.
    pub fn rdata(&self) -> Vec<u8> {
        let mut rdata = self.head();
        rdata.extend_from_slice(self.signer.wire());
        rdata.extend_from_slice(&self.signature);
        rdata
    }

    /// Signs `set` as these fields say.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the library refuses.
    pub fn sign(&mut self, set: &RrSet, key: &SigningKey) -> Result<(), SigningError> {
        self.signature = key.sign(&self.message(set))?;
        Ok(())
    }

    fn head(&self) -> Vec<u8> {
        let mut head = self.covered.0.to_be_bytes().to_vec();
        head.extend([self.algorithm, self.labels]);
        for number in [self.original_ttl, self.expiration, self.inception] {
            head.extend_from_slice(&number.to_be_bytes());
        }
        head.extend_from_slice(&self.tag.to_be_bytes());
        head
    }

    /// What is signed: this RDATA without the signature, then the set in canonical form and order (RFC 4034 §3.1.8.1).
    fn message(&self, set: &RrSet) -> Vec<u8> {
        let mut message = self.head();
        message.extend_from_slice(self.signer.to_lowercase().wire());
        let mut rdatas: Vec<Vec<u8>> = set.rdatas.iter().map(|rdata| canonical(set.rtype, rdata)).collect();
        rdatas.sort();
        rdatas.dedup();
        let owner = self.owner(&set.owner).to_lowercase();
        for rdata in rdatas {
            message.extend_from_slice(owner.wire());
            for number in [set.rtype.0, 1] {
                message.extend_from_slice(&number.to_be_bytes());
            }
            message.extend_from_slice(&self.original_ttl.to_be_bytes());
            message.extend_from_slice(&u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes());
            message.extend_from_slice(&rdata);
        }
        message
    }

    /// The owner as it is signed: a wildcard when the name has more labels than the signature says.
    fn owner(&self, owner: &Name) -> Name {
        let labels = usize::from(self.labels);
        if labels >= signed_labels(owner) {
            return owner.clone();
        }
        owner.suffix(labels).prepend(b"*").unwrap_or_else(|_| owner.clone())
    }
}

/// The labels that a signature counts (RFC 4034 §3.1.3).
pub fn signed_labels(owner: &Name) -> usize {
    owner.label_count() - usize::from(owner.is_wildcard())
}

/// The RDATA with the names in it in lower case, for the types that RFC 4034 §6.2 and RFC 6840 §5.1 list.
pub fn canonical(rtype: RecordType, rdata: &[u8]) -> Vec<u8> {
    let fields = match rtype {
        RecordType::NSEC | RecordType::LP => None,
        _ => layout(rtype),
    };
    fields.and_then(|fields| lower_names(fields, rdata)).unwrap_or_else(|| rdata.to_vec())
}

fn lower_names(fields: &[Field], rdata: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(rdata, 0);
    let mut lowered = Vec::with_capacity(rdata.len());
    for field in fields {
        let octets = match field {
            Field::CompressibleName | Field::Name => {
                lowered.extend_from_slice(reader.name().ok()?.to_lowercase().wire());
                continue;
            }
            Field::U8 => 1,
            Field::U16 | Field::Type => 2,
            Field::U32 | Field::Time | Field::Ipv4 => 4,
            Field::Ipv6 => 16,
            Field::Text | Field::HexCounted | Field::Base32Counted => {
                let length = reader.u8().ok()?;
                lowered.push(length);
                usize::from(length)
            }
            Field::Texts | Field::Hex | Field::Base64 | Field::Bitmap => reader.remaining(),
        };
        lowered.extend_from_slice(reader.bytes(octets).ok()?);
    }
    Some(lowered)
}

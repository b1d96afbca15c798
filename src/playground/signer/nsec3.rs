//! Hashed owner names (RFC 5155 §5).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE32HEX_NOPAD;

use crate::dns::{Name, RrSet, WireError};

/// How names are hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashing {
    /// How often again after the first time (RFC 9276 §3.1: not at all).
    pub iterations: u16,
    /// What is added each time.
    pub salt: Vec<u8>,
}

impl Hashing {
    /// What the NSEC3PARAM record, or the first NSEC3 record, of a set says; `None` when the set is neither.
    pub fn of(set: &RrSet) -> Option<Self> {
        let rdata = set.rdatas.iter().next()?;
        let iterations = u16::from_be_bytes([*rdata.get(2)?, *rdata.get(3)?]);
        let length = usize::from(*rdata.get(4)?);
        Some(Self { iterations, salt: rdata.get(5..5 + length)?.to_vec() })
    }

    /// Algorithm, flags, iterations and salt as NSEC3 and NSEC3PARAM records begin.
    pub fn head(&self, flags: u8) -> Vec<u8> {
        let [high, low] = self.iterations.to_be_bytes();
        let length = u8::try_from(self.salt.len()).unwrap_or(u8::MAX);
        let salt = self.salt.iter().copied().take(usize::from(length));
        [1, flags, high, low, length].into_iter().chain(salt).collect()
    }

    /// The hash of `name`.
    pub fn hash(&self, name: &Name) -> Vec<u8> {
        let name = name.to_lowercase();
        let once = |octets: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, &[octets, &self.salt].concat()).as_ref().to_vec();
        (0..self.iterations).fold(once(name.wire()), |hash, _| once(&hash))
    }

    /// The owner of the NSEC3 record that matches `name` in the zone at `apex`.
    ///
    /// # Errors
    /// [`WireError::BadName`] when `apex` leaves no room for it.
    pub fn owner(&self, name: &Name, apex: &Name) -> Result<Name, WireError> {
        apex.prepend(BASE32HEX_NOPAD.encode(&self.hash(name)).to_ascii_lowercase().as_bytes())
    }
}

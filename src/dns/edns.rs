//! EDNS(0): the OPT pseudo-record (RFC 6891) and the options Burdock speaks.

use super::{Bounds, EdeCode, Reader, WireError};

/// Octets kept of the text of an extended error; what people write is shorter (RFC 8914 §2 sets no limit).
const MAX_TEXT: usize = 256;

/// An option of interest, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdnsOption {
    /// DNS cookie, client part and perhaps server part (RFC 7873).
    Cookie(Vec<u8>),
    /// Extended DNS error (RFC 8914): code and text.
    Ede(EdeCode, String),
    /// Any other option: its code.
    Other(u16),
}

/// What an OPT record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The sender's UDP payload size in octets.
    pub udp_size: u16,
    /// The upper eight bits of the extended RCODE.
    pub rcode_high: u8,
    /// EDNS version; 0 is the only one there is.
    pub version: u8,
    /// DNSSEC OK: the sender wants signatures (RFC 3225).
    pub dnssec_ok: bool,
    /// The options, as many as [`Bounds`] allow.
    pub options: Vec<EdnsOption>,
    /// How many more there were.
    pub left_out: usize,
}

impl Edns {
    /// Option code of DNS cookies.
    pub const COOKIE: u16 = 10;
    /// Option code of extended errors.
    pub const EDE: u16 = 15;
    /// Option code of [`super::Trail`], in the range for local use (RFC 6891 §9).
    pub const TRAIL: u16 = 65_053;

    /// Reads OPT from its fixed fields and RDATA, within the bounds that are usual.
    ///
    /// # Errors
    /// [`WireError::BadOpt`] when an option runs over the end.
    pub fn from_parts(class: u16, ttl: u32, rdata: &[u8]) -> Result<Self, WireError> {
        Self::within(Bounds::DEFAULT, (class, ttl), rdata)
    }

    /// The same within these bounds. Options beyond them are passed over.
    ///
    /// # Errors
    /// [`WireError::BadOpt`] when an option runs over the end.
    pub fn within(bounds: Bounds, (class, ttl): (u16, u32), rdata: &[u8]) -> Result<Self, WireError> {
        let [rcode_high, version, flags, _] = ttl.to_be_bytes();
        let dnssec_ok = flags & 0x80 != 0;
        let mut edns = Self { udp_size: class, rcode_high, version, dnssec_ok, ..Self::default() };
        let mut reader = Reader::new(rdata, 0);
        while reader.remaining() > 0 {
            let (code, value) = option(&mut reader)?;
            if edns.options.len() < bounds.options as usize {
                edns.options.push(read_option(code, value));
            } else {
                edns.left_out += 1;
            }
        }
        Ok(edns)
    }
}

/// The next option: its code and its value.
pub(super) fn option<'a>(reader: &mut Reader<'a>) -> Result<(u16, &'a [u8]), WireError> {
    let code = reader.u16().map_err(|_| WireError::BadOpt)?;
    let length = reader.u16().map_err(|_| WireError::BadOpt)?;
    let value = reader.bytes(usize::from(length)).map_err(|_| WireError::BadOpt)?;
    Ok((code, value))
}

fn read_option(code: u16, value: &[u8]) -> EdnsOption {
    match (code, value) {
        (Edns::COOKIE, _) => EdnsOption::Cookie(value.to_vec()),
        (Edns::EDE, [high, low, text @ ..]) => {
            let mut text = String::from_utf8_lossy(text.get(..MAX_TEXT).unwrap_or(text)).into_owned();
            // What is no UTF-8 grows when it is replaced.
            text.truncate(text.floor_char_boundary(MAX_TEXT));
            EdnsOption::Ede(EdeCode(u16::from_be_bytes([*high, *low])), text)
        }
        _ => EdnsOption::Other(code),
    }
}

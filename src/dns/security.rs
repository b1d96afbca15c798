//! How authentic data is known to be (RFC 4035 §4.3). Bogus data has no place here: it is an error, never a value.

/// What is known of the authenticity of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// Nobody has looked yet, or nobody wants to know.
    #[default]
    Unchecked,
    /// Proven not to be signed, or below no trust anchor.
    Insecure,
    /// Signed, by a chain of keys from a trust anchor.
    Secure,
}

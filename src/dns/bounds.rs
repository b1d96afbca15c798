//! What one message may cost who reads it. The values in force are the operator's, and come from above.

/// Bounds on reading one message. Those that nobody can set stand beside the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Records in all sections together.
    pub records: u32,
    /// Compression pointers followed, in all names together.
    pub pointers: u32,
    /// Octets that compressed names unfold to together: two octets of pointer can stand for 255.
    pub name_octets: u32,
    /// Options of its OPT record that are looked at.
    pub options: u32,
}

impl Bounds {
    /// What suffices for every honest message.
    pub const DEFAULT: Self = Self { records: 4096, pointers: 4096, name_octets: 256 * 1024, options: 32 };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

//! The list of types in NSEC and NSEC3 records (RFC 4034 §4.1.2).

use crate::dns::RecordType;

/// The types that an owner has, read where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types<'a> {
    /// Windows in ascending order, each with its number, its length and up to 32 octets.
    windows: &'a [u8],
}

impl<'a> Types<'a> {
    /// No types at all: what an empty non-terminal has.
    pub const NONE: Self = Self { windows: &[] };

    /// Reads a list that fills `windows` exactly; `None` when the windows are cut short, empty, too long or out of order.
    pub fn read(windows: &'a [u8]) -> Option<Self> {
        let mut rest = windows;
        let mut previous = None;
        while !rest.is_empty() {
            let (number, bits, tail) = first_window(rest)?;
            if bits.is_empty() || bits.len() > 32 || previous >= Some(number) {
                return None;
            }
            previous = Some(number);
            rest = tail;
        }
        Some(Self { windows })
    }

    /// Whether the type is in the list.
    pub fn has(self, rtype: RecordType) -> bool {
        let [wanted, low] = rtype.0.to_be_bytes();
        let mut rest = self.windows;
        while let Some((number, bits, tail)) = first_window(rest) {
            if number == wanted {
                return bits.get(usize::from(low / 8)).is_some_and(|octet| octet & (0x80 >> (low % 8)) != 0);
            }
            rest = tail;
        }
        false
    }

    /// Whether nothing is in the list.
    pub fn is_empty(self) -> bool {
        let mut rest = self.windows;
        while let Some((_, bits, tail)) = first_window(rest) {
            // Octets of zeros should not be there, and say nothing.
            if bits.iter().any(|&octet| octet != 0) {
                return false;
            }
            rest = tail;
        }
        true
    }

    /// Whether the owner is a zone cut, seen from above: what is below it belongs to another zone (RFC 6840 §4.1).
    pub fn is_delegation(self) -> bool {
        self.has(RecordType::NS) && !self.has(RecordType::SOA)
    }

    /// Whether names below the owner are none of its zone's, or are redirected: that they are not in the zone says
    /// nothing about them (RFC 6840 §4.1).
    pub fn hides_what_is_below(self) -> bool {
        self.is_delegation() || self.has(RecordType::DNAME)
    }
}

/// The first window: its number, its octets, and what follows.
fn first_window(windows: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([number, length], rest) = windows.split_first_chunk::<2>()?;
    let (bits, tail) = rest.split_at_checked(usize::from(*length))?;
    Some((*number, bits, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_example_of_the_standard() {
        // RFC 4034 §4.3: A MX RRSIG NSEC TYPE1234.
        let mut windows = vec![0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 27];
        windows.extend([0; 26]);
        windows.push(0x20);
        let types = Types::read(&windows).unwrap();
        let had: Vec<u16> = (0..=u16::MAX).filter(|&code| types.has(RecordType(code))).collect();
        assert_eq!(had, [1, 15, 46, 47, 1234]);
        assert!(!types.is_empty() && !types.is_delegation());
    }

    #[test]
    fn malformed_windows_are_refused() {
        let long: Vec<u8> = [0, 33].into_iter().chain([1; 33]).collect();
        let wrong: [&[u8]; 8] = [
            &[0],
            &[0, 0],
            &[0, 2, 1],
            &[0, 1, 1, 0, 1, 1],
            &[1, 1, 1, 0, 1, 1],
            &[0, 1, 1, 7],
            &long,
            &[0, 1, 1, 1, 0],
        ];
        for windows in wrong {
            assert_eq!(Types::read(windows), None, "{windows:?}");
        }
        assert_eq!(Types::read(&[]), Some(Types::NONE));
        assert!(Types::read(&[0, 1, 0]).unwrap().is_empty());
        assert!(
            Types::read(&[255, 32].into_iter().chain([255; 32]).collect::<Vec<_>>()).unwrap().has(RecordType(65535))
        );
    }

    #[test]
    fn a_cut_has_servers_and_no_start_of_authority() {
        let types = |octet| [0, 1, octet];
        assert!(Types::read(&types(0x20)).unwrap().is_delegation());
        assert!(!Types::read(&types(0x22)).unwrap().is_delegation());
        assert!(!Types::read(&types(0x40)).unwrap().hides_what_is_below());
        assert!(Types::read(&[0, 5, 0, 0, 0, 0, 1]).unwrap().hides_what_is_below());
    }
}

//! What an SVCB or HTTPS record says of addresses: its hints (RFC 9460 §7.3). Nothing else of it is read here.

use std::net::IpAddr;

/// The addresses in `ipv4hint` and `ipv6hint` of `rdata`, as far as it can be read: a client must not use a record that
/// is malformed (RFC 9460 §2.2), and one that does so nonetheless reads it from the beginning.
pub fn address_hints(rdata: &[u8]) -> Vec<IpAddr> {
    let mut hints = Vec::new();
    let mut rest = parameters(rdata).unwrap_or_default();
    while let Some((key, value, tail)) = parameter(rest) {
        match key {
            IPV4_HINT => hints.extend(value.as_chunks::<4>().0.iter().map(|octets| IpAddr::from(*octets))),
            IPV6_HINT => hints.extend(value.as_chunks::<16>().0.iter().map(|octets| IpAddr::from(*octets))),
            _ => {}
        }
        rest = tail;
    }
    hints
}

/// What stands behind priority and target name, which is never compressed.
fn parameters(rdata: &[u8]) -> Option<&[u8]> {
    let mut rest = rdata.get(2..)?;
    loop {
        let (&length, tail) = rest.split_first()?;
        rest = tail.get(usize::from(length)..)?;
        if length == 0 {
            return Some(rest);
        }
    }
}

/// The key and value of the first parameter, and what stands behind it. A value that is cut short counts as far as it goes.
fn parameter(octets: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[key_high, key_low, high, low], rest) = octets.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
    let (value, tail) = rest.split_at_checked(length)?;
    Some((u16::from_be_bytes([key_high, key_low]), value, tail))
}

const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, RecordType, rdata_from_text};

    fn hints(text: &str) -> Vec<String> {
        let rdata = rdata_from_text(RecordType::HTTPS, text, &Name::root()).unwrap();
        address_hints(&rdata).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hints_of_both_families_are_found_among_other_parameters() {
        assert_eq!(hints("1 . alpn=h2,h3 ipv4hint=192.0.2.1,10.0.0.1 ipv6hint=::1"), ["192.0.2.1", "10.0.0.1", "::1"]);
        assert_eq!(hints("1 svc.example. port=8443 ipv6hint=2001:db8::1,fd00::1"), ["2001:db8::1", "fd00::1"]);
        assert!(hints("0 svc.example.").is_empty());
        assert!(hints("1 . alpn=h2").is_empty());
    }

    #[test]
    fn what_is_malformed_is_read_as_far_as_it_goes() {
        let whole = rdata_from_text(RecordType::HTTPS, "1 a.b. ipv4hint=10.0.0.1,10.0.0.2", &Name::root()).unwrap();
        for length in 0..=whole.len() {
            let known = match length {
                0..=14 => 0,
                15..=18 => 1,
                _ => 2,
            };
            // Two octets of priority, five of names, four of key and length; an address is read when it is whole.
            assert_eq!(address_hints(&whole[..length]).len(), known, "{length} of {}", whole.len());
        }
        let twice = [&whole[..], &whole[7..]].concat();
        assert_eq!(address_hints(&twice).len(), 4);
    }
}

//! Which port the next query leaves from: each of 32,768 or more as likely as the other, whatever came before
//! (RFC 5452 §9.2). Draws, opens nothing.
//!
//! A port that the kernel draws costs less than half of one that we draw (see udp.rs). So they are all of the kernel's
//! (`net.ipv4.ip_local_port_range`, for IPv6 too), and those from 32768 on.

use std::fs;
use std::ops::RangeInclusive;

use crate::world::Dice;

/// The ports that queries leave from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ports {
    /// How many there are that the kernel draws from, with its own cryptographic generator.
    kernels: usize,
    /// The others.
    ours: Box<[u16]>,
}

/// What was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Port {
    /// One of the kernel's; which, it draws itself.
    Kernels,
    /// This one.
    Ours(u16),
}

impl Ports {
    /// As the kernel is set up now.
    pub(super) fn of_this_machine() -> Self {
        let read = |name| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
        Self::new(&read("ip_local_port_range"), &read("ip_local_reserved_ports"))
    }

    /// From what the two files say: `32768 60999` and `8080,9148-9150`.
    fn new(range: &str, reserved: &str) -> Self {
        let mut bounds = range.split_whitespace().map_while(|word| word.parse().ok());
        // Without a word from the kernel nothing is known to be its own: all are ours to draw.
        let (first, last) = bounds.next().zip(bounds.next()).unwrap_or((FIRST, 0));
        let reserved: Vec<RangeInclusive<u16>> = reserved.trim().split(',').filter_map(parse_range).collect();
        let free = |port: &u16| !reserved.iter().any(|range| range.contains(port));
        let of_kernel = first..=last;
        let ours = (first.min(FIRST)..=u16::MAX).filter(|port| !of_kernel.contains(port)).filter(free).collect();
        Self { kernels: of_kernel.clone().filter(free).count(), ours }
    }

    /// Draws one.
    pub(super) fn draw(&self, dice: &Dice) -> Port {
        let drawn = dice.below(self.kernels.saturating_add(self.ours.len()));
        let ours = drawn.checked_sub(self.kernels).and_then(|index| self.ours.get(index));
        ours.map_or(Port::Kernels, |port| Port::Ours(*port))
    }
}

/// `8080` or `9148-9150`.
fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// The first port that is drawn, unless the kernel's range begins lower. With those above: 32,768.
const FIRST: u16 = 32_768;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn sizes(range: &str, reserved: &str) -> (usize, usize) {
        let ports = Ports::new(range, reserved);
        (ports.kernels, ports.ours.len())
    }

    #[test]
    fn there_are_32_768_ports_or_more_however_the_kernel_is_set_up() {
        // Linux's default; all; IANA's dynamic ports; low ones; few; nothing that can be read.
        assert_eq!(sizes("32768\t60999\n", "\n"), (28_232, 4536));
        assert_eq!(sizes("1024\t65535\n", "\n"), (64_512, 0));
        assert_eq!(sizes("49152\t65535\n", "\n"), (16_384, 16_384));
        assert_eq!(sizes("10000\t20000\n", "\n"), (10_001, 45_535));
        assert_eq!(sizes("40000\t40009\n", "\n"), (10, 32_758));
        assert_eq!(sizes("", ""), (0, 32_768));
    }

    #[test]
    fn reserved_ports_are_nobodys() {
        assert_eq!(sizes("32768\t60999\n", "8080,32768-32777,60999-61000\n"), (28_221, 4535));
        let ports = Ports::new("32768\t60999\n", "61001,65535\n");
        assert!(!ports.ours.contains(&61_001) && !ports.ours.contains(&65_535));
        assert_eq!(Ports::new("1024\t65535\n", "0-65535\n").draw(&Dice::seeded(1)), Port::Kernels, "for want of any");
    }

    #[test]
    fn each_port_of_ours_is_as_likely_as_each_of_the_kernels() {
        let ports = Ports::new("32768\t32867\n", "32868-65435\n");
        assert_eq!((ports.kernels, ports.ours.len()), (100, 100));
        let dice = Dice::seeded(5452);
        let mut drawn = HashMap::<Port, usize>::new();
        for _ in 0..20_000 {
            *drawn.entry(ports.draw(&dice)).or_default() += 1;
        }
        // Half of them, with a deviation of 71; 100 of each of the others, with one of 10.
        let kernels = drawn.remove(&Port::Kernels).unwrap();
        assert!((9700..10_300).contains(&kernels), "{kernels}");
        assert_eq!(drawn.len(), 100);
        assert!(drawn.values().all(|times| (50..150).contains(times)), "{drawn:?}");
    }
}

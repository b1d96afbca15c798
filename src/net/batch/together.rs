//! Which packets can leave together: as one message that the kernel cuts into datagrams (UDP segmentation offload).
//!
//! Only decides; [`super::Outbox`] sends. The kernel cuts a message into pieces of one length, the last may be shorter.

use std::cmp::Reverse;

use super::Path;

/// A packet that waits to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// To whom, and from where.
    pub path: Path,
    /// Its length.
    pub octets: usize,
    /// Where its octets are.
    pub slot: usize,
}

/// Puts packets that can leave together beside each other; those of one client and length stay in their order.
pub fn arrange(packets: &mut [Packet]) {
    packets.sort_unstable_by_key(|packet| (packet.path, Reverse(packet.octets), packet.slot));
}

/// How many packets at the front of `packets` can leave together: along one path, of one length but for the last.
pub fn first_group(packets: &[Packet]) -> usize {
    let Some((first, others)) = packets.split_first() else { return 0 };
    let (mut total, mut ended) = (first.octets, first.octets == 0);
    let follows = |packet: &&Packet| {
        let fits = !ended && packet.path == first.path && (1..=first.octets).contains(&packet.octets);
        total += packet.octets;
        ended = packet.octets < first.octets;
        fits && total <= MOST_OCTETS
    };
    1 + others.iter().take(MOST_PACKETS - 1).take_while(follows).count()
}

/// The kernel's bound (`UDP_MAX_SEGMENTS`; 128 in newer ones).
const MOST_PACKETS: usize = 64;
/// What one IPv4 datagram can hold in all: cut or not, the kernel puts it together as one first.
const MOST_OCTETS: usize = 65_507;

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(of: &[(u16, usize)]) -> Vec<Packet> {
        let path = |port| Path { client: ([192, 0, 2, 1], port).into(), local: None };
        of.iter().enumerate().map(|(slot, &(port, octets))| Packet { path: path(port), octets, slot }).collect()
    }

    /// The groups of slots that `of` leaves in: pairs of a port and a length.
    fn groups(of: &[(u16, usize)]) -> Vec<Vec<usize>> {
        let mut packets = packets(of);
        arrange(&mut packets);
        let (mut rest, mut found) = (&packets[..], Vec::new());
        while !rest.is_empty() {
            let (group, later) = rest.split_at(first_group(rest));
            found.push(group.iter().map(|packet| packet.slot).collect());
            rest = later;
        }
        found
    }

    #[test]
    fn one_client_and_one_length_leave_together_in_their_order() {
        assert_eq!(groups(&[(1, 60), (1, 60), (1, 60)]), [[0, 1, 2]]);
        assert_eq!(groups(&[(1, 60), (2, 60), (1, 60), (2, 60)]), [[0, 2], [1, 3]]);
        assert_eq!(groups(&[(1, 60), (2, 60), (3, 60)]), [[0], [1], [2]]);
        assert_eq!(groups(&[]), [[0; 0]; 0]);
    }

    #[test]
    fn only_the_last_of_a_group_is_shorter() {
        assert_eq!(groups(&[(1, 58), (1, 60), (1, 57), (1, 60), (1, 57)]), [vec![1, 3, 0], vec![2, 4]]);
        assert_eq!(first_group(&packets(&[(1, 58), (1, 60)])), 1);
        assert_eq!(first_group(&packets(&[(1, 60), (1, 58), (1, 58)])), 2);
    }

    #[test]
    fn another_address_of_ours_is_another_group() {
        let mut packets = packets(&[(1, 60), (1, 60)]);
        let local = super::super::Local { address: [127, 0, 0, 1].into(), interface: 1 };
        packets[1].path.local = Some(local);
        assert_eq!(first_group(&packets), 1);
        packets[0].path.local = Some(local);
        assert_eq!(first_group(&packets), 2);
    }

    #[test]
    fn a_group_has_what_the_kernel_takes_at_most() {
        assert_eq!(first_group(&packets(&[(1, 12); 100])), MOST_PACKETS);
        assert_eq!(first_group(&packets(&[(1, 1232); 64])), 53);
        assert_eq!(first_group(&packets(&[(1, 65_507), (1, 1)])), 1);
        assert_eq!(first_group(&packets(&[(1, 0), (1, 0)])), 1);
        assert_eq!(first_group(&packets(&[(1, 5), (1, 0)])), 1);
    }
}

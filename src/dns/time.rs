//! The calendar as the protocol has it: seconds since 1970 in a circle of 2^32, compared as serial numbers are (RFC 1982).

use std::time::Duration;

/// The moment `wall`, counted from 1970, as signatures (RFC 4034 §3.1.5) and cookies (RFC 9018 §4.3) have it.
pub fn serial_time(wall: Duration) -> u32 {
    (wall.as_secs() & u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_go_round() {
        let times = [0, 1_767_225_600, (1 << 32) - 1, 1 << 32, (1 << 32) + 7];
        assert_eq!(times.map(|seconds| serial_time(Duration::from_secs(seconds))), [0, 1_767_225_600, u32::MAX, 0, 7]);
    }
}

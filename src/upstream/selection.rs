//! Which server next: pure, dice passed in.
//!
//! The fastest known server mostly, another now and then so that knowledge does not go stale; those not yet tried in
//! this step before those that were; dead ones only when their pause is over or nothing else is left.

use std::time::Duration;

use crate::world::Dice;

/// One choice in this many is made blindly.
const EXPLORE: usize = 20;
/// An unmeasured server is taken to be somewhere below this.
const UNKNOWN: Duration = Duration::from_millis(100);
/// What each recent timeout adds to a server's round trip in the eyes of selection.
const PENALTY: Duration = Duration::from_millis(400);

/// What counts in the choice of one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Its place in the caller's list.
    pub index: usize,
    /// Sends in this step.
    pub sends: u32,
    /// How much it takes to be considered.
    pub standing: Standing,
    /// Smoothed round trip, when it is known.
    pub srtt: Option<Duration>,
    /// Timeouts since the last reply.
    pub timeouts: u32,
}

/// Better standings come first, whatever the speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Nothing against it.
    Good,
    /// IPv6, while IPv6 does not seem to work.
    FamilyPaused,
    /// It did not reply several times in a row.
    Held,
    /// It does not serve this zone.
    Lame,
}

/// Chooses among `candidates` and returns the index of the chosen one.
pub(super) fn choose(candidates: &[Candidate], dice: &Dice) -> Option<usize> {
    let best = candidates.iter().map(|c| (c.standing, c.sends)).min()?;
    let eligible = || candidates.iter().filter(|c| (c.standing, c.sends) == best);
    let many = eligible().count();
    if many > 1 && dice.below(EXPLORE) == 0 {
        return eligible().nth(dice.below(many)).map(|c| c.index);
    }
    eligible().map(|c| (score(c, dice), c.index)).min().map(|(_, index)| index)
}

/// The round trip to expect; chance decides among the unknown.
fn score(candidate: &Candidate, dice: &Dice) -> Duration {
    let expected = candidate.srtt.unwrap_or_else(|| UNKNOWN.mul_f64(dice.fraction()));
    expected + PENALTY * candidate.timeouts.min(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(index: usize, srtt_ms: Option<u64>, timeouts: u32) -> Candidate {
        Candidate { index, sends: 0, standing: Standing::Good, srtt: srtt_ms.map(Duration::from_millis), timeouts }
    }

    fn shares(candidates: &[Candidate]) -> Vec<usize> {
        let dice = Dice::seeded(1);
        let mut shares = vec![0; candidates.len()];
        for _ in 0..10_000 {
            shares[choose(candidates, &dice).unwrap()] += 1;
        }
        shares
    }

    #[test]
    fn the_fastest_gets_most_and_every_server_some() {
        let shares = shares(&[candidate(0, Some(80), 0), candidate(1, Some(10), 0), candidate(2, Some(300), 0)]);
        assert!(shares[1] > 9_500 && shares[0] > 50 && shares[2] > 50, "{shares:?}");
    }

    #[test]
    fn a_dead_server_gets_at_most_one_in_twenty() {
        // INT-22: one of four servers is dead.
        let shares = shares(&[
            candidate(0, None, 2),
            candidate(1, Some(10), 0),
            candidate(2, Some(11), 0),
            candidate(3, Some(12), 0),
        ]);
        assert!(shares[0] > 0 && shares[0] < 500, "{shares:?}");
    }

    #[test]
    fn standing_comes_before_sends_and_sends_before_speed() {
        let dice = Dice::seeded(2);
        let held = Candidate { standing: Standing::Held, ..candidate(0, Some(1), 0) };
        let tried = Candidate { sends: 1, ..candidate(1, Some(1), 0) };
        let slow = candidate(2, Some(900), 0);
        assert_eq!(choose(&[held, tried, slow], &dice), Some(2));
        assert_eq!(choose(&[held, tried], &dice), Some(1));
        assert_eq!(choose(&[held], &dice), Some(0));
        assert_eq!(choose(&[], &dice), None);
    }
}

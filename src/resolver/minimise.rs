//! What to reveal to a zone: as few labels as it takes (RFC 9156). Pure.

use super::Minimisation;
use crate::dns::{Name, Question, RecordType};
use crate::job::{LimitName, Limits};

/// The question as one zone gets to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Name and type revealed.
    pub question: Question,
    /// Whether that is less than the whole question.
    pub minimised: bool,
    relaxed: bool,
}

impl Probe {
    /// Whether a refusal or NXDOMAIN is answered by revealing the whole question (RFC 9156 §2.3, RFC 8020 §3.1).
    pub const fn may_widen(&self) -> bool {
        self.minimised && self.relaxed
    }
}

/// How far the name has been revealed in one walk.
#[derive(Clone, Debug)]
pub struct Revealed {
    mode: Minimisation,
    steps: u32,
    labels: usize,
    whole: bool,
}

impl Revealed {
    /// Nothing revealed yet.
    pub fn new(mode: Minimisation) -> Self {
        Self { mode, steps: 0, labels: 0, whole: mode == Minimisation::Off }
    }

    /// The next question for the servers of `zone`.
    pub fn probe(&mut self, question: &Question, zone: &Name) -> Probe {
        let all = question.name.label_count();
        self.labels = self.labels.max(zone.label_count() + 1).min(all);
        // `_tcp` and its kind are never cut off (RFC 9156 §2.3 leaves it open); asking for them alone is a packet wasted. The
        // root has none, and is told no more of those that lead nowhere (`_msdcs.corp`) than of other names.
        let is_attribute = |label: &[u8]| label.starts_with(b"_") && !zone.is_root();
        let next_is_attribute = question.name.suffix(self.labels).labels().next().is_some_and(is_attribute);
        let relaxed = self.mode == Minimisation::Relaxed && !(zone.is_root() && self.labels >= MOST_FOR_THE_ROOT);
        if self.whole || self.labels >= all || next_is_attribute {
            return Probe { question: question.clone(), minimised: false, relaxed };
        }
        let name = question.name.suffix(self.labels);
        Probe { question: Question::new(name, RecordType::A), minimised: true, relaxed }
    }

    /// There is no cut at the name revealed: a little more next time. The first steps take one label each, later ones
    /// share what is left, so that a name of many labels costs no more than the limit (RFC 9156 §2.3).
    pub fn reveal(&mut self, question: &Question, limits: &Limits) {
        self.steps += 1;
        let left = question.name.label_count().saturating_sub(self.labels);
        let steps_left = limits.minimisation_steps.saturating_sub(self.steps);
        let step = match steps_left {
            0 => left,
            _ if self.steps < limits.minimisation_single_labels => 1,
            _ => left.div_ceil(usize::try_from(steps_left).unwrap_or(1)),
        };
        if step > 1 {
            let last = steps_left == 0;
            limits.count(if last { LimitName::MinimisationSteps } else { LimitName::MinimisationSingleLabels });
        }
        self.labels += step;
    }

    /// `zone` does not cope: it gets the whole question. The root copes, and names of private networks end there every day: it
    /// gets one label more, and is believed then.
    pub fn widen(&mut self, zone: &Name) {
        if zone.is_root() {
            self.labels = MOST_FOR_THE_ROOT;
        } else {
            self.reveal_all();
        }
    }

    /// Who is asked next gets the whole question.
    pub const fn reveal_all(&mut self) {
        self.whole = true;
    }

    /// A zone below was entered: it has done nothing to deserve the whole question.
    pub fn enter(&mut self) {
        self.whole = self.mode == Minimisation::Off;
    }
}

/// Labels that the root gets to see of a name which it denies, or does not answer.
const MOST_FOR_THE_ROOT: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn revealed(name: &str, zone: &str, mode: Minimisation) -> Vec<usize> {
        let question = Question::new(name.parse().unwrap(), RecordType::MX);
        let (zone, mut revealed, mut seen) = (zone.parse().unwrap(), Revealed::new(mode), Vec::new());
        loop {
            let probe = revealed.probe(&question, &zone);
            seen.push(probe.question.name.label_count());
            assert_eq!(probe.minimised, probe.question.rtype == RecordType::A);
            if !probe.minimised {
                return seen;
            }
            revealed.reveal(&question, &Limits::default());
        }
    }

    #[test]
    fn one_label_at_a_time() {
        assert_eq!(revealed("a.b.example.com", ".", Minimisation::Relaxed), [1, 2, 3, 4]);
        assert_eq!(revealed("a.b.example.com", "example.com", Minimisation::Strict), [3, 4]);
        assert_eq!(revealed("example.com", "example.com", Minimisation::Relaxed), [2]);
        assert_eq!(revealed("a.b.example.com", ".", Minimisation::Off), [4]);
    }

    #[test]
    fn a_long_name_takes_ten_steps_and_the_first_four_one_label_each() {
        let long = vec!["x"; 120].join(".");
        let seen = revealed(&long, ".", Minimisation::Relaxed);
        assert_eq!(seen[..4], [1, 2, 3, 4]);
        assert!(seen.len() <= 11, "{seen:?}");
        assert_eq!(seen.last(), Some(&120));
    }

    #[test]
    fn the_root_gets_one_label_more_and_other_zones_the_whole_name() {
        let question = Question::new("a.b.c.host.corp".parse().unwrap(), RecordType::MX);
        let mut revealed = Revealed::new(Minimisation::Relaxed);
        let mut probe = |zone: &str| {
            let zone = zone.parse().unwrap();
            let probe = revealed.probe(&question, &zone);
            revealed.widen(&zone);
            (probe.question.name.label_count(), probe.may_widen())
        };
        assert_eq!([probe("."), probe(".")], [(1, true), (2, false)]);
        assert_eq!([probe("host.corp"), probe("host.corp")], [(3, true), (5, false)]);
        let question = Question::new("_ldap._tcp.dc._msdcs.corp".parse().unwrap(), RecordType::SRV);
        let mut revealed = Revealed::new(Minimisation::Relaxed);
        let root = Name::root();
        let first = revealed.probe(&question, &root).question.name.label_count();
        revealed.widen(&root);
        assert_eq!((first, revealed.probe(&question, &root).question.name.label_count()), (1, 2));
    }

    #[test]
    fn attribute_labels_are_revealed_together() {
        assert_eq!(revealed("_submission._tcp.foo.com", "com", Minimisation::Relaxed), [2, 4]);
    }
}

//! How often bounds were reached: counts that cost one addition, and the lines of the log that tell of them.
//!
//! Which bounds there are is said in `job/budget.rs`, where each gets a count and a name of its own.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often each of some things happened, all threads together. Clones count together; the counts only grow.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: Arc<[AtomicU64]>,
}

impl Tally {
    /// Counts for so many things, none of which has happened.
    pub fn new(things: usize) -> Self {
        Self { counts: (0..things).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The thing of this index happened once more.
    pub fn count(&self, index: usize) {
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often the thing of this index happened.
    pub fn of(&self, index: usize) -> u64 {
        self.counts.get(index).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// What happened is no part of what was set: bounds are equal whatever became of them.
impl PartialEq for Tally {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Tally {}

/// What was told of counts that only grow, so that each is told once.
#[derive(Debug, Default)]
pub struct Told {
    before: Vec<u64>,
}

impl Told {
    /// What to say of `counts`, which come in the same order each time: those that have grown since something was said last,
    /// and by how much. `None` when there is nothing new.
    pub fn news<N: std::fmt::Display>(&mut self, counts: &[(N, u64)]) -> Option<String> {
        let mut line = String::new();
        for (index, (name, count)) in counts.iter().enumerate() {
            let more = count.saturating_sub(self.before.get(index).copied().unwrap_or(0));
            if more > 0 {
                let comma = if line.is_empty() { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(line, "{comma}{name} {more}");
            }
        }
        self.before = counts.iter().map(|(_, count)| *count).collect();
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_is_told_once() {
        let mut told = Told::default();
        assert_eq!(told.news(&[("a", 0), ("b", 0)]), None);
        assert_eq!(told.news(&[("a", 2), ("b", 0)]).as_deref(), Some("a 2"));
        assert_eq!(told.news(&[("a", 2), ("b", 0)]), None);
        assert_eq!(told.news(&[("a", 3), ("b", 7)]).as_deref(), Some("a 1, b 7"));
    }

    #[test]
    fn clones_count_together() {
        let (tally, other) = (Tally::new(2), Tally::new(2));
        tally.clone().count(1);
        assert_eq!((tally.of(0), tally.of(1), tally.of(2)), (0, 1, 0));
        assert_eq!(other.of(1), 0, "another server in the same process");
    }
}

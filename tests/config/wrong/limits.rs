//! Bounds of nothing, and of too much.

use super::{Expected, says};

#[test]
fn a_bound_of_nothing() {
    says(
        "limits: { jobs: -1, drain: 0, tcp-idle: 0s, depth: 00 }\n",
        &[
            Expected(1, 17, "limits.jobs", "no whole number from 1", "digits only"),
            Expected(1, 28, "limits.drain", "no bound can be switched off", "at least `1ms`"),
            Expected(1, 41, "limits.tcp-idle", "`0s` is not allowed", "at least `1ms`"),
            Expected(1, 52, "limits.depth", "no bound can be switched off", "at least `1`"),
        ],
    );
}

#[test]
fn failures_are_remembered_as_long_as_rfc_9520_says() {
    says(
        "limits: { failure-first: 500ms, failure-longest: 6m, barren-longest: 10m, bogus-ttl: 1h }\n",
        &[
            Expected(1, 26, "limits.failure-first", "a second at least", "`1s` to `5m`"),
            Expected(1, 50, "limits.failure-longest", "five minutes at most", "`1s` to `5m`"),
            Expected(1, 70, "limits.barren-longest", "five minutes at most", "`1s` to `5m`"),
            Expected(1, 86, "limits.bogus-ttl", "five minutes at most", "`1s` to `5m`"),
        ],
    );
    says(
        "limits: { failure-first: 4m, failure-longest: 2m }\n",
        &[Expected(1, 47, "limits.failure-longest", "is shorter than failure-first", "at least as long")],
    );
}

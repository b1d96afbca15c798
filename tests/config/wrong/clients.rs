//! What is set wrong about clients, and about what they are told.

use super::{ConfigFile, Expected, says};

#[test]
fn cookies_and_rates_that_are_none() {
    let short = ConfigFile::new("# the first\n0123456789abcdef0123456789abcdef\n0123\n");
    let path = short.text().to_owned();
    says(
        &format!("access:\n  cookies: {path}\n  rate-limit: {{ per-client: many, per-question: 1000001 }}\n"),
        &[
            Expected(2, 12, "access.cookies", "line 3 is not 32 hexadecimal digits", "`random`, `off`"),
            Expected(3, 29, "access.rate-limit.per-client", "no whole number", "0 for no limit"),
            Expected(3, 49, "access.rate-limit.per-question", "no whole number", "0 for no limit"),
        ],
    );
    let nowhere = "access: { cookies: /nowhere/at/all }\n";
    says(nowhere, &[Expected(1, 20, "access.cookies", "holds no secrets for cookies", "the path of a file")]);
}

#[test]
fn protection_from_rebinding_that_is_none() {
    says(
        "rebinding: { protect: yes, networks: [], allow: [a..b, ., '*.plex.direct', plex.direct] }\n",
        &[
            Expected(1, 23, "rebinding.protect", "`yes` is neither true nor false", "`true` or `false`"),
            Expected(1, 50, "rebinding.allow", "`a..b` is no domain name", "all below it"),
            Expected(1, 56, "rebinding.allow", "every name there is", "`protect: false`"),
            Expected(1, 59, "rebinding.allow", "has a `*` in it", "write the domain alone"),
        ],
    );
    says(
        "rebinding: { protect: true, networks: [], allow: [plex.direct, PLEX.direct.] }\n",
        &[
            Expected(1, 39, "rebinding.networks", "no network whose addresses", "`protect: false`"),
            Expected(1, 64, "rebinding.allow", "already in the list", "remove one"),
        ],
    );
    says(
        "rebinding: { networks: 10.0.0.0/40, except: [] }\n",
        &[
            Expected(1, 24, "rebinding.networks", "is no network", "`192.0.2.0/24`"),
            Expected(1, 37, "rebinding.except", "no such key", "protect, networks, allow"),
        ],
    );
}

/// Every problem is told at once, also of what is read after a list that is wrong.
#[test]
fn zones_that_are_wrong_and_the_log_too() {
    says(
        "forward: [a]\nlog: { level: verbose }\n",
        &[
            Expected(1, 11, "forward", "a single value stands in the list", "{ zone: corp.example, to:"),
            Expected(2, 15, "log.level", "`verbose` is not known here", "`debug`"),
        ],
    );
}

//! Simulated runs: packet counts, broken servers one by one, and random Internets by the thousand.

mod counts;
mod generate;
mod seeds;

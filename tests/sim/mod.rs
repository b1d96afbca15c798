//! Simulated runs: packet counts, broken servers one by one, and random Internets by the thousand.

mod addresses;
mod aggressive;
mod any;
mod broken;
mod corners;
mod counts;
mod forward;
mod generate;
mod lecture;
mod rollover;
mod seeds;
mod sentinel;
mod signed;
pub mod validation;
mod walk;

//! Known attacks, played one by one against the whole resolver, each with the number that it must not exceed.
//!
//! A test is named after the attack's number; with `--nocapture` it prints what it measured beside what is allowed.

mod poisoning;

//! The `burdock` binary.
fn main() {}

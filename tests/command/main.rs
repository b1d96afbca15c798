//! The commands as their users meet them: the real binary, asked by argument, judged by output and exit status.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says where")]

mod killed;
mod log;
mod playground;
mod program;
mod server;
mod walk;

//! The configuration: what the operator wrote, checked, complete and typed.
//!
//! `file` reads YAML and keeps every position; `table` knows every key; `check` turns one into the other and
//! reports every problem at once.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use crate::job::Limits;
use crate::{cache, policy, resolver};

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients are listened to, over UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// How many workers; one per core when absent.
    pub workers: Option<NonZeroUsize>,
    /// Addresses other servers are asked from; the system chooses when there is none of the family.
    pub source: Vec<IpAddr>,
    /// Who may ask, and what is answered here.
    pub policy: policy::Settings,
    /// What is remembered.
    pub cache: cache::Settings,
    /// How questions are walked.
    pub resolver: resolver::Settings,
    /// Every bound.
    pub limits: Limits,
    /// What is logged.
    pub log: Log,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important line that is written.
    pub level: tracing::Level,
    /// What a line looks like.
    pub format: LogFormat,
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

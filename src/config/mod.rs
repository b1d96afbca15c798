//! The configuration: what the operator wrote, checked, complete and typed.
//!
//! `file` reads YAML and keeps every position; `table` knows every key; `check` turns one into the other and
//! reports every problem at once.

pub mod arguments;
mod check;
mod clients;
mod dnssec;
mod file;
mod forward;
mod given;
mod help;
mod hints;
mod networks;
mod problem;
mod section;
mod show;
mod stale;
mod table;
mod value;
mod warning;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::job::Limits;
use crate::{cache, policy, resolver};

use given::Given;
use problem::Complaint;
use warning::Machine;

pub use dnssec::service_folder;
pub use hints::{HintsError, read as read_hints};
pub use problem::{Place, Problem};
pub use show::schema;
pub use table::{Form, Setting, settings};
pub use warning::Warning;

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
    /// Whether trust anchors roll over, and where that is kept.
    pub rollover: Rollover,
    /// Every bound.
    pub limits: Limits,
    /// What is logged.
    pub log: Log,
}

/// Whether trust anchors roll over (RFC 5011), and where what is known of their keys is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollover {
    /// Those that are compiled in, in the service's own folder, if that is there.
    Auto,
    /// None.
    Off,
    /// Those of every zone, in this folder.
    Folder(PathBuf),
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

/// What the command line sets, over the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// In place of `listen`, unless empty.
    pub listen: Vec<SocketAddr>,
    /// In place of `workers`.
    pub workers: Option<NonZeroUsize>,
    /// In place of `resolver.root-hints`.
    pub root_hints: Option<PathBuf>,
}

/// Where the configuration is, unless it is said otherwise. It need not exist.
pub const DEFAULT_FILE: &str = "/etc/burdock/burdock.yaml";

/// A configuration that was checked.
#[derive(Debug)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    given: Given,
}

impl Loaded {
    /// The configuration in force as YAML, defaults included; overrides of the command line are not part of it.
    pub fn to_yaml(&self) -> String {
        show::print(&self.given)
    }

    /// What is allowed and probably not meant, on the machine we run on.
    pub fn warnings(&self) -> Vec<Warning> {
        warning::warnings(&self.config, &self.given, &Machine::here())
    }
}

/// Reads the configuration from `file`, or from [`DEFAULT_FILE`] when that exists; every other key has its default.
///
/// # Errors
/// Every problem there is.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Vec<Problem>> {
    let path = file.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let complaint =
                Complaint::new(format!("the file cannot be read: {error}"), "check its name and who may read it");
            return Err(Given::unreadable(path.to_path_buf(), complaint));
        }
    };
    if bytes.len() > MAX_OCTETS {
        let complaint = Complaint::new("the file is larger than 1 MiB", "name the right file");
        return Err(Given::unreadable(path.to_path_buf(), complaint));
    }
    match String::from_utf8(bytes) {
        Ok(text) => parse(&text, Some(path), overrides),
        Err(error) => {
            let line =
                1 + error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count();
            let complaint = Complaint::new(format!("line {line} is not UTF-8"), "save the file as UTF-8");
            Err(Given::unreadable(path.to_path_buf(), complaint))
        }
    }
}

/// Checks the configuration in `text`; `path` is where it came from.
///
/// # Errors
/// Every problem there is.
pub fn parse(text: &str, path: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Vec<Problem>> {
    let base = path.and_then(Path::parent).unwrap_or_else(|| Path::new(""));
    let given = Given::new(path.map(Path::to_path_buf), text);
    check::check(given, base, overrides).map(|(config, given)| Loaded { config, given })
}

impl Default for Config {
    /// What is in force when nothing is configured.
    fn default() -> Self {
        let loaded = parse("", None, &Overrides::default());
        loaded.expect("the defaults of the table are right; a test reads them").config
    }
}

const MAX_OCTETS: usize = 1 << 20;

//! Why a command failed: what, why, what to do, and the exit status that says whose fault it is.

use std::fmt::{self, Display};
use std::io;
use std::process::ExitCode;

use crate::config::Problem;

/// A command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was asked rightly and could not be done: exit status 1.
    CouldNot {
        /// What could not be done.
        what: String,
        /// The reason.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// It was asked wrongly: exit status 2.
    Usage {
        /// What is wrong with the command line.
        why: String,
        /// What to write instead.
        remedy: String,
    },
    /// The configuration is wrong: exit status 2.
    Config(Vec<Problem>),
    /// It could not be done, and the text says all there is to say: exit status 1.
    Told(String),
    /// It was done, it did not end well, and the output has said so: exit status 1.
    Said,
}

impl Failure {
    /// Something that could not be done.
    pub fn could_not(what: impl Display, why: impl Display, remedy: impl Display) -> Self {
        Self::CouldNot { what: what.to_string(), why: why.to_string(), remedy: remedy.to_string() }
    }

    /// Something that could not be done, told by somebody who knows what to do about it.
    pub fn told(text: impl Display) -> Self {
        Self::Told(text.to_string())
    }

    /// A wrong command line.
    pub fn usage(why: impl Display, remedy: impl Display) -> Self {
        Self::Usage { why: why.to_string(), remedy: remedy.to_string() }
    }

    /// The exit status.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::CouldNot { .. } | Self::Told(_) | Self::Said => 1,
            Self::Usage { .. } | Self::Config(_) => 2,
        })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CouldNot { what, why, remedy } => write!(f, "burdock: cannot {what}: {why}\n  \u{2192} {remedy}"),
            Self::Usage { why, remedy } => write!(f, "burdock: {why}\n  \u{2192} {remedy}"),
            Self::Told(text) => write!(f, "burdock: {text}"),
            Self::Said => Ok(()),
            Self::Config(problems) => {
                for problem in problems {
                    writeln!(f, "{problem}")?;
                }
                match problems.len() {
                    1 => f.write_str("burdock: 1 problem in the configuration"),
                    count => write!(f, "burdock: {count} problems in the configuration"),
                }
            }
        }
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Config(problems)
    }
}

/// Writes `text` to standard output. A reader that has gone away is not a failure.
///
/// # Errors
/// [`Failure::CouldNot`] when it cannot be written.
pub fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::could_not("write to standard output", error, "look at where the output goes"))
        }
        _ => Ok(()),
    }
}

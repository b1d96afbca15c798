//! The command line (clap). What each command means is written in `help`; what it does, in `command/`.
#![allow(rustdoc::broken_intra_doc_links, reason = "comments are help texts, and their brackets mean optional words")]

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use super::{Overrides, help, value};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "burdock", version, about = help::ABOUT, long_about = help::LONG, after_long_help = help::AFTER)]
#[command(args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

impl Arguments {
    /// The command; `serve` when none was named.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }

    /// The command line as clap describes it, for completions and manual pages.
    pub fn description() -> clap::Command {
        <Self as CommandFactory>::command()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer questions (this is what burdock does when no command is named)
    #[command(after_long_help = help::SERVE)]
    Serve(Serve),
    /// Say everything that is wrong with a configuration
    #[command(after_long_help = help::CHECK)]
    Check(Check),
    /// Resolve a name once, here and now, and show the reply
    #[command(after_long_help = help::QUERY)]
    Query(Query),
    /// Resolve a name and show every step from the root to the answer
    #[command(after_long_help = help::TRACE)]
    Trace(Trace),
    /// Run a miniature Internet on this host, and a resolver that walks it
    #[command(after_long_help = help::PLAYGROUND)]
    Playground(Playground),
    /// Print the completions of a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page
    #[command(after_long_help = help::MAN)]
    Man {
        /// The command whose page is wanted; burdock's own when none is named
        command: Option<String>,
    },
}

/// Where the configuration is.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigFile {
    /// Read the configuration from FILE (default: /etc/burdock/burdock.yaml when that exists)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `burdock serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// The configuration.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Answer on ADDRESS[:PORT], in place of the configuration's `listen`; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = endpoint)]
    pub listen: Vec<SocketAddr>,
    /// Answer with N threads, in place of the configuration's `workers`
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<NonZeroUsize>,
}

impl Serve {
    /// What the command line sets over the file.
    pub fn overrides(&self) -> Overrides {
        Overrides { listen: self.listen.clone(), workers: self.workers, ..Overrides::default() }
    }
}

/// `burdock check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The configuration, as with --config
    #[arg(value_name = "FILE", conflicts_with = "config")]
    named: Option<PathBuf>,
    /// The configuration.
    #[command(flatten)]
    file: ConfigFile,
    /// Print the configuration in force, defaults included
    #[arg(long)]
    pub print: bool,
    /// Print the JSON Schema of the configuration file instead
    #[arg(long, conflicts_with = "print")]
    pub schema: bool,
}

impl Check {
    /// The file to check; `None` for the default.
    pub fn file(&self) -> Option<&Path> {
        self.named.as_deref().or(self.file.config.as_deref())
    }
}

/// What `query` and `trace` walk with.
#[derive(Args, Clone, Debug, Default)]
pub struct Walk {
    /// The configuration.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Start from the servers in FILE, in place of the configuration's `resolver.root-hints`
    #[arg(long, value_name = "FILE")]
    pub root_hints: Option<PathBuf>,
    /// Print JSON instead
    #[arg(long)]
    pub json: bool,
}

impl Walk {
    /// What the command line sets over the file.
    pub fn overrides(&self) -> Overrides {
        Overrides { root_hints: self.root_hints.clone(), ..Overrides::default() }
    }
}

/// `burdock query`.
#[derive(Args, Clone, Debug)]
pub struct Query {
    /// [@SERVER[:PORT]] NAME [TYPE] [+dnssec] [+tcp], in any order
    #[arg(required = true, value_name = "WORD")]
    pub words: Vec<String>,
    /// Configuration and output.
    #[command(flatten)]
    pub walk: Walk,
}

/// `burdock trace`.
#[derive(Args, Clone, Debug)]
pub struct Trace {
    /// NAME [TYPE], in any order
    #[arg(required = true, value_name = "WORD")]
    pub words: Vec<String>,
    /// Configuration and output.
    #[command(flatten)]
    pub walk: Walk,
}

/// `burdock playground`.
#[derive(Args, Clone, Debug)]
pub struct Playground {
    /// Answer on ADDRESS[:PORT] (default: a free port of 127.0.0.1)
    #[arg(long, value_name = "ADDRESS", value_parser = endpoint)]
    pub listen: Option<SocketAddr>,
    /// Walk once, show the walk, and end
    #[arg(long, conflicts_with = "listen")]
    pub once: bool,
    /// NAME [TYPE] to walk to, in place of the lecture's example
    #[arg(requires = "once", value_name = "WORD")]
    pub words: Vec<String>,
}

fn endpoint(text: &str) -> Result<SocketAddr, String> {
    value::endpoint(text).map_err(|complaint| format!("{}; {}", complaint.reason, complaint.remedy))
}

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    let workers = value::workers(text).map_err(|complaint| complaint.reason)?;
    workers.ok_or_else(|| "write a number, or leave the option out for one per core".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::description().debug_assert();
    }

    #[test]
    fn no_command_is_serve() {
        let parsed = Arguments::try_parse_from(["burdock", "--listen", "127.0.0.1:5353", "--workers", "2"]).unwrap();
        let Command::Serve(serve) = parsed.command() else { panic!("not serve") };
        assert_eq!(serve.listen, ["127.0.0.1:5353".parse().unwrap()]);
        assert_eq!(serve.workers, NonZeroUsize::new(2));
    }

    #[test]
    fn words_of_a_query_come_in_any_order() {
        let words = ["burdock", "query", "+tcp", "mx", "--json", "@127.0.0.1:5353", "example.com"];
        let Command::Query(query) = Arguments::try_parse_from(words).unwrap().command() else { panic!("not query") };
        assert_eq!(query.words, ["+tcp", "mx", "@127.0.0.1:5353", "example.com"]);
        assert!(query.walk.json);
    }
}

//! `burdock serve`: reads the configuration, starts the log, and hands over to the server.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::arguments::Serve;
use crate::config::{Log, LogFormat, load};
use crate::server;

use super::failure::Failure;

/// Serves until a signal ends it.
pub fn run(serve: &Serve) -> Result<(), Failure> {
    let loaded = load(serve.file.config.as_deref(), &serve.overrides())?;
    start_log(loaded.config.log);
    for warning in loaded.warnings() {
        tracing::warn!("{}", warning.line());
    }
    // A failure to bind says what to do about it.
    server::run(loaded.config).map_err(|error| Failure::told(format!("cannot start the server: {error}")))
}

/// Lines go to standard error, where systemd and containers look for them.
pub fn start_log(log: Log) {
    // Its warnings repeat whatever an attacker sends.
    let filter = Targets::new().with_default(log.level).with_target("hickory_proto", LevelFilter::ERROR);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second log in one process would be a mistake of ours and harms nobody.
    let _ = match log.format {
        LogFormat::Text => {
            registry.with(lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init()
        }
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
}

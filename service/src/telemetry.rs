//! Logs: `tracing` to stderr, as text or as JSON, filtered as `RUST_LOG` says.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;

use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{LogFormat, LogSettings};

/// Sets up logs for the whole process. Only the first call counts; one that finds logs set up leaves them alone.
/// A filter that does not parse (settings see to it that it does) falls back to `info`.
pub fn init(log: &LogSettings) {
    let filter = EnvFilter::builder().parse(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let first = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    if first.is_err() {
        tracing::debug!("logs were set up before; left as they are");
    }
}

/// Makes panics log lines like all others. For programs, not for libraries or tests.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("something that is not text");
        let thread = std::thread::current();
        let place = panic.location().map(ToString::to_string);
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => {
                error!(thread = thread.name(), place, %backtrace, "panicked: {message}");
            }
            _ => error!(thread = thread.name(), place, "panicked: {message}"),
        }
    }));
}

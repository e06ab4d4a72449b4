//! One run of a tool: the person's terminal and a handle on Kafka.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use kafka::Kafka;
use service::settings::KafkaSettings;
use service::terminal::{self, Terminal};

/// Between two lines about how far a long reading is.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// What a tool works with.
pub(super) struct Session<'a> {
    pub(super) kafka: Kafka,
    terminal: &'a Terminal,
}

/// Does `work` until its end, or until Ctrl-C.
pub(super) fn run(
    settings: &KafkaSettings,
    work: impl AsyncFnOnce(&Session<'_>) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let kafka = Kafka::new(connect::config(settings)?);
    terminal::run(async |terminal: &Terminal| work(&Session { kafka, terminal }).await)
}

impl Session<'_> {
    /// One line of the result.
    pub(super) fn line(&self, line: impl Display) -> Result<()> {
        self.terminal.line(line)
    }

    /// One line for the person beside the result.
    pub(super) fn note(&self, line: impl Display) {
        self.terminal.note(line);
    }
}

/// Says on stderr, now and then, how far a long reading is. Only to a person: a script has no use for it.
pub(super) struct Progress {
    told: Instant,
    is_watched: bool,
}

impl Progress {
    pub(super) fn begin() -> Self {
        Self { told: Instant::now(), is_watched: io::stderr().is_terminal() }
    }

    /// `done` of `total` records are read.
    pub(super) fn at(&mut self, session: &Session<'_>, done: i64, total: i64) {
        if self.is_watched && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            session.note(format_args!("{done} of {total} records read"));
        }
    }
}

//! What services logged last, for the message of a test that fails.
//!
//! Services on threads of this process and services that are processes of their own are kept together, in the order in which
//! they said it. Tests that run at the same time are among them: their topics have other names.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use parking_lot::Mutex;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

/// Lines kept; older ones make room.
const KEPT: usize = 5_000;

/// Lines shown.
const SHOWN: usize = 300;

/// What goes to stderr while tests run, unless `RUST_LOG` says otherwise.
const ON_STDERR: &str = "error,rskafka=off";

/// What is kept for tests that fail.
const FOR_FAILURES: &str = "info,kafka=debug,rskafka=off";

static LINES: Mutex<VecDeque<(Instant, String)>> = Mutex::new(VecDeque::new());

/// Sets logs up for this process.
pub fn init() {
    let on_stderr = std::env::var("RUST_LOG").unwrap_or_else(|_| ON_STDERR.into());
    let stderr = fmt::layer().with_writer(io::stderr).with_filter(EnvFilter::new(on_stderr));
    let kept = fmt::layer().with_ansi(false).with_writer(|| Keeper).with_filter(EnvFilter::new(FOR_FAILURES));
    if registry().with(stderr).with(kept).try_init().is_err() {
        tracing::debug!("logs were set up before; left as they are");
    }
}

/// Keeps a line.
pub(crate) fn keep(line: String) {
    let mut lines = LINES.lock();
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back((Instant::now(), line));
}

/// The last lines since `moment`.
pub fn since(moment: Instant) -> String {
    let lines = LINES.lock();
    let since: Vec<_> = lines.iter().filter(|(at, _)| *at >= moment).map(|(_, line)| line.as_str()).collect();
    let (_, last) = since.split_at(since.len().saturating_sub(SHOWN));
    last.join("\n")
}

/// Takes what a subscriber writes: each event at once.
struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        keep(String::from_utf8_lossy(event).trim_end().to_owned());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_was_said_since_is_there_and_its_end_is_shown() {
        let begin = Instant::now();
        for n in 0..SHOWN + 5 {
            Keeper.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        let text = since(begin);
        assert!(text.starts_with("line 5\n") && text.ends_with(&format!("line {}", SHOWN + 4)), "{text}");
        assert_eq!(since(Instant::now()), "");
    }
}

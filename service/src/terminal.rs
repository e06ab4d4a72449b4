//! A command at work: a runtime, Ctrl-C, and the person who reads what it says.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

/// What shells expect of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// And of one whose output nobody read to its end: it may not have done all that it was to do.
const OUTPUT_CLOSED: u8 = 141;

/// Where a command says what it found and did.
#[derive(Debug)]
pub struct Terminal {
    out: io::Stdout,
}

/// Whoever read the output has gone, as `head` does: nothing to complain of, but nothing more to do either.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
struct OutputClosed;

/// Does the `work` of a command on a runtime of its own, to its end or until Ctrl-C. What it started and did not await
/// is dropped. Blocks, so not from inside another runtime.
///
/// # Errors
/// What `work` returns; also if there can be no runtime.
pub fn run(work: impl AsyncFnOnce(&Terminal) -> anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let terminal = Terminal { out: io::stdout() };
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = work(&terminal) => ended,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot listen for Ctrl-C")?;
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    });
    // A look-up of a host name that hangs would be waited for.
    runtime.shutdown_background();
    match ended {
        Err(error) if error.is::<OutputClosed>() => Ok(ExitCode::from(OUTPUT_CLOSED)),
        ended => ended,
    }
}

impl Terminal {
    /// One line of the result, on stdout.
    ///
    /// # Errors
    /// If it cannot be written. To be passed on to [`run`], which knows what to make of an output that nobody reads.
    pub fn line(&self, line: impl Display) -> anyhow::Result<()> {
        match writeln!(self.out.lock(), "{line}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
            written => written.context("cannot write the output"),
        }
    }

    /// One line beside the result, on stderr.
    pub fn note(&self, line: impl Display) {
        // If nobody listens there is nobody to tell.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

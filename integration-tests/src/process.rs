//! The services as processes of their own: started, signalled, killed.
//!
//! The programs are bins of this package, so that a test run builds them; the soak tool plays them itself. See
//! [`programs`](crate::programs).

mod environment;
mod log;

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::programs;
use crate::wait;

pub use environment::Environment;
use log::Log;

/// Longest time from SIGTERM to the end: what pending requests may take, and the rest of a gateway's stop.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `api-gateway`.
    Gateway,
    /// `hash-processor`.
    Processor,
}

/// What a process can be told by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To stop in order.
    Terminate,
    /// To stand still, whatever it is doing.
    Freeze,
    /// To go on.
    Thaw,
}

/// A service that runs. Dropping it kills it.
pub struct Process {
    child: Child,
    /// Held until the end: waiting for a child closes the one it has.
    _stdin: ChildStdin,
    log: Log,
    reader: JoinHandle<()>,
}

impl Program {
    /// The name of the program that is nothing but this service.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "test-gateway",
            Self::Processor => "test-processor",
        }
    }
}

impl Signal {
    fn option(self) -> &'static str {
        match self {
            Self::Terminate => "-TERM",
            Self::Freeze => "-STOP",
            Self::Thaw => "-CONT",
        }
    }
}

impl Process {
    /// Starts `program` with nothing but `environment` set.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(program: Program, environment: &[(&str, &str)]) -> Result<Self> {
        let path = path_of(program)?;
        let mut child = Command::new(&path)
            .env_clear()
            .envs(environment.iter().copied())
            .env(programs::ROLE_VARIABLE, program.name())
            // No settings file of whoever runs the tests.
            .current_dir("/")
            // Its end tells the program that nobody is there any more, even if we are killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let stderr = child.stderr.take().context("it was piped")?;
        let stdin = child.stdin.take().context("it was piped")?;
        let log = Log::default();
        let name = format!("{} {}", program.name(), child.id().unwrap_or_default());
        let reader = tokio::spawn(log.clone().fill(stderr, name));
        Ok(Self { child, _stdin: stdin, log, reader })
    }

    /// Its process id, as long as it has not been waited for.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where a gateway listens, as soon as it says so: `host:port`.
    ///
    /// # Errors
    /// It does not say.
    pub async fn listening(&self) -> Result<String> {
        self.said("listening on http://").await
    }

    /// Where health and metrics are served, as soon as it says so: `host:port`.
    ///
    /// # Errors
    /// It does not say.
    pub async fn management(&self) -> Result<String> {
        self.said("management on http://").await
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The last lines it logged.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Sends `signal`.
    ///
    /// # Errors
    /// It has ended before.
    pub async fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.id().context("it has ended before")?.to_string();
        let sent = Command::new("kill").args([signal.option(), &pid]).status().await?;
        if !sent.success() {
            bail!("{signal:?} could not be sent to {pid}");
        }
        Ok(())
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// It had ended before.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it had ended before, {status}: {}", self.log());
        }
        self.child.kill().await?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::Terminate).await?;
        match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("it still runs:\n{}", self.log()),
        }
    }

    async fn said(&self, words: &str) -> Result<String> {
        wait::until_ok(words, async || {
            let found = self.log.find(words);
            found.ok_or_else(|| format!("it logged:\n{}", self.log()))
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A test runs from target/PROFILE/deps, and the programs it needs are one folder up. Anything else is a program that
/// plays the services itself.
fn path_of(program: Program) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a program is in a folder")?;
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    Ok(match folder.parent() {
        Some(profile) if is_test => profile.join(program.name()),
        _ => own,
    })
}

//! The services as processes of their own, to be killed.
//!
//! The programs are bins of this package that are nothing but the services' `main`, so that a test run builds them.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::wait;

/// Longest time from SIGTERM to the end.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `api-gateway`.
    Gateway,
    /// `hash-processor`.
    Processor,
}

/// A service that runs. Dropping it kills it.
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    _reader: JoinHandle<()>,
}

impl Process {
    /// Starts `program` with nothing but `environment` set.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(program: Program, environment: &[(&str, &str)]) -> Result<Self> {
        let name = match program {
            Program::Gateway => "test-gateway",
            Program::Processor => "test-processor",
        };
        // Tests run from target/PROFILE/deps, their programs are one folder up.
        let path =
            std::env::current_exe()?.parent().and_then(|deps| deps.parent()).context("no folder")?.join(name);
        let mut child = Command::new(&path)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let stderr = child.stderr.take().context("it was piped")?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = log.clone();
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().push(line);
            }
        });
        Ok(Self { child, log, _reader: reader })
    }

    /// Where a gateway listens, as soon as it says so: `host:port`.
    ///
    /// # Errors
    /// It does not say.
    pub async fn listening(&self) -> Result<String> {
        wait::until_ok("the line that says where it listens", async || {
            let log = self.log.lock();
            let found = log.iter().find_map(|line| line.split_once("listening on http://"));
            found.map(|(_, address)| address.trim().to_owned()).ok_or_else(|| log.join("\n"))
        })
        .await
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// It had ended before.
    pub async fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it had ended before, {status}: {}", self.log.lock().join("\n"));
        }
        self.child.kill().await?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        let pid = self.child.id().context("it has ended before")?.to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await?;
        if !sent.success() {
            bail!("SIGTERM could not be sent");
        }
        match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("it still runs:\n{}", self.log.lock().join("\n")),
        }
    }
}

//! The servers that are measured, each in a process of its own: this program again in another role, or another build.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a copy of this program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The gateway as it ships.
    Gateway,
    /// The processor as it ships.
    Processor,
    /// The processor with a handler that takes its time.
    Slow,
    /// The server that hashes without Kafka.
    Plain,
}

/// Names the role in a copy's environment.
pub const ROLE_VARIABLE: &str = "BENCH_ROLE";
/// The port of the plain server in a copy's environment.
pub const PLAIN_PORT_VARIABLE: &str = "BENCH_PLAIN_PORT";

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running process. Dropping it kills it: what is measured is over by then.
#[derive(Debug)]
pub struct Server {
    process: Child,
}

impl Server {
    /// Starts a copy in `role` with `environment` and nothing else set.
    ///
    /// # Errors
    /// The program cannot be started again.
    pub fn start(role: Role, environment: &[(&str, String)]) -> Result<Self> {
        let program = std::env::current_exe().context("this program does not know its own path")?;
        let mut environment = environment.to_vec();
        environment.push((ROLE_VARIABLE, format!("{role:?}").to_lowercase()));
        Self::start_program(&program, &environment)
    }

    /// Starts the program at `path`, which is absolute, in the same way.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_program(path: &Path, environment: &[(&str, String)]) -> Result<Self> {
        let mut command = Command::new(path);
        // Neither a variable nor a `.env` of whoever measures may change what is measured. In a group of its own,
        // because Ctrl-C is for the bench, which ends its children itself.
        command.env_clear().current_dir("/").process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(environment.iter().map(|(key, value)| (*key, value.as_str())));
        let process = command.spawn().with_context(|| format!("cannot start {}", path.display()))?;
        Ok(Self { process })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has ended, which it should not; in words.
    pub fn ended(&mut self) -> Option<String> {
        match self.process.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(format!("it ended: {status}")),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on at this moment.
///
/// # Errors
/// The machine has none.
pub fn free_port() -> Result<u16> {
    Ok(free_ports::<1>()?[0])
}

/// Several such ports, all different.
///
/// # Errors
/// The machine has not as many.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    for _ in 0..N {
        held.push(TcpListener::bind(("127.0.0.1", 0))?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// Waits until `POST /hash` at `address` is answered with 200.
///
/// # Errors
/// It is not within half a minute; says what came instead.
pub async fn answering(address: &str) -> Result<()> {
    answering_at(&format!("http://{address}/hash")).await
}

/// The same for a whole URL.
///
/// # Errors
/// As there.
pub async fn answering_at(url: &str) -> Result<()> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(12)).build()?;
    let begin = Instant::now();
    let mut last = "nothing was tried".to_owned();
    while begin.elapsed() < START_LIMIT {
        let body = serde_json::json!({ "data": "is anybody there" });
        match client.post(url).json(&body).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => last = answer.text().await.unwrap_or_default(),
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{url} does not answer: {last}")
}

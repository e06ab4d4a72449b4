//! The servers that are measured, each in a process of its own: this program again, in another role.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a copy of this program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The gateway as it ships.
    Gateway,
    /// The processor as it ships.
    Processor,
    /// The server that hashes without Kafka.
    Plain,
}

/// Names the role in a copy's environment.
pub const ROLE_VARIABLE: &str = "BENCH_ROLE";
/// The port of the plain server in a copy's environment.
pub const PLAIN_PORT_VARIABLE: &str = "BENCH_PLAIN_PORT";

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running copy. Dropping it kills it: what is measured is over by then.
#[derive(Debug)]
pub struct Server {
    process: Child,
}

impl Server {
    /// Starts a copy in `role` with `environment` added to ours.
    ///
    /// # Errors
    /// The program cannot be started again.
    pub fn start(role: Role, environment: &[(&str, String)]) -> Result<Self> {
        let program = std::env::current_exe().context("this program does not know its own path")?;
        let name = format!("{role:?}").to_lowercase();
        let mut command = Command::new(program);
        command.env(ROLE_VARIABLE, name).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(environment.iter().map(|(key, value)| (*key, value.as_str())));
        Ok(Self { process: command.spawn()? })
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
    let client = reqwest::Client::builder().timeout(Duration::from_secs(12)).build()?;
    let begin = Instant::now();
    let mut last = "nothing was tried".to_owned();
    while begin.elapsed() < START_LIMIT {
        let body = serde_json::json!({ "data": "is anybody there" });
        match client.post(format!("http://{address}/hash")).json(&body).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => last = answer.text().await.unwrap_or_default(),
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{address} does not answer: {last}")
}

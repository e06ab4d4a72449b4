//! Connections that only are there.

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use integration_tests::procfs::sockets;
use integration_tests::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::raw::connect;
use super::{Context, Target};

const IDLE: usize = 10_000;

/// Of the files that both sides open for them, and what else they need.
const FILES: usize = IDLE + 2_000;

/// How many are connected at once.
const AT_ONCE: usize = 100;

/// Lets this process, and those that it starts from now on, open as many files as there will be connections. Whether
/// that is allowed here.
async fn allow_files() -> Result<bool> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("no such limit")?;
    let limits: Vec<usize> = line.split_whitespace().map_while(|limit| limit.parse().ok()).collect();
    let [soft, hard] = limits[..] else { return Ok(true) };
    if soft < FILES && hard >= FILES {
        let (pid, limit) = (std::process::id().to_string(), format!("--nofile={FILES}:"));
        let raised = Command::new("prlimit").args(["--pid", &pid, &limit]).status().await;
        ensure!(raised.context("prlimit is missing")?.success(), "the limit cannot be raised");
    }
    Ok(hard >= FILES)
}

/// One that has made a request and may make another.
async fn idle(address: &str) -> Result<TcpStream> {
    let mut stream = connect(address).await?;
    stream.write_all(b"HEAD /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await?;
    ensure!(answer[..length].starts_with(b"HTTP/1.1 404 "), "{}", String::from_utf8_lossy(&answer[..length]));
    Ok(stream)
}

pub(super) async fn idle_ones(context: Context) -> Result<()> {
    if !allow_files().await? {
        eprintln!("skipped: fewer than {FILES} open files are allowed here");
        return Ok(());
    }
    let target = Target::start(&context).await?;
    let pid = target.gateway.id().context("it runs")?;
    let before = sockets(pid)?;
    let connecting = stream::iter(0..IDLE).map(|_| idle(&target.address)).buffer_unordered(AT_ONCE);
    let idle: Vec<TcpStream> = target.meanwhile(connecting.try_collect()).await?;
    ensure!(sockets(pid)? >= before + IDLE, "not all of them are open");
    target.meanwhile(async { Ok(()) }).await?;
    // A connection that has been used costs some 12 KiB.
    target.never_grew_by(256)?;
    drop(idle);
    wait::until("the connections to be gone", async || {
        sockets(pid).is_ok_and(|sockets| sockets < before + 100)
    })
    .await
}

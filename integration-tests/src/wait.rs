//! Waiting for states. Every wait is bounded and says what it waited for when it gives up.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough for a rebalance after a lost member, or for a JVM to start again, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until `state` says yes.
///
/// # Errors
/// After [`PATIENCE`], naming `what`.
pub async fn until<F: Future<Output = bool>>(what: &str, mut state: impl FnMut() -> F) -> Result<()> {
    let found = async || if state().await { Ok(()) } else { Err("it has not come about".to_owned()) };
    until_ok(what, found).await
}

/// Waits until `attempt` succeeds, and returns what it found.
///
/// # Errors
/// After [`PATIENCE`], naming `what` and the last reason.
pub async fn until_ok<T, E: std::fmt::Display>(
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        match attempt().await {
            Ok(found) => return Ok(found),
            Err(reason) if begin.elapsed() > PATIENCE => bail!("waited in vain for {what}: {reason}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

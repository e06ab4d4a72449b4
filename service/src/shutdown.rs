//! Shutdown: asked for once, heard everywhere, done in bounded stages.
//!
//! ```text
//!  SIGTERM, SIGINT, SIGHUP ──▶ requested ──▶ stage "drain" ──▶ stage "leave" ──▶ … each at most its limit
//!  a second signal         ──▶ hurried   ──▶ the stage under way and those to come get 500 ms each
//! ```

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a stage still gets once somebody is in a hurry: enough to say goodbye, too little to wait for anything.
const HURRIED_LIMIT: Duration = Duration::from_millis(500);

/// A request to stop, shared by all clones. Once made it stands.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    requested: CancellationToken,
    hurried: CancellationToken,
}

impl Shutdown {
    /// One that only [`Shutdown::trigger`] requests: for tests, and for several services in one process.
    pub fn manual() -> Self {
        Self::default()
    }

    /// One that SIGTERM, SIGINT and SIGHUP (a terminal was closed) request; a second signal hurries. SIGHUP is left alone
    /// where the process was started to ignore it, as by `nohup`. Needs no runtime around it: the signals are heard on a
    /// thread of their own, which lives as long as the process.
    ///
    /// # Errors
    /// If the handlers or the thread cannot be set up.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::manual();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt, mut hang_up) = {
            let _inside = runtime.enter();
            let hang_up = SignalKind::hangup();
            let heeds_it = !is_ignored(hang_up);
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                heeds_it.then(|| signal(hang_up)).transpose()?,
            )
        };
        let heard = shutdown.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                loop {
                    let name = tokio::select! {
                        Some(()) = terminate.recv() => "SIGTERM",
                        Some(()) = interrupt.recv() => "SIGINT",
                        Some(()) = next(&mut hang_up) => "SIGHUP",
                        else => return,
                    };
                    heard.on_signal(name);
                }
            });
        })?;
        Ok(shutdown)
    }

    /// Requests the shutdown.
    pub fn trigger(&self) {
        self.requested.cancel();
    }

    /// Requests the shutdown and cuts its stages short.
    pub fn hurry(&self) {
        self.hurried.cancel();
        self.requested.cancel();
    }

    /// Whether it was requested.
    pub fn is_requested(&self) -> bool {
        self.requested.is_cancelled()
    }

    /// Whether it is to be quick.
    pub fn is_hurried(&self) -> bool {
        self.hurried.is_cancelled()
    }

    /// Waits until it is requested; at once if it was. Owns what it needs, so it can go to another thread.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        self.requested.clone().cancelled_owned()
    }

    /// Waits until it is to be quick; at once if it is.
    pub fn hurried(&self) -> impl Future<Output = ()> + Send + 'static {
        self.hurried.clone().cancelled_owned()
    }

    /// Does one stage of the shutdown, for at most `limit` and, once in a hurry, for at most 500 ms more. Returns
    /// the work's result, or nothing if it was dropped unfinished; either is logged under `name`.
    pub async fn stage<T>(&self, name: &str, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        info!(stage = name, limit_s = limit.as_secs_f64(), "shutdown stage begins");
        let began = Instant::now();
        let hurried = async {
            self.hurried.cancelled().await;
            tokio::time::sleep(HURRIED_LIMIT).await;
        };
        // The work first: what is finished counts, even with no time left.
        let done = tokio::select! {
            biased;
            done = timeout(limit, work) => done.ok(),
            () = hurried => None,
        };
        // As a number in JSON, too.
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match done {
            Some(_) => info!(stage = name, elapsed_ms, "shutdown stage done"),
            None => warn!(stage = name, elapsed_ms, "shutdown stage ran out of time, going on without it"),
        }
        done
    }

    fn on_signal(&self, name: &str) {
        if self.is_requested() {
            warn!(signal = name, "signal again: cutting the shutdown short");
            self.hurry();
        } else {
            info!(signal = name, "shutting down");
            self.trigger();
        }
    }
}

#[cfg(test)]
mod tests;

/// Waits for a signal that is listened for; for ever if it is not.
async fn next(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether this process ignores a signal, as a child does of a parent that ignored it. Known on Linux only; elsewhere, or
/// if it cannot be found out, it does not.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(signal.as_raw_value() - 1)
        .is_ok_and(|bit| bits.checked_shr(bit).is_some_and(|bits| bits & 1 == 1))
}

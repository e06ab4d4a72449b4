//! Supervision: every task has a name and an owner, and none dies in silence.
//!
//! A task that ends before the shutdown was requested, whether it returned, failed, panicked or lost its runtime,
//! is logged as an error, makes readiness fall, and is what [`Tasks::failed`] reports.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, error, warn};

use crate::{Readiness, Shutdown};

/// The tasks of one service. Clones share them; when the last is dropped, the tasks are aborted. A task must not
/// hold one itself.
#[derive(Clone, Debug)]
pub struct Tasks {
    set: Arc<Mutex<JoinSet<()>>>,
    board: Arc<Board>,
}

/// A task that ended when it should not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("task {name:?} {cause}")]
pub struct Failure {
    /// The task.
    pub name: String,
    /// How it ended, as the rest of a sentence.
    pub cause: String,
}

/// What a task may return: nothing, or nothing but an error.
pub trait Outcome: 'static {
    /// The error's text with its causes.
    fn error(self) -> Option<String>;
}

impl Outcome for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<E: Display + 'static> Outcome for Result<(), E> {
    fn error(self) -> Option<String> {
        self.err().map(|error| format!("{error:#}"))
    }
}

/// What the tasks and their owner both see.
#[derive(Debug)]
struct Board {
    readiness: Readiness,
    shutdown: Shutdown,
    running: Mutex<BTreeMap<u64, String>>,
    failure: watch::Sender<Option<Failure>>,
}

impl Tasks {
    /// No tasks yet. They may end once `shutdown` is requested, and lower `readiness` if they end before.
    pub fn new(readiness: Readiness, shutdown: Shutdown) -> Self {
        let (running, failure) = (Mutex::default(), watch::Sender::new(None));
        Self { set: Arc::default(), board: Arc::new(Board { readiness, shutdown, running, failure }) }
    }

    /// Starts a task on the current runtime; panics if there is none.
    pub fn spawn<O: Outcome>(&self, name: &str, work: impl Future<Output = O> + Send + 'static) {
        let watched = self.watched(name, work);
        self.set().spawn(watched);
    }

    /// Waits for the first task that ends before the shutdown is requested; for ever if none does.
    pub async fn failed(&self) -> Failure {
        let mut failures = self.board.failure.subscribe();
        let failure = failures.wait_for(Option::is_some).await.expect("these tasks hold the sender");
        failure.clone().expect("waited for it")
    }

    /// The first task that ended before the shutdown was requested, if any did.
    pub fn failure(&self) -> Option<Failure> {
        self.board.failure.borrow().clone()
    }

    /// Waits for the tasks to end by themselves, at most `limit`, then aborts the rest. Returns the names of those
    /// aborted. Requests the shutdown first if nobody has.
    pub async fn stop(&self, limit: Duration) -> Vec<String> {
        self.board.shutdown.trigger();
        let mut set = std::mem::take(&mut *self.set.lock());
        let all_ended = async { while set.join_next().await.is_some() {} };
        if timeout(limit, all_ended).await.is_ok() {
            return Vec::new();
        }
        let late: Vec<String> = self.board.running.lock().values().cloned().collect();
        warn!(tasks = ?late, limit_s = limit.as_secs_f64(), "tasks did not end in time, aborting them");
        // An abort takes effect at a task's next await; one that never comes to it is not waited for.
        set.abort_all();
        if timeout(limit, async { while set.join_next().await.is_some() {} }).await.is_err() {
            error!("aborted tasks are still busy, going on without them");
        }
        late
    }

    /// The set, without those of its tasks that have ended.
    fn set(&self) -> parking_lot::MutexGuard<'_, JoinSet<()>> {
        let mut set = self.set.lock();
        while set.try_join_next().is_some() {}
        set
    }

    fn watched<O: Outcome, F: Future<Output = O>>(
        &self,
        name: &str,
        work: F,
    ) -> impl Future<Output = ()> + use<O, F> {
        let sentinel = Sentinel::new(Arc::clone(&self.board), name);
        async move {
            let outcome = work.await;
            sentinel.ended(outcome.error());
        }
    }
}

/// Lives inside a task and notices how the task ends, even where only `drop` is run.
#[derive(Debug)]
struct Sentinel {
    board: Arc<Board>,
    id: u64,
    name: String,
    ended: bool,
}

impl Sentinel {
    fn new(board: Arc<Board>, name: &str) -> Self {
        let mut running = board.running.lock();
        let id = running.last_key_value().map_or(0, |(last, _)| last + 1);
        running.insert(id, name.to_owned());
        drop(running);
        Self { board, id, name: name.to_owned(), ended: false }
    }

    fn ended(mut self, error: Option<String>) {
        self.ended = true;
        match error {
            Some(error) => self.report(format!("failed: {error}")),
            None => self.report("ended before it was asked to".to_owned()),
        }
    }

    fn report(&self, cause: String) {
        let name = &self.name;
        if self.board.shutdown.is_requested() {
            debug!(name, cause, "task ended");
            return;
        }
        error!(name, cause, "a task died");
        self.board.readiness.fall(format!("task {name:?} {cause}"));
        self.board.failure.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert_with(|| Failure { name: name.clone(), cause });
            is_first
        });
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.board.running.lock().remove(&self.id);
        if !self.ended {
            let cause = if std::thread::panicking() { "panicked" } else { "was cancelled" };
            self.report(cause.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;

//! Tasks that panicked.

use std::sync::Arc;

use tokio::sync::watch;

use super::HealthView;

/// A task of this crate panicked. What it did nobody does any more, so the process should end and say why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task} panicked")]
pub struct Fault {
    /// What the task did, in words.
    pub task: Arc<str>,
}

/// Lives inside a task and is dropped by its panic.
#[derive(Debug)]
pub(super) struct Sentinel {
    view: watch::Sender<HealthView>,
    task: Arc<str>,
}

impl Sentinel {
    /// One that tells `view`. `task` is what the task does, in words.
    pub(super) fn new(view: watch::Sender<HealthView>, task: String) -> Self {
        Self { view, task: task.into() }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = &*self.task, "a task panicked");
            let fault = Fault { task: self.task.clone() };
            self.view.send_modify(|view| _ = view.fault.get_or_insert(fault));
        }
    }
}

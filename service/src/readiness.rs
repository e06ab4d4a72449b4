//! Readiness: a latch that startup steps close one by one, and that opens again only for good.
//!
//! ```text
//!  not ready ──every step done──▶ ready ──shutdown, or a task of ours died──▶ fallen, never ready again
//! ```
//!
//! That Kafka is away does not lower it: a fleet that leaves the balancer together answers nothing, while one
//! that stays answers honestly. Such states are shown beside it, see [`Readiness::show`].

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tracing::info;

/// Whether a service can take requests; shared by all clones. One without any step is not ready.
#[derive(Clone)]
pub struct Readiness {
    state: Arc<watch::Sender<State>>,
    shown: Arc<Mutex<Vec<(String, Shown)>>>,
}

type Shown = Box<dyn Fn() -> Value + Send>;

#[derive(Debug, Default)]
struct State {
    steps: Vec<(String, bool)>,
    fallen: Option<String>,
}

impl State {
    fn is_ready(&self) -> bool {
        self.fallen.is_none() && !self.steps.is_empty() && self.steps.iter().all(|(_, done)| *done)
    }
}

/// A step that readiness waits for. Dropped before it is done, it stays in the way.
#[derive(Debug)]
#[must_use = "readiness waits until the step is done"]
pub struct Step {
    readiness: Readiness,
    index: usize,
}

impl Step {
    /// The step is done and stays so.
    pub fn done(self) {
        let mut became_ready = false;
        self.readiness.state.send_modify(|state| {
            let before = state.is_ready();
            state.steps[self.index].1 = true;
            became_ready = !before && state.is_ready();
        });
        if became_ready {
            info!("ready");
        }
    }
}

/// Readiness fell, for this reason, and will not come back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not ready any more: {0}")]
pub struct Fallen(pub String);

impl Readiness {
    /// One that waits for nothing yet, and is not ready.
    pub fn new() -> Self {
        Self { state: Arc::new(watch::Sender::new(State::default())), shown: Arc::default() }
    }

    /// Adds a step to wait for. Take all steps before the first is done, or the service is ready in between.
    pub fn step(&self, name: impl Into<String>) -> Step {
        let mut index = 0;
        self.state.send_modify(|state| {
            index = state.steps.len();
            state.steps.push((name.into(), false));
        });
        Step { readiness: self.clone(), index }
    }

    /// Whether every step is done and nothing fell.
    pub fn is_ready(&self) -> bool {
        self.state.borrow().is_ready()
    }

    /// The steps that are not done, in the order in which they were added.
    pub fn waiting_for(&self) -> Vec<String> {
        let state = self.state.borrow();
        state.steps.iter().filter(|(_, done)| !done).map(|(name, _)| name.clone()).collect()
    }

    /// Lowers readiness for good. The first reason counts.
    pub fn fall(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.state.send_if_modified(|state| {
            let first = state.fallen.is_none();
            if first {
                info!(reason, "not ready any more");
                state.fallen = Some(reason);
            }
            first
        });
    }

    /// Why readiness fell, if it did.
    pub fn fallen(&self) -> Option<String> {
        self.state.borrow().fallen.clone()
    }

    /// Waits until ready; at once if so. The caller bounds the wait.
    ///
    /// # Errors
    /// If readiness has fallen, before or while waiting.
    pub async fn ready(&self) -> Result<(), Fallen> {
        let mut changes = self.state.subscribe();
        let state = changes
            .wait_for(|state| state.is_ready() || state.fallen.is_some())
            .await
            .expect("this readiness holds the sender");
        state.fallen.clone().map_or(Ok(()), |reason| Err(Fallen(reason)))
    }

    /// Shows a live state under `name` in `/health/ready`, beside readiness and without a say in it. It is asked
    /// on the management thread at each call, so it must not block.
    pub fn show<V: Into<Value>>(&self, name: impl Into<String>, state: impl Fn() -> V + Send + 'static) {
        self.shown.lock().push((name.into(), Box::new(move || state().into())));
    }

    /// What `/health/ready` answers: `ready`, `waiting_for`, `fallen` once it fell, and the live states.
    pub fn report(&self) -> Value {
        let mut report: Map<String, Value> =
            self.shown.lock().iter().map(|(name, state)| (name.clone(), state())).collect();
        report.insert("ready".to_owned(), json!(self.is_ready()));
        report.insert("waiting_for".to_owned(), json!(self.waiting_for()));
        if let Some(reason) = self.fallen() {
            report.insert("fallen".to_owned(), json!(reason));
        }
        Value::Object(report)
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readiness").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

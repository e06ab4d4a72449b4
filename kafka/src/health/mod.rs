//! Whether the cluster answers, as seen by those who talk to it.
//!
//! Every lane of a writer and every reader has one connection, and reports when it comes up and when it goes down.
//! The cluster is reachable while at least one of them is up; with none, or before the first came up, it is not.
//! Idle lanes are made to find out how they are; a reader that nobody waits for keeps its last word.
//! Reports are made on changes and failures only, so looking is cheap and telling costs nothing while all is well.
//!
//! That the last one went down, or that none came up for a while, is logged here, once for all of them, and so is that one
//! is up again.
//!
//! The tasks behind them (lanes, caretakers, watches) go on for as long as their owners. One that ends all the same has
//! panicked: a fault of this program, which no waiting mends. That is told here, too, so that it is never silent.

mod fault;
mod silence;

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

pub use fault::Fault;
use fault::Sentinel;
use silence::Silence;

/// A view of the cluster for readiness, metrics and honest refusals. Level-triggered: it shows what is, not what was.
#[derive(Debug, Default)]
pub struct Health {
    view: watch::Sender<HealthView>,
}

/// What those who talk to the cluster make of it at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthView {
    /// Connections of lanes and readers that work.
    pub up: usize,
    /// Those that do not, among them such as were never up.
    pub down: usize,
    /// How often a working connection has failed, since the start.
    pub falls: u64,
    /// What the last failure was, in words, for as long as anything is down.
    pub last_error: Option<Arc<str>>,
    /// The first task that panicked.
    pub fault: Option<Fault>,
    silence: Silence,
}

impl Health {
    /// Whether at least one connection works.
    pub fn is_reachable(&self) -> bool {
        self.view.borrow().is_reachable()
    }

    /// Whether there are connections and none of them works.
    pub(crate) fn is_cut_off(&self) -> bool {
        let view = self.view.borrow();
        view.up == 0 && view.down > 0
    }

    /// What the last failure was, in words, for as long as anything is down.
    pub fn last_error(&self) -> Option<Arc<str>> {
        self.view.borrow().last_error.clone()
    }

    /// Sees every change, or at least the last of several.
    pub fn subscribe(&self) -> watch::Receiver<HealthView> {
        self.view.subscribe()
    }

    /// Waits for a task to panic; for ever if none does.
    pub fn fault(&self) -> impl Future<Output = Fault> + Send + use<> {
        let mut view = self.view.subscribe();
        // The receiver alone would learn of the end of a handle as well.
        let sender = self.view.clone();
        async move {
            let _sender = sender;
            loop {
                if let Some(fault) = view.borrow_and_update().fault.clone() {
                    return fault;
                }
                let _ = view.changed().await;
            }
        }
    }

    /// `work`, of which it is told if it panics. `task` says what it does, in words.
    pub(crate) fn watched<F: Future>(
        &self,
        task: String,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let sentinel = Sentinel::new(self.view.clone(), task);
        async move {
            let _sentinel = sentinel;
            work.await
        }
    }

    /// Somebody asked for any broker at all. Counts only for as long as nobody has a connection to tell of, as at a start.
    pub(crate) fn asked(&self, error: Option<&str>) {
        self.view.send_if_modified(|view| {
            let is_news =
                view.up == 0 && (error.is_some() || view.down == 0) && view.last_error.as_deref() != error;
            if is_news {
                view.last_error = error.map(Into::into);
            }
            is_news
        });
    }

    /// Registers a connection that is yet to be made.
    pub(crate) fn register(&self) -> Pulse {
        self.view.send_modify(|view| view.down += 1);
        Pulse { view: self.view.clone(), is_up: false }
    }
}

impl HealthView {
    /// Whether at least one connection works.
    pub fn is_reachable(&self) -> bool {
        self.up > 0
    }
}

/// One connection's word in the matter, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pulse {
    view: watch::Sender<HealthView>,
    is_up: bool,
}

impl Pulse {
    /// The connection works.
    pub(crate) fn up(&mut self) {
        if std::mem::replace(&mut self.is_up, true) {
            return;
        }
        self.view.send_modify(|view| {
            view.down -= 1;
            view.up += 1;
            if view.down == 0 {
                view.last_error = None;
            }
            if std::mem::take(&mut view.silence).is_told() {
                tracing::info!("Kafka can be reached again");
            }
        });
    }

    /// It failed, or could not be made.
    pub(crate) fn down(&mut self, error: &str) {
        let fell = std::mem::replace(&mut self.is_up, false);
        self.view.send_modify(|view| {
            if fell {
                view.up -= 1;
                view.down += 1;
                view.falls += 1;
            }
            if view.up == 0 && view.silence.goes_on(Instant::now(), fell) {
                tracing::warn!(error, "Kafka cannot be reached");
            }
            view.last_error = Some(error.into());
        });
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.view.send_modify(|view| {
            let count = if self.is_up { &mut view.up } else { &mut view.down };
            *count -= 1;
            if view.down == 0 {
                view.last_error = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachable_while_one_connection_is_up() {
        let health = Health::default();
        assert!(!health.is_reachable());
        let (mut lane, mut reader) = (health.register(), health.register());
        lane.up();
        lane.up();
        assert_eq!(*health.view.borrow(), HealthView { up: 1, down: 1, ..HealthView::default() });
        reader.down("refused");
        assert!(health.is_reachable());
        assert_eq!(health.last_error().as_deref(), Some("refused"));
        lane.down("closed");
        lane.down("refused");
        assert!(!health.is_reachable());
        assert_eq!(health.view.borrow().falls, 1);
        reader.up();
        assert!(health.is_reachable());
        drop(lane);
        assert_eq!(health.last_error(), None);
        drop(reader);
        assert_eq!(*health.view.borrow(), HealthView { falls: 1, ..HealthView::default() });
    }

    #[test]
    fn the_first_connection_ends_the_silence_and_a_fall_beside_others_begins_none() {
        let health = Health::default();
        let (mut lane, mut reader) = (health.register(), health.register());
        lane.down("refused");
        assert!(health.view.borrow().silence != Silence::default());
        lane.up();
        reader.up();
        reader.down("closed");
        assert_eq!(health.view.borrow().silence, Silence::default());
        lane.down("closed");
        assert!(health.view.borrow().silence.is_told());
    }

    #[test]
    fn before_there_is_a_connection_the_word_of_those_who_ask_counts() {
        let health = Health::default();
        health.asked(Some("refused"));
        assert_eq!(health.last_error().as_deref(), Some("refused"));
        health.asked(None);
        assert_eq!(health.last_error(), None);
        let mut lane = health.register();
        lane.down("closed");
        health.asked(None);
        assert_eq!(health.last_error().as_deref(), Some("closed"), "somebody knows better");
        lane.up();
        health.asked(Some("refused"));
        assert_eq!(health.last_error(), None);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_an_ordinary_end_is_not() {
        let health = Health::default();
        for panics in [false, true] {
            let work = async move { assert!(!panics, "on purpose") };
            let _ = tokio::spawn(health.watched(format!("a task ({panics})"), work)).await;
        }
        let aborted = tokio::spawn(health.watched("an aborted one".to_owned(), std::future::pending::<()>()));
        aborted.abort();
        let _ = aborted.await;
        let fault = tokio::time::timeout(std::time::Duration::from_secs(5), health.fault()).await.unwrap();
        assert_eq!(fault.to_string(), "a task (true) panicked");
    }
}

//! Request and reply over two topics: the part of the gateway that knows no HTTP.
//!
//! ```text
//!   request() ─▶ known to be hopeless? ─▶ register ─▶ encode ─▶ writer ═▶ request topic
//!       ▲                                    │
//!       └──── woken by its correlation id ◀──┴── listeners ◀═ response topic
//! ```
//!
//! Every request ends in one answer or one honest error by its deadline. What the error may claim follows one rule:
//! a request was not executed only if its record was never handed to Kafka, or if Kafka refused it the first time; everything
//! else is unknown.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use api_gateway::requester::{Requester, RequesterConfig};
//!
//! let brokers = vec!["localhost:9092".to_owned()];
//! let kafka = kafka::Kafka::new(kafka::Config {
//!     brokers, client_id: "my-service".into(), timeout: Duration::from_secs(5),
//!     security: kafka::Security::default(),
//! });
//! let requester = Requester::start(kafka, RequesterConfig::default());
//! requester.ready().await;
//! let payload = serde_json::json!({ "data": "hello world" });
//! let answer = requester.request("hash", &payload, Duration::from_secs(10)).await?;
//! let output: serde_json::Value = answer.output()?;
//! requester.stop(Duration::from_secs(10)).await;
//! # Ok(()) }
//! ```

mod answer;
mod config;
mod control;
mod error;
mod exchange;
mod listener;
mod log_ends;
mod named;
mod openings;
mod origin;
mod outbox;
mod registration;
mod reply_to;
mod spans;
mod workers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kafka::Kafka;
use kafka::group::GroupWatch;
use kafka::writer::Writer;
use parking_lot::Mutex;
use protocol::{Registry, Tag};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use answer::Answer;
pub use config::{NoWorker, RequesterConfig};
pub use error::{Failure, RequestError};
pub use exchange::Waiting;
pub use named::ReplyRouting;
pub use origin::Origin;

use control::Control;
use listener::Sink;
use named::Named;
use outbox::Outcome;
use spans::Spans;

/// Sends requests to workers behind Kafka and waits for their replies.
///
/// What a request needs on its way runs on the runtime that [`start`](Self::start) was called on; on a runtime of one
/// thread no request crosses a thread.
pub struct Requester {
    inner: Arc<Inner>,
    stop: CancellationToken,
    control: Mutex<Option<JoinHandle<()>>>,
}

/// What requests share.
struct Inner {
    kafka: Kafka,
    config: RequesterConfig,
    registry: Arc<Registry<Outcome>>,
    named: Arc<Named>,
    sink: Arc<Sink>,
    spans: Spans,
    /// There once the topics are, if workers are watched.
    watch: OnceLock<GroupWatch>,
    /// What has ended in the background that never should.
    died: OnceLock<&'static str>,
    /// The runtime that it was started on is about to end.
    is_ending: AtomicBool,
}

/// What a requester has seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequesterStats {
    /// Requests without an outcome now.
    pub pending: usize,
    /// Requests that were answered.
    pub answered: u64,
    /// Replies to requests that had ended otherwise, mostly at their deadline.
    pub late: u64,
    /// Replies to requests that were answered before.
    pub duplicate: u64,
    /// Replies to ids of ours that nobody remembers.
    pub unknown: u64,
    /// Replies to somebody else, on a response partition that is shared.
    pub foreign: u64,
    /// Those of them whose value had to be parsed to know.
    pub foreign_parsed: u64,
}

impl Requester {
    /// Starts at once and connects in the background, for as long as that takes.
    pub fn start(kafka: Kafka, config: RequesterConfig) -> Self {
        let registry = Registry::new(Tag::random(), config.max_pending);
        let sink = Arc::new(Sink::new(registry.clone(), config.traces.are_on()));
        let inner = Arc::new(Inner {
            spans: Spans::new(&config, &kafka.config().client_id),
            kafka,
            named: Arc::new(Named::new(config.routing)),
            registry,
            sink,
            watch: OnceLock::new(),
            died: OnceLock::new(),
            is_ending: AtomicBool::new(false),
            config,
        });
        let stop = CancellationToken::new();
        let shard = tokio::runtime::Handle::current();
        let runtime = inner.config.control.clone().unwrap_or_else(|| shard.clone());
        let control = Control::new(inner.clone(), shard, stop.clone());
        let control = runtime.spawn(control.run());
        Self { inner, stop, control: Mutex::new(Some(control)) }
    }

    /// Whether requests can be written and replies are listened for.
    pub fn is_ready(&self) -> bool {
        self.inner.named.is_ready() && self.inner.writer().is_some_and(Writer::is_connected)
    }

    /// What keeps connections to Kafka down, in words, while any is.
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.inner.kafka.health().last_error()
    }

    /// Waits until [`is_ready`](Self::is_ready), for as long as that takes.
    pub async fn ready(&self) {
        while !self.is_ready() {
            tokio::time::sleep(control::STEP_INTERVAL).await;
        }
    }

    /// The cluster as this requester sees it.
    pub fn kafka(&self) -> &Kafka {
        &self.inner.kafka
    }

    /// Members of the workers' group, as last seen; none while that is not known, or workers are not watched.
    pub fn workers(&self) -> Option<usize> {
        self.inner.watch.get().and_then(GroupWatch::latest).map(|seen| seen.members)
    }

    /// What has been seen so far.
    pub fn stats(&self) -> RequesterStats {
        let counts = self.inner.registry.counts();
        RequesterStats {
            pending: self.inner.registry.pending(),
            answered: counts.answered,
            late: counts.late,
            duplicate: counts.duplicate,
            unknown: counts.unknown,
            foreign: self.inner.sink.foreign(),
            foreign_parsed: self.inner.sink.foreign_parsed(),
        }
    }

    /// Which part of the background work has ended although nobody stopped it, in words. What goes on without it goes
    /// on, but no waiting mends it.
    pub fn failure(&self) -> Option<String> {
        if self.stop.is_cancelled() {
            return None;
        }
        let has_ended = || self.control.lock().as_ref().is_none_or(JoinHandle::is_finished);
        let died = || self.inner.died.get().map(|part| format!("{part} has died"));
        let fault = self.inner.kafka.health().subscribe().borrow().fault.clone();
        let fault = fault.map(|fault| fault.to_string());
        fault
            .or_else(died)
            .or_else(|| has_ended().then(|| "the requester's background work has died".to_owned()))
    }

    /// To be told before the runtime that it was started on ends: that what runs there ends with it is no failure.
    pub fn expect_end(&self) {
        self.inner.is_ending.store(true, Ordering::Relaxed);
    }

    /// Takes nothing new, and ends what is pending at once, honestly. For those who cannot wait for
    /// [`stop`](Self::stop), which is still to be called.
    pub fn end_pending(&self) {
        self.inner.registry.close();
        self.inner.registry.fail_all(|_| Outcome::Stopped);
    }

    /// Takes nothing new, waits at most `limit` for what is pending, ends the rest honestly, commits, leaves the
    /// group. Idempotent.
    pub async fn stop(&self, limit: Duration) {
        self.inner.registry.close();
        let drained = async {
            while self.inner.registry.pending() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(limit, drained).await.is_err() {
            self.end_pending();
        }
        self.stop.cancel();
        let control = self.control.lock().take();
        if let Some(control) = control
            && control.await.is_err()
        {
            tracing::error!("the requester's background work had died");
        }
    }
}

impl Drop for Requester {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Inner {
    /// Says once that `part` has ended, which never should.
    fn died(&self, part: &'static str) {
        if !self.is_ending.load(Ordering::Relaxed) && self.died.set(part).is_ok() {
            tracing::error!("{part} has died");
        }
    }
}

//! The process around a worker: bind, work, stop in order.
//!
//! ```text
//!   bind ──▶ run: this thread, with a runtime of its own: topics ──▶ group ──▶ Worker
//!             ├─ thread "group": membership, heartbeats, commits (kafka::group)
//!             ├─ threads for heavy handlers
//!             └─ thread "management": /health, /metrics, /info; stopped last
//! ```

mod group_view;
mod start;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use kafka::Kafka;
use kafka::metrics::KafkaMetrics;
use service::management::{Bound, Management, Pages};
use service::metrics::Metrics;
use service::settings::ProcessorSettings;
use service::traces::Traces;
use service::{Readiness, Shutdown, Tasks, WallClock};

use crate::metrics::{ProcessorMetrics, Source};
use crate::worker::SPARE_THREADS;
use crate::{Operations, PROGRAM};
use group_view::GroupView;
pub(crate) use group_view::Membership;
pub(crate) use start::topic_specs;
use start::{Start, Steps};

/// The management port serves probes and scrapers from anywhere.
pub(crate) const MANAGEMENT_HOST: &str = "0.0.0.0";
/// What the last tasks may take to end after the worker.
const TASKS_LIMIT: Duration = Duration::from_secs(1);
/// How long threads with heavy handlers are waited for after everything else: what they do is given up already.
const THREADS_LIMIT: Duration = Duration::from_millis(100);

/// A processor whose management port is bound, and that does nothing yet.
#[derive(Debug)]
pub struct Processor {
    settings: ProcessorSettings,
    operations: Operations,
    clock: WallClock,
    management: Bound,
}

impl Processor {
    /// Binds the management port of a processor with the operations that it ships with.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub fn bind(settings: ProcessorSettings) -> Result<Self> {
        Self::bind_with(settings, Operations::shipped(), WallClock::system())
    }

    /// The same with other operations, and with a wall clock that may be another than this host's.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub fn bind_with(settings: ProcessorSettings, operations: Operations, clock: WallClock) -> Result<Self> {
        let management = Management::bind(MANAGEMENT_HOST, settings.management_port)?;
        Ok(Self { settings, operations, clock, management })
    }

    /// The port for health, metrics and info.
    pub fn management_port(&self) -> u16 {
        self.management.port()
    }

    /// Works until `shutdown` is requested, then stops in order. Blocks, on a runtime of its own, so not from inside
    /// another one. Waits for Kafka as long as it is away.
    ///
    /// # Errors
    /// If the worker cannot work on, for a reason other than Kafka being away.
    pub fn run(self, shutdown: &Shutdown) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(self.settings.heavy_threads + SPARE_THREADS)
            .build()?;
        let ended = runtime.block_on(self.run_until_stopped(shutdown));
        runtime.shutdown_timeout(THREADS_LIMIT);
        ended
    }

    async fn run_until_stopped(self, shutdown: &Shutdown) -> Result<()> {
        let Self { settings, operations, clock, management } = self;
        let (readiness, registry) = (Readiness::new(), Metrics::new());
        let steps = Steps::of(&readiness);
        let pages = Pages::new(&PROGRAM, &readiness, &registry)
            .info("envelope_versions", protocol::SUPPORTED_VERSIONS.to_vec())
            .info("operations", operations.names().collect::<Vec<_>>())
            .info("heavy_threads", settings.heavy_threads);
        let kafka = Kafka::new(connect::config(&settings.kafka)?);
        let group = GroupView::shown_by(&readiness, &kafka);
        let management = management.serve(pages)?;
        let tasks = Tasks::new(readiness.clone(), shutdown.clone());
        let source = Source { request_topic: &settings.kafka.request_topic, group_id: &settings.group_id };
        let metrics = Arc::new(ProcessorMetrics::new(&registry, &operations, source));
        show_kafka(&registry, &kafka, &group);
        let traces = Traces::start(&settings.traces, &PROGRAM)?;
        traces.show_in(&registry);

        let fault = kafka.health().fault();
        let start = Start {
            settings,
            operations,
            clock,
            kafka,
            metrics,
            traces: traces.clone(),
            readiness: readiness.clone(),
            steps,
            group,
        };
        let ended = tokio::select! {
            ended = start.work(&tasks, shutdown) => ended,
            failure = tasks.failed() => Err(failure.into()),
            fault = fault => Err(fault.into()),
            never = lower_at(shutdown, &readiness) => match never {},
        };
        if let Err(error) = &ended {
            readiness.fall(format!("{error:#}"));
        }
        tasks.stop(TASKS_LIMIT).await;
        shutdown.stage("flush traces", Traces::STOP_LIMIT, traces.stop()).await;
        management.stop().await;
        ended
    }
}

/// What the metrics say of Kafka, beside what readiness shows.
fn show_kafka(registry: &Metrics, kafka: &Kafka, group: &GroupView) {
    let (of, view) = (kafka.clone(), group.clone());
    let is_reachable = move || if view.is_reachable(&of) { 1.0 } else { 0.0 };
    registry.gauge_of("kafka_reachable", "1 while Kafka answers, else 0", is_reachable);
    let handle = kafka.clone();
    registry.collect(KafkaMetrics::of(move || vec![handle.clone()]));
}

/// Readiness falls as soon as the shutdown is requested, before the first stage of it.
async fn lower_at(shutdown: &Shutdown, readiness: &Readiness) -> Infallible {
    shutdown.requested().await;
    readiness.fall("shutting down");
    std::future::pending().await
}

//! Traces: spans of the OpenTelemetry SDK, posted by OTLP over HTTP.
//!
//! ```text
//!  headers ──extract──▶ SpanContext ──begin──▶ Span ──end──▶ Queue (bounded; what finds it full is counted)
//!  headers ◀──inject─────────────────────────────┘             │ 512 spans, or a second after the first
//!                                                              ▼
//!                             thread "traces": Exporter ──POST /v1/traces──▶ collector
//! ```
//!
//! Off unless an endpoint is set; then [`Traces::begin`] is one branch, and nothing else exists. Spans, sampling and the
//! encoding are the OpenTelemetry crates' own. Queue and sender are ours, for what theirs lack: drops that the metrics
//! show, one log line for a collector that is away instead of one for each batch, settings from our own layers instead
//! of the environment alone, and an end within [`Traces::STOP_LIMIT`] whatever the collector does.

mod context;
mod export;
mod posts;
mod queue;
mod sampling;
mod span;

pub mod names;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

pub use context::{Headers, extract, inject, request_id, trace_id};
pub use opentelemetry::trace::{SpanContext, SpanKind};
pub use opentelemetry::{KeyValue, Value};
pub use span::{Span, list_of};

use crate::Program;
use crate::metrics::Metrics;
use crate::settings::TraceSettings;
use export::Export;
use posts::Posts;
use queue::Queue;

/// Where one service instance's spans go; nowhere by default. Cheap to clone.
#[derive(Clone, Default)]
pub struct Traces {
    on: Option<Arc<On>>,
}

struct On {
    tracer: SdkTracer,
    /// Whether a trace that its caller does not record is not recorded here, either.
    obeys_parent: bool,
    provider: SdkTracerProvider,
    queue: Arc<Queue>,
    export: Export,
}

impl Traces {
    /// The longest that [`stop`](Self::stop) takes.
    pub const STOP_LIMIT: Duration = Duration::from_secs(2);

    /// No spans at all.
    pub fn off() -> Self {
        Self::default()
    }

    /// Starts to export what `settings` say, under the name and version of `program`; off if they name no endpoint.
    ///
    /// # Errors
    /// If the exporter's thread cannot be started.
    pub fn start(settings: &TraceSettings, program: &Program) -> anyhow::Result<Self> {
        let Some(endpoint) = &settings.endpoint else { return Ok(Self::off()) };
        let queue = Arc::new(Queue::default());
        let posts = Posts::to(endpoint, settings, program)
            .with_context(|| format!("cannot export traces to {endpoint}"))?;
        let export = Export::start(queue.clone(), posts).context("cannot start the thread for traces")?;
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue::Processor(queue.clone()))
            .with_sampler(sampling::sampler(settings.sampling))
            .build();
        let scope = InstrumentationScope::builder(program.name()).with_version(program.version).build();
        let tracer = provider.tracer_with_scope(scope);
        tracing::info!(endpoint, "traces are exported");
        Ok(Self {
            on: Some(Arc::new(On {
                tracer,
                obeys_parent: settings.sampling.obeys_parent,
                provider,
                queue,
                export,
            })),
        })
    }

    /// Whether spans may be recorded.
    pub fn are_on(&self) -> bool {
        self.on.is_some()
    }

    /// Begins a span, now or at `start`. Without a valid `parent` a trace begins, of which the sampler may decide that it is
    /// not recorded: the span's context still has to travel on, to tell others of that decision.
    ///
    /// None if traces are off, or if nothing would be recorded because `parent` is not: then that travels on. A sampler that
    /// ignores the parent judges every span, so that one begins for each. Its name and attributes are made only if somebody
    /// will see them.
    pub fn begin(
        &self,
        kind: SpanKind,
        parent: &SpanContext,
        start: Option<SystemTime>,
        describe: impl FnOnce() -> (String, Vec<KeyValue>),
    ) -> Option<Span> {
        let on = self.on.as_ref()?;
        if on.obeys_parent && parent.is_valid() && !parent.is_sampled() {
            return None;
        }
        let mut builder = on.tracer.span_builder("").with_kind(kind);
        builder.start_time = start;
        // Samplers take an invalid parent for one that was not sampled.
        let parent = if parent.is_valid() {
            Context::new().with_remote_span_context(parent.clone())
        } else {
            Context::new()
        };
        Some(Span::new(on.tracer.build_with_context(builder, &parent), describe))
    }

    /// Shows in `metrics` what becomes of spans; nothing if traces are off.
    pub fn show_in(&self, metrics: &Metrics) {
        let Some(on) = &self.on else { return };
        let spans = |name: &str, help: &str, count: fn(&Queue) -> u64| {
            let queue = on.queue.clone();
            metrics.counter_of(name, help, move || count(&queue));
        };
        spans("traces_exported_spans", "Spans that the collector has taken", |queue| queue.exported.get());
        spans("traces_dropped_spans", "Spans that found the queue full", |queue| queue.dropped.get());
        spans("traces_failed_spans", "Spans that could not be exported, or were refused", |queue| {
            queue.failed.get()
        });
    }

    /// Records nothing more, and exports what is waiting, within [`STOP_LIMIT`](Self::STOP_LIMIT). Idempotent.
    pub async fn stop(&self) {
        let Some(on) = &self.on else { return };
        // Tells the queue, too; an error only says that it was told before.
        let _ = on.provider.shutdown();
        on.export.ended().await;
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Traces").field("are_on", &self.are_on()).finish()
    }
}

#[cfg(test)]
mod tests;

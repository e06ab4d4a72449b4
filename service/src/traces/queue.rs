//! Spans that have ended and are not exported yet, and what became of the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Spans that may wait: some 10 MiB, and more than a second's at any rate that a collector keeps up with.
const MAX_WAITING: usize = 8_192;

/// Spans in one post.
pub(super) const BATCH: usize = 512;

/// A bounded queue. Whoever ends a span takes one short lock, and wakes the exporter once for each [`BATCH`].
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<VecDeque<SpanData>>,
    full_batch: Notify,
    /// Nothing more comes.
    pub(super) closed: CancellationToken,
    /// Spans that the collector has taken.
    pub(super) exported: Count,
    /// Spans that found the queue full.
    pub(super) dropped: Count,
    /// Spans that the collector did not take.
    pub(super) failed: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, spans: usize) {
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
    }
}

impl Queue {
    fn push(&self, span: SpanData) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= MAX_WAITING {
            drop(waiting);
            self.dropped.add(1);
            return;
        }
        waiting.push_back(span);
        let is_batch = waiting.len() == BATCH;
        drop(waiting);
        if is_batch {
            self.full_batch.notify_one();
        }
    }

    /// At most [`BATCH`] spans, the oldest first.
    pub(super) fn take(&self) -> Vec<SpanData> {
        let mut waiting = self.waiting.lock();
        let batch = waiting.len().min(BATCH);
        waiting.drain(..batch).collect()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Returns when a batch is full, when `delay` is over, or at once after the queue was closed.
    pub(super) async fn filled(&self, delay: Duration) {
        if self.len() >= BATCH {
            return;
        }
        tokio::select! {
            () = self.full_batch.notified() => {}
            () = self.closed.cancelled() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }
}

/// The SDK's side of a queue.
#[derive(Debug)]
pub(super) struct Processor(pub(super) Arc<Queue>);

impl SpanProcessor for Processor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.0.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does not wait; [`super::Traces::stop`] does.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.0.closed.cancel();
        Ok(())
    }
}

//! Reads one partition, record by record in order, and goes on whatever happens to it.
//!
//! ```text
//!   next() ─▶ parked fetch ──▶ records ───────────────────────────────▶ Fetched
//!                │ cannot be decoded ─▶ batch by batch, our own hand ──▶  + unreadable
//!                │ offset out of range, another topic ─▶ log's begin ──▶  + skipped / restarted
//!                └ anything else ─▶ wait ─▶ connect ─▶ again
//! ```
//!
//! A reader has one connection, and keeps its own position: nothing is lost or repeated by reconnecting. A fetch
//! waits at the broker for the first record, at most half a second. What comes while the reader's owner is busy
//! with one answer comes with the next.

mod by_batch;
mod fetched;
mod identity;
mod quiet;
mod sight;
mod source;
mod status;

use std::{future::Future, pin::Pin};

use rskafka::client::partition::OffsetAt;
use tokio::time::Instant;
use tracing::{debug, info, warn};

pub use fetched::Fetched;
pub use status::{ReaderStats, ReaderStatus};

use crate::{CallError, Kafka, client::Trouble, health::Pulse};
use sight::Sight;
use source::{Answer, Found, Source};

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record that is still there.
    Earliest,
    /// Behind the newest record: with what is appended from now on.
    Latest,
    /// At this offset.
    Offset(i64),
}

/// Why a reader could not be opened. Nothing is known to be wrong with trying again.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {topic}/{partition}")]
pub struct ReadError {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What failed.
    pub source: CallError,
}

/// Reads one partition. Driven by the runtime that it was opened on.
pub struct Reader {
    /// The step under way, if any; kept here so that a `next` that is dropped loses neither an answer nor its place
    /// in the broker's queue.
    step: Step,
    position: i64,
    high_watermark: Option<i64>,
    sight: Sight,
    status: ReaderStatus,
    pulse: Pulse,
    trouble: Trouble,
}

/// Gives back the source it worked with, and when it began.
type Step = Pin<Box<dyn Future<Output = (Source, Instant, Result<Found, CallError>)> + Send>>;

impl Reader {
    /// Connects and finds out where to begin. Tries once, within a few times the configured timeout.
    pub async fn open(kafka: &Kafka, topic: &str, partition: i32, start: Start) -> Result<Self, ReadError> {
        let mut source = Source::new(kafka, topic, partition);
        let asked_at = Instant::now();
        let found = match start {
            Start::Earliest => source.range().await,
            Start::Latest => source.offset(OffsetAt::Latest).await.map(|end| (end, end)),
            Start::Offset(offset) => source.offset(OffsetAt::Latest).await.map(|end| (offset, end)),
        };
        let (position, end) =
            found.map_err(|source| ReadError { topic: topic.to_owned(), partition, source })?;
        let mut sight = Sight::default();
        if position >= end {
            sight.begins_at_end(asked_at);
        }
        let mut pulse = kafka.health().register();
        pulse.up();
        Ok(Self {
            step: step(source, position),
            position,
            high_watermark: None,
            sight,
            status: ReaderStatus::new(position, kafka.tallies().reads(topic)),
            pulse,
            trouble: Trouble::default(),
        })
    }

    /// Waits for what comes next, through every kind of trouble: it has no end but being dropped, which loses nothing.
    pub async fn next(&mut self) -> Fetched {
        loop {
            let (source, began, found) = self.step.as_mut().await;
            let fetched = self.take(&source, began, found);
            self.step = step(source, self.position);
            if let Some(fetched) = fetched {
                return fetched;
            }
        }
    }

    /// The offset that is read next.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Whether nothing was left to read when the broker last answered.
    pub fn is_at_end(&self) -> bool {
        self.high_watermark.is_some_and(|end| self.position >= end)
    }

    /// A view for those who do not own the reader.
    pub fn status(&self) -> ReaderStatus {
        self.status.clone()
    }

    fn take(&mut self, source: &Source, began: Instant, found: Result<Found, CallError>) -> Option<Fetched> {
        match found {
            Ok(found) => {
                self.pulse.up();
                self.status.up();
                if self.trouble.over() {
                    info!(topic = &*source.topic, partition = source.partition, "reading again");
                }
                match found {
                    Found::Answer(answer) => self.take_answer(answer),
                    Found::OutOfRange { earliest, latest } => self.jump(source, earliest, latest),
                    Found::NewTopic { earliest, latest } => Some(self.restart(source, earliest, latest)),
                }
            }
            Err(error) => {
                let (topic, partition, error) = (&*source.topic, source.partition, error.in_words());
                self.pulse.down(&error);
                self.status.down(began);
                if self.trouble.again(Instant::now(), !source.kafka.health().is_cut_off()) {
                    warn!(topic, partition, error, "cannot read; trying on");
                } else {
                    debug!(topic, partition, error, "cannot read");
                }
                None
            }
        }
    }

    fn take_answer(&mut self, answer: Answer) -> Option<Fetched> {
        // Before this answer counts: its records came after the end was last seen.
        let max_age = self.sight.max_age(Instant::now());
        let reached_end = answer.next_offset >= answer.high_watermark;
        self.sight.answered(answer.look, answer.is_empty(), reached_end);
        let bytes: usize = answer.records.iter().map(|found| found.record.approximate_size()).sum();
        let count = answer.records.len() + answer.unreadable.len();
        self.status.answered(count, bytes, answer.high_watermark);
        self.high_watermark = Some(answer.high_watermark);
        if answer.next_offset == self.position && answer.is_empty() {
            return None;
        }
        self.move_to(answer.next_offset);
        let Answer { records, unreadable, next_offset, high_watermark, .. } = answer;
        Some(Fetched { records, unreadable, max_age, ..Fetched::nothing(next_offset, high_watermark) })
    }

    fn jump(&mut self, source: &Source, earliest: i64, latest: i64) -> Option<Fetched> {
        if self.position > latest {
            return Some(self.restart(source, earliest, latest));
        }
        if self.position >= earliest {
            // Between the two questions it came to lie within.
            return None;
        }
        let (topic, partition, from) = (&*source.topic, source.partition, self.position);
        warn!(topic, partition, from, to = earliest, "records were deleted before they could be read");
        self.high_watermark = Some(latest);
        self.move_to(earliest);
        Some(Fetched { skipped: Some(from..earliest), ..Fetched::nothing(earliest, latest) })
    }

    fn restart(&mut self, source: &Source, earliest: i64, latest: i64) -> Fetched {
        let (topic, partition, from) = (&*source.topic, source.partition, self.position);
        warn!(
            topic,
            partition,
            from,
            to = earliest,
            "the log was cut or created anew; reading from its begin"
        );
        self.sight.forget();
        self.high_watermark = Some(latest);
        self.move_to(earliest);
        Fetched { restarted: true, ..Fetched::nothing(earliest, latest) }
    }

    fn move_to(&mut self, position: i64) {
        self.position = position;
        self.status.moved_to(position);
    }
}

fn step(mut source: Source, position: i64) -> Step {
    Box::pin(async move {
        // What the last fetch brought wakes tasks that answer it: their bytes should reach the broker, or the caller,
        // before our next request keeps both busy.
        tokio::task::yield_now().await;
        let began = Instant::now();
        let found = source.read(position).await;
        (source, began, found)
    })
}

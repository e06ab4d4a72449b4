//! Where a reader's records come from: the leader over rskafka, or batch by batch where rskafka cannot read on.

use std::{sync::Arc, time::Duration};

use rskafka::{
    client::{error::ProtocolError, partition::OffsetAt},
    record::RecordAndOffset,
};
use tokio::{
    select,
    time::{Instant, sleep},
};
use tracing::debug;

use super::{by_batch::ByBatch, identity, quiet::Quiet, sight::Look};
use crate::{
    Backoff, CallError, Kafka,
    batch::{BatchReader, RawRecord},
    client::Leader,
};

/// A fetch waits so long at the broker if there is nothing to read.
const MAX_WAIT: Duration = Duration::from_millis(500);
const MAX_WAIT_MS: i32 = 500;
/// How long the answer to a fetch may take beyond that, at first; twice as long after each that did not come, up to the
/// configured timeout. Fetches follow one another without a pause, so nothing tells sooner that a connection has died
/// without a word, and somebody waits for the records.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// At least one byte: the first record ends the wait. At most 4 MB, except for a single larger batch.
const FETCH_BYTES: std::ops::Range<i32> = 1..4_000_000;

/// One partition's log, and the connections to it.
pub(super) struct Source {
    pub(super) kafka: Kafka,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    leader: Option<Leader>,
    quiet: Quiet,
    /// Of the topic that we read, where the broker gives ids.
    topic_id: Option<u128>,
    /// The topic is another one than before, and that has not been told yet.
    is_new_topic: bool,
    batches: BatchReader,
    by_batch: ByBatch,
    answer_limit: Duration,
    backoff: Backoff,
    /// Before the next call.
    pause: Option<Duration>,
}

/// What the source came back with.
pub(super) enum Found {
    Answer(Answer),
    /// Our position is not, or no longer, within these offsets.
    OutOfRange {
        earliest: i64,
        latest: i64,
    },
    /// The topic was created anew.
    NewTopic {
        earliest: i64,
        latest: i64,
    },
}

/// What one fetch brought.
pub(super) struct Answer {
    pub(super) records: Vec<RecordAndOffset>,
    pub(super) unreadable: Vec<RawRecord>,
    pub(super) next_offset: i64,
    pub(super) high_watermark: i64,
    pub(super) look: Look,
}

impl Answer {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.unreadable.is_empty()
    }

    /// The broker held it back for want of records.
    fn waited(&self) -> bool {
        self.is_empty() && self.look.took() > MAX_WAIT / 2
    }
}

impl Source {
    pub(super) fn new(kafka: &Kafka, topic: &str, partition: i32) -> Self {
        Self {
            kafka: kafka.clone(),
            topic: topic.into(),
            partition,
            leader: None,
            quiet: Quiet::default(),
            topic_id: None,
            is_new_topic: false,
            batches: BatchReader::new(kafka, topic, partition),
            by_batch: ByBatch::new(),
            answer_limit: FIRST_ANSWER_LIMIT,
            backoff: Backoff::new(),
            pause: None,
        }
    }

    /// Where the log begins or ends. Tries once.
    pub(super) async fn offset(&mut self, at: OffsetAt) -> Result<i64, CallError> {
        let limit = self.kafka.config().timeout;
        self.connected().await?.offset(at, limit).await
    }

    /// One look at the log, from `position` on; after a failure it waits first.
    pub(super) async fn read(&mut self, position: i64) -> Result<Found, CallError> {
        if let Some(pause) = self.pause.take() {
            sleep(pause).await;
        }
        let found = self.look(position).await;
        if found.is_err() {
            self.leader = None;
            self.quiet = Quiet::default();
        }
        let goes_well = match &found {
            Ok(Found::Answer(answer)) => answer.next_offset > position || answer.waited(),
            Ok(Found::NewTopic { .. }) => true,
            // Or so it may be found again at once.
            Ok(Found::OutOfRange { .. }) | Err(_) => false,
        };
        if goes_well {
            self.backoff.reset();
        } else {
            self.pause = Some(self.backoff.next_pause());
        }
        found
    }

    async fn look(&mut self, position: i64) -> Result<Found, CallError> {
        self.connected().await?;
        if self.is_new_topic {
            let (earliest, latest) = self.range().await?;
            self.is_new_topic = false;
            return Ok(Found::NewTopic { earliest, latest });
        }
        match self.answer(position).await {
            Err(error) if error.kafka() == Some(ProtocolError::OffsetOutOfRange) => {
                let (earliest, latest) = self.range().await?;
                Ok(Found::OutOfRange { earliest, latest })
            }
            answer => answer.map(Found::Answer),
        }
    }

    async fn answer(&mut self, position: i64) -> Result<Answer, CallError> {
        if self.by_batch.is_on() {
            return self.read_batches(position).await;
        }
        match self.fetch(position).await {
            Ok(answer) if answer.is_empty() && answer.high_watermark > position => {
                // Only control batches, or what compaction left of a batch.
                self.by_batch.begin();
            }
            Err(error @ CallError::Unreadable { .. }) => {
                let (topic, partition) = (&*self.topic, self.partition);
                debug!(topic, partition, position, error = error.in_words(), "reading batch by batch");
                self.by_batch.begin();
            }
            Ok(answer) => {
                self.by_batch.forget();
                return Ok(answer);
            }
            Err(error) => return Err(error),
        }
        self.read_batches(position).await
    }

    /// A parked fetch of as much as there is.
    async fn fetch(&mut self, position: i64) -> Result<Answer, CallError> {
        let timeout = self.kafka.config().timeout;
        let limit = self.answer_limit.min(timeout) + MAX_WAIT;
        let mut quiet = std::mem::take(&mut self.quiet);
        let leader = self.connected().await?;
        let sent_at = Instant::now();
        let fetch = leader.client.fetch_records(position, FETCH_BYTES, MAX_WAIT_MS);
        let answer = select! {
            biased;
            answer = leader.answer("fetch", limit, fetch) => answer,
            () = quiet.until_replaced(leader) => Err(CallError::Moved { call: "fetch" }),
        };
        if let Ok((records, _)) = &answer {
            quiet.answered(sent_at, records.is_empty());
            self.quiet = quiet;
        }
        self.answer_limit = match &answer {
            Err(CallError::Timeout { .. }) => (self.answer_limit * 2).min(timeout.max(FIRST_ANSWER_LIMIT)),
            // A slow way stays slow.
            _ => FIRST_ANSWER_LIMIT.max(2 * sent_at.elapsed()),
        };
        let (records, high_watermark) = answer?;
        Ok(Answer {
            next_offset: records.last().map_or(position, |last| last.offset.saturating_add(1)),
            records,
            unreadable: Vec::new(),
            high_watermark,
            look: Look { sent_at, received_at: Instant::now(), max_wait: MAX_WAIT },
        })
    }

    /// The batches at `position`, decoded by our own hand.
    async fn read_batches(&mut self, position: i64) -> Result<Answer, CallError> {
        let sent_at = Instant::now();
        let contents = self.batches.read_from(position).await?;
        let answer = Answer {
            records: contents.records,
            unreadable: contents.unreadable,
            next_offset: contents.next_offset,
            high_watermark: contents.high_watermark.unwrap_or(contents.next_offset),
            look: Look { sent_at, received_at: Instant::now(), max_wait: Duration::ZERO },
        };
        let is_last = answer.next_offset >= answer.high_watermark || answer.next_offset == position;
        self.by_batch.read(is_last || !answer.unreadable.is_empty());
        Ok(answer)
    }

    pub(super) async fn range(&mut self) -> Result<(i64, i64), CallError> {
        Ok((self.offset(OffsetAt::Earliest).await?, self.offset(OffsetAt::Latest).await?))
    }

    async fn connected(&mut self) -> Result<&Leader, CallError> {
        let leader = match self.leader.take() {
            Some(leader) => leader,
            None => {
                let leader = Leader::connect(&self.kafka, &self.topic, self.partition).await?;
                let id = identity::topic_id(&self.kafka, &self.topic).await?;
                self.is_new_topic |= self.topic_id.is_some() && id.is_some() && self.topic_id != id;
                self.topic_id = id.or(self.topic_id);
                leader
            }
        };
        Ok(self.leader.insert(leader))
    }
}

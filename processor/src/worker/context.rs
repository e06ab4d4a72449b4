//! What the tasks of all partitions share, and what takes longer than a turn of a partition's loop: heavy handlers,
//! look-ups, dead letters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kafka::batch::{RawRecord, read_batch_at};
use kafka::{Kafka, PastEnds, Record, RecordAndOffset};
use protocol::{DeadLetter, ErrorCode, ReplyRecord};
use service::WallClock;
use service::traces::Span;
use tokio::time::sleep;

use super::budget::Budget;
use super::expiry::Reading;
use super::heavy::HeavyPool;
use super::judge::{Ending, GivenUp, Judge, Place, Reason, Refusal, Verdict};
use super::spans::Spans;
use crate::dead_letters::{DeadLetters, Letter, Notices, raw};
use crate::ledger::{AwaitedReply, Debt, Debts, Refused};
use crate::metrics::{Outcome, ProcessorMetrics};
use crate::names::{Names, readable};
use crate::replies::{Claim, Destination, Replies, Taken};

/// How long a reply is tried to be written that goes beside a dead letter: the record is safe without it.
const NOTICE_PATIENCE: Duration = Duration::from_secs(10);
/// Time between two attempts to read a record again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Kafka's code for a log that does not reach there.
const OFFSET_OUT_OF_RANGE: i16 = 1;
/// The dead letters' reason for a reply that Kafka refused for another reason than its size.
const REPLY_REFUSED: &str = "reply_refused";

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) kafka: Kafka,
    pub(crate) request_topic: String,
    pub(crate) judge: Arc<Judge>,
    pub(crate) replies: Replies,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) notices: Notices,
    pub(crate) heavy: HeavyPool,
    pub(crate) metrics: Arc<ProcessorMetrics>,
    pub(crate) spans: Spans,
    pub(crate) clock: WallClock,
    /// Where the partitions of the request topic ended a while ago.
    pub(crate) past_ends: PastEnds,
    /// Records of one partition taken and not finished.
    pub(crate) max_in_flight: usize,
    /// Of the records of all partitions.
    pub(crate) budget: Budget,
}

impl Context {
    /// Brings a record to its end that was not answered at once.
    pub(crate) async fn see_through(
        &self,
        partition: i32,
        taken: Taken,
        mut record: RecordAndOffset,
        reading: Reading,
        mut verdict: Verdict,
        mut processing: Option<Span>,
    ) {
        let began = Instant::now();
        let (ending, expires) = loop {
            verdict = match verdict {
                Verdict::Expired { operation } => {
                    self.expired(operation, Some(&record.record), processing.as_mut());
                    return taken.ledger.settle(taken.offset, Debt::Work);
                }
                Verdict::Ending(ending, expires) => break (ending, expires),
                Verdict::LookUp { topic } => {
                    self.judge.topics.look_up(topic, &self.kafka).await;
                    self.judge.judge(&record.record, &reading, Instant::now(), Place::Loop)
                }
                Verdict::Heavy => {
                    let judge = Arc::clone(&self.judge);
                    let work = move || {
                        let verdict = judge.judge(&record.record, &reading, Instant::now(), Place::Pool);
                        (record, verdict)
                    };
                    let verdict;
                    (record, verdict) = self.heavy.run(work).await;
                    verdict
                }
            }
        };
        match ending {
            Ending::Reply { to, reply, operation, outcome } => {
                self.judged(outcome, began);
                let mut reply = addressed(reply, record.record.key, self.clock.now());
                let sending = self.sending(processing.as_ref(), &mut reply, to);
                drop(processing);
                taken.ledger.conclude(taken.offset, Debts::reply(AwaitedReply::answer(operation, expires)));
                self.replies.send(to, vec![(reply, Claim::answer(taken, operation, outcome, sending))]).await;
            }
            Ending::DeadLetter(given_up) => {
                self.metrics.processing().failed(given_up.reason.code, began.elapsed());
                self.keep(partition, taken, raw(record), given_up, processing).await;
            }
        }
    }

    /// A record was judged, from `began` on, and will be replied to.
    pub(crate) fn judged(&self, outcome: Outcome, began: Instant) {
        if outcome == Outcome::Answered {
            self.metrics.processing().answered(began.elapsed());
        } else {
            self.metrics.processing().rejected(began.elapsed());
        }
    }

    /// Keeps a record that the Kafka client cannot carry.
    pub(crate) async fn keep_unreadable(&self, partition: i32, taken: Taken, record: RawRecord) {
        let headers = readable(&record);
        let refusal = Refusal::of(ErrorCode::Unreadable, record.reason.clone(), 0);
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let processing = self.spans.processing(key, value, &headers, partition, taken.offset);
        let given_up = self.judge.give_up(key, value, &headers, refusal);
        self.keep(partition, taken, record, given_up, processing).await;
    }

    /// Keeps a record whose reply Kafka refused for good. The record itself is read again: it was let go when it was
    /// answered, since this hardly ever happens.
    pub(crate) async fn keep_refused(&self, partition: i32, taken: Taken, refused: Refused) {
        let record = self.read_again(partition, taken.offset).await;
        let refusal = if refused.too_large {
            Refusal::of(ErrorCode::ReplyTooLarge, refused.message, 1)
        } else {
            Refusal { code: ErrorCode::Failed, reason: REPLY_REFUSED, message: refused.message, attempts: 1 }
        };
        let headers = readable(&record);
        let given_up = self.judge.give_up(record.key.as_deref(), record.value.as_deref(), &headers, refusal);
        // Its own spans have ended: that of its reply says that it was refused.
        self.keep(partition, taken, record, given_up, None).await;
    }

    /// A request as it stands in the log. If it is gone, its coordinates are all there is to keep.
    async fn read_again(&self, partition: i32, offset: i64) -> RawRecord {
        loop {
            match read_batch_at(&self.kafka, &self.request_topic, partition, offset).await {
                Ok(batch) => {
                    let found = batch.records.into_iter().find(|record| record.offset == offset);
                    return found.map_or_else(|| coordinates(offset), raw);
                }
                Err(error) if error.kafka().is_some_and(|error| error.code() == OFFSET_OUT_OF_RANGE) => {
                    return coordinates(offset);
                }
                Err(error) => {
                    tracing::debug!(partition, offset, %error, "cannot read a request again yet");
                    sleep(READ_AGAIN_AFTER).await;
                }
            }
        }
    }

    /// A record is past its deadline: it is finished without a word. The record itself may be gone by then.
    pub(crate) fn expired(
        &self,
        operation: Option<&'static str>,
        record: Option<&Record>,
        processing: Option<&mut Span>,
    ) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let Names { id, request_id, trace_id } = record.map(Names::of).unwrap_or_default();
            tracing::debug!(id, request_id, trace_id, operation, "a request has expired");
        }
        if let Some(span) = processing {
            span.fail("expired", "nobody waits for it any more");
        }
        self.metrics.processed(operation, Outcome::Expired);
    }

    /// Begins the span of a reply that goes there.
    pub(crate) fn sending(
        &self,
        processing: Option<&Span>,
        reply: &mut Record,
        to: Destination,
    ) -> Option<Span> {
        self.spans.sending(processing, reply, self.judge.topics.name(to.topic), to.partition)
    }

    async fn keep(
        &self,
        partition: i32,
        taken: Taken,
        record: RawRecord,
        given_up: GivenUp,
        mut processing: Option<Span>,
    ) {
        let GivenUp { reason: Reason { code, message, attempts }, notice, operation } = given_up;
        let place = format!("{}/{partition} at {}", self.request_topic, taken.offset);
        let note = DeadLetter {
            reason: code.to_owned(),
            message: message.clone(),
            topic: self.request_topic.clone(),
            partition,
            offset: taken.offset,
            attempts,
            time_epoch_ms: u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0),
        };
        if let Some(span) = &mut processing {
            span.fail(code, message.clone());
        }
        let names = Names::of_raw(&record);
        let key = record.key.as_ref().map(|key| key.to_vec());
        let (ledger, offset) = (Arc::clone(&taken.ledger), taken.offset);
        let awaited = notice.as_ref().map(|_| AwaitedReply::notice(Some(Instant::now() + NOTICE_PATIENCE)));
        ledger.conclude(offset, Debts::dead_letter(awaited));
        let notify = async {
            if let Some((to, reply)) = notice {
                let mut reply = addressed(reply, key, self.clock.now());
                let sending = self.sending(processing.as_ref(), &mut reply, to);
                drop(processing);
                let claim = Claim::notice(taken, names.clone(), sending);
                self.replies.send(to, vec![(reply, claim)]).await;
            }
        };
        let keep = async {
            // If the writer has stopped, so will whoever runs this; the record stays unfinished.
            if self.dead_letters.keep(Letter { record, note }).await.is_ok() {
                self.metrics.dead_letter(code);
                self.notices.tell(code, &place, &message, &names);
                self.metrics.processed(operation, Outcome::DeadLetter);
                ledger.settle(offset, Debt::DeadLetter);
            }
        };
        tokio::join!(notify, keep);
    }
}

/// A reply as a record: the key is the request's.
pub(crate) fn addressed(reply: ReplyRecord, key: Option<Vec<u8>>, timestamp: DateTime<Utc>) -> Record {
    Record { key, value: reply.value, headers: reply.headers, timestamp }
}

fn coordinates(offset: i64) -> RawRecord {
    RawRecord { offset, ..RawRecord::default() }
}

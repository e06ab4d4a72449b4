//! Writes dead letters, whatever it takes.

use std::collections::VecDeque;
use std::time::Duration;

use kafka::Kafka;
use kafka::batch::{RawRecord, produce_raw};
use kafka::wire::{ResponseError, WireError};
use service::WallClock;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Trouble, Waiting};
use crate::names::Names;

/// Letters of one batch at most.
const MAX_BATCH: usize = 500;
/// Bytes of a batch of several letters at most; a larger letter goes alone.
const MAX_BATCH_BYTES: usize = 900_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    kafka: Kafka,
    topic: String,
    partitions: i32,
    /// Batches take turns, and so does an attempt after one that failed.
    partition: i32,
    trouble: Trouble,
    clock: WallClock,
}

/// What a topic refuses a batch for, whoever tries and however often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It is larger than the topic or the broker takes.
    Size,
    /// A record in it is not as the topic wants them.
    Content,
}

impl Refusal {
    /// None for what time may mend.
    fn of(error: &WireError) -> Option<Self> {
        match error.kafka()? {
            ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge => Some(Self::Size),
            ResponseError::InvalidRecord
            | ResponseError::InvalidTimestamp
            | ResponseError::CorruptMessage
            | ResponseError::UnsupportedForMessageFormat => Some(Self::Content),
            _ => None,
        }
    }
}

impl Writer {
    pub(super) fn new(
        kafka: Kafka,
        topic: String,
        partitions: i32,
        trouble: Trouble,
        clock: WallClock,
    ) -> Self {
        Self { kafka, topic, partitions: partitions.max(1), partition: 0, trouble, clock }
    }

    /// Until every [`DeadLetters`](super::DeadLetters) is dropped and what they handed in is written.
    pub(super) async fn run(mut self, mut letters: mpsc::Receiver<Waiting>) {
        let mut waiting = Vec::new();
        while letters.recv_many(&mut waiting, MAX_BATCH).await > 0 {
            let mut batches = batches(std::mem::take(&mut waiting));
            while let Some(batch) = batches.pop_front() {
                // What was too large together comes back in parts.
                for part in self.write(batch).await.into_iter().rev() {
                    batches.push_front(part);
                }
            }
        }
    }

    /// Writes a batch, as often as it takes. Returns what it has to be split into, if the topic refuses it.
    async fn write(&mut self, mut batch: Vec<Waiting>) -> Vec<Vec<Waiting>> {
        let mut pause = FIRST_PAUSE;
        loop {
            batch.retain(|waiting| !waiting.kept.is_closed());
            if batch.is_empty() {
                return Vec::new();
            }
            let records: Vec<RawRecord> = batch.iter().map(|waiting| waiting.letter.to_record()).collect();
            let partition = self.next_partition();
            let Err(error) = produce_raw(&self.kafka, &self.topic, partition, &records).await else {
                self.unblock();
                batch.into_iter().for_each(Waiting::written);
                return Vec::new();
            };
            let refusal = Refusal::of(&error);
            if refusal.is_some() && batch.len() > 1 {
                let rest = batch.split_off(batch.len() / 2);
                return vec![batch, rest];
            }
            if !refusal.is_some_and(|refusal| self.yield_to(refusal, &error, &mut batch)) {
                self.block(&error, refusal.is_some(), batch.len());
                sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }

    /// Leaves out of a lone letter what its topic may have refused it for. Whether there was anything left.
    fn yield_to(&self, refusal: Refusal, error: &WireError, batch: &mut [Waiting]) -> bool {
        let [Waiting { letter, .. }] = batch else { return false };
        let yielded = match refusal {
            Refusal::Size => letter.shrink(),
            Refusal::Content => letter.conform(self.clock.now().timestamp_millis()),
        };
        if yielded {
            let (partition, offset) = (letter.note.partition, letter.note.offset);
            let Names { id, request_id, trace_id } = Names::of_raw(&letter.record);
            tracing::warn!(
                partition,
                offset,
                id,
                request_id,
                trace_id,
                %error,
                "a dead letter is refused by its topic and kept less whole"
            );
        }
        yielded
    }

    fn next_partition(&mut self) -> i32 {
        self.partition = (self.partition + 1) % self.partitions;
        self.partition
    }

    fn block(&self, error: &WireError, is_refusal: bool, letters: usize) {
        let topic = &self.topic;
        if !self.trouble.begin(error.to_string(), is_refusal) {
            tracing::debug!(topic, %error, letters, "dead letters still cannot be written");
        } else if is_refusal {
            tracing::error!(
                topic, %error, letters,
                "not even the coordinates of a dead letter are taken; partitions that have one pause until somebody \
                 changes the topic"
            );
        } else {
            tracing::warn!(
                topic, %error, letters,
                "dead letters cannot be written; their partitions pause until they can"
            );
        }
    }

    fn unblock(&self) {
        if self.trouble.end() {
            tracing::info!(topic = self.topic, "dead letters are written again");
        }
    }
}

/// What waits, in order, in batches that most topics take.
fn batches(waiting: Vec<Waiting>) -> VecDeque<Vec<Waiting>> {
    let mut batches = VecDeque::<Vec<Waiting>>::new();
    let mut room = 0;
    for waiting in waiting {
        let bytes = waiting.letter.bytes();
        match batches.back_mut() {
            Some(batch) if bytes <= room => {
                batch.push(waiting);
                room -= bytes;
            }
            _ => {
                batches.push_back(vec![waiting]);
                room = MAX_BATCH_BYTES.saturating_sub(bytes);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::oneshot;

    use super::super::letter::tests::letter;
    use super::*;

    fn of_bytes(offset: i64, bytes: usize) -> Waiting {
        let mut letter = letter(offset);
        letter.record.value = Some(Bytes::from(vec![b'x'; bytes]));
        Waiting { letter, kept: oneshot::channel().0 }
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_and_keeps_the_order() {
        let sizes = [400_000, 400_000, 400_000, 2_000_000, 10, 10];
        let waiting = sizes.iter().zip(0..).map(|(bytes, offset)| of_bytes(offset, *bytes)).collect();
        let offsets: Vec<Vec<i64>> = batches(waiting)
            .iter()
            .map(|batch| batch.iter().map(|waiting| waiting.letter.note.offset).collect())
            .collect();
        assert_eq!(offsets, [vec![0, 1], vec![2], vec![3], vec![4, 5]]);
    }
}

//! Writes dead letters, whatever it takes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka::Kafka;
use kafka::batch::{RawRecord, produce_raw};
use kafka::wire::WireError;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Waiting;

/// Letters of one batch at most.
const MAX_BATCH: usize = 500;
/// Bytes of a batch of several letters at most; a larger letter goes alone.
const MAX_BATCH_BYTES: usize = 900_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Kafka's codes for a batch larger than its topic or its broker takes.
const MESSAGE_TOO_LARGE: i16 = 10;
const RECORD_LIST_TOO_LARGE: i16 = 18;

pub(super) struct Writer {
    kafka: Kafka,
    topic: String,
    partitions: i32,
    /// Batches take turns, and so does an attempt after one that failed.
    partition: i32,
    blocked: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn new(kafka: Kafka, topic: String, partitions: i32, blocked: Arc<AtomicBool>) -> Self {
        Self { kafka, topic, partitions: partitions.max(1), partition: 0, blocked }
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

    /// Writes a batch, as often as it takes. Returns what it has to be split into, if it is too large for the topic.
    async fn write(&mut self, mut batch: Vec<Waiting>) -> Vec<Vec<Waiting>> {
        let mut pause = FIRST_PAUSE;
        loop {
            batch.retain(|waiting| !waiting.kept.is_closed());
            if batch.is_empty() {
                return Vec::new();
            }
            let records: Vec<RawRecord> = batch.iter().map(|waiting| waiting.letter.to_record()).collect();
            let partition = self.next_partition();
            match produce_raw(&self.kafka, &self.topic, partition, &records).await {
                Ok(_) => {
                    self.unblock();
                    for Waiting { letter, kept } in batch {
                        tracing::debug!(
                            partition = letter.note.partition,
                            offset = letter.note.offset,
                            reason = letter.note.reason,
                            "kept a dead letter"
                        );
                        // Whoever waited may have lost the partition meanwhile; the letter is a duplicate then.
                        let _ = kept.send(());
                    }
                    return Vec::new();
                }
                Err(error) if is_too_large(&error) && batch.len() > 1 => {
                    let rest = batch.split_off(batch.len() / 2);
                    return vec![batch, rest];
                }
                Err(error) if is_too_large(&error) && batch[0].letter.shrink() => {
                    let note = &batch[0].letter.note;
                    tracing::warn!(
                        partition = note.partition,
                        offset = note.offset,
                        "a dead letter does not fit its topic and is cut short"
                    );
                }
                Err(error) => {
                    self.block(&error, batch.len());
                    sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn next_partition(&mut self) -> i32 {
        self.partition = (self.partition + 1) % self.partitions;
        self.partition
    }

    fn block(&self, error: &WireError, letters: usize) {
        if self.blocked.swap(true, Ordering::Relaxed) {
            tracing::debug!(topic = self.topic, %error, letters, "dead letters still cannot be written");
        } else {
            tracing::warn!(
                topic = self.topic, %error, letters,
                "dead letters cannot be written; their partitions pause until they can"
            );
        }
    }

    fn unblock(&self) {
        if self.blocked.swap(false, Ordering::Relaxed) {
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

fn is_too_large(error: &WireError) -> bool {
    matches!(error.kafka().map(|error| error.code()), Some(MESSAGE_TOO_LARGE | RECORD_LIST_TOO_LARGE))
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

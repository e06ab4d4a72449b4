//! Records that are no requests, or failed for good, kept on `<request topic>.dlq` for a person to look at.
//!
//! ```text
//!   partition tasks ──keep()──▶ queue ──▶ one writer: what waits is one batch ──▶ produce_raw ─┬▶ kept
//!                                             ▲                                               │
//!                     the next partition, after a pause, for ever ◀──── not written ──────────┤
//!                     one by one, without what it is refused for ◀── refused ────────────────┘
//! ```
//!
//! A record that comes here is committed past only once it is written. So the writer never gives up; whoever waits
//! may: a letter that nobody waits for any more (its partition was lost) is dropped before the next attempt. One that its
//! topic refuses for its size or its content is written with less and less of the record, down to its coordinates; if
//! even those are refused somebody has to change the topic, and health says so until then.

mod letter;
mod notices;
mod trouble;
mod writer;

use kafka::Kafka;
use service::WallClock;
use tokio::sync::{mpsc, oneshot};

pub(crate) use letter::{Letter, raw};
pub(crate) use notices::Notices;
pub(crate) use trouble::Trouble;

use crate::names::Names;

/// Letters that wait to be written; those who bring more wait for room.
const MAX_QUEUED: usize = 1_000;

/// Where dead letters are handed in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetters {
    queue: mpsc::Sender<Waiting>,
    trouble: Trouble,
}

/// A letter and who waits for it.
#[derive(Debug)]
struct Waiting {
    letter: Letter,
    kept: oneshot::Sender<()>,
}

impl Waiting {
    fn written(self) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let Letter { record, note } = &self.letter;
            let (partition, offset) = (note.partition, note.offset);
            let Names { id, request_id, trace_id } = Names::of_raw(record);
            tracing::debug!(
                partition,
                offset,
                reason = note.reason,
                id,
                request_id,
                trace_id,
                "kept a dead letter"
            );
        }
        // Whoever waited may have lost the partition meanwhile; the letter is a duplicate then.
        let _ = self.kept.send(());
    }
}

/// The writer is gone: the processor is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("dead letters are not written any more")]
pub(crate) struct Stopped;

impl DeadLetters {
    /// The queue and its writer, which has to be run; the topic has this many partitions.
    pub(crate) fn new(
        kafka: Kafka,
        topic: String,
        partitions: i32,
        clock: WallClock,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, letters) = mpsc::channel(MAX_QUEUED);
        let trouble = Trouble::default();
        let writer = writer::Writer::new(kafka, topic, partitions, trouble.clone(), clock);
        (Self { queue, trouble }, writer.run(letters))
    }

    /// Returns once the letter is written, which may take as long as the topic cannot be written.
    ///
    /// # Errors
    /// If the writer has stopped before.
    pub(crate) async fn keep(&self, letter: Letter) -> Result<(), Stopped> {
        let (kept, is_kept) = oneshot::channel();
        self.queue.send(Waiting { letter, kept }).await.map_err(|_| Stopped)?;
        is_kept.await.map_err(|_| Stopped)
    }

    /// Whether the last attempt to write failed.
    pub(crate) fn is_blocked(&self) -> bool {
        self.trouble.is_there()
    }

    /// What keeps them from being written, for health.
    pub(crate) fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }
}

//! Response partitions that are to be read and cannot be yet: each is opened by a task of its own, so that one whose
//! leader is gone keeps nobody from reading another.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka::reader::{Reader, Start};
use kafka::{Backoff, Kafka};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// Attempts under way at once. The rest wait for their turn, also those that have just failed.
const AT_ONCE: usize = 16;

/// Opens partitions, for as long as that takes. Dropping it ends all attempts.
pub(crate) struct Openings {
    kafka: Kafka,
    topic: String,
    /// A connection is driven by the runtime that opened it: that has to be the one of those who wait for replies.
    shard: Handle,
    turns: Arc<Semaphore>,
    tasks: JoinSet<(i32, Reader)>,
    under_way: BTreeMap<i32, AbortHandle>,
}

impl Openings {
    /// Opens nothing yet; readers are made on `shard`.
    pub(crate) fn new(kafka: Kafka, topic: String, shard: Handle) -> Self {
        let (tasks, under_way) = (JoinSet::new(), BTreeMap::new());
        Self { kafka, topic, shard, turns: Arc::new(Semaphore::new(AT_ONCE)), tasks, under_way }
    }

    /// Tries to open `partition` at `start` until it is open or [`retain`](Self::retain) lets go of it. Nothing changes
    /// if it is being opened already.
    pub(crate) fn begin(&mut self, partition: i32, start: Start) {
        if !self.under_way.contains_key(&partition) {
            let opening = open(self.kafka.clone(), self.topic.clone(), partition, start, self.turns.clone());
            self.under_way.insert(partition, self.tasks.spawn_on(opening, &self.shard));
        }
    }

    /// Waits for the next partition that is open: a reply that is written to it from now on will be found. For ever if
    /// none is being opened. A dropped call loses nothing.
    pub(crate) async fn next(&mut self) -> (i32, Reader) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            match ended {
                Ok((id, (partition, reader))) => {
                    // One that was let go of at the last moment may have been begun anew since.
                    if self.under_way.get(&partition).is_some_and(|task| task.id() == id) {
                        self.under_way.remove(&partition);
                        return (partition, reader);
                    }
                }
                // It has panicked, or its thread is gone; whoever wants the partition begins again.
                Err(error) => self.under_way.retain(|_, task| task.id() != error.id()),
            }
        }
        std::future::pending().await
    }

    /// Gives up the partitions that are not `wanted` any more.
    pub(crate) fn retain(&mut self, wanted: impl Fn(i32) -> bool) {
        self.under_way.retain(|partition, task| {
            let stays = wanted(*partition);
            if !stays {
                task.abort();
            }
            stays
        });
    }
}

async fn open(
    kafka: Kafka,
    topic: String,
    partition: i32,
    start: Start,
    turns: Arc<Semaphore>,
) -> (i32, Reader) {
    let mut backoff = Backoff::new();
    loop {
        let turn = turns.acquire().await;
        let opened = Reader::open(&kafka, &topic, partition, start).await;
        drop(turn);
        match opened {
            Ok(reader) => return (partition, reader),
            Err(error) => {
                tracing::debug!(
                    topic,
                    partition,
                    error = &error as &dyn std::error::Error,
                    "cannot read replies yet"
                );
            }
        }
        backoff.pause().await;
    }
}

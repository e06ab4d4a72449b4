//! The gathering writer: one queue, several lanes, no linger.
//!
//! ```text
//!   push ─▶ queue ─┬─▶ lane ─▶ departing? ─▶ produce ─▶ partition 0 ─▶ delivered
//!                  ├─▶ lane ─▶ departing? ─▶ produce ─▶ partition 1     │ refused for good, too large
//!                  └─▶ lane ─▶ departing? ─▶ produce ─▶ partition 2     └▶ failed
//!                        ▲                      │ anything else
//!                        └── connect ◀── wait ◀─┘ the lane keeps its batch
//! ```
//!
//! A lane is one connection with at most one produce request under way. An idle lane sends at once what has been
//! gathered, up to 100 records, or more in a crowd or where calls take long; what comes while every lane is busy makes the
//! next batches, which so size themselves.
//!
//! Records may be appended more than once: Kafka may have taken a batch whose acknowledgement was lost, and rskafka
//! repeats a call that a quota has throttled, though it was carried out.
//!
//! A lane whose partition is down keeps its batch and goes on trying for as long as somebody wants one of its
//! records; records pushed meanwhile go to other lanes.
//!
//! Nothing that Kafka does ends a lane. A panic does, in one of ours or in its courier's: the process learns of it from
//! [`Health::fault`](crate::Health::fault).

mod caretaker;
mod courier;
mod lane;
mod queue;
mod size;
mod spare;
mod stats;
mod verdict;

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rskafka::record::Record;
use tokio::{runtime::Handle, task::JoinSet, time::timeout};
use tracing::warn;

pub use courier::{Batch, Courier, WriteError};
pub use stats::WriterStats;

use crate::Kafka;
use lane::Lane;
use queue::Queue;

/// Where to write, over how many connections, and how much may wait.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// The topic.
    pub topic: String,
    /// Partitions to write to. Which record goes to which of them is the writer's choice.
    pub partitions: Vec<i32>,
    /// Connections to each partition, at least one. A second one lets two produce requests overlap.
    pub lanes_per_partition: usize,
    /// Records that wait for a lane at most. Those that lanes hold, up to 1,000 each, come on top.
    pub max_queued_records: usize,
    /// Bytes that wait for a lane at most. A single larger record is accepted when nothing else waits.
    pub max_queued_bytes: usize,
}

/// There is no room for the records given back here, or the writer has been shut down.
#[derive(thiserror::Error)]
#[error("the writer's queue is full")]
pub struct QueueFull<T>(pub T);

impl<T> fmt::Debug for QueueFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueFull")
    }
}

/// Writes to some partitions of a topic. Dropping it drops what has not been sent.
pub struct Writer<C: Courier> {
    queue: Arc<Queue<C>>,
    counters: Arc<stats::Counters>,
    kafka: Kafka,
    topic: Arc<str>,
    lanes_per_partition: usize,
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
}

impl<C: Courier> Writer<C> {
    /// Starts the lanes on the current runtime, which should be the one whose tasks push. Returns at once; the lanes
    /// connect by themselves and go on trying.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(kafka: Kafka, config: WriterConfig, courier: Arc<C>) -> Self {
        let queue = Arc::new(Queue::new(courier, config.max_queued_records, config.max_queued_bytes));
        let writer = Self {
            queue: queue.clone(),
            counters: Arc::default(),
            topic: config.topic.into(),
            lanes_per_partition: config.lanes_per_partition,
            runtime: Handle::current(),
            tasks: Mutex::default(),
            kafka,
        };
        let care = caretaker::run(queue, writer.kafka.health().subscribe());
        let care = writer.kafka.health().watched(format!("the caretaker of {}'s lanes", writer.topic), care);
        writer.tasks.lock().spawn_on(care, &writer.runtime);
        for partition in config.partitions {
            writer.add_partition(partition);
        }
        writer
    }

    /// Gives a record away. It is sent as soon as a lane is idle and the tasks that are ready have run.
    pub fn push(&self, record: Record, token: C::Token) -> Result<(), QueueFull<(Record, C::Token)>> {
        self.queue.push(record, token)
    }

    /// Gives several records away, to go in as few batches as lanes take them in. Those without room come back; the others
    /// are on their way.
    pub fn push_all(
        &self,
        records: impl IntoIterator<Item = (Record, C::Token)>,
    ) -> Result<(), QueueFull<Batch<C::Token>>> {
        self.queue.push_all(records)
    }

    /// To be called when a [`load`](Courier::load) may have become less: records that wait because the partitions of all idle
    /// lanes were far ahead go on then. A push or an acknowledgement does the same.
    pub fn reconsider(&self) {
        self.queue.reconsider();
    }

    /// Writes to a further partition from now on; nothing changes if it is one already, or after a shutdown.
    pub fn add_partition(&self, partition: i32) {
        let mut tasks = self.tasks.lock();
        if self.queue.is_closed() || self.queue.has_lane_to(partition) {
            return;
        }
        for _ in 0..self.lanes_per_partition.max(1) {
            let (queue, counters) = (self.queue.clone(), self.counters.clone());
            let lane = Lane::new(queue, counters, self.kafka.clone(), self.topic.clone(), partition);
            let task = format!("a lane to {}/{partition}", self.topic);
            tasks.spawn_on(self.kafka.health().watched(task, lane.run()), &self.runtime);
        }
    }

    /// Whether at least one lane's connection works.
    pub fn is_connected(&self) -> bool {
        *self.queue.connected().borrow() > 0
    }

    /// Waits until at least one lane's connection works.
    pub async fn connected(&self) {
        let mut lanes = self.queue.connected().subscribe();
        // The sender lives as long as we do.
        let _ = lanes.wait_for(|connected| *connected > 0).await;
    }

    /// Waits until nothing is waiting and nothing is under way: for ever, if Kafka is away and the records are wanted.
    pub async fn flush(&self) {
        self.queue.drained().await;
    }

    /// Accepts nothing more, sends what it has for at most `limit`, and ends. Gives the number of records that were
    /// not acknowledged by then; some of them may have been appended.
    pub async fn shutdown(&self, limit: Duration) -> usize {
        self.queue.close();
        let flushed = timeout(limit, self.flush()).await;
        let left = self.queue.outstanding();
        if flushed.is_err() {
            warn!(topic = &*self.topic, records = left, "giving up on records not yet written");
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.queue.connected().send_replace(0);
        left
    }

    /// The counters at this moment.
    pub fn stats(&self) -> WriterStats {
        let (queued, queued_bytes) = self.queue.waiting();
        let (lanes, connected_lanes) = (self.queue.lanes(), *self.queue.connected().borrow());
        WriterStats { queued, queued_bytes, lanes, connected_lanes, ..self.counters.snapshot() }
    }
}

impl<C: Courier> fmt::Debug for Writer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("topic", &self.topic).field("stats", &self.stats()).finish()
    }
}

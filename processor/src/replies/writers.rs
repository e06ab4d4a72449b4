//! A writer for each partition that is replied to, made when it is first needed.
//!
//! A gathering writer puts a record on whichever of its partitions is idle, and a reply has to go where its request
//! says. So each partition gets a writer of its own. There may be more partitions than we want sockets: of the writers
//! that have nothing to do, the one that was not used for longest makes room.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kafka::writer::{QueueFull, Writer, WriterConfig};
use kafka::{Kafka, Record};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::time::sleep;

use super::{AllowedTopics, Claim, Destination, ReplyCourier};

/// Writers at once, with two connections each.
const MAX_WRITERS: usize = 256;
/// Two was the knee: one is on its way while the other is acknowledged.
const LANES: usize = 2;
const MAX_QUEUED_RECORDS: usize = 20_000;
const MAX_QUEUED_BYTES: usize = 32 << 20;
/// Time between two looks at a queue that is full.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A reply and what it finishes.
pub(crate) type Claimed = (Record, Claim);

/// Replies that belong together because one fetch brought their requests, by where they go.
pub(crate) type ReplyBatches = FxHashMap<Destination, Vec<Claimed>>;

/// Where replies are handed in. On the runtime of the worker's loop.
#[derive(Debug)]
pub(crate) struct Replies {
    kafka: Kafka,
    topics: Arc<AllowedTopics>,
    courier: Arc<ReplyCourier>,
    writers: Mutex<Writers>,
}

#[derive(Debug, Default)]
struct Writers {
    live: FxHashMap<Destination, Live>,
    /// Turns with every use.
    clock: u64,
}

#[derive(Debug)]
struct Live {
    writer: Writer<ReplyCourier>,
    last_used: u64,
}

impl Replies {
    pub(crate) fn new(kafka: Kafka, topics: Arc<AllowedTopics>, courier: ReplyCourier) -> Self {
        Self { kafka, topics, courier: Arc::new(courier), writers: Mutex::default() }
    }

    /// Hands replies to their partition's writer, all in one piece. Gives back those that find its queue full, or no
    /// writer to be had because all are busy elsewhere; they are for [`send`](Self::send).
    pub(crate) fn try_send(&self, to: Destination, batch: Vec<Claimed>) -> Result<(), Vec<Claimed>> {
        if batch.is_empty() {
            return Ok(());
        }
        let writers = &mut *self.writers.lock();
        if !writers.live.contains_key(&to) && !writers.make_room() {
            return Err(batch);
        }
        writers.clock += 1;
        let clock = writers.clock;
        let live = writers.live.entry(to).or_insert_with(|| Live { writer: self.open(to), last_used: clock });
        live.last_used = clock;
        live.writer.push_all(batch).map_err(|QueueFull(rest)| rest)
    }

    /// Hands replies to their partition's writer, when there is room; those that nobody wants any more are dropped.
    /// Ends at the latest when the caller drops the call.
    pub(crate) async fn send(&self, to: Destination, mut batch: Vec<Claimed>) {
        while let Err(rest) = self.try_send(to, batch) {
            sleep(LOOK_AGAIN_AFTER).await;
            batch = rest;
            batch.retain(|(_, claim)| claim.is_wanted());
        }
    }

    /// Drops all writers; what they have not written is given up.
    pub(crate) fn close(&self) {
        self.writers.lock().live.clear();
    }

    fn open(&self, to: Destination) -> Writer<ReplyCourier> {
        let config = WriterConfig {
            topic: self.topics.name(to.topic).to_owned(),
            partitions: vec![to.partition],
            lanes_per_partition: LANES,
            max_queued_records: MAX_QUEUED_RECORDS,
            max_queued_bytes: MAX_QUEUED_BYTES,
        };
        Writer::start(self.kafka.clone(), config, Arc::clone(&self.courier))
    }
}

impl Writers {
    /// Whether there may be one more.
    fn make_room(&mut self) -> bool {
        if self.live.len() < MAX_WRITERS {
            return true;
        }
        let idle = self.live.iter().filter(|(_, live)| live.writer.flush().now_or_never().is_some());
        let longest_idle = idle.min_by_key(|(_, live)| live.last_used).map(|(to, _)| *to);
        longest_idle.and_then(|to| self.live.remove(&to)).is_some()
    }
}

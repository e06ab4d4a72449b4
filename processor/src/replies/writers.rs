//! A writer for each partition that is replied to, made when it is first needed.
//!
//! A gathering writer puts a record on whichever of its partitions is idle, and a reply has to go where its request
//! says. So each partition gets a writer of its own. There may be more partitions than we want sockets: the writer
//! that was not used for longest makes room.

use std::sync::Arc;
use std::time::Duration;

use kafka::writer::{QueueFull, Writer, WriterConfig};
use kafka::{Kafka, Record};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{AllowedTopics, Claim, Destination, ReplyCourier};

/// Writers at once, with two connections each.
const MAX_WRITERS: usize = 128;
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
    /// Those that made room and have replies left to write: at least one each, so no more than are in flight.
    retiring: JoinSet<()>,
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

    /// Hands replies to their partition's writer, all in one piece. Gives back those that found its queue full, for
    /// [`send`](Self::send).
    pub(crate) fn try_send(&self, to: Destination, batch: Vec<Claimed>) -> Result<(), Vec<Claimed>> {
        let mut writers = self.writers.lock();
        let writers = &mut *writers;
        writers.clock += 1;
        let clock = writers.clock;
        if !writers.live.contains_key(&to) {
            writers.make_room();
        }
        let live = writers.live.entry(to).or_insert_with(|| Live { writer: self.open(to), last_used: clock });
        live.last_used = clock;
        live.writer.push_all(batch).map_err(|QueueFull(rest)| rest)
    }

    /// Hands replies to their partition's writer, when there is room. Whoever gives up their requests drops the call.
    pub(crate) async fn send(&self, to: Destination, mut batch: Vec<Claimed>) {
        while let Err(rest) = self.try_send(to, batch) {
            batch = rest;
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Drops all writers; what they have not written is given up.
    pub(crate) async fn shutdown(&self) {
        let Writers { live, mut retiring, .. } = std::mem::take(&mut *self.writers.lock());
        retiring.shutdown().await;
        drop(live);
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
    fn make_room(&mut self) {
        while self.retiring.try_join_next().is_some() {}
        if self.live.len() < MAX_WRITERS {
            return;
        }
        let longest_unused = self.live.iter().min_by_key(|(_, live)| live.last_used).map(|(to, _)| *to);
        if let Some(Live { writer, .. }) = longest_unused.and_then(|to| self.live.remove(&to)) {
            self.retiring.spawn(async move { writer.flush().await });
        }
    }
}

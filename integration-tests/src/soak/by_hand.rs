//! A caller on Kafka itself: writes requests straight to the topic, in batches that its producer compresses, and finds
//! the replies in the topic again.
//!
//! In the history its requests are calls like all others, of a gateway that never was: the number 0. A reply may come
//! late, as such requests carry no deadline, but each has to come, and to be right.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use chrono::Utc;
use kafka::Kafka;
use kafka::topics::partition_count;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, TimestampType};
use parking_lot::Mutex;
use tokio::time::sleep;

use super::clock::Clock;
use super::random::Random;
use super::topics::Names;
use crate::checker::{
    Call, Connection, Content, Death, Digest, Ending, Id, Instance, Life, Loss, Outcome, ReplyCounters, Seen,
    Span, Topic,
};
use crate::topics::{compressed, write_encoded};

/// Records of one batch.
const BATCH: i32 = 4;

/// Between two batches.
const EVERY: Duration = Duration::from_millis(400);

/// How late a reply may be: a worker's whole session, a broker that is away, and more of both.
const LIMIT: Duration = Duration::from_secs(60);

/// Codecs that are known by name.
pub const CODECS: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

/// The caller.
pub struct ByHand {
    kafka: Kafka,
    names: Names,
    clock: Clock,
    seed: u64,
    codecs: Vec<Compression>,
    written: Mutex<Vec<Written>>,
}

/// A request that was handed to a broker.
struct Written {
    id: Id,
    data: Digest,
    sent: Duration,
    /// The broker said so. Otherwise it may have been appended or not.
    is_acknowledged: bool,
}

impl ByHand {
    /// A caller that compresses with each of `codecs` in turn.
    pub(super) fn new(kafka: Kafka, names: Names, clock: Clock, seed: u64, codecs: Vec<Compression>) -> Self {
        Self { kafka, names, clock, seed, codecs, written: Mutex::default() }
    }

    /// Writes requests until dropped; not a single one if there are no codecs.
    pub(super) async fn write(&self) {
        let mut random = Random::of(self.seed);
        for (batch, codec) in (0_u32..).zip(self.codecs.iter().cycle()) {
            sleep(EVERY).await;
            let pick = random.below(1 << 16);
            // While the broker is away nothing can be written, and nothing is owed.
            let _ = self.write_batch(batch, pick, *codec).await;
        }
    }

    async fn write_batch(&self, batch: u32, pick: usize, codec: Compression) -> Result<()> {
        let (requests, responses) = (self.names.topic(Topic::Requests), self.names.topic(Topic::Responses));
        let partition = partition_of(pick, partition_count(&self.kafka, &requests).await?);
        let reply_partition = partition_of(pick >> 8, partition_count(&self.kafka, &responses).await?);
        let mut records = Vec::new();
        let begin = self.written.lock().len();
        for place in 0..BATCH {
            let id = format!("by-hand-{}-{batch}-{place}", self.seed);
            let data = format!("by hand {batch}.{place} of {}", self.seed);
            // Known before it is written, should this be dropped half way.
            self.written.lock().push(Written {
                id: Id::from(id.as_str()),
                data: Digest::of(&data),
                sent: self.clock.now(),
                is_acknowledged: false,
            });
            records.push(record(place, &id, &data, &responses, reply_partition));
        }
        let encoded = compressed(&records, codec)?;
        let acknowledged = write_encoded(&self.kafka, &requests, partition, encoded).await;
        for written in self.written.lock().iter_mut().skip(begin) {
            written.is_acknowledged = acknowledged.is_ok();
        }
        acknowledged
    }

    /// What became of its requests, by the records of all topics; numbered from `first` on.
    pub(super) fn calls(&self, first: u64, records: &[Seen], now: Duration) -> Vec<Call> {
        let mut requests: BTreeMap<&Id, ()> = BTreeMap::new();
        let mut replies: BTreeMap<&Id, &Seen> = BTreeMap::new();
        for record in records {
            match (&record.id, record.at.topic) {
                (Some(id), Topic::Requests) => drop(requests.insert(id, ())),
                // The first one counts.
                (Some(id), Topic::Responses) => drop(replies.entry(id).or_insert(record)),
                _ => {}
            }
        }
        let written = self.written.lock();
        let owed =
            written.iter().filter(|written| written.is_acknowledged || requests.contains_key(&written.id));
        let calls = (first..).zip(owed).map(|(number, written)| {
            let reply = replies.get(&written.id);
            Call {
                number,
                gateway: Instance::gateway(0),
                connection: Connection::Fresh,
                data: written.data,
                sent: written.sent,
                ended: reply.map_or(now, |reply| reply.seen.max(written.sent)),
                limit: LIMIT,
                provokes: None,
                outcome: match reply.map(|reply| &reply.content) {
                    Some(Content::Hash(hash)) => Outcome::Answered { id: written.id.clone(), hash: *hash },
                    Some(other) => Outcome::Garbled(format!("{other:?}").into()),
                    None => Outcome::TimedOut,
                },
            }
        });
        calls.collect()
    }

    /// The gateway that never was. What was under way when a topic was deleted is owed nothing: it counts as frozen then.
    pub(super) fn life(&self, losses: &[Loss], now: Duration) -> Life<ReplyCounters> {
        let around =
            |loss: &Loss| Span { from: loss.during.from.saturating_sub(LIMIT), to: loss.during.to + LIMIT };
        Life {
            instance: Instance::gateway(0),
            started: Duration::ZERO,
            death: Some(Death { began: now, ended: now, by: Ending::Stopped }),
            freezes: losses.iter().map(around).collect(),
            clock_ahead_ms: 0,
            counters: None,
        }
    }
}

fn partition_of(pick: usize, count: i32) -> i32 {
    i32::try_from(pick).ok().and_then(|pick| pick.checked_rem(count)).unwrap_or(0)
}

fn record(place: i32, id: &str, data: &str, reply_topic: &str, reply_partition: i32) -> Record {
    let value = serde_json::json!({ "id": id, "data": data }).to_string();
    let header =
        |name: &'static str, value: Vec<u8>| (StrBytes::from_static_str(name), Some(Bytes::from(value)));
    let headers = [
        header("kafka_replyTopic", reply_topic.as_bytes().to_vec()),
        header("kafka_replyPartition", reply_partition.to_be_bytes().to_vec()),
    ]
    .into_iter()
    .collect();
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: i64::from(place),
        // Runs along, or the encoder would begin a batch with each record.
        sequence: place,
        timestamp: Utc::now().timestamp_millis(),
        key: Some(Bytes::from(id.as_bytes().to_vec())),
        value: Some(Bytes::from(value)),
        headers,
    }
}

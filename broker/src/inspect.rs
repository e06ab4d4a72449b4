//! What is in a broker, seen and changed from the process it runs in rather than over a socket.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use crate::{broker::Broker, log::Batch};

impl Broker {
    /// Creates a topic with default settings. Fails with the protocol's error: TOPIC_ALREADY_EXISTS, INVALID_TOPIC,
    /// INVALID_PARTITIONS (fewer than one) or POLICY_VIOLATION (beyond [`Config::max_partitions`](crate::Config::max_partitions)).
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), ResponseError> {
        self.create_topic_with(name, partitions, &BTreeMap::new())
    }

    /// Creates a topic with settings, such as `max.message.bytes`; fails as [`create_topic`](Self::create_topic) does,
    /// and with INVALID_CONFIG for a setting that is unknown or has no such value.
    pub fn create_topic_with(
        &self,
        name: &str,
        partitions: i32,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), ResponseError> {
        let created = self.node.state.topics.create(&self.node.config, name, partitions, settings);
        created.map(drop).map_err(|refused| refused.error)
    }

    /// The names of all topics, sorted.
    pub fn topic_names(&self) -> Vec<String> {
        self.node.state.topics.names()
    }

    /// How many partitions a topic has; `None` if there is no such topic.
    pub fn partition_count(&self, topic: &str) -> Option<i32> {
        Some(self.node.state.topics.get(topic)?.partition_count())
    }

    /// The offset the next record of a partition will get; `None` if there is no such partition.
    pub fn log_end(&self, topic: &str, partition: i32) -> Option<i64> {
        Some(self.node.state.topics.partition(topic, partition)?.bounds().end)
    }

    /// The oldest offset a partition still has; `None` if there is no such partition.
    pub fn log_start(&self, topic: &str, partition: i32) -> Option<i64> {
        Some(self.node.state.topics.partition(topic, partition)?.bounds().start)
    }

    /// Appends one record batch (format 2) as it stands and returns its first offset: also what no producer may
    /// write, such as control batches and records that do not decode. Fails if there is no such partition, or with
    /// CORRUPT_MESSAGE if length or checksum are wrong.
    pub fn append_batch(&self, topic: &str, partition: i32, batch: &Bytes) -> Result<i64, ResponseError> {
        let log = self.node.state.topics.partition(topic, partition);
        let log = log.ok_or(ResponseError::UnknownTopicOrPartition)?;
        Batch::check_shape(batch)?;
        log.append(batch).map(|(base, _)| base)
    }

    /// The offset a group committed for a partition, if it did.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        self.node.state.groups.committed_offset(group, topic, partition)
    }

    /// How many members a group has now; 0 if there is no such group.
    pub fn member_count(&self, group: &str) -> usize {
        self.node.state.groups.member_count(group)
    }

    /// How many connections are open.
    pub fn connection_count(&self) -> usize {
        self.node.connections.load(Ordering::Relaxed)
    }
}

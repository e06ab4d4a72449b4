//! The offsets one group committed.

use std::collections::BTreeMap;

use kafka_protocol::messages::TopicName;

/// A committed offset and the text a member stored beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

/// For each partition of each topic, what was committed for it.
pub(crate) type CommittedByTopic = Vec<(TopicName, Vec<(i32, Option<Committed>)>)>;

/// Committed offsets by topic and partition. Only partitions that exist are committed for, and a deleted topic is
/// forgotten, so their number is bounded by the number of partitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offsets {
    by_topic: BTreeMap<String, BTreeMap<i32, Committed>>,
}

impl Offsets {
    pub(crate) fn commit(&mut self, topic: &str, partition: i32, committed: Committed) {
        self.by_topic.entry(topic.to_owned()).or_default().insert(partition, committed);
    }

    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.by_topic.get(topic)?.get(&partition)
    }

    pub(crate) fn all(&self) -> CommittedByTopic {
        let topic = |(name, partitions): (&String, &BTreeMap<i32, Committed>)| {
            let partitions = partitions.iter().map(|(index, committed)| (*index, Some(committed.clone())));
            (TopicName(name.clone().into()), partitions.collect())
        };
        self.by_topic.iter().map(topic).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.by_topic.remove(topic);
    }

    pub(crate) fn clear(&mut self) {
        self.by_topic.clear();
    }
}

//! Which brokers there are, and who leads which partition. Asking never creates a topic.

use std::collections::HashSet;

use kafka_protocol::{
    ResponseError,
    messages::{MetadataRequest, TopicName, metadata_request::MetadataRequestTopic, metadata_response},
    protocol::StrBytes,
};

use super::{Connection, WireError};
use crate::{Config, Kafka};

/// How many partitions a topic may have here, as many as `KAFKA_PARTITIONS` may ask for; they are numbered from 0. Lanes,
/// readers, shares of a group's members and what is known of leaders are counted by what a broker says of a topic, so one
/// that says more is not believed, whether it lies or the topic is too large for us.
pub const MAX_PARTITIONS: i32 = 10_000;

/// From version 4 a look-up can say that it does not want the topic created.
const OLDEST_VERSION: i16 = 4;
const NEWEST_VERSION: i16 = 12;

/// A cluster as one of its brokers sees it.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Brokers that are alive, ordered by id.
    pub brokers: Vec<Broker>,
    /// Id of the broker to send changes of the cluster to; none during an election.
    pub controller_id: Option<i32>,
    /// The topics asked for, or all of them; each once, and no other.
    pub topics: Vec<Topic>,
}

/// A broker and where clients reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its number in the cluster.
    pub id: i32,
    /// Advertised host name or address.
    pub host: String,
    /// Advertised port.
    pub port: u16,
}

/// A topic, or why it could not be looked up.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id; another one if it was deleted and created anew. None from brokers that give topics none.
    pub id: Option<u128>,
    /// `UnknownTopicOrPartition` for a missing one, `TopicAuthorizationFailed`, and so on.
    pub error: Option<ResponseError>,
    /// Ordered by index, each once, all below [`MAX_PARTITIONS`]. Empty if there is an error.
    pub partitions: Vec<Partition>,
}

/// A partition and its copies.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its number in the topic, from 0.
    pub index: i32,
    /// Id of the broker that leads it; none during an election.
    pub leader: Option<i32>,
    /// How often the leader has changed in the life of the topic; -1 from brokers that do not tell.
    pub leader_epoch: i32,
    /// Ids of all brokers that should hold a copy.
    pub replicas: Vec<i32>,
    /// Those of them whose copy is complete.
    pub in_sync: Vec<i32>,
}

/// Asks for `topics`, or for every topic of the cluster (dear on a large one). [`WireError::Broken`] if one of them has more
/// than [`MAX_PARTITIONS`].
pub async fn metadata(
    connection: &mut Connection,
    topics: Option<&[&str]>,
    config: &Config,
) -> Result<Metadata, WireError> {
    let version = connection.version_within::<MetadataRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let wanted = |name: &&str| {
        let name = TopicName(StrBytes::from_string((*name).to_owned()));
        MetadataRequestTopic::default().with_name(Some(name))
    };
    let request = MetadataRequest::default()
        .with_topics(topics.map(|names| names.iter().map(wanted).collect()))
        .with_allow_auto_topic_creation(false);
    let answer = connection.call(&request, version, config.timeout).await?;
    let mut brokers: Vec<_> = answer.brokers.into_iter().filter_map(Broker::read).collect();
    brokers.sort_by_key(|broker| broker.id);
    brokers.dedup_by_key(|broker| broker.id);
    let mut missing: Option<HashSet<&str>> = topics.map(|names| names.iter().copied().collect());
    let mut found = Vec::new();
    for topic in answer.topics {
        let name = topic.name.as_ref().map_or("", |name| name.as_str());
        // What nobody asked for would be kept in mind.
        if missing.as_mut().is_none_or(|missing| missing.remove(name)) {
            let broken = |reason| WireError::Broken { address: connection.address().to_owned(), reason };
            found.push(Topic::read(topic).map_err(broken)?);
        }
    }
    let controller_id = Some(answer.controller_id.0).filter(|id| *id >= 0);
    Ok(Metadata { brokers, controller_id, topics: found })
}

/// A connection to the leader of a partition. [`WireError::Kafka`] with `UnknownTopicOrPartition` if there is no such
/// partition, `LeaderNotAvailable` during an election: whether and how long to try again is the caller's affair.
pub async fn open_leader(kafka: &Kafka, topic: &str, partition: i32) -> Result<Connection, WireError> {
    let view = kafka.look_up(topic).await?;
    let leader = view.leader(topic, partition).map_err(|error| no_leader(topic, partition, error))?;
    Connection::open(&leader.address(), kafka.config()).await
}

/// Why there is no way to a partition's leader.
pub(crate) fn no_leader(topic: &str, partition: i32, error: ResponseError) -> WireError {
    WireError::Kafka { what: format!("the look-up of the leader of {topic}/{partition}"), error }
}

impl Metadata {
    /// The topic of that name, if the answer tells of it.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The broker to send changes of the cluster to.
    pub fn controller(&self) -> Option<&Broker> {
        self.broker(self.controller_id?)
    }

    /// The broker of that id, if it is alive.
    pub(crate) fn broker(&self, id: i32) -> Option<&Broker> {
        let at = self.brokers.binary_search_by_key(&id, |broker| broker.id).ok()?;
        self.brokers.get(at)
    }

    /// The broker that leads a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> Result<&Broker, ResponseError> {
        let topic = self.topic(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
        if let Some(error) = topic.error {
            return Err(error);
        }
        let found = topic.partitions.binary_search_by_key(&partition, |partition| partition.index);
        let partition = found.ok().and_then(|at| topic.partitions.get(at));
        let partition = partition.ok_or(ResponseError::UnknownTopicOrPartition)?;
        let leader = partition.leader.and_then(|id| self.broker(id));
        leader.ok_or(ResponseError::LeaderNotAvailable)
    }
}

impl Broker {
    /// `host:port`, with brackets around an IPv6 address.
    pub fn address(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    fn read(broker: metadata_response::MetadataResponseBroker) -> Option<Self> {
        let port = u16::try_from(broker.port).ok()?;
        Some(Self { id: broker.node_id.0, host: broker.host.to_string(), port })
    }
}

impl Topic {
    /// How many partitions it has.
    pub fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).expect("partitions are numbered by an i32")
    }

    /// Numbers of the partitions that nobody leads at the moment.
    pub fn leaderless(&self) -> Vec<i32> {
        self.partitions.iter().filter(|p| p.leader.is_none()).map(|p| p.index).collect()
    }

    /// What is told of it, or what is wrong with that.
    fn read(topic: metadata_response::MetadataResponseTopic) -> Result<Self, String> {
        let name = topic.name.map(|name| name.to_string()).unwrap_or_default();
        let mut numbers = topic.partitions.iter().map(|partition| partition.partition_index);
        if let Some(beyond) = numbers.find(|index| !(0..MAX_PARTITIONS).contains(index)) {
            return Err(format!(
                "it tells of partition {beyond} of {name}; a topic has {MAX_PARTITIONS} at most here, from 0 on"
            ));
        }
        let mut partitions: Vec<_> = topic.partitions.into_iter().map(Partition::read).collect();
        partitions.sort_by_key(|partition| partition.index);
        partitions.dedup_by_key(|partition| partition.index);
        let id = Some(topic.topic_id.as_u128()).filter(|id| *id != 0);
        Ok(Self { name, id, error: ResponseError::try_from_code(topic.error_code), partitions })
    }
}

impl Partition {
    fn read(partition: metadata_response::MetadataResponsePartition) -> Self {
        let ids = |nodes: Vec<kafka_protocol::messages::BrokerId>| nodes.into_iter().map(|id| id.0).collect();
        Self {
            index: partition.partition_index,
            leader_epoch: partition.leader_epoch,
            leader: Some(partition.leader_id.0).filter(|id| *id >= 0),
            replicas: ids(partition.replica_nodes),
            in_sync: ids(partition.isr_nodes),
        }
    }
}

#[cfg(test)]
mod tests {
    use metadata_response::{MetadataResponsePartition, MetadataResponseTopic};

    use super::*;

    fn read(numbers: impl IntoIterator<Item = i32>) -> Result<Vec<i32>, String> {
        let partition = |index| MetadataResponsePartition::default().with_partition_index(index);
        let name = TopicName(StrBytes::from_static_str("topic"));
        let partitions = numbers.into_iter().map(partition).collect();
        let told = MetadataResponseTopic::default().with_name(Some(name)).with_partitions(partitions);
        Ok(Topic::read(told)?.partitions.iter().map(|partition| partition.index).collect())
    }

    #[test]
    fn partitions_are_in_order_and_each_is_there_once() {
        assert_eq!(read([2, 0, 1, 0, 2]), Ok(vec![0, 1, 2]));
        assert_eq!(read((0..MAX_PARTITIONS).chain(0..MAX_PARTITIONS)).unwrap().len(), 10_000);
    }

    #[test]
    fn what_is_told_of_too_many_partitions_is_not_believed() {
        for (told, beyond) in [
            ((0..=MAX_PARTITIONS).collect(), MAX_PARTITIONS),
            (vec![0, i32::MAX], i32::MAX),
            (vec![0, i32::MIN], i32::MIN),
            (vec![-1], -1),
        ] {
            let reason = read(told).unwrap_err();
            assert!(reason.starts_with(&format!("it tells of partition {beyond} of topic;")), "{reason}");
        }
    }
}

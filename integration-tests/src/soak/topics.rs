//! The three topics of a run, by name.

use anyhow::{Context as _, Result};
use kafka::Kafka;
use kafka::wire;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::checker::Topic;

/// All of them.
pub const ALL: [Topic; 3] = [Topic::Requests, Topic::Responses, Topic::DeadLetters];

/// Names that no other run uses.
#[derive(Debug, Clone)]
pub struct Names {
    run: String,
}

/// A topic as the cluster has it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its id; none from a broker that gives topics none.
    pub id: Option<u128>,
    /// How many partitions it has.
    pub partitions: i32,
}

impl Names {
    /// Names that begin with `run`.
    pub fn of(run: &str) -> Self {
        Self { run: run.to_owned() }
    }

    /// The name of a topic.
    pub fn topic(&self, topic: Topic) -> String {
        match topic {
            Topic::Requests => format!("{}-requests", self.run),
            Topic::Responses => format!("{}-responses", self.run),
            Topic::DeadLetters => format!("{}-requests.dlq", self.run),
        }
    }

    /// The gateways' group.
    pub fn gateway_group(&self) -> String {
        format!("{}-gateways", self.run)
    }

    /// The workers' group.
    pub fn worker_group(&self) -> String {
        format!("{}-workers", self.run)
    }
}

/// What goes by the name `topic` now; none if nothing does.
///
/// # Errors
/// The cluster does not say.
pub async fn find(kafka: &Kafka, topic: &str) -> Result<Option<Found>> {
    /// With ids, where the broker has them.
    const VERSIONS: std::ops::RangeInclusive<i16> = 4..=12;
    let config = kafka.config();
    let mut broker = wire::bootstrap(config).await?;
    let version = broker.version_within::<MetadataRequest>(VERSIONS)?;
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]))
        .with_allow_auto_topic_creation(false);
    let answer = broker.call(&request, version, config.timeout).await?;
    let found = answer.topics.into_iter().next().context("an answer without the topic")?;
    let id = Some(found.topic_id.as_u128()).filter(|id| *id != 0);
    let partitions = i32::try_from(found.partitions.len())?;
    // One that has just been created may have partitions without a leader yet: it is there all the same.
    Ok((partitions > 0).then_some(Found { id, partitions }))
}

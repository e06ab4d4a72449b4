//! The topics a program needs: found as they are, created where they are missing.
//!
//! ```text
//!   look up ──▶ missing? ──▶ create (3 partitions, the brokers' own replication, …) ──▶ wait for leaders ──▶ compare
//!                  │                                                                                           │
//!                  └─ creating is off: an error that names them                        one warning a difference ┘
//! ```
//!
//! This comes before anything looks a topic up by name through rskafka: that asks the broker to create what is missing,
//! and a broker that agrees makes a topic of one partition.

pub(crate) mod create;
mod error;
pub(crate) mod inspect;
mod patient;
pub(crate) mod rights;

use std::time::Duration;

use kafka_protocol::ResponseError;
use tokio::time::{Instant, sleep};

pub use error::TopicError;
pub use patient::{await_topics, keep_topics};
pub use rights::{Right, await_rights};

use crate::{
    Kafka,
    wire::{self, Connection, Metadata, Topic},
};

/// How often a topic that is not ready is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A topic as the settings want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// Number of partitions, at least 1.
    pub partitions: i32,
    /// How long records are kept, to the millisecond.
    pub retention: Duration,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// Number of partitions, whatever was asked for.
    pub partitions: i32,
    /// It was missing, and this call created it.
    pub created: bool,
    /// What is not as it was asked for, or not safe. In words for a person; logged already.
    pub warnings: Vec<String>,
}

/// Makes sure that every topic of `specs` is there, and says how each of them is, in the same order.
///
/// A topic that exists stays as it is. A missing one is created if `create` says so; somebody else creating it at the
/// same moment is as good. Waits for the partitions' leaders for `timeout` of the configuration, and every call to a
/// broker has that bound, too. May be called again after any error.
pub async fn ensure(kafka: &Kafka, specs: &[TopicSpec], create: bool) -> Result<Vec<TopicState>, TopicError> {
    let config = kafka.config();
    let mut connection = kafka.any_broker().await?;
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let view = wire::metadata(&mut connection, Some(&names), config).await?;
    kafka.saw(&view);
    let missing = absent(&view, specs)?;
    if !missing.is_empty() && !create {
        return Err(TopicError::Missing { topics: missing.iter().map(|spec| spec.name.clone()).collect() });
    }
    let created = create::create(&mut connection, &missing, config).await?;
    let view = await_leaders(kafka, &mut connection, &names).await?;
    let settings = inspect::settings(&mut connection, &names, config).await?;

    let mut states = Vec::new();
    for spec in specs {
        let topic = view.topic(&spec.name).ok_or_else(|| not_ready(kafka, &spec.name))?;
        let created = created.contains(&spec.name);
        let warnings = inspect::differences(spec, topic, view.brokers.len(), settings.get(&spec.name));
        for warning in &warnings {
            tracing::warn!(topic = spec.name, "{warning}");
        }
        if created {
            tracing::info!(topic = spec.name, partitions = topic.partitions.len(), "created the topic");
        }
        states.push(TopicState {
            name: spec.name.clone(),
            partitions: topic.partition_count(),
            created,
            warnings,
        });
    }
    Ok(states)
}

/// How many partitions `topic` has. Never creates it.
pub async fn partition_count(kafka: &Kafka, topic: &str) -> Result<i32, TopicError> {
    let config = kafka.config();
    let mut connection = kafka.any_broker().await?;
    let view = wire::metadata(&mut connection, Some(&[topic]), config).await?;
    if !exists(&view, topic)? {
        return Err(TopicError::Missing { topics: vec![topic.to_owned()] });
    }
    view.topic(topic).map(Topic::partition_count).ok_or_else(|| not_ready(kafka, topic))
}

/// Which of the topics are not there.
async fn missing(kafka: &Kafka, specs: &[TopicSpec]) -> Result<Vec<String>, TopicError> {
    let config = kafka.config();
    let mut connection = kafka.any_broker().await?;
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let view = wire::metadata(&mut connection, Some(&names), config).await?;
    Ok(absent(&view, specs)?.into_iter().map(|spec| spec.name.clone()).collect())
}

/// Those of `specs` that the cluster does not have.
fn absent<'a>(view: &Metadata, specs: &'a [TopicSpec]) -> Result<Vec<&'a TopicSpec>, TopicError> {
    let mut absent = Vec::new();
    for spec in specs {
        if !exists(view, &spec.name)? {
            absent.push(spec);
        }
    }
    Ok(absent)
}

fn exists(view: &Metadata, name: &str) -> Result<bool, TopicError> {
    match view.topic(name).map_or(Some(ResponseError::UnknownTopicOrPartition), |topic| topic.error) {
        None | Some(ResponseError::LeaderNotAvailable) => Ok(true),
        Some(ResponseError::UnknownTopicOrPartition) => Ok(false),
        Some(error) => Err(TopicError::refused("look up", name, error, None)),
    }
}

/// Waits until every partition of every topic has a leader. When time is up, a topic that has some serves with those;
/// one that has none is an error.
async fn await_leaders(
    kafka: &Kafka,
    connection: &mut Connection,
    names: &[&str],
) -> Result<Metadata, TopicError> {
    let deadline = Instant::now() + kafka.config().timeout;
    loop {
        let view = wire::metadata(connection, Some(names), kafka.config()).await?;
        if first_that_is_not(has_every_leader, names, &view).is_none() {
            return Ok(view);
        }
        if Instant::now() + LOOK_AGAIN_AFTER >= deadline {
            let dead = first_that_is_not(has_a_leader, names, &view);
            return dead.map_or(Ok(view), |name| Err(not_ready(kafka, name)));
        }
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

fn first_that_is_not<'a>(ready: fn(&Topic) -> bool, names: &[&'a str], view: &Metadata) -> Option<&'a str> {
    names.iter().copied().find(|name| !view.topic(name).is_some_and(ready))
}

fn has_every_leader(topic: &Topic) -> bool {
    !topic.partitions.is_empty() && topic.leaderless().is_empty()
}

fn has_a_leader(topic: &Topic) -> bool {
    topic.leaderless().len() < topic.partitions.len()
}

fn not_ready(kafka: &Kafka, topic: &str) -> TopicError {
    TopicError::NotReady { topic: topic.to_owned(), waited: kafka.config().timeout }
}

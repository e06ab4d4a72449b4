//! The topics of the broker: their partitions and their settings.

mod settings;

use std::{collections::BTreeMap, sync::Arc};

use kafka_protocol::ResponseError;
use parking_lot::RwLock;

use crate::{config::Config, log::Partition};

pub(crate) use settings::{Setting, SettingKind, Settings};

/// Why a topic was not created or changed: the protocol's code and a sentence for whoever reads the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) error: ResponseError,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }
}

/// One topic. Immutable: adding partitions makes a new one that shares those it had.
pub(crate) struct Topic {
    pub(crate) settings: Settings,
    partitions: Vec<Arc<Partition>>,
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    /// The partitions with their indexes.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (i32, &Arc<Partition>)> {
        (0..).zip(&self.partitions)
    }

    pub(crate) fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).expect("a topic is created with an i32 number of partitions")
    }
}

/// All topics, by name.
#[derive(Default)]
pub(crate) struct Topics {
    by_name: RwLock<BTreeMap<String, Arc<Topic>>>,
}

impl Topics {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name.read().get(name).cloned()
    }

    pub(crate) fn partition(&self, name: &str, index: i32) -> Option<Arc<Partition>> {
        self.by_name.read().get(name)?.partition(index).cloned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.by_name.read().keys().cloned().collect()
    }

    /// Whether `create` would succeed.
    pub(crate) fn check(
        &self,
        config: &Config,
        name: &str,
        partitions: i32,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), Refused> {
        plan(&self.by_name.read(), config, name, partitions, settings).map(drop)
    }

    /// Creates a topic of `partitions` partitions.
    pub(crate) fn create(
        &self,
        config: &Config,
        name: &str,
        partitions: i32,
        settings: &BTreeMap<String, String>,
    ) -> Result<Arc<Topic>, Refused> {
        let mut topics = self.by_name.write();
        let settings = plan(&topics, config, name, partitions, settings)?;
        let retention = settings.retention_bytes(config);
        let partitions = (0..partitions).map(|_| Arc::new(Partition::new(retention))).collect();
        let topic = Arc::new(Topic { settings, partitions });
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Grows a topic to `total` partitions.
    pub(crate) fn grow(&self, config: &Config, name: &str, total: i32, dry_run: bool) -> Result<(), Refused> {
        let mut topics = self.by_name.write();
        let Some(topic) = topics.get(name) else {
            return Err(Refused::new(ResponseError::UnknownTopicOrPartition, "no such topic"));
        };
        let more = total - topic.partition_count();
        if more <= 0 {
            let message = format!("the topic has {} partitions already", topic.partition_count());
            return Err(Refused::new(ResponseError::InvalidPartitions, message));
        }
        check_room(&topics, config, more)?;
        if dry_run {
            return Ok(());
        }
        let retention = topic.settings.retention_bytes(config);
        let mut partitions = topic.partitions.clone();
        partitions.extend((0..more).map(|_| Arc::new(Partition::new(retention))));
        let grown = Topic { settings: topic.settings.clone(), partitions };
        topics.insert(name.to_owned(), Arc::new(grown));
        Ok(())
    }

    /// Deletes a topic; false if there is none of that name.
    pub(crate) fn delete(&self, name: &str) -> bool {
        let Some(topic) = self.by_name.write().remove(name) else { return false };
        for partition in &topic.partitions {
            partition.delete();
        }
        true
    }
}

fn plan(
    topics: &BTreeMap<String, Arc<Topic>>,
    config: &Config,
    name: &str,
    partitions: i32,
    settings: &BTreeMap<String, String>,
) -> Result<Settings, Refused> {
    if !is_legal_name(name) {
        let message =
            "a topic's name is 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', and neither '.' nor '..'";
        return Err(Refused::new(ResponseError::InvalidTopicException, message));
    }
    if topics.contains_key(name) {
        return Err(Refused::new(ResponseError::TopicAlreadyExists, "the topic exists already"));
    }
    if partitions < 1 {
        return Err(Refused::new(ResponseError::InvalidPartitions, "a topic has at least one partition"));
    }
    check_room(topics, config, partitions)?;
    Settings::parse(settings)
}

fn check_room(topics: &BTreeMap<String, Arc<Topic>>, config: &Config, more: i32) -> Result<(), Refused> {
    let held: usize = topics.values().map(|topic| topic.partitions.len()).sum();
    let wanted = held.saturating_add(usize::try_from(more).unwrap_or(usize::MAX));
    if wanted > config.max_partitions {
        let message =
            format!("this broker holds at most {} partitions over all topics", config.max_partitions);
        return Err(Refused::new(ResponseError::PolicyViolation, message));
    }
    Ok(())
}

/// Whether Kafka lets a topic have this name.
pub(crate) fn is_legal_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && name != "."
        && name != ".."
}

#[cfg(test)]
mod tests;

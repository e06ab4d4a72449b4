//! How a topic differs from what the settings want, and whether the loss of one broker would be the loss of its records.

use std::collections::HashMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource,
        describe_configs_response::DescribeConfigsResult,
    },
    protocol::StrBytes,
};

use super::TopicSpec;
use crate::{
    Config,
    wire::{Connection, Topic, WireError},
};

/// Topic setting: how long records are kept, in milliseconds; -1 is for ever.
pub(crate) const RETENTION_MS: &str = "retention.ms";
/// Topic setting: how many replicas must have a record before it is acknowledged.
pub(crate) const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Topic setting: the largest batch that it takes, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
/// Topic setting: whether old records are deleted or compacted.
pub(crate) const CLEANUP_POLICY: &str = "cleanup.policy";

const NEWEST_VERSION: i16 = 4;
const RESOURCE_TYPE_TOPIC: i8 = 2;
/// In smaller clusters one copy is what one expects.
const CLUSTER_FROM_BROKERS: usize = 3;

/// A topic's settings by name, or why the broker does not show them.
pub(crate) type Settings = Result<HashMap<String, String>, ResponseError>;

/// The settings of the topics that bear on us, by topic. Empty if the broker cannot describe settings.
pub(crate) async fn settings(
    connection: &mut Connection,
    topics: &[&str],
    config: &Config,
) -> Result<HashMap<String, Settings>, WireError> {
    let Ok(version) = connection.version::<DescribeConfigsRequest>(NEWEST_VERSION) else {
        tracing::debug!(broker = connection.address(), "the broker does not describe topic settings");
        return Ok(HashMap::new());
    };
    let keys = [RETENTION_MS, MIN_INSYNC_REPLICAS, MAX_MESSAGE_BYTES, CLEANUP_POLICY]
        .map(StrBytes::from_static_str)
        .to_vec();
    let resource = |topic: &&str| {
        DescribeConfigsResource::default()
            .with_resource_type(RESOURCE_TYPE_TOPIC)
            .with_resource_name(StrBytes::from_string((*topic).to_owned()))
            .with_configuration_keys(Some(keys.clone()))
    };
    let request = DescribeConfigsRequest::default().with_resources(topics.iter().map(resource).collect());
    let answer = connection.call(&request, version, config.timeout).await?;
    Ok(answer.results.into_iter().map(|result| (result.resource_name.to_string(), read(result))).collect())
}

fn read(result: DescribeConfigsResult) -> Settings {
    if let Some(error) = ResponseError::try_from_code(result.error_code) {
        return Err(error);
    }
    let shown = result.configs.into_iter();
    Ok(shown.filter_map(|setting| Some((setting.name.to_string(), setting.value?.to_string()))).collect())
}

/// What a person should know of `topic`, one sentence each.
pub(crate) fn differences(
    spec: &TopicSpec,
    topic: &Topic,
    brokers: usize,
    settings: Option<&Settings>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let partitions = topic.partition_count();
    if partitions != spec.partitions {
        warnings.push(format!(
            "the topic has {partitions} partitions where {} are configured; it is used as it is",
            spec.partitions
        ));
    }
    let leaderless = topic.leaderless();
    if !leaderless.is_empty() {
        warnings.push(format!("partitions {leaderless:?} have no leader"));
    }
    let unknown = HashMap::new();
    let settings = match settings {
        Some(Ok(settings)) => settings,
        Some(Err(error)) => {
            warnings.push(format!("the settings of the topic cannot be read ({error}); allow DescribeConfigs on it to have them compared"));
            &unknown
        }
        None => &unknown,
    };
    let wanted_ms = spec.retention.as_millis().to_string();
    if let Some(retention_ms) = settings.get(RETENTION_MS).filter(|actual| **actual != wanted_ms) {
        warnings.push(format!(
            "the topic has {RETENTION_MS} {retention_ms} where this program would have set {wanted_ms}; it is used as it is"
        ));
    }
    if brokers >= CLUSTER_FROM_BROKERS {
        warnings.extend(fragility(topic, settings));
    }
    warnings
}

fn fragility(topic: &Topic, settings: &HashMap<String, String>) -> Option<String> {
    let replication = topic.partitions.iter().map(|partition| partition.replicas.len()).min()?;
    if replication == 1 {
        return Some("the topic has replication factor 1: losing one broker loses its records".to_owned());
    }
    let acknowledged_by_one = settings.get(MIN_INSYNC_REPLICAS).is_some_and(|replicas| replicas == "1");
    acknowledged_by_one.then(|| {
        format!(
            "the topic has {MIN_INSYNC_REPLICAS} 1: losing one broker may lose records that were acknowledged"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wire::Partition;

    /// A topic with so many replicas of each partition; no replicas means no leader either.
    fn topic(replicas: &[usize]) -> Topic {
        let partition = |(index, count): (i32, &usize)| {
            let ids: Vec<i32> = (1..).take(*count).collect();
            Partition {
                index,
                leader: ids.first().copied(),
                leader_epoch: 0,
                replicas: ids.clone(),
                in_sync: ids,
            }
        };
        let partitions = (0..).zip(replicas).map(partition).collect();
        Topic { name: "requests".to_owned(), id: None, error: None, partitions }
    }

    fn warnings(topic: &Topic, brokers: usize, settings: &[(&str, &str)]) -> Vec<String> {
        let spec =
            TopicSpec { name: topic.name.clone(), partitions: 2, retention: Duration::from_millis(1_500) };
        let owned = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        differences(&spec, topic, brokers, Some(&Ok(owned.collect())))
    }

    #[test]
    fn nothing_is_said_of_a_topic_as_it_was_wanted() {
        let settings = [(RETENTION_MS, "1500"), (MIN_INSYNC_REPLICAS, "2")];
        assert_eq!(warnings(&topic(&[3, 3]), 3, &settings), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_one_sentence() {
        let said = warnings(&topic(&[1, 1, 0]), 2, &[(RETENTION_MS, "-1")]);
        assert_eq!(
            said,
            [
                "the topic has 3 partitions where 2 are configured; it is used as it is",
                "partitions [2] have no leader",
                "the topic has retention.ms -1 where this program would have set 1500; it is used as it is",
            ]
        );
    }

    #[test]
    fn one_lost_broker_matters_from_three_brokers_on() {
        for (replicas, min_insync, brokers, fragile) in
            [(1, "1", 2, false), (1, "1", 3, true), (3, "1", 3, true), (3, "2", 3, false), (2, "1", 5, true)]
        {
            let said = warnings(&topic(&[3, replicas]), brokers, &[(MIN_INSYNC_REPLICAS, min_insync)]);
            assert_eq!(
                said.len(),
                usize::from(fragile),
                "{replicas} replicas on {brokers} brokers: {said:?}"
            );
        }
    }

    #[test]
    fn settings_that_may_not_be_read_are_said_so() {
        let spec = TopicSpec { name: "requests".to_owned(), partitions: 1, retention: Duration::ZERO };
        let hidden = Err(ResponseError::TopicAuthorizationFailed);
        let said = differences(&spec, &topic(&[1]), 1, Some(&hidden));
        let expected = "the settings of the topic cannot be read (TopicAuthorizationFailed); \
                        allow DescribeConfigs on it to have them compared";
        assert_eq!(said, [expected]);
        assert_eq!(differences(&spec, &topic(&[1]), 1, None), Vec::<String>::new());
    }
}

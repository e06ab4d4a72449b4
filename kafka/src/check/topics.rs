//! Are the topics there, as they are wanted, and may we do with them what we do?

use std::collections::HashMap;

use kafka_protocol::{
    ResponseError,
    messages::{MetadataRequest, TopicName, metadata_request::MetadataRequestTopic},
    protocol::StrBytes,
};

use super::{Existing, Needs, Report, TopicNeed, causes, counted, in_words};
use crate::{
    Config, Kafka,
    permissions::{Operation, Operations},
    topics::{create, inspect},
    wire::{self, Connection, Metadata, Topic, WireError},
};

/// From version 8 on a look-up can ask what is allowed.
const OLDEST_WITH_OPERATIONS: i16 = 8;
const NEWEST_VERSION: i16 = 12;

/// Looks at all of them; gives those that are there.
pub(super) async fn look(
    kafka: &Kafka,
    connection: &mut Connection,
    needs: &Needs,
    report: &mut Report<'_>,
) -> Vec<Existing> {
    let config = kafka.config();
    let names: Vec<&str> = needs.topics.iter().map(|need| need.spec.name.as_str()).collect();
    let mut existing = Vec::new();
    let seen = match see(connection, &names, config).await {
        Ok(seen) => seen,
        Err(error) => {
            report.fail("topics", format!("they cannot be looked up ({})", causes(&error)));
            return existing;
        }
    };
    for need in &needs.topics {
        let subject = format!("topic {}", need.spec.name);
        let topic = seen.view.topic(&need.spec.name);
        match topic.map_or(Some(ResponseError::UnknownTopicOrPartition), |topic| topic.error) {
            None => {}
            Some(ResponseError::UnknownTopicOrPartition) => {
                missing(connection, need, needs.creates_topics, config, report).await;
                continue;
            }
            Some(ResponseError::TopicAuthorizationFailed) => {
                report.fail(subject, format!("not to be seen (TopicAuthorizationFailed): {}", grant(need)));
                continue;
            }
            Some(error) => {
                report.fail(subject, format!("cannot be looked up ({error})"));
                continue;
            }
        }
        if let Some(topic) = topic {
            judge(need, topic, &seen, report);
            existing.push(Existing {
                name: need.spec.name.clone(),
                partitions: topic.partitions.iter().map(|partition| partition.index).collect(),
            });
        }
    }
    existing
}

/// What the brokers tell of topics.
struct Seen {
    view: Metadata,
    settings: HashMap<String, inspect::Settings>,
    operations: HashMap<String, Operations>,
}

async fn see(connection: &mut Connection, names: &[&str], config: &Config) -> Result<Seen, WireError> {
    let view = wire::metadata(connection, Some(names), config).await?;
    let there: Vec<&str> =
        view.topics.iter().filter(|topic| topic.error.is_none()).map(|topic| topic.name.as_str()).collect();
    let settings = inspect::settings(connection, &there, config).await?;
    let operations = operations(connection, &there, config).await?;
    Ok(Seen { view, settings, operations })
}

/// What we may do, for the topics of which the broker tells.
async fn operations(
    connection: &mut Connection,
    names: &[&str],
    config: &Config,
) -> Result<HashMap<String, Operations>, WireError> {
    let versions = OLDEST_WITH_OPERATIONS..=NEWEST_VERSION;
    let Ok(version) = connection.version_within::<MetadataRequest>(versions) else {
        return Ok(HashMap::new());
    };
    let wanted = |name: &&str| {
        let name = TopicName(StrBytes::from_string((*name).to_owned()));
        MetadataRequestTopic::default().with_name(Some(name))
    };
    let request = MetadataRequest::default()
        .with_topics(Some(names.iter().map(wanted).collect()))
        .with_allow_auto_topic_creation(false)
        .with_include_topic_authorized_operations(true);
    let answer = connection.call(&request, version, config.timeout).await?;
    let told = answer.topics.into_iter().filter_map(|topic| {
        Some((topic.name?.to_string(), Operations::read(topic.topic_authorized_operations)?))
    });
    Ok(told.collect())
}

async fn missing(
    connection: &mut Connection,
    need: &TopicNeed,
    creates: bool,
    config: &Config,
    report: &mut Report<'_>,
) {
    let (subject, spec) = (format!("topic {}", need.spec.name), &need.spec);
    if !creates {
        report.fail(subject, "is missing, and KAFKA_CREATE_TOPICS is false: create it");
        return;
    }
    match create::rehearse(connection, spec, config).await {
        Ok(()) => {
            let text = format!(
                "is missing; the service creates it at its start, with {} partitions",
                spec.partitions
            );
            report.ok(subject, text);
        }
        Err(error) => {
            let text = "is missing, and the service cannot create it: create it, or mend this";
            report.fail(subject, format!("{text} ({})", causes(&error)));
        }
    }
}

fn judge(need: &TopicNeed, topic: &Topic, seen: &Seen, report: &mut Report<'_>) {
    let (name, subject) = (need.spec.name.as_str(), format!("topic {}", need.spec.name));
    let settings = seen.settings.get(name);
    let mut is_fine = true;

    let leaderless = topic.leaderless();
    if !leaderless.is_empty() {
        is_fine = false;
        let text =
            format!("partitions {leaderless:?} have no leader: records there wait; look after the brokers");
        report.fail(subject.as_str(), text);
    }
    let behind = |partition: &&wire::Partition| partition.in_sync.len() < partition.replicas.len();
    let behind: Vec<i32> = topic.partitions.iter().filter(behind).map(|partition| partition.index).collect();
    if !behind.is_empty() {
        is_fine = false;
        let text =
            format!("partitions {behind:?} have replicas that are not in sync; look after the brokers");
        report.warn(subject.as_str(), text);
    }
    // Leaders were dealt with above.
    let differences = inspect::differences(&need.spec, topic, seen.view.brokers.len(), settings);
    for difference in differences.iter().filter(|_| leaderless.is_empty()) {
        is_fine = false;
        report.warn(subject.as_str(), difference.as_str());
    }
    if let Some(Ok(settings)) = settings {
        for text in unfit(need, settings) {
            is_fine = false;
            report.warn(subject.as_str(), text);
        }
    }
    if let Some(Ok(settings)) = settings
        && let Some(text) = unwritable(need, topic, settings)
    {
        is_fine = false;
        report.fail(subject.as_str(), text);
    }
    let operations = seen.operations.get(name);
    if operations.is_some_and(|granted| !granted.lacks(need.operations).is_empty()) {
        let lacking = operations.map(|granted| granted.lacks(need.operations)).unwrap_or_default();
        report.fail(subject, format!("{} is not allowed: {}", in_words(&lacking), grant(need)));
        return;
    }
    if is_fine {
        let replication = topic.partitions.iter().map(|partition| partition.replicas.len()).min();
        let partitions = topic.partition_count();
        let allowed = match operations {
            Some(_) => format!("{} allowed", in_words(need.operations)),
            None => "the broker does not tell what is allowed".to_owned(),
        };
        let text = format!(
            "{}, replication {}, {allowed}",
            counted(partitions, "partition"),
            replication.unwrap_or_default()
        );
        report.ok(subject, text);
    }
}

/// Why records to some partitions are refused at the moment, if we write any.
fn unwritable(need: &TopicNeed, topic: &Topic, settings: &HashMap<String, String>) -> Option<String> {
    let least: usize = settings.get(inspect::MIN_INSYNC_REPLICAS)?.parse().ok()?;
    // A topic with fewer replicas than that asks for all that it has.
    let short = |partition: &&wire::Partition| partition.in_sync.len() < least.min(partition.replicas.len());
    let short: Vec<i32> = topic.partitions.iter().filter(short).map(|partition| partition.index).collect();
    (need.operations.contains(&Operation::Write) && !short.is_empty()).then(|| {
        format!(
            "partitions {short:?} have fewer replicas in sync than {} {least}: what is written there is refused; \
             look after the brokers, or lower it",
            inspect::MIN_INSYNC_REPLICAS
        )
    })
}

/// Settings of the topic that do not fit what we write.
fn unfit(need: &TopicNeed, settings: &HashMap<String, String>) -> Vec<String> {
    let mut said = Vec::new();
    let largest = settings.get(inspect::MAX_MESSAGE_BYTES).and_then(|bytes| bytes.parse::<u64>().ok());
    if let Some(largest) = largest.filter(|largest| *largest < need.largest_record) {
        said.push(format!(
            "{} is {largest}: larger records are refused, and this program may write some of {} bytes; raise it",
            inspect::MAX_MESSAGE_BYTES,
            need.largest_record
        ));
    }
    if let Some(policy) = settings.get(inspect::CLEANUP_POLICY).filter(|policy| *policy != "delete") {
        said.push(format!(
            "{} is {policy}: records without a key are refused or thinned out; set it to delete",
            inspect::CLEANUP_POLICY
        ));
    }
    said
}

fn grant(need: &TopicNeed) -> String {
    format!("grant {} on topic {} to this client", in_words(need.operations), need.spec.name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{topics::TopicSpec, wire::Partition};

    fn need(operations: &'static [Operation], largest_record: u64) -> TopicNeed {
        let spec =
            TopicSpec { name: "requests".to_owned(), partitions: 2, retention: Duration::from_secs(1) };
        TopicNeed { spec, operations, largest_record }
    }

    fn settings(settings: &[(&str, &str)]) -> HashMap<String, String> {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// A topic with three replicas, of which so many are in sync in each partition.
    fn topic(replicas: usize, in_sync: &[usize]) -> Topic {
        let ids = |count: usize| (1..).take(count).collect::<Vec<i32>>();
        let partition = |(index, count): (i32, &usize)| Partition {
            index,
            leader: Some(1),
            leader_epoch: 0,
            replicas: ids(replicas),
            in_sync: ids(*count),
        };
        let partitions = (0..).zip(in_sync).map(partition).collect();
        Topic { name: "requests".to_owned(), id: None, error: None, partitions }
    }

    #[test]
    fn too_few_replicas_in_sync_matter_to_those_who_write() {
        let settings = settings(&[(inspect::MIN_INSYNC_REPLICAS, "2")]);
        for (operations, topic, refused) in [
            (&[Operation::Write][..], topic(3, &[3, 2]), None),
            (&[Operation::Write], topic(3, &[3, 1]), Some("partitions [1] have fewer")),
            (&[Operation::Read], topic(3, &[3, 1]), None),
            (&[Operation::Write], topic(1, &[1, 1]), None),
        ] {
            let said = unwritable(&need(operations, 0), &topic, &settings);
            assert_eq!(said.is_some(), refused.is_some(), "{said:?}");
            assert!(refused.is_none_or(|part| said.is_some_and(|said| said.starts_with(part))));
        }
    }

    #[test]
    fn settings_that_do_not_fit_what_is_written_are_named() {
        let need = need(&[Operation::Write], 1_000);
        let settings = |largest, policy| {
            settings(&[(inspect::MAX_MESSAGE_BYTES, largest), (inspect::CLEANUP_POLICY, policy)])
        };
        assert_eq!(unfit(&need, &settings("1000", "delete")), Vec::<String>::new());
        let said = unfit(&need, &settings("999", "compact,delete"));
        assert!(
            said[0].starts_with("max.message.bytes is 999")
                && said[1].starts_with("cleanup.policy is compact")
        );
    }
}

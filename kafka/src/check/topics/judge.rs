//! Is a topic that is there as it is wanted, and may we do with it what we do?

use std::collections::HashMap;

use super::{Seen, grant};
use crate::{
    check::{Report, TopicNeed, counted, in_words},
    permissions::Operation,
    topics::inspect,
    wire::{self, Topic},
};

/// Reports what there is to say of one topic.
pub(super) fn judge(need: &TopicNeed, topic: &Topic, seen: &Seen, report: &mut Report<'_>) {
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

//! Are the groups to be seen, may we do to them what we do, and who is in them?

use kafka_protocol::ResponseError;

use super::{Existing, GroupNeed, Report, causes, counted, in_words};
use crate::{
    Kafka,
    group::{GroupDescription, describe_group, fetch_committed},
    log_ends,
    wire::WireError,
};

pub(super) async fn look(kafka: &Kafka, need: &GroupNeed, topics: &[Existing], report: &mut Report<'_>) {
    let subject = format!("group {}", need.id);
    let grant = format!("grant {} on group {} to this client", in_words(need.operations), need.id);
    let group = match describe_group(kafka, &need.id, &need.topic).await {
        Ok(group) => group,
        Err(error) if error.kafka() == Some(ResponseError::GroupAuthorizationFailed) => {
            return report.fail(subject, format!("not to be seen (GroupAuthorizationFailed): {grant}"));
        }
        Err(error) => {
            return report.fail(subject, format!("its coordinator cannot be asked ({})", causes(&error)));
        }
    };
    let lacking = group.operations.map(|granted| granted.lacks(need.operations)).unwrap_or_default();
    if !lacking.is_empty() {
        return report.fail(subject, format!("{} is not allowed: {grant}", in_words(&lacking)));
    }
    let told = told(&group);
    let lag = match topics.iter().find(|topic| topic.name == need.topic) {
        Some(topic) => lag(kafka, &need.id, topic).await,
        None => Ok(None),
    };
    let told = match lag {
        Ok(Some(lag)) => format!("{told}, {} behind the end of {}", counted(lag, "record"), need.topic),
        Ok(None) => told,
        // It may be seen, and its offsets may not: that is told, and harms nothing.
        Err(error) => format!("{told}; its lag cannot be seen ({})", causes(&error)),
    };
    match need.if_empty {
        Some(meaning) if group.members.is_empty() => report.warn(subject, format!("{told}: {meaning}")),
        _ => report.ok(subject, told),
    }
}

fn told(group: &GroupDescription) -> String {
    let state = &group.state;
    match group.members.len() {
        0 => format!("no members ({state})"),
        count => format!("{} ({state})", counted(i64::try_from(count).unwrap_or(i64::MAX), "member")),
    }
}

/// Records that the group has yet to finish, in the partitions where it has committed anything.
async fn lag(kafka: &Kafka, group: &str, topic: &Existing) -> Result<Option<i64>, WireError> {
    let committed = fetch_committed(kafka, group, &topic.name, &topic.partitions).await?;
    if committed.values().all(Option::is_none) {
        return Ok(None);
    }
    let ends = log_ends(kafka, &topic.name, &topic.partitions).await?;
    let behind = |(partition, end): (i32, i64)| {
        let committed = committed.get(&partition).copied().flatten()?;
        Some((end - committed).max(0))
    };
    Ok(Some(ends.into_iter().filter_map(behind).sum()))
}

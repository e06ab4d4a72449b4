//! Topics that somebody deletes or grows under the services' hands.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Subject;
use crate::checker::Topic;
use crate::soak::topics::find;
use crate::topics as by_hand;

/// Longest wait for the tail to have read a topic that is about to be deleted.
const READ_LIMIT: Duration = Duration::from_secs(20);

/// Longest wait for a deleted topic to be made again.
const BACK_LIMIT: Duration = Duration::from_secs(60);

/// Topics do not grow beyond this.
const MAX_PARTITIONS: i32 = 9;

/// Deletes `topic`; returns when the services have made it again.
pub(super) async fn delete(subject: &Subject, topic: Topic) -> Result<String> {
    let name = subject.names.topic(topic);
    let id = find(&subject.kafka, &name).await?.with_context(|| format!("there is no {name}"))?.id;
    let from = subject.tail.let_go(topic, READ_LIMIT).await?;
    let deleted = by_hand::delete(&subject.kafka, &name).await;
    subject.tail.take_up(topic, id, from, BACK_LIMIT).await?;
    deleted?;
    Ok(name)
}

/// Gives both topics one partition more.
pub(super) async fn grow(subject: &Subject) -> Result<String> {
    let mut grown = Vec::new();
    for topic in [Topic::Requests, Topic::Responses] {
        let name = subject.names.topic(topic);
        let found = find(&subject.kafka, &name).await?.with_context(|| format!("there is no {name}"))?;
        if found.partitions < MAX_PARTITIONS {
            by_hand::add_partitions(&subject.kafka, &name, found.partitions + 1).await?;
            grown.push(format!("{name} to {}", found.partitions + 1));
        }
    }
    Ok(grown.join(", "))
}

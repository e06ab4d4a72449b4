//! What somebody does who may change topics and groups under the services' hands.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::{join_all, try_join_all};
use kafka::group::set_offsets;
use tokio::time::sleep;

use super::{Injection, Kind, Made, Subject};
use crate::checker::{Service, Topic};
use crate::soak::topics::find;
use crate::topics as by_hand;
use crate::wait;

/// Longest wait for the tail to have read a topic that is about to be deleted.
const READ_LIMIT: Duration = Duration::from_secs(20);

/// Longest wait for a deleted topic to be made again.
const BACK_LIMIT: Duration = Duration::from_secs(60);

/// Topics do not grow beyond this.
const MAX_PARTITIONS: i32 = 9;

pub(super) async fn make(injection: &Injection, subject: &Subject) -> Result<Made> {
    let target = match injection.kind {
        Kind::RequestsDeleted => delete(subject, Topic::Requests).await?,
        Kind::ResponsesDeleted => delete(subject, Topic::Responses).await?,
        Kind::PartitionsAdded => grow(subject).await?,
        Kind::OffsetsRewound => rewind(subject).await?,
        Kind::OffsetsLost => lose_offsets(injection, subject).await?,
        other => bail!("{other:?} is not an operator's to make"),
    };
    Ok(target.into())
}

/// Deletes `topic`; returns when the services have made it again.
async fn delete(subject: &Subject, topic: Topic) -> Result<String> {
    let name = subject.names.topic(topic);
    let id = find(&subject.kafka, &name).await?.with_context(|| format!("there is no {name}"))?.id;
    let from = subject.tail.let_go(topic, READ_LIMIT).await?;
    let deleted = by_hand::delete(&subject.kafka, &name).await;
    subject.tail.take_up(topic, id, from, BACK_LIMIT).await?;
    deleted?;
    Ok(name)
}

/// Gives both topics one partition more.
async fn grow(subject: &Subject) -> Result<String> {
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

/// Kafka lets an operator set offsets only while nobody is in the group. So all workers go, and as many come.
async fn rewind(subject: &Subject) -> Result<String> {
    let workers = subject.fleet.running(Service::Worker);
    let workers: Vec<_> = workers.iter().filter_map(|worker| subject.fleet.claim_this(worker)).collect();
    let stopped = join_all(workers.iter().map(|worker| worker.stop(Duration::ZERO))).await;
    let rewound = set_back(subject).await;
    try_join_all(workers.iter().map(|_| subject.fleet.start(Service::Worker))).await?;
    stopped.into_iter().collect::<Result<()>>()?;
    rewound
}

async fn set_back(subject: &Subject) -> Result<String> {
    let (name, group) = (subject.names.topic(Topic::Requests), subject.names.worker_group());
    let found = find(&subject.kafka, &name).await?.with_context(|| format!("there is no {name}"))?;
    let begin = (0..found.partitions).map(|partition| (partition, 0)).collect();
    // One that another fault has to itself may still be in it, until it is out or its session is over.
    wait::until_ok("the group to be empty", async || {
        set_offsets(&subject.kafka, &group, &name, &begin).await
    })
    .await?;
    Ok(format!("group {group}"))
}

/// A worker is killed, and everything its group committed is forgotten before anybody takes over.
async fn lose_offsets(injection: &Injection, subject: &Subject) -> Result<String> {
    let victim = injection.claim(subject, Service::Worker)?;
    victim.kill().await?;
    sleep(injection.lasts).await;
    let group = subject.names.worker_group();
    let was_there = subject.site.embedded()?.faults(|faults| faults.lose_offsets(&group))?;
    ensure!(was_there, "there is no group {group}");
    subject.fleet.start(Service::Worker).await?;
    Ok(format!("{} and group {group}", victim.instance))
}

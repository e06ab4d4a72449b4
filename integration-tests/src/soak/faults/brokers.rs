//! A broker that is away, stands still, or answers with errors.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use embedded_broker::{Faults, ResponseError, Times};
use tokio::time::sleep;

use super::{Injection, Kind, Made, Subject};
use crate::cluster::Node;
use crate::soak::site::Site;

/// Longest time from a broker's start until it leads its partitions again.
const BACK_LIMIT: Duration = Duration::from_secs(60);

/// How late a slow broker answers.
const DELAY: Duration = Duration::from_millis(200);

/// How long a quota holds a client up.
const QUOTA_PAUSE: Duration = Duration::from_millis(300);

pub(super) async fn make(injection: &Injection, subject: &Subject) -> Result<Made> {
    let (kind, lasts) = (injection.kind, injection.lasts);
    match (&subject.site, kind) {
        (Site::Embedded(broker), Kind::BrokerRestarted) => broker.restart(lasts).await?,
        (Site::Embedded(_), _) => misbehave(subject, kind, lasts).await?,
        (Site::Cluster(cluster), _) => {
            let began = subject.clock.now();
            away(cluster.nodes().first().context("a cluster without nodes")?, kind, lasts).await?;
            subject.probe.works_again(BACK_LIMIT).await?;
            let served_again = subject.probe.served_again(began);
            return Ok(Made { target: "the broker".to_owned(), served_again });
        }
        (Site::Foreign(_), _) => bail!("this broker is somebody else's"),
    }
    Ok("the broker".to_owned().into())
}

async fn away(node: &Node, kind: Kind, lasts: Duration) -> Result<()> {
    match kind {
        Kind::BrokerFrozen => {
            node.pause().await?;
            sleep(lasts).await;
            return node.unpause().await;
        }
        Kind::BrokerKilled => node.kill().await?,
        _ => node.stop().await?,
    }
    sleep(lasts).await;
    node.start_again().await
}

/// Sets a fault of the embedded broker, and takes it back after `lasts`.
async fn misbehave(subject: &Subject, kind: Kind, lasts: Duration) -> Result<()> {
    let embedded = subject.site.embedded()?;
    let groups = [subject.names.worker_group(), subject.names.gateway_group()];
    embedded.faults(|faults| set(faults, kind, &groups))??;
    sleep(lasts).await;
    // What strikes once and has not met anybody yet stays.
    if kind != Kind::CoordinatorMoved {
        embedded.faults(Faults::clear)?;
    }
    Ok(())
}

fn set(faults: &Faults, kind: Kind, groups: &[String]) -> Result<()> {
    match kind {
        Kind::BrokerFrozen => faults.freeze(),
        Kind::BrokerSlow => faults.delay(DELAY),
        Kind::ConnectionsDropped => faults.drop_connections(),
        Kind::ConnectionsRefused => {
            faults.refuse_connections();
            faults.drop_connections();
        }
        Kind::DiskFull => faults.fail_produce(None, ResponseError::KafkaStorageError, Times::Every),
        Kind::ReplicasMissing => faults.fail_produce(None, ResponseError::NotEnoughReplicas, Times::Every),
        Kind::ReplicasMissingAfterAppend => {
            faults.fail_acknowledgement(None, ResponseError::NotEnoughReplicasAfterAppend, Times::Every);
        }
        Kind::AcknowledgementLost => faults.lose_acknowledgement(None, Times::Every),
        Kind::Throttled => faults.throttle(QUOTA_PAUSE, Times::Every),
        Kind::LeaderUnsure => {
            faults.fail_produce(None, ResponseError::NotLeaderOrFollower, Times::Every);
            faults.fail_fetch(None, ResponseError::NotLeaderOrFollower, Times::Every);
        }
        Kind::CoordinatorMoved => groups.iter().for_each(|group| faults.move_coordinator(group)),
        other => bail!("{other:?} is not the embedded broker's to make"),
    }
    Ok(())
}

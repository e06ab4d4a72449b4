//! What the embedded broker does to its clients.

use std::time::Duration;

use anyhow::{Result, bail};
use embedded_broker::{Faults, ResponseError, Times};
use tokio::time::sleep;

use super::{Kind, Subject};

/// How late a slow broker answers.
const DELAY: Duration = Duration::from_millis(200);

/// How long a quota holds a client up.
const QUOTA_PAUSE: Duration = Duration::from_millis(300);

/// Sets a fault, and takes all of them back after `lasts`.
pub(super) async fn misbehave(subject: &Subject, kind: Kind, lasts: Duration) -> Result<String> {
    let embedded = subject.site.embedded()?;
    let groups = [subject.names.worker_group(), subject.names.gateway_group()];
    embedded.faults(|faults| set(faults, kind, &groups))??;
    sleep(lasts).await;
    embedded.faults(Faults::clear)?;
    Ok("the broker".to_owned())
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
        other => bail!("{other:?} is not the broker's to make"),
    }
    Ok(())
}

//! One of several nodes is lost for a while.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kafka::{Kafka, wire};
use tokio::time::{sleep, sleep_until, timeout};

use super::{Injection, Kind, Made, Subject};
use crate::checker::Topic;
use crate::cluster::{Cluster, Node};
use crate::soak::topics::ALL;

/// Between two looks at who leads.
const PAUSE: Duration = Duration::from_millis(50);

/// Longest time until others lead what a lost node led.
const ELECTION_LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn make(injection: &Injection, subject: &Subject) -> Result<Made> {
    let cluster = subject.site.cluster()?;
    if injection.kind == Kind::LeaderMoved {
        return move_leader(injection, subject, cluster).await;
    }
    let id = match injection.kind {
        Kind::CoordinatorKilled => cluster.coordinator(&subject.names.worker_group()).await?,
        _ => leader(injection, subject, cluster).await?.1,
    };
    let began = subject.clock.now();
    subject.probe.ask(past(subject, cluster, id));
    let lost = lose(injection, subject, cluster.node(id)?).await;
    subject.probe.ask(subject.kafka.clone());
    lost?;
    cluster.complete().await?;
    subject.probe.works_again(ELECTION_LIMIT).await?;
    let served_again = subject.probe.served_again(began);
    cluster.in_sync().await?;
    Ok(Made { target: format!("node {id}"), served_again })
}

/// Takes a node away, waits until others have taken over and its time is up, and brings it back.
async fn lose(injection: &Injection, subject: &Subject, node: &Node) -> Result<()> {
    let back = tokio::time::Instant::now() + injection.lasts;
    match injection.kind {
        Kind::LeaderKilled | Kind::CoordinatorKilled => {
            node.kill().await?;
            relieved(subject, node.id()).await?;
            sleep_until(back).await;
            node.start_again().await
        }
        Kind::NodeIsolated => {
            node.isolate().await?;
            relieved(subject, node.id()).await?;
            sleep_until(back).await;
            node.heal().await
        }
        Kind::NodePaused => {
            node.pause().await?;
            // It goes on in time, perhaps, and nobody takes over.
            sleep_until(back).await;
            node.unpause().await
        }
        Kind::NodeRestarted => {
            node.stop().await?;
            sleep(injection.lasts).await;
            node.start_again().await
        }
        other => bail!("{other:?} is not done to a node"),
    }
}

/// The way to the cluster that does not ask the lost node.
fn past(subject: &Subject, cluster: &Cluster, lost: i32) -> Kafka {
    let others = cluster.nodes().iter().filter(|node| node.id() != lost);
    let brokers = others.map(Node::direct).collect();
    Kafka::new(kafka::Config { brokers, ..subject.kafka.config().clone() })
}

/// A request partition, and the node that leads it.
async fn leader(injection: &Injection, subject: &Subject, cluster: &Cluster) -> Result<(i32, i32)> {
    let name = subject.names.topic(Topic::Requests);
    let count = kafka::topics::partition_count(&subject.kafka, &name).await?;
    let partition =
        i32::try_from(injection.pick)?.checked_rem(count).context("a topic without partitions")?;
    let leader = cluster.leader(&name, partition).await?;
    Ok((partition, leader.with_context(|| format!("{name}/{partition} has no leader"))?))
}

async fn move_leader(injection: &Injection, subject: &Subject, cluster: &Cluster) -> Result<Made> {
    let (partition, old) = leader(injection, subject, cluster).await?;
    let name = subject.names.topic(Topic::Requests);
    let copies = cluster.partition(&name, partition).await?.in_sync;
    let new = copies.iter().copied().find(|node| *node != old);
    let new = new.with_context(|| format!("no copy of {name}/{partition} but the leader's is in sync"))?;
    cluster.move_leader(&name, partition, new).await?;
    Ok(format!("{name}/{partition} from node {old} to node {new}").into())
}

/// Waits until the other nodes say that `lost` leads nothing of ours any more.
async fn relieved(subject: &Subject, lost: i32) -> Result<()> {
    let others_lead = async {
        while others_lead_all(subject, lost).await.ok() != Some(true) {
            sleep(PAUSE).await;
        }
    };
    timeout(ELECTION_LIMIT, others_lead).await.context("nobody takes over from the lost node")
}

async fn others_lead_all(subject: &Subject, lost: i32) -> Result<bool> {
    let kafka = past(subject, subject.site.cluster()?, lost);
    let names: Vec<_> = ALL.iter().map(|topic| subject.names.topic(*topic)).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let view =
        wire::metadata(&mut wire::bootstrap(kafka.config()).await?, Some(&names), kafka.config()).await?;
    let mut partitions = view.topics.iter().flat_map(|topic| &topic.partitions);
    Ok(partitions.all(|partition| partition.leader.is_some_and(|leader| leader != lost)))
}

//! What a cluster is asked and told over the wire, past its proxies.

use anyhow::{Context as _, Result, bail, ensure};
use kafka::Kafka;
use kafka::wire::{self, Connection, Metadata, Partition, ResponseError};
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::{CALL_TIMEOUT, Cluster, Node};
use crate::wait;

const PREFERRED: i8 = 0;
const TIMEOUT_MS: i32 = 5_000;

impl Cluster {
    /// The partition as a node sees it that was left alone.
    ///
    /// # Errors
    /// No such node answers, or there is no such partition.
    pub async fn partition(&self, topic: &str, partition: i32) -> Result<Partition> {
        let view = self.view(Some(&[topic])).await?;
        let found = view.topic(topic).with_context(|| format!("no topic {topic}"))?;
        if let Some(error) = found.error {
            bail!("{topic}: {error:?}");
        }
        let found = found.partitions.iter().find(|found| found.index == partition);
        Ok(found.with_context(|| format!("no partition {topic}/{partition}"))?.clone())
    }

    /// Id of the node that leads a partition; none during an election.
    ///
    /// # Errors
    /// As [`partition`](Self::partition).
    pub async fn leader(&self, topic: &str, partition: i32) -> Result<Option<i32>> {
        Ok(self.partition(topic, partition).await?.leader)
    }

    /// Waits until a partition is led by another node than `old`, and returns its id.
    ///
    /// # Errors
    /// It is not within [`wait::PATIENCE`].
    pub async fn new_leader(&self, topic: &str, partition: i32, old: i32) -> Result<i32> {
        wait::until_ok("another leader", async || {
            let leader = self.leader(topic, partition).await?;
            leader.filter(|leader| *leader != old).with_context(|| format!("the leader is {leader:?}"))
        })
        .await
    }

    /// Id of the node that coordinates a group.
    ///
    /// # Errors
    /// No node answers, or the group has no coordinator.
    pub async fn coordinator(&self, group: &str) -> Result<i32> {
        let connection = wire::open_coordinator(&Kafka::new(self.config()?), group, None).await?;
        let node = self.nodes().iter().find(|node| node.direct() == connection.address());
        Ok(node.with_context(|| format!("{} is no node of ours", connection.address()))?.id())
    }

    /// Makes `to` the leader of a partition, as an operator does: it becomes the preferred one, and an election is
    /// held. Returns when it leads.
    ///
    /// # Errors
    /// It has no copy that is in sync, or the cluster refuses.
    pub async fn move_leader(&self, topic: &str, partition: i32, to: i32) -> Result<()> {
        let mut replicas = self.partition(topic, partition).await?.replicas;
        let at = replicas.iter().position(|replica| *replica == to);
        let at = at.with_context(|| format!("node {to} has no copy of {topic}/{partition}"))?;
        replicas[..=at].rotate_right(1);
        let mut node = self.open().await?;
        prefer(&mut node, topic, partition, &replicas).await?;
        wait::until_ok("the election", async || {
            elect(&mut self.open().await?, Some((topic, partition))).await?;
            let leader = self.leader(topic, partition).await?;
            ensure!(leader == Some(to), "the leader is {leader:?}");
            Ok(())
        })
        .await
    }

    /// Gives every partition back to its preferred leader, as an operator does after a node's return, and waits until
    /// they lead.
    ///
    /// # Errors
    /// The cluster refuses, or a preferred leader does not come back within [`wait::PATIENCE`].
    pub async fn elect_preferred(&self) -> Result<()> {
        wait::until_ok("the preferred leaders", async || {
            elect(&mut self.open().await?, None).await?;
            for topic in self.view(None).await?.topics {
                let other =
                    topic.partitions.iter().find(|found| found.leader != found.replicas.first().copied());
                ensure!(other.is_none(), "{}: {other:?}", topic.name);
            }
            Ok(())
        })
        .await
    }

    /// Waits until every partition of every topic, internal ones included, has a leader and all its copies in sync.
    ///
    /// # Errors
    /// They are not within [`wait::PATIENCE`].
    pub async fn in_sync(&self) -> Result<()> {
        wait::until_ok("all copies to be in sync", async || {
            let view = self.view(None).await?;
            for topic in &view.topics {
                let behind = topic
                    .partitions
                    .iter()
                    .find(|found| found.leader.is_none() || found.in_sync.len() < found.replicas.len());
                ensure!(behind.is_none(), "{}: {behind:?}", topic.name);
            }
            Ok(())
        })
        .await
    }

    /// Brokers, leaders and copies as a node sees them that was left alone.
    async fn view(&self, topics: Option<&[&str]>) -> Result<Metadata> {
        Ok(wire::metadata(&mut self.open().await?, topics, &self.config()?).await?)
    }

    async fn open(&self) -> Result<Connection> {
        Ok(wire::bootstrap(&self.config()?).await?)
    }

    /// A client's configuration that leads to the nodes that were left alone, past their proxies.
    fn config(&self) -> Result<kafka::Config> {
        let brokers: Vec<_> = self.nodes().iter().filter(|node| node.is_sound()).map(Node::direct).collect();
        ensure!(!brokers.is_empty(), "no node is left alone");
        Ok(kafka::Config {
            brokers,
            client_id: "test".into(),
            timeout: CALL_TIMEOUT,
            security: kafka::Security::default(),
        })
    }
}

/// Makes the first of `replicas` the preferred leader of a partition; they are the same ones in another order.
async fn prefer(node: &mut Connection, topic: &str, partition: i32, replicas: &[i32]) -> Result<()> {
    let partition = ReassignablePartition::default()
        .with_partition_index(partition)
        .with_replicas(Some(replicas.iter().copied().map(BrokerId).collect()));
    let topic = ReassignableTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
    let request =
        AlterPartitionReassignmentsRequest::default().with_timeout_ms(TIMEOUT_MS).with_topics(vec![topic]);
    let version = node.version::<AlterPartitionReassignmentsRequest>(0)?;
    let answer = node.call(&request, version, CALL_TIMEOUT).await?;
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    let refused = partitions.map(|partition| partition.error_code).chain([answer.error_code]);
    for code in refused {
        wire::accepted(code, || "a change of the preferred leader".to_owned())?;
    }
    Ok(())
}

/// Holds an election for one partition, or for all.
async fn elect(node: &mut Connection, partition: Option<(&str, i32)>) -> Result<()> {
    let one = |(topic, partition)| {
        vec![TopicPartitions::default().with_topic(name(topic)).with_partitions(vec![partition])]
    };
    let request = ElectLeadersRequest::default()
        .with_election_type(PREFERRED)
        .with_timeout_ms(TIMEOUT_MS)
        .with_topic_partitions(partition.map(one));
    let version = node.version::<ElectLeadersRequest>(2)?;
    let answer = node.call(&request, version, CALL_TIMEOUT).await?;
    let partitions = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
    let refused = partitions.map(|partition| partition.error_code).chain([answer.error_code]);
    for code in refused {
        // It leads already.
        if ResponseError::try_from_code(code) != Some(ResponseError::ElectionNotNeeded) {
            wire::accepted(code, || "an election".to_owned())?;
        }
    }
    Ok(())
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

//! The broker that a run is made on.
//!
//! ```text
//!   services ─▶ Proxy ─▶ broker ◀─ observer
//! ```

mod embedded;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kafka::Kafka;

use super::faults::Needs;
use crate::cluster::{Cluster, Config, Node};
use crate::proxy::Proxy;
pub use embedded::Embedded;

/// Longest wait for one answer of the broker to the observer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// From as many nodes on, one can be lost.
const CLUSTER_FROM: u16 = 3;

/// Which kind of broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// In this process, in memory.
    Embedded,
    /// Apache Kafka in containers of its own, so many nodes.
    Container(u16),
    /// Whatever answers at this address.
    Address(String),
}

/// A broker that runs.
pub enum Site {
    /// In this process.
    Embedded(Embedded),
    /// In containers.
    Cluster(Cluster),
    /// Somebody else's.
    Foreign(String),
}

impl Choice {
    /// Whether a fault with such needs can be made on it.
    pub fn offers(&self, needs: Needs) -> bool {
        match needs {
            Needs::AnyBroker => true,
            Needs::OwnBroker => !matches!(self, Self::Address(_)),
            Needs::OneBroker => matches!(self, Self::Embedded | Self::Container(1)),
            Needs::OneNode => matches!(self, Self::Container(1)),
            Needs::Embedded => matches!(self, Self::Embedded),
            Needs::ThreeNodes => matches!(self, Self::Container(nodes) if *nodes >= CLUSTER_FROM),
        }
    }
}

impl Site {
    /// Starts what was chosen. The first rebalance of a group waits for `initial_rebalance_delay`, where that is ours to
    /// say.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(choice: &Choice, initial_rebalance_delay: Duration) -> Result<Self> {
        Ok(match choice {
            Choice::Embedded => Self::Embedded(Embedded::start(initial_rebalance_delay).await?),
            Choice::Container(nodes) => Self::Cluster(
                Cluster::start(&Config { nodes: *nodes, initial_rebalance_delay, ..Config::default() })
                    .await?,
            ),
            Choice::Address(address) => Self::Foreign(address.clone()),
        })
    }

    /// Where the observer finds it, past every proxy.
    pub fn direct(&self) -> Vec<String> {
        match self {
            Self::Embedded(embedded) => vec![embedded.direct().to_owned()],
            Self::Cluster(cluster) => cluster.nodes().iter().map(Node::direct).collect(),
            Self::Foreign(address) => vec![address.clone()],
        }
    }

    /// Where the services find it.
    pub fn proxied(&self) -> Vec<String> {
        match self {
            Self::Embedded(embedded) => vec![embedded.proxy().addr().to_string()],
            Self::Cluster(cluster) => cluster.nodes().iter().map(Node::proxied).collect(),
            Self::Foreign(address) => vec![address.clone()],
        }
    }

    /// The observer's own way to it.
    pub fn kafka(&self) -> Kafka {
        Kafka::new(kafka::Config {
            brokers: self.direct(),
            client_id: "soak".into(),
            timeout: CALL_TIMEOUT,
            security: kafka::Security::default(),
        })
    }

    /// The proxy before one of the brokers, with that broker in words.
    ///
    /// # Errors
    /// It is somebody else's broker, which has none.
    pub fn proxy(&self, pick: usize) -> Result<(&Arc<Proxy>, String)> {
        match self {
            Self::Embedded(embedded) => Ok((embedded.proxy(), "the broker".to_owned())),
            Self::Cluster(cluster) => {
                let nodes = cluster.nodes();
                let node = nodes.get(pick % nodes.len().max(1)).context("a cluster without nodes")?;
                Ok((node.proxy(), format!("node {}", node.id())))
            }
            Self::Foreign(_) => bail!("no proxy stands before somebody else's broker"),
        }
    }

    /// The embedded broker, for faults that only it can be asked for.
    ///
    /// # Errors
    /// It is another one.
    pub fn embedded(&self) -> Result<&Embedded> {
        match self {
            Self::Embedded(embedded) => Ok(embedded),
            Self::Cluster(_) | Self::Foreign(_) => bail!("this fault takes the embedded broker"),
        }
    }

    /// The nodes in containers, for faults that only they can have.
    ///
    /// # Errors
    /// There are none.
    pub fn cluster(&self) -> Result<&Cluster> {
        match self {
            Self::Cluster(cluster) => Ok(cluster),
            Self::Embedded(_) | Self::Foreign(_) => bail!("this fault takes nodes in containers"),
        }
    }
}

//! Apache Kafka in containers: one node, or several as a cluster.
//!
//! ```text
//!              ┌──────── node ────────────────────────┐
//!   services ──┼─▶ Proxy ─▶ CLIENTS    the way through a fault proxy
//!   tests ─────┼──────────▶ DIRECT     the way past it, for a look that nothing disturbs
//!              │            BROKER ◀───┼──▶ other nodes     a network of their own, from which
//!              │            CONTROLLER ◀┼──▶ other nodes    one can be cut while clients still reach it
//!              └──────────────────────────────────────┘
//! ```
//!
//! Every node is broker and controller at once. On a cluster of three, topics have three copies, of which two have to
//! confirm; a lone node keeps one. Addresses and ports survive a restart. Dropping a cluster removes its containers
//! and networks; what a run left behind that was ended by force is removed by the next.

mod admin;
mod docker;
mod leftovers;
mod network;
mod node;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;

use crate::bench::child::free_ports;
use crate::proxy::Proxy;
use crate::wait;
use network::PeerNetwork;
pub use node::Node;
use settings::{Place, Plan};

/// The image that the nodes run; the one that Docker Compose starts.
pub const IMAGE: (&str, &str) = ("apache/kafka", "4.3.1");

/// Longest wait for one answer of a node.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many nodes: 1 to 9.
    pub nodes: u16,
    /// How long the first rebalance of an empty group waits for more members. Kafka's own default is 3 s.
    pub initial_rebalance_delay: Duration,
    /// How long a node that is silent leads on in the eyes of the others. Kafka's own default is 9 s.
    pub broker_session: Duration,
}

impl Default for Config {
    /// Three nodes that do not wait before a first rebalance.
    fn default() -> Self {
        Self { nodes: 3, initial_rebalance_delay: Duration::ZERO, broker_session: Duration::from_secs(9) }
    }
}

/// A cluster of containers. Dropping it removes them.
pub struct Cluster {
    nodes: Vec<Node>,
    /// Goes after the nodes that are in it.
    _network: Option<Arc<PeerNetwork>>,
}

impl Cluster {
    /// Starts a cluster and waits until all nodes are in it.
    ///
    /// # Errors
    /// There is no Docker engine, it has no such image, or the nodes do not find one another.
    pub async fn start(config: &Config) -> Result<Self> {
        ensure!((1..=9).contains(&config.nodes), "a cluster has 1 to 9 nodes, not {}", config.nodes);
        leftovers::remove().await;
        let network = if config.nodes == 1 { None } else { Some(Arc::new(PeerNetwork::create().await?)) };
        let mut proxies = Vec::new();
        let mut places = Vec::new();
        for id in 1..=config.nodes {
            let proxy = Proxy::start_unconnected()?;
            let [clients_port, direct_port] = free_ports()?;
            proxy.lead_to(([127, 0, 0, 1], clients_port).into());
            let peer_address = network.as_ref().map(|network| network.address(id)).transpose()?;
            places.push(Place {
                id: i32::from(id),
                clients_port,
                direct_port,
                proxy_port: proxy.addr().port(),
                peer_address,
            });
            proxies.push(proxy);
        }
        let plan = Plan { places, config: config.clone() };
        let started = plan.places.iter().zip(proxies).map(|(place, proxy)| {
            Node::start(place.clone(), plan.environment(place), proxy, network.clone())
        });
        let cluster = Self { nodes: try_join_all(started).await?, _network: network };
        cluster.complete().await?;
        Ok(cluster)
    }

    /// All nodes, ordered by their id.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of that id, from 1.
    ///
    /// # Errors
    /// There is none.
    pub fn node(&self, id: i32) -> Result<&Node> {
        self.nodes.iter().find(|node| node.id() == id).with_context(|| format!("no node {id}"))
    }

    /// Waits until every node answers and knows all others.
    ///
    /// # Errors
    /// They do not within [`wait::PATIENCE`].
    pub async fn complete(&self) -> Result<()> {
        for node in &self.nodes {
            wait::until_ok("a node that knows all others", async || {
                let known = node.known_brokers().await?;
                ensure!(known == self.nodes.len(), "node {} knows {known}", node.id());
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

//! The broker that tests run on.
//!
//! ```text
//!   services ─▶ Proxy ─▶ broker ◀─ test      proxied(): the services' way can be disturbed, the test's cannot
//!   services ──────────▶ broker ◀─ test      as it is started
//! ```

mod brokers;
mod embedded;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use embedded_broker::Faults;
use futures::future::try_join_all;
use kafka::Kafka;

pub use crate::cluster::IMAGE;
use crate::cluster::{Cluster, Config, Node};
use crate::proxy::Proxy;
use crate::wait;
pub use brokers::{Brokers, Choice};
pub use embedded::Embedded;

/// Longest wait for one answer of the broker.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A broker that a test may use, or a cluster of them. It goes with its last handle.
#[derive(Clone)]
pub struct TestBroker {
    addresses: Vec<String>,
    bootstrap: String,
    engine: Arc<Engine>,
}

enum Engine {
    Embedded(Box<Embedded>),
    Cluster(Cluster),
    Foreign(Vec<String>),
}

impl TestBroker {
    /// A broker on its own, in memory.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn embedded() -> Result<Self> {
        let config = embedded_broker::Config::default();
        Ok(Self::of(Engine::Embedded(Box::new(Embedded::start(config).await?))))
    }

    /// Apache Kafka in a container of its own.
    ///
    /// # Errors
    /// There is no Docker engine, or it has no such image.
    pub async fn container() -> Result<Self> {
        Self::cluster(&Config { nodes: 1, ..Config::default() }).await
    }

    /// Apache Kafka in several containers.
    ///
    /// # Errors
    /// There is no Docker engine, or it has no such image.
    pub async fn cluster(config: &Config) -> Result<Self> {
        Ok(Self::of(Engine::Cluster(Cluster::start(config).await?)))
    }

    /// Somebody else's broker.
    pub fn foreign(address: String) -> Self {
        Self::of(Engine::Foreign(vec![address]))
    }

    /// The same broker by the way past its proxies, on which nothing is disturbed. Brokers are started so.
    pub fn direct(&self) -> Self {
        Self::by(direct(&self.engine), self.engine.clone())
    }

    /// The same broker by the way through its proxies, which stays on that way: what the broker tells of itself leads
    /// through them, too.
    ///
    /// # Errors
    /// It is somebody else's and has none.
    pub fn proxied(&self) -> Result<Self> {
        let proxies = self.proxies();
        if proxies.is_empty() {
            bail!("no proxy stands before somebody else's broker");
        }
        let addresses = proxies.iter().map(|proxy| proxy.addr().to_string()).collect();
        Ok(Self::by(addresses, self.engine.clone()))
    }

    /// Where it is, as a list with commas if it has several nodes.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Where it is, node by node.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Whether it is Apache Kafka in containers of ours.
    pub fn is_container(&self) -> bool {
        matches!(&*self.engine, Engine::Cluster(_))
    }

    /// A client of it.
    pub fn kafka(&self) -> Kafka {
        let (brokers, client_id) = (self.addresses.clone(), "test".into());
        Kafka::new(kafka::Config {
            brokers,
            client_id,
            timeout: CALL_TIMEOUT,
            security: kafka::Security::default(),
        })
    }

    /// The proxies before it, node by node; none before somebody else's.
    pub fn proxies(&self) -> Vec<&Arc<Proxy>> {
        match &*self.engine {
            Engine::Embedded(embedded) => vec![embedded.proxy()],
            Engine::Cluster(cluster) => cluster.nodes().iter().map(Node::proxy).collect(),
            Engine::Foreign(_) => Vec::new(),
        }
    }

    /// Its nodes, if it runs in containers.
    pub fn nodes(&self) -> Option<&Cluster> {
        match &*self.engine {
            Engine::Cluster(cluster) => Some(cluster),
            Engine::Embedded(_) | Engine::Foreign(_) => None,
        }
    }

    /// The faults that it can be asked for, if it is the embedded one and runs. A restart ends all of them.
    pub fn faults(&self) -> Option<Arc<Faults>> {
        match &*self.engine {
            Engine::Embedded(embedded) => embedded.faults(),
            Engine::Cluster(_) | Engine::Foreign(_) => None,
        }
    }

    /// Stops the broker, all nodes of it; what it holds stays.
    ///
    /// # Errors
    /// It is not ours to stop.
    pub async fn stop(&self) -> Result<()> {
        match &*self.engine {
            Engine::Embedded(embedded) => embedded.stop().await,
            Engine::Cluster(cluster) => drop(try_join_all(cluster.nodes().iter().map(Node::stop)).await?),
            Engine::Foreign(_) => bail!("this broker cannot be stopped"),
        }
        Ok(())
    }

    /// Kills the broker, all nodes of it at once; what it holds stays.
    ///
    /// # Errors
    /// It is not ours to kill.
    pub async fn kill(&self) -> Result<()> {
        match &*self.engine {
            Engine::Embedded(embedded) => embedded.kill().await,
            Engine::Cluster(cluster) => drop(try_join_all(cluster.nodes().iter().map(Node::kill)).await?),
            Engine::Foreign(_) => bail!("this broker cannot be killed"),
        }
        Ok(())
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Errors
    /// It does not come back.
    pub async fn start_again(&self) -> Result<()> {
        match &*self.engine {
            Engine::Embedded(embedded) => embedded.start_again().await?,
            Engine::Cluster(cluster) => {
                try_join_all(cluster.nodes().iter().map(Node::start_again)).await?;
                cluster.complete().await?;
            }
            Engine::Foreign(_) => bail!("this broker was not stopped"),
        }
        let config = self.direct().kafka().config().clone();
        wait::until_ok("the broker to answer again", async || kafka::wire::bootstrap(&config).await).await?;
        Ok(())
    }

    /// Lets it stand still, all nodes of it; its sockets stay open.
    ///
    /// # Errors
    /// It is not ours to pause.
    pub async fn pause(&self) -> Result<()> {
        match &*self.engine {
            Engine::Embedded(embedded) => embedded.pause()?,
            Engine::Cluster(cluster) => drop(try_join_all(cluster.nodes().iter().map(Node::pause)).await?),
            Engine::Foreign(_) => bail!("this broker cannot be paused"),
        }
        Ok(())
    }

    /// Lets it go on after a [`pause`](Self::pause).
    ///
    /// # Errors
    /// It was not paused.
    pub async fn unpause(&self) -> Result<()> {
        match &*self.engine {
            Engine::Embedded(embedded) => embedded.unpause()?,
            Engine::Cluster(cluster) => drop(try_join_all(cluster.nodes().iter().map(Node::unpause)).await?),
            Engine::Foreign(_) => bail!("this broker was not paused"),
        }
        Ok(())
    }

    fn of(engine: Engine) -> Self {
        Self::by(direct(&engine), Arc::new(engine))
    }

    fn by(addresses: Vec<String>, engine: Arc<Engine>) -> Self {
        Self { bootstrap: addresses.join(","), addresses, engine }
    }
}

fn direct(engine: &Engine) -> Vec<String> {
    match engine {
        Engine::Embedded(embedded) => vec![embedded.direct().to_owned()],
        Engine::Cluster(cluster) => cluster.nodes().iter().map(Node::direct).collect(),
        Engine::Foreign(addresses) => addresses.clone(),
    }
}

//! One node: its container, the proxy before it, and what can be done to it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use kafka::wire::{self, Connection};
use parking_lot::Mutex;
use testcontainers::bollard::models::PortBinding;
use testcontainers::bollard::query_parameters::KillContainerOptions;
use testcontainers::core::IntoContainerPort as _;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use super::network::PeerNetwork;
use super::settings::{CLIENTS_PORT, DIRECT_PORT, Place};
use super::{CALL_TIMEOUT, IMAGE, docker, leftovers};
use crate::proxy::Proxy;
use crate::wait;

/// How long a stopping node may take to hand over what it leads, in seconds.
const STOP_SECONDS: i32 = 20;

/// A node of a cluster.
pub struct Node {
    place: Place,
    container: ContainerAsync<GenericImage>,
    proxy: Arc<Proxy>,
    peers: Option<(Arc<PeerNetwork>, Ipv4Addr)>,
    state: Mutex<State>,
}

/// What was done to a node last.
#[derive(Debug, Clone, Copy)]
struct State {
    power: Power,
    isolated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Running,
    Paused,
    Stopped,
}

impl Node {
    pub(super) async fn start(
        place: Place,
        environment: Vec<(&'static str, String)>,
        proxy: Proxy,
        network: Option<Arc<PeerNetwork>>,
    ) -> Result<Self> {
        let ports = [(CLIENTS_PORT, place.clients_port), (DIRECT_PORT, place.direct_port)];
        let image = GenericImage::new(IMAGE.0, IMAGE.1);
        let mut image = image.with_labels(leftovers::label()).with_host_config_modifier(move |host| {
            host.port_bindings = Some(HashMap::from(ports.map(|(inside, outside)| {
                let binding = PortBinding {
                    host_ip: Some("127.0.0.1".to_owned()),
                    host_port: Some(outside.to_string()),
                };
                (format!("{inside}/tcp"), Some(vec![binding]))
            })));
        });
        for (inside, outside) in ports {
            image = image.with_mapped_port(outside, inside.tcp());
        }
        for (name, value) in environment {
            image = image.with_env_var(name, value);
        }
        let container = image.start().await.context("cannot start Apache Kafka in a container")?;
        let peers = network.zip(place.peer_address);
        if let Some((network, address)) = &peers {
            network.connect(container.id(), *address).await?;
        }
        let state = Mutex::new(State { power: Power::Running, isolated: false });
        Ok(Self { place, container, proxy: Arc::new(proxy), peers, state })
    }

    /// Its number in the cluster, from 1.
    pub fn id(&self) -> i32 {
        self.place.id
    }

    /// The proxy that services come through.
    pub fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }

    /// The address past the proxy, `host:port`.
    pub fn direct(&self) -> String {
        format!("127.0.0.1:{}", self.place.direct_port)
    }

    /// The address through the proxy, `host:port`.
    pub fn proxied(&self) -> String {
        self.proxy.addr().to_string()
    }

    /// Whether it runs and is one with the others, as far as it was left alone.
    pub fn is_sound(&self) -> bool {
        let state = self.state.lock();
        state.power == Power::Running && !state.isolated
    }

    /// Kills it: it has no time to hand anything over.
    ///
    /// # Errors
    /// It is not running.
    pub async fn kill(&self) -> Result<()> {
        self.running("killed")?;
        let signal = KillContainerOptions { signal: "SIGKILL".to_owned() };
        docker::engine().await?.kill_container(self.container.id(), Some(signal)).await?;
        self.set_power(Power::Stopped);
        Ok(())
    }

    /// Stops it; it hands over what it leads first.
    ///
    /// # Errors
    /// It is not running.
    pub async fn stop(&self) -> Result<()> {
        self.running("stopped")?;
        self.container.stop_with_timeout(Some(STOP_SECONDS)).await?;
        self.set_power(Power::Stopped);
        Ok(())
    }

    /// Starts it after it was killed or stopped, and waits until it answers.
    ///
    /// # Errors
    /// It runs, or does not come back.
    pub async fn start_again(&self) -> Result<()> {
        ensure!(self.state.lock().power == Power::Stopped, "node {} was not stopped", self.id());
        self.container.start().await?;
        self.set_power(Power::Running);
        wait::until_ok("the node to answer again", async || self.open().await).await?;
        Ok(())
    }

    /// Lets it stand still; its sockets stay open.
    ///
    /// # Errors
    /// It is not running.
    pub async fn pause(&self) -> Result<()> {
        self.running("paused")?;
        self.container.pause().await?;
        self.set_power(Power::Paused);
        Ok(())
    }

    /// Lets it go on after a [`pause`](Self::pause).
    ///
    /// # Errors
    /// It was not paused.
    pub async fn unpause(&self) -> Result<()> {
        ensure!(self.state.lock().power == Power::Paused, "node {} was not paused", self.id());
        self.container.unpause().await?;
        self.set_power(Power::Running);
        Ok(())
    }

    /// Cuts it off the other nodes. Clients still reach it, and it believes for a while that it leads what it led.
    ///
    /// # Errors
    /// It is alone, or cut off already.
    pub async fn isolate(&self) -> Result<()> {
        let Some((network, _)) = &self.peers else { bail!("a lone node has nobody to be cut off from") };
        network.disconnect(self.container.id()).await?;
        self.state.lock().isolated = true;
        Ok(())
    }

    /// Ends [`isolate`](Self::isolate): the others find it where it was.
    ///
    /// # Errors
    /// It was not cut off.
    pub async fn heal(&self) -> Result<()> {
        let Some((network, address)) = &self.peers else { bail!("a lone node was not cut off") };
        network.connect(self.container.id(), *address).await?;
        self.state.lock().isolated = false;
        Ok(())
    }

    /// What it has logged to its standard output so far.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.container.stdout_to_vec().await?).into_owned())
    }

    /// A client's configuration that leads to this node alone, past its proxy.
    pub(super) fn config(&self) -> kafka::Config {
        kafka::Config {
            brokers: vec![self.direct()],
            client_id: "test".into(),
            timeout: CALL_TIMEOUT,
            security: kafka::Security::default(),
        }
    }

    pub(super) async fn open(&self) -> Result<Connection> {
        Ok(Connection::open(&self.direct(), &self.config()).await?)
    }

    /// How many brokers it knows of, itself included.
    pub(super) async fn known_brokers(&self) -> Result<usize> {
        let view = wire::metadata(&mut self.open().await?, Some(&[]), &self.config()).await?;
        Ok(view.brokers.len())
    }

    fn running(&self, what: &str) -> Result<()> {
        let power = self.state.lock().power;
        ensure!(power == Power::Running, "node {} cannot be {what}, it is {power:?}", self.id());
        Ok(())
    }

    fn set_power(&self, power: Power) {
        self.state.lock().power = power;
    }
}

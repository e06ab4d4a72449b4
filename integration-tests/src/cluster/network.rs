//! The network between nodes.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest,
};
use uuid::Uuid;

use super::{docker, leftovers};

/// Another run may take the addresses between two of our steps.
const ATTEMPTS: usize = 5;
/// The first addresses of a network are the engine's own.
const FIRST_HOST: u32 = 10;

/// A network that leads nowhere else. A node has the same address in it whenever it is connected. Dropping it removes
/// it.
pub(super) struct PeerNetwork {
    docker: Docker,
    name: String,
    base: Ipv4Addr,
}

impl PeerNetwork {
    /// Creates one.
    ///
    /// # Errors
    /// There is no engine, or it has no addresses left.
    pub(super) async fn create() -> Result<Self> {
        let docker = docker::engine().await.context("no Docker engine")?;
        let name = format!("kafka-peers-{}", Uuid::new_v4().simple());
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::try_create(docker.clone(), &name).await {
                Err(_) if attempts < ATTEMPTS => {}
                tried => return tried.context("cannot create a network"),
            }
        }
    }

    /// Addresses can only be given out in a network whose subnet was named. The engine knows which subnets are free:
    /// it makes a network of its own choice first, and that choice is named then.
    async fn try_create(docker: Docker, name: &str) -> Result<Self> {
        docker.create_network(request(name, None)).await?;
        let found = docker.inspect_network(name, None).await;
        docker.remove_network(name).await?;
        let pools = found?.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let subnet = pools.into_iter().find_map(|pool| pool.subnet).context("a network without addresses")?;
        let base = subnet.split_once('/').context("a subnet without a length")?.0.parse()?;
        docker.create_network(request(name, Some(subnet))).await?;
        Ok(Self { docker, name: name.to_owned(), base })
    }

    /// The address that the node of this id has here.
    ///
    /// # Errors
    /// There is no such address.
    pub(super) fn address(&self, id: u16) -> Result<Ipv4Addr> {
        let address = u32::from(self.base).checked_add(FIRST_HOST + u32::from(id));
        Ok(Ipv4Addr::from(address.context("the subnet is too small")?))
    }

    /// Puts a container into the network.
    ///
    /// # Errors
    /// It is in it already.
    pub(super) async fn connect(&self, container: &str, address: Ipv4Addr) -> Result<()> {
        let addresses =
            EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
        let endpoint = EndpointSettings { ipam_config: Some(addresses), ..EndpointSettings::default() };
        let request =
            NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
        self.docker.connect_network(&self.name, request).await.context("cannot connect a node to its peers")
    }

    /// Takes a container out of the network.
    ///
    /// # Errors
    /// It is not in it.
    pub(super) async fn disconnect(&self, container: &str) -> Result<()> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        self.docker.disconnect_network(&self.name, request).await.context("cannot cut a node off its peers")
    }
}

impl Drop for PeerNetwork {
    fn drop(&mut self) {
        let name = self.name.clone();
        docker::block_on(async move {
            if let Ok(docker) = docker::engine().await {
                // Where it cannot be removed now, the next run does it.
                let _ = docker.remove_network(&name).await;
            }
        });
    }
}

fn request(name: &str, subnet: Option<String>) -> NetworkCreateRequest {
    let pool = IpamConfig { subnet, ..IpamConfig::default() };
    NetworkCreateRequest {
        name: name.to_owned(),
        // No way to the outside: a node that is cut off here must not find its peers on another way.
        internal: Some(true),
        ipam: pool.subnet.is_some().then(|| Ipam { config: Some(vec![pool]), ..Ipam::default() }),
        labels: Some(HashMap::from(leftovers::label().map(|label| [label]).unwrap_or_default())),
        ..NetworkCreateRequest::default()
    }
}

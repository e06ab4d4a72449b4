//! What every connection of a running broker shares.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize},
    },
};

use crate::{
    config::{Config, Listener},
    faults::Faults,
    group::Coordinator,
    topics::Topics,
};

/// The id of the only node there is.
pub(crate) const NODE_ID: i32 = 1;

/// What outlives a restart: topics with their logs, groups with their offsets.
pub(crate) struct State {
    pub(crate) topics: Topics,
    pub(crate) groups: Coordinator,
    pub(crate) next_producer_id: AtomicI64,
}

impl State {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            topics: Topics::default(),
            groups: Coordinator::new(config),
            next_producer_id: AtomicI64::new(1),
        }
    }

    /// Deletes a topic, and what groups committed for it; false if there is none of that name.
    pub(crate) fn delete_topic(&self, name: &str) -> bool {
        let deleted = self.topics.delete(name);
        if deleted {
            self.groups.forget_topic(name);
        }
        deleted
    }
}

/// One run of a broker.
pub(crate) struct Node {
    pub(crate) config: Config,
    /// Where it listens, in the order of the configuration; there is at least one.
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) state: Arc<State>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) connections: AtomicUsize,
}

/// A listener that listens.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// The configured address with the port that was really taken.
    pub(crate) addr: SocketAddr,
    /// The host that clients who came here are told to connect to.
    pub(crate) host: String,
    /// The port that goes with it.
    pub(crate) port: u16,
}

impl Endpoint {
    pub(crate) fn new(listener: Listener, addr: SocketAddr) -> Self {
        let host = listener.advertised_host.unwrap_or_else(|| match addr.ip() {
            ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
            ip => ip.to_string(),
        });
        Self { addr, host, port: listener.advertised_port.unwrap_or(addr.port()) }
    }
}

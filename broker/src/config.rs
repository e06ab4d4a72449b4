//! What a broker is started with.

use std::{net::SocketAddr, time::Duration};

/// An address to listen on, and the one that clients who come there are told to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The host clients are told to connect to. `None`: the bound address, or `127.0.0.1` when that is a wildcard.
    pub advertised_host: Option<String>,
    /// The port clients are told to connect to. `None`: the bound one.
    pub advertised_port: Option<u16>,
}

/// Settings of one broker. Every field has a default that suits a test; Kafka's own default is named where it
/// differs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:0`.
    pub bind: SocketAddr,
    /// The host clients are told to connect to. Default: the bound address, or `127.0.0.1` when that is a wildcard.
    pub advertised_host: Option<String>,
    /// Listeners beside that one, such as one whose clients come through a proxy. As in Kafka, answers name the
    /// address that goes with the listener on which the question came. Default: none.
    pub more_listeners: Vec<Listener>,
    /// Partitions of a topic that a metadata look-up creates, where the look-up allows it. `None`, the default,
    /// creates nothing (Kafka: 1).
    pub auto_create_partitions: Option<i32>,
    /// Partitions of a topic whose creator asks for the broker's default (-1). Default 1.
    pub default_partitions: i32,
    /// Bytes of record batches each partition keeps; the oldest batches beyond it are dropped, the newest one never
    /// is. A topic's `retention.bytes` can lower it. Default 64 MiB.
    pub retention_bytes: usize,
    /// The largest record batch a topic takes, unless its `max.message.bytes` says otherwise. Default 1,048,588.
    pub max_message_bytes: usize,
    /// The largest produce request, in bytes; all other requests may have 1 MiB at most. A larger one closes its
    /// connection. Default 16 MiB (Kafka: 100 MiB).
    pub max_request_bytes: usize,
    /// Connections served at the same time; those beyond it are closed at once. Default 4,096.
    pub max_connections: usize,
    /// How long a connection may send nothing before it is closed. Default 10 minutes.
    pub max_idle: Duration,
    /// Partitions over all topics. Default 10,000.
    pub max_partitions: usize,
    /// Groups the coordinator remembers. Default 1,000.
    pub max_groups: usize,
    /// How long the first rebalance of an empty group waits for more members. Default 0 (Kafka: 3 s).
    pub initial_rebalance_delay: Duration,
    /// The shortest session timeout a member may ask for. Default 6 s.
    pub min_session_timeout: Duration,
    /// The longest session timeout a member may ask for. Default 30 minutes.
    pub max_session_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertised_host: None,
            more_listeners: Vec::new(),
            auto_create_partitions: None,
            default_partitions: 1,
            retention_bytes: 64 << 20,
            max_message_bytes: 1_048_588,
            max_request_bytes: 16 << 20,
            max_connections: 4_096,
            max_idle: Duration::from_secs(600),
            max_partitions: 10_000,
            max_groups: 1_000,
            initial_rebalance_delay: Duration::ZERO,
            min_session_timeout: Duration::from_secs(6),
            max_session_timeout: Duration::from_secs(1_800),
        }
    }
}

impl Config {
    /// Every listener, the first one first.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = Listener> {
        let first = Listener {
            bind: self.bind,
            advertised_host: self.advertised_host.clone(),
            advertised_port: None,
        };
        std::iter::once(first).chain(self.more_listeners.iter().cloned())
    }

    /// The same settings with the ports that were really taken, in the order of [`listeners`](Self::listeners).
    pub(crate) fn bound(mut self, addrs: impl IntoIterator<Item = SocketAddr>) -> Self {
        let more = self.more_listeners.iter_mut().map(|listener| &mut listener.bind);
        for (bind, addr) in std::iter::once(&mut self.bind).chain(more).zip(addrs) {
            *bind = addr;
        }
        self
    }
}

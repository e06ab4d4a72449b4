//! What a proxy is told to do, shared by all its connections.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;

use tokio::sync::watch;

use super::cut::Cuts;
use super::{Direction, Flow};

/// The switches of one proxy. Everything is set from any thread and holds at once.
pub(super) struct Switches {
    /// Where connections lead; none while it is not known.
    pub(super) upstream: watch::Sender<Option<SocketAddr>>,
    flows: [watch::Sender<Flow>; 2],
    /// Nobody listens.
    pub(super) refusing: watch::Sender<bool>,
    /// Counts the orders to reset every connection.
    pub(super) resets: watch::Sender<u64>,
    /// Counts the orders to forget every connection.
    pub(super) forgets: watch::Sender<u64>,
    pub(super) cuts: Cuts,
    /// Connections of clients that are open, forgotten ones included.
    pub(super) open: AtomicUsize,
}

impl Switches {
    pub(super) fn new(upstream: Option<SocketAddr>) -> Self {
        Self {
            upstream: watch::Sender::new(upstream),
            flows: Default::default(),
            refusing: watch::Sender::new(false),
            resets: watch::Sender::new(0),
            forgets: watch::Sender::new(0),
            cuts: Cuts::default(),
            open: AtomicUsize::new(0),
        }
    }

    pub(super) fn flow(&self, direction: Direction) -> &watch::Sender<Flow> {
        &self.flows[direction.index()]
    }
}

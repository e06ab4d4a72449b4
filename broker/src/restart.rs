//! A broker that was stopped, with everything it stored.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use crate::{
    broker::{Broker, StartError},
    config::Config,
    node::State,
};

/// A stopped broker: topics with their logs, groups with their offsets. Nothing runs.
pub struct Stopped {
    config: Config,
    state: Arc<State>,
}

impl Stopped {
    pub(crate) fn new(config: Config, state: Arc<State>) -> Self {
        Self { config, state }
    }

    /// Where it listened first of all, and will listen again.
    pub fn addr(&self) -> SocketAddr {
        self.config.bind
    }

    /// Starts it again on the same ports with the same data, without faults. As in Kafka, groups are back with the
    /// members of their last complete rebalance, who have a whole session from now to be heard of; a rebalance that
    /// was under way is forgotten. Fails if a port was taken meanwhile, and then what was stored is gone.
    pub async fn start(self) -> Result<Broker, StartError> {
        self.state.groups.restart(Instant::now());
        Broker::start_with(self.config, self.state).await
    }
}

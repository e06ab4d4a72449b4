//! The handle that everything in this crate starts from.

use std::sync::Arc;

use crate::{Config, Health};

/// A cluster as one process sees it. Cheap to clone; never touches the network by itself.
#[derive(Clone, Debug)]
pub struct Kafka {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    health: Health,
}

impl Kafka {
    /// A handle on the cluster that `config` names.
    pub fn new(config: Config) -> Self {
        Self { shared: Arc::new(Shared { config, health: Health::default() }) }
    }

    /// What this handle was made from.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether the cluster answers, as the lanes and readers of this handle see it.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }
}

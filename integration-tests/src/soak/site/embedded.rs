//! The broker in this process.

use std::time::Duration;

use anyhow::{Context as _, Result};
use embedded_broker::{Broker, Config, Faults, Stopped};
use parking_lot::Mutex;
use tokio::time::sleep;

/// Bytes that each partition keeps: a run's records must all be there at its end.
const RETENTION_BYTES: usize = 256 << 20;

/// A broker that can be stopped and started again with what it holds.
pub struct Embedded {
    bootstrap: String,
    engine: Mutex<Engine>,
}

enum Engine {
    Running(Broker),
    /// On its way from one to the other.
    Moving,
}

impl Embedded {
    /// Starts one.
    ///
    /// # Errors
    /// It has no port.
    pub(super) async fn start(initial_rebalance_delay: Duration) -> Result<Self> {
        let config =
            Config { initial_rebalance_delay, retention_bytes: RETENTION_BYTES, ..Config::default() };
        let broker = Broker::start(config).await?;
        Ok(Self { bootstrap: broker.bootstrap(), engine: Mutex::new(Engine::Running(broker)) })
    }

    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(super) async fn restart(&self, duration: Duration) -> Result<()> {
        let Engine::Running(broker) = std::mem::replace(&mut *self.engine.lock(), Engine::Moving) else {
            anyhow::bail!("the broker is being restarted already");
        };
        let stopped: Stopped = broker.stop().await;
        sleep(duration).await;
        let broker = stopped.start().await?;
        *self.engine.lock() = Engine::Running(broker);
        Ok(())
    }

    /// Asks for a fault. A restart takes every fault back.
    ///
    /// # Errors
    /// The broker is being restarted.
    pub fn faults<T>(&self, ask: impl FnOnce(&Faults) -> T) -> Result<T> {
        match &*self.engine.lock() {
            Engine::Running(broker) => Ok(ask(broker.faults())),
            Engine::Moving => Err(anyhow::anyhow!("the broker is being restarted")).context("no fault"),
        }
    }
}

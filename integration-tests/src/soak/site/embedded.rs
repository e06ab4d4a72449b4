//! The broker in this process, and the proxy before it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use embedded_broker::{Broker, Config, Faults, Listener};
use parking_lot::Mutex;
use tokio::time::sleep;

use crate::proxy::Proxy;

/// Bytes that each partition keeps: a run's records must all be there at its end.
const RETENTION_BYTES: usize = 256 << 20;

/// A broker that can be stopped and started again with what it holds.
pub struct Embedded {
    direct: String,
    proxy: Arc<Proxy>,
    engine: Mutex<Engine>,
}

enum Engine {
    Running(Broker),
    /// On its way from one run to the next.
    Moving,
}

impl Embedded {
    /// Starts one.
    ///
    /// # Errors
    /// It has no port.
    pub(super) async fn start(initial_rebalance_delay: Duration) -> Result<Self> {
        let proxy = Proxy::start_unconnected()?;
        let behind_proxy = Listener {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertised_host: None,
            advertised_port: Some(proxy.addr().port()),
        };
        let broker = Broker::start(Config {
            more_listeners: vec![behind_proxy],
            initial_rebalance_delay,
            retention_bytes: RETENTION_BYTES,
            ..Config::default()
        })
        .await?;
        proxy.lead_to(broker.more_addrs().next().context("the listener behind the proxy")?);
        let (direct, engine) = (broker.bootstrap(), Mutex::new(Engine::Running(broker)));
        Ok(Self { direct, proxy: Arc::new(proxy), engine })
    }

    pub(super) fn direct(&self) -> &str {
        &self.direct
    }

    pub(super) fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }

    /// Stops it for `lasts`.
    ///
    /// # Errors
    /// Its port was taken meanwhile.
    pub async fn restart(&self, lasts: Duration) -> Result<()> {
        let Engine::Running(broker) = std::mem::replace(&mut *self.engine.lock(), Engine::Moving) else {
            bail!("the broker is being restarted already");
        };
        let stopped = broker.stop().await;
        sleep(lasts).await;
        *self.engine.lock() = Engine::Running(stopped.start().await?);
        Ok(())
    }

    /// Asks for a fault. A restart takes every fault back.
    ///
    /// # Errors
    /// The broker is being restarted.
    pub fn faults<T>(&self, ask: impl FnOnce(&Faults) -> T) -> Result<T> {
        match &*self.engine.lock() {
            Engine::Running(broker) => Ok(ask(broker.faults())),
            Engine::Moving => bail!("the broker is being restarted"),
        }
    }
}

//! The broker in this process, with a proxy before one of its two listeners.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use embedded_broker::{Broker, Config, Faults, Listener, Stopped};
use parking_lot::Mutex;

use crate::proxy::Proxy;

/// A broker that can be stopped and started again with what it holds.
pub struct Embedded {
    direct: String,
    proxy: Arc<Proxy>,
    engine: Mutex<Engine>,
}

enum Engine {
    Running(Broker),
    Stopped(Stopped),
    /// On its way from one to the other, or lost on it.
    Moving,
}

impl Embedded {
    /// Starts one; the listener behind the proxy is added to those of `config`.
    ///
    /// # Errors
    /// It has no port.
    pub async fn start(mut config: Config) -> Result<Self> {
        let proxy = Proxy::start_unconnected()?;
        config.more_listeners.push(Listener {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertised_host: None,
            advertised_port: Some(proxy.addr().port()),
        });
        let broker = Broker::start(config).await?;
        proxy.lead_to(broker.more_addrs().last().context("the listener behind the proxy")?);
        let (direct, engine) = (broker.bootstrap(), Mutex::new(Engine::Running(broker)));
        Ok(Self { direct, proxy: Arc::new(proxy), engine })
    }

    /// The address past the proxy, `host:port`.
    pub fn direct(&self) -> &str {
        &self.direct
    }

    /// The proxy before it.
    pub fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }

    /// The faults that it can be asked for, while it runs.
    pub fn faults(&self) -> Option<Arc<Faults>> {
        match &*self.engine.lock() {
            Engine::Running(broker) => Some(broker.faults().clone()),
            Engine::Stopped(_) | Engine::Moving => None,
        }
    }

    /// Stops it, unless it is stopped.
    pub async fn stop(&self) {
        let stopped = match self.take() {
            Engine::Running(broker) => Engine::Stopped(broker.stop().await),
            other => other,
        };
        *self.engine.lock() = stopped;
    }

    /// Stops it, unless it is stopped, and resets its connections.
    pub async fn kill(&self) {
        if let Some(faults) = self.faults() {
            faults.drop_connections();
        }
        self.stop().await;
    }

    /// Starts it again.
    ///
    /// # Errors
    /// It was not stopped, or its port was taken meanwhile.
    pub async fn start_again(&self) -> Result<()> {
        match self.take() {
            Engine::Stopped(stopped) => *self.engine.lock() = Engine::Running(stopped.start().await?),
            other => {
                *self.engine.lock() = other;
                bail!("this broker was not stopped");
            }
        }
        Ok(())
    }

    /// Lets it stand still.
    ///
    /// # Errors
    /// It is stopped.
    pub fn pause(&self) -> Result<()> {
        self.faults().context("this broker is stopped")?.freeze();
        Ok(())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It is stopped.
    pub fn unpause(&self) -> Result<()> {
        self.faults().context("this broker is stopped")?.thaw();
        Ok(())
    }

    fn take(&self) -> Engine {
        std::mem::replace(&mut self.engine.lock(), Engine::Moving)
    }
}

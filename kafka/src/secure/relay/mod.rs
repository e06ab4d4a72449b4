//! The way by which rskafka dials brokers that want TLS or a login.
//!
//! A listener on loopback that speaks SOCKS5, one for each runtime that has an rskafka client, on that runtime. For each
//! socket that rskafka opens it opens a [`Connection`] to the broker named, and says yes once that has logged in; then it
//! passes frames both ways (`pump`), renewing the session between two of them. The broker's name comes with SOCKS5, so
//! certificates are verified by name.
//!
//! It serves this process alone. rskafka sends no credentials over SOCKS5, so it looks whether the caller's socket is
//! one of this process's own. Whoever else connects is shown the door before a byte is read.

mod frames;
mod pump;
mod socks;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{
    Config, sockets,
    wire::{Connection, WireError},
};

/// After a failed accept, as when this process is out of descriptors.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Brokers whose failures are kept: more have nobody who will ask.
const MAX_FAILURES: usize = 16;
/// Sockets at once. A process has one for each lane, reader and client; this many mean that something is wrong.
const MAX_SOCKETS: usize = 4096;

/// The relay of one runtime, until it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    failures: Failures,
    task: AbortHandle,
}

/// Why brokers could not be dialled, by their addresses, until somebody asks: SOCKS5 has no words for it.
#[derive(Clone, Debug, Default)]
struct Failures(Arc<Mutex<Vec<(String, WireError)>>>);

impl Relay {
    /// Begins to serve on a port of its own, driven by the current runtime.
    pub(crate) async fn start(config: &Config) -> io::Result<Self> {
        sockets::can_tell_own()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, failures) = (listener.local_addr()?, Failures::default());
        let task = tokio::spawn(serve(listener, config.clone(), failures.clone())).abort_handle();
        Ok(Self { address, failures, task })
    }

    /// Where it listens, `host:port`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Why it could not dial a broker, the last time that it could not.
    pub(crate) fn take_failure(&self) -> Option<WireError> {
        let (_, error) = self.failures.0.lock().pop()?;
        Some(error)
    }

    /// Whether it serves. It ends with its runtime only.
    pub(crate) fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Failures {
    /// One a broker: the last.
    fn add(&self, address: String, error: WireError) {
        let mut all = self.0.lock();
        all.retain(|(other, _)| *other != address);
        if all.len() >= MAX_FAILURES {
            all.remove(0);
        }
        all.push((address, error));
    }

    fn forget(&self, address: &str) {
        self.0.lock().retain(|(other, _)| other != address);
    }
}

async fn serve(listener: TcpListener, config: Config, failures: Failures) {
    let Ok(address) = listener.local_addr() else { return };
    // Ends them all when it is dropped.
    let mut relayed = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if relayed.len() < MAX_SOCKETS => match accepted {
                Ok((caller, from)) if sockets::tune_own(from, address) => {
                    relayed.spawn(relay(caller, config.clone(), failures.clone()));
                }
                Ok((_, from)) => {
                    debug!(%from, "somebody else connected to the relay towards Kafka and was turned away");
                }
                Err(error) => {
                    warn!(%error, "the relay towards Kafka cannot accept");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                }
            },
            Some(_) = relayed.join_next() => {}
        }
    }
}

/// One socket of rskafka's, from its SOCKS5 request to its end.
async fn relay(mut caller: TcpStream, config: Config, failures: Failures) {
    let Ok(Ok(address)) = timeout(config.timeout, socks::accept(&mut caller)).await else { return };
    if sockets::tune(&SockRef::from(&caller)).is_err() {
        return;
    }
    let broker = match Connection::open(&address, &config).await {
        Ok(broker) => broker,
        Err(error) => {
            debug!(address, %error, "cannot dial a broker for the relay");
            failures.add(address, error);
            let _ = timeout(config.timeout, socks::refuse(&mut caller)).await;
            return;
        }
    };
    failures.forget(&address);
    if let Ok(Ok(())) = timeout(config.timeout, socks::agree(&mut caller)).await
        && let Err(error) = pump::run(caller, broker, &config).await
    {
        debug!(address, %error, "a relayed connection ended");
    }
}

#[cfg(test)]
mod tests;

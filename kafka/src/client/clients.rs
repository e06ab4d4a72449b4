//! The rskafka clients behind a handle: one a runtime, made when first needed, replaced when it seems to be stale.
//!
//! A client holds a connection of its own, driven by the runtime that opened it, so runtimes do not share one.
//! It never tries anything twice: its retries have no end of their own, wait up to 500 s, and look topics up by
//! name in a way that creates them. All trying again is ours.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rskafka::{
    BackoffConfig,
    client::{Client, ClientBuilder},
};
use tokio::{
    runtime::{self, Handle},
    time::Instant,
};

use super::{Backoff, CallError, bounded};
use crate::{
    Config,
    secure::relay::Relay,
    wire::{MAX_FRAME_BYTES, WireError},
};

/// A younger client is not replaced: building one asks for the metadata of the whole cluster.
const REPLACE_AFTER: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct Clients {
    by_runtime: Mutex<HashMap<runtime::Id, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    current: Mutex<Option<Built>>,
    /// The way to brokers that want more than a bare socket.
    relay: Mutex<Option<Arc<Relay>>>,
    /// Held while building, so that lanes that fail together build one client together.
    building: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Built {
    client: Arc<Client>,
    at: Instant,
    /// How many changes of leaders its cached view of the cluster certainly has.
    changes: u64,
}

/// A broker that has told of the cluster, and of no leader of the past.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) address: String,
    /// How many changes of leaders it knows of: all that were known to us then.
    pub(super) changes: u64,
}

impl Clients {
    /// This runtime's client, built from a broker that knew of the leaders' `change`. If there is none it is built from
    /// the `witness` alone, who has just proved to be alive and to know of it: rskafka would try the others one by one, and
    /// hang at one that does not answer.
    pub(super) async fn get(
        &self,
        config: &Config,
        witness: Witness,
        change: u64,
    ) -> Result<Lease, CallError> {
        let slot = self.slot();
        if let Some(client) = slot.get(change) {
            return Ok(Lease { slot, client, proven: false });
        }
        let _building = slot.building.lock().await;
        if let Some(client) = slot.get(change) {
            return Ok(Lease { slot: slot.clone(), client, proven: false });
        }
        let Witness { address, changes } = witness;
        let (at, relay) = (Instant::now(), slot.relay(config, &address).await?);
        let build = builder(config, address, relay.as_deref()).build();
        let built = bounded("the look-up of the cluster", config.timeout, build).await;
        let client = Arc::new(built.map_err(|error| explained(error, relay.as_deref()))?);
        *slot.current.lock() = Some(Built { client: client.clone(), at, changes });
        Ok(Lease { slot: slot.clone(), client, proven: false })
    }

    /// A call that began at `since` got no answer. Whatever swallowed it may have swallowed the connection that this
    /// runtime's client asks over, too: one built before is not used for any further connect.
    pub(super) fn distrust(&self, since: Instant) {
        let slot = self.slot();
        let mut current = slot.current.lock();
        if current.as_ref().is_some_and(|built| built.at < since) {
            *current = None;
        }
    }

    /// This runtime's.
    fn slot(&self) -> Arc<Slot> {
        self.by_runtime.lock().entry(Handle::current().id()).or_default().clone()
    }
}

impl Slot {
    fn get(&self, change: u64) -> Option<Arc<Client>> {
        let current = self.current.lock();
        let built = current.as_ref().filter(|built| built.changes >= change)?;
        Some(built.client.clone())
    }

    /// This runtime's relay, started when it is first needed; none where brokers want no more than a bare socket.
    async fn relay(&self, config: &Config, towards: &str) -> Result<Option<Arc<Relay>>, WireError> {
        if config.security.is_none() {
            return Ok(None);
        }
        if let Some(relay) = self.relay.lock().as_ref().filter(|relay| relay.is_alive()) {
            return Ok(Some(relay.clone()));
        }
        let started = Relay::start(config).await;
        let started = started.map_err(|source| WireError::Connect { address: towards.to_owned(), source })?;
        Ok(Some(self.relay.lock().insert(Arc::new(started)).clone()))
    }
}

/// With the relay's own words, if it was the relay that could not dial: SOCKS5 has none.
fn explained(error: CallError, relay: Option<&Relay>) -> CallError {
    match (&error, relay.and_then(Relay::take_failure)) {
        (CallError::Connection { .. }, Some(failure)) => failure.into(),
        _ => error,
    }
}

/// A client while somebody connects through it. Unless that proves to work the client counts as stale: its cached
/// leaders may be wrong, the connection it asks over may be dead, and it never goes back to the bootstrap addresses.
#[derive(Debug)]
pub(super) struct Lease {
    slot: Arc<Slot>,
    client: Arc<Client>,
    proven: bool,
}

impl Lease {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the client was not built just now: its connection may have died without a word since.
    pub(super) fn is_old(&self) -> bool {
        let current = self.slot.current.lock();
        current.as_ref().is_none_or(|built| built.at.elapsed() >= REPLACE_AFTER)
    }

    /// With the true cause of a failed connect, where rskafka knows only that there was one.
    pub(super) fn explained(&self, error: CallError) -> CallError {
        let relay = self.slot.relay.lock().clone();
        explained(error, relay.as_deref())
    }

    pub(super) fn proves_to_work(mut self) {
        self.proven = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.proven {
            return;
        }
        let mut current = self.slot.current.lock();
        // Another's failure may have replaced it already.
        let is_stale =
            |built: &Built| Arc::ptr_eq(&built.client, &self.client) && built.at.elapsed() >= REPLACE_AFTER;
        if current.as_ref().is_some_and(is_stale) {
            *current = None;
        }
    }
}

fn builder(config: &Config, bootstrap: String, relay: Option<&Relay>) -> ClientBuilder {
    let try_once = BackoffConfig {
        init_backoff: Backoff::MIN,
        max_backoff: Backoff::MAX,
        base: 2.0,
        deadline: Some(Duration::ZERO),
    };
    let builder = ClientBuilder::new(vec![bootstrap])
        .client_id(config.client_id.as_str())
        .backoff_config(try_once)
        .max_message_size(MAX_FRAME_BYTES);
    match relay {
        Some(relay) => builder.socks5_proxy(relay.address()),
        None => builder,
    }
}

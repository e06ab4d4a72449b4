//! Starting and stopping a broker.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
    thread,
};

use thiserror::Error;
use tokio::{net::TcpListener, runtime, sync::oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    faults::Faults,
    node::{Endpoint, Node, State},
    restart::Stopped,
    server,
};

/// Why a broker did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process, or another broker, listens on the address.
    #[error("cannot listen on {addr}: the port is taken")]
    PortTaken {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The broker's thread or runtime could not be made.
    #[error("cannot start the broker's thread")]
    Thread(#[source] io::Error),
}

/// A running broker. It lives on a thread and a runtime of its own, so it can be started from any runtime and keeps
/// serving while the caller's is busy or blocked. Dropping it stops it too, without waiting.
pub struct Broker {
    pub(crate) node: Arc<Node>,
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Broker {
    /// Starts an empty broker; it accepts connections when this returns. Fails if it cannot listen on
    /// [`Config::bind`] or one of [`Config::more_listeners`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let state = Arc::new(State::new(&config));
        Self::start_with(config, state).await
    }

    pub(crate) async fn start_with(config: Config, state: Arc<State>) -> Result<Self, StartError> {
        let stop = CancellationToken::new();
        let stop_server = stop.clone();
        let (started, starting) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let body = move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let bound = runtime.map_err(StartError::Thread).and_then(|runtime| {
                let (listeners, node) = runtime.block_on(bind(config, state))?;
                Ok((runtime, listeners, node))
            });
            match bound {
                Err(error) => drop(started.send(Err(error))),
                Ok((runtime, listeners, node)) => {
                    // If nobody waits for the start any more, the guard has stopped the server already.
                    drop(started.send(Ok(Arc::clone(&node))));
                    runtime.block_on(server::run(node, listeners, stop_server));
                }
            }
            let _ = end.send(());
        };
        let guard = stop.clone().drop_guard();
        let thread = thread::Builder::new().name("embedded-broker".to_owned()).spawn(body);
        let thread = thread.map_err(StartError::Thread)?;
        let node = starting.await.unwrap_or_else(|_| Err(StartError::Thread(io::ErrorKind::Other.into())))?;
        guard.disarm();
        Ok(Self { node, stop, ended, thread: Some(thread) })
    }

    /// Where it listens first of all: [`Config::bind`] with the port that was really taken.
    pub fn addr(&self) -> SocketAddr {
        self.node.config.bind
    }

    /// Where it listens beside that, in the order of [`Config::more_listeners`].
    pub fn more_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.node.config.more_listeners.iter().map(|listener| listener.bind)
    }

    /// The address of the first listener for a client's list of brokers, `host:port`.
    pub fn bootstrap(&self) -> String {
        let Endpoint { host, port, .. } = &*self.node.endpoints[0];
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Closes every connection; the port is free when this returns. What was stored is in the returned value and can
    /// be started again.
    pub async fn stop(mut self) -> Stopped {
        self.stop.cancel();
        // An error only says that the thread is gone, which is what is waited for.
        let _ = (&mut self.ended).await;
        if let Some(thread) = self.thread.take() {
            // The thread has nothing left to do but return. A panic of it was reported when it happened.
            let _ = thread.join();
        }
        Stopped::new(self.node.config.clone(), Arc::clone(&self.node.state))
    }

    /// The faults that can be set on this broker. Once it has stopped they do nothing.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.node.faults
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn bind(config: Config, state: Arc<State>) -> Result<(Vec<TcpListener>, Arc<Node>), StartError> {
    let (mut listeners, mut endpoints) = (Vec::new(), Vec::new());
    for wanted in config.listeners() {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortTaken { addr: wanted.bind },
            _ => StartError::Listen { addr: wanted.bind, source },
        };
        let listener = TcpListener::bind(wanted.bind).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        listeners.push(listener);
        endpoints.push(Arc::new(Endpoint::new(wanted, addr)));
    }
    let config = config.bound(endpoints.iter().map(|endpoint| endpoint.addr));
    let faults = Arc::new(Faults::new(Arc::clone(&state), config.clone()));
    let node = Node { config, endpoints, state, faults, connections: AtomicUsize::new(0) };
    Ok((listeners, Arc::new(node)))
}

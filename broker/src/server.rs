//! The listeners, and the task of every connection.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures::future::select_all;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::{
    connection::{self, Closed},
    dispatch::Origin,
    node::{Endpoint, Node},
};

/// How often group members are checked for being overdue.
const GROUP_TICK: Duration = Duration::from_millis(20);
/// How long to wait before accepting again when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`; every connection has ended and the ports are free when this returns. There is one listener for
/// each endpoint of the node.
pub(crate) async fn run(node: Arc<Node>, listeners: Vec<TcpListener>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut tick = interval(GROUP_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {
                if !node.faults.is_frozen() {
                    node.state.groups.tick(Instant::now());
                }
            }
            (at, accepted) = accept(&listeners) => match accepted {
                Ok((socket, peer)) => {
                    let endpoint = Arc::clone(&node.endpoints[at]);
                    admit(&node, socket, peer, endpoint, &mut connections);
                }
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => note_end(ended),
        }
        node.connections.store(connections.len(), Ordering::Relaxed);
    }
    drop(listeners);
    connections.shutdown().await;
    node.connections.store(0, Ordering::Relaxed);
}

/// The next connection, and at which of the listeners it came. Cancel-safe.
async fn accept(listeners: &[TcpListener]) -> (usize, io::Result<(TcpStream, SocketAddr)>) {
    let accepting = listeners.iter().map(|listener| Box::pin(listener.accept()));
    let (accepted, at, _) = select_all(accepting).await;
    (at, accepted)
}

fn admit(
    node: &Arc<Node>,
    socket: TcpStream,
    peer: SocketAddr,
    endpoint: Arc<Endpoint>,
    connections: &mut JoinSet<()>,
) {
    if node.faults.is_refusing() {
        reset(&socket);
        return;
    }
    if connections.len() >= node.config.max_connections {
        warn!(%peer, limit = node.config.max_connections, "too many connections, this one is closed");
        return;
    }
    let origin = Origin { peer, endpoint };
    connections.spawn(serve(Arc::clone(node), socket, origin));
}

async fn serve(node: Arc<Node>, mut socket: TcpStream, origin: Origin) {
    let peer = origin.peer;
    let mut resets = node.faults.resets();
    tokio::select! {
        ended = connection::serve(&node, &mut socket, &origin) => match ended {
            Ok(()) => debug!(%peer, "the client left"),
            Err(Closed::Refused(refusal)) if refusal.is_asked_for() => reset(&socket),
            Err(reason) if reason.is_the_clients_fault() => {
                warn!(%peer, reason = %chain(&reason), "closing a connection");
            }
            Err(reason) => debug!(%peer, reason = %chain(&reason), "closing a connection"),
        },
        Ok(()) = resets.changed() => reset(&socket),
    }
}

/// Makes the close that follows a reset instead of a farewell.
fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        debug!(%error, "a connection is closed instead of reset");
    }
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(failure) = ended
        && failure.is_panic()
    {
        error!(%failure, "the handling of a connection panicked; the others are not affected");
    }
}

/// An error with everything that caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

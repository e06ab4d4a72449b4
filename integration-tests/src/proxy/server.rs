//! The port, and the task of every connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection;
use super::switches::Switches;

/// Connections at the same time; those beyond are reset at once.
const MAX_CONNECTIONS: usize = 1_024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;
/// Before another try, where the port or a descriptor cannot be had.
const PAUSE: Duration = Duration::from_millis(10);

/// Serves until `stop` is sent or dropped; every connection has ended when this returns.
pub(super) async fn run(listener: TcpListener, switches: Arc<Switches>, stop: oneshot::Receiver<()>) {
    let Ok(addr) = listener.local_addr() else { return };
    let mut connections = JoinSet::new();
    tokio::select! {
        () = serve(listener, addr, &switches, &mut connections) => {}
        _ = stop => {}
    }
    connections.shutdown().await;
    switches.open.store(0, Ordering::Relaxed);
}

async fn serve(
    mut listener: TcpListener,
    addr: SocketAddr,
    switches: &Arc<Switches>,
    connections: &mut JoinSet<()>,
) {
    let mut refusing = switches.refusing.subscribe();
    loop {
        if *refusing.borrow_and_update() {
            // Bound and not listening: connecting is refused, and nobody else takes the port.
            drop(listener);
            let closed = closed(addr).await;
            while *refusing.borrow_and_update() {
                tokio::select! {
                    _ = refusing.changed() => {}
                    Some(_) = connections.join_next() => {}
                }
                switches.open.store(connections.len(), Ordering::Relaxed);
            }
            listener = match closed.listen(BACKLOG) {
                Ok(listener) => listener,
                Err(_) => open(addr).await,
            };
        }
        tokio::select! {
            _ = refusing.changed() => {}
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((client, _)) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(connection::serve(client, switches.clone()));
                }
                Ok((client, _)) => connection::reset(&client),
                Err(_) => sleep(PAUSE).await,
            },
        }
        switches.open.store(connections.len(), Ordering::Relaxed);
    }
}

/// The port, taken but closed. It was ours a moment ago; should somebody hold it for a while, that is waited for.
async fn closed(addr: SocketAddr) -> TcpSocket {
    loop {
        let bound = TcpSocket::new_v4().and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(addr)?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => return socket,
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn open(addr: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(addr).await {
            Ok(listener) => return listener,
            Err(_) => sleep(PAUSE).await,
        }
    }
}

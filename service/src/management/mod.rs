//! The management port: `/health/live`, `/health/ready`, `/metrics` and `/info`, on a thread of its own.
//!
//! The thread is what makes liveness and readiness worth asking for: it answers while the service's own event loop
//! is busy, and it is stopped last, so that the whole shutdown can be watched.

mod pages;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer, web};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

pub use crate::management::pages::Pages;

use crate::settings::Port;

/// How long answers under way may take once the port is stopped, in whole seconds as actix counts.
const LAST_ANSWERS_SECONDS: u64 = 1;

/// How long to wait for the thread to end.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Connections served at once; a scraper and a few probes need a handful.
const MAX_CONNECTIONS: usize = 256;

/// The management port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// The port cannot be bound.
    #[error("the management port {host}:{port} cannot be bound; free it or set another one")]
    Bind {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The thread or the server on it cannot be started.
    #[error("the management thread cannot be started")]
    Start(#[source] io::Error),
}

/// A management port that is bound, and not served yet: callers wait in its backlog.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// A management port that is served. Dropped, it stops without being waited for.
#[derive(Debug)]
pub struct Management {
    address: SocketAddr,
    stop: DropGuard,
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Management {
    /// Binds the port. A default one that is taken gives way to any free one, with a warning: two services may
    /// share a host.
    ///
    /// # Errors
    /// If a port that was set is taken, or the address is none of this host's.
    pub fn bind(host: &str, port: Port) -> Result<Bound, ManagementError> {
        let failed = |source| ManagementError::Bind { host: host.to_owned(), port: port.number, source };
        let listener = match listen(host, port.number) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !port.set => {
                let listener = listen(host, 0).map_err(failed)?;
                let free = listener.local_addr().map_err(failed)?.port();
                warn!(
                    taken = port.number,
                    using = free,
                    "the default management port is taken, using a free one"
                );
                listener
            }
            bound => bound.map_err(failed)?,
        };
        let address = listener.local_addr().map_err(failed)?;
        Ok(Bound { listener, address })
    }

    /// The port it is served on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops serving and waits for the thread to end, 3 s at most. The last stage of every shutdown.
    pub async fn stop(self) {
        drop(self.stop);
        if timeout(STOP_LIMIT, self.ended).await.is_err() {
            warn!("the management thread does not end, going on without it");
        } else if self.thread.join().is_err() {
            error!("the management thread panicked");
        }
    }
}

impl Bound {
    /// The port it is bound to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Serves `pages` until stopped.
    ///
    /// # Errors
    /// If the thread or the server on it cannot be started.
    pub fn serve(self, pages: Pages) -> Result<Management, ManagementError> {
        let Self { listener, address } = self;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let (ending, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("management".to_owned())
            .spawn(move || {
                actix_web::rt::System::new().block_on(run(listener, pages, stopped, started));
                // Nobody waits if the service is gone already.
                let _ = ending.send(());
            })
            .map_err(ManagementError::Start)?;
        match start.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(ManagementError::Start(error)),
            Err(_) => return Err(ManagementError::Start(io::Error::other("the thread ended at once"))),
        }
        info!("management on http://{address}");
        Ok(Management { address, stop: stop.drop_guard(), ended, thread })
    }
}

async fn run(
    listener: TcpListener,
    pages: Pages,
    stopped: CancellationToken,
    started: std::sync::mpsc::SyncSender<io::Result<()>>,
) {
    let pages = web::Data::new(pages);
    let server = HttpServer::new(move || App::new().app_data(pages.clone()).configure(pages::routes))
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        // A scraper's idle connection would hold up the stop.
        .keep_alive(KeepAlive::Disabled)
        .shutdown_timeout(LAST_ANSWERS_SECONDS)
        .shutdown_signal(stopped.cancelled_owned())
        .listen(listener);
    // The receiver waits for the one message that is sent here.
    let server = match server {
        Ok(server) => server.run(),
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    if let Err(error) = server.await {
        error!(%error, "the management port is not served any more");
    }
}

/// Binds the first address of `host` that can be bound.
fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let listener = TcpListener::bind(addresses.as_slice())?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests;

//! A TCP proxy in front of a broker's port that does to connections what networks do.
//!
//! ```text
//!   client ──▶ Proxy (127.0.0.1, a thread and a runtime of its own) ──▶ broker
//!                server      the port, open or closed; owns every connection's task
//!                connection  two sockets; reset, forgotten
//!                pump        one way of one connection: passed, held, lost, delayed, limited
//!                cut         where in a Kafka frame a connection is cut
//! ```
//!
//! What to do is switched while it runs, and holds for connections that are open as for new ones. A proxy stands
//! between two sockets of this machine, so the kernel acknowledges what clients send even where it gets lost: only
//! limits of their own can tell them that nobody is there.

mod connection;
mod cut;
mod flow;
mod pump;
mod server;
mod switches;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use tokio::runtime;
use tokio::sync::oneshot;

pub use flow::{Carry, Direction, Flow};
use switches::Switches;

/// A running proxy. Dropping it closes its port and every connection.
pub struct Proxy {
    addr: SocketAddr,
    switches: Arc<Switches>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy on a free port of the loopback interface that leads to `upstream`.
    ///
    /// # Errors
    /// There is no port or no thread to be had.
    pub fn start(upstream: SocketAddr) -> Result<Self> {
        Self::start_to(Some(upstream))
    }

    /// A proxy that keeps connections waiting until [`lead_to`](Self::lead_to) says where they go: for a broker that
    /// has to know the proxy's address before it has one itself.
    ///
    /// # Errors
    /// There is no port or no thread to be had.
    pub fn start_unconnected() -> Result<Self> {
        Self::start_to(None)
    }

    fn start_to(upstream: Option<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a proxy")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let switches = Arc::new(Switches::new(upstream));
        let shared = switches.clone();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let serve = move || runtime.block_on(server::run(listener, shared, stopped));
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(serve)?;
        Ok(Self { addr, switches, stop: Some(stop), thread: Some(thread) })
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections made from now on lead to `upstream`.
    pub fn lead_to(&self, upstream: SocketAddr) {
        self.switches.upstream.send_replace(Some(upstream));
    }

    /// How bytes travel one way, from now on.
    pub fn set_flow(&self, direction: Direction, flow: Flow) {
        self.switches.flow(direction).send_replace(flow);
    }

    /// A black hole: connections are accepted, what clients send is taken, and nothing is ever answered.
    pub fn black_hole(&self) {
        self.set_both(Flow::LOST);
    }

    /// Requests arrive at the broker, its answers do not arrive at clients.
    pub fn lose_answers(&self) {
        self.set_flow(Direction::Answers, Flow::LOST);
    }

    /// A pulled cable: nothing arrives in either direction, and nothing is lost if it is put back.
    pub fn hold(&self) {
        self.set_both(Flow::HELD);
    }

    /// Both ways travel like this.
    pub fn set_both(&self, flow: Flow) {
        for direction in Direction::BOTH {
            self.set_flow(direction, flow);
        }
    }

    /// Nobody listens any more: connecting is refused. Open connections are not touched.
    pub fn refuse(&self) {
        self.switches.refusing.send_replace(true);
    }

    /// Resets every open connection, forgotten ones included.
    pub fn reset_connections(&self) {
        self.switches.resets.send_modify(|orders| *orders += 1);
    }

    /// Resets the connections of the next `times` Kafka frames that begin in `direction`, each after `after` bytes of
    /// the frame (its four bytes of length included), or before its last byte if it has no more.
    pub fn cut_frames(&self, direction: Direction, after: usize, times: u32) {
        self.switches.cuts.ask(direction, after, times);
    }

    /// How many cuts asked for in `direction` are still to come.
    pub fn cuts_left(&self, direction: Direction) -> u32 {
        self.switches.cuts.left(direction)
    }

    /// Forgets every open connection, as a NAT does that lost its table: the broker's side is closed, the client's
    /// stays open and is never answered nor told. New connections work.
    pub fn forget_connections(&self) {
        self.switches.forgets.send_modify(|orders| *orders += 1);
    }

    /// Ends every fault. Connections that lost bytes meanwhile are reset; those that were forgotten stay so.
    pub fn heal(&self) {
        self.switches.cuts.clear();
        self.set_both(Flow::default());
        self.switches.refusing.send_replace(false);
    }

    /// How many connections clients have open, forgotten ones included.
    pub fn connection_count(&self) -> usize {
        self.switches.open.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing left to do but close sockets. A panic of it was reported when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;

//! The gateways that calls may go to, and the connections to them that are kept alive.
//!
//! ```text
//!   open ─ SIGTERM, and a balancer has noticed ─▶ closing: no new connection, the kept ones serve on
//!     ▲ └─ frozen, killed ─▶ shut ─ ready, thawed ─▶ open
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::connection::Connection;
use crate::checker::Instance;

/// Idle connections kept to one gateway; more are closed.
const MAX_IDLE: usize = 64;

/// Who a gateway lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Those who hold a connection.
    Closing,
    /// Nobody.
    Shut,
}

/// One gateway as callers see it.
pub struct Door {
    /// Which gateway.
    pub instance: Instance,
    address: SocketAddr,
    access: Mutex<Access>,
    idle: Mutex<Vec<Connection>>,
}

/// All doors.
#[derive(Default)]
pub struct Doors {
    doors: RwLock<Vec<Arc<Door>>>,
}

impl Doors {
    /// Adds a door to gateway `instance` at `address`, shut as yet.
    pub fn open_later(&self, instance: Instance, address: SocketAddr) -> Arc<Door> {
        let door =
            Arc::new(Door { instance, address, access: Mutex::new(Access::Shut), idle: Mutex::default() });
        self.doors.write().push(door.clone());
        door
    }

    /// Closes every connection that no call is on.
    pub fn close_idle(&self) {
        self.doors.read().iter().for_each(|door| door.idle.lock().clear());
    }

    /// The door for call `number`: they take turns. `fresh` asks for one that takes new connections.
    pub(super) fn choose(&self, number: u64, fresh: bool) -> Option<Arc<Door>> {
        let doors = self.doors.read();
        let fit: Vec<_> = doors.iter().filter(|door| door.fits(fresh)).collect();
        let turn = number.checked_rem(fit.len() as u64)?;
        fit.get(usize::try_from(turn).ok()?).map(|door| Arc::clone(door))
    }
}

impl Door {
    /// Lets in others than before.
    pub fn set(&self, access: Access) {
        *self.access.lock() = access;
        if access == Access::Shut {
            self.idle.lock().clear();
        }
    }

    fn fits(&self, fresh: bool) -> bool {
        match *self.access.lock() {
            Access::Open => true,
            Access::Closing => !fresh && self.idle.lock().iter().any(Connection::is_open),
            Access::Shut => false,
        }
    }

    /// The connection that was used last, so that the pool is no larger than it has to be; or a new one. None where no new
    /// ones are to be made.
    ///
    /// # Errors
    /// Nobody accepts it.
    pub(super) async fn connection(&self, fresh: bool) -> anyhow::Result<Option<Connection>> {
        while !fresh && let Some(kept) = self.kept() {
            if kept.is_open() {
                return Ok(Some(kept));
            }
        }
        if *self.access.lock() != Access::Open {
            return Ok(None);
        }
        Connection::open(self.address).await.map(Some)
    }

    /// Keeps a connection for another call.
    pub(super) fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if connection.is_open() && *self.access.lock() != Access::Shut && idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    fn kept(&self) -> Option<Connection> {
        self.idle.lock().pop()
    }
}

//! What the thread of a member and the handles on it share. Locks are held for a few instructions and never across an
//! await.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::{
    event::Finished,
    mailbox::Mailbox,
    positions::Positions,
    status::{State, Status},
};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) mailbox: Mutex<Mailbox>,
    /// The mailbox has changed.
    pub(super) mail: Notify,
    pub(super) positions: Mutex<Positions>,
    /// Turns with every answer to a commit and every change of what we own.
    pub(super) commits: watch::Sender<u64>,
    pub(super) finished: Arc<Finished>,
    pub(super) status: Mutex<Status>,
    pub(super) orders: Orders,
}

impl Shared {
    pub(super) fn new() -> Self {
        let status = Status {
            state: State::SeekingCoordinator,
            generation: None,
            member_id: None,
            assigned: Vec::new(),
            coordinator_reachable: false,
        };
        Self {
            mailbox: Mutex::default(),
            mail: Notify::new(),
            positions: Mutex::default(),
            commits: watch::Sender::new(0),
            finished: Arc::default(),
            status: Mutex::new(status),
            orders: Orders::default(),
        }
    }

    /// Changes the mailbox and wakes its reader.
    pub(super) fn post(&self, change: impl FnOnce(&mut Mailbox)) {
        change(&mut self.mailbox.lock());
        self.mail.notify_one();
    }

    /// Changes the positions and wakes those who wait for commits.
    pub(super) fn settle(&self, change: impl FnOnce(&mut Positions)) {
        change(&mut self.positions.lock());
        self.commits.send_modify(|turn| *turn = turn.wrapping_add(1));
    }
}

/// What the member's thread is told to do.
#[derive(Debug, Default)]
pub(super) struct Orders {
    given: Mutex<Given>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    /// Commit before the interval is over.
    pub(super) flush: bool,
    pub(super) end: Option<End>,
}

/// How a membership ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// Commit what is there, say goodbye, and be through by then.
    Leave { deadline: Instant, goodbye: Duration },
    /// Stop, and let the group find out.
    Vanish,
}

impl Orders {
    pub(super) fn flush(&self) {
        self.given.lock().flush = true;
        self.changed.notify_one();
    }

    pub(super) fn end(&self, end: End) {
        self.given.lock().end.get_or_insert(end);
        self.changed.notify_one();
    }

    /// What is ordered; an order to flush is given once.
    pub(super) fn take(&self) -> Given {
        let mut given = self.given.lock();
        let taken = *given;
        given.flush = false;
        taken
    }

    /// Returns after an order was given; at once if one was since the last call returned.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

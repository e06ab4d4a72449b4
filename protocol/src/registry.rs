//! Who waits for which reply.
//!
//! ```text
//!   register ──▶ waiting ──▶ departed ──▶ answered ──▶ forgotten once 100,000 others have ended, or more
//!                   │            │                          ▲
//!                   └────────────┴── ended without a reply ─┘
//!                        (guard dropped, given up, failed from our side)
//! ```
//! Each pending request is held by one guard, [`Pending`], which is also the future of its outcome. However a request
//! ends, its entry goes with the guard, so nothing that timed out or lost its client ever stays. Everything stands under
//! one mutex that is held for some hash look-ups: a registry belongs to one shard, whose one thread rarely contends.

mod departed;
mod ended;
mod pending;
mod state;
mod tally;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

pub use ended::REMEMBERED;
pub use pending::{Parting, Pending};
pub use state::Counts;

use crate::id::{CorrelationId, Tag};
use state::State;

/// The pending requests of one shard, whose ids all have its tag.
pub struct Registry<T> {
    tag: Tag,
    max_pending: usize,
    state: Mutex<State<T>>,
}

/// Why a request cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// As many requests are pending as may be.
    #[error("too many requests are pending")]
    Full,
    /// The registry takes no more requests.
    #[error("the registry is closed")]
    Closed,
}

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// It woke its waiter.
    Answered,
    /// Its id has not our tag: somebody else's, not looked up and not counted.
    Foreign,
    /// Its request had been answered, and is still remembered: see [`REMEMBERED`].
    Duplicate,
    /// Its request had ended without an answer, and is still remembered.
    Late,
    /// No such request is remembered.
    Unknown,
}

impl<T: Send + 'static> Registry<T> {
    /// An empty registry that makes ids with `tag`. At most `max_pending` requests have a guard whose outcome has not
    /// been taken.
    pub fn new(tag: Tag, max_pending: usize) -> Arc<Self> {
        Arc::new(Self { tag, max_pending, state: Mutex::new(State::new(REMEMBERED)) })
    }

    /// The tag of its ids.
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// Makes an id and waits for its reply, which the request will say to send to `reply_partition` (`None` if it will
    /// name none). Replies must be listened for before this, and the request written after it.
    ///
    /// # Errors
    /// If the registry is full or closed; nothing is registered then.
    pub fn register(self: &Arc<Self>, reply_partition: Option<i32>) -> Result<Pending<T>, RegisterError> {
        let id = CorrelationId::random(self.tag);
        self.state.lock().insert(id, reply_partition, self.max_pending)?;
        Ok(Pending::new(Arc::clone(self), id))
    }

    /// Says that the record is about to be handed to Kafka for `partition`. False if the request has ended: then it must
    /// not be. A retry asks again, and counts once.
    pub fn departing(&self, id: CorrelationId, partition: i32) -> bool {
        self.state.lock().depart(id, partition)
    }

    /// How many requests wait for an answer after their record departed for this request partition.
    pub fn unanswered(&self, partition: i32) -> usize {
        self.state.lock().unanswered(partition)
    }

    /// How little a new request should be sent to this request partition: [`unanswered`](Self::unanswered), and far more
    /// while it has come to a halt, which is when it has something to answer and is overtaken again and again by answers
    /// from elsewhere. Of two partitions the one with the lesser load is the better.
    pub fn load(&self, partition: i32) -> usize {
        self.state.lock().load(partition)
    }

    /// Takes a reply with this correlation id. `make` runs only if somebody waits for it, under the registry's lock:
    /// it must be short and may not use the registry.
    pub fn complete(&self, id: CorrelationId, make: impl FnOnce() -> T) -> Completion {
        if id.tag() != self.tag {
            return Completion::Foreign;
        }
        let (completion, waker) = self.state.lock().complete(id, make);
        if let Some(waker) = waker {
            waker.wake();
        }
        completion
    }

    /// Ends one request from our side with this outcome; false if it has ended before. A reply that still comes is late.
    pub fn end(&self, id: CorrelationId, outcome: T) -> bool {
        // Bound to a name, so that an outcome nobody wants is dropped after the lock.
        let ended = self.state.lock().end(id, outcome);
        match ended {
            Ok(Some(waker)) => waker.wake(),
            Ok(None) => {}
            Err(_) => return false,
        }
        true
    }

    /// Ends all requests that are pending now. [`close`](Self::close) first, if none may follow.
    pub fn fail_all(&self, mut make: impl FnMut(CorrelationId) -> T) {
        let waiting = self.state.lock().waiting();
        for id in waiting {
            self.end(id, make(id));
        }
    }

    /// Takes no more requests. Those that are pending go on waiting.
    pub fn close(&self) {
        self.state.lock().close();
    }

    /// How many requests wait for their outcome.
    pub fn pending(&self) -> usize {
        self.state.lock().pending()
    }

    /// How many of them named this reply partition.
    pub fn pending_naming(&self, reply_partition: i32) -> usize {
        self.state.lock().pending_naming(reply_partition)
    }

    /// The replies so far.
    pub fn counts(&self) -> Counts {
        self.state.lock().counts()
    }
}

impl<T> fmt::Debug for Registry<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").field("tag", &self.tag).finish_non_exhaustive()
    }
}

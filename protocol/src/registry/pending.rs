//! The guard of one pending request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Registry;
use super::state::{Entry, Polled};
use crate::id::CorrelationId;

/// One pending request: a future of its outcome, and the guard of its entry. Dropping it ends the request.
///
/// Like most futures it may not be polled again after it was ready.
#[must_use = "dropping it ends the request"]
pub struct Pending<T: Send + 'static> {
    registry: Arc<Registry<T>>,
    id: CorrelationId,
    /// Set once the entry is out of the registry: whether the record had departed.
    taken: Option<bool>,
}

/// How a request stood when its waiter gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting<T> {
    /// It had its outcome, at the last moment.
    Ended(T),
    /// Its record had been handed to Kafka: it may have been executed.
    Departed,
    /// Its record had not been, and now never will be.
    NeverSent,
}

impl<T: Send + 'static> Pending<T> {
    pub(super) fn new(registry: Arc<Registry<T>>, id: CorrelationId) -> Self {
        Self { registry, id, taken: None }
    }

    /// The id that the request was given.
    pub fn id(&self) -> CorrelationId {
        self.id
    }

    /// Whether the record was handed to Kafka. While the request waits this may change at any moment: whoever gives up
    /// asks by [`give_up`](Self::give_up).
    pub fn departed(&self) -> bool {
        self.taken.unwrap_or_else(|| self.registry.state.lock().has_departed(self.id))
    }

    /// Waits for the outcome. Cancel-safe: a dropped call loses nothing.
    pub async fn outcome(&mut self) -> T {
        self.await
    }

    /// Ends the request, and says in one step how it stood: after [`Parting::NeverSent`] no record departs any more.
    pub fn give_up(mut self) -> Parting<T> {
        let outcome = self.leave().and_then(Entry::into_outcome);
        match outcome {
            Some(outcome) => Parting::Ended(outcome),
            None if self.departed() => Parting::Departed,
            None => Parting::NeverSent,
        }
    }

    /// Takes the entry out, unless that was done before.
    fn leave(&mut self) -> Option<Entry<T>> {
        if self.taken.is_some() {
            return None;
        }
        let entry = self.registry.state.lock().leave(self.id)?;
        self.taken = Some(entry.has_departed());
        Some(entry)
    }
}

impl<T: Send + 'static> Future for Pending<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Bound to a name, so that an old waker is dropped after the lock.
        let polled = self.registry.state.lock().poll(self.id, context.waker());
        match polled {
            Polled::Waiting(_) => Poll::Pending,
            Polled::Ended(entry) => {
                self.taken = Some(entry.has_departed());
                Poll::Ready(entry.into_outcome().expect("it has ended"))
            }
            Polled::Gone => panic!("polled after it was ready"),
        }
    }
}

impl<T: Send + 'static> Drop for Pending<T> {
    fn drop(&mut self) {
        // Its outcome is dropped here, after the lock.
        drop(self.leave());
    }
}

impl<T: Send + 'static> fmt::Debug for Pending<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pending").field("id", &self.id).finish_non_exhaustive()
    }
}

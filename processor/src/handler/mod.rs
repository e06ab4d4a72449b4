//! What a worker can do, told without a word of Kafka.
//!
//! **A handler may run twice for one request.** A worker commits a request's offset after its reply is written, so
//! one that dies in between, or loses its partition, leaves the request to the next worker, who runs it again. A
//! handler must come to the same answer then, and leave the world as if it had run once.
//!
//! ```text
//!   request ─▶ Operations (by name) ─▶ payload as Operation::Input ─▶ Operation::handle ─┬▶ Output ──▶ reply
//!                                                                                        └▶ HandlerError ─▶ error reply
//! ```

mod erased;
mod function;
mod registry;

use serde::{Deserialize, Serialize};

pub(crate) use erased::{Erased, HANDLER_PANICKED, Unanswered};
pub use registry::Operations;

/// One thing that callers can ask for. An implementation knows the business and nothing else.
pub trait Operation: Send + Sync + 'static {
    /// The operation's name on the wire; the caller's side carries the same.
    const NAME: &'static str;

    /// What the caller sends: the fields of a JSON object. Unknown fields are ignored.
    type Input<'a>: Deserialize<'a>;
    /// What it gets: something that serializes to a JSON object, without fields `version`, `id` and `error`.
    type Output: Serialize;

    /// Where [`handle`](Self::handle) may run.
    fn cost(&self) -> Cost {
        Cost::Short
    }

    /// Does the work. May be called any number of times for one request, on several threads at once.
    ///
    /// A panic is answered like [`HandlerError::Failed`]; it does not stop the worker.
    ///
    /// # Errors
    /// [`HandlerError`], whose variant says whose fault it is.
    fn handle(&self, input: Self::Input<'_>) -> Result<Self::Output, HandlerError>;
}

/// What one call of a handler takes of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// At most about a millisecond, and never waits: runs on the worker's one loop, which costs nothing on top. A
    /// handler that is not short after all delays every request of its worker.
    Short,
    /// Longer, or waits for something: runs on the bounded pool of threads beside the loop.
    Heavy,
}

/// Why there is no output. The message goes to the caller: it names no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// The caller's fault: the payload is understood and refused, and would be again. It is answered, and that is all.
    #[error("{0}")]
    Rejected(String),
    /// The worker's own fault. It is answered, and the request is kept as a dead letter.
    #[error("{0}")]
    Failed(String),
}

impl HandlerError {
    /// The caller's fault.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected(message.into())
    }

    /// The worker's own fault.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

//! A call as its client saw it.

use std::time::Duration;

use super::{Digest, Id, Instance, Span};

/// One `POST /hash`. The client retries nothing: what is sent again is another call with data of its own.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name in every report; no two calls have the same.
    pub number: u64,
    /// The gateway that it was sent to.
    pub gateway: Instance,
    /// On which connection.
    pub connection: Connection,
    /// Of its `data`, which no other call has.
    pub data: Digest,
    /// Just before the first byte was sent; on a fresh connection just before connecting.
    pub sent: Duration,
    /// When its outcome was known, the whole body read.
    pub ended: Duration,
    /// The gateway's `REQUEST_TIMEOUT`. The client itself has to wait longer than this and the grace in the
    /// [`Terms`](super::Terms).
    pub limit: Duration,
    /// The code of the error that the call was made to get (`payload_too_large` for an oversized one); `None` for a
    /// call that deserves its hash.
    pub provokes: Option<&'static str>,
    /// What came of it.
    pub outcome: Outcome,
}

impl Call {
    /// From its sending to its outcome.
    pub fn span(&self) -> Span {
        Span { from: self.sent, to: self.ended }
    }

    /// When the gateway has to have answered it.
    pub fn deadline(&self) -> Duration {
        self.sent + self.limit
    }

    /// The id in its answer or in its error.
    pub fn id(&self) -> Option<&Id> {
        match &self.outcome {
            Outcome::Answered { id, .. } => Some(id),
            Outcome::Refused { id, .. } => id.as_ref(),
            Outcome::Garbled(_) | Outcome::Broken(_) | Outcome::NotConnected(_) | Outcome::TimedOut => None,
        }
    }
}

/// The connection that a call was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Made for this call.
    Fresh,
    /// Used before, and not told to close by the answer to the last call on it.
    KeptAlive {
        /// When that answer had arrived.
        idle_since: Duration,
    },
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 200 with `{"hash":…,"id":…}` and nothing else.
    Answered {
        /// The id in it.
        id: Id,
        /// The hash in it, right or wrong.
        hash: Digest,
    },
    /// An error in `application/problem+json` with all fields that it promises and the response's own status.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its stable code.
        code: Box<str>,
        /// What it says of sending the request again.
        retry_safe: bool,
        /// The request's id, where it names one.
        id: Option<Id>,
    },
    /// A whole response that is neither, or more than one: what was wrong with it, in words.
    Garbled(Box<str>),
    /// The connection ended before a whole response had come: the client's error, in words.
    Broken(Box<str>),
    /// No connection could be made, so nothing was sent: the client's error, in words.
    NotConnected(Box<str>),
    /// The client gave up waiting.
    TimedOut,
}

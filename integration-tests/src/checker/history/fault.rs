//! What was done to the stack, and what that excuses.

use std::time::Duration;

use super::{Span, Topic};

/// A fault, or a planned change such as a rolling restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its kind: faults of one name share a row in the table.
    pub name: &'static str,
    /// Whom it met, in words.
    pub target: String,
    /// Just before it was injected.
    pub began: Duration,
    /// When it was over: the broker is up again, the frozen process woken. Where nothing lasts (a connection is reset, a
    /// process killed for good) the moment when it was done.
    pub ended: Duration,
    /// From when its recovery is timed.
    pub since: Since,
    /// The longest time from there in which callers may still get errors; `None` if it may show them none at all, not even
    /// while it lasts, as a rolling restart has to.
    pub bound: Option<Duration>,
}

/// From when the recovery of a fault is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From its beginning: the others have to make up for a killed process, whether or not it is started again.
    Began,
    /// From its end: nothing can be expected while the only broker is down.
    Ended,
}

impl Fault {
    /// The moment from which its recovery is timed.
    pub fn timed_from(&self) -> Duration {
        match self.since {
            Since::Began => self.began,
            Since::Ended => self.ended,
        }
    }

    /// When errors are excused by it, if ever: a call is excused if it was open at any moment of this.
    pub fn excuses(&self) -> Option<Span> {
        self.bound.map(|bound| Span { from: self.began, to: self.timed_from() + bound })
    }
}

/// A topic was deleted, and records with it that the tail may not have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Which one.
    pub topic: Topic,
    /// How often it had been deleted before.
    pub incarnation: u32,
    /// From the last moment up to which all that was written had been tailed for certain, to when the topic was there
    /// again and its tail had begun.
    pub during: Span,
}

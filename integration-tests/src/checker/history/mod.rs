//! What happened in a run, as its observer saw it.
//!
//! All times are since the run began, by one monotonic clock of the observer. Nothing in a history is taken from what
//! a service claims of itself, but for its counters and samples.
//!
//! How a run is ended decides how much of it can be judged:
//! 1. the last fault is over and its bound past; calls go on for a while and are answered;
//! 2. no call is open any more, the tail has reached the ends that the brokers name, the workers have committed them;
//! 3. each gateway that runs is called once more: its answer proves that it has read every reply before it;
//! 4. the tail catches up again; then counters, committed offsets and the last samples are taken.

mod call;
mod fault;
mod identity;
mod life;
mod record;

use std::time::Duration;

pub use call::{Call, Connection, Outcome};
pub use fault::{Fault, Loss, Since};
pub use identity::{Digest, Id, Instance, Service};
pub use life::{Death, Ending, Life, ReplyCounters, Sample, WorkCounters};
pub use record::{Content, Coordinates, Log, Position, Seen, Topic};

/// From one moment to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: Duration,
    /// Its last moment, not before `from`.
    pub to: Duration,
}

impl Span {
    /// Whether the two have a moment in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Whether this moment is in it.
    pub fn contains(&self, moment: Duration) -> bool {
        self.from <= moment && moment <= self.to
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

/// A whole run, from before its first call until everything had come to rest.
#[derive(Debug, Default)]
pub struct History {
    /// Every call that a client made, probes and warm-up included, in any order.
    pub calls: Vec<Call>,
    /// Every record of the three topics, in any order.
    pub records: Vec<Seen>,
    /// What of each partition was tailed: the proof that no record was overlooked.
    pub logs: Vec<Log>,
    /// Topics that were deleted, with what that took away.
    pub losses: Vec<Loss>,
    /// Every gateway process; one that is started again is another.
    pub gateways: Vec<Life<ReplyCounters>>,
    /// Every worker process, likewise.
    pub workers: Vec<Life<WorkCounters>>,
    /// Every fault and every planned change.
    pub faults: Vec<Fault>,
    /// The workers' committed offsets at the end, one for each request partition that has any.
    pub committed: Vec<Position>,
    /// What the processes held, in the order in which it was measured: each at rest at least twice, soon after its start and
    /// at the end.
    pub samples: Vec<Sample>,
    /// When the observer itself was not running although it wanted to: what it timed then took so much less.
    pub stalls: Vec<Span>,
    /// What the run was promised.
    pub terms: Terms,
}

/// The figures of the guarantees that depend on how a run was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Time after a call's deadline in which its response may still arrive.
    pub answer_grace: Duration,
    /// For how long a gateway goes on serving after SIGTERM: half a second, or `SHUTDOWN_DELAY` if that is longer.
    pub last_call: Duration,
    /// Sockets that a process may hold at the end beyond its first quiet sample.
    pub more_sockets: u64,
    /// Bytes of resident memory that a process may hold at the end beyond its first quiet sample.
    pub more_rss_bytes: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            answer_grace: Duration::from_millis(500),
            last_call: Duration::from_millis(500),
            more_sockets: 8,
            more_rss_bytes: 64 << 20,
        }
    }
}

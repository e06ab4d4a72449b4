//! The processes of a run.

use std::time::Duration;

use super::{Instance, Span};

/// One process from its start to its end, with the counters `C` that it was asked for.
#[derive(Debug, Clone)]
pub struct Life<C> {
    /// Which process.
    pub instance: Instance,
    /// Just before it was started. A gateway gets calls only once it listens, and its port goes to no other after it.
    pub started: Duration,
    /// How it ended; `None` if it runs at the end of the run.
    pub death: Option<Death>,
    /// From just before each SIGSTOP to just after the SIGCONT.
    pub freezes: Vec<Span>,
    /// By how many milliseconds its wall clock is ahead of the observer's.
    pub clock_ahead_ms: i64,
    /// What its metrics said last, and when they were asked for; `None` if they never were. For a process that runs at
    /// the end they are asked for once everything has come to rest: all logs are tailed to their ends, nothing is
    /// pending, and the counters do not change any more.
    pub counters: Option<(Duration, C)>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// Just before the signal was sent; for an end that nobody asked for, when the process was last seen to run.
    pub began: Duration,
    /// When it was gone for certain.
    pub ended: Duration,
    /// By what.
    pub by: Ending,
}

/// What ended a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGKILL.
    Killed,
    /// SIGTERM, and it ended with exit status 0.
    Stopped,
    /// Anything else: a crash, an exit that nobody asked for, or another status than 0 after SIGTERM.
    Failed,
}

/// What a gateway counted of replies, over all its shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplyCounters {
    /// Replies to requests that had ended without one.
    pub late: u64,
    /// Replies to requests that had been answered.
    pub duplicate: u64,
    /// Replies to ids of its own that it did not remember.
    pub unknown: u64,
}

/// What a worker counted of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkCounters {
    /// Records that nobody waited for any more.
    pub expired: u64,
}

/// What a process held at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Which process.
    pub instance: Instance,
    /// When.
    pub at: Duration,
    /// Whether no call was open then and no fault was being recovered from, so that samples can be compared.
    pub is_quiet: bool,
    /// Requests pending in a gateway, or taken and not finished by a worker.
    pub pending: u64,
    /// Open sockets.
    pub sockets: u64,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
}

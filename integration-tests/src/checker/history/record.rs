//! The records of the topics, tailed live.

use std::fmt;
use std::time::Duration;

use super::{Digest, Id};

/// One of the three topics of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// `hash_requests`.
    Requests,
    /// `hash_responses`.
    Responses,
    /// `hash_requests.dlq`.
    DeadLetters,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinates {
    /// In which topic.
    pub topic: Topic,
    /// How often that topic had been deleted before.
    pub incarnation: u32,
    /// In which partition of it.
    pub partition: i32,
    /// At which offset.
    pub offset: i64,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = match self.topic {
            Topic::Requests => "requests",
            Topic::Responses => "responses",
            Topic::DeadLetters => "dead letters",
        };
        write!(formatter, "{topic}-{}@{}", self.partition, self.offset)?;
        match self.incarnation {
            0 => Ok(()),
            deletions => write!(formatter, " (after {deletions} deletions)"),
        }
    }
}

/// A record.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where it is.
    pub at: Coordinates,
    /// When the tail had it: not before it was written.
    pub seen: Duration,
    /// The correlation id that counts: the header, else the key, else the value's id.
    pub id: Option<Id>,
    /// What its value says.
    pub content: Content,
}

/// What the value of a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A request to hash.
    Request {
        /// Of its `data`.
        data: Digest,
        /// The response partition that it names.
        reply_partition: Option<i32>,
    },
    /// A reply with a hash.
    Hash(Digest),
    /// A reply with an error, by its code.
    Error(Box<str>),
    /// A dead letter.
    DeadLetter {
        /// Its `dlq-reason`.
        reason: Box<str>,
        /// Its `dlq-partition` and `dlq-offset`: where the request was.
        origin: Option<Position>,
    },
    /// None of that, or a reply whose value names another id than its header: what it is, in words.
    Unfit(Box<str>),
}

/// An offset of a partition of the request topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset: a record's, or the next to be read.
    pub offset: i64,
}

/// One partition, from where its tail began to where it ended. Every record between is in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Of which topic.
    pub topic: Topic,
    /// How often that topic had been deleted before.
    pub incarnation: u32,
    /// Which partition of it.
    pub partition: i32,
    /// The first offset that was tailed: the log's end when the run began, 0 for a partition that was made during it.
    pub begin: i64,
    /// The log's end as the broker names it at the end of the run; for a deleted topic, where its tail had come.
    pub end: i64,
}

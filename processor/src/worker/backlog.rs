//! What a fetch brought and nobody has taken yet, by rising offset.

use std::iter::Peekable;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use chrono::{DateTime, Utc};
use kafka::RecordAndOffset;
use kafka::batch::RawRecord;
use kafka::reader::Fetched;

use super::expiry::Reading;

/// A record of the request topic.
#[derive(Debug)]
pub(crate) enum Item {
    /// One like most.
    Record(RecordAndOffset),
    /// One that the Kafka client cannot carry.
    Unreadable(RawRecord),
}

impl Item {
    pub(crate) fn offset(&self) -> i64 {
        match self {
            Self::Record(record) => record.offset,
            Self::Unreadable(raw) => raw.offset,
        }
    }

    /// Roughly what it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Record(RecordAndOffset { record, .. }) => {
                let headers = record.headers.iter().map(|(name, value)| name.len() + value.len());
                let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
                length(&record.key) + length(&record.value) + headers.sum::<usize>()
            }
            Self::Unreadable(raw) => {
                let length = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
                let headers = raw.headers.iter().map(|(name, value)| name.len() + length(value));
                length(&raw.key) + length(&raw.value) + headers.sum::<usize>()
            }
        }
    }
}

/// The rest of one fetch.
#[derive(Debug)]
pub(crate) struct Backlog {
    records: Peekable<IntoIter<RecordAndOffset>>,
    unreadable: Peekable<IntoIter<RawRecord>>,
    /// Where the next fetch begins.
    next_offset: i64,
    fetched: Instant,
    max_age: Option<Duration>,
}

impl Backlog {
    /// Nothing, before the first fetch at `position`.
    pub(crate) fn empty(position: i64) -> Self {
        Self {
            records: Vec::new().into_iter().peekable(),
            unreadable: Vec::new().into_iter().peekable(),
            next_offset: position,
            fetched: Instant::now(),
            max_age: None,
        }
    }

    /// All that a fetch brought just now, none of it older than `max_age`.
    pub(crate) fn of(fetched: Fetched, now: Instant, max_age: Option<Duration>) -> Self {
        Self {
            records: fetched.records.into_iter().peekable(),
            unreadable: fetched.unreadable.into_iter().peekable(),
            next_offset: fetched.next_offset,
            fetched: now,
            max_age,
        }
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.records.peek().is_none() && self.unreadable.peek().is_none()
    }

    /// One past the last offset that the fetch covered.
    pub(crate) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    pub(crate) fn next(&mut self) -> Option<Item> {
        let raw_is_first = match (self.records.peek(), self.unreadable.peek()) {
            (Some(record), Some(raw)) => raw.offset < record.offset,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if raw_is_first {
            self.unreadable.next().map(Item::Unreadable)
        } else {
            self.records.next().map(Item::Record)
        }
    }

    /// The clocks for judging what is left, which has aged since it was fetched.
    pub(crate) fn reading(&self, instant: Instant, wall: DateTime<Utc>) -> Reading {
        let since = instant.saturating_duration_since(self.fetched);
        Reading { instant, wall, max_age: self.max_age.map(|age| age + since) }
    }
}

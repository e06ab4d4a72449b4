//! The log of one partition: record batches as they were produced, in memory, bounded in bytes.

mod batch;
mod records;

use std::collections::VecDeque;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use parking_lot::Mutex;
use tokio::sync::{Notify, futures::Notified};

pub(crate) use batch::{Batch, Limits};

/// Where a partition's log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The oldest offset that is still there.
    pub(crate) start: i64,
    /// The offset the next record will get. With one replica it is the high watermark too.
    pub(crate) end: i64,
}

/// What one read found.
pub(crate) struct Slice {
    pub(crate) batches: Vec<Bytes>,
    pub(crate) bounds: Bounds,
}

/// Why a read found nothing; `bounds` is absent when the partition itself is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadError {
    pub(crate) error: ResponseError,
    pub(crate) bounds: Option<Bounds>,
}

/// One partition. Cheap reads: batches are shared, never copied, until an answer is written.
pub(crate) struct Partition {
    log: Mutex<Log>,
    changed: Notify,
    retention_bytes: usize,
}

struct Log {
    batches: VecDeque<Batch>,
    start: i64,
    end: i64,
    bytes: usize,
    deleted: bool,
}

impl Partition {
    pub(crate) fn new(retention_bytes: usize) -> Self {
        let log = Log { batches: VecDeque::new(), start: 0, end: 0, bytes: 0, deleted: false };
        Self { log: Mutex::new(log), changed: Notify::new(), retention_bytes }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.log.lock().bounds()
    }

    /// Completes at the next append, deletion or [`wake`](Self::wake). Enable it *before* reading, or a wake-up in between is lost.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Lets every reader that waits look again.
    pub(crate) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Appends one checked batch and returns the offset of its first record and the log's start.
    pub(crate) fn append(&self, batch: &Bytes) -> Result<(i64, i64), ResponseError> {
        let (base, start) = {
            let mut log = self.log.lock();
            if log.deleted {
                return Err(ResponseError::UnknownTopicOrPartition);
            }
            let base = log.end;
            let batch = Batch::at(base, batch);
            log.end = batch.last_offset + 1;
            log.bytes += batch.bytes.len();
            log.batches.push_back(batch);
            while log.bytes > self.retention_bytes && log.batches.len() > 1 {
                log.drop_oldest();
            }
            (base, log.start)
        };
        self.changed.notify_waiters();
        Ok((base, start))
    }

    /// Whole batches from the one that holds `offset`, up to `max_bytes`; with `at_least_one` the first comes however
    /// large it is, so that a reader with a small limit still moves.
    pub(crate) fn read(&self, offset: i64, max_bytes: usize, at_least_one: bool) -> Result<Slice, ReadError> {
        let log = self.log.lock();
        if log.deleted {
            return Err(ReadError { error: ResponseError::UnknownTopicOrPartition, bounds: None });
        }
        let bounds = log.bounds();
        if !(bounds.start..=bounds.end).contains(&offset) {
            return Err(ReadError { error: ResponseError::OffsetOutOfRange, bounds: Some(bounds) });
        }
        let first = log.batches.partition_point(|batch| batch.last_offset < offset);
        let mut bytes = 0;
        let mut batches = Vec::new();
        for batch in log.batches.range(first..) {
            bytes += batch.bytes.len();
            if bytes > max_bytes && !(batches.is_empty() && at_least_one) {
                break;
            }
            batches.push(batch.bytes.clone());
        }
        Ok(Slice { batches, bounds })
    }

    /// The first record at or after `timestamp_ms`, as (offset, timestamp).
    pub(crate) fn find_timestamp(&self, timestamp_ms: i64) -> Option<(i64, i64)> {
        let log = self.log.lock();
        let batch = log.batches.iter().find(|batch| batch.max_timestamp_ms >= timestamp_ms)?;
        let (offset, timestamp) = batch.find_timestamp(timestamp_ms);
        Some((offset.max(log.start), timestamp))
    }

    /// The record with the newest timestamp, as (offset, timestamp).
    pub(crate) fn newest_timestamp(&self) -> Option<(i64, i64)> {
        let log = self.log.lock();
        let newest = log.batches.iter().map(|batch| batch.max_timestamp_ms).max()?;
        let batch = log.batches.iter().find(|batch| batch.max_timestamp_ms == newest)?;
        Some(batch.find_timestamp(newest))
    }

    /// Moves the log's start to `offset` (-1: the end) and returns the new start.
    pub(crate) fn delete_before(&self, offset: i64) -> Result<i64, ResponseError> {
        let mut log = self.log.lock();
        let offset = if offset == -1 { log.end } else { offset };
        if !(0..=log.end).contains(&offset) {
            return Err(ResponseError::OffsetOutOfRange);
        }
        while log.batches.front().is_some_and(|batch| batch.last_offset < offset) {
            log.drop_oldest();
        }
        log.start = log.start.max(offset);
        Ok(log.start)
    }

    /// The topic was deleted: readers that wait find out now, late appends are refused.
    pub(crate) fn delete(&self) {
        let mut log = self.log.lock();
        log.deleted = true;
        log.batches.clear();
        log.bytes = 0;
        drop(log);
        self.changed.notify_waiters();
    }
}

impl Log {
    fn bounds(&self) -> Bounds {
        Bounds { start: self.start, end: self.end }
    }

    fn drop_oldest(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.bytes -= batch.bytes.len();
            self.start = self.start.max(batch.last_offset + 1);
        }
    }
}

#[cfg(test)]
mod tests;

//! What a reader gives.

use std::{ops::Range, time::Duration};

use rskafka::record::RecordAndOffset;

use crate::batch::RawRecord;

/// What one step forward in the log brought. Both lists may be empty: some offsets hold nothing for anybody.
#[derive(Debug)]
pub struct Fetched {
    /// By rising offset.
    pub records: Vec<RecordAndOffset>,
    /// Records that rskafka's `Record` cannot carry, or that cannot be decoded at all; by rising offset, in between
    /// those of `records`.
    pub unreadable: Vec<RawRecord>,
    /// Offset behind the last record that every in-sync replica has.
    pub high_watermark: i64,
    /// Where the next step begins.
    pub next_offset: i64,
    /// None of these records was appended longer ago, by this process's monotonic clock alone. Unknown, so of any age,
    /// until the reader has once seen the end of the log, be it where it began.
    pub max_age: Option<Duration>,
    /// Offsets that were deleted before they could be read.
    pub skipped: Option<Range<i64>>,
    /// The log was truncated, or its topic was created anew: reading begins again at its first record, and offsets are
    /// lower than before.
    pub restarted: bool,
}

impl Fetched {
    /// A jump to `next_offset`.
    pub(super) fn nothing(next_offset: i64, high_watermark: i64) -> Self {
        Self {
            records: Vec::new(),
            unreadable: Vec::new(),
            high_watermark,
            next_offset,
            max_age: None,
            skipped: None,
            restarted: false,
        }
    }
}

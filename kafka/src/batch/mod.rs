//! Record batches read and written by our own hand, for what rskafka's `Record` cannot carry.
//!
//! rskafka fails a whole fetch, for ever, on one record with a null header value or a header name that is not UTF-8,
//! on a batch in a codec it was built without, and on some transaction markers. The way past such a place:
//!
//! ```text
//!   read_batch_at(offset) ─▶ leader ─▶ each batch         ─▶ header ─▶ CRC-32C ─▶ codec ─▶ records
//!                                                             │                            │
//!                                 cannot be read at all: ─────┴──▶ unreadable ◀────────────┤ cannot be carried
//!                                                                  records    ◀────────────┘ all the others
//!   then go on at next_offset, behind the batch
//! ```
//!
//! Control batches (transaction markers) hold no records of anybody's. Transactions are read as rskafka reads them,
//! uncommitted: records of an aborted transaction count like any others.

mod append;
mod codec;
mod cursor;
mod decode;
mod encode;
mod fetch;
mod header;
mod produce;
mod range;
mod record;

use std::error::Error;

use bytes::Bytes;
use rskafka::record::RecordAndOffset;

pub use append::{AppendError, RawAppender};
pub use codec::MAX_DECOMPRESSED_BYTES;
pub use decode::decode;
pub use encode::{EncodeError, encode};
pub use fetch::{BatchReader, read_batch_at};
pub use produce::produce_raw;
pub use range::RangeReader;

/// What one batch holds, from the offset asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchContents {
    /// What rskafka's `Record` can carry, by rising offset. Of a header name that occurs twice the last value stays,
    /// as when rskafka itself reads the record.
    pub records: Vec<RecordAndOffset>,
    /// The rest, by rising offset, each with its reason.
    pub unreadable: Vec<RawRecord>,
    /// Where to read on: behind the batch. The offset asked for itself if nothing is there yet.
    pub next_offset: i64,
    /// The partition's high watermark as the leader told it; `None` if nobody was asked.
    pub high_watermark: Option<i64>,
}

/// A record as it stands in the log: header order, repeated header names and null header values kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRecord {
    /// Its place in the partition. Where several offsets could not be read at all, the first of them. Not written.
    pub offset: i64,
    /// Milliseconds since 1970; the highest of the batch where the record itself could not be read.
    pub timestamp_ms: i64,
    /// `None` also if the record could not be read at all.
    pub key: Option<Bytes>,
    /// `None` also if the record could not be read at all.
    pub value: Option<Bytes>,
    /// Name and value, in the producer's order.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    /// Why it is no ordinary record, in words for a person. Not written.
    pub reason: String,
}

/// Why a batch, or the end of one, cannot be read.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("the checksum does not match")]
    Checksum,
    #[error("message format {0} is older than Kafka 0.11 and not read here")]
    OldFormat(i8),
    #[error("message format {0} is unknown")]
    UnknownFormat(i8),
    #[error("compression codec {0} is unknown")]
    UnknownCodec(i16),
    #[error("the {codec} data cannot be decompressed")]
    Compression { codec: &'static str, source: std::io::Error },
    #[error("a record ends before its last field")]
    Truncated,
    #[error("a record holds a number that cannot be right")]
    Number,
}

impl Damage {
    /// The error and what caused it, in one line.
    fn in_words(&self) -> String {
        self.source().map_or_else(|| self.to_string(), |source| format!("{self}: {source}"))
    }
}

#[cfg(test)]
mod tests;

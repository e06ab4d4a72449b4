//! One record batch of format 2, kept in the bytes it came in.
//!
//! ```text
//!  0        8        12       16  17    21      23          27         35        43 … 57     61
//!  ├ base ──┼ length ┼ leader ┼ m ┼ CRC ┼ attrs ┼ last     ┼ first    ┼ max     ┼ … ┼ count ┼ records
//!  │ offset │ of the │ epoch  │ 2 │ of everything after  it: offset    │ time-   │   │       │
//!  │        │ rest   │        │   │       │       │ delta    │ timestamp│ stamp   │   │       │
//! ```
//! The base offset and the leader epoch lie before the checksum's reach, so a broker can place a batch without
//! touching, or even understanding, its records: compressed ones stay as they are.

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;

use super::records::{Malformed, Records};

const HEADER: usize = 61;
/// Bytes before the part that the length field counts.
const PREFIX: usize = 12;

const CODEC_BITS: i16 = 0b111;
const CODEC_ZSTD: i16 = 4;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// What a producer's batch must keep to.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// The topic's `max.message.bytes`, header included.
    pub(crate) max_bytes: usize,
    /// Producers older than produce v7 may not send zstd: consumers of their age could not read it.
    pub(crate) allow_zstd: bool,
}

/// A batch that has its place in a log.
pub(crate) struct Batch {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) bytes: Bytes,
}

impl Batch {
    /// Whether `records`, as they stand in a produce request, are one sound batch that a client may write.
    pub(crate) fn check(records: &[u8], limits: Limits) -> Result<(), ResponseError> {
        let attributes = Self::check_shape(records)?;
        if records.len() > limits.max_bytes {
            return Err(ResponseError::MessageTooLarge);
        }
        match attributes & CODEC_BITS {
            CODEC_ZSTD if !limits.allow_zstd => return Err(ResponseError::UnsupportedCompressionType),
            codec if codec > CODEC_ZSTD => return Err(ResponseError::UnsupportedCompressionType),
            _ => {}
        }
        if attributes & CONTROL != 0 {
            return Err(ResponseError::InvalidRecord);
        }
        if attributes & TRANSACTIONAL != 0 {
            return Err(ResponseError::InvalidTxnState);
        }
        let (count, last_delta) = (int(records, 57), int(records, 23));
        if count < 1 || last_delta != count - 1 {
            return Err(ResponseError::InvalidRecord);
        }
        if attributes & CODEC_BITS == 0 {
            let offset_deltas = Records::of(&records[HEADER..]).map(|record| Ok(record?.offset_delta));
            if !offset_deltas.eq((0..count).map(Ok::<_, Malformed>)) {
                return Err(ResponseError::InvalidRecord);
            }
        }
        Ok(())
    }

    /// Whether `records` are exactly one batch of format 2 with a right checksum; returns its attributes.
    pub(crate) fn check_shape(records: &[u8]) -> Result<i16, ResponseError> {
        if records.len() < HEADER {
            return Err(ResponseError::CorruptMessage);
        }
        if records[16] != 2 {
            return Err(ResponseError::UnsupportedForMessageFormat);
        }
        let length = usize::try_from(int(records, 8)).map_err(|_| ResponseError::CorruptMessage)?;
        if length < HEADER - PREFIX || length > records.len() - PREFIX {
            return Err(ResponseError::CorruptMessage);
        }
        if length < records.len() - PREFIX {
            // Since Kafka 3 a partition's share of a request is exactly one batch.
            return Err(ResponseError::InvalidRecord);
        }
        let stated = u32::from_be_bytes(array(records, 17));
        if crc32c::crc32c(&records[21..]) != stated {
            return Err(ResponseError::CorruptMessage);
        }
        if int(records, 23) < 0 {
            return Err(ResponseError::CorruptMessage);
        }
        Ok(i16::from_be_bytes(array(records, 21)))
    }

    /// Places a batch of sound shape at `base_offset`. Copies it: what came in is a view into a whole request, which
    /// should not live as long as the log does.
    pub(crate) fn at(base_offset: i64, records: &[u8]) -> Self {
        let mut bytes = BytesMut::from(records);
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes[12..16].copy_from_slice(&0i32.to_be_bytes());
        Self {
            base_offset,
            last_offset: base_offset + i64::from(int(records, 23)),
            max_timestamp_ms: i64::from_be_bytes(array(records, 35)),
            bytes: bytes.freeze(),
        }
    }

    /// The first record at or after `timestamp_ms`, as (offset, timestamp). Where the records cannot be read here
    /// (compressed), the batch's first offset: early rather than late.
    pub(crate) fn find_timestamp(&self, timestamp_ms: i64) -> (i64, i64) {
        let attributes = i16::from_be_bytes(array(&self.bytes, 21));
        let base_timestamp_ms = i64::from_be_bytes(array(&self.bytes, 27));
        let found = (attributes & CODEC_BITS == 0)
            .then(|| Records::of(&self.bytes[HEADER..]).map_while(Result::ok))
            .and_then(|mut records| {
                records.find(|record| {
                    base_timestamp_ms.saturating_add(record.timestamp_delta_ms) >= timestamp_ms
                })
            });
        match found {
            Some(record) => (
                self.base_offset + i64::from(record.offset_delta),
                base_timestamp_ms.saturating_add(record.timestamp_delta_ms),
            ),
            None => (self.base_offset, self.max_timestamp_ms),
        }
    }
}

fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(array(bytes, at))
}

/// `N` bytes at `at`, of a batch whose header is known to be complete.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
}

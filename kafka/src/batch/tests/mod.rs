//! Batches of our own making, of `kafka-protocol`'s, and broken ones.

mod compressed;
mod damaged;
mod encoded;
mod fuzz;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::{collection::vec, option, prelude::*};

use super::{
    BatchContents, RawRecord, encode,
    header::{CHECKED_FROM, UNCOUNTED_BYTES},
};

const ATTRIBUTES_AT: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
const COUNT_AT: usize = 57;

/// A batch of `records` that begins at `base_offset`, with `attributes`, its records passed through `compress`.
fn batch(
    records: &[RawRecord],
    base_offset: i64,
    attributes: i16,
    compress: impl Fn(&[u8]) -> Vec<u8>,
) -> BytesMut {
    let plain = encode(records).unwrap();
    let mut batch = BytesMut::from(&plain[..super::header::HEADER_BYTES]);
    batch.extend_from_slice(&compress(&plain[super::header::HEADER_BYTES..]));
    let length = u32::try_from(batch.len() - UNCOUNTED_BYTES).unwrap();
    (&mut batch[..8]).put_i64(base_offset);
    (&mut batch[8..12]).put_u32(length);
    (&mut batch[ATTRIBUTES_AT..]).put_i16(attributes);
    seal(&mut batch);
    batch
}

/// Makes the checksum right again.
fn seal(batch: &mut [u8]) {
    let sum = crc32c::crc32c(&batch[CHECKED_FROM..]);
    (&mut batch[CHECKED_FROM - 4..CHECKED_FROM]).put_u32(sum);
}

/// A record that rskafka can carry.
fn plain(value: &str) -> RawRecord {
    RawRecord {
        timestamp_ms: 1_700_000_000_000,
        value: Some(Bytes::from(value.to_owned())),
        ..RawRecord::default()
    }
}

fn values(contents: &BatchContents) -> Vec<(i64, String)> {
    let value = |record: &rskafka::record::RecordAndOffset| {
        let value = record.record.value.clone().unwrap();
        (record.offset, String::from_utf8(value).unwrap())
    };
    contents.records.iter().map(value).collect()
}

/// Everything in the contents by rising offset, as it stood in the log but for header order and repetitions in those
/// that rskafka can carry.
fn all(contents: BatchContents) -> Vec<RawRecord> {
    let carried = contents.records.into_iter().map(|record| RawRecord {
        offset: record.offset,
        timestamp_ms: record.record.timestamp.timestamp_millis(),
        key: record.record.key.map(Bytes::from),
        value: record.record.value.map(Bytes::from),
        headers: (record.record.headers.into_iter())
            .map(|(name, value)| (Bytes::from(name), Some(Bytes::from(value))))
            .collect(),
        reason: String::new(),
    });
    let mut all: Vec<_> = carried.chain(contents.unreadable).collect();
    all.sort_by_key(|record| record.offset);
    all
}

/// Records of every kind: nulls, empty strings, header names that are no text, times that no calendar has.
fn records() -> impl Strategy<Value = Vec<RawRecord>> {
    vec(record(), 1..8)
}

fn record() -> impl Strategy<Value = RawRecord> {
    let bytes = || vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let name = prop_oneof!["[a-c]{0,2}".prop_map(Bytes::from), bytes()];
    // Far beyond any calendar, yet no difference overflows in kafka-protocol.
    let time = prop_oneof![0..2_000_000_000_000_i64, i64::MIN / 2..i64::MAX / 2];
    (time, option::of(bytes()), option::of(bytes()), vec((name, option::weighted(0.8, bytes())), 0..4))
        .prop_map(|(timestamp_ms, key, value, headers)| RawRecord {
            timestamp_ms,
            key,
            value,
            headers,
            ..RawRecord::default()
        })
}

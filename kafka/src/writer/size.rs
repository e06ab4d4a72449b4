//! How large a record can become in a batch.

use rskafka::record::Record;

/// Base offset to record count: what every batch begins with.
pub(super) const BATCH_HEADER: usize = 61;
/// The most that a 32-bit length, count or delta takes.
const VARINT: usize = 5;
/// The most that a 64-bit delta takes.
const VARLONG: usize = 10;
const ATTRIBUTES: usize = 1;
/// The record's own length, timestamp delta, offset delta, lengths of key and value, count of headers.
const RECORD_FIELDS: usize = VARINT + ATTRIBUTES + VARLONG + VARINT + VARINT + VARINT + VARINT;

/// At least as many bytes as the record takes in any uncompressed batch.
pub(super) fn upper_bound(record: &Record) -> usize {
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers = record.headers.iter().map(|(name, value)| VARINT + name.len() + VARINT + value.len());
    RECORD_FIELDS + length(&record.key) + length(&record.value) + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::batch::{RawRecord, encode};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_batch_is_larger_than_the_bounds_of_its_records(
            shapes in prop::collection::vec((0..300usize, 0..3000usize, 0..4usize, any::<i32>()), 1..40),
        ) {
            let records = shapes.iter().map(|&(key, value, headers, age)| Record {
                key: Some(vec![0; key]),
                value: Some(vec![0; value]),
                headers: (0..headers).map(|n| (format!("header-{n}"), vec![0; key])).collect(),
                timestamp: DateTime::from_timestamp_millis(1_700_000_000_000 + i64::from(age)).unwrap(),
            });
            let bound = BATCH_HEADER + records.clone().map(|record| upper_bound(&record)).sum::<usize>();
            let raw: Vec<_> = records.map(|record| RawRecord {
                timestamp_ms: record.timestamp.timestamp_millis(),
                key: record.key.map(Bytes::from),
                value: record.value.map(Bytes::from),
                headers: record.headers.into_iter().map(|(n, v)| (Bytes::from(n), Some(Bytes::from(v)))).collect(),
                ..RawRecord::default()
            }).collect();
            let encoded = encode(&raw).unwrap().len();
            prop_assert!(encoded <= bound, "{encoded} > {bound}");
        }
    }
}

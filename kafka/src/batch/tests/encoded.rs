//! What is written is read back.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    protocol::StrBytes,
    records::{
        Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};
use proptest::prelude::*;

use super::{all, batch, plain, records, values};
use crate::batch::{EncodeError, RawRecord, decode, encode};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_record_survives(records in records(), base_offset in 0..i64::MAX / 2) {
        let encoded = batch(&records, base_offset, 0, <[u8]>::to_vec).freeze();
        let contents = decode(encoded, base_offset);
        prop_assert_eq!(contents.next_offset, base_offset + i64::try_from(records.len()).unwrap());
        for (offset, (read, written)) in (base_offset..).zip(all(contents).into_iter().zip(records)) {
            prop_assert_eq!(read.offset, offset);
            prop_assert_eq!(read.timestamp_ms, written.timestamp_ms);
            prop_assert_eq!(&read.key, &written.key);
            prop_assert_eq!(&read.value, &written.value);
            if read.reason.is_empty() {
                // rskafka's kind: by name, and the last of a name.
                let by_name: BTreeMap<_, _> = written.headers.into_iter().collect();
                prop_assert_eq!(read.headers, by_name.into_iter().collect::<Vec<_>>());
            } else {
                prop_assert_eq!(read.headers, written.headers);
            }
        }
    }

    #[test]
    fn kafka_protocol_reads_what_we_write(records in records()) {
        let mut encoded = encode(&records).unwrap();
        let utf8 = records.iter().flat_map(|r| &r.headers).all(|(name, _)| str::from_utf8(name).is_ok());
        let read = RecordBatchDecoder::decode(&mut encoded);
        prop_assert_eq!(read.is_ok(), utf8);
        for (read, written) in read.iter().flat_map(|set| &set.records).zip(&records) {
            prop_assert_eq!(read.timestamp, written.timestamp_ms);
            prop_assert_eq!((&read.key, &read.value), (&written.key, &written.value));
            for (name, value) in &written.headers {
                let last = written.headers.iter().rfind(|(other, _)| other == name).unwrap();
                let name = StrBytes::from_utf8(name.clone()).unwrap();
                if *value == last.1 {
                    prop_assert_eq!(&read.headers[&name], value);
                }
            }
        }
    }

    #[test]
    fn we_read_what_kafka_protocol_writes(records in records(), base_offset in 0..i64::from(i32::MAX)) {
        let theirs: Vec<_> = (base_offset..).zip(&records).map(|(offset, record)| theirs(offset, record)).collect();
        let mut encoded = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut encoded, &theirs, &options).unwrap();
        let read = all(decode(encoded.freeze(), base_offset));
        prop_assert_eq!(read.len(), theirs.len());
        for (read, theirs) in read.into_iter().zip(theirs) {
            prop_assert_eq!((read.offset, read.timestamp_ms), (theirs.offset, theirs.timestamp));
            prop_assert_eq!((read.key, read.value), (theirs.key, theirs.value));
            let headers: BTreeMap<_, _> = read.headers.into_iter().collect();
            let wanted = theirs.headers.into_iter().map(|(name, value)| (name.into_bytes(), value));
            prop_assert_eq!(headers, wanted.collect::<BTreeMap<_, _>>());
        }
    }
}

fn theirs(offset: i64, record: &RawRecord) -> Record {
    let header = |(name, value): &(Bytes, Option<Bytes>)| {
        Some((StrBytes::from_utf8(name.clone()).ok()?, value.clone()))
    };
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 7,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap(),
        timestamp: record.timestamp_ms,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().filter_map(header).collect(),
    }
}

#[test]
fn a_null_header_value_is_set_apart_and_keeps_order_and_repetitions() {
    let name = Bytes::from_static(b"b");
    let headers = vec![
        (name.clone(), None),
        (Bytes::from_static(b"a"), Some(Bytes::new())),
        (name, Some(Bytes::new())),
    ];
    let odd = RawRecord { headers: headers.clone(), ..plain("odd") };
    let contents = decode(encode(&[plain("before"), odd, plain("after")]).unwrap(), 0);
    assert_eq!(values(&contents), [(0, "before".to_owned()), (2, "after".to_owned())]);
    assert_eq!(contents.unreadable.len(), 1);
    assert_eq!(contents.unreadable[0].offset, 1);
    assert_eq!(contents.unreadable[0].headers, headers);
    assert_eq!(contents.unreadable[0].reason, "header \"b\" has a null value");
}

#[test]
fn a_header_name_that_is_no_text_is_set_apart() {
    let odd = RawRecord { headers: vec![(Bytes::from_static(b"\xffx"), Some(Bytes::new()))], ..plain("odd") };
    let contents = decode(encode(&[odd]).unwrap(), 0);
    assert_eq!(contents.unreadable[0].reason, r#"header name "\xffx" is not UTF-8"#);
}

#[test]
fn records_below_the_offset_asked_for_are_left_out() {
    let encoded = batch(&["a", "b", "c"].map(plain), 10, 0, <[u8]>::to_vec).freeze();
    let contents = decode(encoded.clone(), 11);
    assert_eq!(values(&contents), [(11, "b".to_owned()), (12, "c".to_owned())]);
    assert_eq!(contents.next_offset, 13);
    assert_eq!(decode(encoded, 13).next_offset, 13, "nothing there yet");
}

#[test]
fn batches_before_the_offset_are_passed_over_and_those_behind_left_for_later() {
    let mut log = BytesMut::new();
    for (base_offset, value) in [(0, "a"), (1, "b"), (5, "c")] {
        log.extend_from_slice(&batch(&[plain(value)], base_offset, 0, <[u8]>::to_vec));
    }
    let log = log.freeze();
    assert_eq!(values(&decode(log.clone(), 1)), [(1, "b".to_owned())]);
    let behind_a_gap = decode(log, 2);
    assert_eq!(values(&behind_a_gap), [(5, "c".to_owned())]);
    assert_eq!(behind_a_gap.next_offset, 6);
}

#[test]
fn no_records_make_no_batch() {
    assert!(matches!(encode(&[]), Err(EncodeError::Empty)));
}

use bytes::{BufMut, BytesMut};
use futures::FutureExt;
use kafka_protocol::{
    indexmap::IndexMap,
    records::{
        Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchEncoder,
        RecordEncodeOptions, TimestampType,
    },
};
use proptest::prelude::*;

use super::{
    records::{Malformed, Placed, Records},
    *,
};

const LIMITS: Limits = Limits { max_bytes: 1 << 20, allow_zstd: true };

/// A batch as a producer sends it, its records with these timestamps.
fn batch(timestamps_ms: &[i64]) -> Bytes {
    let record = |(offset, timestamp): (i64, &i64)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        // The encoder begins a new batch where sequences and offsets do not run side by side.
        sequence: NO_SEQUENCE + i32::try_from(offset).unwrap(),
        timestamp: *timestamp,
        key: None,
        value: Some(Bytes::from_static(b"value")),
        headers: IndexMap::new(),
    };
    let records: Vec<_> = (0..).zip(timestamps_ms).map(record).collect();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

/// The same batch with other header bytes at `at`, and a checksum that is right again.
fn patched(batch: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut batch = batch.to_vec();
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

fn offsets(slice: &Slice) -> Vec<i64> {
    slice.batches.iter().map(|batch| i64::from_be_bytes(batch[..8].try_into().unwrap())).collect()
}

#[test]
fn a_sound_batch_passes_and_each_defect_has_its_error() {
    let sound = batch(&[1, 2]);
    assert_eq!(Batch::check(&sound, LIMITS), Ok(()));

    let mut flipped = sound.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let two = [sound.as_ref(), sound.as_ref()].concat();
    let cases: [(&str, &[u8], ResponseError); 11] = [
        ("empty", &[], ResponseError::CorruptMessage),
        ("cut short", &sound[..sound.len() - 1], ResponseError::CorruptMessage),
        ("a flipped bit", &flipped, ResponseError::CorruptMessage),
        ("two batches", &two, ResponseError::InvalidRecord),
        ("format 1", &patched(&sound, 16, &[1]), ResponseError::UnsupportedForMessageFormat),
        ("a length below the header's", &patched(&sound, 8, &[0, 0, 0, 9]), ResponseError::CorruptMessage),
        ("codec 5", &patched(&sound, 21, &[0, 5]), ResponseError::UnsupportedCompressionType),
        ("a control batch", &patched(&sound, 21, &[0, 0x20]), ResponseError::InvalidRecord),
        ("a transaction", &patched(&sound, 21, &[0, 0x10]), ResponseError::InvalidTxnState),
        (
            "a count that is not the last delta",
            &patched(&sound, 57, &[0, 0, 0, 3]),
            ResponseError::InvalidRecord,
        ),
        (
            "more records claimed than there are",
            &patched(&patched(&sound, 57, &[0x7f, 0, 0, 1]), 23, &[0x7f, 0, 0, 0]),
            ResponseError::InvalidRecord,
        ),
    ];
    for (what, bytes, error) in cases {
        assert_eq!(Batch::check(bytes, LIMITS), Err(error), "{what}");
    }
    let small = Limits { max_bytes: sound.len() - 1, ..LIMITS };
    assert_eq!(Batch::check(&sound, small), Err(ResponseError::MessageTooLarge));
    let zstd = patched(&sound, 21, &[0, 4]);
    assert_eq!(Batch::check(&zstd, LIMITS), Ok(()));
    let old = Limits { allow_zstd: false, ..LIMITS };
    assert_eq!(Batch::check(&zstd, old), Err(ResponseError::UnsupportedCompressionType));
}

#[test]
fn reads_return_whole_batches_from_the_one_that_holds_the_offset() {
    let log = Partition::new(1 << 20);
    for expected in [0, 3, 6] {
        assert_eq!(log.append(&batch(&[1, 2, 3])).unwrap(), (expected, 0));
    }
    assert_eq!(offsets(&log.read(4, usize::MAX, false).unwrap()), [3, 6]);
    assert_eq!(offsets(&log.read(9, usize::MAX, true).unwrap()), [0i64; 0]);
    assert_eq!(log.read(4, 1, false).unwrap().batches.len(), 0);
    assert_eq!(offsets(&log.read(4, 1, true).unwrap()), [3]);
    let bounds = Some(Bounds { start: 0, end: 9 });
    for offset in [-1, 10] {
        let error = log.read(offset, 1, true).err().unwrap();
        assert_eq!(error, ReadError { error: ResponseError::OffsetOutOfRange, bounds });
    }
}

#[test]
fn retention_drops_the_oldest_batches_but_never_the_newest() {
    let size = batch(&[1]).len();
    let log = Partition::new(2 * size);
    for _ in 0..5 {
        log.append(&batch(&[1])).unwrap();
    }
    assert_eq!(log.bounds(), Bounds { start: 3, end: 5 });
    let tiny = Partition::new(1);
    tiny.append(&batch(&[1])).unwrap();
    tiny.append(&batch(&[1])).unwrap();
    assert_eq!(tiny.bounds(), Bounds { start: 1, end: 2 });
}

#[test]
fn deleting_records_moves_the_start_also_into_a_batch() {
    let log = Partition::new(1 << 20);
    log.append(&batch(&[1, 2, 3])).unwrap();
    log.append(&batch(&[4, 5, 6])).unwrap();
    assert_eq!(log.delete_before(4), Ok(4));
    assert_eq!(log.bounds(), Bounds { start: 4, end: 6 });
    assert_eq!(offsets(&log.read(4, usize::MAX, false).unwrap()), [3]);
    assert!(log.read(3, 1, true).is_err());
    assert_eq!(log.delete_before(2), Ok(4), "it never moves back");
    assert_eq!(log.delete_before(7), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(log.delete_before(-1), Ok(6));
    assert_eq!(log.bounds(), Bounds { start: 6, end: 6 });
}

#[test]
fn a_time_leads_to_its_record() {
    let log = Partition::new(1 << 20);
    assert_eq!(log.newest_timestamp(), None);
    log.append(&batch(&[100, 200])).unwrap();
    log.append(&batch(&[300, 250])).unwrap();
    assert_eq!(log.find_timestamp(0), Some((0, 100)));
    assert_eq!(log.find_timestamp(101), Some((1, 200)));
    assert_eq!(log.find_timestamp(201), Some((2, 300)));
    assert_eq!(log.find_timestamp(301), None);
    assert_eq!(log.newest_timestamp(), Some((2, 300)));
    let compressed = Partition::new(1 << 20);
    compressed.append(&Bytes::from(patched(&batch(&[100, 200]), 21, &[0, 1]))).unwrap();
    assert_eq!(compressed.find_timestamp(150), Some((0, 200)));
}

#[test]
fn a_deleted_partition_wakes_its_readers_and_refuses_appends() {
    let log = Partition::new(1 << 20);
    let mut waiting = Box::pin(log.changed());
    waiting.as_mut().enable();
    log.delete();
    assert!(waiting.now_or_never().is_some());
    assert!(log.read(0, 1, true).is_err());
    assert_eq!(log.append(&batch(&[1])), Err(ResponseError::UnknownTopicOrPartition));
}

#[test]
fn an_append_after_enabling_wakes() {
    let log = Partition::new(1 << 20);
    let mut waiting = Box::pin(log.changed());
    waiting.as_mut().enable();
    log.append(&batch(&[1])).unwrap();
    assert!(waiting.now_or_never().is_some());
}

#[test]
fn records_are_walked_to_the_first_malformed_one() {
    let mut bytes = BytesMut::new();
    // length 4, attributes, timestamp delta -1, offset delta 1, one byte more
    bytes.put_slice(&[8, 0, 1, 2, 0]);
    bytes.put_slice(&[200, 1]);
    let found: Vec<_> = Records::of(&bytes).collect();
    assert_eq!(found, [Ok(Placed { timestamp_delta_ms: -1, offset_delta: 1 }), Err(Malformed)]);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        prop_assert!(Batch::check(&bytes, LIMITS).is_err(), "nobody guesses a checksum");
        prop_assert!(Records::of(&bytes).count() <= bytes.len());
    }

    #[test]
    fn a_batch_with_any_header_and_a_right_checksum_is_judged(at in 21usize..61, bytes: [u8; 4]) {
        let sound = batch(&[1, 2, 3]);
        let at = at.min(sound.len() - 4);
        let patched = patched(&sound, at, &bytes);
        if Batch::check(&patched, LIMITS).is_ok() {
            let placed = Batch::at(7, &patched);
            prop_assert_eq!(placed.last_offset, 9);
            let (offset, _) = placed.find_timestamp(2);
            prop_assert!((7..=9).contains(&offset));
        }
    }
}

/// Batches with a checksum that fits: what is behind it is not the producer's good will.
#[test]
fn fuzz_broker_batch() {
    fuzz::Target::new("broker-batch").run(|input| {
        let mut bytes = input.to_vec();
        if bytes.len() > 61 {
            let length = i32::try_from(bytes.len() - 12).unwrap();
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
            let sum = crc32c::crc32c(&bytes[21..]);
            bytes[17..21].copy_from_slice(&sum.to_be_bytes());
        }
        for bytes in [input, &bytes] {
            if Batch::check(bytes, LIMITS).is_err() {
                continue;
            }
            let placed = Batch::at(7, bytes);
            assert!(placed.base_offset == 7 && placed.last_offset >= 7);
            assert_eq!(placed.bytes[21..], bytes[21..], "nothing that the checksum covers is touched");
            assert_eq!(Batch::check(&placed.bytes, LIMITS), Ok(()), "and it is as sound as before");
            for timestamp_ms in [i64::MIN, 0, 1_700_000_000_000, i64::MAX] {
                let (offset, _) = placed.find_timestamp(timestamp_ms);
                assert!((placed.base_offset..=placed.last_offset).contains(&offset));
            }
        }
    });
}

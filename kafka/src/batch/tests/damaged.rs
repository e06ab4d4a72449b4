//! What cannot be read is told, and never stops the reader.

use bytes::{BufMut, Bytes, BytesMut};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{ATTRIBUTES_AT, COUNT_AT, LAST_OFFSET_DELTA_AT, batch, plain, records, seal, values};
use crate::batch::{BatchContents, decode, decode::decode_several};

const CONTROL: i16 = 1 << 5;
const LOG_APPEND_TIME: i16 = 1 << 3;

fn three() -> BytesMut {
    batch(&["a", "b", "c"].map(plain), 10, 0, <[u8]>::to_vec)
}

/// Nothing could be read from offset 11 to 12, and this is said why.
fn assert_lost(contents: &BatchContents, reason: &str) {
    assert_eq!(values(contents), []);
    assert_eq!(contents.next_offset, 13);
    let [lost] = &contents.unreadable[..] else { panic!("{contents:?}") };
    assert_eq!((lost.offset, &lost.key, &lost.value), (11, &None, &None));
    assert_eq!(lost.reason, format!("offsets 11 to 12 cannot be read: {reason}"));
}

#[test]
fn a_wrong_checksum() {
    let mut batch = three();
    *batch.last_mut().unwrap() ^= 1;
    assert_lost(&decode(batch.freeze(), 11), "the checksum does not match");
}

#[test]
fn an_unknown_codec() {
    let mut batch = three();
    (&mut batch[ATTRIBUTES_AT..]).put_i16(5);
    seal(&mut batch);
    assert_lost(&decode(batch.freeze(), 11), "compression codec 5 is unknown");
}

#[test]
fn data_that_is_not_in_the_codec_it_claims() {
    let batch = batch(&["a", "b", "c"].map(plain), 10, 1, <[u8]>::to_vec);
    assert_lost(&decode(batch.freeze(), 11), "the gzip data cannot be decompressed: invalid gzip header");
}

#[test]
fn a_message_set_of_an_old_broker() {
    for format in [0, 1] {
        // Its offset is that of the last message inside.
        let mut set = BytesMut::new();
        set.put_i64(12);
        set.put_i32(14);
        set.put_u32(0);
        set.put_u8(format);
        set.put_bytes(0, 9);
        let reason = format!("message format {format} is older than Kafka 0.11 and not read here");
        assert_lost(&decode(set.freeze(), 11), &reason);
    }
}

#[test]
fn a_format_of_the_future_costs_one_offset_at_a_time() {
    let mut batch = three();
    batch[16] = 3;
    let contents = decode(batch.freeze(), 11);
    assert_eq!(contents.next_offset, 12);
    assert_eq!(contents.unreadable[0].reason, "offsets 11 to 11 cannot be read: message format 3 is unknown");
}

#[test]
fn records_that_end_half_way_lose_only_the_rest() {
    let mut batch = three();
    let end = batch.len() - 3;
    batch.truncate(end);
    let length = i32::try_from(end - 12).unwrap();
    (&mut batch[8..]).put_i32(length);
    seal(&mut batch);
    let contents = decode(batch.freeze(), 0);
    assert_eq!(values(&contents), [(10, "a".to_owned()), (11, "b".to_owned())]);
    assert_eq!(contents.unreadable[0].offset, 12);
    assert_eq!(contents.next_offset, 13);
}

#[test]
fn a_count_that_is_too_high_loses_nothing() {
    let mut batch = three();
    (&mut batch[COUNT_AT..]).put_i32(i32::MAX);
    seal(&mut batch);
    let contents = decode(batch.freeze(), 10);
    assert_eq!((contents.records.len(), contents.unreadable.len()), (3, 0));
}

#[test]
fn a_batch_emptied_by_compaction_still_moves_on() {
    let mut batch = three();
    batch.truncate(61);
    (&mut batch[8..]).put_i32(49);
    (&mut batch[COUNT_AT..]).put_i32(0);
    seal(&mut batch);
    assert_eq!(decode(batch.freeze(), 11), BatchContents { next_offset: 13, ..BatchContents::default() });
}

#[test]
fn a_transaction_marker_is_nobodys_record() {
    let batch = batch(&[plain("marker")], 10, CONTROL, <[u8]>::to_vec);
    assert_eq!(decode(batch.freeze(), 10), BatchContents { next_offset: 11, ..BatchContents::default() });
}

#[test]
fn the_brokers_time_counts_where_the_topic_says_so() {
    let (mut early, late) = (plain("early"), plain("late"));
    early.timestamp_ms = 5;
    let contents = decode(batch(&[early, late.clone()], 0, LOG_APPEND_TIME, <[u8]>::to_vec).freeze(), 0);
    assert!(contents.records.iter().all(|r| r.record.timestamp.timestamp_millis() == late.timestamp_ms));
}

#[test]
fn half_a_batch_is_nothing_yet() {
    let batch = three().freeze();
    for end in 0..batch.len() {
        let contents = decode(batch.slice(..end), 11);
        assert_eq!(contents, BatchContents { next_offset: 11, ..BatchContents::default() });
    }
}

fn assert_sound(contents: &BatchContents, from_offset: i64) {
    assert!(contents.next_offset >= from_offset);
    let read = contents.records.iter().map(|record| record.offset);
    let offsets: Vec<_> = read.chain(contents.unreadable.iter().map(|raw| raw.offset)).collect();
    assert!(
        offsets.iter().all(|offset| (from_offset..contents.next_offset).contains(offset)),
        "{contents:?}"
    );
    assert!(contents.records.is_sorted_by(|a, b| a.offset < b.offset));
    assert!(contents.unreadable.iter().all(|raw| !raw.reason.is_empty()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), from_offset in any::<i64>()) {
        assert_sound(&decode(Bytes::from(bytes), from_offset), from_offset);
    }

    #[test]
    fn any_damage_behind_a_right_checksum_is_survived(
        records in records(),
        base_offset in prop_oneof![0..20_i64, any::<i64>()],
        from_offset in prop_oneof![0..20_i64, any::<i64>()],
        last_offset_delta in option_of_any(),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
    ) {
        let mut batch = batch(&records, base_offset, 0, <[u8]>::to_vec);
        if let Some(delta) = last_offset_delta {
            (&mut batch[LAST_OFFSET_DELTA_AT..]).put_i32(delta);
        }
        let checked = batch.len() - ATTRIBUTES_AT;
        for (at, byte) in damage {
            batch[ATTRIBUTES_AT + at.index(checked)] = byte;
        }
        seal(&mut batch);
        assert_sound(&decode(batch.freeze(), from_offset), from_offset);
    }
}

fn option_of_any() -> impl Strategy<Value = Option<i32>> {
    prop::option::weighted(0.3, any::<i32>())
}

/// What a broker gives for one fetch: whole batches from the one that holds the offset on, and half of one more.
fn several(damage: Option<usize>) -> Bytes {
    let mut fetched = BytesMut::new();
    for number in 0..4 {
        let mut next = batch(&["a", "b"].map(plain), 10 + 2 * number, 0, <[u8]>::to_vec);
        if damage == usize::try_from(number).ok() {
            *next.last_mut().unwrap() ^= 1;
        }
        fetched.extend_from_slice(&next);
    }
    fetched.truncate(fetched.len() - 5);
    fetched.freeze()
}

#[test]
fn several_batches_are_read_at_once_up_to_the_half_one() {
    let contents = decode_several(several(None), 11);
    assert_eq!((contents.next_offset, contents.unreadable.len()), (16, 0));
    assert_eq!(contents.records.iter().map(|found| found.offset).collect::<Vec<_>>(), [11, 12, 13, 14, 15]);
    assert_eq!(
        decode_several(Bytes::new(), 11),
        BatchContents { next_offset: 11, ..BatchContents::default() }
    );
}

#[test]
fn nothing_behind_a_damaged_batch_is_read_with_it() {
    let contents = decode_several(several(Some(1)), 10);
    assert_eq!(contents.next_offset, 14);
    assert_eq!(contents.records.iter().map(|found| found.offset).collect::<Vec<_>>(), [10, 11]);
    assert_eq!(contents.unreadable.iter().map(|lost| lost.offset).collect::<Vec<_>>(), [12]);
    assert_eq!(decode_several(several(Some(1)), 14).next_offset, 16);
}

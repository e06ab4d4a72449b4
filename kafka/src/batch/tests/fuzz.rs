//! Batches from a log that anybody may have written to. An input is the offset asked for, in eight bytes, and what a
//! fetch brought.

use bytes::{Bytes, BytesMut};
use fuzz::Target;

use super::{RawRecord, encode, seal};
use crate::batch::{MAX_DECOMPRESSED_BYTES, decode, decode::decode_raw, decode::decode_several, header};

#[test]
fn fuzz_batch() {
    // Decompressed once, in a buffer that grows twofold; and again as records.
    Target::new("batch").memory(4 * MAX_DECOMPRESSED_BYTES, 1024).run(|input| {
        let Some((from, bytes)) = input.split_first_chunk() else { return };
        let (from, mut bytes) = (i64::from_be_bytes(*from), BytesMut::from(bytes));
        judge(from, bytes.clone().freeze());
        // What was mutated rarely has the right checksum, and most of the decoder lies behind it.
        if bytes.len() > header::HEADER_BYTES {
            let length = u32::try_from(bytes.len() - header::UNCOUNTED_BYTES).unwrap();
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
            seal(&mut bytes);
            judge(from, bytes.freeze());
        }
    });
}

fn judge(from: i64, bytes: Bytes) {
    for contents in [decode(bytes.clone(), from), decode_several(bytes.clone(), from)] {
        assert!(contents.next_offset >= from, "it never goes back");
        let records = contents.records.iter().map(|record| record.offset);
        let unreadable = contents.unreadable.iter().map(|record| record.offset);
        assert!(records.clone().is_sorted_by(|one, next| one < next), "by rising offset");
        assert!(unreadable.clone().is_sorted_by(|one, next| one < next), "by rising offset");
        assert!(records.chain(unreadable).all(|offset| offset >= from), "none before what was asked for");
        assert!(contents.unreadable.iter().all(|record| !record.reason.is_empty()), "and it says why");
    }
    let mut rest = bytes;
    if let Some((records, next)) = decode_raw(&mut rest, from) {
        assert!(next >= from);
        let whole: Vec<_> = records.into_iter().filter(|record| record.reason.is_empty()).collect();
        if !whole.is_empty() {
            again(&whole);
        }
    }
}

/// What was read can be written and read again.
fn again(records: &[RawRecord]) {
    let mut written = encode(records).unwrap();
    let (read, _) = decode_raw(&mut written, 0).expect("one whole batch");
    assert_eq!(read.len(), records.len());
    for (read, record) in read.iter().zip(records) {
        assert_eq!((&read.key, &read.value, &read.headers), (&record.key, &record.value, &record.headers));
    }
}

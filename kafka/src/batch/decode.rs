//! From the bytes of a fetch response to the contents of one batch. Pure, and safe on any bytes.

use bytes::Bytes;
use rskafka::record::RecordAndOffset;

use super::{BatchContents, Damage, RawRecord, cursor::Cursor, header::Frame, record};

/// The contents of the batch that holds `from_offset`, or of the first one behind it; records below `from_offset` are
/// left out, and so is everything behind that batch. What cannot be read becomes one [`RawRecord`] for each range of
/// lost offsets. Without a whole batch at or behind `from_offset` the contents are empty and `next_offset` is
/// `from_offset`.
pub fn decode(bytes: Bytes, from_offset: i64) -> BatchContents {
    let mut rest = bytes;
    while let Some(frame) = Frame::split_off(&mut rest) {
        // In an unknown format nothing tells where the batch ends: assume that it is the one asked for.
        let last_offset = frame.last_offset().unwrap_or(from_offset);
        if last_offset >= from_offset {
            return contents(&frame, from_offset, last_offset);
        }
    }
    BatchContents { next_offset: from_offset, ..BatchContents::default() }
}

fn contents(frame: &Frame, from_offset: i64, last_offset: i64) -> BatchContents {
    let next_offset = last_offset.saturating_add(1);
    let mut contents = BatchContents { next_offset, ..BatchContents::default() };
    // The first offset not accounted for yet.
    let mut reached = from_offset;
    let read = read_into(&mut contents, frame, &mut reached);
    if let Err(damage) = read
        && reached < next_offset
    {
        contents.unreadable.push(RawRecord {
            offset: reached,
            timestamp_ms: frame.max_timestamp_ms(),
            reason: format!("offsets {reached} to {last_offset} cannot be read: {}", damage.in_words()),
            ..RawRecord::default()
        });
    }
    contents
}

fn read_into(contents: &mut BatchContents, frame: &Frame, reached: &mut i64) -> Result<(), Damage> {
    let (header, compressed) = frame.open()?;
    *reached = header.base_offset.max(*reached);
    if header.is_control() {
        return Ok(());
    }
    let mut records = Cursor::new(header.codec()?.decompress(compressed)?);
    for _ in 0..header.record_count {
        let raw = record::read(&mut records, &header)?;
        if raw.offset < *reached {
            continue;
        }
        *reached = raw.offset.saturating_add(1);
        match record::carry(&raw) {
            Ok(record) => contents.records.push(RecordAndOffset { record, offset: raw.offset }),
            Err(reason) => contents.unreadable.push(RawRecord { reason, ..raw }),
        }
    }
    Ok(())
}

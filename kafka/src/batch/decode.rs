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

/// As much as is decoded at once; the batch that reaches it is decoded to its end.
const ENOUGH_BYTES: usize = 4 << 20;

/// The same of that batch and those behind it. Ends behind the first one in which anything cannot be read: a damaged
/// batch may lie about where the next one begins.
pub(super) fn decode_several(bytes: Bytes, from_offset: i64) -> BatchContents {
    let mut rest = bytes;
    let mut all = BatchContents { next_offset: from_offset, ..BatchContents::default() };
    let mut decoded = 0;
    while decoded < ENOUGH_BYTES
        && all.unreadable.is_empty()
        && let Some(frame) = Frame::split_off(&mut rest)
    {
        let last_offset = frame.last_offset().unwrap_or(all.next_offset);
        if last_offset >= all.next_offset {
            let next = contents(&frame, all.next_offset, last_offset);
            decoded += next.records.iter().map(|found| found.record.approximate_size()).sum::<usize>();
            all.records.extend(next.records);
            (all.unreadable, all.next_offset) = (next.unreadable, next.next_offset);
        }
    }
    all
}

/// Cuts the batch that holds `from_offset`, or the first one behind it, off `rest`: its records from there on as they
/// stand in the log, and where to read on. A record that `Record` cannot carry says why; what cannot be read at all is
/// there as in [`decode`]. `None` without a whole batch.
pub(super) fn decode_raw(rest: &mut Bytes, from_offset: i64) -> Option<(Vec<RawRecord>, i64)> {
    loop {
        let frame = Frame::split_off(rest)?;
        let last_offset = frame.last_offset().unwrap_or(from_offset);
        if last_offset >= from_offset {
            let mut records = Vec::new();
            read(&frame, from_offset, last_offset, |raw| {
                let reason = match record::carry(&raw) {
                    Err(reason) if raw.reason.is_empty() => reason,
                    _ => raw.reason,
                };
                records.push(RawRecord { reason, ..raw });
            });
            return Some((records, last_offset.saturating_add(1)));
        }
    }
}

fn contents(frame: &Frame, from_offset: i64, last_offset: i64) -> BatchContents {
    let next_offset = last_offset.saturating_add(1);
    let mut contents = BatchContents { next_offset, ..BatchContents::default() };
    read(frame, from_offset, last_offset, |raw| match record::carry(&raw) {
        _ if !raw.reason.is_empty() => contents.unreadable.push(raw),
        Ok(record) => contents.records.push(RecordAndOffset { record, offset: raw.offset }),
        Err(reason) => contents.unreadable.push(RawRecord { reason, ..raw }),
    });
    contents
}

/// Hands every record from `from_offset` on to `take`, and for what is damaged a record with nothing but a reason.
fn read(frame: &Frame, from_offset: i64, last_offset: i64, mut take: impl FnMut(RawRecord)) {
    // The first offset not accounted for yet.
    let mut reached = from_offset;
    if let Err(damage) = read_records(frame, &mut reached, &mut take)
        && reached <= last_offset
    {
        take(RawRecord {
            offset: reached,
            timestamp_ms: frame.max_timestamp_ms(),
            reason: format!("offsets {reached} to {last_offset} cannot be read: {}", damage.in_words()),
            ..RawRecord::default()
        });
    }
}

fn read_records(frame: &Frame, reached: &mut i64, take: &mut impl FnMut(RawRecord)) -> Result<(), Damage> {
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
        take(raw);
    }
    Ok(())
}

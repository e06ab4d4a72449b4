//! From records to a batch: uncompressed, no producer id, everything in a record kept as it is.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    RawRecord,
    header::{CHECKED_FROM, FORMAT, UNCOUNTED_BYTES},
};

const NO_LEADER_EPOCH: i32 = -1;
const NO_ATTRIBUTES: i16 = 0;
const NO_PRODUCER_ID: i64 = -1;
const NO_PRODUCER_EPOCH: i16 = -1;
const NO_SEQUENCE: i32 = -1;

/// Why records make no batch.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A batch holds at least one record.
    #[error("there are no records")]
    Empty,
    /// Lengths and counts in a batch have 31 bits.
    #[error("the records are larger than a batch can be")]
    TooLarge,
}

/// One batch, as it goes into a produce request, of `records` in their order. Offsets are the broker's to give.
pub fn encode(records: &[RawRecord]) -> Result<Bytes, EncodeError> {
    let first = records.first().ok_or(EncodeError::Empty)?;
    let last_offset_delta = length(records.len() - 1)?;
    let max_timestamp_ms = records.iter().map(|record| record.timestamp_ms).fold(i64::MIN, i64::max);

    let mut checked = BytesMut::new();
    checked.put_i16(NO_ATTRIBUTES);
    checked.put_i32(last_offset_delta);
    checked.put_i64(first.timestamp_ms);
    checked.put_i64(max_timestamp_ms);
    checked.put_i64(NO_PRODUCER_ID);
    checked.put_i16(NO_PRODUCER_EPOCH);
    checked.put_i32(NO_SEQUENCE);
    checked.put_i32(length(records.len())?);
    let mut fields = BytesMut::new();
    for (offset_delta, record) in (0_i64..).zip(records) {
        put_fields(&mut fields, record, record.timestamp_ms.wrapping_sub(first.timestamp_ms), offset_delta)?;
        put_varlong(&mut checked, length(fields.len())?.into());
        checked.extend_from_slice(&fields);
        fields.clear();
    }

    let counted = length(CHECKED_FROM - UNCOUNTED_BYTES + checked.len())?;
    let mut batch = BytesMut::with_capacity(CHECKED_FROM + checked.len());
    batch.put_i64(0);
    batch.put_i32(counted);
    batch.put_i32(NO_LEADER_EPOCH);
    batch.put_i8(FORMAT);
    batch.put_u32(crc32c::crc32c(&checked));
    batch.extend_from_slice(&checked);
    Ok(batch.freeze())
}

fn put_fields(
    fields: &mut BytesMut,
    record: &RawRecord,
    timestamp_delta: i64,
    offset_delta: i64,
) -> Result<(), EncodeError> {
    fields.put_i8(0);
    put_varlong(fields, timestamp_delta);
    put_varlong(fields, offset_delta);
    put_nullable_bytes(fields, record.key.as_deref())?;
    put_nullable_bytes(fields, record.value.as_deref())?;
    put_varlong(fields, length(record.headers.len())?.into());
    for (name, value) in &record.headers {
        put_nullable_bytes(fields, Some(name))?;
        put_nullable_bytes(fields, value.as_deref())?;
    }
    Ok(())
}

fn put_nullable_bytes(fields: &mut BytesMut, bytes: Option<&[u8]>) -> Result<(), EncodeError> {
    let Some(bytes) = bytes else {
        put_varlong(fields, -1);
        return Ok(());
    };
    put_varlong(fields, length(bytes.len())?.into());
    fields.extend_from_slice(bytes);
    Ok(())
}

/// Zigzag, then seven bits a byte, the lowest first; one of 32 bits looks the same.
fn put_varlong(fields: &mut BytesMut, number: i64) {
    let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while zigzag > 0x7f {
        let [low, ..] = zigzag.to_le_bytes();
        fields.put_u8(low | 0x80);
        zigzag >>= 7;
    }
    let [last, ..] = zigzag.to_le_bytes();
    fields.put_u8(last);
}

fn length(length: usize) -> Result<i32, EncodeError> {
    i32::try_from(length).map_err(|_| EncodeError::TooLarge)
}

//! One record inside a batch, and whether rskafka's `Record` can carry it.

use bytes::Bytes;
use chrono::DateTime;
use rskafka::record::Record;

use super::{Damage, RawRecord, cursor::Cursor, header::Header};

/// Reads the next record off a batch's records.
pub(super) fn read(records: &mut Cursor, batch: &Header) -> Result<RawRecord, Damage> {
    let length = records.varint()?;
    let mut fields = Cursor::new(records.take(length)?);
    let _attributes = fields.byte()?;
    let timestamp_delta = fields.varlong()?;
    let offset_delta = fields.varint()?;
    if !(0..=batch.last_offset_delta).contains(&offset_delta) {
        return Err(Damage::Number);
    }
    let key = fields.nullable_bytes()?;
    let value = fields.nullable_bytes()?;
    Ok(RawRecord {
        offset: batch.base_offset.saturating_add(offset_delta.into()),
        timestamp_ms: batch.timestamp_ms(timestamp_delta),
        key,
        value,
        headers: read_headers(&mut fields)?,
        reason: String::new(),
    })
}

fn read_headers(fields: &mut Cursor) -> Result<Vec<(Bytes, Option<Bytes>)>, Damage> {
    let count = u32::try_from(fields.varint()?).map_err(|_| Damage::Number)?;
    // No room is made ahead: the count is only a claim.
    let mut headers = Vec::new();
    for _ in 0..count {
        let name_length = fields.varint()?;
        headers.push((fields.take(name_length)?, fields.nullable_bytes()?));
    }
    Ok(headers)
}

/// The record as rskafka would give it, or why it cannot be given so.
pub(super) fn carry(raw: &RawRecord) -> Result<Record, String> {
    let header = |(name, value): &(Bytes, Option<Bytes>)| {
        let name = str::from_utf8(name)
            .map_err(|_| format!("header name \"{}\" is not UTF-8", name.escape_ascii()))?;
        let value = value.as_ref().ok_or_else(|| format!("header {name:?} has a null value"))?;
        Ok((name.to_owned(), value.to_vec()))
    };
    Ok(Record {
        key: raw.key.as_ref().map(|key| key.to_vec()),
        value: raw.value.as_ref().map(|value| value.to_vec()),
        headers: raw.headers.iter().map(header).collect::<Result<_, String>>()?,
        timestamp: DateTime::from_timestamp_millis(raw.timestamp_ms)
            .ok_or_else(|| format!("timestamp {} ms is out of range", raw.timestamp_ms))?,
    })
}

//! The 61 bytes in front of the records of a batch, and where the next batch begins.
//!
//! ```text
//!   0 base offset · 8 length of what follows · 12 leader epoch · 16 format (2) · 17 CRC-32C of what follows
//!   21 attributes · 23 last offset delta · 27 base timestamp · 35 max timestamp · 43 producer id, epoch, sequence
//!   57 record count · 61 records
//! ```
//! The first 17 bytes have had the same meaning in every format, except that formats 0 and 1 keep the *last* offset
//! in front and another checksum at 12.

use bytes::{Buf, Bytes};

use super::{Damage, codec::Codec};

/// Bytes in front of the first record.
pub(super) const HEADER_BYTES: usize = 61;
/// The part of the header that the length does not count.
pub(super) const UNCOUNTED_BYTES: usize = 12;
/// The checksum covers everything from here on.
pub(super) const CHECKED_FROM: usize = 21;
/// The one format we read.
pub(super) const FORMAT: i8 = 2;

const FORMAT_AT: usize = 16;
const CODEC_BITS: i16 = 0b111;
const LOG_APPEND_TIME_BIT: i16 = 1 << 3;
const CONTROL_BIT: i16 = 1 << 5;

/// One batch cut out of a fetch response, unchecked.
pub(super) struct Frame {
    first_field: i64,
    format: i8,
    bytes: Bytes,
}

/// A batch whose checksum is right.
pub(super) struct Header {
    pub(super) base_offset: i64,
    pub(super) last_offset_delta: i32,
    pub(super) record_count: i32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
    attributes: i16,
}

impl Frame {
    /// Cuts the first whole batch off `rest`. `None` if there is none.
    pub(super) fn split_off(rest: &mut Bytes) -> Option<Self> {
        let first_field = rest.get(..8)?.get_i64();
        let length = usize::try_from(rest.get(8..12)?.get_i32()).ok()?;
        let format = rest.get(FORMAT_AT..)?.first()?.cast_signed();
        let smallest = if format == FORMAT { HEADER_BYTES } else { FORMAT_AT + 1 };
        let end = length.checked_add(UNCOUNTED_BYTES).filter(|end| (smallest..=rest.len()).contains(end))?;
        Some(Self { first_field, format, bytes: rest.split_to(end) })
    }

    /// The last offset of the batch; `None` in a format we know nothing of.
    pub(super) fn last_offset(&self) -> Option<i64> {
        match self.format {
            0 | 1 => Some(self.first_field),
            FORMAT => {
                let header = Header::read(&self.bytes);
                Some(header.base_offset.saturating_add(header.last_offset_delta.max(0).into()))
            }
            _ => None,
        }
    }

    /// The highest timestamp it claims to hold; 0 if the format has none.
    pub(super) fn max_timestamp_ms(&self) -> i64 {
        if self.format == FORMAT { Header::read(&self.bytes).max_timestamp_ms } else { 0 }
    }

    /// Checks format and checksum; gives the header and the records as they were sent.
    pub(super) fn open(&self) -> Result<(Header, Bytes), Damage> {
        match self.format {
            0 | 1 => return Err(Damage::OldFormat(self.format)),
            FORMAT => {}
            other => return Err(Damage::UnknownFormat(other)),
        }
        let claimed = (&self.bytes[FORMAT_AT + 1..]).get_u32();
        if crc32c::crc32c(&self.bytes[CHECKED_FROM..]) != claimed {
            return Err(Damage::Checksum);
        }
        Ok((Header::read(&self.bytes), self.bytes.slice(HEADER_BYTES..)))
    }
}

impl Header {
    /// `batch` is at least [`HEADER_BYTES`] long.
    fn read(batch: &[u8]) -> Self {
        Self {
            base_offset: (&batch[0..]).get_i64(),
            attributes: (&batch[21..]).get_i16(),
            last_offset_delta: (&batch[23..]).get_i32(),
            base_timestamp_ms: (&batch[27..]).get_i64(),
            max_timestamp_ms: (&batch[35..]).get_i64(),
            record_count: (&batch[57..]).get_i32(),
        }
    }

    pub(super) fn codec(&self) -> Result<Codec, Damage> {
        Codec::numbered(self.attributes & CODEC_BITS)
    }

    /// Transaction markers, written by the brokers for themselves.
    pub(super) fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// Time of a record: the broker's where the topic says so, else the producer's.
    pub(super) fn timestamp_ms(&self, delta: i64) -> i64 {
        if self.attributes & LOG_APPEND_TIME_BIT != 0 {
            self.max_timestamp_ms
        } else {
            self.base_timestamp_ms.wrapping_add(delta)
        }
    }
}

//! Decodes messages of Kafka's protocol from whoever sent them.
//!
//! The codec reserves room for as many elements as an array says it has, before it looks for them. Eight malformed
//! bytes would make it ask for hundreds of gigabytes, which ends the process. So every message is decoded twice:
//! first through a buffer that passes on no length that the rest of the message could not hold, or that is longer than
//! the caller has use for, and, if that worked, for real.
//!
//! The codec reads lengths in two ways, and neither tells the buffer that it *is* a length:
//!
//! - Before the flexible versions, as an `i32`. Other fields are `i32` too and may well be large, so one that exceeds
//!   what may be reads as -2: an error to the codec where it is a length, and of no interest where it is not.
//! - In the flexible versions, as a variable-length integer, byte by byte. Whatever is read byte by byte is such an
//!   integer or a boolean, and none of them may exceed what may be (plus one: lengths are stored so).

use std::ops::Range;

use anyhow::{Result, anyhow};
use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::{Decodable, buf::ByteBuf};

/// Reads as no length the codec would take.
const NO_LENGTH: i32 = -2;
/// The longest variable-length integer, in bytes.
const VARINT_BYTES: u32 = 5;

/// Decodes one message off the front of `bytes`. An array, a string or a field of bytes with more elements than `longest`
/// is an error. Whatever the bytes, no array reserves room for more elements than that, nor than there are bytes.
///
/// # Errors
/// The bytes are no such message in that version.
pub fn decode<T: Decodable>(bytes: &mut Bytes, version: i16, longest: usize) -> Result<T> {
    let mut guarded = Guarded { bytes: bytes.clone(), longest, varint: 0, varint_bytes: 0, refused: None };
    if let Err(error) = T::decode(&mut guarded, version) {
        return Err(guarded.refused.map_or(error, |length| anyhow!("a length of {length}")));
    }
    T::decode(bytes, version)
}

/// A buffer that passes on no impossible length.
struct Guarded {
    bytes: Bytes,
    longest: usize,
    varint: u64,
    varint_bytes: u32,
    /// What was read last, if it was refused. Anything read after it shows that it was no length.
    refused: Option<u64>,
}

impl Guarded {
    fn fits(&self, length: u64) -> bool {
        usize::try_from(length).is_ok_and(|length| length <= self.longest.min(self.bytes.len()))
    }
}

impl Buf for Guarded {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.refused = None;
        self.bytes.advance(count);
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        self.refused = None;
        let value = self.bytes.try_get_i32()?;
        let Ok(length) = u64::try_from(value) else { return Ok(value) };
        if self.fits(length) {
            return Ok(value);
        }
        self.refused = Some(length);
        Ok(NO_LENGTH)
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        self.refused = None;
        let byte = self.bytes.try_get_u8()?;
        self.varint |= u64::from(byte & 0x7f) << (7 * self.varint_bytes);
        self.varint_bytes += 1;
        if byte < 0x80 || self.varint_bytes == VARINT_BYTES {
            let value = std::mem::take(&mut self.varint);
            self.varint_bytes = 0;
            let length = value.saturating_sub(1);
            if !self.fits(length) {
                self.refused = Some(length);
                let requested = usize::try_from(length).unwrap_or(usize::MAX);
                return Err(TryGetError { requested, available: self.bytes.len() });
            }
        }
        Ok(byte)
    }
}

impl ByteBuf for Guarded {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.bytes.peek_bytes(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.refused = None;
        self.bytes.get_bytes(size)
    }
}

#[cfg(test)]
mod tests;

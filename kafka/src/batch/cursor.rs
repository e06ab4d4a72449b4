//! Kafka's variable-length numbers, and byte strings that go by them, off the front of a buffer.

use bytes::{Buf, Bytes};

use super::Damage;

/// What is left to read. Slices share the buffer, nothing is copied.
pub(super) struct Cursor(Bytes);

impl Cursor {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        self.0.try_get_u8().map_err(|_| Damage::Truncated)
    }

    /// A zigzag number of up to 32 bits.
    pub(super) fn varint(&mut self) -> Result<i32, Damage> {
        i32::try_from(self.varlong()?).map_err(|_| Damage::Number)
    }

    /// A zigzag number of up to 64 bits: seven bits a byte, the lowest first, the high bit says that more follow.
    pub(super) fn varlong(&mut self) -> Result<i64, Damage> {
        let mut zigzag = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
            }
        }
        Err(Damage::Number)
    }

    /// A length, then that many bytes; the length -1 is null.
    pub(super) fn nullable_bytes(&mut self) -> Result<Option<Bytes>, Damage> {
        match self.varint()? {
            -1 => Ok(None),
            length => self.take(length).map(Some),
        }
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: i32) -> Result<Bytes, Damage> {
        let length = usize::try_from(length).map_err(|_| Damage::Number)?;
        if length > self.0.len() {
            return Err(Damage::Truncated);
        }
        Ok(self.0.split_to(length))
    }
}

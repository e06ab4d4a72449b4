//! The records inside an uncompressed batch, as far as a broker looks at them.
//!
//! Written by hand because a decoder that trusts the counts on the wire reserves memory for them: a header that
//! claims two thousand million records would end the process, not the request.

/// A record's framing is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A record's place relative to its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) timestamp_delta_ms: i64,
    pub(crate) offset_delta: i32,
}

/// Walks the records of a batch, ends after the first malformed one.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn step(&mut self) -> Result<Placed, Malformed> {
        let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| Malformed)?;
        let (mut record, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        let (_attributes, after) = record.split_first().ok_or(Malformed)?;
        record = after;
        let timestamp_delta_ms = varint(&mut record)?;
        let offset_delta = i32::try_from(varint(&mut record)?).map_err(|_| Malformed)?;
        Ok(Placed { timestamp_delta_ms, offset_delta })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Placed, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.step();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

/// One zigzag-encoded integer of at most ten bytes.
fn varint(bytes: &mut &[u8]) -> Result<i64, Malformed> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    Err(Malformed)
}

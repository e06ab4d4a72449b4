//! Whether an answer to Fetch holds as many topics and partitions as it says.
//!
//! The codec reserves room for as many as are announced. That of other answers is guarded by a bound on every length; here the
//! records have a length of that kind, too, and may be many. So this walks through the answer as the codec will, and
//! keeps nothing.
//!
//! ```text
//!   throttle:i32  since 7: error:i16 session:i32
//!   [ topic:string  [ index:i32 error:i16 high:i64 stable:i64  since 5: start:i64
//!                     [ producer:i64 first:i64 ]  since 11: preferred:i32  records:bytes ] ]
//!   since 12: lengths are variable-length numbers, and everything ends in tagged fields
//! ```

use std::ops::RangeInclusive;

use anyhow::{Result, bail, ensure};

/// Versions of Fetch that are read. The first is the one that gives no message in an old format where it need not, and
/// rskafka's; after the last, topics go by id.
pub(crate) const VERSIONS: RangeInclusive<i16> = 4..=12;

/// From here on lengths are variable-length numbers.
const FIRST_FLEXIBLE_VERSION: i16 = 12;

/// Fixed bytes of the tagged fields of a partition that the codec reads, whatever length they are said to have: where logs
/// diverge, who leads, which snapshot there is.
const TAGS_OF_PARTITION: [usize; 3] = [4 + 8, 4 + 4, 8 + 4];

/// # Errors
/// It ends before all that it announces is there, or is of a version that would have to be walked through in another way.
pub(super) fn check(answer: &[u8], version: i16) -> Result<()> {
    ensure!(VERSIONS.contains(&version), "version {version} of Fetch is none that is read");
    let mut walk = Walk { rest: answer, version };
    walk.skip(4)?;
    if version >= 7 {
        walk.skip(2 + 4)?;
    }
    walk.array(Walk::topic)?;
    walk.tags(&[])
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
}

impl Walk<'_> {
    fn topic(&mut self) -> Result<()> {
        let length = if self.is_flexible() { self.length()? } else { i64::from(self.i16()?) };
        self.skip(usize::try_from(length.max(0))?)?;
        self.array(Walk::partition)?;
        self.tags(&[])
    }

    fn partition(&mut self) -> Result<()> {
        self.skip(4 + 2 + 8 + 8)?;
        if self.version >= 5 {
            self.skip(8)?;
        }
        self.array(Walk::aborted_transaction)?;
        if self.version >= 11 {
            self.skip(4)?;
        }
        let records = self.length()?;
        self.skip(usize::try_from(records.max(0))?)?;
        self.tags(&TAGS_OF_PARTITION)
    }

    fn aborted_transaction(&mut self) -> Result<()> {
        self.skip(8 + 8)?;
        self.tags(&[])
    }

    /// An array, element by element: those that are announced and not there are missed before anything is reserved.
    fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        for _ in 0..self.length()? {
            element(self)?;
        }
        Ok(())
    }

    /// Tagged fields. Those numbered as `known` are fixed bytes and then tagged fields.
    fn tags(&mut self, known: &[usize]) -> Result<()> {
        if !self.is_flexible() {
            return Ok(());
        }
        for _ in 0..self.varint()? {
            let (tag, size) = (self.varint()?, self.varint()?);
            match known.get(usize::try_from(tag)?) {
                Some(fixed) => {
                    self.skip(*fixed)?;
                    self.tags(&[])?;
                }
                None => self.skip(usize::try_from(size)?)?,
            }
        }
        Ok(())
    }

    /// Of an array or of bytes; -1 for none.
    fn length(&mut self) -> Result<i64> {
        if self.is_flexible() { Ok(i64::from(self.varint()?) - 1) } else { Ok(i64::from(self.i32()?)) }
    }

    fn is_flexible(&self) -> bool {
        self.version >= FIRST_FLEXIBLE_VERSION
    }

    /// As the codec reads it: five bytes at most, and bits beyond the 32nd are lost.
    fn varint(&mut self) -> Result<u32> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    fn i16(&mut self) -> Result<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else { bail!("it ends too early") };
        self.rest = rest;
        Ok(*taken)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        ensure!(count <= self.rest.len(), "a length of {count}");
        self.rest = &self.rest[count..];
        Ok(())
    }
}

#[cfg(test)]
mod tests;

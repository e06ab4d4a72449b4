//! Decoding what a stranger sent.
//!
//! The codec reserves room for as many elements as an array says it has, before it looks for them. Eight malformed
//! bytes would make it ask for hundreds of gigabytes, which ends the process. So every request is decoded twice:
//! first through [`Guarded`], which passes on no length that the rest of the request could not hold, and, if that
//! worked, for real.
//!
//! The codec reads lengths in two ways, and neither tells the buffer that it *is* a length:
//!
//! - Before the flexible versions, as an `i32`. Other fields are `i32` too and may well be large, so one that exceeds
//!   what is left reads as -2: an error to the codec where it is a length, and of no interest where it is not.
//! - In the flexible versions, as a variable-length integer, byte by byte. Whatever is read byte by byte is such an
//!   integer or a boolean, and none of them may exceed what is left (plus one: lengths are stored so).

use anyhow::Result;
use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::{Decodable, buf::ByteBuf};

/// Reads as no length the codec would take.
const NO_LENGTH: i32 = -2;
/// The longest variable-length integer, in bytes.
const VARINT_BYTES: u32 = 5;

/// Decodes one message. Fails, whatever the bytes, without reserving more than a small multiple of their number.
pub(crate) fn decode<T: Decodable>(mut bytes: Bytes, version: i16) -> Result<T> {
    T::decode(&mut Guarded { bytes: bytes.clone(), varint: 0, varint_bytes: 0 }, version)?;
    T::decode(&mut bytes, version)
}

/// A buffer that passes on no impossible length.
struct Guarded {
    bytes: Bytes,
    varint: u64,
    varint_bytes: u32,
}

impl Buf for Guarded {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let value = self.bytes.try_get_i32()?;
        let fits = usize::try_from(value).map_or(true, |length| length <= self.bytes.len());
        Ok(if fits { value } else { NO_LENGTH })
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        self.varint |= u64::from(byte & 0x7f) << (7 * self.varint_bytes);
        self.varint_bytes += 1;
        if byte < 0x80 || self.varint_bytes == VARINT_BYTES {
            let (value, available) = (std::mem::take(&mut self.varint), self.bytes.len());
            self.varint_bytes = 0;
            let requested = usize::try_from(value).unwrap_or(usize::MAX);
            if requested > available + 1 {
                return Err(TryGetError { requested, available });
            }
        }
        Ok(byte)
    }
}

impl ByteBuf for Guarded {
    fn peek_bytes(&mut self, range: std::ops::Range<usize>) -> Bytes {
        self.bytes.peek_bytes(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.bytes.get_bytes(size)
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};
    use kafka_protocol::{
        messages::{FetchRequest, MetadataRequest},
        protocol::Encodable,
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_claimed_array_of_two_thousand_million_is_refused() {
        let mut old = BytesMut::new();
        old.put_i32(i32::MAX);
        assert!(decode::<MetadataRequest>(old.freeze(), 1).is_err());
        // 2^31 as a variable-length integer
        let flexible = Bytes::from_static(&[0x80, 0x80, 0x80, 0x80, 0x08, 1]);
        assert!(decode::<MetadataRequest>(flexible, 9).is_err());
    }

    #[test]
    fn large_numbers_that_are_no_lengths_are_left_alone() {
        let request = FetchRequest::default().with_max_bytes(i32::MAX).with_max_wait_ms(i32::MAX);
        for version in [4, 12] {
            let mut bytes = BytesMut::new();
            request.encode(&mut bytes, version).unwrap();
            let decoded: FetchRequest = decode(bytes.freeze(), version).unwrap();
            assert_eq!((decoded.max_bytes, decoded.max_wait_ms), (i32::MAX, i32::MAX));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes: Vec<u8>, version in 4i16..=12) {
            let bytes = Bytes::from(bytes);
            if let Ok(fetch) = decode::<FetchRequest>(bytes.clone(), version) {
                prop_assert!(fetch.topics.len() <= bytes.len());
            }
            if let Ok(MetadataRequest { topics: Some(topics), .. }) = decode(bytes.clone(), version) {
                prop_assert!(topics.len() <= bytes.len());
            }
        }
    }
}

//! The partition a reply goes to, in Spring's encoding or in NestJS's.

use super::digits;

/// The highest partition number that four bytes are taken for.
///
/// No topic comes near it, and it is far below 808,464,432, the smallest number that four decimal digits make when read
/// as a big-endian integer. So Spring's four bytes and NestJS's four digits never mean the same.
pub const MAX_PARTITION: i32 = 9_999_999;

/// How the caller wrote the partition, which tells Spring's callers from NestJS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionEncoding {
    /// Spring's (and ours): four bytes, big-endian.
    Binary,
    /// NestJS's: decimal digits. Such a caller waits for an end mark in the reply.
    Text,
}

/// The reply partition a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyPartition {
    /// From 0 to [`MAX_PARTITION`].
    pub partition: i32,
    /// How it was written.
    pub encoding: PartitionEncoding,
}

/// A reply partition that is neither four bytes of a possible number nor decimal digits of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the reply partition is neither a 4-byte big-endian number nor decimal digits, from 0 to {MAX_PARTITION}"
)]
pub struct InvalidReplyPartition;

impl ReplyPartition {
    /// Reads the header's value. Four bytes that would be an impossible partition number are read as text.
    ///
    /// # Errors
    /// If it is no number from 0 to [`MAX_PARTITION`] in either encoding.
    pub fn decode(value: &[u8]) -> Result<Self, InvalidReplyPartition> {
        let binary = <[u8; 4]>::try_from(value).ok().map(i32::from_be_bytes).filter(is_possible);
        if let Some(partition) = binary {
            return Ok(Self { partition, encoding: PartitionEncoding::Binary });
        }
        let partition = digits(value).filter(is_possible).ok_or(InvalidReplyPartition)?;
        Ok(Self { partition, encoding: PartitionEncoding::Text })
    }

    /// The header's value as Spring and we write it.
    pub fn encode_binary(partition: i32) -> [u8; 4] {
        partition.to_be_bytes()
    }
}

fn is_possible(partition: &i32) -> bool {
    (0..=MAX_PARTITION).contains(partition)
}

#[cfg(test)]
mod tests {
    use PartitionEncoding::{Binary, Text};

    use super::*;

    #[test]
    fn four_big_endian_bytes_are_springs() {
        for partition in [0, 1, 255, 65_536, MAX_PARTITION] {
            let bytes = ReplyPartition::encode_binary(partition);
            assert_eq!(ReplyPartition::decode(&bytes), Ok(ReplyPartition { partition, encoding: Binary }));
        }
        assert_eq!(ReplyPartition::encode_binary(258), [0, 0, 1, 2]);
    }

    #[test]
    fn decimal_digits_are_nests() {
        for (text, partition) in [("0", 0), ("7", 7), ("12", 12), ("007", 7), ("9999999", MAX_PARTITION)] {
            let decoded = ReplyPartition::decode(text.as_bytes());
            assert_eq!(decoded, Ok(ReplyPartition { partition, encoding: Text }), "{text:?}");
        }
    }

    #[test]
    fn four_bytes_of_an_impossible_partition_number_are_text() {
        for (text, partition) in [("0000", 0), ("1234", 1234), ("9999", 9999)] {
            let as_binary = i32::from_be_bytes(text.as_bytes().try_into().unwrap());
            assert!(as_binary > MAX_PARTITION);
            let decoded = ReplyPartition::decode(text.as_bytes());
            assert_eq!(decoded, Ok(ReplyPartition { partition, encoding: Text }), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        let too_high = ReplyPartition::encode_binary(MAX_PARTITION + 1);
        let negative = ReplyPartition::encode_binary(-1);
        let values: [&[u8]; 12] = [
            b"",
            b"-1",
            b"+1",
            b" 1",
            b"1 ",
            b"1.0",
            b"one",
            b"12a4",
            b"10000000",
            b"4294967296",
            &too_high,
            &negative,
        ];
        for value in values {
            assert_eq!(ReplyPartition::decode(value), Err(InvalidReplyPartition), "{value:?}");
        }
    }
}

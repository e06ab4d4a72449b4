//! What an answer may cost to read, whoever sent it.
//!
//! A broker that was taken over, a proxy that mixes streams up, or a bug: the bytes may be anything, and some millions of
//! them must not make this process reserve gigabytes. So:
//!
//! - an answer without records is a small one, and nothing in it is longer than [`LONGEST`];
//! - one with records may be large, and has one long field, the records, which the codec does not copy. Nothing else in it
//!   may claim more than there is ([`fetched`](super::fetched)).

use anyhow::Result;
use bytes::Bytes;
use kafka_protocol::{
    messages::{ApiKey, FetchRequest},
    protocol::{Decodable, Request},
};

use super::{fetched, frame::MAX_FRAME_BYTES};

/// No answer without records is larger: that of a topic with 50,000 partitions has half of it.
const MAX_BYTES_WITHOUT_RECORDS: usize = 8 << 20;
/// No array, string or field of bytes in such an answer is longer. An element takes some 350 bytes of memory at most; the
/// longest that is of use tells one member of ten thousand partitions and of where they ended, in 200 KiB.
const LONGEST: usize = 1 << 19;

/// How large the frame of an answer may be.
pub(super) fn max_bytes(key: i16) -> usize {
    if key == ApiKey::Fetch as i16 { MAX_FRAME_BYTES } else { MAX_BYTES_WITHOUT_RECORDS }
}

/// Reads the body of an answer to the API of that key off the front of `body`.
pub(super) fn decode<A: Decodable>(body: &mut Bytes, key: i16, version: i16) -> Result<A> {
    if key != FetchRequest::KEY {
        return guarded::decode(body, version, LONGEST);
    }
    fetched::check(body, version)?;
    A::decode(body, version)
}

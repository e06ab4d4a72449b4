//! With messages of both kinds of lengths.

use bytes::{BufMut, BytesMut};
use kafka_protocol::{
    messages::{FetchRequest, JoinGroupResponse, MetadataRequest, MetadataResponse},
    protocol::Encodable,
};
use proptest::prelude::*;

use super::*;

/// Whatever there are bytes for.
const ANY: usize = usize::MAX;

fn encoded(message: &impl Encodable, version: i16) -> Bytes {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).unwrap();
    bytes.freeze()
}

#[test]
fn a_claimed_array_of_two_thousand_million_is_refused() {
    let mut old = BytesMut::new();
    old.put_i32(i32::MAX);
    let error = decode::<MetadataRequest>(&mut old.freeze(), 1, ANY).unwrap_err();
    assert_eq!(error.to_string(), "a length of 2147483647");
    // 2^31 as a variable-length integer
    let mut flexible = Bytes::from_static(&[0x80, 0x80, 0x80, 0x80, 0x08, 1]);
    let error = decode::<MetadataRequest>(&mut flexible, 9, ANY).unwrap_err();
    assert_eq!(error.to_string(), "a length of 2147483647");
}

#[test]
fn a_length_that_its_bytes_are_there_for_is_refused_beyond_the_longest() {
    let mut brokers = BytesMut::new();
    brokers.put_i32(1001);
    brokers.put_bytes(0, 4004);
    let brokers = brokers.freeze();
    let error = decode::<MetadataResponse>(&mut brokers.clone(), 0, 1000).unwrap_err();
    assert_eq!(error.to_string(), "a length of 1001");
    let error = decode::<MetadataResponse>(&mut brokers.clone(), 0, ANY).unwrap_err();
    assert_ne!(error.to_string(), "a length of 1001");
    let sound = JoinGroupResponse::default().with_member_id("x".repeat(1000).into());
    for version in [2, 6] {
        let bytes = encoded(&sound, version);
        assert_eq!(decode::<JoinGroupResponse>(&mut bytes.clone(), version, 1000).unwrap(), sound);
    }
    assert!(decode::<JoinGroupResponse>(&mut encoded(&sound, 6), 6, 999).is_err());
}

#[test]
fn what_is_behind_the_message_is_left_there() {
    let mut bytes = BytesMut::from(&encoded(&MetadataRequest::default(), 9)[..]);
    bytes.put_slice(b"rest");
    let mut bytes = bytes.freeze();
    decode::<MetadataRequest>(&mut bytes, 9, ANY).unwrap();
    assert_eq!(&bytes[..], b"rest");
}

#[test]
fn large_numbers_that_are_no_lengths_are_left_alone() {
    let request = FetchRequest::default().with_max_bytes(i32::MAX).with_max_wait_ms(i32::MAX);
    for version in [4, 12] {
        let decoded: FetchRequest = decode(&mut encoded(&request, version), version, ANY).unwrap();
        assert_eq!((decoded.max_bytes, decoded.max_wait_ms), (i32::MAX, i32::MAX));
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_or_fail(bytes: Vec<u8>, version in 4i16..=12, longest in 0_usize..100) {
        let bytes = Bytes::from(bytes);
        if let Ok(fetch) = decode::<FetchRequest>(&mut bytes.clone(), version, longest) {
            prop_assert!(fetch.topics.len() <= bytes.len().min(longest));
        }
        if let Ok(MetadataRequest { topics: Some(topics), .. }) = decode(&mut bytes.clone(), version, longest) {
            prop_assert!(topics.len() <= bytes.len().min(longest));
        }
    }
}

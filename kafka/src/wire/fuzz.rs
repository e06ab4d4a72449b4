//! Answers of whoever took a broker's place. An input is an API's key and version, two bytes each, and the body of an
//! answer.

use std::io::ErrorKind;

use bytes::Bytes;
use fuzz::Target;
use kafka_protocol::{
    messages::{
        ApiKey, ApiVersionsResponse, CreateTopicsResponse, DescribeConfigsResponse, DescribeGroupsResponse,
        FetchResponse, FindCoordinatorResponse, HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse,
        ListOffsetsResponse, MetadataResponse, OffsetCommitResponse, OffsetFetchResponse, ProduceResponse,
        SaslAuthenticateResponse, SaslHandshakeResponse, SyncGroupResponse,
    },
    protocol::{Decodable, Message},
};

use super::{
    answer, fetched,
    frame::{self, MAX_FRAME_BYTES},
};

#[test]
fn fuzz_answer() {
    // Arrays lie in arrays: each may reserve room for as many elements, of 350 bytes at most, as there are bytes left.
    Target::new("answer").memory(64 << 10, 4 << 10).run(|input| {
        let Some(([k0, k1, v0, v1], body)) = input.split_first_chunk() else { return };
        let key = i16::from_be_bytes([*k0, *k1]);
        let (version, body) = (i16::from_be_bytes([*v0, *v1]), Bytes::copy_from_slice(body));
        let Ok(api) = ApiKey::try_from(key) else { return };
        let read = match api {
            ApiKey::Produce => read::<ProduceResponse>,
            ApiKey::Fetch => read::<FetchResponse>,
            ApiKey::ListOffsets => read::<ListOffsetsResponse>,
            ApiKey::Metadata => read::<MetadataResponse>,
            ApiKey::OffsetCommit => read::<OffsetCommitResponse>,
            ApiKey::OffsetFetch => read::<OffsetFetchResponse>,
            ApiKey::FindCoordinator => read::<FindCoordinatorResponse>,
            ApiKey::JoinGroup => read::<JoinGroupResponse>,
            ApiKey::Heartbeat => read::<HeartbeatResponse>,
            ApiKey::LeaveGroup => read::<LeaveGroupResponse>,
            ApiKey::SyncGroup => read::<SyncGroupResponse>,
            ApiKey::DescribeGroups => read::<DescribeGroupsResponse>,
            ApiKey::SaslHandshake => read::<SaslHandshakeResponse>,
            ApiKey::SaslAuthenticate => read::<SaslAuthenticateResponse>,
            ApiKey::ApiVersions => read::<ApiVersionsResponse>,
            ApiKey::CreateTopics => read::<CreateTopicsResponse>,
            ApiKey::DescribeConfigs => read::<DescribeConfigsResponse>,
            _ => return,
        };
        read(key, version, body);
    });
}

/// No more is asked of what was understood: the codec does not always read what it writes itself, with some fields that
/// are null or of later versions, and nothing of ours writes answers but the embedded broker, from values of its own.
fn read<A: Decodable + Message>(key: i16, version: i16, mut body: Bytes) {
    if !(A::VERSIONS.min..=A::VERSIONS.max).contains(&version) {
        return;
    }
    let before = body.len();
    match answer::decode::<A>(&mut body, key, version) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(_) => assert!(body.len() <= before),
    }
}

/// Nothing is refused that the codec reads within bounds: a check that were too strict would stop a reader for good. An input
/// is a version, as one byte, and the body of an answer to Fetch.
#[test]
fn fuzz_fetched() {
    Target::new("fetched").memory(64 << 10, 4 << 10).run(|input| {
        let Some((version, body)) = input.split_first() else { return };
        let version = i16::from(*version);
        if !fetched::VERSIONS.contains(&version) {
            return;
        }
        let mut body = Bytes::copy_from_slice(body);
        match fetched::check(&body, version) {
            Ok(()) => drop(FetchResponse::decode(&mut body, version)),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(guarded::decode::<FetchResponse>(&mut body, version, usize::MAX).is_err(), "{error}");
            }
        }
    });
}

/// By a bound on both sides of which inputs are, and by the largest in use: a frame of 64 MiB that is announced and does not
/// come may take no more than room for the first 16 KiB.
#[test]
fn fuzz_frame() {
    Target::new("frame").memory(20 << 10, 8).run(|input| {
        for longest in [1024, MAX_FRAME_BYTES] {
            read_frame(input, longest);
        }
    });
}

fn read_frame(input: &[u8], longest: usize) {
    let mut stream = input;
    let read = futures::executor::block_on(frame::read(&mut stream, longest));
    let announced = input.first_chunk().and_then(|length| usize::try_from(i32::from_be_bytes(*length)).ok());
    let announced = announced.filter(|length| (4..=longest).contains(length));
    let there = input.get(4..).unwrap_or_default();
    match read {
        Ok(body) => {
            assert_eq!(Some(body.len()), announced);
            assert_eq!((&there[..body.len()], &there[body.len()..]), (&*body, stream));
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            assert!(announced.is_none() && error.to_string().starts_with("frame length"));
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert!(announced.is_none_or(|length| there.len() < length));
        }
    }
}

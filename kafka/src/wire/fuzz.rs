//! Answers of whoever took a broker's place. An input is an API's key and version, two bytes each, and the body of an
//! answer.

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

use super::{answer, frame};

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

#[test]
fn fuzz_frame() {
    Target::new("frame").run(|input| {
        let mut stream = input;
        let read = futures::executor::block_on(frame::read(&mut stream, 1024));
        match read {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(body) => {
                assert!(body.len() <= 1024);
                assert_eq!((&input[4..4 + body.len()], &input[4 + body.len()..]), (&*body, stream));
            }
        }
    });
}

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
    protocol::{Decodable, Encodable, Message},
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

fn read<A: Decodable + Encodable + Message + PartialEq + std::fmt::Debug>(
    key: i16,
    version: i16,
    mut body: Bytes,
) {
    if !(A::VERSIONS.min..=A::VERSIONS.max).contains(&version) {
        return;
    }
    match answer::decode::<A>(&mut body, key, version) {
        Err(error) => assert!(!error.to_string().is_empty()),
        // What was understood means the same when it is said again. Not every answer can be: a null may have been
        // accepted that the codec does not write. Read without the guard, which takes the number of an unknown tag for a
        // length, so that one at the end of a message may be refused.
        Ok(answer) => {
            let mut said = Vec::new();
            if answer.encode(&mut said, version).is_ok() {
                let again = A::decode(&mut Bytes::from(said), version);
                assert_eq!(again.expect("its own words"), answer);
            }
        }
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

//! Against what the codec writes and reads.

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        BrokerId, FetchResponse, TopicName,
        fetch_response::{
            AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
            SnapshotId,
        },
    },
    protocol::{Decodable, Encodable, StrBytes},
};
use proptest::prelude::*;

use super::*;

/// An answer with everything in it that the version has.
fn full(version: i16) -> Bytes {
    let aborted = AbortedTransaction::default().with_producer_id(7.into()).with_first_offset(9);
    let mut partition = PartitionData::default()
        .with_high_watermark(i64::MAX)
        .with_aborted_transactions(Some(vec![aborted; 3]))
        .with_records(Some(Bytes::from_static(&[0xff; 300])));
    if version >= 11 {
        partition.preferred_read_replica = BrokerId(i32::MAX);
    }
    if version >= 12 {
        partition = partition
            .with_diverging_epoch(EpochEndOffset::default().with_epoch(1).with_end_offset(2))
            .with_current_leader(LeaderIdAndEpoch::default().with_leader_epoch(3))
            .with_snapshot_id(SnapshotId::default().with_epoch(4))
            .with_unknown_tagged_field(99, Bytes::from_static(b"from the future"));
    }
    let topic = FetchableTopicResponse::default()
        .with_topic(TopicName(StrBytes::from_static_str("topic")))
        .with_partitions(vec![partition.clone(), PartitionData::default(), partition]);
    let answer =
        FetchResponse::default().with_throttle_time_ms(i32::MAX).with_responses(vec![topic.clone(), topic]);
    let mut bytes = BytesMut::new();
    answer.encode(&mut bytes, version).unwrap();
    bytes.freeze()
}

#[test]
fn a_sound_answer_passes_and_no_part_of_it() {
    for version in VERSIONS {
        let answer = full(version);
        check(&answer, version).unwrap();
        for length in 0..answer.len() {
            let part = answer.slice(..length);
            assert!(check(&part, version).is_err(), "{length} bytes of version {version}");
        }
    }
}

#[test]
fn what_is_announced_and_not_there_is_missed() {
    let topics = [&[0; 4][..], &i32::MAX.to_be_bytes(), b"\0\x01t"].concat();
    assert_eq!(check(&topics, 4).unwrap_err().to_string(), "it ends too early");
    let partitions = [&[0; 4][..], &[0, 0, 0, 1], b"\0\x01t", &i32::MAX.to_be_bytes(), &[0; 64]].concat();
    assert!(check(&partitions, 4).is_err());
    let records =
        [&[0; 4][..], &[0, 0, 0, 1], b"\0\x01t", &[0, 0, 0, 1], &[0; 26], &i32::MAX.to_be_bytes()].concat();
    assert_eq!(check(&records, 4).unwrap_err().to_string(), "a length of 2147483647");
}

/// Topics go by id from version 13 on: read as one of version 12, an answer may pass that announces anything.
#[test]
fn other_versions_are_refused() {
    for version in [i16::MIN, 3, 13, 18, i16::MAX] {
        let refusal = check(&full(12), version).unwrap_err().to_string();
        assert_eq!(refusal, format!("version {version} of Fetch is none that is read"));
    }
}

proptest! {
    #[test]
    fn what_the_codec_can_read_passes_and_what_passes_it_can_be_given(
        version in VERSIONS,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in 0_usize..3,
    ) {
        let mut bytes = full(version).to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        let bytes = Bytes::from(bytes);
        let passes = check(&bytes, version).is_ok();
        if guarded::decode::<FetchResponse>(&mut bytes.clone(), version, usize::MAX).is_ok() {
            prop_assert!(passes);
        }
        // Asks for gigabytes, and ends the process, if anything passed that should not have.
        if passes && let Ok(answer) = FetchResponse::decode(&mut bytes.clone(), version) {
            let partitions: usize = answer.responses.iter().map(|topic| topic.partitions.len()).sum();
            prop_assert!(partitions * 26 <= bytes.len());
        }
    }
}

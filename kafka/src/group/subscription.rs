//! What members tell each other through the coordinator, which passes it on unread.
//!
//! ```text
//!   subscription   version:i16  topics:[string]  user_data:bytes
//!                  since 1: owned:[topic:string partitions:[i32]]   since 2: generation:i32   since 3: rack:string
//!   assignment     version:i16  partitions:[topic:string partitions:[i32]]  user_data:bytes
//! ```
//!
//! Written by hand because it is read by hand: these bytes come from any client that joins the group, and a decoder
//! that reserves room for as many elements as a length claims lets one of them end this process. As Kafka's own
//! clients do, a newer version is read as far as we know it. Version 2 is written: it has the generation in it, and
//! Kafka's tools of the last years read it.

use std::collections::BTreeSet;

use crate::wire::MAX_PARTITIONS;

const SUBSCRIPTION_VERSION: i16 = 2;
const ASSIGNMENT_VERSION: i16 = 2;
/// No generation: the member has never been through a whole rebalance.
const NO_GENERATION: i32 = -1;

/// What a member wants, and what it holds on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    /// Whether it wants partitions of our topic.
    pub(super) subscribed: bool,
    /// Partitions of our topic that it owns.
    pub(super) owned: BTreeSet<i32>,
    /// The generation that gave it what it owns; -1 if none.
    pub(super) generation: i32,
}

/// Why bytes from another member could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it ends too early")]
    Truncated,
    #[error("a length is negative")]
    NegativeLength,
    #[error("its version is negative")]
    NegativeVersion,
}

impl Subscription {
    /// The bytes for a JoinGroup request.
    pub(super) fn encode(topic: &str, owned: &BTreeSet<i32>, generation: i32) -> Vec<u8> {
        let mut out = SUBSCRIPTION_VERSION.to_be_bytes().to_vec();
        put_length(&mut out, 1);
        put_string(&mut out, topic);
        put_i32(&mut out, -1);
        put_partitions(&mut out, topic, owned);
        put_i32(&mut out, generation);
        out
    }

    /// Reads what another member wrote, as far as it concerns `topic`.
    pub(super) fn decode(topic: &str, bytes: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(bytes);
        let version = input.version()?;
        let mut subscribed = false;
        for _ in 0..input.length()? {
            subscribed |= input.string()? == topic.as_bytes();
        }
        input.nullable_bytes()?;
        let owned = if version >= 1 { input.partitions(topic)? } else { BTreeSet::new() };
        let generation = if version >= 2 { input.i32()? } else { NO_GENERATION };
        Ok(Self { subscribed, owned, generation })
    }
}

/// The bytes for one member in the leader's SyncGroup request, with what else it is told.
pub(super) fn encode_assignment(topic: &str, partitions: &BTreeSet<i32>, told: &[u8]) -> Vec<u8> {
    let mut out = ASSIGNMENT_VERSION.to_be_bytes().to_vec();
    put_partitions(&mut out, topic, partitions);
    if told.is_empty() {
        put_i32(&mut out, -1);
    } else {
        put_length(&mut out, told.len());
        out.extend_from_slice(told);
    }
    out
}

/// Reads which partitions of `topic` the leader gave us. No bytes at all is what a leader that knows nothing of a
/// member gives it: no partitions.
pub(super) fn decode_assignment(topic: &str, bytes: &[u8]) -> Result<BTreeSet<i32>, Malformed> {
    decode_share(topic, bytes).map(|(partitions, _)| partitions)
}

/// The same, and what else it tells us.
pub(super) fn decode_share<'a>(topic: &str, bytes: &'a [u8]) -> Result<(BTreeSet<i32>, &'a [u8]), Malformed> {
    if bytes.is_empty() {
        return Ok((BTreeSet::new(), bytes));
    }
    let mut input = Input(bytes);
    input.version()?;
    let partitions = input.partitions(topic)?;
    Ok((partitions, input.nullable_bytes()?))
}

fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    put_i32(out, i32::try_from(length).expect("nothing here has 2^31 elements"));
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    let length = i16::try_from(text.len()).expect("topic names are at most 249 characters long");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_partitions(out: &mut Vec<u8>, topic: &str, partitions: &BTreeSet<i32>) {
    put_length(out, usize::from(!partitions.is_empty()));
    if !partitions.is_empty() {
        put_string(out, topic);
        put_length(out, partitions.len());
        partitions.iter().for_each(|p| put_i32(out, *p));
    }
}

/// What is left to read. Nothing is reserved ahead, so a length that lies runs into the end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn version(&mut self) -> Result<i16, Malformed> {
        let version = i16::from_be_bytes(self.array()?);
        if version < 0 { Err(Malformed::NegativeVersion) } else { Ok(version) }
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.i32()?).map_err(|_| Malformed::NegativeLength)
    }

    fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = i16::from_be_bytes(self.array()?);
        self.take(usize::try_from(length).map_err(|_| Malformed::NegativeLength)?)
    }

    /// None at all are as good as empty ones.
    fn nullable_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        match self.i32()? {
            -1 => Ok(&[]),
            length => self.take(usize::try_from(length).map_err(|_| Malformed::NegativeLength)?),
        }
    }

    /// Passes over those that no topic has here: each would be worked on.
    fn partitions(&mut self, topic: &str) -> Result<BTreeSet<i32>, Malformed> {
        let mut ours = BTreeSet::new();
        for _ in 0..self.length()? {
            let is_ours = self.string()? == topic.as_bytes();
            for _ in 0..self.length()? {
                let partition = self.i32()?;
                if is_ours && (0..MAX_PARTITIONS).contains(&partition) {
                    ours.insert(partition);
                }
            }
        }
        Ok(ours)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::{
        messages::{
            ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
            consumer_protocol_subscription::TopicPartition,
        },
        protocol::{Decodable, Encodable, StrBytes},
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn others_read_what_we_write() {
        let bytes = Subscription::encode("jobs", &BTreeSet::from([2, 5]), 7);
        let mut rest = Bytes::from(bytes).split_off(2);
        let theirs = ConsumerProtocolSubscription::decode(&mut rest, 2).unwrap();
        assert!(rest.is_empty());
        assert_eq!(theirs.topics, [StrBytes::from_static_str("jobs")]);
        assert_eq!(theirs.owned_partitions[0].partitions, [2, 5]);
        assert_eq!(theirs.generation_id, 7);

        let mut rest = Bytes::from(encode_assignment("jobs", &BTreeSet::from([1]), b"told")).split_off(2);
        let theirs = ConsumerProtocolAssignment::decode(&mut rest, 2).unwrap();
        assert!(rest.is_empty());
        assert_eq!(theirs.assigned_partitions[0].topic.as_str(), "jobs");
        assert_eq!(theirs.assigned_partitions[0].partitions, [1]);
        assert_eq!(theirs.user_data.as_deref(), Some(&b"told"[..]));
    }

    #[test]
    fn we_read_every_version_that_others_write() {
        for version in 0..=3_i16 {
            let mut theirs = ConsumerProtocolSubscription::default()
                .with_topics(vec![StrBytes::from_static_str("else"), StrBytes::from_static_str("jobs")])
                .with_user_data(Some(Bytes::from_static(b"sticky")));
            if version >= 1 {
                let owned = |topic, partitions| {
                    TopicPartition::default()
                        .with_topic(TopicName(StrBytes::from_static_str(topic)))
                        .with_partitions(partitions)
                };
                theirs =
                    theirs.with_owned_partitions(vec![owned("else", vec![9]), owned("jobs", vec![0, 3])]);
            }
            theirs.generation_id = if version >= 2 { 4 } else { -1 };
            let mut bytes = version.to_be_bytes().to_vec();
            theirs.encode(&mut bytes, version).unwrap();
            let ours = Subscription::decode("jobs", &bytes).unwrap();
            assert!(ours.subscribed);
            assert_eq!(ours.owned, if version >= 1 { BTreeSet::from([0, 3]) } else { BTreeSet::new() });
            assert_eq!(ours.generation, theirs.generation_id);
        }
    }

    #[test]
    fn a_length_that_lies_is_an_error_and_reserves_nothing() {
        let mut bytes = 2_i16.to_be_bytes().to_vec();
        put_i32(&mut bytes, i32::MAX);
        assert_eq!(Subscription::decode("jobs", &bytes), Err(Malformed::Truncated));
        assert_eq!(decode_assignment("jobs", &bytes), Err(Malformed::Truncated));
        assert_eq!(decode_assignment("jobs", b""), Ok(BTreeSet::new()));
    }

    #[test]
    fn partitions_that_no_topic_has_are_passed_over() {
        let last = MAX_PARTITIONS - 1;
        let told = BTreeSet::from([-1, 0, last, MAX_PARTITIONS, i32::MAX]);
        let share = decode_assignment("jobs", &encode_assignment("jobs", &told, b""));
        assert_eq!(share, Ok(BTreeSet::from([0, last])));
        let owned = Subscription::decode("jobs", &Subscription::encode("jobs", &told, 1)).unwrap().owned;
        assert_eq!(owned, BTreeSet::from([0, last]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(owned in prop::collection::btree_set(0..1000i32, 0..20), generation in -1..i32::MAX) {
            let bytes = Subscription::encode("jobs", &owned, generation);
            let expected = Subscription { subscribed: true, owned: owned.clone(), generation };
            prop_assert_eq!(Subscription::decode("jobs", &bytes), Ok(expected));
            for told in [&b""[..], b"told"] {
                let bytes = encode_assignment("jobs", &owned, told);
                prop_assert_eq!(decode_share("jobs", &bytes), Ok((owned.clone(), told)));
            }
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(version in 0..5i16, rest in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = version.to_be_bytes().to_vec();
            bytes.extend(rest);
            let _ = Subscription::decode("jobs", &bytes).map_err(|error| error.to_string());
            let _ = decode_assignment("jobs", &bytes).map_err(|error| error.to_string());
            for length in 0..bytes.len() {
                let _ = Subscription::decode("", &bytes[..length]);
            }
        }

        #[test]
        fn a_truncated_subscription_is_an_error(owned in prop::collection::btree_set(0..9i32, 0..5), cut in any::<prop::sample::Index>()) {
            let bytes = Subscription::encode("jobs", &owned, 1);
            prop_assert_eq!(Subscription::decode("jobs", &bytes[..cut.index(bytes.len())]), Err(Malformed::Truncated));
        }
    }
}

//! A member of a group, step by step, in whichever versions of the requests.

use std::time::Duration;

use bytes::Bytes;
use embedded_broker::{Broker, ResponseError};
use kafka_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    sync_group_request::SyncGroupRequestAssignment,
};

use crate::support::*;

/// Versions of the six requests, from the oldest spoken to the newest.
#[derive(Clone, Copy)]
pub(crate) struct Versions {
    pub(crate) join: i16,
    pub(crate) sync: i16,
    pub(crate) heartbeat: i16,
    pub(crate) leave: i16,
    pub(crate) commit: i16,
    pub(crate) fetch: i16,
}

pub(crate) const NEWEST: Versions =
    Versions { join: 9, sync: 5, heartbeat: 4, leave: 5, commit: 9, fetch: 9 };

impl Versions {
    /// The `step`th version of each, or its newest.
    pub(crate) fn step(step: i16) -> Self {
        Self {
            join: step.min(9),
            sync: step.min(5),
            heartbeat: step.min(4),
            leave: step.min(5),
            commit: (2 + step).min(9),
            fetch: (1 + step).min(9),
        }
    }
}

pub(crate) struct Member {
    pub(crate) connection: Connection,
    pub(crate) versions: Versions,
    pub(crate) group: &'static str,
    pub(crate) id: String,
    pub(crate) generation: i32,
    pub(crate) session: Duration,
    pub(crate) rebalance: Duration,
}

impl Member {
    pub(crate) async fn new(broker: &Broker, group: &'static str, versions: Versions) -> Self {
        let connection = Connection::open(broker).await;
        let session = Duration::from_secs(10);
        Self { connection, versions, group, id: String::new(), generation: -1, session, rebalance: session }
    }

    pub(crate) fn join_request(&self) -> JoinGroupRequest {
        let ms = |duration: Duration| i32::try_from(duration.as_millis()).unwrap();
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(Bytes::from_static(b"subscription"));
        JoinGroupRequest::default()
            .with_group_id(group(self.group))
            .with_session_timeout_ms(ms(self.session))
            .with_rebalance_timeout_ms(if self.versions.join == 0 { -1 } else { ms(self.rebalance) })
            .with_member_id(text(&self.id))
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol])
    }

    /// Joins, with the second attempt that newer versions ask for.
    pub(crate) async fn join(&mut self) -> JoinGroupResponse {
        let request = self.join_request();
        let mut joined = self.connection.call(&request, self.versions.join).await;
        if joined.error_code == ResponseError::MemberIdRequired.code() {
            self.id = joined.member_id.to_string();
            let request = self.join_request();
            joined = self.connection.call(&request, self.versions.join).await;
        }
        if joined.error_code == 0 {
            self.id = joined.member_id.to_string();
            self.generation = joined.generation_id;
        }
        joined
    }

    pub(crate) async fn sync(&mut self, assignments: &[(&str, &str)]) -> Result<Bytes, ResponseError> {
        let assignment = |(member, bytes): &(&str, &str)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(member))
                .with_assignment(Bytes::copy_from_slice(bytes.as_bytes()))
        };
        let names = (self.versions.sync >= 5).then(|| (text("consumer"), text("range")));
        let request = SyncGroupRequest::default()
            .with_group_id(group(self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id))
            .with_protocol_type(names.as_ref().map(|names| names.0.clone()))
            .with_protocol_name(names.map(|names| names.1))
            .with_assignments(assignments.iter().map(assignment).collect());
        let synced = self.connection.call(&request, self.versions.sync).await;
        ResponseError::try_from_code(synced.error_code).map_or(Ok(synced.assignment), Err)
    }

    pub(crate) async fn heartbeat(&mut self) -> Option<ResponseError> {
        let request = HeartbeatRequest::default()
            .with_group_id(group(self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id));
        let answer = self.connection.call(&request, self.versions.heartbeat).await;
        ResponseError::try_from_code(answer.error_code)
    }

    pub(crate) async fn leave(&mut self) -> Option<ResponseError> {
        let request = LeaveGroupRequest::default().with_group_id(group(self.group));
        let answer = if self.versions.leave >= 3 {
            let member = MemberIdentity::default().with_member_id(text(&self.id));
            self.connection.call(&request.with_members(vec![member]), self.versions.leave).await
        } else {
            self.connection.call(&request.with_member_id(text(&self.id)), self.versions.leave).await
        };
        let code = answer.members.first().map_or(answer.error_code, |member| member.error_code);
        ResponseError::try_from_code(code)
    }

    pub(crate) async fn commit(&mut self, topic_name: &str, offset: i64) -> Option<ResponseError> {
        let partition = OffsetCommitRequestPartition::default()
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("note")));
        let committed =
            OffsetCommitRequestTopic::default().with_name(topic(topic_name)).with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group(self.group))
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(text(&self.id))
            .with_topics(vec![committed]);
        let answer = self.connection.call(&request, self.versions.commit).await;
        ResponseError::try_from_code(answer.topics[0].partitions[0].error_code)
    }

    /// What the group committed for partitions 0 and 1.
    pub(crate) async fn committed(&mut self, topic_name: &str) -> Vec<(i64, String)> {
        let version = self.versions.fetch;
        let text_of = |metadata: &Option<kafka_protocol::protocol::StrBytes>| {
            metadata.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        if version >= 8 {
            let wanted = OffsetFetchRequestTopics::default()
                .with_name(topic(topic_name))
                .with_partition_indexes(vec![0, 1]);
            let wanted = OffsetFetchRequestGroup::default()
                .with_group_id(group(self.group))
                .with_topics(Some(vec![wanted]));
            let request = OffsetFetchRequest::default().with_groups(vec![wanted]);
            let answer = self.connection.call(&request, version).await;
            let partitions = &answer.groups[0].topics[0].partitions;
            return partitions.iter().map(|one| (one.committed_offset, text_of(&one.metadata))).collect();
        }
        let wanted = OffsetFetchRequestTopic::default()
            .with_name(topic(topic_name))
            .with_partition_indexes(vec![0, 1]);
        let request =
            OffsetFetchRequest::default().with_group_id(group(self.group)).with_topics(Some(vec![wanted]));
        let answer = self.connection.call(&request, version).await;
        let partitions = &answer.topics[0].partitions;
        partitions.iter().map(|one| (one.committed_offset, text_of(&one.metadata))).collect()
    }

    /// Joins alone and takes everything.
    pub(crate) async fn join_alone(&mut self) {
        let joined = self.join().await;
        assert_eq!((joined.error_code, joined.members.len()), (0, 1));
        let id = self.id.clone();
        assert_eq!(self.sync(&[(&id, "all")]).await.unwrap(), "all");
    }
}

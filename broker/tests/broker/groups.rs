//! Groups through the classic protocol's own requests, in every version that is advertised.

use std::time::{Duration, Instant};

use bytes::Bytes;
use embedded_broker::{Broker, Config, ResponseError, Times};
use kafka_protocol::messages::{
    DescribeGroupsRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    sync_group_request::SyncGroupRequestAssignment,
};
use tokio::time::timeout;

use crate::support::*;

const SESSION: Duration = Duration::from_millis(300);

/// Versions of the six requests, from the oldest spoken to the newest.
#[derive(Clone, Copy)]
struct Versions {
    join: i16,
    sync: i16,
    heartbeat: i16,
    leave: i16,
    commit: i16,
    fetch: i16,
}

const NEWEST: Versions = Versions { join: 9, sync: 5, heartbeat: 4, leave: 5, commit: 9, fetch: 9 };

impl Versions {
    /// The `step`th version of each, or its newest.
    fn step(step: i16) -> Self {
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

struct Member {
    connection: Connection,
    versions: Versions,
    group: &'static str,
    id: String,
    generation: i32,
    session: Duration,
    rebalance: Duration,
}

impl Member {
    async fn new(broker: &Broker, group: &'static str, versions: Versions) -> Self {
        let connection = Connection::open(broker).await;
        let session = Duration::from_secs(10);
        Self { connection, versions, group, id: String::new(), generation: -1, session, rebalance: session }
    }

    fn join_request(&self) -> JoinGroupRequest {
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
    async fn join(&mut self) -> JoinGroupResponse {
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

    async fn sync(&mut self, assignments: &[(&str, &str)]) -> Result<Bytes, ResponseError> {
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

    async fn heartbeat(&mut self) -> Option<ResponseError> {
        let request = HeartbeatRequest::default()
            .with_group_id(group(self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id));
        let answer = self.connection.call(&request, self.versions.heartbeat).await;
        ResponseError::try_from_code(answer.error_code)
    }

    async fn leave(&mut self) -> Option<ResponseError> {
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

    async fn commit(&mut self, topic_name: &str, offset: i64) -> Option<ResponseError> {
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
    async fn committed(&mut self, topic_name: &str) -> Vec<(i64, String)> {
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
    async fn join_alone(&mut self) {
        let joined = self.join().await;
        assert_eq!((joined.error_code, joined.members.len()), (0, 1));
        let id = self.id.clone();
        assert_eq!(self.sync(&[(&id, "all")]).await.unwrap(), "all");
    }
}

async fn short_sessions() -> Broker {
    let config = Config { min_session_timeout: Duration::from_millis(10), ..Config::default() };
    Broker::start(config).await.unwrap()
}

#[tokio::test]
async fn two_members_share_in_every_version() {
    for step in 0..=9 {
        let broker = start().await;
        broker.create_topic("t", 2).unwrap();
        let mut first = Member::new(&broker, "g", Versions::step(step)).await;
        first.join_alone().await;
        assert_eq!(first.heartbeat().await, None);

        let mut second = Member::new(&broker, "g", Versions::step(step)).await;
        let late = async {
            let joined = second.join().await;
            assert_eq!(joined.error_code, 0);
            joined.leader.to_string()
        };
        let early = async {
            let told = async {
                while first.heartbeat().await != Some(ResponseError::RebalanceInProgress) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            timeout(PATIENCE, told).await.expect("the first member is told of the second");
            assert_eq!(
                first.commit("t", 5).await,
                None,
                "what was read may be committed before joining again"
            );
            first.join().await
        };
        let (leader, joined) = tokio::join!(late, early);
        assert_eq!(leader, first.id, "the first member stays the leader");
        assert_eq!(joined.members.len(), 2);
        assert_eq!(first.generation, second.generation);

        let (first_id, second_id) = (first.id.clone(), second.id.clone());
        let shares = [(first_id.as_str(), "one"), (second_id.as_str(), "two")];
        let (one, two) = tokio::join!(first.sync(&shares), second.sync(&[]));
        assert_eq!((one.unwrap(), two.unwrap()), (Bytes::from("one"), Bytes::from("two")), "v{step}");

        assert_eq!(second.commit("t", 7).await, None);
        assert_eq!(first.committed("t").await, [(7, "note".to_owned()), (-1, String::new())]);
        first.generation -= 1;
        assert_eq!(first.heartbeat().await, Some(ResponseError::IllegalGeneration));
        assert_eq!(first.commit("t", 99).await, Some(ResponseError::IllegalGeneration));
        first.generation += 1;
        assert_eq!(second.leave().await, None);
        assert_eq!(second.leave().await, Some(ResponseError::UnknownMemberId));
        assert_eq!(second.commit("t", 99).await, Some(ResponseError::UnknownMemberId));
        assert_eq!(first.heartbeat().await, Some(ResponseError::RebalanceInProgress));
        first.join_alone().await;
        assert_eq!(broker.committed("g", "t", 0), Some(7));
        assert_eq!(broker.member_count("g"), 1);
        broker.stop().await;
    }
}

#[tokio::test]
async fn a_silent_member_is_out_after_its_session() {
    let broker = short_sessions().await;
    broker.create_topic("t", 2).unwrap();
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.session = SESSION;
    member.join_alone().await;
    let silent_since = Instant::now();
    until("the member's expiry", || broker.member_count("g") == 0).await;
    assert!(silent_since.elapsed() >= SESSION - Duration::from_millis(20), "{:?}", silent_since.elapsed());
    assert_eq!(member.heartbeat().await, Some(ResponseError::UnknownMemberId));
    broker.stop().await;
}

#[tokio::test]
async fn a_rebalance_goes_on_without_those_who_miss_its_deadline() {
    let broker = short_sessions().await;
    let mut deaf = Member::new(&broker, "g", NEWEST).await;
    deaf.rebalance = SESSION;
    deaf.join_alone().await;
    let mut other = Member::new(&broker, "g", NEWEST).await;
    other.rebalance = SESSION;
    // Heartbeats keep it a member, but it never joins again.
    let beating = async {
        loop {
            deaf.heartbeat().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let joined = tokio::select! {
        joined = timeout(PATIENCE, other.join()) => joined.unwrap(),
        () = beating => unreachable!("it beats for ever"),
    };
    assert_eq!((joined.error_code, joined.members.len()), (0, 1));
    broker.stop().await;
}

#[tokio::test]
async fn a_join_whose_socket_closes_is_forgotten_at_once() {
    let broker = start().await;
    let mut first = Member::new(&broker, "g", NEWEST).await;
    first.join_alone().await;
    let mut second = Member::new(&broker, "g", Versions { join: 3, ..NEWEST }).await;
    let request = second.join_request();
    second.connection.send(&request, 3).await.unwrap();
    until("the second member", || broker.member_count("g") == 2).await;
    drop(second);
    until("the second member's end", || broker.member_count("g") == 1).await;
    first.join_alone().await;
    broker.stop().await;
}

#[tokio::test]
async fn the_first_rebalance_can_wait_for_more_members() {
    let delay = Duration::from_millis(200);
    let config = Config { initial_rebalance_delay: delay, ..Config::default() };
    let broker = Broker::start(config).await.unwrap();
    let (mut one, mut two) =
        (Member::new(&broker, "g", NEWEST).await, Member::new(&broker, "g", NEWEST).await);
    let began = Instant::now();
    let (first, second) = tokio::join!(one.join(), two.join());
    assert!(began.elapsed() >= delay);
    assert_eq!(first.members.len() + second.members.len(), 2, "one generation, one leader");
    assert_eq!(first.generation_id, second.generation_id);
    broker.stop().await;
}

#[tokio::test]
async fn join_refusals() {
    let broker = start().await;
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.session = Duration::from_millis(5_999);
    assert_eq!(member.join().await.error_code, ResponseError::InvalidSessionTimeout.code());
    member.session = Duration::from_secs(6);
    member.id = "nobody".to_owned();
    assert_eq!(member.join().await.error_code, ResponseError::UnknownMemberId.code());
    member.id = String::new();
    let static_member = member.join_request().with_group_instance_id(Some(text("me")));
    let refused = member.connection.call(&static_member, 9).await;
    assert_eq!(refused.error_code, ResponseError::UnsupportedVersion.code());
    member.join_alone().await;
    let mut other = Member::new(&broker, "g", NEWEST).await;
    let protocol = JoinGroupRequestProtocol::default().with_name(text("sticky"));
    let foreign = other.join_request().with_protocols(vec![protocol]);
    let refused = other.connection.call(&foreign, 9).await;
    assert_eq!(refused.error_code, ResponseError::InconsistentGroupProtocol.code());
    let mut nameless = Member::new(&broker, "", NEWEST).await;
    assert_eq!(nameless.join().await.error_code, ResponseError::InvalidGroupId.code());
    broker.stop().await;
}

#[tokio::test]
async fn groups_are_capped_but_empty_ones_make_room() {
    let broker = Broker::start(Config { max_groups: 1, ..Config::default() }).await.unwrap();
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.join_alone().await;
    let mut other = Member::new(&broker, "h", NEWEST).await;
    assert_eq!(other.join().await.error_code, ResponseError::PolicyViolation.code());
    member.leave().await;
    other.join_alone().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_consumer_outside_the_protocol_commits_while_there_are_no_members() {
    let broker = start().await;
    broker.create_topic("t", 2).unwrap();
    let mut outsider = Member::new(&broker, "g", NEWEST).await;
    assert_eq!(outsider.commit("t", 3).await, None);
    assert_eq!(outsider.commit("missing", 3).await, Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(broker.committed("g", "t", 0), Some(3));
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.join_alone().await;
    assert_eq!(outsider.commit("t", 4).await, Some(ResponseError::UnknownMemberId));
    broker.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_offsets_and_members() {
    let broker = start().await;
    broker.create_topic("t", 2).unwrap();
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.join_alone().await;
    assert_eq!(member.commit("t", 7).await, None);
    let broker = broker.stop().await.start().await.unwrap();
    member.connection = Connection::open(&broker).await;
    assert_eq!(member.heartbeat().await, None, "the restarted coordinator knows it");
    assert_eq!(member.committed("t").await[0].0, 7);
    assert_eq!(member.commit("t", 8).await, None);
    broker.stop().await;
}

#[tokio::test]
async fn groups_are_described_and_listed() {
    let broker = start().await;
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.join_alone().await;
    for version in 0..=5 {
        let request = DescribeGroupsRequest::default().with_groups(vec![group("g")]);
        let described = member.connection.call(&request, version).await;
        let described = &described.groups[0];
        assert_eq!(described.group_state.as_str(), "Stable");
        assert_eq!(described.protocol_data.as_str(), "range");
        assert_eq!(described.members[0].member_id.as_str(), member.id);
        assert_eq!(described.members[0].client_id.as_str(), "test");
        assert_eq!(described.members[0].client_host.as_str(), "/127.0.0.1");
        assert_eq!(described.members[0].member_assignment, "all");
    }
    for version in 0..=4 {
        let listed = member.connection.call(&ListGroupsRequest::default(), version).await;
        assert_eq!(listed.groups[0].group_id.as_str(), "g", "v{version}");
    }
    let empty = ListGroupsRequest::default().with_states_filter(vec![text("Empty")]);
    assert!(member.connection.call(&empty, 4).await.groups.is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn group_faults() {
    let broker = start().await;
    broker.create_topic("t", 2).unwrap();
    let mut member = Member::new(&broker, "g", NEWEST).await;
    member.join_alone().await;
    broker.faults().move_coordinator("g");
    assert_eq!(member.heartbeat().await, Some(ResponseError::NotCoordinator));
    assert_eq!(member.heartbeat().await, None);
    assert_eq!(member.commit("t", 7).await, None);
    broker.faults().fail_group(Some("g"), ResponseError::CoordinatorLoadInProgress, Times::Next(2));
    assert_eq!(member.commit("t", 8).await, Some(ResponseError::CoordinatorLoadInProgress));
    assert_eq!(member.committed("t").await[0].0, -1, "a failed look-up tells no offset");
    assert_eq!(member.committed("t").await[0].0, 7);
    assert!(broker.faults().lose_offsets("g"));
    assert!(!broker.faults().lose_offsets("nobody"));
    assert_eq!(member.committed("t").await[0].0, -1);
    member.commit("t", 9).await;
    broker.faults().delete_topic("t");
    broker.create_topic("t", 2).unwrap();
    assert_eq!(member.committed("t").await[0].0, -1, "a topic's offsets go with it");
    broker.stop().await;
}

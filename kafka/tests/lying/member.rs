//! A member of a group that is lied to has its partitions again once the truth is told, and its positions count.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use kafka::{
    Kafka,
    group::{Assignor, Event, GroupConfig, Member, State},
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatRequest,
        HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, MetadataRequest, OffsetCommitRequest,
        OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
    },
    protocol::Request,
};
use tokio::time::{sleep, timeout};

use crate::{
    liar::Lie,
    lies::rewritten,
    stand::{PATIENCE, Stand, TOPIC, for_each, for_each_lie},
};

const GROUP: &str = "group";
pub(crate) const PARTITIONS: i32 = 2;

const FIND: i16 = FindCoordinatorRequest::KEY;
const JOIN: i16 = JoinGroupRequest::KEY;
const SYNC: i16 = SyncGroupRequest::KEY;
const BEAT: i16 = HeartbeatRequest::KEY;
const COMMIT: i16 = OffsetCommitRequest::KEY;
const OFFSETS: i16 = OffsetFetchRequest::KEY;
const METADATA: i16 = MetadataRequest::KEY;
const API_VERSIONS: i16 = ApiVersionsRequest::KEY;

struct Owner {
    member: Member,
    held: BTreeSet<i32>,
    /// Where the group left off in partition 0 when it was last assigned.
    left_off: Option<i64>,
}

impl Owner {
    fn join(kafka: &Kafka) -> Self {
        let mut config = GroupConfig::new(GROUP, TOPIC, Assignor::CooperativeSticky);
        config.heartbeat_interval = Duration::from_millis(300);
        config.commit_interval = Duration::from_millis(50);
        config.partition_poll_interval = Duration::from_millis(100);
        config.session_timeout = Duration::from_secs(2);
        config.rebalance_timeout = Duration::from_secs(4);
        config.revoke_timeout = Duration::from_secs(1);
        let member = Member::join(kafka.clone(), config).expect("a thread");
        Self { member, held: BTreeSet::new(), left_off: None }
    }

    /// Does as it is told, for ever.
    async fn work(&mut self) {
        loop {
            match self.member.next_event().await.expect("it lives") {
                Event::Assigned(new) => {
                    for assigned in new {
                        assert!(
                            self.held.insert(assigned.partition),
                            "{} is assigned twice",
                            assigned.partition
                        );
                        if assigned.partition == 0 {
                            self.left_off = assigned.committed;
                        }
                    }
                }
                Event::Revoke { partitions, done } => {
                    self.held.retain(|partition| !partitions.contains(partition));
                    done.finish();
                }
                Event::Lost { partitions } => self.held.retain(|partition| !partitions.contains(partition)),
                Event::PartitionsChanged(count) => assert_eq!(count, PARTITIONS, "there are no others"),
            }
        }
    }

    /// Works until it has everything, as a member like the others.
    async fn has_all(&mut self, name: &str) {
        let everything: BTreeSet<i32> = (0..PARTITIONS).collect();
        let waited = timeout(PATIENCE, async {
            while self.held != everything || self.member.status().state != State::Stable {
                tokio::select! {
                    () = self.work() => {}
                    () = sleep(Duration::from_millis(20)) => {}
                }
            }
        });
        assert!(waited.await.is_ok(), "{name}: it has {:?}; {:?}", self.held, self.member.status());
    }

    /// Commits a position of partition 0.
    async fn commits(&mut self, position: i64, name: &str) {
        let offsets = self.member.offsets();
        // One that is lost and assigned anew meanwhile takes its positions again.
        let committed = timeout(PATIENCE, async {
            while offsets.committed(0) != Some(position) {
                offsets.commit(0, position);
                tokio::select! {
                    () = self.work() => {}
                    () = sleep(Duration::from_millis(50)) => {}
                }
            }
        });
        assert!(committed.await.is_ok(), "{name}: {:?}", self.member.status());
    }
}

/// Commits 5, is lied to, and in the end has all partitions again, and commits 9 as far as the broker knows.
pub(crate) async fn is_a_member_again(name: String, key: i16, lie: Lie) {
    let stand = Stand::start(PARTITIONS).await;
    let mut owner = Owner::join(&stand.kafka);
    owner.has_all(&name).await;
    owner.commits(5, &name).await;
    let faults = stand.broker.faults();
    let offsets = owner.member.offsets();
    let mut provoked = 0;
    let provoke = || {
        // A member that is thrown out again and again does not get as far as to be lied to.
        let is_thrown_out = provoked % 10 == 0;
        provoked += 1;
        match key {
            FIND | API_VERSIONS => faults.drop_connections(),
            JOIN | SYNC | OFFSETS if is_thrown_out => {
                let unknown = embedded_broker::ResponseError::UnknownMemberId;
                faults.fail_group(Some(GROUP), unknown, embedded_broker::Times::Next(1));
            }
            COMMIT => drop(offsets.commit(0, 6)),
            _ => {}
        }
    };
    tokio::select! {
        () = stand.lie(&name, key, lie, provoke) => {}
        () = owner.work() => {}
    }
    owner.has_all(&name).await;
    owner.commits(9, &name).await;
    assert_eq!(stand.broker.committed(GROUP, TOPIC, 0), Some(9), "{name}");
    // Nobody went on from anywhere but where the group was.
    assert!(owner.left_off.is_none_or(|at| [5, 6, 9].contains(&at)), "{name}: {:?}", owner.left_off);
    assert_eq!(stand.kafka.health().subscribe().borrow().fault, None, "{name}");
    owner.member.leave(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn of_joining() {
    for_each_lie(&[JOIN, SYNC, OFFSETS], is_a_member_again).await;
}

#[tokio::test]
async fn of_belonging() {
    for_each_lie(&[BEAT, COMMIT, METADATA], is_a_member_again).await;
}

#[tokio::test]
async fn of_the_way_there() {
    for_each_lie(&[FIND, API_VERSIONS], is_a_member_again).await;
}

#[tokio::test]
async fn of_the_group() {
    let lies = vec![
        (
            "an unknown error of joining",
            JOIN,
            rewritten(|told: &mut JoinGroupResponse| told.error_code = 9999),
        ),
        (
            "a member without an id",
            JOIN,
            rewritten(|told: &mut JoinGroupResponse| told.member_id = "".into()),
        ),
        (
            "another member's id",
            JOIN,
            rewritten(|told: &mut JoinGroupResponse| told.member_id = "another".into()),
        ),
        ("a generation below zero", JOIN, rewritten(|told: &mut JoinGroupResponse| told.generation_id = -7)),
        ("another generation", JOIN, rewritten(|told: &mut JoinGroupResponse| told.generation_id += 1)),
        ("an id again and again", JOIN, rewritten(|told: &mut JoinGroupResponse| told.error_code = 79)),
        (
            "members that cannot be read",
            JOIN,
            rewritten(|told: &mut JoinGroupResponse| {
                told.members.iter_mut().for_each(|member| member.metadata = Bytes::from_static(&[0x7f; 40]));
            }),
        ),
        ("no members", JOIN, rewritten(|told: &mut JoinGroupResponse| told.members.clear())),
        (
            "an unknown error of the share",
            SYNC,
            rewritten(|told: &mut SyncGroupResponse| told.error_code = 9999),
        ),
        (
            "a share that cannot be read",
            SYNC,
            rewritten(|told: &mut SyncGroupResponse| {
                told.assignment = Bytes::from_static(&[0x7f; 40]);
            }),
        ),
        ("no share", SYNC, rewritten(|told: &mut SyncGroupResponse| told.assignment = Bytes::new())),
        (
            "an unknown error of a heartbeat",
            BEAT,
            rewritten(|told: &mut HeartbeatResponse| told.error_code = 9999),
        ),
        ("always a rebalance", BEAT, rewritten(|told: &mut HeartbeatResponse| told.error_code = 27)),
        ("never a member", BEAT, rewritten(|told: &mut HeartbeatResponse| told.error_code = 25)),
        ("another coordinator", BEAT, rewritten(|told: &mut HeartbeatResponse| told.error_code = 16)),
        (
            "a pause for ever",
            BEAT,
            rewritten(|told: &mut HeartbeatResponse| told.throttle_time_ms = i32::MAX),
        ),
    ];
    for_each(lies, is_a_member_again).await;
}

#[tokio::test]
async fn of_positions_and_of_who_keeps_them() {
    let found = |change: fn(&mut FindCoordinatorResponse)| rewritten(change);
    let lies = vec![
        (
            "an unknown error of a commit",
            COMMIT,
            rewritten(|told: &mut OffsetCommitResponse| {
                told.topics.iter_mut().flat_map(|it| &mut it.partitions).for_each(|it| it.error_code = 9999);
            }),
        ),
        ("nothing was committed", COMMIT, rewritten(|told: &mut OffsetCommitResponse| told.topics.clear())),
        (
            "another topic was committed",
            COMMIT,
            rewritten(|told: &mut OffsetCommitResponse| {
                told.topics.iter_mut().for_each(|topic| {
                    topic.name = kafka_protocol::messages::TopicName("another".to_owned().into());
                });
            }),
        ),
        (
            "an unknown error of positions",
            OFFSETS,
            rewritten(|told: &mut OffsetFetchResponse| {
                told.groups.iter_mut().for_each(|group| group.error_code = 9999);
            }),
        ),
        (
            "an unknown error of each position",
            OFFSETS,
            rewritten(|told: &mut OffsetFetchResponse| {
                let topics = told.groups.iter_mut().flat_map(|group| &mut group.topics);
                topics.flat_map(|topic| &mut topic.partitions).for_each(|it| it.error_code = -1);
            }),
        ),
        (
            "another coordinator each time",
            FIND,
            found(|told| {
                static PORT: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(1);
                for it in &mut told.coordinators {
                    let port = PORT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 1000;
                    (it.port, it.node_id) = (port, port.into());
                }
            }),
        ),
        ("no coordinator", FIND, found(|told| told.coordinators.clear())),
        ("none yet", FIND, found(|told| told.coordinators.iter_mut().for_each(|it| it.error_code = 15))),
        (
            "an unknown error of the coordinator",
            FIND,
            found(|told| {
                told.coordinators.iter_mut().for_each(|it| it.error_code = 9999);
            }),
        ),
        (
            "a coordinator at no port",
            FIND,
            found(|told| told.coordinators.iter_mut().for_each(|it| it.port = -1)),
        ),
        (
            "a coordinator nowhere",
            FIND,
            found(|told| told.coordinators.iter_mut().for_each(|it| it.host = "".into())),
        ),
    ];
    for_each(lies, is_a_member_again).await;
}

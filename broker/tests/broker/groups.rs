//! Groups through the classic protocol's own requests.

use std::time::{Duration, Instant};

use bytes::Bytes;
use embedded_broker::{Broker, Config, ResponseError, Times};
use kafka_protocol::messages::{
    DescribeGroupsRequest, ListGroupsRequest, join_group_request::JoinGroupRequestProtocol,
};
use tokio::time::timeout;

use crate::{
    member::{Member, NEWEST, Versions},
    support::*,
};

const SESSION: Duration = Duration::from_millis(300);

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
    let began = Instant::now();
    member.join_alone().await;
    until("the member's expiry", || broker.member_count("g") == 0).await;
    assert!(began.elapsed() >= SESSION);
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

//! A group seen from outside.

use std::time::{Duration, Instant};

use kafka::group::{Assignor, GroupConfig, GroupWatch, Sighting, describe_group};

use crate::{
    stand::Stand,
    worker::{Worker, shared_out},
};

const EVERY: Duration = Duration::from_millis(50);

async fn until(watch: &GroupWatch, what: &str, is_so: impl Fn(Option<Sighting>) -> bool) -> Option<Sighting> {
    let began = Instant::now();
    loop {
        let latest = watch.latest();
        if is_so(latest) {
            return latest;
        }
        assert!(began.elapsed() < Duration::from_secs(15), "waited 15 s for {what}; there is {latest:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn members(count: usize) -> impl Fn(Option<Sighting>) -> bool {
    move |sighting| sighting.is_some_and(|sighting| sighting.members == count)
}

#[tokio::test]
async fn members_are_counted_as_they_come_and_go() {
    let stand = Stand::any().await;
    stand.create_topic(1).await;
    let watch = GroupWatch::start(stand.kafka.clone(), stand.name(), stand.name(), EVERY);
    let sighting = until(&watch, "a group that does not exist to have no members", members(0)).await.unwrap();
    assert!(sighting.asked_at <= sighting.answered_at);
    let config = stand.config(Assignor::CooperativeSticky);
    let first = Worker::start(&stand.kafka, config.clone());
    until(&watch, "one member", members(1)).await;
    let second = Worker::start(&stand.kafka, config);
    until(&watch, "two members", members(2)).await;
    second.leave(Duration::from_secs(2)).await;
    first.leave(Duration::from_secs(2)).await;
    let sighting = until(&watch, "no member", members(0)).await.unwrap();
    assert!(sighting.last_member_at.is_some_and(|seen| seen < sighting.asked_at));
}

#[tokio::test]
async fn one_that_reads_another_topic_alone_is_nobody() {
    let stand = Stand::embedded().await;
    stand.create_topic(1).await;
    stand.broker().create_topic("elsewhere", 1).unwrap();
    let watch = GroupWatch::start(stand.kafka.clone(), stand.name(), stand.name(), EVERY);
    let config = stand.config(Assignor::Range);
    let ours = Worker::start(&stand.kafka, config.clone());
    until(&watch, "one member", members(1)).await;
    let theirs = Worker::start(&stand.kafka, GroupConfig { topic: "elsewhere".to_owned(), ..config });
    let in_group =
        async || describe_group(&stand.kafka, stand.name(), "elsewhere").await.unwrap().members.len();
    let both = async {
        while in_group().await < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), both).await.unwrap();
    ours.leave(Duration::from_secs(2)).await;
    until(&watch, "nobody who counts", members(0)).await;
    assert_eq!(in_group().await, 1);
    theirs.leave(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_kafka_that_cannot_be_asked_is_no_empty_group() {
    let mut stand = Stand::embedded().await;
    stand.create_topic(1).await;
    let mut worker = Worker::start(&stand.kafka, stand.config(Assignor::CooperativeSticky));
    shared_out(&mut [&mut worker], 1).await;
    let watch = GroupWatch::start(stand.kafka.clone(), stand.name(), stand.name(), EVERY);
    until(&watch, "one member", members(1)).await;
    let stopped = stand.broker.take().unwrap().stop().await;
    until(&watch, "no sighting", |sighting| sighting.is_none()).await;
    stand.broker = Some(stopped.start().await.unwrap());
    until(&watch, "one member again", members(1)).await;
}

#[tokio::test]
async fn a_watch_can_run_on_the_thread_of_a_member() {
    let stand = Stand::any().await;
    stand.create_topic(1).await;
    let config = stand.config(Assignor::Range);
    let member = kafka::group::Member::join(stand.kafka.clone(), config).unwrap();
    let watch =
        GroupWatch::start_on(member.runtime(), stand.kafka.clone(), stand.name(), stand.name(), EVERY);
    until(&watch, "the member itself", members(1)).await;
    member.leave(Duration::from_secs(2)).await;
    drop(watch);
}

//! The topic is missing, appears, grows.

use kafka::group::Assignor;

use crate::{
    stand::Stand,
    worker::{Worker, shared_out},
};

#[tokio::test]
async fn partitions_that_are_added_are_found_and_shared_out() {
    let stand = Stand::any().await;
    stand.create_topic(1).await;
    let mut first = Worker::start(&stand.kafka, stand.config(Assignor::CooperativeSticky));
    let mut second = Worker::start(&stand.kafka, stand.config(Assignor::CooperativeSticky));
    shared_out(&mut [&mut first, &mut second], 1).await;
    first.until("the count of partitions", |log| log.count == Some(1)).await;
    stand.grow_topic(4).await;
    shared_out(&mut [&mut first, &mut second], 4).await;
    for worker in [&mut first, &mut second] {
        worker.until("the new count of partitions", |log| log.count == Some(4)).await;
        assert!(worker.log().lost.is_empty());
    }
}

#[tokio::test]
async fn a_missing_topic_is_waited_for_and_not_made() {
    let stand = Stand::any().await;
    let mut worker = Worker::start(&stand.kafka, stand.config(Assignor::CooperativeSticky));
    // It is a member already, so that tools can see it waiting.
    worker.until_stable().await;
    assert_eq!(worker.log().count, None);
    // Had it made the topic by asking for it, this would fail.
    stand.create_topic(3).await;
    shared_out(&mut [&mut worker], 3).await;
    assert_eq!(worker.log().count, Some(3));
}

//! Requests and their replies.

use std::time::Duration;

use anyhow::{Result, ensure};
use embedded_broker::{ResponseError, Times};
use hash_processor::Operations;
use protocol::header::{
    CORRELATION_ID, DEADLINE, Deadline, NEST_DISPOSED, REPLY_PARTITION, REPLY_TOPIC, ReplyPartition,
};

use crate::rig::{REQUESTS, RESPONSES, Rig, Running, header, record, text};

const HELLO: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

#[tokio::test]
async fn a_request_is_answered_on_the_partition_it_names() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(3)?;
    let processor = rig.processor(Operations::shipped()).await?;
    for partition in 0..3 {
        let reply_partition = ReplyPartition::encode_binary(partition);
        let headers: [(&str, &[u8]); 3] = [
            (CORRELATION_ID, b"id"),
            (REPLY_TOPIC, RESPONSES.as_bytes()),
            (REPLY_PARTITION, &reply_partition),
        ];
        let mut request = record(r#"{"version":1,"id":"id","data":"hello world"}"#, &headers);
        request.key = Some("key".into());
        rig.produce(REQUESTS, 2 - partition, &[request]).await?;
        let reply = rig.read(RESPONSES, partition, 1).await?.remove(0);
        ensure!(reply.key.as_deref() == Some(&b"key"[..]));
        ensure!(header(&reply, CORRELATION_ID) == "id");
        let value = text(&reply.value.unwrap_or_default());
        ensure!(value == format!(r#"{{"version":1,"id":"id","hash":"{HELLO}"}}"#), "{value}");
    }
    processor.counted(r#"processor_requests_total{operation="hash",outcome="answered"} 3"#).await
}

#[tokio::test]
async fn what_was_produced_before_the_first_worker_came_is_answered() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    rig.request(&[record(r#"{"id":"test-123","data":"hello world"}"#, &[])]).await?;
    let _processor = rig.processor(Operations::shipped()).await?;
    let reply = rig.replies(1).await?.remove(0);
    ensure!(reply == format!(r#"{{"version":1,"id":"test-123","hash":"{HELLO}"}}"#), "{reply}");
    rig.committed(1).await
}

#[tokio::test]
async fn a_nest_caller_gets_its_end_mark_on_the_reply_topic() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    rig.broker.create_topic("requests.reply", 2).expect("it is new");
    let _processor = rig.processor(Operations::shipped()).await?;
    let headers: [(&str, &[u8]); 3] =
        [(CORRELATION_ID, b"nest"), (REPLY_TOPIC, b"requests.reply"), (REPLY_PARTITION, b"1")];
    rig.request(&[record(r#"{"data":"hello world"}"#, &headers)]).await?;
    let reply = rig.read("requests.reply", 1, 1).await?.remove(0);
    ensure!(reply.headers.get(NEST_DISPOSED).is_some_and(|mark| mark == &[0]));
    ensure!(text(&reply.value.unwrap_or_default()).contains(HELLO));
    Ok(())
}

#[tokio::test]
async fn an_expired_request_is_passed_in_silence() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
    let expired = Deadline { at_epoch_ms: now_ms - 1, ttl: Duration::from_secs(1) }.encode();
    let live = Deadline::after(now_ms, Duration::from_secs(60)).encode();
    let mut ancient = record(r#"{"id":"ancient","data":"x"}"#, &[]);
    ancient.timestamp_ms -= 2 * 3_600_000;
    rig.request(&[
        record(r#"{"id":"expired","data":"x"}"#, &[(DEADLINE, &expired)]),
        ancient,
        record(r#"{"id":"live","data":"x"}"#, &[(DEADLINE, &live)]),
    ])
    .await?;
    let processor = rig.processor(Operations::shipped()).await?;
    let replies = rig.replies(1).await?;
    ensure!(replies.len() == 1 && replies[0].contains("live"), "{replies:?}");
    rig.committed(3).await?;
    processor.counted(r#"processor_requests_total{operation="hash",outcome="expired"} 2"#).await
}

#[tokio::test]
async fn a_deadline_in_the_past_of_a_skewed_clock_drops_no_young_request() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let _processor = rig.processor(Operations::shipped()).await?;
    // The reader has seen the end of the log once this one is answered.
    rig.request(&[record(r#"{"id":"first","data":"x"}"#, &[])]).await?;
    rig.replies(1).await?;
    let by_a_clock_that_is_slow = Deadline { at_epoch_ms: 1, ttl: Duration::from_secs(60) }.encode();
    rig.request(&[record(r#"{"id":"young","data":"x"}"#, &[(DEADLINE, &by_a_clock_that_is_slow)])]).await?;
    ensure!(rig.replies(2).await?[1].contains("young"));
    Ok(())
}

#[tokio::test]
async fn many_requests_are_answered_each_once() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    let ids: Vec<_> = (0..5_000).map(|number| format!("request-{number}")).collect();
    for batch in ids.chunks(500) {
        let records: Vec<_> =
            batch.iter().map(|id| record(format!(r#"{{"id":"{id}","data":"{id}"}}"#), &[])).collect();
        rig.request(&records).await?;
    }
    rig.committed(5_000).await?;
    let mut replies = rig.replies(5_000).await?;
    ensure!(replies.len() == 5_000);
    replies.sort_unstable();
    replies.dedup();
    ensure!(replies.len() == 5_000, "every reply is another one");
    processor.counted("processor_in_flight 0").await
}

#[tokio::test]
async fn more_partitions_are_replied_to_than_there_are_writers() -> Result<()> {
    const PARTITIONS: i32 = 300;
    let rig = Rig::start().await?;
    rig.broker.create_topic(RESPONSES, PARTITIONS).expect("it is new");
    let _processor = rig.processor(Operations::shipped()).await?;
    let request = |partition| {
        let reply_partition = ReplyPartition::encode_binary(partition);
        record(r#"{"id":"a","data":"x"}"#, &[(REPLY_PARTITION, &reply_partition)])
    };
    rig.request(&(0..PARTITIONS).map(request).collect::<Vec<_>>()).await?;
    rig.committed(PARTITIONS.into()).await?;
    for partition in 0..PARTITIONS {
        ensure!(rig.broker.log_end(RESPONSES, partition) == Some(1), "partition {partition}");
    }
    Ok(())
}

#[tokio::test]
async fn a_reply_topic_that_cannot_be_written_holds_up_the_others_no_longer_than_its_deadlines() -> Result<()>
{
    let rig = Rig::start().await?;
    rig.topics(1)?;
    rig.broker.create_topic("requests.reply", 1).expect("it is new");
    let settings = service::settings::ProcessorSettings { max_in_flight: 3, ..rig.settings() };
    let processor = Running::start(settings, Operations::shipped())?;
    rig.broker.faults().fail_produce(Some(RESPONSES), ResponseError::NotLeaderOrFollower, Times::Every);
    let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
    let deadline = Deadline::after(now_ms, Duration::from_secs(1)).encode();
    let stuck = record(r#"{"id":"stuck","data":"x"}"#, &[(DEADLINE, &deadline)]);
    let other = record(r#"{"id":"other","data":"x"}"#, &[(REPLY_TOPIC, b"requests.reply")]);
    rig.request(&[stuck.clone(), stuck.clone(), stuck, other]).await?;
    rig.read("requests.reply", 0, 1).await?;
    rig.committed(4).await?;
    processor.counted(r#"processor_requests_total{operation="hash",outcome="expired"} 3"#).await
}

//! A range of a topic, read from end to end.

use embedded_broker::{Broker, Times};
use kafka::batch::{RangeReader, RawAppender, RawRecord, produce_raw};
use kafka::{Config, Kafka, LogPoint, log_offsets, wire::ResponseError};

use crate::support::Cluster;

/// Recent enough for any retention of a test.
fn began_ms() -> i64 {
    static BEGAN: std::sync::LazyLock<i64> =
        std::sync::LazyLock::new(|| chrono::Utc::now().timestamp_millis());
    *BEGAN
}

fn record(number: i64) -> RawRecord {
    let headers =
        vec![("null".into(), None), ("twice".into(), Some("a".into())), ("twice".into(), Some("b".into()))];
    RawRecord {
        timestamp_ms: began_ms() + 1_000 * number,
        value: Some(number.to_string().into()),
        headers,
        ..Default::default()
    }
}

async fn values(mut reader: RangeReader) -> Vec<String> {
    let mut values = Vec::new();
    while let Some(record) = reader.next().await.expect("the broker answers") {
        values.push(String::from_utf8_lossy(&record.value.unwrap_or_default()).into_owned());
    }
    values
}

#[tokio::test]
async fn everything_between_two_offsets_comes_as_it_stands_there() {
    let cluster = Cluster::any().await.unwrap();
    let (kafka, topic) = (cluster.kafka.clone(), cluster.topic(1).await.unwrap());
    let topic = topic.as_str();
    let batch: Vec<_> = (0..5).map(record).collect();
    produce_raw(&kafka, topic, 0, &batch).await.unwrap();
    let mut appender = RawAppender::new(&kafka, topic);
    for number in 5..8 {
        assert_eq!(appender.append(0, &record(number)).await.unwrap(), number);
    }
    assert_eq!(values(RangeReader::new(&kafka, topic, 0, 2..7)).await, ["2", "3", "4", "5", "6"]);
    assert_eq!(values(RangeReader::new(&kafka, topic, 0, 6..100)).await, ["6", "7"], "the log ends before");
    assert_eq!(values(RangeReader::new(&kafka, topic, 0, 3..3)).await, [""; 0]);
    let found = RangeReader::new(&kafka, topic, 0, 4..5).next().await.unwrap().unwrap();
    assert_eq!((found.offset, &found.headers), (4, &record(4).headers));
    assert_eq!(found.reason, "header \"null\" has a null value");
    let began = u64::try_from(began_ms()).unwrap();
    for (point, offset) in [
        (LogPoint::Earliest, Some(0)),
        (LogPoint::Latest, Some(8)),
        (LogPoint::Since(began + 5_500), Some(6)),
        (LogPoint::Since(began + 8_000), None),
    ] {
        assert_eq!(log_offsets(&kafka, topic, &[0], point).await.unwrap(), [(0, offset)], "{point:?}");
    }
}

#[tokio::test]
async fn an_append_says_whether_the_record_may_be_there() {
    const TOPIC: &str = "topic";
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    broker.create_topic(TOPIC, 1).unwrap();
    let timeout = std::time::Duration::from_secs(3);
    let config = Config {
        brokers: vec![broker.bootstrap()],
        client_id: "range-test".to_owned(),
        timeout,
        security: kafka::Security::default(),
    };
    let mut appender = RawAppender::new(&Kafka::new(config), TOPIC);
    let (once, faults) = (Times::Next(1), broker.faults());

    faults.fail_produce(Some(TOPIC), ResponseError::MessageTooLarge, once);
    assert!(!appender.append(0, &record(0)).await.unwrap_err().may_be_there);

    faults.fail_acknowledgement(Some(TOPIC), ResponseError::NotEnoughReplicasAfterAppend, once);
    assert!(appender.append(0, &record(0)).await.unwrap_err().may_be_there);
    assert_eq!(appender.append(0, &record(1)).await.unwrap(), 1, "and it was");

    // The try before the last may have left it there, too.
    faults.fail_acknowledgement(Some(TOPIC), ResponseError::NotLeaderOrFollower, once);
    faults.fail_acknowledgement(Some(TOPIC), ResponseError::NotEnoughReplicas, once);
    assert!(appender.append(0, &record(2)).await.unwrap_err().may_be_there);
}

#[tokio::test]
async fn records_that_are_deleted_meanwhile_are_passed_over() {
    const TOPIC: &str = "topic";
    let config = embedded_broker::Config { retention_bytes: 1_000, ..Default::default() };
    let broker = Broker::start(config).await.unwrap();
    broker.create_topic(TOPIC, 1).unwrap();
    let timeout = std::time::Duration::from_secs(3);
    let config = Config {
        brokers: vec![broker.bootstrap()],
        client_id: "range-test".to_owned(),
        timeout,
        security: kafka::Security::default(),
    };
    let kafka = Kafka::new(config);
    for number in 0..50 {
        produce_raw(&kafka, TOPIC, 0, &[record(number)]).await.unwrap();
    }
    let start = broker.log_start(TOPIC, 0).unwrap();
    assert!(start > 0, "some are deleted");
    let read = values(RangeReader::new(&kafka, TOPIC, 0, 0..50)).await;
    let expected: Vec<_> = (start..50).map(|number| number.to_string()).collect();
    assert_eq!(read, expected);
}

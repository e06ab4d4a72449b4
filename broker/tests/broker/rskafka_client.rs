//! rskafka against the broker: what the services' data path does.

use std::time::{Duration, Instant};

use embedded_broker::{Broker, Config};
use rskafka::{
    client::{
        Client, ClientBuilder,
        partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

fn record(value: &str) -> Record {
    Record {
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: [("h".to_owned(), b"1".to_vec())].into(),
        timestamp: chrono::Utc::now(),
    }
}

async fn client(broker: &Broker) -> Client {
    ClientBuilder::new(vec![broker.bootstrap()]).build().await.expect("the broker is reachable")
}

async fn partition(client: &Client, topic: &str, index: i32) -> PartitionClient {
    client.partition_client(topic, index, UnknownTopicHandling::Error).await.expect("the partition exists")
}

#[tokio::test]
async fn creates_produces_fetches_and_deletes() {
    let broker = Broker::start(Config::default()).await.unwrap();
    let client = client(&broker).await;
    client.controller_client().unwrap().create_topic("t", 2, 1, 5_000).await.unwrap();
    assert_eq!(broker.partition_count("t"), Some(2));

    let log = partition(&client, "t", 1).await;
    for compression in [Compression::NoCompression, Compression::Gzip, Compression::Snappy] {
        log.produce(vec![record("a"), record("b")], compression).await.unwrap();
    }
    let (records, high_watermark) = log.fetch_records(0, 1..1_000_000, 1_000).await.unwrap();
    let values: Vec<_> = records.iter().map(|found| found.record.value.clone().unwrap()).collect();
    assert_eq!(values, [b"a", b"b"].repeat(3));
    assert_eq!(records.iter().map(|found| found.offset).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(high_watermark, 6);

    log.delete_records(2, 1_000).await.unwrap();
    assert_eq!(log.get_offset(OffsetAt::Earliest).await.unwrap(), 2);
    assert_eq!(log.get_offset(OffsetAt::Latest).await.unwrap(), 6);
    let topics = client.list_topics().await.unwrap();
    assert_eq!(topics.into_iter().map(|topic| topic.name).collect::<Vec<_>>(), ["t"]);
    broker.stop().await;
}

#[tokio::test]
async fn a_parked_fetch_wakes_at_once() {
    let broker = Broker::start(Config::default()).await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let client = client(&broker).await;
    let (reader, writer) = (partition(&client, "t", 0).await, partition(&client, "t", 0).await);
    let mut fastest = PATIENCE;
    for offset in 0..20 {
        let parked = async { reader.fetch_records(offset, 1..1_000_000, 10_000).await.unwrap() };
        let produce = async {
            // Long enough for the fetch to be parked; a shorter wait would only prove less.
            tokio::time::sleep(Duration::from_millis(20)).await;
            writer.produce(vec![record("x")], Compression::NoCompression).await.unwrap();
            Instant::now()
        };
        let ((records, _), produced) =
            timeout(PATIENCE, async { tokio::join!(parked, produce) }).await.unwrap();
        assert_eq!(records.len(), 1);
        fastest = fastest.min(produced.elapsed());
    }
    // The best of twenty, so that a busy machine does not fail it; a poll or a lost wake-up would.
    assert!(fastest < Duration::from_millis(20), "{fastest:?}");
    broker.stop().await;
}

//! A reader that is lied to loses nothing.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};
use kafka::{
    batch::{RawRecord, encode},
    reader::{Reader, Start},
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
        MetadataRequest, MetadataResponse, metadata_response::MetadataResponseBroker,
    },
    protocol::Request,
};
use tokio::time::timeout;

use crate::{
    liar::Lie,
    lies::rewritten,
    meter::WithRskafka,
    stand::{PATIENCE, Stand, TOPIC, for_each, for_each_lie, number},
};

const FETCH: i16 = FetchRequest::KEY;
const METADATA: i16 = MetadataRequest::KEY;
const LIST_OFFSETS: i16 = ListOffsetsRequest::KEY;
const API_VERSIONS: i16 = ApiVersionsRequest::KEY;

/// Reads 0..5, is lied to while 5..10 are appended, and has to have read all of them in the end.
async fn nothing_is_lost(name: String, key: i16, lie: Lie) {
    let stand = Stand::start(1).await;
    stand.append(0..5).await;
    let mut reader = open(&stand, &name).await;
    let mut read = BTreeSet::new();
    take(&mut reader, &mut read, 5, &name).await;
    let lied_to = async {
        stand
            .lie(&name, key, lie, || {
                // What is asked only of a new connection.
                if key != FETCH {
                    stand.broker.faults().drop_connections();
                }
            })
            .await;
    };
    let appended = async {
        stand.append(5..10).await;
    };
    let reading = async {
        loop {
            collect(&mut reader, &mut read).await;
        }
    };
    tokio::select! {
        _ = futures::future::join(lied_to, appended) => {}
        () = reading => {}
    }
    stand.append(10..11).await;
    take(&mut reader, &mut read, 11, &name).await;
    assert_eq!(read, (0..11).collect(), "{name}");
}

/// On a busy machine the truth may take longer than a call may.
async fn open(stand: &Stand, name: &str) -> Reader {
    let opened = timeout(PATIENCE, async {
        loop {
            let opening = Reader::open(&stand.kafka, TOPIC, 0, Start::Earliest);
            if let Ok(reader) = Box::pin(opening).await {
                return reader;
            }
        }
    });
    opened.await.unwrap_or_else(|_| panic!("{name}: it cannot be opened"))
}

async fn collect(reader: &mut Reader, read: &mut BTreeSet<u32>) {
    let fetched = reader.next().await;
    read.extend(fetched.records.iter().filter_map(|found| found.record.value.as_deref()).map(number));
}

/// Reads until there are so many.
async fn take(reader: &mut Reader, read: &mut BTreeSet<u32>, count: usize, name: &str) {
    let taken = timeout(PATIENCE, async {
        while read.len() < count {
            collect(reader, read).await;
        }
    });
    assert!(taken.await.is_ok(), "{name}: only {read:?} were read; {:?}", reader.status());
}

#[tokio::test]
async fn of_anything() {
    let _here = WithRskafka::here();
    for_each_lie(&[FETCH, METADATA, LIST_OFFSETS, API_VERSIONS], nothing_is_lost).await;
}

fn fetched(
    change: impl Fn(&mut kafka_protocol::messages::fetch_response::PartitionData) + Send + Sync + 'static,
) -> Lie {
    rewritten(move |answer: &mut FetchResponse| {
        answer.responses.iter_mut().flat_map(|topic| &mut topic.partitions).for_each(&change);
    })
}

fn offset(change: impl Fn(&mut i64) + Send + Sync + 'static) -> Lie {
    rewritten(move |answer: &mut ListOffsetsResponse| {
        let partitions = answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| change(&mut partition.offset));
    })
}

/// A batch of one record, sound by its checksum, whose first offset is `base`.
fn batch_at(base: i64) -> Bytes {
    let record = RawRecord { value: Some(Bytes::from_static(b"7")), ..RawRecord::default() };
    let batch = encode(&[record.clone(), record]).unwrap();
    let mut moved = BytesMut::new();
    moved.put_i64(base);
    moved.put_slice(&batch[8..]);
    moved.freeze()
}

#[tokio::test]
async fn of_records() {
    let _here = WithRskafka::here();
    let lies = vec![
        ("an unknown error", FETCH, fetched(|told| told.error_code = 9999)),
        ("an error below zero", FETCH, fetched(|told| told.error_code = -1)),
        ("out of range", FETCH, fetched(|told| told.error_code = 1)),
        (
            "nothing, and more to come",
            FETCH,
            fetched(|told| {
                (told.records, told.high_watermark) = (Some(Bytes::new()), i64::MAX);
            }),
        ),
        ("no end", FETCH, fetched(|told| told.high_watermark = -1)),
        (
            "records that are none",
            FETCH,
            fetched(|told| told.records = Some(Bytes::from_static(&[0x7f; 200]))),
        ),
        ("half of a batch", FETCH, fetched(|told| told.records = Some(batch_at(5).slice(..40)))),
        ("records of the past", FETCH, fetched(|told| told.records = Some(batch_at(-100)))),
        ("offsets beyond the last", FETCH, fetched(|told| told.records = Some(batch_at(i64::MAX)))),
        (
            "another topic",
            FETCH,
            rewritten(|answer: &mut FetchResponse| {
                for topic in &mut answer.responses {
                    topic.topic = kafka_protocol::messages::TopicName("another".to_owned().into());
                }
            }),
        ),
        ("another partition", FETCH, fetched(|told| told.partition_index = 7)),
        ("no topic", FETCH, rewritten(|answer: &mut FetchResponse| answer.responses.clear())),
        (
            "a pause of half a second",
            FETCH,
            rewritten(|answer: &mut FetchResponse| answer.throttle_time_ms = 500),
        ),
    ];
    for_each(lies, nothing_is_lost).await;
}

#[tokio::test]
async fn of_leaders_and_offsets() {
    let _here = WithRskafka::here();
    let view = |change: fn(&mut MetadataResponse)| rewritten(change);
    let lies = vec![
        (
            "nobody leads",
            METADATA,
            view(|told| {
                told.topics
                    .iter_mut()
                    .flat_map(|topic| &mut topic.partitions)
                    .for_each(|it| it.leader_id = BrokerId(-1));
            }),
        ),
        (
            "somebody leads who is not there",
            METADATA,
            view(|told| {
                told.topics
                    .iter_mut()
                    .flat_map(|topic| &mut topic.partitions)
                    .for_each(|it| it.leader_id = BrokerId(77));
            }),
        ),
        ("there are no brokers", METADATA, view(|told| told.brokers.clear())),
        (
            "brokers are at no port",
            METADATA,
            view(|told| told.brokers.iter_mut().for_each(|it| it.port = -1)),
        ),
        (
            "brokers are nowhere",
            METADATA,
            view(|told| told.brokers.iter_mut().for_each(|it| it.host = "".into())),
        ),
        (
            "there are thousands of brokers",
            METADATA,
            view(|told| {
                let broker = |id: i32| {
                    let at = MetadataResponseBroker::default().with_node_id(BrokerId(id)).with_port(9);
                    at.with_host(format!("127.{}.{}.1", id / 250, id % 250).into())
                };
                told.brokers.extend((100..5_000).map(broker));
            }),
        ),
        (
            "the topic is gone",
            METADATA,
            view(|told| {
                told.topics.iter_mut().for_each(|topic| {
                    topic.error_code = 3;
                    topic.partitions.clear();
                });
            }),
        ),
        (
            "an unknown error of the topic",
            METADATA,
            view(|told| {
                told.topics.iter_mut().for_each(|topic| topic.error_code = 9999);
            }),
        ),
        (
            "another topic",
            METADATA,
            view(|told| {
                told.topics.iter_mut().for_each(|topic| {
                    topic.name = Some(kafka_protocol::messages::TopicName("x".to_owned().into()));
                });
            }),
        ),
        ("no topics", METADATA, view(|told| told.topics.clear())),
        ("an offset below zero", LIST_OFFSETS, offset(|offset| *offset = -5)),
        ("offsets that go back", LIST_OFFSETS, offset(|offset| *offset /= 2)),
        ("the last of all offsets", LIST_OFFSETS, offset(|offset| *offset = i64::MAX)),
        (
            "an unknown error of the offset",
            LIST_OFFSETS,
            rewritten(|answer: &mut ListOffsetsResponse| {
                let partitions = answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
                partitions.for_each(|partition| partition.error_code = 9999);
            }),
        ),
    ];
    for_each(lies, nothing_is_lost).await;
}

//! A writer that is lied to gets every record into the log.

use std::{collections::BTreeSet, sync::Arc};

use kafka::{
    Record,
    writer::{Courier, WriteError, Writer, WriterConfig},
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest, ProduceResponse, TopicName,
    },
    protocol::Request,
};
use parking_lot::Mutex;
use tokio::time::timeout;

use crate::{
    liar::Lie,
    lies::rewritten,
    meter::WithRskafka,
    stand::{PATIENCE, Stand, TOPIC, for_each, for_each_lie},
};

const PRODUCE: i16 = ProduceRequest::KEY;

/// Keeps books on numbered records.
#[derive(Default)]
struct Books {
    delivered: Mutex<BTreeSet<u32>>,
}

impl Courier for Books {
    type Token = u32;

    fn departing(&self, _: &u32, _: i32) -> bool {
        true
    }

    fn delivered(&self, number: u32, _: i32, _: i64) {
        assert!(self.delivered.lock().insert(number), "{number} is delivered twice");
    }

    fn failed(&self, number: u32, error: &WriteError, _: bool) {
        panic!("{number} failed: {error}");
    }
}

fn record(number: u32) -> Record {
    let timestamp = rskafka::chrono::DateTime::UNIX_EPOCH;
    Record { key: None, value: Some(number.to_string().into_bytes()), headers: <_>::default(), timestamp }
}

/// Writes records, is lied to while it has more of them to write, and has to have written all of them in the end.
async fn nothing_is_lost(name: String, key: i16, lie: Lie) {
    let stand = Stand::start(1).await;
    let books = Arc::new(Books::default());
    let config = WriterConfig {
        topic: TOPIC.to_owned(),
        partitions: vec![0],
        lanes_per_partition: 1,
        max_queued_records: 100,
        max_queued_bytes: 100_000,
    };
    let writer = Writer::start(stand.kafka.clone(), config, books.clone());
    let push = |numbers: std::ops::Range<u32>| {
        writer.push_all(numbers.map(|number| (record(number), number))).expect("there is room");
    };
    push(0..5);
    flush(&writer, &name).await;
    let mut next = 5;
    let provoke = || {
        // What is asked only of a new connection, which is made only when there is something to send.
        if key != PRODUCE {
            stand.broker.faults().drop_connections();
        }
        push(next..next + 2);
        next += 2;
    };
    stand.lie(&name, key, lie, provoke).await;
    push(next..next + 5);
    flush(&writer, &name).await;
    let all: BTreeSet<u32> = (0..next + 5).collect();
    assert_eq!(*books.delivered.lock(), all, "{name}");
    assert_eq!(stand.stored().await.into_iter().collect::<BTreeSet<_>>(), all, "{name}");
}

async fn flush(writer: &Writer<Books>, name: &str) {
    assert!(timeout(PATIENCE, writer.flush()).await.is_ok(), "{name}: {writer:?}");
}

#[tokio::test]
async fn of_anything() {
    let _here = WithRskafka::here();
    let keys = [PRODUCE, MetadataRequest::KEY, ListOffsetsRequest::KEY, ApiVersionsRequest::KEY];
    for_each_lie(&keys, nothing_is_lost).await;
}

#[tokio::test]
async fn of_acknowledgements() {
    let _here = WithRskafka::here();
    let told = |change: fn(&mut ProduceResponse)| rewritten(change);
    let lies = vec![
        ("an unknown error", PRODUCE, told(|told| code(told, 9999))),
        ("an error below zero", PRODUCE, told(|told| code(told, -1))),
        ("nobody leads here", PRODUCE, told(|told| code(told, 6))),
        (
            "another topic",
            PRODUCE,
            told(|told| {
                told.responses
                    .iter_mut()
                    .for_each(|topic| topic.name = TopicName("another".to_owned().into()));
            }),
        ),
        (
            "another partition",
            PRODUCE,
            told(|told| {
                told.responses
                    .iter_mut()
                    .flat_map(|it| &mut it.partition_responses)
                    .for_each(|it| it.index = 7);
            }),
        ),
        ("no topic", PRODUCE, told(|told| told.responses.clear())),
        ("the topic twice", PRODUCE, told(|told| told.responses.extend_from_within(..))),
        ("a pause for ever", PRODUCE, told(|told| told.throttle_time_ms = i32::MAX)),
    ];
    for_each(lies, nothing_is_lost).await;
}

fn code(told: &mut ProduceResponse, code: i16) {
    told.responses.iter_mut().flat_map(|it| &mut it.partition_responses).for_each(|it| it.error_code = code);
}

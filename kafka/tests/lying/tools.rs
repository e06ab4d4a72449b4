//! What is asked once, for tools and at starts: topics, groups, offsets, batches. Every answer is damaged at every place.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use futures::future::LocalBoxFuture;
use kafka::{
    Kafka, LogPoint,
    batch::{RawRecord, produce_raw, read_batch_at},
    group, log_offsets,
    topics::{self, TopicSpec},
};

use crate::{
    liar::{Lie, Told},
    meter,
    stand::{Stand, TOPIC},
};

const GROUP: &str = "group";
/// Each call may take so long. Most damage is noticed at once.
const TIMEOUT: Duration = Duration::from_millis(200);
/// Network calls that one question may take, one after the other, and what a busy machine adds.
const CALLS: u32 = 25;

type Question = fn(&Kafka) -> LocalBoxFuture<'_, bool>;

/// Each of them says whether it was answered.
const QUESTIONS: &[(&str, Question)] = &[
    ("partitions", |kafka| Box::pin(async { topics::partition_count(kafka, TOPIC).await.is_ok() })),
    ("topics", |kafka| {
        Box::pin(async {
            let spec = TopicSpec { name: TOPIC.to_owned(), partitions: 2, retention: Duration::from_secs(9) };
            topics::ensure(kafka, &[spec], true).await.is_ok()
        })
    }),
    ("ends", |kafka| Box::pin(async { log_offsets(kafka, TOPIC, &[0, 1], LogPoint::Latest).await.is_ok() })),
    ("positions", |kafka| {
        Box::pin(async { group::fetch_committed(kafka, GROUP, TOPIC, &[0, 1]).await.is_ok() })
    }),
    ("group", |kafka| Box::pin(async { group::describe_group(kafka, GROUP, TOPIC).await.is_ok() })),
    ("batch", |kafka| Box::pin(async { read_batch_at(kafka, TOPIC, 0, 0).await.is_ok() })),
    ("append", |kafka| {
        Box::pin(async { produce_raw(kafka, TOPIC, 1, &[RawRecord::default()]).await.is_ok() })
    }),
];

/// Writes `bytes` over the answer from `at` on.
fn damaged(at: usize, bytes: &'static [u8]) -> Lie {
    Arc::new(move |_, answer| {
        let mut body = BytesMut::from(&answer[..]);
        if let Some(rest) = body.get_mut(at..) {
            let length = rest.len().min(bytes.len());
            rest[..length].copy_from_slice(&bytes[..length]);
        }
        Told::Frame(body.freeze())
    })
}

/// Whether it is answered. On a busy machine the truth may take longer than a call may.
async fn works(stand: &Stand, ask: Question) -> bool {
    for _ in 0..50 {
        if ask(&stand.kafka).await {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn an_answer_that_is_damaged_anywhere_ends_in_time_and_reserves_nothing() {
    let (mut lies, unanswered) = (0_usize, AtomicUsize::new(0));
    for (name, ask) in QUESTIONS {
        let stand = Stand::with_timeout(2, TIMEOUT).await;
        stand.append(0..2).await;
        assert!(works(&stand, *ask).await, "{name}: it works as long as nobody lies");
        for (key, size) in stand.liar.sizes() {
            // The largest length of the old kind, and of the new one; and what is below zero.
            for bytes in [&[0x7f, 0xff, 0xff, 0xff][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff; 4]] {
                for at in 4..size.min(250) {
                    stand.liar.lies(key, damaged(at, bytes));
                    let began = Instant::now();
                    unanswered.fetch_add(usize::from(!ask(&stand.kafka).await), Relaxed);
                    let took = began.elapsed();
                    assert!(took < TIMEOUT * CALLS, "{name}, API {key} at {at}: {took:?}");
                    lies += 1;
                }
            }
        }
        stand.liar.tells_the_truth();
        assert!(works(&stand, *ask).await, "{name}: it works again");
    }
    meter::check();
    let unanswered = unanswered.load(Relaxed);
    assert!(unanswered * 2 > lies && unanswered < lies, "{unanswered} of {lies} were noticed");
}

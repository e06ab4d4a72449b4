//! Records that no gateway of ours wrote.

use anyhow::{Context as _, Result, ensure};
use integration_tests::stack::TestStack;
use integration_tests::topics::{self, record};
use integration_tests::wait;
use kafka::RecordAndOffset;
use kafka::batch::{self, RawRecord};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, TimestampType};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{Context, test};

const HELLO: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_request_typed_by_hand_is_answered", context, typed),
        test("a_request_from_before_the_first_worker_is_answered", context, before_the_first_worker),
        test("what_is_no_request_becomes_a_dead_letter_with_its_reason", context, dead_letters),
        test("an_unknown_version_gets_an_error_reply_and_a_dead_letter", context, unknown_version),
        test("a_reply_goes_only_to_allowed_topics", context, allowed_topics),
        test("an_expired_request_is_not_executed", context, expired),
        test("poison_in_the_middle_of_a_batch_harms_nothing_else", context, poison),
        test("batches_in_every_codec_are_read", context, codecs),
        test("springs_and_nests_headers_are_understood", context, foreign_headers),
    ]
}

/// Waits for a record of `topic` that carries `id` as its correlation id.
async fn answer_to(stack: &TestStack, topic: &str, id: &[u8]) -> Result<RecordAndOffset> {
    let kafka = stack.broker.kafka();
    wait::until_ok("a record with that correlation id", async || {
        let found = topics::read_all(&kafka, topic).await?;
        let ours = found.into_iter().find(|found| {
            let header = found.record.headers.get("kafka_correlationId");
            header.map(Vec::as_slice).or(found.record.key.as_deref()) == Some(id)
        });
        ours.with_context(|| format!("none for {}", String::from_utf8_lossy(id)))
    })
    .await
}

fn value(found: &RecordAndOffset) -> Result<Value> {
    Ok(serde_json::from_slice(found.record.value.as_deref().context("no value")?)?)
}

async fn typed(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let request = record(None, Some(br#"{"id":"test-123","data":"hello world"}"#), &[]);
    topics::write(&stack.broker.kafka(), &stack.requests(), 1, vec![request]).await?;
    let answer = value(&answer_to(&stack, &stack.responses(), b"test-123").await?)?;
    ensure!(answer == serde_json::json!({ "version": 1, "id": "test-123", "hash": HELLO }), "{answer}");
    Ok(())
}

async fn before_the_first_worker(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    topics::create(&stack.broker.kafka(), &stack.requests(), 3).await?;
    let request = record(Some("early"), Some(br#"{"data":"hello world"}"#), &[]);
    topics::write(&stack.broker.kafka(), &stack.requests(), 2, vec![request]).await?;
    let _processor = stack.start_processor(stack.processor_settings())?;
    let answer = value(&answer_to(&stack, &stack.responses(), b"early").await?)?;
    ensure!(answer["hash"] == HELLO, "{answer}");
    Ok(())
}

async fn dead_letters(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let cases: [(&str, &[u8]); 4] =
        [("a", b"no json"), ("b", b"[]"), ("c", br#"{"data":5}"#), ("d", b"\xff\xfe")];
    let records = cases.iter().map(|(key, value)| record(Some(key), Some(value), &[("x-mine", b"kept")]));
    topics::write(&stack.broker.kafka(), &stack.requests(), 0, records.collect()).await?;
    for (offset, (key, original)) in cases.into_iter().enumerate() {
        let letter = answer_to(&stack, &stack.dead_letters(), key.as_bytes()).await?.record;
        ensure!(letter.value.as_deref() == Some(original), "{key}: the value changed");
        ensure!(letter.headers["x-mine"] == b"kept");
        let text = |name: &str| {
            let header = letter.headers.get(name).with_context(|| format!("{key}: no {name}"));
            anyhow::Ok(String::from_utf8(header?.clone())?)
        };
        ensure!(text("dlq-topic")? == stack.requests());
        ensure!((text("dlq-partition")?, text("dlq-offset")?) == ("0".into(), offset.to_string()));
        for name in ["dlq-reason", "dlq-message", "dlq-attempts", "dlq-time"] {
            ensure!(!text(name)?.is_empty(), "{key}: {name} is empty");
        }
        // Where the reply would have gone to, the error goes.
        let reply = value(&answer_to(&stack, &stack.responses(), key.as_bytes()).await?)?;
        ensure!(reply["error"]["code"].is_string(), "{reply}");
    }
    Ok(())
}

async fn unknown_version(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let request = record(Some("v9"), Some(br#"{"version":9,"id":"v9","data":"x"}"#), &[]);
    topics::write(&stack.broker.kafka(), &stack.requests(), 0, vec![request]).await?;
    let reply = value(&answer_to(&stack, &stack.responses(), b"v9").await?)?;
    ensure!(reply["error"]["code"] == "unknown_version" && reply["id"] == "v9", "{reply}");
    let letter = answer_to(&stack, &stack.dead_letters(), b"v9").await?;
    ensure!(letter.record.headers["dlq-reason"] == b"unknown_version");
    Ok(())
}

async fn allowed_topics(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let kafka = stack.broker.kafka();
    let (allowed, forbidden) =
        (format!("{}.reply", stack.requests()), format!("{}-elsewhere", stack.requests()));
    topics::create(&kafka, &allowed, 1).await?;
    topics::create(&kafka, &forbidden, 1).await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let request = |key: &str, topic: &str| {
        let body = br#"{"data":"hello world"}"#;
        record(Some(key), Some(body), &[("kafka_replyTopic", topic.as_bytes())])
    };
    let requests = vec![request("good", &allowed), request("evil", &forbidden)];
    topics::write(&kafka, &stack.requests(), 0, requests).await?;
    ensure!(value(&answer_to(&stack, &allowed, b"good").await?)?["hash"] == HELLO);
    answer_to(&stack, &stack.dead_letters(), b"evil").await?;
    let reply = value(&answer_to(&stack, &stack.responses(), b"evil").await?)?;
    ensure!(reply["error"]["code"].is_string(), "{reply}");
    ensure!(topics::read_all(&kafka, &forbidden).await?.is_empty(), "a header aimed our writes");
    Ok(())
}

async fn expired(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    topics::create(&stack.broker.kafka(), &stack.requests(), 1).await?;
    let now = chrono::Utc::now().timestamp_millis();
    let header = |at: i64| format!("{at};1000");
    let request = |key: &str, deadline: String| {
        record(Some(key), Some(br#"{"data":"hello world"}"#), &[("x-request-deadline", deadline.as_bytes())])
    };
    let requests = vec![request("dead", header(now - 5000)), request("alive", header(now + 60_000))];
    topics::write(&stack.broker.kafka(), &stack.requests(), 0, requests).await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    answer_to(&stack, &stack.responses(), b"alive").await?;
    let all = topics::read_all(&stack.broker.kafka(), &stack.responses()).await?;
    ensure!(all.len() == 1, "the expired one was answered");
    let page = processor.metrics().await?;
    ensure!(
        page.lines().any(|l| l.contains("expired") && !l.starts_with('#') && l.ends_with(" 1")),
        "{page}"
    );
    Ok(())
}

fn raw(key: &str, value: &str, headers: Vec<(&'static [u8], Option<&'static [u8]>)>) -> RawRecord {
    RawRecord {
        offset: 0,
        timestamp_ms: chrono::Utc::now().timestamp_millis(),
        key: Some(key.to_owned().into_bytes().into()),
        value: Some(value.to_owned().into_bytes().into()),
        headers: headers.into_iter().map(|(name, value)| (name.into(), value.map(Into::into))).collect(),
        reason: String::new(),
    }
}

async fn poison(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let kafka = stack.broker.kafka();
    topics::create(&kafka, &stack.requests(), 3).await?;
    let good = r#"{"data":"hello world"}"#;
    let batch = [
        raw("first", good, vec![]),
        raw("null-header", good, vec![(b"x-null", None)]),
        raw("not-text", good, vec![(b"\xff\xfe", Some(b"v"))]),
        raw("last", good, vec![]),
    ];
    batch::produce_raw(&kafka, &stack.requests(), 0, &batch).await?;
    topics::write(&kafka, &stack.requests(), 0, vec![record(Some("next"), Some(good.as_bytes()), &[])])
        .await?;
    let _processor = stack.start_processor(stack.processor_settings())?;
    for key in ["first", "last", "next"] {
        let answer = value(&answer_to(&stack, &stack.responses(), key.as_bytes()).await?)?;
        ensure!(answer["hash"] == HELLO, "{key}: {answer}");
    }
    // Whatever cannot be served is kept, with everything it had.
    wait::until_ok("the poison to be kept", async || {
        let mut kept = 0;
        for partition in 0..kafka::topics::partition_count(&kafka, &stack.dead_letters()).await? {
            let mut offset = 0;
            let log = kafka::log_ends(&kafka, &stack.dead_letters(), &[partition]).await?;
            while log.iter().any(|(_, end)| offset < *end) {
                let found = batch::read_batch_at(&kafka, &stack.dead_letters(), partition, offset).await?;
                kept += found.unreadable.len() + found.records.len();
                offset = found.next_offset;
            }
        }
        ensure!(kept == 2, "{kept} are there");
        Ok(())
    })
    .await
}

async fn codecs(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let kafka = stack.broker.kafka();
    topics::create(&kafka, &stack.requests(), 3).await?;
    let codecs =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];
    for codec in codecs {
        let key = format!("{codec:?}");
        let records: Vec<Record> = (0..3).map(|n| compressed(&format!("{key}-{n}"), n)).collect();
        let batch = topics::compressed(&records, codec)?;
        topics::write_encoded(&kafka, &stack.requests(), 0, batch).await.context(key)?;
    }
    let _processor = stack.start_processor(stack.processor_settings())?;
    for codec in codecs {
        for n in 0..3 {
            let key = format!("{codec:?}-{n}");
            let answer = value(&answer_to(&stack, &stack.responses(), key.as_bytes()).await?)?;
            ensure!(answer["hash"] == HELLO, "{key}: {answer}");
        }
    }
    Ok(())
}

/// Sequence numbers run along, or the encoder would begin a batch with each record.
fn compressed(key: &str, number: i32) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: number.into(),
        sequence: number,
        timestamp: chrono::Utc::now().timestamp_millis(),
        key: Some(key.to_owned().into_bytes().into()),
        value: Some(r#"{"data":"hello world"}"#.into()),
        headers: [(StrBytes::from_static_str("x"), Some("y".into()))].into_iter().collect(),
    }
}

async fn foreign_headers(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let kafka = stack.broker.kafka();
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let (topic, body) = (stack.responses(), br#"{"data":"hello world"}"#);
    let spring_id =
        [0x9f, 0x3a, 1, 0xc4, 0x6e, 0x0b, 0x4d, 0x21, 0xa7, 0xf4, 0x0c, 0x9b, 0x1e, 0x55, 0xd3, 0x10];
    let spring = record(
        None,
        Some(body),
        &[
            ("kafka_correlationId", &spring_id),
            ("kafka_replyTopic", topic.as_bytes()),
            ("kafka_replyPartition", &[0, 0, 0, 2]),
        ],
    );
    let nest = record(
        None,
        Some(body),
        &[
            ("kafka_correlationId", b"9d1f3cd56f6a4ab9a1b2c"),
            ("kafka_replyTopic", topic.as_bytes()),
            ("kafka_replyPartition", b"1"),
        ],
    );
    topics::write(&kafka, &stack.requests(), 0, vec![spring, nest]).await?;
    let spring = answer_to(&stack, &topic, &spring_id).await?;
    ensure!(value(&spring)?["hash"] == HELLO);
    ensure!(!spring.record.headers.contains_key("kafka_nest-is-disposed"));
    let nest = answer_to(&stack, &topic, b"9d1f3cd56f6a4ab9a1b2c").await?;
    ensure!(value(&nest)?["hash"] == HELLO);
    ensure!(nest.record.headers["kafka_nest-is-disposed"] == [0]);
    for (partition, expected) in [(2, 1), (1, 1), (0, 0)] {
        let ends = kafka::log_ends(&kafka, &topic, &[partition]).await?;
        ensure!(ends == [(partition, expected)], "partition {partition}: {ends:?}");
    }
    Ok(())
}

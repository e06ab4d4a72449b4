//! Records that are no requests, and what is kept of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use embedded_broker::{ResponseError, Times};
use hash_processor::{HandlerError, Operations};
use kafka::batch::{RawRecord, read_batch_at};
use protocol::header::{CORRELATION_ID, DEADLINE, Deadline, REPLY_PARTITION, REPLY_TOPIC, ReplyPartition};

use crate::rig::{DEAD_LETTERS, GROUP, REQUESTS, RESPONSES, Rig, header, record};

/// Its value, its headers, and the reason that it is kept for.
type BadRecord<'a> = (&'a str, &'a [(&'a str, &'a [u8])], &'a str);

#[tokio::test]
async fn each_kind_of_bad_record_is_kept_with_its_reason_and_answered() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let fails = |input: serde_json::Value| match input["how"].as_str() {
        Some("panics") => panic!("on purpose"),
        _ => Err::<serde_json::Value, _>(HandlerError::failed("on purpose")),
    };
    let operations = Operations::shipped().with_fn("fails", hash_processor::Cost::Short, fails);
    let processor = rig.processor(operations).await?;
    let hash = r#"{"data":"x"}"#;
    let missing_partition = ReplyPartition::encode_binary(9);
    let bad: [BadRecord<'_>; 10] = [
        ("nonsense", &[], "malformed"),
        (r#"{"version":9,"data":"x"}"#, &[], "unknown_version"),
        (r#"{"operation":"dance"}"#, &[], "unknown_operation"),
        (r#"{"data":1}"#, &[], "invalid_payload"),
        (hash, &[(REPLY_TOPIC, b"payments")], "reply_topic_not_allowed"),
        (hash, &[(REPLY_PARTITION, b"one")], "bad_reply_header"),
        (hash, &[(REPLY_PARTITION, &missing_partition)], "bad_reply_header"),
        (hash, &[(DEADLINE, b"tomorrow")], "bad_deadline"),
        (r#"{"operation":"fails"}"#, &[], "failed"),
        (r#"{"operation":"fails","how":"panics"}"#, &[], "handler_panicked"),
    ];
    for (number, (value, headers, reason)) in bad.into_iter().enumerate() {
        let id = format!("id-{number}");
        let headers = [headers, &[(CORRELATION_ID, id.as_bytes())]].concat();
        rig.request(&[record(value, &headers)]).await?;

        let letters = rig.read(DEAD_LETTERS, 0, number + 1).await?;
        let letter = letters.last().context("there is one")?;
        ensure!(letter.value.as_deref() == Some(value.as_bytes()), "{reason}: the record as it came");
        ensure!(header(letter, CORRELATION_ID) == id, "{reason}: its headers as they came");
        ensure!(header(letter, "dlq-reason") == reason, "{reason}: not {}", header(letter, "dlq-reason"));
        ensure!(header(letter, "dlq-topic") == REQUESTS && header(letter, "dlq-partition") == "0");
        ensure!(header(letter, "dlq-offset") == number.to_string());

        let replies = rig.replies(number + 1).await?;
        let code = if reason == "handler_panicked" { "failed" } else { reason };
        let told = format!(r#"{{"version":1,"id":"{id}","error":{{"code":"{code}""#);
        ensure!(replies[number].starts_with(&told), "{reason}: {}", replies[number]);
    }
    rig.committed(10).await?;
    processor.counted(r#"processor_dead_letters_total{reason="handler_panicked"} 1"#).await
}

#[tokio::test]
async fn what_has_no_id_at_all_is_kept_and_not_answered() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let _processor = rig.processor(Operations::shipped()).await?;
    rig.request(&[record("nonsense", &[])]).await?;
    rig.committed(1).await?;
    ensure!(header(&rig.read(DEAD_LETTERS, 0, 1).await?[0], "dlq-reason") == "malformed");
    ensure!(rig.broker.log_end(RESPONSES, 0) == Some(0));
    Ok(())
}

#[tokio::test]
async fn poison_in_the_middle_of_a_batch_is_kept_as_it_came_and_the_rest_is_answered() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let good = |id: &str| record(format!(r#"{{"id":"{id}","data":"x"}}"#), &[]);
    let mut poison = record(r#"{"id":"poison","data":"x"}"#, &[(CORRELATION_ID, b"poison"), ("twice", b"1")]);
    poison.headers.push(("null".into(), None));
    poison.headers.push(("twice".into(), Some("2".into())));
    rig.request(&[good("before"), poison.clone(), good("after")]).await?;
    let _processor = rig.processor(Operations::shipped()).await?;
    let replies = rig.replies(3).await?.join("\n");
    for told in
        [r#""id":"before","hash""#, r#""id":"after","hash""#, r#""id":"poison","error":{"code":"unreadable""#]
    {
        ensure!(replies.contains(told), "{told} is missing in {replies}");
    }
    rig.committed(3).await?;
    let letter = letter(&rig).await?;
    ensure!(letter.value == poison.value);
    ensure!(
        letter.headers[..4] == poison.headers[..],
        "null, order and repeated names stay: {:?}",
        letter.headers
    );
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_that_does_not_fit_keeps_its_coordinates() -> Result<()> {
    let rig = Rig::start().await?;
    let small = BTreeMap::from([("max.message.bytes".to_owned(), "2000".to_owned())]);
    rig.broker.create_topic_with(DEAD_LETTERS, 1, &small).expect("it is new");
    let _processor = rig.processor(Operations::shipped()).await?;
    rig.request(&[record("small nonsense", &[]), record("nonsense".repeat(1_000), &[])]).await?;
    rig.committed(2).await?;
    let letters = rig.read(DEAD_LETTERS, 0, 2).await?;
    ensure!(letters[0].value.as_deref() == Some(&b"small nonsense"[..]));
    ensure!(letters[1].value.is_none());
    ensure!(header(&letters[1], "dlq-offset") == "1");
    Ok(())
}

#[tokio::test]
async fn the_partition_pauses_while_dead_letters_cannot_be_written() -> Result<()> {
    let rig = Rig::start().await?;
    rig.broker.create_topic(REQUESTS, 2).expect("it is new");
    let processor = rig.processor(Operations::shipped()).await?;
    rig.broker.faults().fail_produce(Some(DEAD_LETTERS), ResponseError::NotEnoughReplicas, Times::Every);
    rig.request(&[record("nonsense", &[(CORRELATION_ID, b"bad")])]).await?;
    // The caller is told at once.
    ensure!(rig.replies(1).await?[0].contains("malformed"));
    processor.shows(r#""dead_letters":{"last_error":"Kafka answers"#).await?;
    rig.request(&[record(r#"{"id":"good","data":"x"}"#, &[])]).await?;
    // By the time that others, which came later, are answered, this one would have been.
    for number in 0..20_usize {
        let other = record(format!(r#"{{"id":"other-{number}","data":"x"}}"#), &[]);
        rig.produce(REQUESTS, 1, &[other]).await?;
        ensure!(rig.replies(2 + number).await?[1 + number].contains("other"), "the partition is paused");
    }
    let committed = rig.broker.committed(GROUP, REQUESTS, 0);
    ensure!(committed.is_none_or(|offset| offset == 0), "nothing is committed past the record");
    rig.broker.faults().clear();
    rig.committed(2).await?;
    ensure!(rig.replies(22).await?[21].contains("good"));
    ensure!(rig.broker.log_end(DEAD_LETTERS, 0) == Some(1));
    processor.shows(r#""dead_letters":{"writable":true}"#).await
}

#[tokio::test]
async fn a_dead_letter_that_is_refused_for_what_it_is_is_kept_as_far_as_its_topic_takes_it() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let _processor = rig.processor(Operations::shipped()).await?;
    let refusals = [
        (ResponseError::InvalidTimestamp, 1, true),
        (ResponseError::InvalidRecord, 2, false),
        (ResponseError::CorruptMessage, 3, false),
    ];
    for (number, (refusal, times, keeps_value)) in (0..).zip(refusals) {
        rig.broker.faults().fail_produce(Some(DEAD_LETTERS), refusal, Times::Next(times));
        let mut bad = record("nonsense", &[(CORRELATION_ID, b"bad")]);
        bad.timestamp_ms -= 600_000;
        rig.request(&[bad]).await?;
        rig.committed(i64::from(number) + 1).await?;
        let letters = rig.read(DEAD_LETTERS, 0, usize::try_from(number)? + 1).await?;
        let letter = letters.last().context("there is one")?;
        ensure!(letter.value.is_some() == keeps_value, "{refusal:?}");
        let coordinates = format!("{REQUESTS}/0/{number}");
        ensure!(letter.key.as_deref() == Some(coordinates.as_bytes()), "{refusal:?}: a key where none was");
        ensure!(letter.headers.contains_key(CORRELATION_ID) == (times < 3), "{refusal:?}");
        ensure!(header(letter, "dlq-offset") == number.to_string());
        let age = chrono::Utc::now() - letter.timestamp;
        ensure!(age.num_seconds() < 300, "{refusal:?}: the time of now, not {age}");
    }
    Ok(())
}

#[tokio::test]
async fn a_topic_that_takes_no_dead_letter_at_all_is_told_of_until_it_does() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    rig.broker.faults().fail_produce(Some(DEAD_LETTERS), ResponseError::InvalidRecord, Times::Every);
    rig.request(&[record("nonsense", &[])]).await?;
    processor.shows(r#""needs_attention":true"#).await?;
    ensure!(rig.broker.committed(GROUP, REQUESTS, 0).is_none_or(|offset| offset == 0));
    rig.broker.faults().clear();
    rig.committed(1).await?;
    processor.shows(r#""dead_letters":{"writable":true}"#).await
}

#[tokio::test]
async fn a_reply_that_does_not_fit_its_topic_is_kept_and_told() -> Result<()> {
    let rig = Rig::start().await?;
    let small = BTreeMap::from([("max.message.bytes".to_owned(), "2000".to_owned())]);
    rig.broker.create_topic_with(RESPONSES, 1, &small).expect("it is new");
    let long = Operations::of_fn("hash", |_: serde_json::Value| {
        Ok::<_, HandlerError>(serde_json::json!({ "hash": "0".repeat(5_000) }))
    });
    let _processor = rig.processor(long).await?;
    rig.request(&[record(r#"{"id":"a","data":"x"}"#, &[])]).await?;
    ensure!(rig.replies(1).await?[0].contains(r#""code":"reply_too_large""#));
    rig.committed(1).await?;
    let letter = &rig.read(DEAD_LETTERS, 0, 1).await?[0];
    ensure!(header(letter, "dlq-reason") == "reply_too_large" && header(letter, "dlq-attempts") == "1");
    ensure!(letter.value.as_deref() == Some(&br#"{"id":"a","data":"x"}"#[..]), "the request is read again");
    Ok(())
}

#[tokio::test]
async fn a_reply_that_cannot_be_written_is_given_up_when_its_request_expires() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    rig.broker.faults().fail_produce(Some(RESPONSES), ResponseError::NotLeaderOrFollower, Times::Every);
    let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
    let deadline = Deadline::after(now_ms, Duration::from_secs(1)).encode();
    rig.request(&[record(r#"{"id":"a","data":"x"}"#, &[(DEADLINE, &deadline)])]).await?;
    rig.committed(1).await?;
    processor.counted(r#"processor_requests_total{operation="hash",outcome="expired"} 1"#).await
}

/// The first dead letter, as it stands in the log.
async fn letter(rig: &Rig) -> Result<RawRecord> {
    let batch = read_batch_at(&rig.kafka, DEAD_LETTERS, 0, 0).await?;
    batch.unreadable.into_iter().next().context("it cannot be carried by an ordinary record")
}

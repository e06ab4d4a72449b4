//! A bad record becomes a dead letter, is listed, shown and replayed.

use anyhow::{Context, Result, ensure};
use embedded_broker::{ResponseError, Times};
use serde_json::Value;

use crate::stand::{DEAD_LETTERS, REQUESTS, RESPONSES, Stand, header, value};

/// Names a reply topic that workers do not write to.
const WRONG_TOPIC: [(&str, Option<&[u8]>); 3] = [
    ("kafka_correlationId", Some(b"asked-wrong")),
    ("kafka_replyTopic", Some(b"payments")),
    ("x-request-deadline", Some(b"99999999999999;1000")),
];
const GOOD: &str = r#"{"id":"in-value","data":"hello world"}"#;
const HASH: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

#[tokio::test]
async fn a_dead_letter_is_listed_shown_and_answered_after_its_replay() -> Result<()> {
    let stand = Stand::start(1).await?;
    let _worker = stand.worker().await?;
    stand.request(GOOD, &WRONG_TOPIC).await?;
    stand.records(DEAD_LETTERS, 0, 1).await?;

    let list = stand.ok("dead-letters list").await?;
    let line = list.lines().nth(1).context("one line behind the head")?;
    for part in ["0/0", "reply_topic_not_allowed", "requests/0/0", "asked-wrong"] {
        ensure!(line.contains(part), "{part} in {line}");
    }
    let shown = stand.ok("dead-letters show 0/0").await?;
    for part in ["header     kafka_replyTopic: payments", GOOD, "reason     reply_topic_not_allowed"] {
        ensure!(shown.contains(part), "{part} in {shown}");
    }

    let dry = stand.ok("dead-letters replay 0/0").await?;
    ensure!(
        dry.starts_with("would replay 0/0 (reply_topic_not_allowed, id asked-wrong) to requests/0\n"),
        "{dry}"
    );
    ensure!(stand.broker.log_end(REQUESTS, 0) == Some(1), "nothing is written without --yes");

    let done = stand.ok("dead-letters replay 0/0 --yes").await?;
    let expected =
        "replayed 0/0 (reply_topic_not_allowed, id asked-wrong) to requests/0 at 1\n1 replayed, 0 refused\n";
    ensure!(done == expected, "{done}");
    let replies = stand.records(RESPONSES, 0, 2).await?;
    ensure!(
        value(&replies[0]).contains("reply_topic_not_allowed"),
        "the first attempt is answered: {replies:?}"
    );
    ensure!(value(&replies[1]).contains(HASH), "and so is the replay: {replies:?}");
    ensure!(header(&replies[1], "kafka_correlationId").as_deref() == Some("asked-wrong"));
    let replayed = &stand.records(REQUESTS, 0, 2).await?[1];
    ensure!(header(replayed, "dlq-replayed-from").as_deref() == Some("requests.dlq/0/0"));
    ensure!(header(replayed, "x-request-deadline").is_none() && header(replayed, "dlq-reason").is_none());
    Ok(())
}

#[tokio::test]
async fn what_would_come_straight_back_is_refused_unless_forced_and_then_comes_back_counted() -> Result<()> {
    let stand = Stand::start(1).await?;
    let _worker = stand.worker().await?;
    stand.request("nonsense", &[("kafka_correlationId", Some(b"bad"))]).await?;
    stand.records(DEAD_LETTERS, 0, 1).await?;

    let refused = stand.run("dead-letters replay --reason malformed --yes").await?;
    ensure!(refused.status == 1, "{}", refused.out);
    ensure!(
        refused.out.starts_with("refused 0/0 (malformed, id bad): it would come straight back: "),
        "{}",
        refused.out
    );
    ensure!(stand.broker.log_end(REQUESTS, 0) == Some(1));

    // It ends where the topic ended when it began, so one that comes back is not replayed for ever.
    for round in 1..=2 {
        let forced = stand.ok(&format!("dead-letters replay 0/{} --force --yes", round - 1)).await?;
        ensure!(forced.contains("1 replayed, 0 refused"), "{forced}");
        let letters = stand.records(DEAD_LETTERS, 0, round + 1).await?;
        let back = letters.last().context("it came back")?;
        ensure!(header(back, "dlq-reason").as_deref() == Some("malformed"));
        ensure!(header(back, "dlq-replays") == Some(round.to_string()), "{back:?}");
        ensure!(header(back, "dlq-replayed-from") == Some(format!("requests.dlq/0/{}", round - 1)));
    }
    let list = stand.ok("dead-letters list --json").await?;
    let replays: Vec<Value> = list.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(replays.iter().map(|letter| letter["replays"].clone()).eq([0, 1, 2].map(Value::from)), "{list}");
    Ok(())
}

#[tokio::test]
async fn a_header_that_no_worker_reads_is_left_out_and_the_replay_is_answered() -> Result<()> {
    let stand = Stand::start(1).await?;
    let _worker = stand.worker().await?;
    stand.request(GOOD, &[("null", None), ("kept", Some(b"x"))]).await?;
    stand.records(DEAD_LETTERS, 0, 1).await?;
    let shown = stand.ok("dead-letters show --reason unreadable").await?;
    ensure!(shown.contains("header     null: (null)"), "{shown}");
    let done = stand.ok("dead-letters replay --reason unreadable --yes").await?;
    ensure!(done.contains("at 1 without unreadable headers null\n"), "{done}");
    let replies = stand.records(RESPONSES, 0, 2).await?;
    ensure!(value(&replies[1]).contains(HASH), "{replies:?}");
    ensure!(header(&stand.records(REQUESTS, 0, 2).await?[1], "kept").as_deref() == Some("x"));
    Ok(())
}

/// Letters in three partitions, each a second after the one before, as a worker would write them.
async fn letters(stand: &Stand, count: i32) -> Result<()> {
    for number in 0..count {
        let (id, time) =
            (format!("id-{number}"), format!("{}", 1_700_000_000_000_i64 + i64::from(number) * 1_000));
        let (from, reason) = (number.to_string(), if number % 2 == 0 { "failed" } else { "malformed" });
        let headers: [(&str, Option<&[u8]>); 7] = [
            ("kafka_correlationId", Some(id.as_bytes())),
            ("dlq-reason", Some(reason.as_bytes())),
            ("dlq-topic", Some(REQUESTS.as_bytes())),
            ("dlq-partition", Some(b"0")),
            ("dlq-offset", Some(from.as_bytes())),
            ("dlq-attempts", Some(b"1")),
            ("dlq-time", Some(time.as_bytes())),
        ];
        stand.produce(DEAD_LETTERS, number % 3, GOOD, &headers).await?;
    }
    Ok(())
}

#[tokio::test]
async fn filters_choose_and_partitions_are_merged_by_time() -> Result<()> {
    let stand = Stand::start(3).await?;
    letters(&stand, 9).await?;
    for (filter, expected) in [
        ("", "0 1 2 3 4 5 6 7 8"),
        ("--reason failed", "0 2 4 6 8"),
        ("--reason failed,malformed --limit 3", "0 1 2"),
        ("--id id-4", "4"),
        ("--id id-40", ""),
        ("--since 2023-11-14T22:13:23Z", "3 4 5 6 7 8"),
        ("--since 2023-11-14T22:13:23Z --until 2023-11-14T22:13:25Z", "3 4"),
        ("--since 2h", ""),
        ("1", "1 4 7"),
        ("1/1", "4"),
        ("1/1-2 2/0 1/2", "2 4 7"),
    ] {
        let out = stand.ok(&format!("dead-letters list --json {filter}")).await?;
        let mut ids = Vec::new();
        for line in out.lines() {
            let letter: Value = serde_json::from_str(line)?;
            let id = letter["id"].as_str().context("it has an id")?;
            ids.push(id.strip_prefix("id-").context("one of ours")?.to_owned());
        }
        ensure!(ids.join(" ") == expected, "{filter}: {ids:?}");
    }
    for (wrong, said) in [
        ("list 3", "requests.dlq has no partition 3, only 0 to 2"),
        ("list 1/7", "requests.dlq/1 holds offsets 0 to 2"),
        ("replay", "say which: a place, --reason"),
        ("replay --all 0/0", "--all does not go with"),
    ] {
        let refused = stand.run(&format!("dead-letters {wrong}")).await?;
        ensure!(refused.status == 1 && refused.err.contains(said), "{wrong}: {}", refused.err);
    }
    ensure!(stand.run("dead-letters show --id nobody").await?.status == 1);
    Ok(())
}

#[tokio::test]
async fn a_replay_that_cannot_be_written_ends_and_says_what_was_done() -> Result<()> {
    let stand = Stand::start(1).await?;
    for id in [&b"a"[..], b"b"] {
        let headers = [("kafka_correlationId", Some(id)), ("dlq-topic", Some(REQUESTS.as_bytes()))];
        stand.produce(DEAD_LETTERS, 0, GOOD, &headers).await?;
    }
    stand.broker.faults().fail_produce(Some(REQUESTS), ResponseError::NotEnoughReplicas, Times::Every);
    let refused = stand.run("dead-letters replay --all --yes").await?;
    ensure!(refused.status == 1 && refused.out.is_empty(), "{}", refused.out);
    let said = "0/0 (unknown, id a) was not replayed; 0 before it were, none behind it";
    ensure!(refused.err.contains(said), "{}", refused.err);

    stand.broker.faults().clear();
    stand.broker.faults().lose_acknowledgement(Some(REQUESTS), Times::Next(1));
    let unknown = stand.run("dead-letters replay --all --yes").await?;
    ensure!(
        unknown.status == 1 && unknown.err.contains("may or may not have been replayed"),
        "{}",
        unknown.err
    );
    ensure!(stand.broker.log_end(REQUESTS, 0) == Some(1), "this one was, and no other");
    Ok(())
}

#[tokio::test]
async fn a_letter_that_aims_elsewhere_is_not_written_there() -> Result<()> {
    let stand = Stand::start(1).await?;
    stand.produce(DEAD_LETTERS, 0, GOOD, &[("dlq-topic", Some(RESPONSES.as_bytes()))]).await?;
    let refused = stand.run("dead-letters replay --all --yes --force").await?;
    ensure!(refused.status == 1 && refused.out.contains("came from responses"), "{}", refused.out);
    ensure!(stand.broker.log_end(RESPONSES, 0) == Some(0) && stand.broker.log_end(REQUESTS, 0) == Some(0));
    Ok(())
}

#[tokio::test]
async fn what_a_terminal_would_obey_is_escaped_and_a_long_value_is_cut() -> Result<()> {
    let stand = Stand::start(1).await?;
    let nasty = format!("\u{1b}[2J\u{202e}{}", "x".repeat(5_000));
    stand.produce(DEAD_LETTERS, 0, &nasty, &[("dlq-message", Some(b"\x07bell\nline"))]).await?;
    for command in ["list", "show"] {
        let out = stand.ok(&format!("dead-letters {command}")).await?;
        ensure!(out.contains(r"\u{7}bell\nline"), "{out}");
        ensure!(!out.chars().any(|c| c.is_control() && c != '\n') && !out.contains('\u{202e}'), "{out}");
    }
    let shown = stand.ok("dead-letters show --bytes 10").await?;
    ensure!(shown.contains(r"\u{1b}[2J\u{202e}xxx … 4997 of 5007 bytes more (--bytes)"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_missing_and_a_broker_that_is_silent_end_in_an_error() -> Result<()> {
    let stand = Stand::start(1).await?;
    stand.broker.faults().delete_topic(DEAD_LETTERS);
    let missing = stand.run("dead-letters list").await?;
    ensure!(
        missing.status == 1 && missing.err.contains("missing in Kafka: topic requests.dlq"),
        "{}",
        missing.err
    );
    stand.broker.faults().freeze();
    let silent = stand.run("dead-letters list --kafka-timeout 0.5").await?;
    ensure!(
        silent.status == 1 && silent.err.starts_with("hash-processor dead-letters list: "),
        "{}",
        silent.err
    );
    Ok(())
}

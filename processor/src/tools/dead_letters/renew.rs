//! What is written back to the request topic for a dead letter.
//!
//! Key and value stay as they are, and so do headers that are nobody's of ours. What belongs to the first attempt goes:
//!
//! - **The deadline.** It is past. The record gets a new timestamp instead, so that it is as old as it looks.
//! - **Where to reply.** Whoever asked has had its answer or its timeout, and its partition may be another gateway's by
//!   now, or gone. So the reply goes where replies without an address go, to the configured response topic.
//! - **The dead letter's own headers**, but for a trace of where it comes from and how often it came that way.
//!
//! The correlation id stays: the reply is found by it, and a gateway that still knows it counts the reply as late.
//! Headers that no worker of ours can read are left out, or the record would come straight back for them alone.

use bytes::Bytes;
use kafka::batch::RawRecord;
use protocol::header::{DEADLINE, REPLY_PARTITION, REPLY_TOPIC};
use protocol::{Request, dead_letter};

use super::letter::{Letter, headers_of};
use crate::Operations;

/// A record to write, and what a person should know of it.
#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) record: RawRecord,
    /// The partition that it came from, or another if there is no such any more.
    pub(super) partition: i32,
    /// Names of the headers left out because no worker can read them.
    pub(super) left_out: Vec<String>,
    /// Why it would come straight back, if it would.
    pub(super) comes_back: Option<String>,
}

/// It is not ours to write back.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOurs {
    /// A header may not aim our writes anywhere.
    #[error("it says that it came from {found}, and this program writes to {ours} alone")]
    OtherTopic { found: String, ours: String },
    /// Nobody gave it up: somebody put it there.
    #[error("it does not say which topic it came from")]
    NoTopic,
}

/// Where dead letters of one topic go back to.
pub(super) struct Origin<'a> {
    pub(super) request_topic: &'a str,
    pub(super) partitions: i32,
    pub(super) dead_letter_topic: &'a str,
    /// What workers can do.
    pub(super) operations: &'a Operations,
}

impl Origin<'_> {
    /// The record to write for `letter` at this moment.
    pub(super) fn renew(&self, letter: &Letter, now_ms: i64) -> Result<Renewed, NotOurs> {
        match &letter.topic {
            Some(topic) if topic == self.request_topic => {}
            None => return Err(NotOurs::NoTopic),
            Some(topic) => {
                let (found, ours) = (topic.clone(), self.request_topic.to_owned());
                return Err(NotOurs::OtherTopic { found, ours });
            }
        }
        let mut left_out = Vec::new();
        let mut headers = Vec::new();
        for (name, value) in &letter.record.headers {
            match str::from_utf8(name) {
                Ok(ours) if belongs_to_the_first_attempt(ours) => {}
                Ok(_) if value.is_some() => headers.push((name.clone(), value.clone())),
                _ => left_out.push(name.escape_ascii().to_string()),
            }
        }
        headers.extend(self.trace(letter, now_ms));
        let record = RawRecord {
            offset: 0,
            timestamp_ms: now_ms,
            key: letter.record.key.clone(),
            value: letter.record.value.clone(),
            headers,
            reason: String::new(),
        };
        let comes_back = self.why_it_comes_back(letter, &record);
        let partition = letter.partition.unwrap_or(0).rem_euclid(self.partitions.max(1));
        Ok(Renewed { record, partition, left_out, comes_back })
    }

    fn trace(&self, letter: &Letter, now_ms: i64) -> Vec<(Bytes, Option<Bytes>)> {
        let from = format!("{}/{}", self.dead_letter_topic, letter.place);
        [
            (dead_letter::REPLAYED_FROM, from),
            (dead_letter::REPLAYED_AT, now_ms.to_string()),
            (dead_letter::REPLAYS, letter.replays.saturating_add(1).to_string()),
        ]
        .map(|(name, value)| (Bytes::from_static(name.as_bytes()), Some(Bytes::from(value))))
        .into()
    }

    /// Only what is certain: whether a handler that failed fails again, nobody knows.
    fn why_it_comes_back(&self, letter: &Letter, record: &RawRecord) -> Option<String> {
        if record.value.is_none() {
            let origin = letter.origin().unwrap_or_else(|| "an unknown place".to_owned());
            return Some(format!(
                "it has no value; it may have been too large for its topic, and stood at {origin}"
            ));
        }
        let headers = headers_of(record);
        let request = match Request::decode(record.key.as_deref(), record.value.as_deref(), &headers) {
            Ok(request) => request,
            Err(error) => return Some(error.to_string()),
        };
        let Some(operation) = self.operations.find(&request.operation) else {
            return Some(format!("workers of this version know no operation {:?}", request.operation));
        };
        operation.takes(&request).err().map(|error| error.to_string())
    }
}

fn belongs_to_the_first_attempt(header: &str) -> bool {
    [DEADLINE, REPLY_TOPIC, REPLY_PARTITION].contains(&header) || header.starts_with(dead_letter::PREFIX)
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;
    const GOOD: &str = r#"{"id":"a","data":"x"}"#;
    const FROM: (&str, Option<&str>) = ("dlq-topic", Some("requests"));

    fn renew(letter: &Letter) -> Result<Renewed, NotOurs> {
        let origin = Origin {
            request_topic: "requests",
            partitions: 3,
            dead_letter_topic: "requests.dlq",
            operations: &Operations::shipped(),
        };
        origin.renew(letter, NOW_MS)
    }

    #[test]
    fn what_belongs_to_the_first_attempt_goes_and_the_rest_stays() {
        let letter = letter(
            GOOD,
            &[
                ("kafka_correlationId", Some("a")),
                ("kafka_replyTopic", Some("gone")),
                ("kafka_replyPartition", Some("7")),
                ("x-request-deadline", Some("1;1")),
                ("traceparent", Some("00-1-2-01")),
                ("tenant", Some("t")),
                ("tenant", Some("u")),
                FROM,
                ("dlq-partition", Some("1")),
                ("dlq-reason", Some("failed")),
                ("dlq-replays", Some("1")),
                ("dlq-replayed-from", Some("elsewhere/0/0")),
            ],
        );
        let renewed = renew(&letter).unwrap();
        let header = |name: &str, value: &str| (name.to_owned().into(), Some(value.to_owned().into()));
        let expected = [
            header("kafka_correlationId", "a"),
            header("traceparent", "00-1-2-01"),
            header("tenant", "t"),
            header("tenant", "u"),
            header("dlq-replayed-from", "requests.dlq/0/7"),
            header("dlq-replayed-at", "1800000000000"),
            header("dlq-replays", "2"),
        ];
        assert_eq!(renewed.record.headers, expected);
        assert_eq!((renewed.record.key, renewed.record.value), (letter.record.key, letter.record.value));
        assert_eq!((renewed.record.timestamp_ms, renewed.partition), (NOW_MS, 1));
        assert_eq!((renewed.left_out.len(), renewed.comes_back), (0, None));
    }

    #[test]
    fn what_no_worker_can_read_is_left_out_and_named() {
        let mut letter = letter(GOOD, &[FROM, ("null", None), ("kept", Some("x"))]);
        letter.record.headers.push((vec![0xff].into(), Some("x".into())));
        let renewed = renew(&letter).unwrap();
        assert_eq!(renewed.left_out, ["null", r"\xff"]);
        assert_eq!((renewed.record.headers.len(), renewed.comes_back), (4, None));
    }

    #[test]
    fn what_is_certain_to_come_back_says_why() {
        let comes_back = |value: &str| renew(&letter(value, &[FROM])).unwrap().comes_back.unwrap();
        assert!(comes_back("nonsense").starts_with("the request is malformed"));
        assert!(comes_back(r#"{"version":9,"id":"a"}"#).starts_with("version 9"));
        assert!(comes_back(r#"{"operation":"dance"}"#).ends_with(r#"no operation "dance""#));
        assert!(comes_back(r#"{"id":"a","data":1}"#).starts_with("the payload does not fit"));
        let mut cut = letter(GOOD, &[FROM, ("dlq-partition", Some("2")), ("dlq-offset", Some("57"))]);
        cut.record.value = None;
        assert!(renew(&cut).unwrap().comes_back.unwrap().ends_with("stood at requests/2/57"));
    }

    #[test]
    fn a_partition_that_is_gone_is_another_one() {
        for (from, to) in [("2", 2), ("3", 0), ("7", 1), ("-1", 2)] {
            assert_eq!(renew(&letter(GOOD, &[FROM, ("dlq-partition", Some(from))])).unwrap().partition, to);
        }
    }

    #[test]
    fn no_header_aims_our_writes() {
        assert_eq!(renew(&letter(GOOD, &[])).unwrap_err(), NotOurs::NoTopic);
        let elsewhere = renew(&letter(GOOD, &[("dlq-topic", Some("payments"))])).unwrap_err();
        assert!(elsewhere.to_string().contains("came from payments"), "{elsewhere}");
    }
}

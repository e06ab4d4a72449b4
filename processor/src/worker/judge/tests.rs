//! Every way that a record can go.

use chrono::{DateTime, Utc};
use protocol::header::{self, ReplyPartition};

use super::*;
use crate::HandlerError;

const MAX_AGE: Duration = Duration::from_hours(1);

fn judge() -> Judge {
    let say = |input: serde_json::Value| match input["say"].as_str() {
        Some("no") => Err(HandlerError::rejected("no")),
        Some("help") => Err(HandlerError::failed("help")),
        said => Ok(serde_json::json!({ "said": said })),
    };
    let operations =
        Operations::shipped().with_fn("say", Cost::Short, say).with_fn("ponder", Cost::Heavy, say);
    let topics = AllowedTopics::new(["responses".to_owned(), "requests.reply".to_owned()], 3);
    Judge { operations, topics: Arc::new(topics), max_age: MAX_AGE }
}

fn record(value: &str, headers: &[(&str, &[u8])]) -> Record {
    Record {
        key: Some(b"key".to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
        timestamp: now(),
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
}

fn judged(record: &Record) -> Verdict {
    judged_on(record, Place::Loop, None)
}

fn judged_on(record: &Record, place: Place, max_age: Option<Duration>) -> Verdict {
    let reading = Reading { instant: Instant::now(), wall: now(), max_age };
    judge().judge(record, &reading, reading.instant, place)
}

fn replied(verdict: Verdict) -> (Destination, String, Outcome) {
    let Verdict::Ending(Ending::Reply { to, reply, outcome, .. }, Some(_)) = verdict else {
        panic!("no reply: {verdict:?}")
    };
    (to, String::from_utf8(reply.value.unwrap()).unwrap(), outcome)
}

/// Reason, attempts, and the code in the notice if there is one.
fn kept(verdict: Verdict) -> (&'static str, u32, Option<String>) {
    let Verdict::Ending(Ending::DeadLetter(given_up), _) = verdict else { panic!("not kept: {verdict:?}") };
    let code = given_up.notice.map(|(_, reply)| {
        let value: serde_json::Value = serde_json::from_slice(&reply.value.unwrap()).unwrap();
        value["error"]["code"].as_str().unwrap().to_owned()
    });
    (given_up.reason.code, given_up.reason.attempts, code)
}

#[test]
fn a_request_of_ours_is_answered_where_it_says() {
    let partition = ReplyPartition::encode_binary(2);
    let record = record(
        r#"{"version":1,"id":"a","data":"abc"}"#,
        &[(header::REPLY_TOPIC, b"responses"), (header::REPLY_PARTITION, &partition)],
    );
    let (to, reply, outcome) = replied(judged(&record));
    assert_eq!(to, Destination { topic: 0, partition: 2 });
    assert!(reply.starts_with(r#"{"version":1,"id":"a","hash":"ba7816bf"#), "{reply}");
    assert_eq!(outcome, Outcome::Answered);
}

#[test]
fn a_record_typed_by_hand_is_answered_on_the_response_topic() {
    let (to, reply, _) = replied(judged(&record(r#"{"id":"test-123","data":"abc"}"#, &[])));
    assert_eq!(to.topic, 0);
    assert!(reply.contains(r#""id":"test-123""#), "{reply}");
}

#[test]
fn what_the_caller_got_wrong_is_answered_and_not_kept() {
    let (_, reply, outcome) = replied(judged(&record(r#"{"id":"a","operation":"say","say":"no"}"#, &[])));
    assert!(reply.contains(r#""code":"rejected""#), "{reply}");
    assert_eq!(outcome, Outcome::Rejected);
}

#[test]
fn what_is_no_request_or_failed_is_kept_and_answered() {
    let told = |code: &str| Some(code.to_owned());
    let of = |value: &str, headers: &[(&str, &[u8])]| kept(judged(&record(value, headers)));
    assert_eq!(of("nonsense", &[]), ("malformed", 0, told("malformed")));
    assert_eq!(of(r#"{"version":9}"#, &[]), ("unknown_version", 0, told("unknown_version")));
    assert_eq!(of(r#"{"id":"a"}"#, &[]), ("invalid_payload", 1, told("invalid_payload")));
    assert_eq!(
        of(r#"{"id":"a","operation":"dance"}"#, &[]),
        ("unknown_operation", 0, told("unknown_operation"))
    );
    assert_eq!(of(r#"{"id":"a","operation":"say","say":"help"}"#, &[]), ("failed", 1, told("failed")));
    let hash = r#"{"id":"a","data":"abc"}"#;
    assert_eq!(
        of(hash, &[(header::REPLY_TOPIC, b"payments")]),
        ("reply_topic_not_allowed", 0, told("reply_topic_not_allowed"))
    );
    assert_eq!(
        of(hash, &[(header::REPLY_PARTITION, b"seven")]),
        ("bad_reply_header", 0, told("bad_reply_header"))
    );
    assert_eq!(
        of(hash, &[(header::REPLY_PARTITION, &ReplyPartition::encode_binary(7))]),
        ("bad_reply_header", 0, told("bad_reply_header"))
    );
    assert_eq!(of(hash, &[(header::DEADLINE, b"soon")]), ("bad_deadline", 0, told("bad_deadline")));
}

#[test]
fn nothing_can_be_answered_that_has_no_id_at_all() {
    let mut record = record("nonsense", &[]);
    record.key = None;
    assert_eq!(kept(judged(&record)), ("malformed", 0, None));
}

#[test]
fn a_request_past_its_deadline_is_expired_by_both_clocks_only() {
    let past = format!("{};1000", now().timestamp_millis() - 1);
    let record = record(r#"{"id":"a","data":"abc"}"#, &[(header::DEADLINE, past.as_bytes())]);
    assert!(matches!(judged(&record), Verdict::Expired { operation: Some("hash") }));
    let young = Some(Duration::from_millis(999));
    assert!(matches!(judged_on(&record, Place::Loop, young), Verdict::Ending(..)));
}

#[test]
fn a_request_without_deadline_expires_by_its_age() {
    let mut record = record(r#"{"id":"a","data":"abc"}"#, &[]);
    record.timestamp = now() - MAX_AGE;
    assert!(matches!(judged(&record), Verdict::Expired { .. }));
    assert!(matches!(judged_on(&record, Place::Loop, Some(Duration::ZERO)), Verdict::Ending(..)));
    record.timestamp += Duration::from_millis(1);
    assert!(matches!(judged(&record), Verdict::Ending(..)));
}

#[test]
fn a_heavy_handler_runs_on_the_pool() {
    let record = record(r#"{"id":"a","operation":"ponder","say":"hm"}"#, &[]);
    assert!(matches!(judged(&record), Verdict::Heavy));
    let (_, reply, _) = replied(judged_on(&record, Place::Pool, None));
    assert!(reply.contains(r#""said":"hm""#), "{reply}");
}

#[test]
fn an_allowed_topic_that_is_new_to_us_is_looked_up_before_the_handler_runs() {
    let record = record(r#"{"id":"a","data":"abc"}"#, &[(header::REPLY_TOPIC, b"requests.reply")]);
    assert!(matches!(judged(&record), Verdict::LookUp { topic: 1 }));
}

#[test]
fn whoever_wrote_an_unreadable_record_is_told_if_it_says_who_that_is() {
    let refusal = || Refusal::of(ErrorCode::Unreadable, "a null header".into(), 0);
    let headers = Headers::from([(header::CORRELATION_ID.to_owned(), b"id".to_vec())]);
    let given_up = judge().give_up(None, None, &headers, refusal());
    let (to, reply) = given_up.notice.expect("there is a correlation id");
    assert_eq!((to.topic, &reply.headers[header::CORRELATION_ID]), (0, &b"id".to_vec()));
    assert_eq!(given_up.reason.code, "unreadable");
    assert!(judge().give_up(None, None, &Headers::new(), refusal()).notice.is_none());
}

//! Replies: golden bytes, the echo, NestJS's marks, and what a gateway makes of foreign workers' answers.

use protocol::header::{CORRELATION_ID, NEST_DISPOSED, NEST_ERROR, REPLY_PARTITION, REPLY_TOPIC};
use protocol::reply::{
    OutputError, ReplyError, WorkerError, encode_error_reply, encode_reply, reply_correlation, reply_headers,
};
use protocol::{CorrelationKey, ErrorCode, Fault, Headers, Reply, ReplyTo, Request};
use serde_json::json;

use crate::{Hash, SPRINGS_ID, hash, headers, nested};

fn decode(value: &str) -> Result<Reply<'_>, ReplyError> {
    static NO_HEADERS: Headers = Headers::new();
    Reply::decode("test-123", Some(value.as_bytes()), &NO_HEADERS)
}

fn worker_error(value: &str) -> WorkerError {
    decode(value).expect(value).error().expect(value).clone()
}

#[test]
fn golden_reply_of_version_1() {
    let value = encode_reply("test-123", &hash("b94d27b9")).unwrap();
    assert_eq!(value, br#"{"version":1,"id":"test-123","hash":"b94d27b9"}"#);
}

#[test]
fn golden_error_reply_of_version_1() {
    let value = encode_error_reply("test-123", "invalid_payload", "`data` is \"missing\"");
    let golden = r#"{"version":1,"id":"test-123","error":{"code":"invalid_payload","message":"`data` is \"missing\""}}"#;
    assert_eq!(str::from_utf8(&value).unwrap(), golden);
}

#[test]
fn an_error_replys_message_is_bounded() {
    let value = encode_error_reply("a", "failed", &"é".repeat(100_000));
    assert!(value.len() < 1_200, "{}", value.len());
}

#[test]
fn what_the_worker_writes_the_gateway_reads() {
    let none = Headers::new();
    let value = encode_reply("test-123", &hash("b94d27b9")).unwrap();
    let reply = Reply::decode("test-123", Some(&value), &none).unwrap();
    assert_eq!(reply.error(), None);
    assert_eq!(reply.output::<Hash>().unwrap(), hash("b94d27b9"));

    let value = encode_error_reply("test-123", "rejected", "no");
    let reply = Reply::decode("test-123", Some(&value), &none).unwrap();
    let error = WorkerError { code: "rejected".into(), message: "no".into() };
    assert_eq!(reply.error(), Some(&error));
    assert_eq!(reply.output::<Hash>(), Err(OutputError::Worker(error)));
}

#[test]
fn a_correlation_id_is_echoed_byte_for_byte() {
    for id in [&SPRINGS_ID[..], b"test-123", b"\x00\xff", "schlüssel".as_bytes()] {
        let request_headers = headers([(CORRELATION_ID, id), ("__TypeId__", b"com.example.Hash")]);
        let request = Request::decode(None, Some(br#"{"data":"x"}"#), &request_headers).unwrap();
        let echoed = headers([(CORRELATION_ID, id)]);
        assert_eq!(request.reply(&hash("h")).unwrap().headers, echoed);
        assert_eq!(request.error_reply(ErrorCode::Failed, "x").headers, echoed);
        let kept = request.return_address();
        assert_eq!(kept.reply(&hash("h")).unwrap(), request.reply(&hash("h")).unwrap());
        assert_eq!(kept.error_reply("failed", "x"), request.error_reply("failed", "x"));
    }
}

#[test]
fn the_reply_to_springs_binary_id_has_it_as_a_uuid_in_its_value() {
    let request_headers = headers([(CORRELATION_ID, &SPRINGS_ID), (REPLY_PARTITION, &[0, 0, 0, 1])]);
    let request = Request::decode(None, Some(br#"{"data":"x"}"#), &request_headers).unwrap();
    let reply = request.reply(&hash("h")).unwrap();
    let golden = br#"{"version":1,"id":"9f3a01c4-6e0b-4d21-a7f4-0c9b1e55d310","hash":"h"}"#;
    assert_eq!(reply.value.as_deref(), Some(&golden[..]));
    assert_eq!(reply.headers, headers([(CORRELATION_ID, &SPRINGS_ID)]));
}

#[test]
fn the_replys_header_is_the_id_that_counted_and_its_value_has_the_values() {
    let none = Headers::new();
    let request = Request::decode(Some(b"key"), Some(br#"{"id":"value","data":"x"}"#), &none).unwrap();
    let reply = request.reply(&hash("h")).unwrap();
    assert_eq!(reply.headers, headers([(CORRELATION_ID, b"key")]));
    assert_eq!(reply.value.as_deref(), Some(&br#"{"version":1,"id":"value","hash":"h"}"#[..]));
}

#[test]
fn a_caller_that_wrote_its_partition_as_text_gets_nests_marks() {
    let id = b"3f6d2b1c9a8e7d5f40312";
    let nest =
        headers([(CORRELATION_ID, id), (REPLY_TOPIC, b"hash_requests.reply"), (REPLY_PARTITION, b"0")]);
    let request = Request::decode(None, Some(br#"{"data":"x"}"#), &nest).unwrap();

    let reply = request.reply(&hash("h")).unwrap();
    assert_eq!(reply.headers, headers([(CORRELATION_ID, id), (NEST_DISPOSED, &[0])]));
    let golden = br#"{"version":1,"id":"3f6d2b1c9a8e7d5f40312","hash":"h"}"#;
    assert_eq!(reply.value.as_deref(), Some(&golden[..]));

    let error = request.error_reply(ErrorCode::Rejected, "no");
    let json = br#"{"code":"rejected","message":"no"}"#;
    assert_eq!(error.headers, headers([(CORRELATION_ID, id), (NEST_DISPOSED, &[0]), (NEST_ERROR, json)]));
    assert_eq!(error.value, None);
}

#[test]
fn other_callers_get_no_marks() {
    assert_eq!(reply_headers(b"a", &ReplyTo::default()), headers([(CORRELATION_ID, b"a")]));
}

#[test]
fn an_unfit_request_is_answered_in_the_form_its_caller_reads() {
    let nest = headers([(CORRELATION_ID, b"a"), (REPLY_TOPIC, b"t"), (REPLY_PARTITION, b"12")]);
    let reply = Request::decode(None, Some(br#"{"version":2}"#), &nest).unwrap_err().reply().unwrap();
    assert_eq!(reply.value, None);
    let json = br#"{"code":"unknown_version","message":"version 2 of the request is unknown; known: [1]"}"#;
    assert_eq!(reply.headers.get(NEST_ERROR).map(Vec::as_slice), Some(&json[..]));

    let reply = Request::decode(Some(b"k"), None, &Headers::new()).unwrap_err().reply().unwrap();
    let golden = r#"{"version":1,"id":"k","error":{"code":"malformed","message":"the request is malformed: there is no value"}}"#;
    assert_eq!(reply.value.as_deref(), Some(golden.as_bytes()));
}

#[test]
fn a_reply_is_found_by_header_else_key_else_the_values_id() {
    let (all, none) = (headers([(CORRELATION_ID, b"from-header")]), Headers::new());
    let value = Some(&br#"{"id":"from-value","hash":"h"}"#[..]);
    let found =
        |key, value, headers| reply_correlation(key, value, headers).map(|id| id.to_text().into_owned());
    assert_eq!(found(Some(b"from-key"), value, &all).as_deref(), Some("from-header"));
    assert_eq!(found(Some(b"from-key"), value, &none).as_deref(), Some("from-key"));
    assert_eq!(found(None, value, &none).as_deref(), Some("from-value"));
    assert_eq!(
        found(None, Some(br#"{"version":2,"id":"from-value"}"#), &none).as_deref(),
        Some("from-value")
    );
    assert_eq!(found(None, Some(b"not json"), &none), None);
    assert_eq!(found(None, None, &none), None);
}

#[test]
fn a_reply_is_found_without_parsing_its_value() {
    let broken = Some(&b"\xff{{{"[..]);
    let id = reply_correlation(Some(b"from-key"), broken, &Headers::new()).map(CorrelationKey::into_bytes);
    assert_eq!(id.as_deref(), Some(&b"from-key"[..]));
}

#[test]
fn a_plain_worker_only_knows_id_and_hash() {
    assert_eq!(decode(r#"{"id":"test-123","hash":"h"}"#).unwrap().output::<Hash>().unwrap(), hash("h"));
    assert_eq!(decode(r#"{"hash":"h","error":null,"x":[{}]}"#).unwrap().output::<Hash>().unwrap(), hash("h"));
}

#[test]
fn a_reply_whose_header_and_value_disagree_is_a_contradiction() {
    for value in [
        r#"{"id":"test-124","hash":"h"}"#,
        r#"{"id":"TEST-123","hash":"h"}"#,
        r#"{"version":1,"id":"another","error":{"code":"failed","message":"x"}}"#,
    ] {
        assert_eq!(decode(value).unwrap_err(), ReplyError::Contradiction, "{value}");
    }
    assert!(decode(r#"{"id":"test\u002d123","hash":"h"}"#).is_ok(), "escapes do not make another id");
}

#[test]
fn an_unknown_version_is_a_typed_error() {
    let unknown = ReplyError::UnknownVersion("2".into());
    assert_eq!(decode(r#"{"version":2,"id":{"not":"text"},"hash":"h"}"#).unwrap_err(), unknown);
}

#[test]
fn what_is_no_envelope_is_malformed() {
    for value in ["", "b94d27b9", r#""b94d27b9""#, "[]", r#"{"id":1,"hash":"h"}"#, r#"{"version":"1"}"#, "{"]
    {
        assert!(matches!(decode(value), Err(ReplyError::Malformed(_))), "{value}");
    }
    let none = Headers::new();
    assert!(matches!(Reply::decode("a", None, &none), Err(ReplyError::Malformed(_))));
    assert!(matches!(Reply::decode("a", Some(b"{\"x\":\"\xff\"}"), &none), Err(ReplyError::Malformed(_))));
}

#[test]
fn an_output_of_another_type_is_a_typed_error() {
    let error = decode(r#"{"id":"test-123","hash":5}"#).unwrap().output::<Hash>().unwrap_err();
    assert!(matches!(error, OutputError::Unfit(_)), "{error}");
}

#[test]
fn a_workers_error_says_whose_fault_it_is() {
    let error = |code: &str| worker_error(&json!({"error": {"code": code, "message": "m"}}).to_string());
    assert_eq!(error("invalid_payload").fault(), Fault::Caller);
    assert_eq!(error("rejected").fault(), Fault::Caller);
    assert_eq!(error("failed").fault(), Fault::Worker);
    assert_eq!(error("unknown_version").fault(), Fault::Worker);
    assert_eq!(error("E_1234").fault(), Fault::Worker);
}

#[test]
fn a_foreign_workers_error_is_taken_in_any_form() {
    let error = |value: &str| {
        let WorkerError { code, message } = worker_error(value);
        (code, message)
    };
    let failed = |message: &str| ("failed".to_owned(), message.to_owned());
    assert_eq!(error(r#"{"error":"out of paper"}"#), failed("out of paper"));
    assert_eq!(error(r#"{"error":{"message":"out of paper"}}"#), failed("out of paper"));
    assert_eq!(error(r#"{"error":{"code":17}}"#), failed(r#"{"code":17}"#));
    assert_eq!(error(r#"{"error":["a"]}"#), failed(r#"["a"]"#));
    assert_eq!(
        error(r#"{"hash":"h","error":{"code":"E1"}}"#),
        ("E1".to_owned(), r#"{"code":"E1"}"#.to_owned())
    );
}

#[test]
fn nests_error_header_with_a_null_value_is_the_workers_error() {
    let nest = |error: &[u8]| {
        let headers = headers([(CORRELATION_ID, b"test-123"), (NEST_DISPOSED, &[0]), (NEST_ERROR, error)]);
        let WorkerError { code, message } =
            Reply::decode("test-123", None, &headers).unwrap().error().unwrap().clone();
        (code, message)
    };
    let failed = |message: &str| ("failed".to_owned(), message.to_owned());
    assert_eq!(
        nest(br#"{"status":"error","message":"Internal server error"}"#),
        failed("Internal server error")
    );
    assert_eq!(nest(br#""Forbidden""#), failed("Forbidden"));
    assert_eq!(nest(b"not json"), failed("not json"));
    assert_eq!(nest(b"\xff"), failed("\u{fffd}"));
    assert_eq!(nest(br#"{"code":"rejected","message":"no"}"#), ("rejected".to_owned(), "no".to_owned()));
}

#[test]
fn deep_fields_do_not_overflow_the_stack() {
    let deep = nested(200_000);
    assert!(decode(&format!(r#"{{"x":{deep},"hash":"h"}}"#)).is_ok());
    let error = worker_error(&format!(r#"{{"error":{{"code":{deep}}}}}"#));
    assert_eq!((error.code.as_str(), error.message.len()), ("failed", 1_024));
    assert!(matches!(decode(&format!(r#"{{"id":{deep}}}"#)), Err(ReplyError::Malformed(_))));
}

//! Requests: golden bytes, which id counts, what is refused and how.

use std::time::Duration;

use protocol::header::{CORRELATION_ID, DEADLINE, Deadline, PartitionEncoding, REPLY_PARTITION, REPLY_TOPIC};
use protocol::request::{RequestError, RequestErrorKind, add_request_headers, encode_request};
use protocol::{CorrelationId, EncodeError, ErrorCode, Headers, Request};
use serde_json::{Value, json};

use crate::{Data, SPRINGS_ID, data, headers, nested};

/// A request that has its id in the value, and no headers.
fn error_of(value: &str) -> RequestError {
    Request::decode(None, Some(value.as_bytes()), &Headers::new()).expect_err(value)
}

#[test]
fn golden_request_of_version_1() {
    let value = encode_request("test-123", "hash", &data("hello world")).unwrap();
    assert_eq!(value, br#"{"version":1,"id":"test-123","data":"hello world"}"#);
}

#[test]
fn golden_request_of_version_1_with_another_operation() {
    let value = encode_request("test-123", "reverse", &data("a\"\\\n\u{1}é")).unwrap();
    let golden = r#"{"version":1,"id":"test-123","operation":"reverse","data":"a\"\\\n\u0001é"}"#;
    assert_eq!(str::from_utf8(&value).unwrap(), golden);
}

#[test]
fn golden_request_of_version_1_without_payload() {
    assert_eq!(
        encode_request("", "ping", &json!({})).unwrap(),
        br#"{"version":1,"id":"","operation":"ping"}"#
    );
}

fn id() -> CorrelationId {
    CorrelationId::parse(b"9f3a01c4-6e0b-8d21-a7f4-0c9b1e55d310").expect("an id of ours")
}

fn request_headers(mut headers: Headers, partition: Option<i32>, deadline: &Deadline) -> Headers {
    add_request_headers(&mut headers, &id().as_text(), "hash_responses", partition, deadline);
    headers
}

#[test]
fn golden_headers_of_a_request() {
    let deadline = Deadline::after(1_700_000_000_000, Duration::from_secs(10));
    let golden = headers([
        (CORRELATION_ID, b"9f3a01c4-6e0b-8d21-a7f4-0c9b1e55d310"),
        (REPLY_TOPIC, b"hash_responses"),
        (REPLY_PARTITION, &[0, 0, 0, 2]),
        (DEADLINE, b"1700000010000;10000"),
    ]);
    assert_eq!(request_headers(Headers::new(), Some(2), &deadline), golden);

    let without_partition = request_headers(headers([(REPLY_PARTITION, b"7"), ("x", b"y")]), None, &deadline);
    assert_eq!(without_partition.len(), 4, "what else travels stays");
    assert!(!without_partition.contains_key(REPLY_PARTITION));
}

#[test]
fn what_the_gateway_writes_the_worker_reads() {
    let deadline = Deadline::after(1_700_000_000_000, Duration::from_secs(10));
    let text = id().as_text();
    let value = encode_request(&text, "hash", &data("hello world")).unwrap();
    let headers = request_headers(Headers::new(), Some(2), &deadline);

    let request = Request::decode(Some(text.as_bytes()), Some(&value), &headers).unwrap();
    assert_eq!(request.correlation_id.as_bytes(), text.as_bytes());
    assert_eq!((&*request.id, &*request.operation), (&*text, "hash"));
    assert_eq!(request.reply_to.topic, Some("hash_responses"));
    let partition = request.reply_to.partition.unwrap();
    assert_eq!((partition.partition, partition.encoding), (2, PartitionEncoding::Binary));
    assert_eq!(request.deadline, Some(deadline));
    assert_eq!(request.payload::<Data>().unwrap(), data("hello world"));
}

#[test]
fn a_line_typed_by_hand_is_a_request() {
    let headers = Headers::new();
    let request = Request::decode(None, Some(br#"{"id":"test-123","data":"hello"}"#), &headers).unwrap();
    assert_eq!(request.correlation_id.as_bytes(), b"test-123");
    assert_eq!((&*request.id, &*request.operation), ("test-123", "hash"));
    assert_eq!((request.reply_to.topic, request.reply_to.partition), (None, None));
    assert_eq!(request.deadline, None);
    assert_eq!(request.payload::<Data>().unwrap(), data("hello"));
}

#[test]
fn no_version_is_version_1_and_so_is_null() {
    for version in ["", r#""version":1,"#, r#""version":null,"#] {
        let value = format!(r#" {{{version}"id":"a","data":"b"}} "#);
        let headers = Headers::new();
        let request = Request::decode(None, Some(value.as_bytes()), &headers).expect(&value);
        assert_eq!(request.payload::<Data>().unwrap(), data("b"));
    }
}

#[test]
fn the_header_counts_else_the_key_else_the_values_id() {
    let all = headers([(CORRELATION_ID, b"from-header")]);
    let (none, empty) = (Headers::new(), headers([(CORRELATION_ID, b"")]));
    let value = Some(&br#"{"id":"from-value","data":""}"#[..]);
    let key = Some(&b"from-key"[..]);
    let counts = |key, value, headers| {
        let request = Request::decode(key, value, headers).unwrap();
        String::from_utf8(request.correlation_id.into_bytes()).unwrap()
    };
    assert_eq!(counts(key, value, &all), "from-header");
    assert_eq!(counts(None, value, &all), "from-header");
    assert_eq!(counts(key, value, &none), "from-key");
    assert_eq!(counts(key, value, &empty), "from-key");
    assert_eq!(counts(None, value, &none), "from-value");
    assert_eq!(counts(Some(b""), value, &empty), "from-value");
}

#[test]
fn the_values_id_stays_the_values_id() {
    let headers = headers([(CORRELATION_ID, b"from-header")]);
    let request = Request::decode(None, Some(br#"{"id":"from-value"}"#), &headers).unwrap();
    assert_eq!(request.id, "from-value");
}

#[test]
fn a_value_needs_no_id_if_header_or_key_gives_one() {
    let none = Headers::new();
    for value in [r#"{"data":"b"}"#, r#"{"id":null,"data":"b"}"#, r#"{"id":"","data":"b"}"#] {
        let request = Request::decode(Some(b"from-key"), Some(value.as_bytes()), &none).expect(value);
        assert_eq!((request.correlation_id.as_bytes(), &*request.id), (&b"from-key"[..], "from-key"));

        let springs = headers([(CORRELATION_ID, &SPRINGS_ID)]);
        let request = Request::decode(None, Some(value.as_bytes()), &springs).expect(value);
        assert_eq!(request.correlation_id.as_bytes(), SPRINGS_ID);
        assert_eq!(request.id, "9f3a01c4-6e0b-4d21-a7f4-0c9b1e55d310");
    }
}

#[test]
fn no_id_anywhere_is_an_error_without_a_return_address() {
    let error = error_of(r#"{"data":"b"}"#);
    assert_eq!(
        (&error.kind, error.code()),
        (&RequestErrorKind::MissingCorrelationId, ErrorCode::MissingCorrelationId)
    );
    assert_eq!((error.return_address.clone(), error.reply()), (None, None));
}

#[test]
fn ids_made_by_hand_may_repeat() {
    let headers = Headers::new();
    let read = |value| Request::decode(None, Some(value), &headers).unwrap();
    let (first, second) =
        (read(br#"{"id":"test-123","data":"a"}"#), read(br#"{"id":"test-123","data":"b"}"#));
    assert_eq!(first.correlation_id, second.correlation_id);
    assert_eq!(second.payload::<Data>().unwrap(), data("b"));
}

#[test]
fn unknown_fields_are_ignored() {
    let value = br#"{"trace":{"a":[1]},"id":"a","version":1,"data":"b","error":7,"priority":1e3}"#;
    let headers = Headers::new();
    let request = Request::decode(None, Some(value), &headers).unwrap();
    assert_eq!(request.payload::<Data>().unwrap(), data("b"));
}

#[test]
fn an_unknown_version_is_a_typed_error_whatever_its_other_fields_are() {
    for version in ["2", "0", "-1", "1.5", "18446744073709551615", "1e300"] {
        let error = error_of(&format!(r#"{{"version":{version},"id":"a","operation":{{}}}}"#));
        assert!(matches!(error.kind, RequestErrorKind::UnknownVersion(_)), "{version}: {error}");
        assert_eq!(error.code(), ErrorCode::UnknownVersion);
        assert_eq!(error.return_address.expect("the id is there").id, "a");
    }
    let of_another_kind = error_of(r#"{"version":2,"id":{"high":1,"low":2}}"#);
    assert_eq!(of_another_kind.kind, RequestErrorKind::UnknownVersion("2".into()));
    assert_eq!(of_another_kind.to_string(), "version 2 of the request is unknown; known: [1]");
}

#[test]
fn what_is_no_envelope_is_malformed() {
    let values: [&[u8]; 19] = [
        b"",
        b" ",
        b"hello",
        b"null",
        b"1",
        br#""text""#,
        br#"["1","a"]"#,
        br#"{"id":"a""#,
        br#"{"id":"a"} x"#,
        br#"{"id":1}"#,
        br#"{"id":true}"#,
        br#"{"id":["a"]}"#,
        br#"{"id":"a","id":"b"}"#,
        br#"{"id":"a","version":"1"}"#,
        br#"{"id":"a","version":[1]}"#,
        br#"{"id":"a","operation":1}"#,
        b"{\"id\":\"a\",\"data\":\"\xff\"}",
        b"{\"id\":\"a\",\"\xff\":1}",
        b"\xef\xbb\xbf{\"id\":\"a\"}",
    ];
    let headers = headers([(CORRELATION_ID, b"from-header")]);
    for value in values.into_iter().map(Some).chain([None]) {
        let error = Request::decode(None, value, &headers).unwrap_err();
        assert!(matches!(error.kind, RequestErrorKind::Malformed(_)), "{value:?}: {error}");
        assert_eq!(error.code(), ErrorCode::Malformed);
        assert_eq!(error.return_address.unwrap().correlation_id, b"from-header", "{value:?}");
    }
}

#[test]
fn a_reply_header_that_cannot_be_read_is_an_error_with_the_rest_of_the_address() {
    let value = Some(&br#"{"id":"a","data":"b"}"#[..]);
    let bad_partition = headers([(REPLY_TOPIC, b"replies"), (REPLY_PARTITION, b"many")]);
    let error = Request::decode(None, value, &bad_partition).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadReplyHeader);
    let address = error.return_address.unwrap();
    assert_eq!((address.topic.as_deref(), address.partition), (Some("replies"), None));

    for topic in [&b""[..], b"\xff"] {
        let bad_topic = headers([(REPLY_TOPIC, topic), (REPLY_PARTITION, b"3")]);
        let error = Request::decode(None, value, &bad_topic).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadReplyHeader);
        let address = error.return_address.unwrap();
        assert_eq!((address.topic, address.partition.unwrap().partition), (None, 3));
    }
}

#[test]
fn a_deadline_that_cannot_be_read_is_an_error() {
    let headers = headers([(DEADLINE, b"tomorrow")]);
    let error = Request::decode(None, Some(br#"{"id":"a","data":"b"}"#), &headers).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadDeadline);
    assert!(error.reply().is_some());
}

#[test]
fn a_payload_that_does_not_fit_is_a_typed_error_of_bounded_length() {
    #[derive(Debug, serde::Deserialize)]
    struct Count {
        #[expect(dead_code, reason = "only its type matters")]
        data: u32,
    }
    let headers = Headers::new();
    let value = encode_request("a", "hash", &data(&"x".repeat(100_000))).unwrap();
    let request = Request::decode(None, Some(&value), &headers).unwrap();
    let error = request.payload::<Count>().unwrap_err().to_string();
    assert!(error.starts_with("the payload does not fit: invalid type: string"), "{error}");
    assert!(error.len() < 1_100);
}

#[test]
fn a_payload_cannot_take_the_envelopes_names() {
    for name in ["version", "id", "operation", "error"] {
        let payload = json!({"data": "x", name: "y"});
        assert!(matches!(encode_request("a", "hash", &payload), Err(EncodeError::Reserved(_))));
    }
    assert!(matches!(encode_request("a", "hash", &"text"), Err(EncodeError::NotAnObject)));
}

#[test]
fn deep_fields_do_not_overflow_the_stack() {
    let deep = nested(200_000);
    let headers = Headers::new();
    for field in ["unknown", "error", "data"] {
        let value = format!(r#"{{"id":"a","{field}":{deep}}}"#);
        let request = Request::decode(None, Some(value.as_bytes()), &headers).expect(field);
        assert!(request.payload::<Value>().is_err(), "the parser has a limit where it recurses");
        assert!(request.payload::<Data>().is_err());
    }
    for field in ["version", "id", "operation"] {
        let error = error_of(&format!(r#"{{"{field}":{deep}}}"#));
        assert!(matches!(error.kind, RequestErrorKind::Malformed(_)), "{field}: {error}");
    }
    assert!(matches!(error_of(&deep).kind, RequestErrorKind::Malformed(_)));
}

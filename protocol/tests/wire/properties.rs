//! What holds for any bytes: a value or a typed error, and what is written is read back.

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option::{self, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use protocol::header::{CORRELATION_ID, DEADLINE, Deadline, NEST_ERROR, REPLY_PARTITION, REPLY_TOPIC};
use protocol::reply::{ReplyError, encode_error_reply, encode_reply, reply_correlation};
use protocol::request::{RequestErrorKind, encode_request};
use protocol::{CorrelationKey, Headers, Reply, Request};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::{Data, Hash, data, hash};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..24)
}

/// Any text, with control characters and all of Unicode.
fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..24).prop_map(String::from_iter)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::from), fields(inner).prop_map(Value::from)]
    })
}

/// Objects whose fields are mostly the envelope's.
fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let names = vec!["version", "id", "operation", "error", "data", "hash", "code", "message", "x"];
    btree_map(select(names).prop_map(str::to_owned), value, 0..5).prop_map(Map::from_iter)
}

/// From noise to nearly right: the last of these is an object of which one byte was changed.
fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let object = || fields(any_json()).prop_map(|fields| Value::from(fields).to_string().into_bytes());
    let broken = (object(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut object, at, byte)| {
        let at = at.index(object.len());
        object[at] = byte;
        object
    });
    weighted(0.9, prop_oneof![1 => bytes(), 4 => object(), 2 => broken])
}

fn any_headers() -> impl Strategy<Value = Headers> {
    let names = vec![CORRELATION_ID, REPLY_TOPIC, REPLY_PARTITION, DEADLINE, NEST_ERROR, "x"];
    let values = prop_oneof![
        bytes(),
        text().prop_map(String::into_bytes),
        (0_u32..40).prop_map(|number| number.to_string().into_bytes()),
        (0_u32..40).prop_map(|number| number.to_be_bytes().to_vec()),
        (0_u64..40).prop_map(|number| Deadline::after(number, Duration::from_millis(number)).encode()),
    ];
    btree_map(select(names).prop_map(str::to_owned), values, 0..4)
}

/// What was decoded, read once more. None if a number in it is larger than any type holds, which is JSON all the same
/// and may stand in a field that nobody reads.
fn read_again(value: Option<&[u8]>) -> Option<Value> {
    let bytes = value.expect("what was decoded is there");
    serde_json::from_slice::<IgnoredAny>(bytes).expect("what was decoded is JSON");
    serde_json::from_slice(bytes).ok()
}

fn filled(bytes: Option<&[u8]>) -> Option<&[u8]> {
    bytes.filter(|bytes| !bytes.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_record_is_a_request_or_a_typed_error(
        key in option::of(bytes()),
        value in value(),
        headers in any_headers(),
    ) {
        let outside = filled(headers.get(CORRELATION_ID).map(Vec::as_slice)).or(filled(key.as_deref()));
        match Request::decode(key.as_deref(), value.as_deref(), &headers) {
            Ok(request) => {
                let Some(object) = read_again(value.as_deref()) else { return Ok(()) };
                let inside = object["id"].as_str().filter(|id| !id.is_empty());
                let counts = outside.or(inside.map(str::as_bytes)).unwrap();
                prop_assert_eq!(request.correlation_id.as_bytes(), counts);
                let as_text = request.correlation_id.to_text();
                prop_assert_eq!(&*request.id, inside.unwrap_or(&as_text));
                prop_assert_eq!(&*request.operation, object["operation"].as_str().unwrap_or("hash"));
                prop_assert!(matches!(object["version"].as_u64(), None | Some(1)));
                prop_assert_eq!(request.deadline.is_some(), headers.contains_key(DEADLINE));
                prop_assert_eq!(request.payload::<Data>().is_ok(), object["data"].is_string());
                let reply = request.reply(&hash("h")).unwrap();
                prop_assert_eq!(reply.headers[CORRELATION_ID].as_slice(), counts);
            }
            Err(error) => {
                if outside.is_some() {
                    let address = error.return_address.as_ref().unwrap();
                    prop_assert_eq!(Some(address.correlation_id.as_slice()), outside);
                }
                prop_assert_eq!(error.reply().is_some(), error.return_address.is_some());
                if error.kind == RequestErrorKind::MissingCorrelationId {
                    prop_assert!(error.return_address.is_none());
                }
            }
        }
    }

    #[test]
    fn any_record_is_a_reply_or_a_typed_error(
        key in option::of(bytes()),
        value in value(),
        headers in any_headers(),
        id in text(),
    ) {
        let outside = filled(headers.get(CORRELATION_ID).map(Vec::as_slice)).or(filled(key.as_deref()));
        let found = reply_correlation(key.as_deref(), value.as_deref(), &headers);
        if outside.is_some() {
            prop_assert_eq!(found.as_ref().map(CorrelationKey::as_bytes), outside);
        }
        match Reply::decode(&id, value.as_deref(), &headers) {
            Ok(reply) if headers.contains_key(NEST_ERROR) => prop_assert!(reply.error().is_some()),
            Ok(reply) => {
                let Some(object) = read_again(value.as_deref()) else { return Ok(()) };
                prop_assert_eq!(reply.error().is_some(), !object["error"].is_null());
                prop_assert!(object["id"].as_str().is_none_or(|inside| inside.is_empty() || inside == id));
                prop_assert_eq!(reply.output::<Hash>().is_ok(), reply.error().is_none() && object["hash"].is_string());
            }
            Err(ReplyError::Contradiction) => {
                let object: Value = serde_json::from_slice(value.as_deref().unwrap()).unwrap();
                prop_assert_ne!(object["id"].as_str().unwrap(), id);
            }
            Err(ReplyError::Malformed(_) | ReplyError::UnknownVersion(_)) => {}
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written(id in text(), operation in text(), payload in text(), headers in any_headers()) {
        let value = encode_request(&id, &operation, &data(&payload)).unwrap();
        let whole: Value = serde_json::from_slice(&value).unwrap();
        prop_assert_eq!(&whole["data"], &json!(payload));

        let headers: Headers = headers.into_iter().filter(|(name, _)| name == CORRELATION_ID).collect();
        let request = Request::decode(Some(b"key"), Some(&value), &headers).unwrap();
        prop_assert_eq!(&*request.operation, operation);
        prop_assert_eq!(request.payload::<Data>().unwrap(), data(&payload));
        if !id.is_empty() {
            prop_assert_eq!(&*request.id, id);
        }
    }

    #[test]
    fn a_reply_is_read_as_it_was_written(id in text(), output in text(), code in text(), message in text()) {
        let none = Headers::new();
        let value = encode_reply(&id, &hash(&output)).unwrap();
        let reply = Reply::decode(&id, Some(&value), &none).unwrap();
        prop_assert_eq!(reply.output::<Hash>().unwrap(), hash(&output));

        let value = encode_error_reply(&id, &code, &message);
        let reply = Reply::decode(&id, Some(&value), &none).unwrap();
        let error = reply.error().unwrap();
        prop_assert_eq!((&error.code, &error.message), (&code, &message));
    }

    #[test]
    fn any_object_can_be_a_payload_unless_it_uses_the_envelopes_names(payload in fields(any_json())) {
        let clashes = ["version", "id", "operation", "error"].iter().any(|&name| payload.contains_key(name));
        let encoded = encode_request("a", "hash", &payload);
        prop_assert_eq!(encoded.is_err(), clashes);
        if let Ok(value) = encoded {
            let mut read: Map<String, Value> = serde_json::from_slice(&value).unwrap();
            prop_assert_eq!((read.remove("version"), read.remove("id")), (Some(json!(1)), Some(json!("a"))));
            let through_text: Map<String, Value> =
                serde_json::from_str(&Value::from(payload).to_string()).unwrap();
            prop_assert_eq!(read, through_text);
        }
    }
}

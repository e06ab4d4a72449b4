//! Requests as the server hands them on: headers that it could read, and a body in pieces.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures::{StreamExt as _, stream};
use fuzz::{Target, parts, split};
use protocol::header::{REQUEST_ID, TRACEPARENT, TRACESTATE};
use serde_json::Value;
use service::traces;
use tokio::time::Instant;

use super::body;
use super::incoming::Incoming;
use super::trace::{self, Marks};
use crate::admission::Admission;
use crate::operations::{Hash, Operation};
use crate::problem::Code;

/// Those of lines `name: value`; what is none does not get past the server.
pub(crate) fn headers(lines: &[u8]) -> HeaderMap {
    let lines = lines.split(|&byte| byte == b'\n').filter_map(|line| split(line, b": "));
    let read = lines.filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
    });
    let mut headers = HeaderMap::new();
    read.for_each(|(name, value)| headers.append(name, value));
    headers
}

/// What a request is followed by.
#[test]
fn fuzz_http_headers() {
    Target::new("http-headers").run(|input| {
        let headers = headers(input);
        let context = trace::context(&headers);
        for (name, value) in &context {
            assert!([TRACEPARENT, TRACESTATE, REQUEST_ID].contains(&name.as_str()), "{name}");
            assert_eq!(headers.get(name).map(HeaderValue::as_bytes), Some(&**value));
        }
        let followed = [TRACEPARENT, TRACESTATE].into_iter().filter_map(|name| context.get_key_value(name));
        assert!(followed.map(|(name, value)| name.len() + value.len()).sum::<usize>() <= 1024);
        assert!(context.contains_key(TRACEPARENT) || !context.contains_key(TRACESTATE));

        // What is echoed is what travels, and what the worker logs.
        let id = trace::request_id(&headers).map(|id| id.to_str().unwrap());
        assert!(id.is_none_or(|id| (1..=128).contains(&id.len()) && id.is_ascii()));
        assert_eq!(id.map(str::as_bytes), context.get(REQUEST_ID).map(Vec::as_slice));
        assert_eq!(traces::request_id(&context).as_deref(), id);

        if let Some(trace) = Marks::of(&headers).trace_id(None) {
            let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            assert!(trace.len() == 32 && trace.bytes().all(is_digit));
            let parent = str::from_utf8(&context[TRACEPARENT]).unwrap();
            assert!(parent.contains(&*trace), "{trace}");
        }
    });
}

/// Headers in lines, and the body, which comes in pieces.
#[test]
fn fuzz_http_body() {
    const MAX_BYTES: usize = 2048;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let admission = Admission::new(1, MAX_BYTES);
    Target::new("http-body").run(|input| {
        let [head, sent] = parts(input);
        let deadline = Instant::now() + Duration::from_secs(10);
        let (headers, mut incoming) = (headers(head), arriving(sent, deadline));
        match runtime.block_on(body::read(&headers, &mut incoming, &admission)) {
            Ok(admitted) => {
                let declared = headers.get(CONTENT_TYPE).unwrap().as_bytes().trim_ascii_start();
                assert!(declared.to_ascii_lowercase().starts_with(b"application/json"));
                assert_eq!(admitted.bytes, sent);
                assert!(sent.len() <= admission.bytes() && admission.bytes() <= MAX_BYTES);
                parse(&admitted.bytes);
            }
            Err(problem) => {
                let expected = [Code::UnsupportedMediaType, Code::PayloadTooLarge, Code::Overloaded];
                assert!(expected.contains(&problem.code()), "{problem:?}");
            }
        }
        assert_eq!((admission.requests(), admission.bytes()), (0, 0), "all of it is given back");
    });
}

fn arriving(sent: &[u8], deadline: Instant) -> Incoming {
    let pieces: Vec<_> = sent.chunks(100).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Incoming::new(Payload::Stream { payload: stream::iter(pieces).boxed_local() }, deadline)
}

/// An operation's input is read from an object alone, and says what that says.
fn parse(bytes: &[u8]) {
    match body::parse::<<Hash as Operation>::Input<'_>>(bytes) {
        Ok(input) => {
            assert!(bytes.trim_ascii_start().starts_with(b"{"));
            // Values that nobody asked for are skipped and may be more than a number or a stack can hold.
            if let Ok(whole) = serde_json::from_slice::<Value>(bytes) {
                assert_eq!(serde_json::to_value(&input).unwrap()["data"], whole["data"]);
            }
        }
        Err(problem) => assert_eq!(problem.code(), Code::InvalidRequest),
    }
}

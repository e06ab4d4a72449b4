//! What a caller sends along to find its request again: trace context and request id.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use protocol::header::{Headers, TRACEPARENT, TRACESTATE};

/// The caller's own name for a request: echoed in the answer and logged.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is echoed, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Most that trace context may add to a record, names included, in bytes.
const MAX_TRACE_BYTES: usize = 1024;

/// The caller's request id, if it is one that can be echoed.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get(&X_REQUEST_ID)
        .filter(|id| (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.to_str().is_ok())
}

/// The caller's trace context as record headers. A state that would make them too long is left out, as the W3C
/// recommendation allows; a state without a parent means nothing.
pub(crate) fn context(headers: &HeaderMap) -> Headers {
    let mut context = Headers::new();
    let mut room = MAX_TRACE_BYTES;
    for name in [TRACEPARENT, TRACESTATE] {
        let Some(value) = headers.get(name).map(HeaderValue::as_bytes) else { break };
        let Some(rest) = room.checked_sub(name.len() + value.len()) else { break };
        room = rest;
        context.insert(name.to_owned(), value.to_vec());
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    #[test]
    fn a_long_state_is_left_out_and_the_parent_kept() {
        let parent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
        let short = headers(&[parent.clone(), ("tracestate", "a=1".into())]);
        assert_eq!(context(&short).len(), 2);
        let long = headers(&[parent, ("tracestate", "a".repeat(1024))]);
        assert_eq!(context(&long).keys().collect::<Vec<_>>(), ["traceparent"]);
        assert!(context(&headers(&[("tracestate", "a=1".into())])).is_empty());
    }

    #[test]
    fn a_request_id_has_its_bounds() {
        assert!(request_id(&headers(&[("x-request-id", "abc".into())])).is_some());
        assert!(request_id(&headers(&[("x-request-id", "a".repeat(129))])).is_none());
        assert!(request_id(&headers(&[("x-request-id", String::new())])).is_none());
        assert!(request_id(&headers(&[])).is_none());
    }
}

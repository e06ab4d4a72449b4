//! W3C trace context in the headers of a record, and so of an HTTP request, whose context is carried the same way.

use std::collections::BTreeMap;

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// A record's headers.
pub type Headers = BTreeMap<String, Vec<u8>>;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const REQUEST_ID: &str = "x-request-id";

/// Longest state that travels on, in bytes; W3C asks for 512 at least.
const MAX_STATE_BYTES: usize = 512;

/// Longest name of a request that log lines show, in bytes: anybody may write to a topic, and anything.
const MAX_ID_BYTES: usize = 128;

/// The caller's span, as `headers` tell of it; an invalid context if they do not, or not by the rules.
pub fn extract(headers: &Headers) -> SpanContext {
    if !headers.get(TRACEPARENT).is_some_and(|value| has_whole_ids(value)) {
        return SpanContext::NONE;
    }
    let context = TraceContextPropagator::new().extract(&Carrier(headers));
    context.span().span_context().clone()
}

/// The propagator takes shorter ids as well, and such with a sign, and makes up their zeros: a trace that its caller would
/// never find.
fn has_whole_ids(parent: &[u8]) -> bool {
    let mut parts = parent.split(|&byte| byte == b'-');
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let mut is_whole =
        |length| parts.next().is_some_and(|part| part.len() == length && part.iter().all(is_digit));
    [2, 32, 16, 2].into_iter().all(&mut is_whole)
}

/// Names the span of `context` in `headers`, in place of whatever they named. An invalid context names none.
pub fn inject(context: &SpanContext, headers: &mut Headers) {
    headers.remove(TRACESTATE);
    if !context.is_valid() {
        headers.remove(TRACEPARENT);
        return;
    }
    let (trace, span) = (context.trace_id(), context.span_id());
    let sampled = u8::from(context.is_sampled());
    headers.insert(TRACEPARENT.to_owned(), format!("00-{trace}-{span}-{sampled:02x}").into_bytes());
    let state = context.trace_state().header();
    if (1..=MAX_STATE_BYTES).contains(&state.len()) {
        headers.insert(TRACESTATE.to_owned(), state.into_bytes());
    }
}

/// The trace that `headers` name, for a log line, whether traces are on or off.
pub fn trace_id(headers: &Headers) -> Option<String> {
    let context = extract(headers);
    context.is_valid().then(|| context.trace_id().to_string())
}

/// The caller's own name for the request that `headers` belong to, for a log line; none where it is not what HTTP
/// lets callers say: ASCII without control characters, at most 128 bytes.
pub fn request_id(headers: &Headers) -> Option<String> {
    let id = str::from_utf8(headers.get(REQUEST_ID)?).ok()?;
    let is_name =
        (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    is_name.then(|| id.to_owned())
}

struct Carrier<'a>(&'a Headers);

impl Extractor for Carrier<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| str::from_utf8(value).ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(parent: &str, state: &str) -> Headers {
        let headers = [(TRACEPARENT, parent), (TRACESTATE, state)];
        headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into()
    }

    #[test]
    fn what_was_extracted_is_injected_again() {
        for parent in [PARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"] {
            let theirs = headers(parent, "vendor=1,other=2");
            let mut ours = headers("stale", "stale=1");
            inject(&extract(&theirs), &mut ours);
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_breaks_the_rules_names_no_span() {
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let short_ids = [
            "00-af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-+7ad6b7169203331-01",
        ];
        for bad in ["", "00", zeros, &PARENT[..52], "ü"].into_iter().chain(short_ids) {
            assert!(!extract(&headers(bad, "")).is_valid(), "{bad:?}");
        }
        let mut stale = headers(PARENT, "a=1");
        inject(&SpanContext::NONE, &mut stale);
        assert!(stale.is_empty());
    }

    #[test]
    fn a_long_state_stays_behind() {
        let mut carried = Headers::new();
        inject(&extract(&headers(PARENT, &format!("a={}", "x".repeat(600)))), &mut carried);
        assert_eq!(carried.keys().collect::<Vec<_>>(), [TRACEPARENT]);
    }

    #[test]
    fn log_lines_show_no_request_id_that_is_none() {
        let id = |id: &[u8]| request_id(&Headers::from([(REQUEST_ID.to_owned(), id.to_vec())]));
        assert_eq!(id(b"order 7").as_deref(), Some("order 7"));
        for bad in [&b""[..], &[b'x'; MAX_ID_BYTES + 1], b"a\nb", b"\xff"] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn log_lines_name_the_trace_alone() {
        assert_eq!(trace_id(&headers(PARENT, "")).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(trace_id(&Headers::new()), None);
    }

    /// Headers in lines `name: value`.
    #[test]
    fn fuzz_trace_context() {
        fuzz::Target::new("trace-context").run(|input| {
            let lines = input.split(|&byte| byte == b'\n').filter_map(|line| fuzz::split(line, b": "));
            let headers: Headers = lines
                .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
                .collect();
            let context = extract(&headers);
            assert_eq!(trace_id(&headers).is_some(), context.is_valid());
            let mut told = headers.clone();
            inject(&context, &mut told);
            let again = extract(&told);
            assert_eq!(
                (again.trace_id(), again.span_id(), again.is_sampled()),
                (context.trace_id(), context.span_id(), context.is_sampled())
            );
            if let Some(id) = request_id(&headers) {
                assert!((1..=MAX_ID_BYTES).contains(&id.len()) && !id.contains(['\n', '\r', '\u{1b}']));
            }
        });
    }
}

//! What a request is found by again: its trace context, its caller's request id, its span.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Version};
use protocol::header::{Headers, REQUEST_ID, TRACEPARENT, TRACESTATE};
use service::traces::names::{
    ERROR_TYPE, HTTP_METHOD, HTTP_REQUEST_ID, HTTP_ROUTE, HTTP_STATUS, PEER_ADDRESS, PROTOCOL_VERSION,
    URL_PATH, URL_SCHEME, USER_AGENT,
};
use service::traces::{self, KeyValue, Span, SpanKind, Traces};

use crate::problem::Code;

/// The caller's own name for a request: echoed in the answer, carried to the worker, and logged by both.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID);

/// Made once: a name is found faster than a text that first has to become one.
static PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
static STATE: HeaderName = HeaderName::from_static(TRACESTATE);

/// Longest request id that is echoed, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Most that trace context may add to a record, names included, in bytes.
const MAX_TRACE_BYTES: usize = 1024;

/// Most of a caller's text in an attribute of a span, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// The caller's request id, if it is one that can be echoed.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get(&X_REQUEST_ID)
        .filter(|id| (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.to_str().is_ok())
}

/// The caller's request id and trace context as record headers. A state that would make the context too long is left
/// out, as the W3C recommendation allows; a state without a parent means nothing.
pub(crate) fn context(headers: &HeaderMap) -> Headers {
    let mut context = Headers::new();
    if let Some(parent) = parent(headers) {
        let room = MAX_TRACE_BYTES - TRACEPARENT.len() - parent.len();
        context.insert(TRACEPARENT.to_owned(), parent.as_bytes().to_vec());
        if let Some(state) = headers.get(&STATE).filter(|state| TRACESTATE.len() + state.len() <= room) {
            context.insert(TRACESTATE.to_owned(), state.as_bytes().to_vec());
        }
    }
    if let Some(id) = request_id(headers) {
        context.insert(REQUEST_ID.to_owned(), id.as_bytes().to_vec());
    }
    context
}

/// The caller's span, unless it is too long to be one.
fn parent(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(&PARENT).filter(|parent| TRACEPARENT.len() + parent.len() <= MAX_TRACE_BYTES)
}

/// By what its caller knows a request: what of its headers its answer and its log lines need, for when these are gone.
#[derive(Debug)]
pub(crate) struct Marks {
    request_id: Option<HeaderValue>,
    parent: Option<HeaderValue>,
}

impl Marks {
    /// Those of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { request_id: request_id(headers).cloned(), parent: parent(headers).cloned() }
    }

    /// As a header of the answer.
    pub(crate) fn request_id(&self) -> Option<&HeaderValue> {
        self.request_id.as_ref()
    }

    /// As text, for a log line.
    pub(crate) fn request_id_text(&self) -> Option<&str> {
        self.request_id.as_ref()?.to_str().ok()
    }

    /// The trace that the request belongs to, for a log line: its span's, or the caller's where traces are off or the
    /// caller's is not recorded.
    pub(crate) fn trace_id(&self, span: Option<&Span>) -> Option<String> {
        if let Some(span) = span {
            return Some(span.context().trace_id().to_string());
        }
        let parent = self.parent.as_ref()?.as_bytes().to_vec();
        traces::trace_id(&Headers::from([(TRACEPARENT.to_owned(), parent)]))
    }
}

/// Begins the span of a request, as OpenTelemetry's conventions for HTTP servers have it; none where traces are off or the
/// caller's is not recorded.
pub(crate) fn begin(traces: &Traces, http: &HttpRequest) -> Option<Span> {
    if !traces.are_on() {
        return None;
    }
    let parent = traces::extract(&context(http.headers()));
    traces.begin(SpanKind::Server, &parent, None, || {
        let (method, route) = (method(http.method()), http.match_pattern());
        let name = match (method, &route) {
            (Some(method), Some(route)) => format!("{method} {route}"),
            (method, _) => method.unwrap_or("HTTP").to_owned(),
        };
        (name, attributes(http, method, route))
    })
}

/// Ends it with the answer. Only what is the gateway's or a worker's fault is an error of a server.
pub(crate) fn end(span: Option<Span>, status: StatusCode, code: Option<Code>) {
    let Some(mut span) = span else { return };
    span.set(HTTP_STATUS, i64::from(status.as_u16()));
    match code {
        Some(code) if status.is_server_error() => span.fail(code.text(), code.title()),
        Some(code) => span.set(ERROR_TYPE, code.text()),
        None => {}
    }
}

fn attributes(http: &HttpRequest, method: Option<&'static str>, route: Option<String>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new(HTTP_METHOD, method.unwrap_or("_OTHER")),
        KeyValue::new(URL_SCHEME, if http.app_config().secure() { "https" } else { "http" }),
        KeyValue::new(URL_PATH, bounded(http.path())),
        KeyValue::new(PROTOCOL_VERSION, version(http.version())),
    ];
    attributes.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
    attributes.extend(http.peer_addr().map(|peer| KeyValue::new(PEER_ADDRESS, peer.ip().to_string())));
    let agent = http.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    attributes.extend(agent.map(|agent| KeyValue::new(USER_AGENT, bounded(agent))));
    let id = request_id(http.headers()).and_then(|id| id.to_str().ok());
    attributes.extend(id.map(|id| KeyValue::new(HTTP_REQUEST_ID, traces::list_of(id))));
    attributes
}

/// The method, if it is one that has a meaning: others are whatever callers make up.
fn method(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str())
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    #[test]
    fn a_long_state_is_left_out_and_the_parent_kept() {
        let parent = ("traceparent", PARENT.to_owned());
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

    #[test]
    fn what_can_be_echoed_travels_on_and_nothing_else() {
        let travels = context(&headers(&[("x-request-id", "abc".into())]));
        assert_eq!(travels, Headers::from([(REQUEST_ID.to_owned(), b"abc".to_vec())]));
        assert!(context(&headers(&[("x-request-id", "a".repeat(129))])).is_empty());
    }

    #[test]
    fn log_lines_name_the_callers_trace_where_there_is_no_span() {
        let id = |pairs: &[_]| Marks::of(&headers(pairs)).trace_id(None);
        let parent = ("traceparent", PARENT.to_owned());
        assert_eq!(id(&[parent]).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(id(&[]), None);
    }
}

//! Where a request comes from: what travels with it, and what its log lines and spans are found by.

use protocol::Headers;
use protocol::header::{REQUEST_ID, TRACEPARENT};
use service::traces::{self, Span, SpanContext};

/// What the program that asks knows of a request.
#[derive(Debug, Default)]
pub struct Origin {
    /// Travel with the record: a trace context, `x-request-id`. Ours win where names are the same.
    pub headers: Headers,
    /// The span that the request's own spans are children of. Without it, the one that the headers name.
    pub parent: Option<SpanContext>,
}

impl From<Headers> for Origin {
    fn from(headers: Headers) -> Self {
        Self { headers, parent: None }
    }
}

/// What log lines of a request name beside its id, as far as its caller gave it. In text, where it is text.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) request_id: Option<String>,
    pub(crate) trace_id: Option<String>,
}

impl Names {
    /// As a record's headers have them.
    pub(crate) fn of(headers: &Headers) -> Self {
        Self { request_id: traces::request_id(headers), trace_id: traces::trace_id(headers) }
    }
}

/// What goes with a request's record until Kafka has it: none where nobody follows it.
#[derive(Debug)]
pub(crate) struct Trail {
    /// Those headers that name it, to be read if there is something to log.
    names: Headers,
    /// Its producing. Ends when this is dropped.
    pub(crate) sending: Option<Span>,
}

impl Trail {
    pub(crate) fn of(headers: &Headers, sending: Option<Span>) -> Option<Box<Self>> {
        let named = [REQUEST_ID, TRACEPARENT].into_iter().filter_map(|name| headers.get_key_value(name));
        let names: Headers = named.map(|(name, value)| (name.clone(), value.clone())).collect();
        (!names.is_empty() || sending.is_some()).then(|| Box::new(Self { names, sending }))
    }

    pub(crate) fn names(&self) -> Names {
        Names::of(&self.names)
    }
}

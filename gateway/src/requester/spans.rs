//! The spans of a request between its HTTP call and the worker, named by OpenTelemetry's conventions for messaging:
//!
//! ```text
//!   POST /hash                          the caller's, or the gateway's own
//!    └─ send hash_requests              from its queueing until Kafka has it
//!        └─ process hash_requests       the worker's
//!            └─ send hash_responses     the worker's
//!                └─ process hash_responses    from its arrival until its waiter has read it
//! ```

use std::time::SystemTime;

use kafka::Record;
use protocol::CorrelationId;
use service::traces::names::{
    CLIENT_ID, CONSUMER_GROUP, CONVERSATION, DESTINATION, KAFKA, MESSAGING_SYSTEM, OFFSET, OPERATION_NAME,
    OPERATION_TYPE, PARTITION, PROCESS, SEND,
};
use service::traces::{KeyValue, Span, SpanContext, SpanKind, Traces, extract, inject};

use super::{Origin, RequesterConfig};

/// Begins them, where traces are on.
pub(crate) struct Spans {
    traces: Traces,
    client_id: String,
    group_id: String,
    request_topic: String,
    response_topic: String,
}

/// A reply as it was found, for a request that waits for it.
pub(crate) struct Arrived {
    pub(crate) record: Record,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Looked up only where traces are on.
    pub(crate) at: Option<SystemTime>,
}

impl Spans {
    pub(crate) fn new(config: &RequesterConfig, client_id: &str) -> Self {
        Self {
            traces: config.traces.clone(),
            client_id: client_id.to_owned(),
            group_id: config.group_id.clone(),
            request_topic: config.request_topic.clone(),
            response_topic: config.response_topic.clone(),
        }
    }

    /// The span that those of a request are children of; none where traces are off.
    pub(crate) fn parent(&self, origin: &Origin) -> Option<SpanContext> {
        self.traces.are_on().then(|| origin.parent.clone().unwrap_or_else(|| extract(&origin.headers)))
    }

    /// A request is queued. From here on its record's headers name this span, or the parent of one that nobody records.
    pub(crate) fn sending(
        &self,
        id: CorrelationId,
        parent: Option<&SpanContext>,
        headers: &mut protocol::Headers,
    ) -> Option<Span> {
        let parent = parent?;
        let span = self.traces.begin(SpanKind::Producer, parent, None, || {
            let name = format!("{SEND} {}", self.request_topic);
            (name, self.attributes(SEND, &self.request_topic, id))
        });
        inject(span.as_ref().map_or(parent, Span::context), headers);
        span
    }

    /// A reply is read by whoever waited for it: a child of the worker's span, if that is of the same trace and recorded as
    /// ours is. A worker with a mind of its own should neither take the last span from a trace nor add one to what is none.
    pub(crate) fn processing(
        &self,
        id: CorrelationId,
        parent: Option<&SpanContext>,
        reply: &Arrived,
    ) -> Option<Span> {
        let ours = parent?;
        let theirs = extract(&reply.record.headers);
        let is_ours = theirs.trace_id() == ours.trace_id() && theirs.is_sampled() == ours.is_sampled();
        let parent = if is_ours { &theirs } else { ours };
        self.traces.begin(SpanKind::Consumer, parent, reply.at, || {
            let mut attributes = self.attributes(PROCESS, &self.response_topic, id);
            attributes.push(KeyValue::new(CONSUMER_GROUP, self.group_id.clone()));
            attributes.push(KeyValue::new(PARTITION, reply.partition.to_string()));
            attributes.push(KeyValue::new(OFFSET, reply.offset));
            (format!("{PROCESS} {}", self.response_topic), attributes)
        })
    }

    fn attributes(&self, operation: &'static str, topic: &str, id: CorrelationId) -> Vec<KeyValue> {
        vec![
            KeyValue::new(MESSAGING_SYSTEM, KAFKA),
            KeyValue::new(OPERATION_NAME, operation),
            KeyValue::new(OPERATION_TYPE, operation),
            KeyValue::new(DESTINATION, topic.to_owned()),
            KeyValue::new(CONVERSATION, id.to_string()),
            KeyValue::new(CLIENT_ID, self.client_id.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use protocol::{Headers, Tag};
    use service::settings::{Sampled, Sampling, TraceSettings};

    use super::*;

    const RECORDED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const UNRECORDED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const OTHERS: &str = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// Those of a gateway by whose sampler nothing is recorded that begins there.
    fn spans() -> Spans {
        let settings = TraceSettings {
            // Nobody has to be there: what is decided does not depend on it.
            endpoint: Some("http://127.0.0.1:1/v1/traces".to_owned()),
            sampling: Sampling { sampled: Sampled::None, obeys_parent: true },
            ..TraceSettings::default()
        };
        let traces = Traces::start(&settings, &crate::PROGRAM).unwrap();
        Spans::new(&RequesterConfig { traces, ..RequesterConfig::default() }, "test")
    }

    fn named(parent: &str) -> Headers {
        Headers::from([("traceparent".to_owned(), parent.into())])
    }

    #[tokio::test]
    async fn the_gateways_own_decision_travels_on() {
        let spans = spans();
        let id = CorrelationId::random(Tag::random());
        let root = spans.traces.begin(SpanKind::Server, &SpanContext::NONE, None, || unreachable!("unseen"));
        let root = root.expect("a trace begins");
        let mut headers = Headers::new();
        assert!(spans.sending(id, Some(root.context()), &mut headers).is_none());
        let told = extract(&headers);
        let expected = (root.context().trace_id(), root.context().span_id(), false);
        assert_eq!((told.trace_id(), told.span_id(), told.is_sampled()), expected);
        spans.traces.stop().await;
    }

    #[tokio::test]
    async fn a_worker_decides_nothing_about_the_last_span() {
        let spans = spans();
        let id = CorrelationId::random(Tag::random());
        let is_recorded = |ours: &str, theirs: Headers| {
            let record = Record { key: None, value: None, headers: theirs, timestamp: DateTime::UNIX_EPOCH };
            let reply = Arrived { record, partition: 0, offset: 0, at: None };
            let span = spans.processing(id, Some(&extract(&named(ours))), &reply);
            span.inspect(|span| assert_eq!(span.context().trace_id(), extract(&named(ours)).trace_id()))
                .is_some()
        };
        for theirs in [named(RECORDED), named(UNRECORDED), named(OTHERS), Headers::new()] {
            assert!(is_recorded(RECORDED, theirs.clone()), "{theirs:?}");
            assert!(!is_recorded(UNRECORDED, theirs.clone()), "{theirs:?}");
        }
        spans.traces.stop().await;
    }
}

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

    /// A reply is read by whoever waited for it: a child of the worker's span, if that is of the same trace.
    pub(crate) fn processing(
        &self,
        id: CorrelationId,
        parent: Option<&SpanContext>,
        reply: &Arrived,
    ) -> Option<Span> {
        let ours = parent?;
        let theirs = extract(&reply.record.headers);
        let parent = if theirs.trace_id() == ours.trace_id() { &theirs } else { ours };
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

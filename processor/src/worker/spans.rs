//! The spans of one request in the worker, named by OpenTelemetry's conventions for messaging:
//!
//! ```text
//!   send hash_requests                 the gateway's, named in the request's headers
//!    └─ process hash_requests          from its turn until it is known what becomes of it
//!        └─ send hash_responses        from the reply's queueing until Kafka has it; named in the reply's headers
//! ```

use kafka::Record;
use protocol::{CorrelationKey, Headers, reply_correlation};
use service::traces::names::{
    CLIENT_ID, CONSUMER_GROUP, CONVERSATION, DESTINATION, KAFKA, MESSAGING_SYSTEM, OFFSET, OPERATION_NAME,
    OPERATION_TYPE, PARTITION, PROCESS, SEND,
};
use service::traces::{KeyValue, Span, SpanKind, Traces, extract, inject};

/// Begins them, where traces are on.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) traces: Traces,
    pub(crate) client_id: String,
    pub(crate) group_id: String,
    pub(crate) request_topic: String,
}

impl Spans {
    /// The turn of a record has come that is found there.
    pub(crate) fn processing(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
        partition: i32,
        offset: i64,
    ) -> Option<Span> {
        if !self.traces.are_on() {
            return None;
        }
        self.traces.begin(SpanKind::Consumer, &extract(headers), None, || {
            // Found in a request by the same rule as in its reply.
            let id = reply_correlation(key, value, headers);
            let mut attributes = self.attributes(PROCESS, &self.request_topic, partition, id);
            attributes.push(KeyValue::new(CONSUMER_GROUP, self.group_id.clone()));
            attributes.push(KeyValue::new(OFFSET, offset));
            (format!("{PROCESS} {}", self.request_topic), attributes)
        })
    }

    /// A reply is queued for this topic and partition. From here on its headers name this span, if somebody records it.
    pub(crate) fn sending(
        &self,
        processing: Option<&Span>,
        reply: &mut Record,
        topic: &str,
        partition: i32,
    ) -> Option<Span> {
        let parent = processing?.context();
        let span = self.traces.begin(SpanKind::Producer, parent, None, || {
            let id = reply_correlation(reply.key.as_deref(), reply.value.as_deref(), &reply.headers);
            (format!("{SEND} {topic}"), self.attributes(SEND, topic, partition, id))
        })?;
        inject(span.context(), &mut reply.headers);
        Some(span)
    }

    fn attributes(
        &self,
        operation: &'static str,
        topic: &str,
        partition: i32,
        id: Option<CorrelationKey<'_>>,
    ) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new(MESSAGING_SYSTEM, KAFKA),
            KeyValue::new(OPERATION_NAME, operation),
            KeyValue::new(OPERATION_TYPE, operation),
            KeyValue::new(DESTINATION, topic.to_owned()),
            KeyValue::new(PARTITION, partition.to_string()),
            KeyValue::new(CLIENT_ID, self.client_id.clone()),
        ];
        attributes.extend(id.map(|id| KeyValue::new(CONVERSATION, id.to_text().into_owned())));
        attributes
    }
}

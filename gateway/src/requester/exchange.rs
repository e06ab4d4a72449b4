//! The exchange of one request for its reply.

use std::time::Duration;

use kafka::Record;
use kafka::writer::Writer;
use protocol::header::{Deadline, Headers};
use protocol::request::{add_request_headers, encode_request};
use protocol::{CorrelationId, IdText, Parting, Pending};
use serde::Serialize;
use service::traces::SpanContext;
use tokio::time::{Instant, timeout_at};

use super::named::ReplyAddress;
use super::origin::Trail;
use super::outbox::{Outbox, Outcome, Ticket};
use super::registration::register;
use super::workers::nobody_there;
use super::{Answer, Failure, Inner, NoWorker, Origin, RequestError, Requester};

/// A request that was handed over, and waits for its reply. Dropping it ends the request.
#[must_use = "dropping it ends the request"]
pub struct Waiting<'a> {
    inner: &'a Inner,
    pending: Pending<Outcome>,
    deadline: Instant,
    /// The span that those of the request are children of; none where traces are off. Boxed, since the futures of a crowd
    /// should be small.
    parent: Option<Box<SpanContext>>,
}

impl Requester {
    /// Sends `payload`, a JSON object, to whoever does `operation`, and waits at most `time_to_live` for the reply.
    ///
    /// # Errors
    /// [`RequestError`] says what is known of the request; only an [`Answer`] says that it was executed.
    pub async fn request(
        &self,
        operation: &str,
        payload: &impl Serialize,
        time_to_live: Duration,
    ) -> Result<Answer, RequestError> {
        let deadline = Instant::now() + time_to_live;
        self.send(operation, payload, deadline, Origin::default())?.reply().await
    }

    /// Hands a request over, for somebody who says where it comes from. Nobody ends it at `deadline` but [`Waiting::reply`]:
    /// await that, or drop it.
    ///
    /// # Errors
    /// As [`request`](Self::request) has them, of what is known at once.
    pub fn send(
        &self,
        operation: &str,
        payload: &impl Serialize,
        deadline: Instant,
        origin: Origin,
    ) -> Result<Waiting<'_>, RequestError> {
        let (inner, now) = (&*self.inner, Instant::now());
        let writer = inner.way_out(now.into_std()).map_err(RequestError::unnamed)?;
        let (pending, address) = register(&inner.registry, &inner.named).map_err(RequestError::unnamed)?;
        let id = pending.id();
        let text = id.as_text();
        let failed = |failure| RequestError::about(id, failure);
        let time_to_live = deadline.saturating_duration_since(now);
        let value = encode_request(&text, operation, payload).map_err(|e| failed(Failure::Unencodable(e)))?;
        let (parent, mut headers) = (inner.spans.parent(&origin), origin.headers);
        let sending = inner.spans.sending(id, parent.as_ref(), &mut headers);
        let trail = Trail::of(&headers, sending);
        let record = inner.record(&text, value, address, time_to_live, headers);
        writer.push(record, Ticket { id, trail }).map_err(|_| failed(Failure::Overloaded))?;
        Ok(Waiting { inner, pending, deadline, parent: parent.map(Box::new) })
    }
}

impl<'a> Waiting<'a> {
    /// Waits for the reply.
    ///
    /// # Errors
    /// As [`Requester::request`] has them, of what shows later.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an async fn has its arguments twice, as given and as used"
    )]
    pub fn reply(mut self) -> impl Future<Output = Result<Answer, RequestError>> + use<'a> {
        async move {
            let id = self.pending.id();
            let ended = match timeout_at(self.deadline, self.pending.outcome()).await {
                Ok(outcome) => Ok((outcome, self.pending.departed())),
                Err(_) => match self.pending.give_up() {
                    Parting::Ended(outcome) => Ok((outcome, true)),
                    Parting::Departed => Err(Failure::OutcomeUnknown),
                    Parting::NeverSent => Err(Failure::KafkaUnavailable),
                },
            };
            ended
                .and_then(|(outcome, departed)| {
                    self.inner.judge(id, outcome, departed, self.parent.as_deref())
                })
                .map_err(|failure| RequestError::about(id, failure))
        }
    }
}

impl Inner {
    /// What the outcome of a request means to whoever waited for it.
    fn judge(
        &self,
        id: CorrelationId,
        outcome: Outcome,
        departed: bool,
        parent: Option<&SpanContext>,
    ) -> Result<Answer, Failure> {
        match outcome {
            Outcome::Replied(reply) => {
                let mut processing = self.spans.processing(id, parent, &reply);
                let answer = Answer::read(id, &id.as_text(), reply.record);
                if let (Some(span), Err(Failure::BadReply(reason))) = (&mut processing, &answer) {
                    span.fail("bad_reply", reason.clone());
                }
                answer
            }
            Outcome::TooLarge => Err(Failure::TooLarge),
            Outcome::Refused => Err(Failure::Refused),
            // Not executed for certain only if its record was never handed to Kafka.
            Outcome::Stopped if departed => Err(Failure::OutcomeUnknown),
            Outcome::Stopped => Err(Failure::ShuttingDown),
        }
    }

    /// The writer, once the topics are there.
    pub(super) fn writer(&self) -> Option<&Writer<Outbox>> {
        self.sink.writer.get()
    }

    /// The writer for a new request, or why it would be hopeless.
    fn way_out(&self, now: std::time::Instant) -> Result<&Writer<Outbox>, Failure> {
        let writer = self.writer().filter(|writer| writer.is_connected());
        let writer = writer.ok_or(Failure::KafkaUnavailable)?;
        if let (NoWorker::Group { grace }, Some(watch)) = (self.config.no_worker, self.watch.get())
            && nobody_there(watch.latest(), &self.sink.last_reply, grace, now)
        {
            return Err(Failure::NoWorkers);
        }
        Ok(writer)
    }

    fn record(
        &self,
        id: &IdText,
        value: Vec<u8>,
        address: ReplyAddress,
        time_to_live: Duration,
        mut headers: Headers,
    ) -> Record {
        let now = self.config.clock.now();
        let deadline = Deadline::after(u64::try_from(now.timestamp_millis()).unwrap_or(0), time_to_live);
        // Ours last: whatever a caller adds, the reply has to come back here.
        add_request_headers(&mut headers, id, &self.config.response_topic, address.partition, &deadline);
        Record { key: Some(id.as_bytes().to_vec()), value: Some(value), headers, timestamp: now }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, OnceLock};

    use kafka::Kafka;
    use protocol::{CorrelationId, Registry, Tag};

    use super::super::RequesterConfig;
    use super::super::listener::Sink;
    use super::super::named::Named;
    use super::super::spans::Spans;
    use super::*;

    #[test]
    fn a_caller_cannot_redirect_the_reply() {
        let config = RequesterConfig::default();
        let kafka = Kafka::new(kafka::Config {
            brokers: vec!["localhost:1".into()],
            client_id: "test".into(),
            timeout: Duration::from_secs(1),
            security: kafka::Security::default(),
        });
        let inner = Inner {
            registry: Registry::new(Tag::random(), 1),
            sink: Arc::new(Sink::new(Registry::new(Tag::random(), 1), false)),
            spans: Spans::new(&config, "test"),
            named: Arc::new(Named::new(config.routing)),
            watch: OnceLock::new(),
            died: OnceLock::new(),
            is_ending: AtomicBool::new(false),
            kafka,
            config,
        };
        let id = CorrelationId::random(Tag::random());
        let theirs = Headers::from([
            (protocol::header::REPLY_TOPIC.to_owned(), b"elsewhere".to_vec()),
            (protocol::header::TRACEPARENT.to_owned(), b"00-1-2-01".to_vec()),
        ]);
        let address = ReplyAddress { partition: Some(1) };
        let record = inner.record(&id.as_text(), Vec::new(), address, Duration::from_secs(1), theirs);
        assert_eq!(record.headers[protocol::header::REPLY_TOPIC], b"hash_responses");
        assert_eq!(record.headers[protocol::header::TRACEPARENT], b"00-1-2-01");
        assert_eq!(record.headers[protocol::header::CORRELATION_ID], id.as_text().as_bytes());
    }
}
